"""What annotators' pages say, in every language that they speak: one JSON file a language, one flat key a phrase.

A phrase may have ``{name}`` places. Keys that begin with ``script.`` go to the page's scripts. English has every key.
A file of another language is all that it takes to speak it.
"""

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent
DEFAULT = "en"
RIGHT_TO_LEFT = frozenset({"ar", "fa", "he", "ur"})
SCRIPT = "script."

_RANGE = re.compile(r"([a-z]{1,8}|\*)(?:-[a-z0-9]{1,8})*(?:[ \t]*;[ \t]*q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?))?", re.ASCII)


class Words:
    """The phrases of one language; what it lacks is said in English."""

    def __init__(self, language: str, phrases: Mapping[str, str]) -> None:
        self.language = language
        self._phrases = phrases

    @property
    def direction(self) -> str:
        """``ltr`` or ``rtl``, as HTML's ``dir`` wants it."""
        return "rtl" if self.language in RIGHT_TO_LEFT else "ltr"

    def __call__(self, key: str, **values: object) -> str:
        """The phrase with its places filled in; raises ``KeyError`` for a phrase that nobody wrote."""
        return self._phrases[key].format(**values)

    def script(self) -> dict[str, str]:
        """The phrases of the page's scripts, without the prefix."""
        return {key.removeprefix(SCRIPT): text for key, text in self._phrases.items() if key.startswith(SCRIPT)}

    def number(self, number: float, digits: int = 0) -> str:
        """A number with the language's own marks, ``1,234.5`` or ``1.234,5``: the phrase "marks" is the two of them."""
        return f"{number:,.{digits}f}".translate(str.maketrans(",.", self("marks")))

    def money(self, cents: float) -> str:
        """US cents as dollars: ``$12.34``, ``12,34 $``."""
        return self("script.money", amount=self.number(cents / 100, 2))

    def span(self, seconds: float) -> str:
        """A length of time in whole minutes, hours from 60 on; under a minute in seconds."""
        minutes = round(seconds / 60)
        if round(seconds) < 60:
            return self("span.seconds", seconds=round(seconds))
        if minutes < 60:
            return self("span.minutes", minutes=minutes)
        return self("span.hours", hours=minutes // 60, minutes=minutes % 60)


@cache
def phrases(language: str) -> Mapping[str, str]:
    """What stands in the file of a language."""
    loaded: dict[str, str] = json.loads((HERE / f"{language}.json").read_text(encoding="utf-8"))
    return loaded


@cache
def words(language: str) -> Words:
    """The words of a language; raises ``FileNotFoundError`` for one that has no file."""
    return Words(language, {**phrases(DEFAULT), **phrases(language)})


@cache
def languages() -> Mapping[str, str]:
    """Every language that there is a file for, with its name in that language; English first, then by name."""
    names = {path.stem: phrases(path.stem)["language"] for path in HERE.glob("*.json")}
    return dict(sorted(names.items(), key=lambda pair: (pair[0] != DEFAULT, pair[1])))


def choose(accept_language: str, wanted: str | None = None) -> str:
    """The language to speak: the ``wanted`` one, else the best of an ``Accept-Language`` header, else English.

    Tags count by their first part, so that ``de-CH`` is ``de``. What is not well-formed (RFC 9110, 12.5.4) is left out.
    """
    weighed = [(1.0, wanted.strip().lower().partition("-")[0])] if wanted else []
    for part in accept_language.lower().split(","):
        found = _RANGE.fullmatch(part.strip())
        if found:
            weighed.append((float(found[2] or 1), DEFAULT if found[1] == "*" else found[1]))
    # Sorting is stable: of equally good ones the first.
    ranked = sorted(((weight, tag) for weight, tag in weighed if weight > 0), key=lambda pair: -pair[0])
    return next((tag for _, tag in ranked if tag in languages()), DEFAULT)
