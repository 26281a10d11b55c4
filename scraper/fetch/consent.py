"""Opt-outs that a server sends with an image: X-Robots-Tag and TDM reservation.

``X-Robots-Tag: noai`` speaks to everybody, ``X-Robots-Tag: winnow: noai`` to us alone; a directive stays with the
agent named before it until the next name. ``TDM-Reservation: 1`` (the W3C community's TDMRep) reserves text and data
mining.
"""

import re
from collections.abc import Iterable

from scraper.fetch.answers import Fields

SPEAKING = frozenset({"x-robots-tag", "tdm-reservation"})
"""The header fields that may hold an opt-out."""

OPT_OUTS = frozenset({"noai", "noimageai", "noindex", "noimageindex", "none"})

# Directives that have a value of their own after a colon: their names are no agents'.
_VALUED = frozenset({"unavailable_after", "max-snippet", "max-image-preview", "max-video-preview"})

_SCOPE = re.compile(r"\s*([\w./+*-]+)\s*:(.*)", re.DOTALL)


def opt_out(fields: Fields, token: str) -> str | None:
    """The opt-out that holds for the agent ``token`` (a product token in small letters), or ``None``."""
    for name, value in fields:
        if name == "x-robots-tag":
            found = _robots_tag(value, token)
            if found:
                return f"X-Robots-Tag: {found}"
        elif name == "tdm-reservation" and value.strip() == "1":
            return "TDM-Reservation: 1"
    return None


def _robots_tag(value: str, token: str) -> str | None:
    for agent, directive in _directives(value.lower()):
        if agent in {"", "*", token} and directive in OPT_OUTS:
            return directive
    return None


def _directives(value: str) -> Iterable[tuple[str, str]]:
    agent = ""
    for part in value.split(","):
        scope = _SCOPE.fullmatch(part)
        directive = part
        if scope and scope[1] not in _VALUED:
            agent, directive = scope[1], scope[2]
        yield agent, directive.strip()
