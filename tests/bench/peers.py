"""Peers that cannot live in Winnow's own environment: each has a virtual environment of its own, made when needed."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".winnow" / "peers"

BASE = str(Path(sys.base_prefix) / "bin" / "python3")
"""Winnow's own environment has no pip; the Python that it was made with has one."""


def environment(*requirements: str) -> Path:
    """The Python of an environment with these pinned requirements, such as ``img2dataset==1.47.0``.

    Raises ``RuntimeError`` with pip's words when they cannot be installed.
    """
    name = "-".join(one.partition("==")[0] for one in requirements)
    home = FOLDER / name
    python, stamp = home / "bin" / "python", home / "installed"
    wanted = "\n".join(requirements)
    if stamp.is_file() and stamp.read_text() == wanted:
        return python
    home.parent.mkdir(parents=True, exist_ok=True)
    _run(sys.executable, "-m", "venv", "--without-pip", "--clear", str(home))
    _run(BASE, "-m", "pip", "--python", str(python), "install", "--quiet", *requirements)
    stamp.write_text(wanted)
    return python


def _run(*argv: str) -> None:
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(argv)}: {done.stdout[-2_000:]}")
