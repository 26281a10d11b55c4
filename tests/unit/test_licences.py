"""Licences in every spelling that sources and people use, and the lines that they ask for."""

import pytest

from active_learning.domain.errors import InputError
from scraper import licences
from scraper.found import Provenance


@pytest.mark.parametrize(
    ("text", "name"),
    [
        # Openverse's ids
        *((one, one) for one in ("by", "by-sa", "by-nd", "by-nc", "by-nc-sa", "by-nc-nd", "cc0", "pdm", "sampling+")),
        ("nc-sampling+", "nc-sampling+"),
        # Commons' names and codes
        ("CC BY-SA 4.0", "by-sa"),
        ("cc-by-sa-4.0", "by-sa"),
        ("CC BY-SA 2.0 fr", "by-sa"),
        ("cc-by-sa-3.0,2.5,2.0,1.0", "by-sa"),
        ("cc-by-2.0", "by"),
        ("Creative Commons Attribution-Share Alike 3.0", "by-sa"),
        ("Creative Commons Attribution 2.0", "by"),
        ("CC0", "cc0"),
        ("cc-zero", "cc0"),
        ("Creative Commons Zero, Public Domain Dedication", "cc0"),
        ("Public domain", "pd"),
        ("pd", "pd"),
        ("pd-old-100", "pd"),
        ("GFDL 1.2", "gfdl"),
        ("GNU Free Documentation License, Version 1.2", "gfdl"),
        ("FAL", "fal"),
        ("Attribution", "attribution"),
        ("Copyrighted free use", "free-use"),
        ("No restrictions", "no-known-copyright"),
        # Flickr's names, of before and after 2025
        ("All Rights Reserved", "all-rights-reserved"),
        ("Attribution-NonCommercial-ShareAlike License", "by-nc-sa"),
        ("Attribution-NonCommercial-NoDerivs License", "by-nc-nd"),
        ("Attribution License", "by"),
        ("CC BY-NC-ND 2.0", "by-nc-nd"),
        ("No known copyright restrictions", "no-known-copyright"),
        ("United States Government Work", "us-gov"),
        ("Public Domain Dedication (CC0)", "cc0"),
        ("Public Domain Mark", "pdm"),
        # as people and SPDX write them
        ("CC-BY-4.0", "by"),
        ("CC0-1.0", "cc0"),
        ("GFDL-1.3-or-later", "gfdl"),
        ("cc_by_nc", "by-nc"),
        ("  cc by   ", "by"),
        ("Creative Commons Attribution-NonCommercial-NoDerivatives 4.0 International", "by-nc-nd"),
        ("Attribution-NonCommercial 4.0 International", "by-nc"),
        ("© 2020 Ann Author. All rights reserved", "all-rights-reserved"),
        # addresses, any version, country and ending
        ("http://creativecommons.org/licenses/by-nc-sa/2.0/", "by-nc-sa"),
        ("https://creativecommons.org/licenses/by-sa/2.0/fr/deed.en", "by-sa"),
        ("https://www.creativecommons.org/licenses/by/4.0", "by"),
        ("https://creativecommons.org/licenses/by-nd-nc/1.0/", "by-nc-nd"),
        ("https://creativecommons.org/publicdomain/zero/1.0/deed.de", "cc0"),
        ("https://creativecommons.org/publicdomain/mark/1.0/", "pdm"),
        ("https://creativecommons.org/licenses/publicdomain/", "pd"),
        ("https://creativecommons.org/licenses/sampling+/1.0/", "sampling+"),
        ("https://www.flickr.com/commons/usage/", "no-known-copyright"),
        ("http://www.usa.gov/copyright.shtml", "us-gov"),
        ("https://www.gnu.org/licenses/fdl-1.3.html", "gfdl"),
        ("http://rightsstatements.org/vocab/InC/1.0/", "all-rights-reserved"),
        # nothing that says a licence
        ("", ""),
        ("Photo by John Smith", ""),
        ("taken by-the-sea", ""),
        ("https://example.org/by-sa/", ""),
        ("accbyname", ""),
    ],
)
def test_every_spelling_has_one_short_name(text: str, name: str) -> None:
    assert licences.normalise(text) == name


def test_the_first_text_that_says_a_licence_counts() -> None:
    assert licences.normalise("", "who knows", "https://creativecommons.org/licenses/by/2.0/", "CC0") == "by"


def test_every_short_name_is_its_own_and_so_is_its_title_and_address() -> None:
    for name, facts in licences.LICENCES.items():
        assert licences.normalise(name) == name
        assert licences.normalise(facts.url) in {name, ""}
        if name != "attribution":
            assert licences.normalise(facts.title) == name


def test_what_licences_allow() -> None:
    both = [name for name in licences.LICENCES if licences.allows(name, commercial=True, derivatives=True)]
    assert set(both) == set(licences.GROUPS["open"])
    assert licences.allows("by-nd", commercial=True) and not licences.allows("by-nd", derivatives=True)
    assert licences.allows("by-nc-sa", derivatives=True) and not licences.allows("by-nc-sa", commercial=True)
    assert not licences.allows("", commercial=True) and licences.allows("")
    assert not licences.allows("all-rights-reserved", derivatives=True)


def test_the_allow_list() -> None:
    assert licences.allowed("", None) and licences.allowed("by", None)
    assert licences.allowed("by", ("cc0", "by")) and not licences.allowed("by-sa", ("cc0", "by"))
    assert not licences.allowed("", ("cc0",)) and licences.allowed("", ("",)) and not licences.allowed("by", ())


def test_words_of_people_become_short_names_once() -> None:
    assert licences.wanted(["CC BY", "by", "CC0 1.0"]) == ("by", "cc0")
    assert licences.wanted(["public-domain", "by"]) == ("cc0", "pdm", "pd", "us-gov", "no-known-copyright", "by")
    with pytest.raises(InputError, match="'freeware' is no licence"):
        licences.wanted(["by", "freeware"])


def test_the_line_names_title_author_source_and_licence() -> None:
    found = Provenance(
        source="commons",
        page="https://commons.wikimedia.org/wiki/File:Lisa.jpg",
        title="Apple  Lisa",
        author="Rama",
        licence="by-sa",
        licence_url="https://creativecommons.org/licenses/by-sa/2.0/fr/deed.en",
    )
    assert licences.attribution_line(found) == (
        '"Apple Lisa" by Rama, https://commons.wikimedia.org/wiki/File:Lisa.jpg, licensed under CC BY-SA 2.0 FR '
        "(https://creativecommons.org/licenses/by-sa/2.0/fr/deed.en)"
    )
    assert '"Apple Lisa" by Rama & Musée Bolo, ' in licences.attribution_line(found, "Rama & Musée Bolo")


def test_the_line_says_what_is_not_known() -> None:
    assert licences.attribution_line(Provenance(source="list", page="https://example.org/a")) == (
        "Untitled, author not named, https://example.org/a, unknown licence"
    )
    assert licences.attribution_line(Provenance(source="x", title="T", author="A", licence="cc0")) == (
        '"T" by A, CC0 (https://creativecommons.org/publicdomain/zero/1.0/)'
    )
    assert licences.attribution_line(Provenance(source="x", title="T", author="A", licence="all-rights-reserved")) == (
        '"T" by A, All rights reserved'
    )
