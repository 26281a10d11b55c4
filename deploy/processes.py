"""Winnow's processes: started in order, watched, restarted when they die, stopped in reverse order."""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from http.client import HTTPException
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

from active_learning.domain.errors import InputError, WinnowError

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None

_OPENER = build_opener(ProxyHandler({}))
"""A proxy from the environment has no business between two processes of one machine."""


def _die_with(parent: int) -> None:
    """Ask the kernel, in a child between fork and exec, for SIGTERM when the parent ends in whatever way (Linux).

    The kernel means the parent's *thread*: start children from one that lives as long as they should.
    """
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != parent:  # it ended before the kernel was asked
            os._exit(1)


def spawn(argv: list[str], env: Mapping[str, str], log_path: Path) -> subprocess.Popen[bytes]:
    """Start ``argv`` with ``env`` on top of this process's environment and its output appended to ``log_path``.

    The child leads its own process group, so that Ctrl-C reaches the parent alone, which then stops the children in
    order; it ends with its parent even when that is killed.
    """
    log_path.parent.mkdir(parents=True, exist_ok=True)
    with log_path.open("ab") as log:
        return subprocess.Popen(
            argv,
            env={**os.environ, **env},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            # takes no lock, so a thread that holds one at the fork does no harm
            preexec_fn=partial(_die_with, os.getpid()),  # noqa: PLW1509
        )


def stop(process: subprocess.Popen[bytes], seconds: float = 15) -> None:
    """End a process: SIGTERM, and SIGKILL when it has not gone after ``seconds``."""
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def log_tail(log_path: Path, lines: int = 8) -> str:
    """Return the last lines of a log file; empty when there is none."""
    if not log_path.is_file():
        return ""
    with log_path.open("rb") as log:
        log.seek(max(0, log_path.stat().st_size - 16_384))
        text = log.read().decode(errors="replace")
    return "\n".join(text.splitlines()[-lines:])


def free_port() -> int:
    """Return a port of 127.0.0.1 that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def port_is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Return whether a server could listen on ``port`` now."""
    with socket.socket() as probe:
        # as servers do: a port whose last connections are only waiting to be forgotten counts as free
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def check_port_free(port: int, command: str = "serve", host: str = "127.0.0.1", option: str = "--port") -> None:
    """Raise InputError when ``port`` is taken, saying by which program and how ``./winnow command`` takes another."""
    if not port_is_free(port, host):
        raise InputError(
            f"Port {port} is in use by {port_user(port)}.",
            f"Stop it or choose another: ./winnow {command} {option} {port + 10}",
        )


def port_user(port: int) -> str:
    """Return the program that listens on ``port`` as "name (process id)", as far as /proc tells this user."""
    inodes = _listening_inodes(port)
    for fd in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if str(fd.readlink()) in inodes:
                process = fd.parent.parent
                return f"{(process / 'comm').read_text().strip()} (process {process.name})"
        except OSError:  # another user's, or gone while looking
            continue
    return "another program"


def _listening_inodes(port: int) -> frozenset[str]:
    """Return the names that /proc/<pid>/fd links have for the sockets listening on ``port``."""
    found = set()
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        lines = table.read_text().splitlines()[1:] if table.is_file() else []
        for fields in map(str.split, lines):
            if fields[3] == "0A" and int(fields[1].rpartition(":")[2], 16) == port:
                found.add(f"socket:[{fields[9]}]")
    return frozenset(found)


@dataclass(frozen=True)
class Child:
    """One process to keep running. ``env`` is added to the environment; ``health_url`` answers 2xx when it is up."""

    name: str
    argv: tuple[str, ...]
    log_path: Path
    env: Mapping[str, str] = field(default_factory=dict)
    health_url: str | None = None


@dataclass
class _Running:
    child: Child
    process: subprocess.Popen[bytes]
    deaths: list[float] = field(default_factory=list)
    restart_at: float | None = None


class Supervisor:
    """Keeps children running, used from one thread: ``start`` each, ``poll`` twice a second, ``stop`` at the end.

    A child that ends by itself is started again after 0.5, 1, 2, 4 s; the ``limit``-th death within ``window`` seconds
    is an error. ``say`` gets one line for each of these events.
    """

    def __init__(self, say: Callable[[str], None], limit: int = 5, window: float = 60) -> None:
        self._say = say
        self._limit = limit
        self._window = window
        self._running: dict[str, _Running] = {}

    def __enter__(self) -> "Supervisor":
        """Return itself; leaving the block stops all children."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop all children."""
        self.stop()

    def start(self, child: Child, seconds: float = 60) -> None:
        """Start a child and wait until it answers at its health URL.

        Raises WinnowError with the end of its log when it ends first, or does not answer within ``seconds``.
        """
        process = spawn(list(child.argv), child.env, child.log_path)
        self._running[child.name] = _Running(child, process)
        deadline = time.monotonic() + seconds
        while child.health_url is not None and not _answers(child.health_url):
            if process.poll() is not None:
                raise _failed(child, f"{child.name} ended while starting ({_how(process.returncode)})")
            if time.monotonic() > deadline:
                raise _failed(child, f"{child.name} does not answer at {child.health_url} after {seconds:.0f} s")
            time.sleep(0.1)

    def pid(self, name: str) -> int:
        """Return the process id that the child of this name has now."""
        return self._running[name].process.pid

    def poll(self) -> None:
        """Start again what has died and waited long enough; returns at once. Raises WinnowError past the limit."""
        now = time.monotonic()
        for running in self._running.values():
            if running.restart_at is not None:
                if now >= running.restart_at:
                    child = running.child
                    running.process = spawn(list(child.argv), child.env, child.log_path)
                    running.restart_at = None
                    self._say(f"{child.name} runs again (process {running.process.pid})")
            elif running.process.poll() is not None:
                self._note_death(running, now)

    def stop(self, seconds: float = 15) -> None:
        """Stop all children, the last started first, each with ``seconds`` to end by itself."""
        while self._running:
            _, running = self._running.popitem()
            stop(running.process, seconds)

    def _note_death(self, running: _Running, now: float) -> None:
        child, how = running.child, _how(running.process.returncode)
        running.deaths = [*(death for death in running.deaths if now - death < self._window), now]
        if len(running.deaths) >= self._limit:
            raise _failed(child, f"{child.name} ended {len(running.deaths)} times within {self._window:.0f} s ({how})")
        wait = 0.5 * 2 ** (len(running.deaths) - 1)
        running.restart_at = now + wait
        self._say(f"{child.name} ended unexpectedly ({how}); starting it again in {wait:g} s")


def _answers(url: str) -> bool:
    try:
        with _OPENER.open(url, timeout=2) as answer:
            return bool(answer.status < 300)
    except (OSError, HTTPException):
        return False


def _how(returncode: int) -> str:
    """Return an exit code in words: "exit code 1" or "killed by SIGKILL"."""
    return f"killed by {signal.Signals(-returncode).name}" if returncode < 0 else f"exit code {returncode}"


def _failed(child: Child, message: str) -> WinnowError:
    tail = log_tail(child.log_path)
    return WinnowError(
        f"{message}. Its last words:\n{tail}" if tail else f"{message}.", f"All of them: {child.log_path}"
    )
