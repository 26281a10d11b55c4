"""The faster engine: libcurl through pycurl, driven by the event loop. Needs the extra ``curl``."""

import asyncio
import re
import selectors
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pycurl

from scraper.fetch.guard import ForbiddenAddress, Guard, Url
from scraper.fetch.names import Resolve
from scraper.fetch.polite import ACCEPT
from scraper.fetch.protocol import FetchLimits
from scraper.fetch.receive import DRAIN_S, DRAINED, Reception
from scraper.outcomes import Outcome, Refused

KEPT_CONNECTIONS = 256
LONGEST_HEAD = 128 * 1024

# libcurl's words for what it waits for; CSELECT_IN and CSELECT_OUT are EVENT_READ and EVENT_WRITE
_EVENTS = {
    pycurl.POLL_IN: selectors.EVENT_READ,
    pycurl.POLL_OUT: selectors.EVENT_WRITE,
    pycurl.POLL_INOUT: selectors.EVENT_READ | selectors.EVENT_WRITE,
}

_PLAIN = ["Accept-Encoding: identity", f"Accept: {ACCEPT}"]

_STATUS_LINE = re.compile(rb"HTTP/[\d.]+ +(\d{3})")

_OUTCOMES = {
    pycurl.E_URL_MALFORMAT: Outcome.BAD_URL,
    pycurl.E_COULDNT_RESOLVE_HOST: Outcome.NO_ADDRESS,
    pycurl.E_COULDNT_CONNECT: Outcome.NO_CONNECTION,
    pycurl.E_OPERATION_TIMEDOUT: Outcome.NO_CONNECTION,  # only connecting has a time of its own
    pycurl.E_SSL_CONNECT_ERROR: Outcome.TLS,
    pycurl.E_SSL_CERTPROBLEM: Outcome.TLS,
    pycurl.E_SSL_CIPHER: Outcome.TLS,
    pycurl.E_PEER_FAILED_VERIFICATION: Outcome.TLS,
    pycurl.E_SSL_CACERT_BADFILE: Outcome.TLS,
    pycurl.E_SSL_ISSUER_ERROR: Outcome.TLS,
    pycurl.E_SSL_INVALIDCERTSTATUS: Outcome.TLS,
}


class CurlTransport:
    """See :class:`scraper.fetch.polite.Transport`. Made inside the running event loop.

    ``ca_file`` holds the authorities to trust instead of the system's.
    """

    def __init__(self, limits: FetchLimits, guard: Guard, resolve: Resolve, ca_file: Path | None = None) -> None:
        self._limits = limits
        self._guard = guard
        self._resolve = resolve
        self._ca_file = ca_file
        self._loop = asyncio.get_running_loop()
        # one descriptor for the loop, which costs less than adding every socket to the loop for every request
        self._sockets = selectors.DefaultSelector()
        self._loop.add_reader(self._sockets.fileno(), self._act_on_sockets)
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._watch)
        self._multi.setopt(pycurl.M_TIMERFUNCTION, self._set_timer)
        self._multi.setopt(pycurl.M_MAXCONNECTS, KEPT_CONNECTIONS)
        self._timer: asyncio.Handle | None = None
        self._watched: set[int] = set()
        self._idle: list[_Transfer] = []

    async def get(self, url: Url, headers: Mapping[str, str], reception: Reception) -> None:
        """See :class:`scraper.fetch.polite.Transport`."""
        fixed = await self._fix(url)
        transfer = self._idle.pop() if self._idle else _Transfer(self._curl(), self._guard, self._loop)
        transfer.prepare(url, headers, reception, fixed)
        self._multi.add_handle(transfer.curl)
        try:
            await transfer.done
        finally:
            self._multi.remove_handle(transfer.curl)
            transfer.clear()
            self._idle.append(transfer)
        transfer.conclude(reception)

    async def close(self) -> None:
        """See :class:`scraper.fetch.polite.Transport`."""
        for transfer in self._idle:
            transfer.curl.close()
        self._multi.close()
        if self._timer is not None:
            self._timer.cancel()
        self._loop.remove_reader(self._sockets.fileno())
        self._sockets.close()

    def _curl(self) -> Any:
        curl = pycurl.Curl()
        options: dict[int, Any] = {
            pycurl.USERAGENT: self._limits.user_agent,
            pycurl.PROTOCOLS: pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS,
            pycurl.FOLLOWLOCATION: 0,
            pycurl.HTTP_VERSION: pycurl.CURL_HTTP_VERSION_1_1,
            pycurl.HTTP_CONTENT_DECODING: 0,
            pycurl.PATH_AS_IS: 1,
            pycurl.PROXY: "",  # a proxy would open the sockets itself
            pycurl.CONNECTTIMEOUT_MS: int(self._limits.connect * 1_000),
            pycurl.BUFFERSIZE: 64 * 1024,
            pycurl.NOSIGNAL: 1,
        }
        for option, value in options.items():
            curl.setopt(option, value)
        system = ssl.get_default_verify_paths()
        if self._ca_file or system.cafile:
            curl.setopt(pycurl.CAINFO, str(self._ca_file or system.cafile))
        elif system.capath:
            curl.setopt(pycurl.CAPATH, system.capath)
        return curl

    async def _fix(self, url: Url) -> list[str]:
        """What libcurl is told to use instead of its own resolver, which asks for addresses of no use here as well."""
        name, _, port = url.host.rpartition(":")
        if name.startswith("[") or name.replace(".", "").isdigit():
            return []
        try:
            addresses = await self._resolve(name)
        except OSError as error:
            raise Refused(Outcome.NO_ADDRESS, str(error)) from error
        listed = ",".join(f"[{address}]" if ":" in address else address for address in addresses)
        return [f"+{name}:{port}:{listed}"]

    def _watch(self, what: int, descriptor: int, *_: object) -> None:
        """Called by libcurl: what it waits for at a socket."""
        if what == pycurl.POLL_REMOVE:
            if descriptor in self._watched:
                self._watched.discard(descriptor)
                self._sockets.unregister(descriptor)
        elif descriptor in self._watched:
            self._sockets.modify(descriptor, _EVENTS[what])
        else:
            self._watched.add(descriptor)
            self._sockets.register(descriptor, _EVENTS[what])

    def _set_timer(self, milliseconds: int) -> None:
        """Called by libcurl: when it wants to be called at the latest; negative: never."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if milliseconds == 0:
            self._timer = self._loop.call_soon(self._act_on_time)
        elif milliseconds > 0:
            self._timer = self._loop.call_later(milliseconds / 1_000, self._act_on_time)

    def _act_on_time(self) -> None:
        self._timer = None
        self._multi.socket_action(pycurl.SOCKET_TIMEOUT, 0)
        self._finish_all()

    def _act_on_sockets(self) -> None:
        for key, ready in self._sockets.select(0):
            self._multi.socket_action(key.fd, ready)
        self._finish_all()

    def _finish_all(self) -> None:
        """Finish what has ended."""
        while True:
            left, ended, failed = self._multi.info_read()
            for curl in ended:
                curl.transfer.finish(0, "")
            for curl, code, message in failed:
                curl.transfer.finish(code, message)
            if not left:
                return


class _Transfer:
    """One easy handle of libcurl, used for one request after the other."""

    def __init__(self, curl: Any, guard: Guard, loop: asyncio.AbstractEventLoop) -> None:
        self.curl = curl
        self.done: asyncio.Future[None] = loop.create_future()
        self._guard = guard
        self._loop = loop
        self._reception: Reception | None = None
        self._lines: list[bytes] = []
        self._head_bytes = 0
        self._wanted: bool | None = None
        self._drained = 0
        self._drain: asyncio.TimerHandle | None = None
        self._failure: Refused | None = None
        self._enough = False
        self._forbidden = ""
        self._headers: list[str] = []
        curl.transfer = self
        curl.setopt(pycurl.HEADERFUNCTION, self._take_line)
        curl.setopt(pycurl.WRITEFUNCTION, self._take_body)
        curl.setopt(pycurl.OPENSOCKETFUNCTION, self._open)

    def prepare(self, url: Url, headers: Mapping[str, str], reception: Reception, fixed: list[str]) -> None:
        """Set the handle up for a request; ``fixed`` are addresses in libcurl's notation."""
        self.done = self._loop.create_future()
        self._reception = reception
        self._lines.clear()
        self._head_bytes = self._drained = 0
        self._wanted = self._failure = self._drain = None
        self._enough = False
        self._forbidden = ""
        self.curl.setopt(pycurl.URL, url.text)
        lines = _PLAIN
        if headers:
            accept = {"accept": ACCEPT} | {name.lower(): value for name, value in headers.items()}
            lines = [_PLAIN[0], *(f"{name}: {value}" for name, value in accept.items())]
        if lines is not self._headers:
            self._headers = lines
            self.curl.setopt(pycurl.HTTPHEADER, lines)
        if fixed:
            self.curl.setopt(pycurl.RESOLVE, fixed)

    def clear(self) -> None:
        """The request is over: nothing more goes to its reception."""
        self._reception = None
        if self._drain is not None:
            self._drain.cancel()

    def finish(self, code: int, message: str) -> None:
        """Called when libcurl is done with the request."""
        if self.done.done():
            return
        if code and self._failure is None and self._wanted is not False and not self._enough:
            outcome = _OUTCOMES.get(code, Outcome.BROKEN_ANSWER)
            if self._forbidden and outcome is Outcome.NO_CONNECTION:
                outcome, message = Outcome.FORBIDDEN_ADDRESS, f"{ForbiddenAddress.MARK} {self._forbidden}"
            self._failure = Refused(outcome, message[:200])
        self.done.set_result(None)

    def conclude(self, reception: Reception) -> None:
        """Give the reception its end, or raise what has gone wrong."""
        if self._failure is not None:
            raise self._failure
        if self._wanted is None:
            raise Refused(Outcome.BROKEN_ANSWER, "no head")
        if self._wanted:
            reception.end()

    def _open(self, _: int, address: Any) -> Any:
        """Called by libcurl for every socket, IP literals and redirects included."""
        family, kind, protocol, name = address
        try:
            return self._guard.open(family, kind, protocol, name)
        except ForbiddenAddress:
            self._forbidden = str(name[0])
        except OSError:
            self._forbidden = ""
        return pycurl.SOCKET_BAD

    def _take_line(self, line: bytes) -> int | None:
        """Called by libcurl with every line of the head, and with trailers."""
        if self._wanted is not None:
            return None
        self._head_bytes += len(line)
        if self._head_bytes > LONGEST_HEAD:
            self._failure = Refused(Outcome.BROKEN_ANSWER, "a head without end")
            return -1
        if line not in {b"\r\n", b"\n"}:
            self._lines.append(line)
            return None
        return self._take_head()

    def _take_head(self) -> int | None:
        assert self._reception is not None
        lines, self._lines = self._lines, []
        first = _STATUS_LINE.match(lines[0]) if lines else None
        status = int(first[1]) if first else 0
        if status < 200:
            return None  # a preliminary answer
        fields = []
        for line in b"".join(lines[1:]).decode("latin-1").split("\n")[:-1]:
            name, _, value = line.partition(":")
            fields.append((name.lower(), value.strip()))
        try:
            self._wanted = self._reception.head(status, fields)
        except Refused as refused:
            self._failure = refused
            return -1
        if not self._wanted:
            self._drain = self._loop.call_later(DRAIN_S, self.finish, 0, "")
        return None

    def _take_body(self, data: bytes) -> int | None:
        """Called by libcurl with every piece of the body."""
        reception = self._reception
        if reception is None:
            return 0
        if not self._wanted:
            self._drained += len(data)
            return None if self._drained <= DRAINED else 0
        waiting = reception.waiting
        if waiting is not None and not waiting.done():
            waiting.add_done_callback(self._go_on)
            return int(pycurl.WRITEFUNC_PAUSE)
        try:
            if reception.add(data):
                return None
        except Refused as refused:
            self._failure = refused
            return 0
        self._enough = True
        return 0

    def _go_on(self, granted: asyncio.Future[None]) -> None:
        """There is room again for a body that had to wait."""
        if granted.cancelled() or self._reception is None or self.done.done():
            return
        try:
            self.curl.pause(pycurl.PAUSE_CONT)
        except pycurl.error as error:
            self.finish(error.args[0], str(error.args[-1]))
