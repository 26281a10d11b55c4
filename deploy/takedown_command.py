"""``./winnow takedown``: remove what somebody has asked to be removed, and refuse it from now on."""

import asyncio
import getpass
from typing import Annotated

import typer

from active_learning.domain.errors import InputError
from api.operations import takedown as acts
from deploy.terminal import DEFAULT_DATA, Data, console, opened


def takedown(
    why: Annotated[str, typer.Option(help="The reason, for the record.")],
    url: Annotated[str | None, typer.Option(help="Everything found at this address.")] = None,
    author: Annotated[str | None, typer.Option(help="Everything by this author; needs --source.")] = None,
    source: Annotated[str | None, typer.Option(help="The source that names the author: flickr, commons, ...")] = None,
    image: Annotated[str | None, typer.Option(help="The image with this sha256.")] = None,
    by: Annotated[str, typer.Option(help="Who asks, for the record.")] = getpass.getuser(),
    data: Data = DEFAULT_DATA,
) -> None:
    """Remove images by URL, author or hash from every pool and store, and never let them in again."""
    if sum(given is not None for given in (url, author, image)) != 1:
        raise InputError("Say what to take down.", "Give one of --url, --author (with --source) and --image.")
    if author is not None and source is None:
        raise InputError("--author needs --source.", "Authors are named by their source, such as --source flickr.")

    async def run() -> None:
        asked = {"url": url, "author": author, "source": source, "image": image}
        async with opened(data, "takedown", why=why, asked_by=by, **{k: v for k, v in asked.items() if v}) as w:
            if url is not None:
                gone = await acts.by_url(w, url, by, why)
            elif author is not None:
                gone = await acts.by_author(w, source or "", author, by, why)
            else:
                gone = await acts.by_image(w, image or "", by, why)
            console.print(
                f"Removed: images {len(gone.images):,}, candidates {gone.candidates:,}."
                " More of it is refused from now on."
            )
            if gone.waiting:
                console.print("The rest goes as soon as the cut that is running has ended; a worker sees to it.")

    asyncio.run(run())
