"""Licences in words, as the form of what a category lets in offers them: by what they allow."""

from collections.abc import Mapping

OFFERED: Mapping[str, Mapping[str, str]] = {
    "Public domain": {
        "cc0": "CC0",
        "pdm": "Public Domain Mark",
        "pd": "Public domain",
        "us-gov": "United States Government Work",
        "no-known-copyright": "No known copyright restrictions",
    },
    "Any use": {
        "by": "CC BY",
        "by-sa": "CC BY-SA",
        "attribution": "Any use with attribution",
        "free-use": "Copyrighted free use",
        "sampling+": "CC Sampling+",
        "gfdl": "GFDL",
        "fal": "Free Art Licence",
    },
    "Not commercially": {
        "by-nc": "CC BY-NC",
        "by-nc-sa": "CC BY-NC-SA",
        "nc-sampling+": "CC NC-Sampling+",
    },
    "Unchanged, or not at all": {
        "by-nd": "CC BY-ND",
        "by-nc-nd": "CC BY-NC-ND",
        "all-rights-reserved": "All rights reserved",
    },
}
"""Short names with their titles. A test compares them with those that the scraper knows."""

TITLES: Mapping[str, str] = {name: title for group in OFFERED.values() for name, title in group.items()}
