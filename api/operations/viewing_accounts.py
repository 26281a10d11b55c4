"""What the pages about accounts show: one's own, everybody's, the audit log."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from active_learning.domain.access import SCOPES, Actor, Scope, UserRole
from active_learning.domain.errors import InputError
from api.operations import accounts, audit_log, passwords
from api.operations.audit_log import Wanted
from api.operations.context import Winnow
from api.store.connection import Document
from labeling_ui import acts
from labeling_ui.contexts import accounts as shown

AT_ONCE = 100
"""Entries of the audit log on one page."""

BROWSERS = (("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
SYSTEMS = (("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows"), ("Mac OS", "macOS"))
"""Earlier ones win: they call themselves by the later names too."""


async def account_page(w: Winnow, me: Actor, key: str = "", **said: Any) -> shown.AccountPage:
    """One's own account; ``key`` is that of the cookie which the page was asked with, ``said`` more fields of it."""
    user = await accounts.find(w, me.name)
    here, now = accounts.digest(key), w.clock()
    return shown.AccountPage(
        name=me.name,
        role=me.role,
        scopes=_ordered(SCOPES[me.role]),
        has_password=user["password"] is not None,
        lent=user.get("lent", False),
        shortest=passwords.SHORTEST,
        sign_ins=tuple(_sign_in(one, here) for one in await w.store.sign_ins.of(me.name) if one["expires_at"] > now),
        tokens=await tokens(w, me.name),
        base=w.settings.public_url,
        **said,
    )


async def tokens(w: Winnow, user: str) -> tuple[shown.TokenRow, ...]:
    """A user's API tokens that still let in, the newest first."""
    now = w.clock()
    return tuple(
        shown.TokenRow(
            name=one["name"],
            scopes=_ordered(Scope(scope) for scope in one["scopes"]),
            made_at=one["made_at"],
            used_at=one["used_at"],
            expires_at=one["expires_at"],
        )
        for one in await w.store.tokens.of(user)
        if one["expires_at"] > now
    )


def _ordered(scopes: Any) -> tuple[Scope, ...]:
    wanted = set(scopes)
    return tuple(scope for scope in Scope if scope in wanted)


def _sign_in(one: Document, here: str) -> shown.SignInRow:
    return shown.SignInRow(
        browser=browser(one.get("agent", "")),
        address=one.get("address", ""),
        way=one.get("way", "password"),
        made_at=one["made_at"],
        seen_at=one.get("seen_at", one["made_at"]),
        here=one["_id"] == here,
    )


def browser(agent: str) -> str:
    """What a browser calls itself, in two words: 'Firefox on Linux'."""
    name = next((title for word, title in BROWSERS if word in agent), "A browser")
    system = next((title for word, title in SYSTEMS if word in agent), "Linux" if "Linux" in agent else "")
    return f"{name} on {system}" if system else name


async def user_rows(w: Winnow) -> tuple[shown.UserRow, ...]:
    """Everybody who may sign in, by name."""
    now = w.clock()
    signed_in, given = await w.store.sign_ins.numbers(now), await w.store.tokens.numbers(now)
    return tuple(
        shown.UserRow(
            name=user["_id"],
            role=UserRole(user["role"]),
            disabled=user["disabled"],
            way="password" if user["password"] is not None else "elsewhere",
            lent=user.get("lent", False),
            made_at=user["made_at"],
            seen_at=user["seen_at"],
            sign_ins=signed_in.get(user["_id"], 0),
            tokens=given.get(user["_id"], 0),
        )
        for user in await w.store.users.all()
    )


async def users_page(w: Winnow, **said: Any) -> shown.UsersPage:
    """Everybody who may sign in; ``said`` are more fields of the page."""
    return shown.UsersPage(users=await user_rows(w), elsewhere=w.settings.oidc_title, **said)


async def audit_page(
    w: Winnow, wanted: Wanted, filter: shown.AuditFilter, before: int | None, check_after: int | None
) -> shown.AuditLogPage:
    """A page of the audit log below the number ``before``; with a check of the entries behind ``check_after``."""
    found = await audit_log.newest(w, wanted, before, AT_ONCE + 1)
    checked = None if check_after is None else await audit_log.check(w, check_after)
    return shown.AuditLogPage(
        rows=tuple(map(_audit_row, found[:AT_ONCE])),
        filter=filter,
        people=tuple(user["_id"] for user in await w.store.users.all()),
        acts=acts.TITLES,
        check=None if checked is None else shown.AuditCheck(**checked.model_dump()),
        first=before is None,
        next=found[AT_ONCE - 1]["_id"] if len(found) > AT_ONCE else None,
    )


def _audit_row(entry: Mapping[str, Any]) -> shown.AuditRow:
    return shown.AuditRow(
        number=entry["_id"],
        at=entry["at"],
        by=entry["by"] or "Somebody",
        words=acts.said(entry["act"], entry["about"]),
        way="" if entry["via"] == "page" else entry["via"],
        address=entry["address"],
        category=entry["category"],
        refused=entry["refused"],
        about=tuple((name, _told(value)) for name, value in entry["about"].items()),
    )


def _told(value: object) -> str:
    return str({True: "yes", False: "no", None: "not said"}[value] if isinstance(value, bool | None) else value)


def day(text: str) -> date | None:
    """A day as browsers send it, ``None`` for none; raises :class:`InputError` for what is no day."""
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise InputError(f"'{text[:40]}' is no day.", "It looks like 2026-03-01.") from error
