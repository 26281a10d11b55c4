"""The real command as a process of its own: started, watched, killed as a whole, its processes found."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from tests.turk.served import free_port

ROOT = Path(__file__).resolve().parents[2]

T = TypeVar("T")
Ports = tuple[int, int]
"""Of the pages and of the marketplace: a second start needs the same, because posted HITs hold the address."""


def wait_for(look: Callable[[], T | None], seconds: float, what: str) -> T:
    """Look again and again until there is something; fails after ``seconds``."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds:.0f} s"
        time.sleep(0.01)


def free_ports() -> Ports:
    """Two ports that nobody listens on."""
    return free_port(), free_port()


def environment(**changes: str) -> dict[str, str]:
    """This process's environment without any setting of Winnow's, but with ``changes``."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("WINNOW_", "RAY_ADDRESS"))}
    return {**kept, **changes}


def winnow(*arguments: object, env: Mapping[str, str], seconds: float = 60) -> "subprocess.CompletedProcess[str]":
    """Run a command of the command line to its end."""
    command = [sys.executable, "-m", "deploy.cli", *map(str, arguments)]
    return subprocess.run(
        command, cwd=ROOT, env=environment(**env), capture_output=True, text=True, timeout=seconds, check=False
    )


def descendants(pid: int) -> list[int]:
    """The processes below ``pid``, parents before their children."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            fields = stat.read_text().rpartition(")")[2].split()
            children.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found = [pid]
    for parent in found:
        found += children.get(parent, [])
    return found[1:]


def command_line(pid: int) -> str:
    """What a process was started with; empty when it has ended."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    return ""


class Demo:
    """A running ``./winnow demo --once``. Leaving the block kills whatever is left of it."""

    def __init__(self, folder: Path, data: Path, ports: Ports, *options: object, env: Mapping[str, str] | None) -> None:
        self.data = data
        self.json = folder / "report.json"
        self.json.unlink(missing_ok=True)
        self._log = folder / "demo.log"
        addresses = ("--port", ports[0], "--market-port", ports[1])
        words = ("demo", "--once", "--json", self.json, "--data", data, *addresses, *options)
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "deploy.cli", *map(str, words)],
                cwd=ROOT,
                env=environment(**(env or {})),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def __enter__(self) -> "Demo":
        return self

    def __exit__(self, *_: object) -> None:
        self.kill_all()

    @property
    def said(self) -> str:
        """Everything that it has printed, and the ends of its children's logs."""
        logs = [self._log, *sorted((self.data / "logs").glob("*.log"))]
        return "\n".join(f"{log.name}:\n{log.read_text(errors='replace')[-3_000:]}" for log in logs)

    def child(self, *words: str) -> int | None:
        """The process directly below the demo whose command line has all these words."""
        below = descendants(self.process.pid)
        return next((pid for pid in below if all(word in command_line(pid) for word in words)), None)

    def running(self) -> bool:
        """Whether it has not ended; fails when it ended with an error."""
        code = self.process.poll()
        assert code in (None, 0), self.said
        return code is None

    def kill(self, *words: str) -> int:
        """kill -9 the child with these words; returns its process id."""
        pid = wait_for(lambda: self.child(*words), 30, f"a process with {words}")
        os.kill(pid, signal.SIGKILL)
        return pid

    def kill_all(self) -> None:
        """kill -9 the demo with everything below it, all at once, and wait until all of it is gone."""
        family = [*descendants(self.process.pid), self.process.pid] if self.process.poll() is None else []
        for pid in family:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait(30)
        wait_for(lambda: not any(map(_alive, family)), 30, "the end of all processes")

    def end(self, seconds: float) -> int:
        """Wait for it; returns the exit code."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running after {seconds:.0f} s\n{self.said}") from None

    def report(self) -> dict[str, Any]:
        """The report that it wrote."""
        found: dict[str, Any] = json.loads(self.json.read_text())
        return found


def _alive(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


@contextlib.contextmanager
def demo(
    folder: Path, data: Path, *options: object, ports: Ports | None = None, env: Mapping[str, str] | None = None
) -> Iterator[Demo]:
    """A demo for the time of a block, at free ports unless told."""
    with Demo(folder, data, ports or free_ports(), *options, env=env) as running:
        yield running
