"""An ASGI app served by uvicorn in a thread of the test process."""

import threading
import time
from collections.abc import Callable
from typing import Any

import uvicorn


class Served:
    """A server that can be killed and started again at the same address."""

    def __init__(self, make_app: Callable[[], Any], port: int) -> None:
        self._make_app = make_app
        self._port = port
        self.url = f"http://127.0.0.1:{port}"
        self.start()

    def start(self) -> None:
        config = uvicorn.Config(self._make_app(), port=self._port, log_level="critical", access_log=False)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        while not self._server.started:
            assert self._thread.is_alive(), "the server did not start"
            time.sleep(0.01)

    def stop(self) -> None:
        """Ends the server without waiting for requests in flight."""
        self._server.should_exit = self._server.force_exit = True
        self._thread.join(10)
        assert not self._thread.is_alive()

    def outage(self, seconds: float) -> None:
        """Ends the server and starts it anew after a while."""
        self.stop()
        time.sleep(seconds)
        self.start()
