"""Accounts: API tokens of one's own, users, the audit log."""

from datetime import date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field

from active_learning.domain.access import Scope, UserRole
from active_learning.domain.value import Value
from api.access import Admin, Reader
from api.deps import Opened
from api.operations import accounts, api_tokens, audit_log, viewing_accounts
from api.operations.audit_log import Checked, Wanted
from api.routers.rest import PREFIX
from api.schemas import ERRORS
from labeling_ui.contexts.accounts import TokenRow, UserRow

router = APIRouter(prefix=PREFIX, tags=["accounts"], responses=ERRORS)


class Account(Value):
    """Whoever asks. ``scopes`` is what this way in allows; ``via`` is the page or the token."""

    name: str
    role: UserRole
    scopes: tuple[Scope, ...]
    via: str


class Tokens(Value):
    """One's own API tokens, without their secrets."""

    items: tuple[TokenRow, ...]


class TokenIn(Value):
    """A token to be made: what it is called, what it may do, for how many days."""

    name: str = Field(max_length=200)
    scopes: tuple[Scope, ...] = Field(max_length=len(Scope))
    days: int = 90


class TokenMade(Value):
    """A new token. ``token`` is said only here."""

    name: str
    token: str
    expires_at: datetime


class Users(Value):
    """Everybody who may sign in."""

    items: tuple[UserRow, ...]


class UserIn(Value):
    """A user to be added, with a password or, for the organisation's accounts, without one."""

    name: str = Field(max_length=200)
    role: UserRole
    with_password: bool = True


class UserMade(Value):
    """A new user, or one with a new password. ``password`` is said only here; ``None``: none was made."""

    name: str
    password: str | None = None


class UserChange(Value):
    """What to change of a user; what is left out stays. ``renew_password`` asks for a generated one."""

    role: UserRole | None = None
    disabled: bool | None = None
    renew_password: bool = False


class Entry(Value):
    """One act. ``words`` say it; ``hash`` is over this entry and the hash of the one before."""

    number: int
    at: datetime
    by: str
    via: str
    address: str
    act: str
    words: str
    category: str
    refused: str
    about: dict[str, Any]
    hash: str


class Entries(Value):
    """Some of the audit log, the newest first. ``next``: what to send as ``before`` for more; ``None``: that is all."""

    items: tuple[Entry, ...]
    next: int | None


@router.get("/account")
async def get_account(me: Reader) -> Account:
    """Who is signed in, and what this way in allows."""
    return Account(name=me.name, role=me.role, scopes=tuple(s for s in Scope if me.may(s)), via=me.via)


@router.get("/account/tokens")
async def list_tokens(w: Opened, me: Reader) -> Tokens:
    """One's own API tokens."""
    return Tokens(items=await viewing_accounts.tokens(w, me.name))


@router.post("/account/tokens", status_code=201)
async def create_token(w: Opened, me: Reader, body: TokenIn) -> TokenMade:
    """Make an API token. It may not do more, nor last longer, than the token that it is made with."""
    let = await api_tokens.make(w, me, body.name, body.scopes, body.days)
    return TokenMade(name=let.name, token=let.key, expires_at=let.expires_at)


@router.delete("/account/tokens/{name}", status_code=204)
async def delete_token(w: Opened, me: Reader, name: str) -> None:
    """Revoke one of one's own API tokens."""
    await api_tokens.revoke(w, me.name, name)


@router.get("/users")
async def list_users(w: Opened, me: Admin) -> Users:
    """Everybody who may sign in."""
    return Users(items=await viewing_accounts.user_rows(w))


@router.post("/users", status_code=201)
async def create_user(w: Opened, me: Admin, body: UserIn) -> UserMade:
    """Add a user."""
    name = accounts.check_name(body.name)
    if not body.with_password:
        await accounts.enrol(w, name, body.role, {})
        return UserMade(name=name)
    return UserMade(name=name, password=await accounts.add(w, name, body.role))


@router.patch("/users/{name}")
async def change_user(w: Opened, me: Admin, name: str, body: UserChange) -> UserMade:
    """Change a user's role, disable or enable him, give him a new password."""
    await accounts.change(w, name, body.role, body.disabled)
    return UserMade(name=name, password=await accounts.new_password(w, name) if body.renew_password else None)


@router.get("/audit-log")
async def list_audit_log(
    w: Opened,
    me: Admin,
    by: Annotated[str, Query(max_length=200)] = "",
    category: Annotated[str, Query(max_length=200)] = "",
    act: Annotated[str, Query(max_length=200)] = "",
    until: date | None = None,
    before: Annotated[int | None, Query(ge=1, le=2**53)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> Entries:
    """Who did what, the newest first."""
    wanted = Wanted(by=by, category=category, act=act, until=until)
    found = await audit_log.newest(w, wanted, before, limit + 1)
    items = tuple(Entry.model_validate({**audit_log.row(one), "about": one["about"]}) for one in found[:limit])
    return Entries(items=items, next=items[-1].number if len(found) > limit else None)


@router.get("/audit-log/check")
async def check_audit_log(w: Opened, me: Admin, after: Annotated[int, Query(ge=0, le=2**53)] = 0) -> Checked:
    """Whether the next 10,000 entries behind a number fit together; go on behind ``to`` until it is ``newest``."""
    return await audit_log.check(w, after)
