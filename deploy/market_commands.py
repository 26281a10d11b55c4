"""The commands about money and the market: compare both ledgers, and say what a round will cost."""

import asyncio
from typing import Annotated

import typer
from rich.table import Table

from active_learning.domain.errors import WinnowError
from api.operations import pricing
from deploy.terminal import DEFAULT_DATA, Data, Slug, console, opened
from workers.jobs.desk import open_desk
from workers.jobs.reconcile import Reconciled, at_markets, reconcile


def reconcile_command(
    slug: Annotated[str | None, typer.Argument(help="One category; all of them when left out.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what differs; change nothing.")] = False,
    data: Data = DEFAULT_DATA,
) -> None:
    """Compare the ledger with the market's and mend both: HITs, submissions, payments that one side does not know.

    The worker does it by itself every ten minutes. Ends with 1 where something is left that a person must look at.
    """

    async def run() -> int:
        acts = () if dry_run else ("market.reconcile",)
        async with opened(data, *acts, category=slug or "all") as w, open_desk(w) as desk:
            slugs = [slug] if slug else [document["_id"] for document in await w.store.categories.all()]
            left = 0
            async for there, name, hits in at_markets(desk, slugs):
                left += _print(name, await reconcile(there, name, hits, mend=not dry_run), dry_run)
            return left

    raise typer.Exit(int(asyncio.run(run()) > 0))


def _print(slug: str, done: Reconciled, dry_run: bool) -> int:
    """Show what differed; returns how much of it is left."""
    if not done.found:
        console.print(f"{slug}: the ledger and the market agree about {done.hits:,} HITs.")
        return 0
    table = Table("HIT", "assignment", "what differs", *([] if dry_run else ["what was done"]), title=slug)
    for one in done.found:
        table.add_row(one.hit, one.assignment, one.words, *([] if dry_run else [one.outcome]))
    console.print(table)
    left = sum(not one.mended for one in done.found)
    if dry_run:
        console.print(f"{left:,} differ. Nothing was changed: ./winnow reconcile {slug} mends them.")
    elif left:
        console.print(f"[red]{left:,} of {len(done.found):,} are left: look at them.[/red]")
    return left


def cost_command(slug: Slug, data: Data = DEFAULT_DATA) -> None:
    """Say what the next round will cost at most, before anybody is asked; nothing is posted."""

    async def run() -> None:
        async with opened(data) as w:
            price = await pricing.next_round(w, slug)
            async with open_desk(w) as desk:
                try:
                    free: int | None = await (await desk.of(slug)).market.balance()
                except WinnowError:
                    free = None
            _print_price(slug, price, free)

    asyncio.run(run())


def _print_price(slug: str, price: pricing.Price, free: int | None) -> None:
    if not price.tasks:
        console.print(f"{slug}: no round comes: {price.why or 'nothing is to be asked'}.")
    else:
        wave = f", wave {price.wave}" if price.wave > 1 else ""
        console.print(
            f"Round {price.round}{wave}: {price.images:,} images in {price.tasks:,} tasks, {price.assignments:,} "
            f"assignments.\nAt most {_usd(price.cents)}: {_usd(price.people_cents)} for people, "
            f"{_usd(price.cents - price.people_cents)} for the market."
        )
    console.print(
        f"Of the budget of {_usd(price.budget_cents)}, {_usd(price.spent_cents)} is paid, "
        f"{_usd(price.committed_cents)} promised, {_usd(price.left_cents)} left."
    )
    if price.covered < price.tasks:
        console.print(f"[red]The budget covers {price.covered:,} of these tasks; the others would not be posted.[/red]")
    if free is None:
        console.print("The market does not say what money it holds.")
    else:
        short = " [red]Too little for this round.[/red]" if free < price.cents else ""
        console.print(f"The market account has {_usd(free)} free.{short}")


def _usd(cents: int) -> str:
    return f"${cents / 100:,.2f}"
