"""Money: budgets, what was spent for what, what people earn an hour. Cents unless a name says otherwise."""

from datetime import datetime
from typing import Any, Literal

from labeling_ui.charts_money import DaySpent, spending_chart, wage_chart
from labeling_ui.contexts.base import Page, Shown
from labeling_ui.contexts.category import CategoryState, Interval

Kind = Literal["reward", "floor", "unfinished", "bonus", "refusal"]

PURPOSES: dict[Kind, str] = {
    "reward": "rewards",
    "floor": "wage floor",
    "unfinished": "unfinished work",
    "bonus": "bonuses",
}
"""What money goes out for, in words; a refusal costs nothing."""

DAYS = (7, 30, 90, 365)


class Fund(Shown):
    """The money of one category.

    ``to_come`` is the forecast of what is still needed, as (low, middle, high), beside what is committed; ``None``
    where there is nothing to go by. ``hourly`` is what people got for an hour of measured work, over all assignments,
    finished or not. ``owed`` bonuses, of ``owed_cents``, were not paid because the budget did not cover
    them.
    """

    slug: str
    question: str
    state: CategoryState
    budget: int
    spent: int
    committed: int
    to_come: Interval | None = None
    hourly: float | None = None
    floor: int = 0
    worked_ms: int = 0
    submitted: int = 0
    unfinished: int = 0
    owed: int = 0
    owed_cents: int = 0

    @property
    def left(self) -> int:
        """What is neither spent nor promised; below nothing where a budget was lowered."""
        return self.budget - self.spent - self.committed

    @property
    def enough(self) -> Literal["yes", "perhaps", "no"] | None:
        """Whether the budget covers what is still to come: all of it, its middle, or not even that."""
        if self.to_come is None:
            return None
        _, middle, high = self.to_come
        return "yes" if high <= self.left else "perhaps" if middle <= self.left else "no"


class ForKind(Shown):
    """Acts of one kind within the days shown: how many, what they cost, what of it people got."""

    kind: Kind
    acts: int
    cents: int
    people_cents: int


class ForDay(Shown):
    """Acts of one kind on one day in one category."""

    day: str
    category: str
    kind: Kind
    acts: int
    cents: int
    people_cents: int


class WageSpread(Shown):
    """Hourly wages of ``people`` who have worked enough for one, at most some thousands, and their quartiles."""

    people: int = 0
    lower: float = 0.0
    middle: float = 0.0
    upper: float = 0.0
    wages: tuple[float, ...] = ()


class Money(Shown):
    """All money, or that of one category (``slug``), with what was spent in the last ``days``."""

    days: int
    slug: str | None = None
    funds: tuple[Fund, ...] = ()
    kinds: tuple[ForKind, ...] = ()
    by_day: tuple[ForDay, ...] = ()
    spread: WageSpread = WageSpread()

    @property
    def budget(self) -> int:
        """What may be spent in all."""
        return sum(fund.budget for fund in self.funds)

    @property
    def spent(self) -> int:
        """What was spent in all, ever."""
        return sum(fund.spent for fund in self.funds)

    @property
    def committed(self) -> int:
        """What is promised to work that is out."""
        return sum(fund.committed for fund in self.funds)

    @property
    def hourly(self) -> float | None:
        """What people got for an hour of work, over all categories together."""
        known = [(fund.hourly, fund.worked_ms) for fund in self.funds if fund.hourly is not None and fund.worked_ms]
        worked = sum(ms for _, ms in known)
        return sum(hourly * ms for hourly, ms in known) / worked if worked else None

    @property
    def lately(self) -> int:
        """What was spent within the days."""
        return sum(kind.cents for kind in self.kinds)


class WageLine(Shown):
    """What somebody has earned in a category for how much work; ``below`` says that it is less than the floor."""

    id: str
    category: str
    annotator: str
    hourly: float
    earned: int
    active_ms: int
    submitted: int
    unfinished: int
    below: bool = False


class Wages(Shown):
    """Some people's wages, the lowest first; ``next`` is the key of the page after this one."""

    items: tuple[WageLine, ...] = ()
    next: str | None = None


class LedgerEntry(Shown):
    """One act of the ledger. ``gets`` is what the annotator gets of what it ``cents`` cost."""

    id: str
    at: datetime
    category: str
    annotator: str
    kind: Kind
    gets: int
    cents: int
    reason: str
    state: Literal["waiting", "done", "refused"]
    why_not: str = ""


class Ledger(Shown):
    """Some acts of the ledger, the newest first; ``next`` is the key of the page after this one."""

    items: tuple[LedgerEntry, ...] = ()
    next: str | None = None


class MoneyPage(Page):
    """Budgets, spending, wages. ``lowest`` is ``None`` for whoever may not see how people work."""

    template = "money.html"

    money: Money
    lowest: Wages | None = None
    choices: tuple[str, ...] = ()
    done: str = ""

    @property
    def purposes(self) -> dict[Kind, str]:
        """What money goes out for, in words."""
        return PURPOSES

    @property
    def periods(self) -> tuple[int, ...]:
        """Days to choose from."""
        return DAYS

    def client(self) -> dict[str, Any]:
        """The charts."""
        sums: dict[tuple[str, Kind], int] = {}
        for one in self.money.by_day:
            if one.kind in PURPOSES and one.cents:
                sums[one.day, one.kind] = sums.get((one.day, one.kind), 0) + one.cents
        rows = [DaySpent(day, PURPOSES[kind], cents) for (day, kind), cents in sums.items()]
        return {
            "spending": spending_chart(rows, tuple(PURPOSES.values())),
            "wages": wage_chart(self.money.spread.wages),
        }


class LedgerPage(Page):
    """Acts of the ledger of all categories, or of one (``slug``), the newest first."""

    template = "ledger.html"

    ledger: Ledger
    slug: str | None = None
    choices: tuple[str, ...] = ()
    first: bool = True
