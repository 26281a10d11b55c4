"""The house rules that no linter knows."""

import ast
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("active_learning", "api", "deploy", "labeling_ui", "scraper", "workers")
SHIPPED = (*sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py")), ROOT / "winnow")
TESTS = tuple(sorted((ROOT / "tests").rglob("*.py")))

Function = ast.FunctionDef | ast.AsyncFunctionDef


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=name(path))


def functions(path: Path) -> Iterator[Function]:
    return (node for node in ast.walk(tree(path)) if isinstance(node, Function))


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_are_the_repositorys(package: str) -> None:
    spec = find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    assert Path(spec.origin).is_relative_to(ROOT)


def test_every_package_has_code() -> None:
    assert {name(path).split("/")[0] for path in SHIPPED} == {*PACKAGES, "winnow"}


def test_no_import_inside_a_function() -> None:
    found = [
        f"{name(path)}:{node.lineno}"
        for path in SHIPPED
        for function in functions(path)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert found == []


def test_files_are_under_400_lines() -> None:
    lengths = {name(path): len(path.read_text(encoding="utf-8").splitlines()) for path in (*SHIPPED, *TESTS)}
    assert {file: lines for file, lines in lengths.items() if lines >= 400} == {}


def test_functions_have_at_most_60_lines() -> None:
    found = {
        f"{name(path)}:{function.name}": lines
        for path in (*SHIPPED, *TESTS)
        for function in functions(path)
        if (lines := (function.end_lineno or function.lineno) - function.lineno + 1) > 60
    }
    assert found == {}


def test_nothing_is_called_utils_common_or_helpers() -> None:
    banned = {"util", "utils", "common", "helper", "helpers", "misc"}
    found = [name(path) for path in SHIPPED if banned & {*path.relative_to(ROOT).with_suffix("").parts}]
    assert found == []


def test_every_module_says_what_it_is() -> None:
    silent = [name(path) for path in SHIPPED if len(ast.get_docstring(tree(path)) or "") < 10]
    assert silent == []


@pytest.mark.parametrize("command", ["./winnow demo", "./winnow test"])
def test_the_readme_names_the_two_commands(command: str) -> None:
    assert command in (ROOT / "README.md").read_text(encoding="utf-8")


def test_constraints_pin_versions_that_can_be_had_anywhere() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert len(pins) > 50
    assert [line for line in pins if line.count("==") != 1 or "+" in line or "/" in line] == []
