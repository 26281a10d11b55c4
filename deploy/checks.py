"""The checks of the code: `./winnow check` looks at it, `./winnow test` also runs it."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from rich.console import Console

ROOT = Path(__file__).resolve().parent.parent
GROUP_SECONDS = 20 * 60
_NOTHING_COLLECTED = 5


@dataclass(frozen=True)
class Step:
    """One tool of ``check`` and its command line."""

    name: str
    argv: tuple[str, ...]


@dataclass(frozen=True)
class Counts:
    """How many tests passed, failed (errors among them) and were skipped."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        """Add up two runs."""
        return Counts(self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped)

    def __str__(self) -> str:
        """As the last line of a test run says it."""
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


STEPS = (
    Step("ruff", (sys.executable, "-m", "ruff", "check", ".", "winnow")),
    Step("format", (sys.executable, "-m", "ruff", "format", "--check", ".", "winnow")),
    Step("mypy", (sys.executable, "-m", "mypy")),
    Step("mypy launcher", (sys.executable, "-m", "mypy", "--strict", "winnow")),
    Step("imports", (str(Path(sys.executable).with_name("lint-imports")), "--no-logo")),
)

# The quick ones first, what measures times alone. Synchronous Playwright leaves an event loop behind, so no
# asynchronous test can run there any more: the pages have processes of their own.
GROUPS: tuple[tuple[str, ...], ...] = (
    ("tests/unit", "tests/architecture"),
    (
        *("tests/laws", "tests/scraper", "tests/store", "tests/api", "tests/turk"),
        *("tests/jobs", "tests/market", "tests/e2e", "tests/kills"),
    ),
    ("tests/alone",),
    ("tests/ui",),
)

# The order of the files is kept: tests/conftest.py puts the longest first. Three at a time take longer on two cores.
TWO = ("-n", "2", "--dist", "loadfile", "--no-loadscope-reorder")
SHARED = dict.fromkeys(("tests/unit", *GROUPS[1], "tests/ui"), TWO)
"""Paths of which several tests run at a time: they share nothing, and many of them wait."""


def check() -> int:
    """Run lint, format, types and import contracts, all of them; return 0 when all are clean, else 1."""
    console = Console(highlight=False, soft_wrap=True)
    clean = [_run_step(step, console) for step in STEPS]
    return 0 if all(clean) else 1


def test(arguments: Sequence[str] = ()) -> int:
    """Run ``check``, then the tests group by group up to the first red one; return 0 when everything is green, else 1.

    ``arguments`` go to pytest. Paths among them ("tests/laws/test_cuts.py::test_x") choose the tests: then only those
    run, and ``check`` does not. A run without a single test is not green.
    """
    console = Console(highlight=False, soft_wrap=True)
    started = time.monotonic()
    options, groups = split_arguments(arguments)
    if not groups and check() != 0:
        console.print("[red]Not tested:[/] the checks above come first.")
        return 1
    total = Counts()
    green = False
    with tempfile.TemporaryDirectory() as reports:
        for number, group in enumerate(groups or GROUPS):
            code, counts = _run_group(group, options, Path(reports) / f"{number}.xml", console)
            total += counts
            green = code == 0
            if not green:
                break
    green = green and total != Counts()
    console.print(f"[{'green' if green else 'red'}]{total}[/] in {time.monotonic() - started:.0f} s")
    return 0 if green else 1


def split_arguments(arguments: Sequence[str]) -> tuple[list[str], list[tuple[str, ...]]]:
    """Return pytest's options, and the paths among the arguments in the groups that they belong to.

    A path outside the groups, such as a benchmark's, has a process of its own.
    """
    paths = [word for word in arguments if _is_test_path(word)]
    options = [word for word in arguments if word not in paths]
    names = [os.path.normpath(path) for path in paths]
    groups = [tuple(name for name in names if _belongs(name, group)) for group in GROUPS]
    others = [(name,) for name in names if not any(_belongs(name, group) for group in GROUPS)]
    return options, [group for group in [*groups, *others] if group]


def read_counts(report: str) -> Counts:
    """Return the counts of a JUnit XML report as pytest writes it."""
    total = Counts()
    for suite in ElementTree.fromstring(report).iter("testsuite"):
        tests, failed, skipped = int(suite.get("tests", 0)), _failed(suite), int(suite.get("skipped", 0))
        total += Counts(tests - failed - skipped, failed, skipped)
    return total


def _failed(suite: ElementTree.Element) -> int:
    return int(suite.get("failures", 0)) + int(suite.get("errors", 0))


def _is_test_path(word: str) -> bool:
    return os.path.normpath(word).split("/")[0] == "tests" and (ROOT / word.partition("::")[0]).exists()


def _belongs(path: str, group: tuple[str, ...]) -> bool:
    return any(path == folder or path.startswith(f"{folder}/") for folder in group)


def _run_step(step: Step, console: Console) -> bool:
    """Run one tool silently; print its words only when it objects."""
    started = time.monotonic()
    done = subprocess.run(step.argv, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    clean = done.returncode == 0
    console.print(f"{'[green]ok [/]' if clean else '[red]red[/]'} {step.name:<14}{time.monotonic() - started:6.1f} s")
    if not clean:
        console.print(done.stdout, markup=False)
    return clean


def _run_group(group: tuple[str, ...], options: Sequence[str], report: Path, console: Console) -> tuple[int, Counts]:
    """Run one group in a pytest of its own; return (0 or 1, its counts)."""
    present = [path for path in group if _has_tests(ROOT / path.partition("::")[0])]
    name = " ".join(group)
    if not present:
        console.print(f"-- {name}: no tests, skipped")
        return 0, Counts()
    console.print(f"[bold]-- {name}[/]")
    started = time.monotonic()
    how = next((way for path, way in SHARED.items() if _belongs(present[0], (path,))), ())
    command = [sys.executable, "-m", "pytest", "-q", *how, *options, f"--junitxml={report}", *present]
    try:
        code = subprocess.run(command, cwd=ROOT, timeout=GROUP_SECONDS, check=False).returncode
    except subprocess.TimeoutExpired:
        console.print(f"[red]stopped after {GROUP_SECONDS // 60} minutes[/]")
        code = 1
    counts = read_counts(report.read_text(encoding="utf-8")) if report.is_file() else Counts()
    console.print(f"-- {name}: {counts}, {time.monotonic() - started:.0f} s")
    return int(code not in (0, _NOTHING_COLLECTED)), counts


def _has_tests(path: Path) -> bool:
    return path.is_file() or any(path.rglob("test_*.py"))
