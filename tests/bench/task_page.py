"""The task page in a real browser: key down to the next painted image, next to a page that fetches when needed."""

import asyncio
import json
import re
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
from playwright.sync_api import Browser, Page

from deploy.processes import Child, free_port
from tests.bench import chromium, peer, workplace
from tests.bench.chromium import Sitting
from tests.bench.result import Benchmark, Row
from tests.bench.workplace import Workplace
from workers.crowd.pages import files_in

IMAGES = 150
PACE = 0.25
"""Seconds a key: about the fastest that people press keys in turn; looking at an image takes longer."""

AIM_P50, AIM_P95 = 16.0, 50.0
"""Milliseconds: one frame of a 60 Hz screen; half of what people begin to notice."""

LINES = {"loopback": False, "100 ms, 10 Mbit/s": True}
PACES = {"a key each 250 ms": PACE, "keys as fast as images come": 0.0}
VISITS = 6
"""Assignments one after another in one browser, to see how fast the next one begins."""

PEER = "page that fetches when needed"


@dataclass(frozen=True)
class Pair:
    """The same sitting at our page and at the peer's."""

    ours: Sitting
    peer: Sitting


@dataclass(frozen=True)
class Again:
    """First images of the assignments after the first, in milliseconds: the browser has the scripts by then."""

    ours: list[float]
    peer: list[float]


def run() -> Benchmark:
    """Measure and compare."""
    with tempfile.TemporaryDirectory() as folder, workplace.started(Path(folder)) as bare:
        # Lessons wait for the annotator to read what they say: their time is not the page's.
        place = asyncio.run(workplace.furnish(bare, tasks=1, gold=60, lessons=0))
        with chromium.browser() as browser:
            found, again = compare(place, browser)
    measured = [row for (line, pace), pair in found.items() for row in rows(line, pace, pair)]
    return Benchmark(measured + [again_row(line, visits) for line, visits in again.items()])


def compare(place: Workplace, browser: Browser) -> tuple[dict[tuple[str, str], Pair], dict[str, Again]]:
    """Both pages on each line at each pace; the peer serves the pictures of an assignment just like ours."""
    folder = place.data / "pictures"
    folder.mkdir()
    sample = task_url(place, "sample")
    fetch_pictures(sample, place.url, size_used(browser, sample), folder)
    peer_url = start_peer(place, folder)
    found, again = {}, {}
    for line, shaped in LINES.items():
        addresses = [task_url(place, f"L{len(again)}V{number}") for number in range(VISITS)]
        again[line] = Again(
            chromium.first_images(browser, addresses, shaped, begin)[1:],
            chromium.first_images(browser, [peer_url] * VISITS, shaped)[1:],
        )
        for pace, seconds in PACES.items():
            url = task_url(place, f"{len(found)}")
            ours = chromium.sit(browser, url, IMAGES, seconds, shaped, begin=begin)
            found[line, pace] = Pair(ours, chromium.sit(browser, peer_url, IMAGES, seconds, shaped))
    return found, again


def task_url(place: Workplace, name: str) -> str:
    """The address of somebody's own assignment."""
    return f"{place.url}/tasks/{place.tasks[0]}?assignmentId=A{name}&workerId=W{name}"


def begin(page: Page) -> None:
    """From the instructions to the first image, as fast as the page allows."""
    page.locator("#begin:enabled").wait_for()
    page.keyboard.press("Enter")


def size_used(browser: Browser, url: str) -> int:
    """The size of picture that the page asks for in this window."""
    page = browser.new_page(viewport=chromium.VIEWPORT)
    try:
        with page.expect_request(re.compile(r"/assignment/images\?")) as asked:
            page.goto(url)
            begin(page)
        return int(httpx.URL(asked.value.url).params["size"])
    finally:
        page.close()


def fetch_pictures(url: str, base: str, size: int, folder: Path) -> None:
    """Store the pictures of an assignment, byte for byte as the page gets them, for the peer to serve."""
    with httpx.Client(base_url=base, timeout=60, trust_env=False) as http:
        text = http.get(url).raise_for_status().text
        found = re.search(r'id="context">(.*?)</script>', text, re.DOTALL)
        if found is None:
            raise RuntimeError("The task page has no context.")
        headers = {"Authorization": f"Bearer {json.loads(found[1])['token']}"}
        for start in range(0, IMAGES, 10):
            query = {"start": start, "count": 10, "size": size}
            data = http.get("/assignment/images", params=query, headers=headers).raise_for_status().content
            for number, picture in enumerate(files_in(data), start):
                (folder / str(number)).write_bytes(picture)


def start_peer(place: Workplace, pictures: Path) -> str:
    """The peer, by the same server program with the same flags."""
    port = free_port()
    argv = (
        *(sys.executable, "-m", "uvicorn", "tests.bench.peer:factory", "--factory", "--host", "127.0.0.1"),
        *("--port", str(port), "--loop", "uvloop", "--no-access-log"),
    )
    url = f"http://127.0.0.1:{port}/"
    place.supervisor.start(Child("peer", argv, place.data / "peer.log", {peer.FOLDER: str(pictures)}, url))
    return url


def rows(line: str, pace: str, pair: Pair) -> list[Row]:
    """What one pair of sittings says."""
    fast = PACES[pace] == 0.0
    # A key that follows its frame at once waits for a whole next one, and on a thin line for bytes that cannot be there
    # yet: an aim in milliseconds would be one for the screen and the line. The peer's ratio stays.
    aims = (None, None) if fast else (AIM_P50, AIM_P95)
    found = [percentile_row(f"{line}, {pace}", pair, q, aim) for q, aim in zip((50, 95), aims, strict=True)]
    if fast:
        what = f"seconds from the first of {IMAGES} images to the last; {line}, {pace}"
        return [*found, row(f"{line}: all images", what, "s", pair.ours.seconds, pair.peer.seconds, 0.9)]
    ours, theirs = pair.ours, pair.peer
    return [
        *found,
        row(
            f"{line}: first image",
            "navigation to the first image on the screen, instructions passed at once",
            "ms",
            ours.first,
            theirs.first,
            4.0,
        ),
        row(
            f"{line}: page loads",
            "documents loaded in a whole assignment",
            "documents",
            ours.wire.documents,
            theirs.wire.documents,
            1.0,
            limit=1.0,
        ),
        row(
            f"{line}: bytes",
            f"received in a whole assignment of {IMAGES} images",
            "MB",
            ours.wire.received / 1e6,
            theirs.wire.received / 1e6,
            1.25,
        ),
        row(
            f"{line}: requests",
            "sent in a whole assignment, saved answers among them",
            "requests",
            len(ours.wire.requests),
            len(theirs.wire.requests),
            1.5,
        ),
    ]


def again_row(line: str, visits: Again) -> Row:
    """How fast a further assignment begins."""
    what = f"the same in the next assignments, median of {VISITS - 1}: the browser has the scripts"
    ours, theirs = float(np.median(visits.ours)), float(np.median(visits.peer))
    return row(f"{line}: first image, later", what, "ms", ours, theirs, 4.0, runs=visits.ours)


def percentile_row(name: str, pair: Pair, q: int, aim: float | None) -> Row:
    """A percentile of key down to screen; the page's own part of it in words."""
    prepared = f"the page's own part {np.percentile(pair.ours.prepared, q):.1f} ms"
    what = f"key down to the frame with the next image on the screen, p{q} of {IMAGES - 1}; {prepared}"
    at = {"ours": float(np.percentile(pair.ours.painted, q)), "peer": float(np.percentile(pair.peer.painted, q))}
    return row(f"{name}: p{q}", what, "ms", at["ours"], at["peer"], 1.0, aim, pair.ours.painted.tolist())


def row(
    name: str, what: str, unit: str, ours: float, peers: float, goal: float, limit: float | None = None,
    runs: Sequence[float] = (),
) -> Row:  # fmt: skip
    """One row in which less is better."""
    rounded = [round(value, 1) for value in runs] or [round(ours, 2)]
    peer_value = {"name": PEER, "value": round(peers, 2)}
    return Row(name, what, unit, round(ours, 2), peer_value, goal, rounded, less=True, limit=limit)
