"""What became of found images, in words: four groups, and a phrase for every outcome that the scraper counts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Group = Literal["pool", "unwanted", "spoilt", "undelivered"]

GROUPS: Mapping[Group, str] = {
    "pool": "In the pool",
    "unwanted": "Not wanted",
    "spoilt": "Not an image",
    "undelivered": "Did not come",
}
"""The groups in the order of pages, and what each is called."""


@dataclass(frozen=True)
class Said:
    """One outcome: its group and what pages say. ``again``: another attempt, later, may end otherwise."""

    group: Group
    words: str
    again: bool = False


OUTCOMES: Mapping[str, Said] = {
    "stored": Said("pool", "new"),
    "duplicate": Said("pool", "there already"),
    "unchanged": Said("pool", "unchanged since the last visit"),
    "near_duplicate": Said("unwanted", "nearly the same"),
    "licence_not_allowed": Said("unwanted", "licence not let in"),
    "taken_down": Said("unwanted", "taken down"),
    "robots_txt": Said("unwanted", "robots.txt says no"),
    "opted_out": Said("unwanted", "its owner has opted out"),
    "too_blurred": Said("unwanted", "too blurred"),
    "wrong_shape": Said("unwanted", "too long and narrow"),
    "too_small": Said("unwanted", "too small"),
    "too_many_pixels": Said("unwanted", "too many pixels"),
    "animated": Said("unwanted", "animated"),
    "too_big": Said("unwanted", "file too big"),
    "bad_url": Said("unwanted", "not an address"),
    "forbidden_scheme": Said("unwanted", "not http or https"),
    "forbidden_address": Said("unwanted", "inside a private network"),
    "empty": Said("spoilt", "empty file"),
    "unsupported_format": Said("spoilt", "format not supported"),
    "not_an_image": Said("spoilt", "something else"),
    "truncated": Said("spoilt", "cut off"),
    "unreadable": Said("spoilt", "cannot be read"),
    "not_found": Said("undelivered", "not found"),
    "forbidden": Said("undelivered", "access refused"),
    "rate_limited": Said("undelivered", "too many requests", again=True),
    "server_error": Said("undelivered", "server error", again=True),
    "other_status": Said("undelivered", "another refusal"),
    "too_many_redirects": Said("undelivered", "redirected for ever"),
    "no_address": Said("undelivered", "host unknown", again=True),
    "no_connection": Said("undelivered", "no connection", again=True),
    "timeout": Said("undelivered", "took too long", again=True),
    "broken_answer": Said("undelivered", "broken answer", again=True),
    "tls": Said("undelivered", "certificate not trusted"),
    "gave_up": Said("undelivered", "given up after crashes"),
}
"""Every outcome by the word that is counted. A test compares them with the scraper's own."""

AGAIN = tuple(outcome for outcome, said in OUTCOMES.items() if said.again)
"""Those that a second attempt may mend."""


def said(outcome: str) -> Said:
    """What pages say of an outcome; one that nobody has described is said as it is counted."""
    return OUTCOMES.get(outcome) or Said("undelivered", outcome.replace("_", " "))
