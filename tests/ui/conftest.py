"""Chromium and a server for it. These tests run last: synchronous Playwright keeps an event loop in their process."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import ConsoleMessage, Page, expect

from labeling_ui.render import vega_bundle
from tests.bench.chromium import EXECUTABLE, QUIET
from tests.ui.standin import Standin, serving

HERE = Path(__file__).parent
# Longer than Playwright's 5 s: a busy machine is slow, not wrong.
expect.set_options(timeout=20_000)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Pages last, and skipped with the reason where there is no Chromium."""
    here = [item for item in items if HERE in item.path.parents]
    items[:] = [item for item in items if item not in here] + here
    if EXECUTABLE is None:
        for item in here:
            item.add_marker(pytest.mark.skip(reason="no chromium: apt-get install -y --no-install-recommends chromium"))


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, Any]:
    """The system's Chromium: Playwright's own download is not needed."""
    return {"executable_path": EXECUTABLE, "args": list(QUIET)}


@pytest.fixture(scope="session", autouse=True)
def charts_are_ready() -> None:
    """Making the chart library takes seconds; no test's patience should pay for it."""
    vega_bundle()


@pytest.fixture
def standin() -> Iterator[Standin]:
    """A fresh server."""
    server = Standin()
    with serving(server):
        yield server


@pytest.fixture
def quiet(page: Page) -> Iterator[list[str]]:
    """Whatever the browser complains of: script errors, and everything that the security policy refused."""
    complaints: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        if message.type == "error" and "Failed to load resource" not in message.text:
            complaints.append(message.text)

    page.on("console", listen)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield complaints
    assert complaints == []
