"""What the columns of lists and the keys of metadata files are called, and the provenance that they give."""

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from scraper import licences
from scraper.found import Provenance

_KNOWN: Mapping[str, tuple[str, ...]] = {
    "url": (
        "url",
        "imageurl",
        "originalurl",
        "contenturl",
        "downloadurl",
        "imagelink",
        "photoimageurl",
        "link",
        "href",
        "src",
        "uri",
        "image",
    ),
    "name": ("name", "filename", "file"),
    "title": ("title", "caption", "text", "alt", "alttext", "description"),
    "author": ("author", "creator", "artist", "photographer", "ownername", "owner", "user"),
    "author_url": ("authorurl", "authorprofileurl", "creatorurl", "artisturl"),
    "licence": ("licence", "license", "licencename", "licensename", "rights"),
    "licence_url": ("licenceurl", "licenseurl"),
    "page": ("page", "pageurl", "landingurl", "originallandingurl", "foreignlandingurl", "photourl", "webpage"),
    "source_id": ("sourceid", "id", "imageid", "photoid", "identifier", "key"),
    "attribution": ("attribution", "credit", "creditline"),
}
"""The spellings of each field without case and signs, the likeliest first."""

LONGEST_URL = 8_000
_WEB = re.compile(r"https?://[^\x00-\x20\x7f-\xa0\ud800-\udfff]+", re.IGNORECASE)
_LONGEST = 1_000
"""Characters of a text that are kept."""


def columns(names: Iterable[str]) -> dict[str, str]:
    """Return which column holds which field, for those that are known."""
    plain: dict[str, str] = {}
    for name in names:
        plain.setdefault(re.sub(r"[^a-z0-9]", "", name.lower()), name)
    found = {}
    for field, spellings in _KNOWN.items():
        spelling = next((one for one in spellings if one in plain), None)
        if spelling is not None:
            found[field] = plain[spelling]
    return found


def text(value: Any) -> str:
    """Return a cell as one line of text; what is no text or number, or not there, is empty."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    if isinstance(value, float) and not math.isfinite(value):
        return ""
    plain = " ".join(str(value).split())[:_LONGEST]
    # half of a surrogate pair, from JSON, cannot be stored
    return plain.encode("utf-8", "replace").decode()


def web_address(value: Any) -> str:
    """Return a cell that is an http or https address; everything else is empty."""
    plain = value.strip() if isinstance(value, str) else ""
    return plain if len(plain) <= LONGEST_URL and _WEB.fullmatch(plain) else ""


def provenance(
    source: str, row: Mapping[str, Any], at: Mapping[str, str], base: Provenance | None = None
) -> Provenance:
    """Return the provenance of a row, whose fields are in the columns ``at``; ``base`` holds where the row is silent.

    A licence column may hold names or addresses; one of neither kind counts as unknown. Without a line of attribution
    one is made, where there is anything to say.
    """
    base = base or Provenance(source)
    cell = {field: text(row.get(column)) for field, column in at.items()}
    named = cell.get("licence", "")
    licence_url = web_address(row.get(at.get("licence_url", ""))) or web_address(named)
    licence = licences.normalise(named, licence_url)
    if not named and not licence_url:
        licence, licence_url = base.licence, base.licence_url
    made = Provenance(
        source=source,
        source_id=cell.get("source_id", "") or base.source_id,
        page=web_address(row.get(at.get("page", ""))) or base.page,
        title=cell.get("title", "") or base.title,
        author=cell.get("author", "") or base.author,
        author_url=web_address(row.get(at.get("author_url", ""))) or base.author_url,
        licence=licence,
        licence_url=licence_url,
        attribution=cell.get("attribution", ""),
    )
    if made.attribution or not (made.author or made.page or made.licence):
        return made
    return licences.attributed(made)
