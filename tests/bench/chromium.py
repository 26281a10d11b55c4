"""A real browser at a page of images: keys go down, the next image is painted, everything on the wire is counted."""

import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Browser, CDPSession, Page, sync_playwright

OBSERVER = Path(__file__).with_name("observer.js")
EXECUTABLE = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"),
)
VIEWPORT = {"width": 1280, "height": 800}
PATIENCE = 60_000.0
MISSING = 0.1
"""At most this share of frames may go without a time on the screen."""

LINE = {"offline": False, "latency": 100, "downloadThroughput": 10e6 / 8, "uploadThroughput": 10e6 / 8}
"""100 ms round trip and 10 Mbit/s each way, as Chromium's developer tools shape a connection."""


@dataclass
class Wire:
    """What one page asked for (address by the browser's number of it) and got, in bytes as they came over the line."""

    requests: dict[str, str] = field(default_factory=dict)
    documents: int = 0
    received: float = 0.0

    def listen(self, cdp: CDPSession, shaped: bool) -> None:
        """Count from now on."""
        cdp.on("Network.requestWillBeSent", self._sent)
        cdp.on("Network.loadingFinished", self._finished)
        cdp.send("Network.enable")
        if shaped:
            cdp.send("Network.emulateNetworkConditions", LINE)

    def _sent(self, event: dict[str, Any]) -> None:
        url = event["request"]["url"]
        if url.startswith("http"):  # a blob's address leads to this browser's own memory
            self.requests[event["requestId"]] = url
            self.documents += event.get("type") == "Document"

    def _finished(self, event: dict[str, Any]) -> None:
        if event["requestId"] in self.requests:
            self.received += event["encodedDataLength"]


@dataclass(frozen=True)
class Sitting:
    """One annotator through all images of a page.

    ``painted`` are milliseconds from key down to the frame with the next image on the screen; ``prepared`` the same up
    to the moment when the page had done its part of that frame. ``first`` is the time from navigation to the first
    image, ``seconds`` the time from there to the last.
    """

    painted: np.ndarray
    prepared: np.ndarray
    first: float
    seconds: float
    wire: Wire


@contextmanager
def browser() -> Iterator[Browser]:
    """The system's Chromium."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=EXECUTABLE, args=list(QUIET))
        try:
            yield chromium
        finally:
            chromium.close()


def sit(
    chromium: Browser, url: str, images: int, pace: float, shaped: bool, begin: Callable[[Page], None] | None = None
) -> Sitting:
    """Press a key for each image but the last, ``pace`` seconds apart or when the image is there, the later of both."""
    context = chromium.new_context(viewport=VIEWPORT)
    try:
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.add_init_script(path=OBSERVER)
        wire = Wire()
        wire.listen(context.new_cdp_session(page), shaped)
        page.goto(url)
        if begin is not None:
            begin(page)
        page.evaluate("bench.until(1)")
        started = time.perf_counter()
        for count in range(2, images + 1):
            pressed = time.perf_counter()
            page.keyboard.press("j" if count % 3 else "f")
            page.evaluate("(count) => bench.until(count)", count)
            if pace:
                time.sleep(max(0.0, pace - (time.perf_counter() - pressed)))
        seconds = time.perf_counter() - started
        page.wait_for_function("(count) => bench.presented.length >= count", arg=images)
        return _sitting(page.evaluate("bench"), images, seconds, wire)
    finally:
        context.close()


def first_images(
    chromium: Browser, urls: Sequence[str], shaped: bool, begin: Callable[[Page], None] | None = None
) -> list[float]:
    """Milliseconds from navigation to the first image on the screen, page after page in one browser with its cache."""
    context = chromium.new_context(viewport=VIEWPORT)
    try:
        found = []
        for url in urls:
            page = context.new_page()
            page.set_default_timeout(PATIENCE)
            page.add_init_script(path=OBSERVER)
            Wire().listen(context.new_cdp_session(page), shaped)
            page.goto(url)
            if begin is not None:
                begin(page)
            found.append(float(page.wait_for_function("() => bench.presented[0]").json_value()))
            page.close()
        return found
    finally:
        context.close()


def _sitting(bench: dict[str, Any], images: int, seconds: float, wire: Wire) -> Sitting:
    keys = np.array(bench["keys"][-(images - 1) :])
    prepared = np.array(bench["prepared"][:images])
    if not (np.all(keys < prepared[1:]) and np.all(keys[1:] > prepared[1:-1])):
        raise RuntimeError("Keys and images do not alternate: a key was lost or an image was painted twice.")
    presented = np.array([bench["presented"][number] or np.nan for number in range(images)], dtype=np.float64)
    silent = np.isnan(presented)
    if silent.mean() > MISSING:
        raise RuntimeError(f"The browser told the time of {np.sum(~silent)} of {images} frames only.")
    # The browser leaves out a frame's time now and then: count it as the slowest of the others.
    presented[silent] = prepared[silent] + np.nanmax(presented - prepared)
    return Sitting(presented[1:] - keys, prepared[1:] - keys, float(presented[0]), seconds, wire)
