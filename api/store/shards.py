"""Key ranges of the pool. Image ids are sha256 digests, so equal ranges of ids hold about equally many images.

They are cut by arithmetic, from a kept counter alone: nobody reads the pool to divide it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, log2
from typing import Any

DIGEST_BITS = 256
DIGITS = DIGEST_BITS // 4
END = "~"
"""Sorts after every hexadecimal digit."""


@dataclass(frozen=True, order=True)
class Shard:
    """Range ``index`` of the ``2 ** bits`` equal ranges of image ids; both ends belong to it.

    The first range is open below and the last one above, so that together they hold every id that there can be.
    """

    bits: int
    index: int

    @property
    def first(self) -> str:
        """Its smallest id."""
        return f"{self.index << (DIGEST_BITS - self.bits):0{DIGITS}x}" if self.index else ""

    @property
    def last(self) -> str:
        """Its largest id."""
        following = self.index + 1
        if following == 1 << self.bits:
            return END
        return f"{(following << (DIGEST_BITS - self.bits)) - 1:0{DIGITS}x}"

    def keys(self, prefix: str) -> Mapping[str, Any]:
        """The condition on documents whose ``_id`` is ``<prefix>:<image>``."""
        return {"$gte": f"{prefix}:{self.first}", "$lte": f"{prefix}:{self.last}"}


def divide(total: int, size: int) -> list[Shard]:
    """Return so many ranges that each holds about ``size / 2`` to ``size`` of ``total`` images."""
    return all_of(max(0, ceil(log2(max(1, total) / size))))


def all_of(bits: int) -> list[Shard]:
    """Return the ``2 ** bits`` ranges, in order."""
    return [Shard(bits, index) for index in range(1 << bits)]
