"""What goes wrong on purpose: the marketplace behaves as markets do on bad days, for tests of programs that use it.

Off unless the setting ``chaos`` names switches: ``"seed=7,throttle=0.1,late_submits=600,reuse_assignment_ids"``. A
number is a chance from 0 to 1, or seconds where it says so. The seed fixes the dice, not the order of what is asked.

throttle              a call is turned away with ThrottlingException, and nothing happens
fail_after_commit     a call is carried out and answered with 500 ServiceFault
insufficient_funds    a call that needs money finds none
approve_too_early     so many seconds after a submission, approving and rejecting fail with a status of null
lose, double, reorder a notification is never sent, sent twice, sent later than those after it
late_submits          so many seconds after its deadline an assignment can still be submitted
reuse_assignment_ids  who accepts gets the id of an assignment that was returned
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from typing import Any

from workers.turk.database import Database
from workers.turk.errors import Disturbed, InsufficientFunds, RequestRefused, SettingsError
from workers.turk.states import AssignmentState

COSTLY = frozenset({"CreateAdditionalAssignmentsForHIT", "CreateHIT", "CreateHITWithHITType", "SendBonus"})
DECIDING = frozenset({"ApproveAssignment", "RejectAssignment"})
LATER_SECONDS = 30.0
_CHANCES = frozenset({"throttle", "fail_after_commit", "insufficient_funds", "lose", "double", "reorder"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Chaos:
    """The switches, and the dice that they throw."""

    seed: int = 0
    throttle: float = 0.0
    fail_after_commit: float = 0.0
    insufficient_funds: float = 0.0
    approve_too_early: float = 0.0
    lose: float = 0.0
    double: float = 0.0
    reorder: float = 0.0
    late_submits: float = 0.0
    reuse_assignment_ids: bool = False
    dice: random.Random = field(default_factory=random.Random, repr=False, compare=False)

    def happens(self, switch: str) -> bool:
        """Whether it goes wrong this time."""
        chance: float = getattr(self, switch)
        return chance > 0 and self.dice.random() < chance

    def later(self) -> timedelta:
        """How long a reordered notification is kept back."""
        return timedelta(seconds=self.dice.uniform(1, LATER_SECONDS))

    async def before(
        self, database: Database, requester: str, operation: str, parameters: Mapping[str, Any], now: datetime
    ) -> None:
        """Part of each API call before it is carried out. Raises Disturbed or RequestRefused."""
        if self.happens("throttle"):
            raise Disturbed(400, "ThrottlingException", "Rate exceeded")
        if operation in COSTLY and self.happens("insufficient_funds"):
            raise InsufficientFunds
        if operation in DECIDING and self.approve_too_early:
            early = {
                "_id": parameters["AssignmentId"],
                "requester": requester,
                "state": AssignmentState.SUBMITTED,
                "submitted_at": {"$gt": now - timedelta(seconds=self.approve_too_early)},
            }
            if await database.assignments.find_one(early, {"_id": 1}):
                raise RequestRefused(
                    "AWS.MechanicalTurk.InvalidAssignmentState",
                    "This operation can be called with a status of: null",
                )

    def after(self) -> None:
        """Part of each API call that was carried out. Raises Disturbed."""
        if self.happens("fail_after_commit"):
            raise Disturbed(500, "ServiceFault", "The service failed. The call may have been carried out.")


CALM = Chaos()
"""Nothing goes wrong on purpose."""


def read_chaos(text: str) -> Chaos:
    """The switches of the setting ``chaos``. Raises SettingsError for an unknown or impossible one."""
    kinds = {spec.name: spec.type for spec in fields(Chaos) if spec.name != "dice"}
    given: dict[str, Any] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        name, equals, value = part.partition("=")
        if name not in kinds:
            raise SettingsError(f"chaos has no switch {name!r}. It has: {', '.join(kinds)}.")
        given[name] = _value(name, kinds[name], value, bool(equals))
    return Chaos(**given, dice=random.Random(given.get("seed", 0)))


def _value(name: str, kind: Any, text: str, given: bool) -> Any:
    if kind is bool:
        if given:
            raise SettingsError(f"chaos: {name} is written without a value.")
        return True
    try:
        value = kind(text)
    except ValueError:
        raise SettingsError(f"chaos: {name} needs a number, as in {name}=1.") from None
    if not 0 <= value <= (1 if name in _CHANCES else 31_536_000):
        raise SettingsError(f"chaos: {name} must be {'a chance from 0 to 1' if name in _CHANCES else '0 or more'}.")
    return value
