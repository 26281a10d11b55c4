"""``./winnow users`` and ``./winnow audit-log``: who may sign in, and who did what, from the machine itself."""

import asyncio
import csv
import sys
from pathlib import Path
from typing import IO, Annotated

import typer
from rich.progress import Progress
from rich.table import Table

from active_learning.domain.access import UserRole
from active_learning.domain.errors import InputError, StateError
from api.operations import accounts, audit_log, viewing_accounts
from api.operations.audit_log import Checked, Wanted
from api.operations.context import Winnow
from deploy.terminal import DEFAULT_DATA, Data, console, opened
from labeling_ui.wording import when

users_app = typer.Typer(help="List, add and change the users of the pages.", no_args_is_help=True)
audit_app = typer.Typer(help="Check the audit log, and take it home.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="The user's name.")]
ASK = "Asks for the password instead of making one."


@users_app.command("list")
def users_list(data: Data = DEFAULT_DATA) -> None:
    """List the users."""

    async def run() -> None:
        async with opened(data) as w:
            table = Table("name", "role", "signs in with", "last signed in", "tokens", header_style="bold")
            for user in await viewing_accounts.user_rows(w):
                way = {"password": "a password"}.get(user.way, "the organisation's account")
                seen = when(user.seen_at) if user.seen_at else "never"
                role = f"{user.role}, disabled" if user.disabled else str(user.role)
                table.add_row(user.name, role, way, seen, f"{user.tokens:,}")
            console.print(table)

    asyncio.run(run())


@users_app.command("add")
def users_add(
    name: Name,
    role: Annotated[UserRole, typer.Option(help="What the user may do.")] = UserRole.RESEARCHER,
    ask: Annotated[bool, typer.Option("--ask", help=ASK)] = False,
    elsewhere: Annotated[
        bool, typer.Option("--elsewhere", help="No password: signs in with the organisation's account of this e-mail.")
    ] = False,
    data: Data = DEFAULT_DATA,
) -> None:
    """Add a user, and print the password, which is kept nowhere."""
    if ask and elsewhere:
        raise InputError("Either --ask or --elsewhere.", "Who signs in elsewhere has no password here.")
    small, password = accounts.check_name(name), _asked() if ask else None

    async def run() -> None:
        async with opened(data, "users.add_user", name=small, role=role.value) as w:
            if elsewhere:
                await accounts.enrol(w, small, role, {})
                console.print(f"'{small}' can sign in with the account of this e-mail address.")
                return
            made = await accounts.add(w, small, role, password)
            _say_password(small, None if password else made)

    asyncio.run(run())


@users_app.command("password")
def users_password(
    name: Name, ask: Annotated[bool, typer.Option("--ask", help=ASK)] = False, data: Data = DEFAULT_DATA
) -> None:
    """Give a user a new password, and end the user's sign-ins. Also for an admin who has forgotten his."""
    password = _asked() if ask else None

    async def run() -> None:
        async with opened(data, "users.new_password", name=name) as w:
            if password is None:
                _say_password(name, await accounts.new_password(w, name))
            else:
                await accounts.change(w, name, password=password)
                _say_password(name, None)

    asyncio.run(run())


@users_app.command("role")
def users_role(
    name: Name, role: Annotated[UserRole, typer.Argument(help="The new role.")], data: Data = DEFAULT_DATA
) -> None:
    """Give a user another role."""

    async def run() -> None:
        async with opened(data, "users.change_role", name=name, role=role.value) as w:
            await accounts.change(w, name, role)
            console.print(f"'{name}' is {role} now.")

    asyncio.run(run())


@users_app.command("disable")
def users_disable(name: Name, data: Data = DEFAULT_DATA) -> None:
    """Let a user in no more, by password or token; what the user did stays."""
    _able(name, data, disabled=True)


@users_app.command("enable")
def users_enable(name: Name, data: Data = DEFAULT_DATA) -> None:
    """Let a user in again."""
    _able(name, data, disabled=False)


def _able(name: str, data: Path, disabled: bool) -> None:
    async def run() -> None:
        async with opened(data, "users.disable_user" if disabled else "users.enable_user", name=name) as w:
            await accounts.change(w, name, disabled=disabled)
            console.print(f"'{name}' may {'not ' if disabled else ''}sign in.")

    asyncio.run(run())


def _asked() -> str:
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))


def _say_password(name: str, password: str | None) -> None:
    shown = f"password [b]{password}[/b]  (shown only now)" if password else "has the new password."
    console.print(f"[b]{name}[/b]  {shown}")


@audit_app.command("verify")
def audit_verify(
    noted: Annotated[
        str | None, typer.Option(help="NUMBER:HASH of an earlier check: nothing before it was changed or cut off.")
    ] = None,
    data: Data = DEFAULT_DATA,
) -> None:
    """Check that no entry was changed or removed; exit code 3 when one was."""

    async def run() -> None:
        async with opened(data) as w:
            if noted is not None and not await audit_log.stands_as_noted(w, noted):
                raise StateError(
                    f"Entry {noted.partition(':')[0]} is not the one that was noted.", "The log was changed."
                )
            checked = await _check(w)
            if checked.broken is not None:
                raise StateError(
                    f"Entry {checked.broken} is missing or was changed after it was written.",
                    f"Those up to {checked.to} fit together.",
                )
            console.print(f"All {checked.to:,} entries fit together.")
            console.print(f"Note this somewhere else: {checked.to}:{checked.head}", soft_wrap=True)

    asyncio.run(run())


async def _check(w: Winnow) -> Checked:
    """Check all entries, a bounded number at a time."""
    checked = await audit_log.check(w)
    with Progress(console=console, transient=True) as progress:
        bar = progress.add_task("Checking", total=checked.newest)
        while checked.broken is None and checked.to < checked.newest:
            progress.update(bar, completed=checked.to, total=checked.newest)
            checked = await audit_log.check(w, checked.to)
    return checked


@audit_app.command("export")
def audit_export(
    out: Annotated[Path | None, typer.Option(help="CSV file; left out: to the terminal.")] = None,
    by: Annotated[str, typer.Option(help="Only what this user did.")] = "",
    category: Annotated[str, typer.Option(help="Only what is about this category.")] = "",
    until: Annotated[str, typer.Option(help="Up to the end of this day, UTC: 2026-03-01.")] = "",
    data: Data = DEFAULT_DATA,
) -> None:
    """Write the audit log as a table, the oldest entry first."""
    wanted = Wanted(by=by, category=category, until=viewing_accounts.day(until))

    async def run(file: IO[str]) -> int:
        number, table = 0, csv.DictWriter(file, audit_log.COLUMNS)
        table.writeheader()
        async with opened(data) as w:
            async for row in audit_log.rows(w, wanted):
                table.writerow(row)
                number += 1
        return number

    if out is None:
        asyncio.run(run(sys.stdout))
        return
    partial = out.with_name(out.name + ".partial")
    with partial.open("w", newline="", encoding="utf-8") as file:
        number = asyncio.run(run(file))
    partial.replace(out)
    console.print(f"{number:,} entries in {out}.")


app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False)
app.add_typer(users_app, name="users")
app.add_typer(audit_app, name="audit-log")
