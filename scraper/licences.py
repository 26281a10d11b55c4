"""Licences: one short name for each, whoever writes it, and what it allows and asks for."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from active_learning.domain.errors import InputError
from scraper.found import Provenance

UNKNOWN = ""
"""The short name of a licence that nobody knows."""


@dataclass(frozen=True, slots=True)
class Licence:
    """What a licence says, as its text reads and without advice in law.

    ``commercial`` and ``derivatives`` are what anybody may do without asking, ``attribution`` whether its author must
    be named, ``share_alike`` whether a derivative must carry the same licence. ``url`` is where its text is, for the
    newest version.
    """

    name: str
    title: str
    commercial: bool
    derivatives: bool
    attribution: bool
    share_alike: bool = False
    url: str = ""


_CC = "https://creativecommons.org"

LICENCES = {
    licence.name: licence
    for licence in (
        Licence("cc0", "CC0", True, True, False, url=f"{_CC}/publicdomain/zero/1.0/"),
        Licence("pdm", "Public Domain Mark", True, True, False, url=f"{_CC}/publicdomain/mark/1.0/"),
        Licence("pd", "Public domain", True, True, False),
        Licence(
            "us-gov", "United States Government Work", True, True, False, url="https://www.usa.gov/copyright.shtml"
        ),
        Licence("no-known-copyright", "No known copyright restrictions", True, True, False),
        Licence("by", "CC BY", True, True, True, url=f"{_CC}/licenses/by/4.0/"),
        Licence("by-sa", "CC BY-SA", True, True, True, True, url=f"{_CC}/licenses/by-sa/4.0/"),
        Licence("by-nd", "CC BY-ND", True, False, True, url=f"{_CC}/licenses/by-nd/4.0/"),
        Licence("by-nc", "CC BY-NC", False, True, True, url=f"{_CC}/licenses/by-nc/4.0/"),
        Licence("by-nc-sa", "CC BY-NC-SA", False, True, True, True, url=f"{_CC}/licenses/by-nc-sa/4.0/"),
        Licence("by-nc-nd", "CC BY-NC-ND", False, False, True, url=f"{_CC}/licenses/by-nc-nd/4.0/"),
        Licence("sampling+", "CC Sampling+", True, True, True, url=f"{_CC}/licenses/sampling+/1.0/"),
        Licence("nc-sampling+", "CC NC-Sampling+", False, True, True, url=f"{_CC}/licenses/nc-sampling+/1.0/"),
        Licence("gfdl", "GFDL", True, True, True, True, url="https://www.gnu.org/licenses/fdl-1.3.html"),
        Licence("fal", "Free Art Licence", True, True, True, True, url="https://artlibre.org/licence/lal/en/"),
        Licence("attribution", "Any use with attribution", True, True, True),
        Licence("free-use", "Copyrighted free use", True, True, False),
        Licence("all-rights-reserved", "All rights reserved", False, False, False),
    )
}
"""Every licence with a short name."""

GROUPS = {
    "public-domain": ("cc0", "pdm", "pd", "us-gov", "no-known-copyright"),
    "commercial": tuple(one.name for one in LICENCES.values() if one.commercial),
    "derivatives": tuple(one.name for one in LICENCES.values() if one.derivatives),
    "open": tuple(one.name for one in LICENCES.values() if one.commercial and one.derivatives),
}
"""Words that people may say for several licences at once."""

_NAMES = {
    "public domain": "pd",
    "publicdomain": "pd",
    "no copyright": "pd",
    "no restrictions": "no-known-copyright",
    "public domain mark": "pdm",
    "creative commons public domain mark": "pdm",
    "cc zero": "cc0",
    "creative commons zero": "cc0",
    "public domain dedication (cc0)": "cc0",
    "public domain dedication": "cc0",
    "united states government work": "us-gov",
    "us government work": "us-gov",
    "sampling plus": "sampling+",
    "gnu free documentation license": "gfdl",
    "free art license": "fal",
    "art libre": "fal",
    "copyrighted free use": "free-use",
    "no known copyright restrictions": "no-known-copyright",
    "copyright": "all-rights-reserved",
    "copyrighted": "all-rights-reserved",
    "©": "all-rights-reserved",
    "arr": "all-rights-reserved",
}

_URLS = (
    (re.compile(r"creativecommons\.org/publicdomain/zero\b"), "cc0"),
    (re.compile(r"creativecommons\.org/publicdomain/mark\b"), "pdm"),
    (re.compile(r"creativecommons\.org/licenses/publicdomain\b"), "pd"),
    (re.compile(r"(gnu\.org/.*\bfdl|gnu_free_documentation_license)"), "gfdl"),
    (re.compile(r"artlibre\.org"), "fal"),
    (re.compile(r"(flickr\.com/commons/usage|rightsstatements\.org/(vocab|page)/nkc)"), "no-known-copyright"),
    (re.compile(r"usa\.gov/(copyright|government-works)"), "us-gov"),
    (re.compile(r"rightsstatements\.org/(vocab|page)/noc-us"), "pd"),
    (re.compile(r"rightsstatements\.org/(vocab|page)/inc\b"), "all-rights-reserved"),
)
_CC_URL = re.compile(r"creativecommons\.org/licenses/((?:nc-)?sampling\+|by(?:-(?:nc|nd|sa))*)(?:/|$)")
_CC_VERSION = re.compile(r"creativecommons\.org/(?:licenses|publicdomain)/[a-z+-]+/(\d\.\d)(?:/([a-z]{2,}))?")

_LONG = (
    (re.compile(r"non-?\s?commercial"), "nc"),
    (re.compile(r"no-?\s?deriv(ative)?s?([\s-]works?)?"), "nd"),
    (re.compile(r"share-?\s?alike"), "sa"),
    (re.compile(r"creative-?\s?commons"), "cc"),
)
_PARTS = r"by((?:[\s_/-]+(?:nc|nd|sa))*)"
_CC_NAME = re.compile(rf"\bcc[\s_:-]*{_PARTS}(?![a-z])")
_BARE_NAME = re.compile(rf"{_PARTS}(?:[\s_-]+license)?(?:[\s_-]+v?\d(?:\.\d)?.*)?")
_OTHER_NAMES = (
    (re.compile(r"\bnc-sampling ?\+"), "nc-sampling+"),
    (re.compile(r"\bsampling ?\+"), "sampling+"),
    (re.compile(r"\bcc[\s_-]?0\b|\bcc[\s_-]?zero\b"), "cc0"),
    (re.compile(r"\bgfdl\b|gnu free documentation"), "gfdl"),
    (re.compile(r"public[\s_-]domain[\s_-]mark"), "pdm"),
    (re.compile(r"no known copyright"), "no-known-copyright"),
    (re.compile(r"all rights reserved"), "all-rights-reserved"),
    (re.compile(r"^cc-pd\b|^pd(-|$)|^public[\s_-]domain\b"), "pd"),
)


def normalise(*texts: str) -> str:
    """Return the short name of the licence that the texts (names, ids, addresses) say; the first that says one counts.

    Empty: none of them does. Of several licences in one text, a Creative Commons one is taken.
    """
    return next((name for name in map(_one, texts) if name), UNKNOWN)


def _one(text: str) -> str:
    plain = " ".join(text.lower().split()).replace("licence", "license")
    if plain in LICENCES:
        return plain
    if plain in _NAMES:
        return _NAMES[plain]
    if "creativecommons.org/" in plain and (match := _CC_URL.search(plain)):
        return _canonical(match[1])
    for pattern, name in _URLS:
        if pattern.search(plain):
            return name
    return "" if "://" in plain else _named(plain)


def _named(plain: str) -> str:
    """Return the short name that a licence's name in plain letters stands for."""
    short = plain
    for pattern, code in _LONG:
        short = pattern.sub(code, short)
    # "Attribution" by itself is a licence of its own; with "CC" before it or more behind it, it is the BY of a CC name
    short = re.sub(r"\battribution\b(?=.)|(?<=.)\battribution\b", "by", short)
    match = _CC_NAME.search(short) or _BARE_NAME.fullmatch(short)
    if match:
        return _canonical("by" + match[1])
    return next((name for pattern, name in _OTHER_NAMES if pattern.search(short)), UNKNOWN)


def _canonical(code: str) -> str:
    """Put the parts of a Creative Commons code into today's order (1.0 had by-nd-nc)."""
    if code.endswith("sampling+"):
        return code
    parts = set(re.split(r"[\s_/-]+", code))
    # nothing can be changed and shared alike: the stricter part holds
    order = ["by", "nc", "nd"] if "nd" in parts else ["by", "nc", "sa"]
    return "-".join(part for part in order if part in parts)


def allows(licence: str, *, commercial: bool = False, derivatives: bool = False) -> bool:
    """Return whether ``licence`` allows what is asked: commercial use, derivatives. An unknown one allows nothing."""
    facts = LICENCES.get(licence)
    if facts is None:
        return not (commercial or derivatives)
    return (facts.commercial or not commercial) and (facts.derivatives or not derivatives)


def allowed(licence: str, allow_list: tuple[str, ...] | None) -> bool:
    """Return whether an image of ``licence`` may come in; ``None`` lets everything in, unknown licences too."""
    return allow_list is None or licence in allow_list


def wanted(words: Iterable[str]) -> tuple[str, ...]:
    """Return the short names that ``words`` of a person stand for, each once: licences in any spelling, and the groups
    public-domain, commercial, derivatives, open. Raises InputError for a word that stands for none.
    """
    names: dict[str, None] = {}
    for word in words:
        group = GROUPS.get(word.strip().lower())
        name = normalise(word)
        if group is None and not name:
            raise InputError(f"'{word}' is no licence.", f"Known are {', '.join([*GROUPS, *LICENCES])}.")
        names.update(dict.fromkeys(group or (name,)))
    return tuple(names)


def title(licence: str, url: str = "") -> str:
    """Return what people call a licence; the version and country come from its Creative Commons address."""
    facts = LICENCES.get(licence)
    if facts is None:
        return "unknown licence"
    version = _CC_VERSION.search(url.lower())
    if version is None:
        return facts.title
    country = f" {version[2].upper()}" if version[2] and version[2] not in {"deed", "legalcode"} else ""
    return f"{facts.title} {version[1]}{country}"


def attribution_line(provenance: Provenance, credit: str = "") -> str:
    """Return the line to print beside an image: title, author, source and licence (TASL), without what is not known.

    ``credit`` is what the author asks to be called, where the source knows it.
    """
    facts = LICENCES.get(provenance.licence)
    name = " ".join((credit or provenance.author).split())
    called = " ".join(provenance.title.split())
    work = f'"{called}"' if called else "Untitled"
    whose = f"{work} by {name}" if name else f"{work}, author not named"
    url = provenance.licence_url or (facts.url if facts else "")
    terms = title(provenance.licence, provenance.licence_url) + (f" ({url})" if url else "")
    if facts is not None and facts.attribution:
        terms = f"licensed under {terms}"
    return ", ".join(part for part in (whose, provenance.page, terms) if part)


def attributed(provenance: Provenance, credit: str = "") -> Provenance:
    """Return ``provenance`` with its line of attribution."""
    return replace(provenance, attribution=attribution_line(provenance, credit))
