"""Bodies on their way in: bounded each by itself and all together, decoded while they come."""

import asyncio
import zlib
from collections import deque
from collections.abc import Callable, Iterator

from scraper.fetch.answers import Fields
from scraper.outcomes import Outcome, Refused

STEP = 1024 * 1024
"""Bytes that a body of unknown length asks for at a time."""

DRAINED = 16 * 1024
"""A body that nobody wants is read up to so many bytes, so that its connection can be used again,"""
DRAIN_S = 0.25
"""and for so long."""

_ZLIB = 15
_WINDOWS = {"gzip": 16 + _ZLIB, "x-gzip": 16 + _ZLIB, "deflate": _ZLIB}
_DEFLATED = 8
"""How a zlib header begins; some servers leave it out."""


Wanted = Callable[[int, dict[str, str], Fields], bool]
"""Says of a status, the header fields by name and as they came whether the body is read; raises ``Refused``."""


class Share:
    """What one body may hold of the memory for all: ``bytes``, or as much as one body may have."""

    __slots__ = ("bytes", "large")

    def __init__(self) -> None:
        self.bytes = 0
        self.large = False


class Memory:
    """The memory for all bodies that are being received: ``total`` bytes, of which ``largest`` are kept for one body.

    Whoever finds no room waits, first come first served. The kept part goes to the first who waits: that body can end,
    whatever it grows to, so bodies that wait for each other cannot stop everything.
    """

    def __init__(self, total: int, largest: int) -> None:
        self.room = max(total - largest, 0)
        self._large = True
        self._waiting: deque[tuple[Share, int, asyncio.Future[None]]] = deque()

    def extend(self, share: Share, size: int) -> asyncio.Future[None] | None:
        """Give ``share`` ``size`` bytes more: at once (``None``), or when the future is done."""
        if share.large:
            return None
        if size <= self.room and not self._waiting:
            self._grant(share, size)
            return None
        granted = asyncio.get_running_loop().create_future()
        self._waiting.append((share, size, granted))
        self._admit()
        return None if granted.done() else granted

    def give_back(self, share: Share) -> None:
        """The body is complete, or nobody wants it any more."""
        self._take_back(share)
        self._admit()

    def _grant(self, share: Share, size: int) -> None:
        self.room -= size
        share.bytes += size

    def _take_back(self, share: Share) -> None:
        self.room += share.bytes
        share.bytes = 0
        if share.large:
            share.large, self._large = False, True

    def _admit(self) -> None:
        while self._waiting:
            share, size, granted = self._waiting[0]
            if not granted.done():
                if size <= self.room:
                    self._grant(share, size)
                elif self._large:
                    self._take_back(share)
                    share.large, self._large = True, False
                else:
                    return
                granted.set_result(None)
            self._waiting.popleft()


class Reception:
    """One answer while it comes in. A transport calls ``head`` once, ``add`` for every piece, and ``end``.

    At most ``max_bytes`` of the body are read: more raise TOO_BIG, or are left out where ``cut``. While ``waiting`` is
    a future that is not done the transport reads nothing more. Of a repeated header field ``headers`` has the last.
    """

    __slots__ = (
        *("_chunks", "_cut", "_decoder", "_max", "_memory", "_share", "_size", "_wanted", "_window"),
        *("body", "headers", "status", "waiting"),
    )

    def __init__(self, memory: Memory, max_bytes: int, wanted: Wanted, cut: bool = False) -> None:
        self._memory = memory
        self._max = max_bytes
        self._wanted = wanted
        self._cut = cut
        self._share = Share()
        self._chunks: list[bytes] = []
        self._size = 0
        self._window = 0
        self._decoder: zlib._Decompress | None = None
        self.waiting: asyncio.Future[None] | None = None
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body = b""

    def head(self, status: int, fields: Fields) -> bool:
        """Take the head of the answer; says whether the body is wanted. Raises ``Refused``."""
        self.status, self.headers = status, dict(fields)
        headers = self.headers
        if not self._wanted(status, headers, fields):
            return False
        length = headers.get("content-length", "")
        size = int(length) if length.isascii() and length.isdigit() else None
        if size is not None and size > self._max and not self._cut:
            raise _too_big(f"{size:,} bytes", self._max)
        encoding = headers.get("content-encoding", "identity").strip().lower()
        if encoding not in {"identity", ""}:
            if encoding not in _WINDOWS:
                raise Refused(Outcome.BROKEN_ANSWER, f"encoded as {encoding[:40]}")
            self._window = _WINDOWS[encoding]
            size = self._max  # whatever it unfolds to
        elif size is None:
            size = STEP
        self.waiting = self._memory.extend(self._share, min(size, self._max))
        return True

    def add(self, data: bytes) -> bool:
        """Take a piece of the body; false where nothing more is needed. Raises ``Refused``."""
        for piece in self._decode(data) if self._window else (data,):
            self._size += len(piece)
            self._chunks.append(piece)
            if self._size > self._max:
                if self._cut:
                    return False
                raise _too_big("more", self._max)
        if self._size > self._share.bytes and not self._share.large:
            self.waiting = self._memory.extend(self._share, STEP)
        return True

    def _decode(self, data: bytes) -> Iterator[bytes]:
        """Unfold a piece step by step, so that a bomb is noticed before it has grown."""
        if self._decoder is None and data:
            bare = self._window == _ZLIB and data[0] & 0x0F != _DEFLATED
            self._decoder = zlib.decompressobj(-_ZLIB if bare else self._window)
        try:
            while data and self._decoder is not None:
                yield self._decoder.decompress(data, STEP)
                data = self._decoder.unconsumed_tail
        except zlib.error as error:
            raise Refused(Outcome.BROKEN_ANSWER, str(error)) from None

    def end(self) -> None:
        """The answer has come to its end: ``body`` is there. Raises ``Refused``."""
        if self._decoder is not None and not self._decoder.eof and self._size <= self._max:
            raise Refused(Outcome.BROKEN_ANSWER, "the encoding ends too early")
        self.body = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        if self._cut:
            self.body = self.body[: self._max]

    def close(self) -> None:
        """Give the memory back."""
        if self.waiting is not None:
            self.waiting.cancel()
        self._chunks.clear()
        self._memory.give_back(self._share)


def _too_big(found: str, limit: int) -> Refused:
    return Refused(Outcome.TOO_BIG, f"{found} where {limit:,} are accepted")
