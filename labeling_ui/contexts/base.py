"""What every page's context has in common."""

from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from labeling_ui.words import DEFAULT, Words, words


class Shown(BaseModel):
    """The base of everything that a page shows: immutable, strict about its fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Page(Shown):
    """A whole page. ``template`` is the file that draws it, ``language`` that of the page's own words."""

    template: ClassVar[str]

    language: str = DEFAULT

    @property
    def words(self) -> Words:
        """The page's own words in its language. Researchers' pages speak English."""
        return words(self.language)

    def client(self) -> dict[str, Any]:
        """The JSON that the page's scripts read; empty for a page without scripts."""
        return {}


class ErrorPage(Page):
    """What went wrong (HTTP ``status``), in words, and what to do about it.

    ``home`` offers the list of categories: nothing for an annotator.
    """

    template = "error.html"

    status: int
    message: str
    hint: str = ""
    home: bool = True
