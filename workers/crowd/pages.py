"""What a browser reads from the marketplace's pages and from the task page in the frame."""

import struct
from html.parser import HTMLParser

from pydantic import BaseModel

WORK = "/assignments/"


class Endpoints(BaseModel):
    """Where the task page's script asks for what, and sends what."""

    images: str
    answers: str
    assignment: str
    submission: str


class Lesson(BaseModel):
    """Visible gold: the page tells the answer as soon as somebody has given his own."""

    answer: bool


class Context(BaseModel):
    """The part of the task page's JSON that is needed to work. The first images are the lessons."""

    token: str
    of: int
    lessons: list[Lesson] = []
    endpoints: Endpoints


def files_in(batch: bytes) -> list[bytes]:
    """The image files of a batch of pictures: each comes after its length in four bytes, big end first."""
    files, at = [], 0
    while at < len(batch):
        (length,) = struct.unpack_from(">I", batch, at)
        files.append(batch[at + 4 : at + 4 + length])
        at += 4 + length
    return files


class Page(HTMLParser):
    """The few things that count on a page, in a plain reading without running scripts.

    ``frame`` is the address in the task's iframe, ``csrf`` the token of the page's forms, ``work`` the assignments
    that the page leads to, ``title`` its heading, ``context`` the JSON for its scripts; empty where the page has none.
    """

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.frame = self.csrf = self.title = self.context = ""
        self.work: list[str] = []
        self._inside = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what an opening tag says."""
        named = {name: value or "" for name, value in attrs}
        if tag == "iframe" and named.get("id") == "task":
            self.frame = named.get("src", "")
        elif tag == "input" and named.get("name") == "csrf":
            self.csrf = named.get("value", "")
        elif tag == "a" and named.get("href", "").startswith(WORK):
            self.work.append(named["href"])
        elif tag == "h1" and not self.title:
            self._inside = "title"
        elif tag == "script" and named.get("id") == "context":
            self._inside = "context"

    def handle_endtag(self, tag: str) -> None:
        """Stop collecting text."""
        if tag in {"h1", "script"}:
            self._inside = ""

    def handle_data(self, data: str) -> None:
        """Collect the text of the heading and of the context."""
        if self._inside == "title":
            self.title += data.strip()
        elif self._inside == "context":
            self.context += data
