"""What a worker looks for in the list of HITs, as the address of the page says it."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from workers.turk.errors import InvalidParameter
from workers.turk.money import cents

SORTS = {"oldest": "Waiting longest", "newest": "Newest", "pay": "Best paid", "time": "Shortest", "hits": "Most HITs"}
MAX_WORDS, MAX_PAGE = 100, 1_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """Words that all occur, the least pay in dollars and the longest time in minutes (empty: any), order and page."""

    words: str = ""
    pay: str = ""
    minutes: str = ""
    sort: str = "oldest"
    page: int = 1

    @property
    def least_cents(self) -> int:
        """The least pay in cents."""
        try:
            return cents(self.pay, "pay") if self.pay else 0
        except InvalidParameter:
            return 0

    @property
    def longest_seconds(self) -> int | None:
        """The longest time allowed, in seconds; None for any."""
        return int(self.minutes) * 60 if self.minutes else None

    @property
    def filtered(self) -> bool:
        """Whether it leaves anything out."""
        return bool(self.words or self.pay or self.minutes)

    def address(self, page: int) -> str:
        """The list's address for another page of the same search."""
        named = {"q": self.words, "pay": self.pay, "minutes": self.minutes, "sort": self.sort, "page": str(page)}
        return "/?" + urlencode({name: value for name, value in named.items() if value})


def read(query: Mapping[str, str]) -> Wanted:
    """What is wanted, from the query of the address. What makes no sense is left out."""
    pay, minutes = query.get("pay", "").strip().removeprefix("$"), query.get("minutes", "").strip()
    page, sort = query.get("page", ""), query.get("sort", "")
    return Wanted(
        words=" ".join(query.get("q", "").split())[:MAX_WORDS],
        pay=pay if Wanted(pay=pay).least_cents > 0 else "",
        minutes=minutes if minutes.isascii() and minutes.isdigit() and 0 < int(minutes[:6]) == int(minutes) else "",
        sort=sort if sort in SORTS else "oldest",
        page=min(max(int(page), 1), MAX_PAGE) if page.isascii() and page.isdigit() and len(page) < 6 else 1,
    )
