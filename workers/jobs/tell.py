"""Do at the market what was decided about somebody: block, unblock, write a message."""

from typing import Any

from active_learning.domain.errors import Forbidden, InputError, NotFound
from api.store.workers import EVERYWHERE
from workers.jobs.desk import Desk
from workers.market.protocol import Marketplace


async def run(desk: Desk, args: dict[str, Any]) -> None:
    """Do the act ``args["act"]``. Blocks may be repeated; a message that a dying process sent may be sent twice."""
    acts = desk.winnow.store.market_acts
    act = await acts.get(str(args["act"]))
    if act is None or act["done_at"] is not None:
        return
    refused = ""
    for market in await _markets(desk, act["annotator"]):
        try:
            if act["act"] == "block":
                await market.block(act["annotator"], act["text"])
            elif act["act"] == "unblock":
                await market.unblock(act["annotator"], act["text"])
            else:
                await market.notify(act["annotator"], act["subject"], act["text"])
        except (InputError, NotFound, Forbidden) as error:
            await market.balance()  # raises where it is our credentials that are refused, and not this act
            refused = str(error)
    await acts.done(act["_id"], desk.winnow.clock(), refused)


async def _markets(desk: Desk, annotator: str) -> list[Marketplace]:
    """Where somebody works: the markets of the categories that he has worked on, or else the installation's."""
    found: list[Marketplace] = []
    for document in await desk.winnow.store.workers.of(annotator):
        if document["category"] == EVERYWHERE:
            continue
        market = (await desk.of(document["category"])).market
        if market not in found:
            found.append(market)
    return found or [desk.market]
