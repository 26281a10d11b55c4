"""What tests ask of every source: all its pages, and that it goes on from each of their cursors."""

import json

from scraper.found import Cursor, Found, Page, Provenance, Source


async def collect(source: Source, cursor: Cursor | None = None) -> list[Page]:
    return [page async for page in source.pages(cursor)]


async def collect_until(source: Source, error: type[Exception], cursor: Cursor | None = None) -> tuple[list[Page], str]:
    """The pages before an error that must come, and what it says."""
    pages = []
    try:
        async for page in source.pages(cursor):
            pages.append(page)
    except error as raised:
        return pages, str(raised)
    raise AssertionError(f"no {error.__name__} after {len(pages)} pages")


def images(pages: list[Page]) -> list[Found]:
    return [found for page in pages for found in page.images]


def data(found: Found) -> bytes:
    assert found.read is not None
    return found.read()


Shown = tuple[str, str, Provenance, bytes | None]


def shown(pages: list[Page]) -> list[list[Shown]]:
    """What can be compared of pages: everything but how the bytes are read."""
    return [[(one.url, one.name, one.provenance, one.read and data(one)) for one in page.images] for page in pages]


async def assert_resumes(source: Source) -> list[Page]:
    """From each page's cursor, as JSON keeps it, the source gives exactly the pages after it. Returns them all."""
    pages = await collect(source)
    for number, page in enumerate(pages, 1):
        cursor = json.loads(json.dumps(page.cursor))
        assert shown(await collect(source, cursor)) == shown(pages[number:])
    return pages
