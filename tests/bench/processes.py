"""A command that is measured from outside: wall time, CPU time and peak memory of it and all its children."""

import os
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PAGE = os.sysconf("SC_PAGE_SIZE")
SAMPLE_S = 0.05


@dataclass(frozen=True)
class Measured:
    """Seconds of wall and CPU time; ``memory`` samples of the whole tree's resident bytes, every 50 ms."""

    wall: float
    cpu: float
    memory: tuple[int, ...]
    output: str

    @property
    def peak(self) -> float:
        """Peak resident memory in MB."""
        return max(self.memory, default=0) / 1e6


def measure(argv: Sequence[str], env: Mapping[str, str], cwd: Path, timeout: float = 900.0) -> Measured:
    """Run a command to its end; raises ``RuntimeError`` with its output when it fails."""
    before = os.times()
    started = time.monotonic()
    process = subprocess.Popen(
        argv, env=dict(env), cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    samples: list[int] = []
    done = threading.Event()

    def sample() -> None:
        while not done.wait(SAMPLE_S):
            samples.append(_resident(process.pid))

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        output, _ = process.communicate(timeout=timeout)
    finally:
        done.set()
        thread.join()
        process.kill()
    wall, after = time.monotonic() - started, os.times()
    if process.returncode:
        raise RuntimeError(f"{' '.join(argv)}: {output[-3_000:]}")
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return Measured(wall, cpu, tuple(samples), output)


def _resident(root: int) -> int:
    """Resident bytes of a process and its descendants; what they share is counted once for each."""
    parents: dict[int, list[int]] = {}
    resident: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text().rpartition(")")[2].split()
                resident[int(entry.name)] = int((entry / "statm").read_text().split()[1]) * PAGE
                parents.setdefault(int(stat[1]), []).append(int(entry.name))
            except (OSError, IndexError):
                continue  # it has just ended
    total, todo = 0, [root]
    while todo:
        one = todo.pop()
        total += resident.get(one, 0)
        todo += parents.get(one, [])
    return total
