"""Near-duplicates, found exactly: all pairs or the first match within a Hamming distance, or by embedding.

The index is multi-index hashing (Norouzi, Punjani & Fleet, Fast Search in Hamming Space with Multi-Index Hashing, 2012)
with the radii of the general pigeonhole principle (Qin et al., GPH: Similarity Search in Hamming Space, 2018): the 64
bits are cut into substrings, and two hashes within distance r differ in at least one substring i by no more than its
r_i, when the r_i + 1 add up to r + 1. So a table for each substring, asked for all values within r_i, finds every match
among a few candidates, and the candidates are checked.

Everywhere hashes are an array [N], or [N, 2] with the fine hashes of :mod:`scraper.hashes` beside them: then two images
are near when their fine hashes confirm it. Of one index, all have them or none.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations, pairwise

import numpy as np
from numpy.typing import NDArray

from scraper.hashes import BITS

Hashes = NDArray[np.uint64]
Places = NDArray[np.int64]

TAIL = 8192
"""Hashes that are compared one by one before they get tables: for a batch of 64 that costs 10 us each."""

AT_ONCE = 1 << 20
"""Candidates held in memory at a time, unless a single hash has more."""

_BLOCK = 256
"""Hashes that are asked for at a time, and compared with each other."""

FINE = 18
"""Bits in which the fine hashes of near-duplicates differ at most, or twice the radius and 2 where that is more."""

NOWHERE = np.iinfo(np.int64).max

_CHECKED, _ASKED = 8.0, 80.0
"""Nanoseconds that a candidate and a value asked for take in a join: by these the number of substrings is chosen."""


@dataclass(frozen=True, slots=True)
class _Part:
    """A substring of the hashes: where it lies, and the changes of up to r_i bits that are to be asked for."""

    shift: int
    bits: int
    changes: NDArray[np.uint32]

    def keys(self, hashes: Hashes) -> NDArray[np.uint32]:
        return ((hashes >> np.uint64(self.shift)) & np.uint64((1 << self.bits) - 1)).astype(np.uint32)


@lru_cache
def _parts(radius: int, count: int) -> tuple[_Part, ...]:
    """Cut 64 bits into ``count`` substrings whose r_i add up to ``radius - count + 1``, the short ones first."""
    cuts = [BITS * number // count for number in range(count + 1)]
    spare = radius - count + 1
    parts = []
    for number, (start, end) in enumerate(pairwise(cuts)):
        most = (spare + count - 1 - number) // count
        if most < 0:
            continue  # the others' r_i suffice
        flips = [sum(1 << bit for bit in some) for k in range(most + 1) for some in combinations(range(end - start), k)]
        parts.append(_Part(start, end - start, np.array(flips, dtype=np.uint32)))
    return tuple(parts)


class _Table:
    """For each value of a substring the places of the hashes that have it, in order."""

    def __init__(self, part: _Part, hashes: Hashes) -> None:
        keys = part.keys(hashes)
        narrow = keys.astype(np.uint16) if part.bits <= 16 else keys
        self.part = part
        self.places = np.argsort(narrow, kind="stable").astype(np.uint32)
        self.starts = np.zeros((1 << part.bits) + 1, dtype=np.uint32)
        np.cumsum(np.bincount(keys, minlength=1 << part.bits), out=self.starts[1:])

    def candidates(self, hashes: Hashes) -> Iterator[tuple[Places, Places]]:
        """Yield (number of the hash asked for, place of the candidate) for some of ``hashes`` at a time."""
        keys = self.part.keys(hashes)[:, None] ^ self.part.changes
        starts = self.starts[keys].astype(np.int64)
        counts = self.starts[keys + 1] - starts
        for first, last in _slices(counts.sum(axis=1), AT_ONCE):
            run = counts[first:last].ravel()
            asked = np.repeat(np.arange(first, last), counts[first:last].sum(axis=1))
            yield asked, self.places[_ranges(starts[first:last].ravel(), run)].astype(np.int64)


class _Level:
    """Tables over a run of the stored hashes: those from place ``first`` on."""

    COUNT = 4

    def __init__(self, stored: Hashes, first: int, radius: int) -> None:
        self.first, self.end, self._radius = first, len(stored), radius
        self._tables = [_Table(part, stored[first:, 0]) for part in _parts(radius, self.COUNT)]

    def first_within(self, stored: Hashes, hashes: Hashes) -> Places:
        """The first place within the radius of each hash, ``NOWHERE`` where there is none."""
        found = np.full(len(hashes), NOWHERE)
        run = stored[self.first : self.end]
        for table in self._tables:
            for asked, places in table.candidates(hashes[:, 0]):
                near = np.flatnonzero(np.bitwise_count(run[places, 0] ^ hashes[asked, 0]) <= self._radius)
                near = near[_confirmed(run[places[near], 1], hashes[asked[near], 1], self._radius)]
                np.minimum.at(found, asked[near], places[near] + self.first)
        return found


class NearIndex:
    """Perceptual hashes in the order in which they came, and what is within ``radius`` (Hamming) of what.

    It takes about 80 bytes a hash: 16 of its own, 16 of tables, 32 of the image's name, and room to grow. Tables are
    built for 8192 hashes and more at a time, and again when as many have come behind them: less than a microsecond a
    hash. Asking takes some 70 microseconds among a million hashes, where radius is 8.
    """

    def __init__(self, radius: int) -> None:
        if not 0 <= radius <= BITS // 4:
            raise ValueError(f"A radius of {radius} bits says little of hashes of {BITS}; at most {BITS // 4}.")
        self.radius = radius
        self._hashes = np.empty((1024, 2), dtype=np.uint64)
        self._images = np.empty(1024, dtype="V32")
        self._size = 0
        self._levels: list[_Level] = []

    def __len__(self) -> int:
        """How many hashes are stored."""
        return self._size

    def extend(self, hashes: Hashes, ids: Sequence[str]) -> None:
        """Add hashes [N] or [N, 2] of the images ``ids`` [N] (sha256 in hexadecimal) as they are, undecided."""
        if len(hashes) != len(ids):
            raise ValueError(f"{len(hashes)} hashes for {len(ids)} images.")
        end = self._size + len(hashes)
        if end > len(self._hashes):
            room = max(end, len(self._hashes) * 3 // 2)
            self._hashes = np.concatenate([self._hashes[: self._size], np.empty((room - self._size, 2), np.uint64)])
            self._images = np.concatenate([self._images[: self._size], np.empty(room - self._size, "V32")])
        self._hashes[self._size : end] = _both(hashes)
        self._images[self._size : end] = np.frombuffer(bytes.fromhex("".join(ids)), dtype="V32")
        self._size = end
        if end - self._levelled >= TAIL:
            self._build()

    def since(self, start: int) -> set[str]:
        """The images given from number ``start`` on."""
        return {image.hex() for image in self._images[start : self._size].tolist()}

    def within(self, hashes: Hashes) -> list[str | None]:
        """The image whose hash was stored first among those within the radius of each [N]; ``None``: there is none."""
        batch = _both(hashes)
        places = [
            place for at in range(0, len(batch), _BLOCK) for place in self._first(batch[at : at + _BLOCK]).tolist()
        ]
        return [None if place == NOWHERE else self._images[place].tobytes().hex() for place in places]

    def decide(self, hashes: Hashes, ids: Sequence[str]) -> list[str | None]:
        """Which earlier image each image of a batch is a near-duplicate of; ``None`` for those to be kept.

        As if they came one by one: each is compared with everything stored, and with the images before it in the batch
        that are kept; the first match is the answer. Nothing is stored.
        """
        batch = _both(hashes)
        answers = self.within(batch)
        kept = NearIndex(self.radius) if len(batch) > _BLOCK else None
        for start in range(0, len(batch), _BLOCK):
            block = slice(start, min(start + _BLOCK, len(batch)))
            if kept is not None and len(kept):
                earlier = kept.within(batch[block])
                answers[block] = [one or other for one, other in zip(answers[block], earlier, strict=True)]
            self._decide_block(batch[block], ids[block], answers, start)
            if kept is not None:
                fresh = [place for place in range(block.start, block.stop) if answers[place] is None]
                kept.extend(batch[fresh], [ids[place] for place in fresh])
        return answers

    def _decide_block(self, hashes: Hashes, ids: Sequence[str], answers: list[str | None], start: int) -> None:
        """Compare the images of a block with each other; ``answers[start:]`` holds what is known of them."""
        one, fine = hashes.T
        near = np.bitwise_count(one[:, None] ^ one) <= self.radius
        near &= _confirmed(fine[:, None], fine, self.radius)
        for later in np.flatnonzero(np.tril(near, -1).any(axis=1)).tolist():
            if answers[start + later] is None:
                earlier = (one for one in np.flatnonzero(near[later, :later]).tolist() if answers[start + one] is None)
                answers[start + later] = next((ids[one] for one in earlier), None)

    @property
    def _levelled(self) -> int:
        return self._levels[-1].end if self._levels else 0

    def _build(self) -> None:
        """Make tables for the tail, together with the runs before it that are not much longer."""
        first = self._levelled
        while self._levels and self._levels[-1].end - self._levels[-1].first < 2 * (self._size - first):
            first = self._levels.pop().first
        self._levels.append(_Level(self._hashes[: self._size], first, self.radius))

    def _first(self, hashes: Hashes) -> Places:
        """The first place within the radius of each hash, ``NOWHERE`` where there is none."""
        found = np.full(len(hashes), NOWHERE)
        for level in self._levels:
            missing = np.flatnonzero(found == NOWHERE)
            found[missing] = level.first_within(self._hashes, hashes[missing])
        tail = self._hashes[self._levelled : self._size]
        if len(tail):
            for number in np.flatnonzero(found == NOWHERE).tolist():
                near = np.flatnonzero(np.bitwise_count(tail[:, 0] ^ hashes[number, 0]) <= self.radius)
                near = near[_confirmed(tail[near, 1], hashes[number, 1], self.radius)]
                if len(near):
                    found[number] = self._levelled + near[0]
        return found


def pairs(hashes: Hashes, radius: int) -> NDArray[np.int64]:
    """All pairs (i < j) of hashes [N] or [N, 2] that are near within ``radius``, sorted, as an array [M, 2].

    Exact. A million hashes take seconds as long as most of them differ; a million equal ones are 5 x 10^11 pairs.
    """
    values, fine = np.ascontiguousarray(_both(hashes).T)
    found = [np.empty((0, 2), dtype=np.int64)]
    for part in _parts(radius, _best_count(len(values), radius)):
        found += _pairs_of(values, part, radius)
    every = np.concatenate(found)
    every = every[_confirmed(fine[every[:, 0]], fine[every[:, 1]], radius)]
    every.sort(axis=1)
    return np.unique(every, axis=0)


def _pairs_of(values: Hashes, part: _Part, radius: int) -> Iterator[NDArray[np.int64]]:
    """Yield the pairs that differ by no more than r_i in one substring, each once: from the smaller value of it."""
    keys = part.keys(values)
    order = np.argsort(keys, kind="stable")
    sorted_values = values[order]
    starts = np.zeros((1 << part.bits) + 1, dtype=np.int64)
    np.cumsum(np.bincount(keys, minlength=1 << part.bits), out=starts[1:])
    counts = np.diff(starts)
    here = np.flatnonzero(counts)
    for change in part.changes.tolist():
        there = here ^ change
        use = (counts[there] > 0) & (there >= here)
        one, other = here[use], there[use]
        members = np.repeat(np.arange(len(one)), counts[one])
        left = _ranges(starts[one], counts[one])
        # within one value, each hash is paired with those behind it
        first = left + 1 if change == 0 else starts[other][members]
        run = starts[other + 1][members] - first
        for begin, end in _slices(run, AT_ONCE):
            lefts = np.repeat(left[begin:end], run[begin:end])
            rights = _ranges(first[begin:end], run[begin:end])
            near = np.bitwise_count(sorted_values[lefts] ^ sorted_values[rights]) <= radius
            if near.any():
                yield np.stack([order[lefts[near]], order[rights[near]]], axis=1)


def _best_count(size: int, radius: int) -> int:
    """The number of substrings that makes joining so many hashes cheapest, were they random."""

    def cost(count: int) -> float:
        return sum(len(part.changes) * (_ASKED + _CHECKED * size / (1 << part.bits)) for part in _parts(radius, count))

    return min((count for count in range(3, 9) if count <= radius + 1), key=cost, default=3)


def _both(hashes: Hashes) -> Hashes:
    """Hashes [N, 2]; where there are no fine ones, zeros, which confirm everything."""
    given = np.asarray(hashes, dtype=np.uint64)
    return given if given.ndim == 2 else np.stack([given, np.zeros_like(given)], axis=1)


def _confirmed(one: Hashes | np.uint64, other: Hashes | np.uint64, radius: int) -> NDArray[np.bool_]:
    """Whether fine hashes are as near as those of near-duplicates are."""
    return np.asarray(np.bitwise_count(one ^ other) <= max(FINE, 2 * radius + 2))


def _ranges(starts: NDArray[np.int64], lengths: NDArray[np.int64]) -> Places:
    """The numbers starts[i], ..., starts[i] + lengths[i] - 1 of all i, one after the other."""
    ends = np.cumsum(lengths)
    total = int(ends[-1]) if len(ends) else 0
    return np.arange(total) + np.repeat(starts - ends + lengths, lengths)


def _slices(costs: NDArray[np.int64], most: int) -> Iterator[tuple[int, int]]:
    """Cut 0..N into runs whose costs add up to at most ``most``, or that are one long."""
    ends = np.cumsum(costs)
    first = 0
    while first < len(costs):
        spent = ends[first - 1] if first else 0
        last = max(first + 1, int(np.searchsorted(ends, spent + most, side="right")))
        yield first, last
        first = last
