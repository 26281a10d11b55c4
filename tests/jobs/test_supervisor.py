"""Keeping processes running, with real ones."""

import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest

from active_learning.domain.errors import InputError, WinnowError
from deploy.processes import Child, Supervisor, check_port_free, free_port, port_user

STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def supervisor(said: list[str]) -> Iterator[Supervisor]:
    with Supervisor(said.append, limit=3) as running:
        yield running


def web(folder: Path, port: int) -> Child:
    argv = (sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1", "--directory", str(folder))
    return Child("web", argv, folder / "web.log", health_url=f"http://127.0.0.1:{port}/")


def script(name: str, code: str, folder: Path) -> Child:
    return Child(name, (sys.executable, "-c", code), folder / f"{name}.log", {"WORD": "passed on"})


def wait_for(condition: Callable[[], bool], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def is_written(file: Path, text: str) -> bool:
    return file.read_text() == text


def is_up(child: Child) -> bool:
    try:
        return httpx.get(str(child.health_url)).is_success
    except httpx.HTTPError:
        return False


def test_a_killed_child_answers_again(supervisor: Supervisor, said: list[str], tmp_path: Path) -> None:
    child = web(tmp_path, free_port())
    supervisor.start(child)
    assert is_up(child)
    before = supervisor.pid("web")
    os.kill(before, signal.SIGKILL)

    def back() -> bool:
        supervisor.poll()
        return supervisor.pid("web") != before and is_up(child)

    wait_for(back)
    assert said[0] == "web ended unexpectedly (killed by SIGKILL); starting it again in 0.5 s"
    supervisor.stop()
    assert not is_up(child)


def test_a_child_that_ends_while_starting_tells_why(supervisor: Supervisor, tmp_path: Path) -> None:
    child = script("broken", "import os, sys; sys.exit('no such thing, ' + os.environ['WORD'])", tmp_path)
    asking = Child(child.name, child.argv, child.log_path, child.env, health_url=f"http://127.0.0.1:{free_port()}/")
    with pytest.raises(WinnowError, match="ended while starting \\(exit code 1\\)") as error:
        supervisor.start(asking)
    assert "no such thing, passed on" in error.value.message
    assert str(child.log_path) in error.value.hint


def test_a_child_that_never_answers_is_given_up(supervisor: Supervisor, tmp_path: Path) -> None:
    silent = Child("mute", (sys.executable, "-c", STUBBORN), tmp_path / "mute.log", health_url="http://127.0.0.1:9/")
    with pytest.raises(WinnowError, match="mute does not answer"):
        supervisor.start(silent, seconds=0.5)
    supervisor.stop(seconds=0.2)


def test_a_child_that_keeps_dying_is_given_up(supervisor: Supervisor, said: list[str], tmp_path: Path) -> None:
    supervisor.start(script("dying", "raise SystemExit(7)", tmp_path))

    def poll_for_ever() -> bool:
        supervisor.poll()
        return False

    with pytest.raises(WinnowError, match="dying ended 3 times within 60 s \\(exit code 7\\)"):
        wait_for(poll_for_ever)
    assert len([line for line in said if "starting it again" in line]) == 2


def test_stopping_goes_backwards_and_kills_what_does_not_listen(supervisor: Supervisor, tmp_path: Path) -> None:
    order = "import signal, sys, time, pathlib\nlog = pathlib.Path({!r})\n" + (
        "def end(*_):\n    log.open('a').write({!r})\n    sys.exit()\n"
        "signal.signal(signal.SIGTERM, end); print('up', flush=True); time.sleep(60)"
    )
    for name in ("first", "second"):
        supervisor.start(script(name, order.format(str(tmp_path / "order"), f"{name} "), tmp_path))
    supervisor.start(script("stubborn", STUBBORN, tmp_path))
    for name in ("first", "second", "stubborn"):
        wait_for(partial(is_written, tmp_path / f"{name}.log", "up\n"))
    stubborn = supervisor.pid("stubborn")
    supervisor.stop(seconds=0.5)
    assert (tmp_path / "order").read_text() == "second first "
    assert not Path(f"/proc/{stubborn}").exists()


def test_a_port_in_use_names_its_program_and_the_way_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InputError) as error:
            check_port_free(port)
        assert error.value.message == f"Port {port} is in use by {port_user(port)}."
        assert str(os.getpid()) in error.value.message
        assert error.value.hint == f"Stop it or choose another: ./winnow serve --port {port + 10}"
    check_port_free(port)
