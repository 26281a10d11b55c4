"""The real web process on the real MongoDB, for researchers' and admins' pages in a real Chromium."""

import asyncio
import threading
from collections.abc import Coroutine
from contextlib import AsyncExitStack, ExitStack
from typing import Any, TypeVar

from playwright.sync_api import Page

from active_learning.domain.access import UserRole
from api.app import create_app
from api.operations.context import Clock, Winnow, open_winnow, utc_now
from tests import factories
from tests.jobs.serving import Served
from tests.turk.served import free_port

Result = TypeVar("Result")


class Office:
    """An empty installation. Operations run in a thread: synchronous Playwright keeps an event loop in the test's.

    ``changes`` are settings that are not as usual. The tests of a process share a database, which is emptied.
    """

    def __init__(self, uri: str, exits: ExitStack, clock: Clock = utc_now, **changes: object) -> None:
        port = free_port()
        self.web = f"http://127.0.0.1:{port}"
        self.settings = factories.settings(uri, "winnow_ui", public_url=self.web, **changes)
        self._loop = asyncio.new_event_loop()
        thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        thread.start()
        exits.callback(thread.join, 10)
        exits.callback(self._loop.call_soon_threadsafe, self._loop.stop)
        self._open = AsyncExitStack()
        self.w: Winnow = self.do(self._open.enter_async_context(open_winnow(self.settings)))
        exits.callback(lambda: self.do(self._open.aclose()))
        self.do(factories.emptied(self.w))
        self.server = Served(lambda: create_app(self.settings, clock), port)
        exits.callback(self.server.stop)

    def do(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Run one operation to its end."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    def sign_in(self, page: Page, role: UserRole = UserRole.ADMIN) -> None:
        """Let the browser in as somebody of this role."""
        (name, value), *_ = self.do(factories.cookie(self.w, role)).items()
        page.context.add_cookies([{"name": name, "value": value, "url": self.web}])
