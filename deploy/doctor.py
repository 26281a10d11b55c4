"""`./winnow doctor`: what this machine has, what it lacks, and how to get it."""

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from active_learning.domain.errors import WinnowError
from deploy import mongodb
from deploy.processes import port_is_free, port_user

PORTS = (8000, 8001)
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
APT = "sudo apt-get install -y --no-install-recommends"
DISK_GB = 3
MEMORY_GB = 4
PROBE_SECONDS = 60

TORCH_PROBE = (
    "import torch; gpu = torch.cuda.is_available();"
    "print(torch.__version__, 'with ' + torch.cuda.get_device_name(0) if gpu else 'on the processor')"
)
RAY_PROBE = "import ray; print(ray.__version__)"


class Status(StrEnum):
    """What a check found. Only ``missing`` keeps Winnow from running."""

    OK = "ok"
    NOTE = "note"
    MISSING = "missing"


@dataclass(frozen=True)
class Finding:
    """One line of the table: what was looked at, how it stands, what was found, what to do about it."""

    what: str
    status: Status
    found: str
    remedy: str = ""


_COLORS = {Status.OK: "green", Status.NOTE: "yellow", Status.MISSING: "red"}


def run(console: Console, data: Path = Path("winnow-data")) -> int:
    """Print the findings for this machine and the data directory; return 1 when something needed is missing, else 0."""
    with console.status("Looking at this machine"):
        findings = examine(data, os.environ)
    table = Table("", "", "found", "what to do", box=None, pad_edge=False)
    for finding in findings:
        color = _COLORS[finding.status]
        table.add_row(finding.what, f"[{color}]{finding.status}[/]", escape(finding.found), escape(finding.remedy))
    console.print(table)
    missing = [finding.what for finding in findings if finding.status is Status.MISSING]
    if missing:
        console.print(f"[red]Missing: {', '.join(missing)}.[/]")
        return 1
    console.print("[green]Winnow can run here.[/]")
    return 0


def examine(data: Path, env: Mapping[str, str]) -> list[Finding]:
    """Return all findings. ``env`` is asked for WINNOW_MONGOD and WINNOW_MONGODB_URI."""
    uri = env.get("WINNOW_MONGODB_URI")
    return [
        _python(),
        _virtual_environment(),
        _processors(),
        _memory(),
        _disk(data),
        _writable(data),
        _remote_mongodb(uri) if uri else _mongod(env.get("WINNOW_MONGOD")),
        *([] if uri else [_libcurl()]),
        _probe("torch", TORCH_PROBE),
        _probe("Ray", RAY_PROBE),
        *(_port(port) for port in PORTS),
        _browser(),
        _fonts(),
    ]


def _python() -> Finding:
    return Finding("Python", Status.OK, f"{platform.python_version()} on {platform.platform(terse=True)}")


def _virtual_environment() -> Finding:
    own = Path(__file__).resolve().parent.parent / ".venv"
    if Path(sys.prefix) == own:
        return Finding("Environment", Status.OK, str(own))
    return Finding("Environment", Status.NOTE, sys.prefix, "./winnow makes and uses one of its own, in .venv")


def _processors() -> Finding:
    count = os.cpu_count() or 1
    remedy = "" if count > 1 else "works, slowly: web, workers and training share one"
    return Finding("Processors", Status.OK if count > 1 else Status.NOTE, str(count), remedy)


def _memory() -> Finding:
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    remedy = "" if total >= MEMORY_GB else f"MongoDB, Ray and torch together want {MEMORY_GB} GB"
    return Finding("Memory", Status.OK if total >= MEMORY_GB else Status.NOTE, f"{total:.1f} GB", remedy)


def _disk(data: Path) -> Finding:
    free = shutil.disk_usage(_nearest(data)).free
    if free < mongodb.LOWEST_FREE_BYTES:
        return Finding("Disk", Status.MISSING, f"{free / 1e9:.1f} GB free", "free some space, or use --data elsewhere")
    remedy = "" if free >= DISK_GB * 1e9 else "enough for a demo, not for many images"
    return Finding("Disk", Status.OK if not remedy else Status.NOTE, f"{free / 1e9:.1f} GB free", remedy)


def _writable(data: Path) -> Finding:
    place = _nearest(data)
    if place.is_dir() and os.access(place, os.W_OK | os.X_OK):
        return Finding("Data directory", Status.OK, str(data.absolute()))
    return Finding("Data directory", Status.MISSING, f"{place} cannot be written to", "use --data elsewhere")


def _nearest(path: Path) -> Path:
    """Return ``path`` or, while it does not exist, the nearest folder above it that does."""
    return next(place for place in (path.absolute(), *path.absolute().parents) if place.exists())


def _remote_mongodb(uri: str) -> Finding:
    try:
        return Finding("MongoDB", Status.OK, mongodb.describe(uri))
    except WinnowError as error:
        return Finding("MongoDB", Status.MISSING, error.message, error.hint)


def _mongod(chosen: str | None) -> Finding:
    try:
        program = mongodb.find_mongod(chosen)
        return Finding("MongoDB", Status.OK, f"{mongodb.version(program)} ({program})")
    except WinnowError as error:
        return Finding("MongoDB", Status.MISSING, error.message, error.hint)


def _libcurl() -> Finding:
    if mongodb.has_libcurl():
        return Finding("libcurl", Status.OK, "found")
    return Finding("libcurl", Status.MISSING, "MongoDB's server needs it", f"{APT} libcurl4")


def _probe(what: str, code: str) -> Finding:
    """Run a line of Python in a process of its own: a library that fails to load must not take the doctor along."""
    try:
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, timeout=PROBE_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return Finding(what, Status.MISSING, f"does not load within {PROBE_SECONDS} s", "look at the machine's load")
    if done.returncode == 0:
        return Finding(what, Status.OK, done.stdout.strip())
    last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
    return Finding(what, Status.MISSING, last, "delete .venv and start ./winnow again")


def _port(port: int) -> Finding:
    if port_is_free(port):
        return Finding(f"Port {port}", Status.OK, "free")
    return Finding(f"Port {port}", Status.NOTE, f"in use by {port_user(port)}", "stop it, or choose others: --port")


def _browser() -> Finding:
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found:
        return Finding("Chromium", Status.OK, found)
    remedy = f"only for testing the pages: {APT} chromium fonts-dejavu-core libatomic1"
    return Finding("Chromium", Status.NOTE, "not found", remedy)


def _fonts() -> Finding:
    folders = (Path("/usr/share/fonts"), Path("/usr/local/share/fonts"), Path("/System/Library/Fonts"))
    if any(next(folder.rglob("*.[to]t[fc]"), None) for folder in folders):
        return Finding("Fonts", Status.OK, "found")
    return Finding("Fonts", Status.NOTE, "none", f"only for testing the pages: {APT} fonts-dejavu-core")
