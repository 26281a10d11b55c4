"""Money of requesters. Every move is one insert-only ledger entry and one change of the account, in one transaction.

An account has five amounts in cents. ``deposited`` = ``available`` + ``on_hold`` + ``paid`` + ``fees`` always holds:
each entry's amounts keep it, and the database's validator refuses anything else. The account can be recomputed by
adding up the requester's entries.
"""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from pymongo.errors import DuplicateKeyError

from workers.turk.database import Database, Document, Session
from workers.turk.errors import InsufficientFunds
from workers.turk.identifiers import new_id
from workers.turk.states import Assignment

AMOUNTS = ("deposited", "available", "on_hold", "paid", "fees")


async def open_account(database: Database, requester: str, starting_balance: int, now: datetime) -> Document:
    """The requester's account, made with its starting balance at the first call."""
    account = await database.accounts.find_one({"_id": requester})
    if account is not None:
        return account

    async def act(session: Session) -> None:
        await database.accounts.insert_one({"_id": requester, **dict.fromkeys(AMOUNTS, 0)}, session=session)
        amounts = {"deposited": starting_balance, "available": starting_balance}
        if starting_balance:
            await Books(database, session, requester, now).post(f"deposit:{requester}", amounts)

    with contextlib.suppress(DuplicateKeyError):  # A concurrent first call opened it: then it only has to be read.
        await database.atomically(act)
    opened = await database.accounts.find_one({"_id": requester})
    assert opened is not None
    return opened


@dataclass(frozen=True, slots=True)
class Books:
    """One requester's account inside a running transaction."""

    database: Database
    session: Session
    requester: str
    now: datetime

    async def hold(self, hit: str, amount: int) -> None:
        """Sets money aside for a HIT; a negative amount gives it back. Raises InsufficientFunds."""
        if amount:
            entry = f"{'hold' if amount > 0 else 'release'}:{hit}:{new_id()}"
            await self.post(entry, {"available": -amount, "on_hold": amount})

    async def pay(self, assignment: Assignment, source: str) -> None:
        """Pays reward and fee of one assignment from ``source``: "on_hold", or "available" for an overridden rejection.

        The entry's id is made of the assignment's: the database refuses a second payment. Raises InsufficientFunds.
        """
        reward, fee = assignment["reward"], assignment["fee"]
        await self.post(f"pay:{assignment['_id']}", {source: -(reward + fee), "paid": reward, "fees": fee})

    async def pay_bonus(self, bonus: str, amount: int, fee: int) -> None:
        """Pays a bonus and its fee from the available balance. Raises InsufficientFunds."""
        await self.post(f"bonus:{bonus}", {"available": -(amount + fee), "paid": amount, "fees": fee})

    async def post(self, entry: str, amounts: Mapping[str, int]) -> None:
        """Inserts one entry and changes the account by its amounts. Raises InsufficientFunds."""
        covered = {name: {"$gte": -change} for name, change in amounts.items() if change < 0}
        changed = await self.database.accounts.update_one(
            {"_id": self.requester, **covered}, {"$inc": dict(amounts)}, session=self.session
        )
        if changed.matched_count == 0:
            raise InsufficientFunds
        await self.database.ledger.insert_one(
            {"_id": entry, "requester": self.requester, "at": self.now, "amounts": dict(amounts)},
            session=self.session,
        )
