"""What every command shares: the terminal, the common options, the way to the database."""

import getpass
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from active_learning.domain.access import command_line
from api.operations import audit_log
from api.operations.context import Winnow, open_winnow
from api.settings import Settings
from deploy import stack

console = Console(highlight=False)
errors = Console(stderr=True, highlight=False, soft_wrap=True)

DEFAULT_DATA = Path("winnow-data")

Data = Annotated[Path, typer.Option("--data", help="Folder that holds the local database, logs and secret.")]
Host = Annotated[str, typer.Option(help="Address to listen on. 0.0.0.0 lets other machines in: read the README first.")]
WebPort = Annotated[int, typer.Option("--port", help="Port of the pages.")]
MarketPort = Annotated[int, typer.Option("--market-port", help="Port of the marketplace.")]
Slug = Annotated[str, typer.Argument(help="The category, as `./winnow category list` names it.")]


@contextmanager
def local_settings(data: Path) -> Iterator[Settings]:
    """Settings with a database: WINNOW_MONGODB_URI, or the local one of the data folder."""
    env = stack.environment()
    data.mkdir(parents=True, exist_ok=True)
    with stack.database(data, env) as uri:
        yield stack.local_settings(data, uri, stack.remembered(data), env)


@asynccontextmanager
async def opened(data: Path, act: str = "", **about: object) -> AsyncIterator[Winnow]:
    """Open connections for a command. One that changes something names its act: the audit log has it first."""
    with local_settings(data) as settings:
        async with open_winnow(settings) as w:
            if act:
                await note(w, act, **about)
            yield w


async def note(w: Winnow, act: str, **about: object) -> None:
    """Write into the audit log what whoever has the shell is about to do."""
    await audit_log.record(w, command_line(shell_user()), act, about)


def shell_user() -> str:
    """Whoever has the shell."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return "somebody"
