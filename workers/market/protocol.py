"""What Winnow asks of a marketplace, whichever it is. Money is in US cents."""

from datetime import datetime
from typing import Literal, Protocol

from pydantic import Field

from active_learning.domain.value import Value

HitState = Literal["assignable", "unassignable", "reviewable", "reviewing", "disposed"]
ReviewState = Literal["submitted", "approved", "rejected"]


class HitOrder(Value):
    """A HIT to be posted. The same ``token`` always means the same HIT; only the requester sees ``annotation``.

    ``completion_code`` says that the work is done to a market that takes a code instead of a form.
    """

    token: str = Field(min_length=1)
    title: str = Field(min_length=1, max_length=300)
    description: str = Field(min_length=1, max_length=2_000)
    keywords: str = ""
    question_url: str
    reward_cents: int = Field(ge=0)
    assignments: int = Field(ge=1)
    lifetime_s: int
    duration_s: int
    auto_approval_s: int
    annotation: str = Field(max_length=255)
    completion_code: str = ""

    def title_within(self, most: int) -> str:
        """The title in at most ``most`` characters. A longer one loses its middle: its end tells tasks apart."""
        if len(self.title) <= most:
            return self.title
        tail = most // 2
        return f"{self.title[: most - tail - 1]}…{self.title[-tail:]}"


class HitStatus(Value):
    """How a HIT stands.

    ``available`` are places that somebody can still take (0 once it has expired), ``pending`` are people at work,
    ``completed`` are submissions that were approved or rejected.
    """

    hit: str
    annotation: str
    state: HitState
    pending: int
    available: int
    completed: int
    max_assignments: int


class MarketAssignment(Value):
    """A submitted assignment. ``fields`` is the form that the annotator's browser sent to the market."""

    id: str
    hit: str
    annotator: str
    state: ReviewState
    fields: dict[str, str]
    accepted_at: datetime
    submitted_at: datetime


class MarketBonus(Value):
    """A bonus that the market has paid. ``token`` is the one that it was asked for with, empty where nobody can say."""

    assignment: str
    annotator: str
    cents: int
    token: str


def with_reference(reason: str, token: str) -> str:
    """A bonus's reason that ends with its token: what a market gives back with the bonus, or with its announcement."""
    return f"{reason} {reference(token)}"


def reference(token: str) -> str:
    """The token as a reason ends with it."""
    return f"(reference {token})"


class Marketplace(Protocol):
    """Where annotators come from. Every act may be repeated: a repeat finds what the first one did.

    Each method raises :class:`MarketUnavailable` when the market does not answer for long, :class:`NotFound` for an
    unknown HIT or assignment, :class:`Forbidden` for refused credentials, and :class:`InputError` for what the market
    does not take.
    """

    async def post(self, order: HitOrder) -> str:
        """Post a HIT and return its id; raises :class:`BudgetExhausted` when the market account's money is too low."""
        ...

    async def status(self, hit: str) -> HitStatus:
        """How a HIT stands."""
        ...

    async def assignments(self, hit: str) -> list[MarketAssignment]:
        """Every submission of a HIT, in the order they came in."""
        ...

    async def approve(self, assignment: str, feedback: str = "", *, override: bool = False) -> None:
        """Pay a submission; ``override`` takes a rejection back, which markets allow for a while.

        Raises :class:`StateError` when it was rejected (with ``override``: too long ago) or is not submitted.
        """
        ...

    async def reject(self, assignment: str, reason: str) -> None:
        """Refuse to pay a submission; its annotator reads ``reason``. Raises :class:`StateError` when it was paid."""
        ...

    async def extend(self, hit: str, places: int) -> None:
        """Let a HIT have so many places in all; raises :class:`StateError` when the market does not allow it."""
        ...

    async def expire(self, hit: str) -> None:
        """Let nobody start on a HIT any more; who is at work may finish."""
        ...

    async def bonus(self, annotator: str, assignment: str, cents: int, reason: str, token: str) -> None:
        """Pay something extra; raises :class:`BudgetExhausted` when the market account's money is too low."""
        ...

    async def bonuses(self, hit: str) -> list[MarketBonus]:
        """Every bonus that was paid for submissions of a HIT: for reconciling."""
        ...

    async def block(self, annotator: str, reason: str) -> None:
        """Let somebody accept no more HITs of this account; only the requester reads ``reason``."""
        ...

    async def unblock(self, annotator: str, reason: str) -> None:
        """Let somebody accept HITs again; fine for who is not blocked."""
        ...

    async def blocked(self) -> list[str]:
        """Everybody who is blocked: for reconciling."""
        ...

    async def notify(self, annotator: str, subject: str, text: str) -> None:
        """Write to somebody whose work was approved or rejected before; raises :class:`NotFound` for others.

        The one act that a repeat does twice: a second copy of a message harms nobody.
        """
        ...

    async def balance(self) -> int:
        """The money of the market account that is free."""
        ...

    async def find(self, annotation: str) -> list[HitStatus]:
        """Every HIT whose annotation begins so: for reconciling."""
        ...

    async def close(self) -> None:
        """Let go of the connections."""
        ...
