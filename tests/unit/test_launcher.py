"""The launcher's decisions: when to install, when to start over, which pip will do."""

from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType

import pytest

LAUNCHER = Path(__file__).resolve().parents[2] / "winnow"


@pytest.fixture(scope="module")
def launcher() -> ModuleType:
    loader = SourceFileLoader("winnow_launcher", str(LAUNCHER))
    spec = spec_from_loader(loader.name, loader)
    assert spec is not None
    module = module_from_spec(spec)
    loader.exec_module(module)
    return module


def test_the_stamp_changes_with_the_dependencies_and_the_folder(launcher: ModuleType) -> None:
    stamps = {
        launcher.stamp_of(pyproject, constraints, root)
        for pyproject, constraints, root in [
            (b"a", b"b", "/winnow"),
            (b"A", b"b", "/winnow"),
            (b"a", b"B", "/winnow"),
            (b"a", b"b", "/moved"),
            (b"ab", b"", "/winnow"),
        ]
    }
    assert len(stamps) == 5
    assert launcher.stamp_of(b"a", b"b", "/winnow") == launcher.stamp_of(b"a", b"b", "/winnow")


@pytest.mark.parametrize(
    ("recorded", "python_exists", "step"),
    [
        ("wanted", True, "run"),
        ("wanted", False, "rebuild"),  # the Python that .venv was made with has gone
        ("older", True, "install"),
        (None, False, "install"),  # a first start
        (None, True, "install"),  # pip failed the last time
        ("unfinished", True, "rebuild"),  # cut off in the middle
        ("unfinished", False, "rebuild"),
    ],
)
def test_the_next_step(launcher: ModuleType, recorded: str | None, python_exists: bool, step: str) -> None:
    assert launcher.step_for(recorded, "wanted", python_exists) == step


@pytest.mark.parametrize(
    ("text", "version", "new_enough"),
    [
        ("pip 23.0.1 from /usr/lib/python3/dist-packages/pip (python 3.11)", (23, 0, 1), True),
        ("pip 22.3 from /x", (22, 3), True),
        ("pip 22.2.2 from /x", (22, 2, 2), False),
        ("pip 26.1.dev0 from /x", (26, 1), True),
        ("", (), False),
        ("No module named pip", (), False),
    ],
)
def test_pips_version(launcher: ModuleType, text: str, version: tuple[int, ...], new_enough: bool) -> None:
    assert launcher.pip_version(text) == version
    assert (version >= launcher.PIP_THAT_KNOWS_PYTHON_OPTION) is new_enough


def test_it_installs_once_for_every_change(
    launcher: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pyproject.toml").write_text("one")
    (tmp_path / "constraints.txt").write_text("two")
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    monkeypatch.setattr(launcher, "ROOT", tmp_path)
    monkeypatch.setattr(launcher, "STAMP", tmp_path / ".venv" / "winnow-stamp")
    monkeypatch.setattr(launcher, "PYTHON", tmp_path / ".venv" / "bin" / "python")
    monkeypatch.setattr(launcher, "LOCK", tmp_path / ".winnow" / "install.lock")
    installs: list[bool] = []

    def install(wanted: str, rebuild: bool) -> None:
        installs.append(rebuild)
        launcher.PYTHON.touch()
        launcher.STAMP.write_text(wanted)

    monkeypatch.setattr(launcher, "install", install)
    launcher.ensure_installed()
    launcher.ensure_installed()
    (tmp_path / "constraints.txt").write_text("three")
    launcher.ensure_installed()
    launcher.PYTHON.unlink()
    launcher.ensure_installed()
    assert installs == [False, False, True]
