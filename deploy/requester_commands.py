"""``./winnow requesters``: who may post HITs at our own marketplace, with which access keys and how much money."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Annotated

import typer
from rich.table import Table

from active_learning.domain.errors import InputError
from deploy import stack
from deploy.terminal import DEFAULT_DATA, Data, console, local_settings
from labeling_ui.wording import when
from workers.turk import invitations, passwords, registration, requesters, tenants
from workers.turk.clock import system_clock
from workers.turk.database import Database
from workers.turk.errors import TurkError
from workers.turk.money import cents, dollars
from workers.turk.settings import TurkSettings

requesters_app = typer.Typer(help="Who may post HITs at the marketplace: access keys and money.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="The requester's name, such as my-lab.")]


@requesters_app.command("add")
def add(name: Name, data: Data = DEFAULT_DATA) -> None:
    """Make an access key, and print its secret, which is kept nowhere. The first one makes the requester."""

    async def run() -> None:
        async with _marketplace(data) as (database, settings):
            key, secret = await tenants.make_key(database, settings, name, system_clock())
            console.print(f"An access key of {name}. Its secret is shown now and never again:\n")
            console.print(f"    export AWS_ENDPOINT_URL_MTURK={settings.public_url}", soft_wrap=True)
            console.print(f"    export AWS_ACCESS_KEY_ID={key}\n    export AWS_SECRET_ACCESS_KEY={secret}")

    asyncio.run(run())


@requesters_app.command("password")
def password(name: Name, data: Data = DEFAULT_DATA) -> None:
    """Give a requester a new password for the requesters' pages, and print it. Open sessions end."""

    async def run() -> None:
        async with _marketplace(data) as (database, settings):
            made = passwords.generated()
            await requesters.set_password(database, name, made)
            console.print(f"{name} signs in at {settings.public_url}/requester with this password:\n", soft_wrap=True)
            console.print(f"    {made}\n\nIt can be changed there.", markup=False)

    asyncio.run(run())


@requesters_app.command("invite")
def invite(
    people: Annotated[int, typer.Option(help="How many people can sign up with the link.")] = 1,
    days: Annotated[int, typer.Option(min=1, max=366, help="For how many days it can be used.")] = 14,
    note: Annotated[str, typer.Option(help="For whom it is; only you see it.")] = "",
    name: Annotated[str | None, typer.Option("--requester", help="Whose invitation it is; yours when absent.")] = None,
    data: Data = DEFAULT_DATA,
) -> None:
    """Print a link by which people sign up as workers."""

    async def run() -> None:
        async with _marketplace(data) as (database, settings):
            if name is not None and name not in {account["_id"] for account in await tenants.accounts(database)}:
                raise InputError(f"There is no requester {name[:80]!r}.")
            now = system_clock()
            until = now + timedelta(days=days)
            made = await invitations.make(database, name, now, uses=people, until=until, note=note)
            console.print(f"For {people} until {when(until)}:\n")
            console.print(f"    {settings.public_url}{invitations.path(made['_id'])}", soft_wrap=True)

    asyncio.run(run())


@requesters_app.command("worker-password")
def worker_password(
    who: Annotated[str, typer.Argument(help="The worker's name or WorkerId.")], data: Data = DEFAULT_DATA
) -> None:
    """Give a worker who has forgotten hers a new password, and print it. Her open sessions end."""

    async def run() -> None:
        async with _marketplace(data) as (database, _):
            worker, made = await registration.reset_password(database, who)
            console.print(f"{worker['name']} ({worker['_id']}) signs in with this password:\n", markup=False)
            console.print(f"    {made}\n\nIt can be changed on the account page.", markup=False)

    asyncio.run(run())


@requesters_app.command("list")
def list_(data: Data = DEFAULT_DATA) -> None:
    """List requesters with their money, and their access keys."""

    async def run() -> None:
        async with _marketplace(data) as (database, settings):
            money = Table("requester", "available", "on hold", "paid", "fees", header_style="bold")
            for account in await tenants.accounts(database):
                amounts = (account[name] for name in ("available", "on_hold", "paid", "fees"))
                money.add_row(account["_id"], *(f"${dollars(amount)}" for amount in amounts))
            console.print(money)
            keys = Table("access key", "requester", "made", "works", header_style="bold")
            first = tenants.first_key(settings)
            if first is not None:
                keys.add_row(first[0], first[0], "by the settings", "yes")
            for key in await tenants.keys(database):
                ended = key["revoked_at"]
                keys.add_row(
                    key["_id"],
                    key["requester"],
                    when(key["created_at"]),
                    "yes" if ended is None else f"no, revoked {when(ended)}",
                )
            console.print(keys)

    asyncio.run(run())


@requesters_app.command("revoke")
def revoke(
    key: Annotated[str, typer.Argument(help="The access key, as `list` names it.")], data: Data = DEFAULT_DATA
) -> None:
    """End an access key at once. HITs and money stay the requester's."""

    async def run() -> None:
        async with _marketplace(data) as (database, _):
            ended = await tenants.revoke(database, key, system_clock())
            console.print(f"{key} of {ended['requester']} lets nobody in any more.")

    asyncio.run(run())


@requesters_app.command("deposit")
def deposit(
    name: Name,
    amount: Annotated[str, typer.Argument(help="US dollars, such as 250 or 12.50.")],
    data: Data = DEFAULT_DATA,
) -> None:
    """Add prepaid money to a requester's account. Each call adds."""

    async def run() -> None:
        async with _marketplace(data) as (database, _):
            account = await tenants.deposit(database, name, cents(amount, "The amount"), system_clock())
            console.print(f"{name} has ${dollars(account['available'])} that is free.")

    asyncio.run(run())


@asynccontextmanager
async def _marketplace(data: Data) -> AsyncIterator[tuple[Database, TurkSettings]]:
    """The database and the settings of our own marketplace; what it refuses is an error of ours."""
    with local_settings(data) as local:
        told = {**stack.market_environment(local), **stack.market_address(data)}
        settings = TurkSettings.from_env({**stack.environment(), **told})
        database = Database(settings.mongodb_uri, settings.database)
        try:
            await database.prepare()
            yield database, settings
        except TurkError as refused:
            raise InputError(refused.message) from refused
        finally:
            await database.close()


app = typer.Typer(add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False)
app.add_typer(requesters_app, name="requesters")
