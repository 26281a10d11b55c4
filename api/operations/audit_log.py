"""Who did what when: written before an act is carried out, never changed. Reading it, checking it, taking it home."""

import json
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, date, datetime, time
from typing import Any

from active_learning.domain.access import Actor
from active_learning.domain.errors import InputError
from active_learning.domain.value import Value
from api.operations.context import Winnow
from api.store.connection import Document
from labeling_ui import acts

SECRET = frozenset({"password", "new_password", "old_password", "again", "token", "secret"})
LONGEST = 200
MOST_FACTS = 40
WORD = 2**63
"""MongoDB's integers have 64 bits."""

COLUMNS = ("number", "at", "by", "via", "address", "act", "words", "category", "refused", "about", "hash")
CHECKED_AT_ONCE = 10_000


class Wanted(Value):
    """Which entries: of somebody, about a category, of one kind, up to the end of a day (UTC); empty: all."""

    by: str = ""
    category: str = ""
    act: str = ""
    until: date | None = None


class Checked(Value):
    """What a check of the chain of hashes has found: entries up to ``to`` fit together, of ``newest`` in all.

    ``broken`` is the first that is missing or was changed. ``head`` is the hash of the entry ``to``: noted somewhere
    else, it shows later that nothing before it was changed or cut off.
    """

    to: int
    newest: int
    broken: int | None = None
    head: str = ""


async def record(
    w: Winnow, actor: Actor | None, act: str, about: Mapping[str, Any], refused: str = "", address: str = ""
) -> int:
    """Note an act: its name, what it is about (values are cut to 200 characters, secrets left out), who and from where.

    ``refused`` says why it was not done. Returns the entry's number.
    """
    facts = [(name, value) for name, value in about.items() if name.lower() not in SECRET]
    told = {_text(name): _plain(value) for name, value in facts[:MOST_FACTS]}
    if len(facts) > MOST_FACTS:
        told["and"] = f"{len(facts) - MOST_FACTS} more"
    return await w.store.audit_log.append(
        {
            "at": w.clock(),
            "by": actor.name if actor else "",
            "via": actor.via if actor else "",
            "address": address,
            "act": act,
            "category": str(told.get("slug") or told.get("category") or ""),
            "about": told,
            "refused": refused[:LONGEST],
        }
    )


def _plain(value: object) -> object:
    if isinstance(value, bool | float) or value is None or (isinstance(value, int) and -WORD <= value < WORD):
        return value
    return _text(value)


def _text(value: object) -> str:
    """Text that MongoDB takes, however odd it was sent."""
    text = str(value).replace("\0", "\ufffd").encode("utf-8", "replace").decode()
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def said(entry: Mapping[str, Any]) -> str:
    """The entry as a sentence: 'ann paused the category car'."""
    who = entry["by"] or "Somebody"
    words = acts.said(entry["act"], entry["about"])
    return f"{who} tried, and was refused: {words}" if entry["refused"] else f"{who} {words}"


async def newest(w: Winnow, wanted: Wanted, before: int | None, limit: int) -> list[Document]:
    """Up to ``limit`` entries, the newest first, below the number ``before``."""
    if wanted.until is not None:
        number = await w.store.audit_log.number_after(datetime.combine(wanted.until, time.max, UTC))
        before = min(filter(None, (number, before)), default=None)
    return await w.store.audit_log.newest(_only(wanted), before, limit)


def _only(wanted: Wanted) -> dict[str, Any]:
    only: dict[str, Any] = {name: value for name in ("by", "category") if (value := getattr(wanted, name))}
    return {**only, "act": {"$in": acts.alike(wanted.act)}} if wanted.act else only


async def rows(w: Winnow, wanted: Wanted) -> AsyncIterator[Mapping[str, Any]]:
    """The entries as rows of :data:`COLUMNS`, the oldest first."""
    async for entry in w.store.audit_log.all(_only(wanted)):
        if wanted.until is not None and entry["at"].date() > wanted.until:
            return
        yield row(entry)


def row(entry: Mapping[str, Any]) -> dict[str, Any]:
    """One entry as a row of :data:`COLUMNS`."""
    plain = {name: entry[name] for name in ("by", "via", "address", "act", "category", "refused", "hash")}
    about = json.dumps(entry["about"], ensure_ascii=False, default=str)
    return {"number": entry["_id"], "at": entry["at"].isoformat(), "words": said(entry), "about": about, **plain}


async def check(w: Winnow, after: int = 0, limit: int = CHECKED_AT_ONCE) -> Checked:
    """Check up to ``limit`` entries behind the number ``after``; whoever wants all goes on where this has ended."""
    last, _ = await w.store.audit_log.last()
    to, broken = await w.store.audit_log.check(after, limit)
    return Checked(to=to, newest=last, broken=broken, head=await w.store.audit_log.hash_of(to) or "")


async def stands_as_noted(w: Winnow, noted: str) -> bool:
    """Whether the entry that somebody has noted as ``NUMBER:HASH`` is still there, unchanged.

    Raises :class:`InputError` for what is no such note.
    """
    number, _, head = noted.partition(":")
    if not number.isdecimal() or len(head) != 64:
        raise InputError(f"'{noted[:80]}' is no note of an entry.", "It looks like 123: and 64 hexadecimal digits.")
    return await w.store.audit_log.hash_of(int(number)) == head
