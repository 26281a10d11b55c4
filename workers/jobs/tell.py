"""Do at the market what was decided about somebody: block, unblock, write a message."""

from typing import Any

from active_learning.domain.errors import Forbidden, InputError, NotFound
from workers.jobs.desk import Desk


async def run(desk: Desk, args: dict[str, Any]) -> None:
    """Do the act ``args["act"]``. Blocks may be repeated; a message that a dying process sent may be sent twice."""
    acts = desk.winnow.store.market_acts
    act = await acts.get(str(args["act"]))
    if act is None or act["done_at"] is not None:
        return
    refused = ""
    try:
        if act["act"] == "block":
            await desk.market.block(act["annotator"], act["text"])
        elif act["act"] == "unblock":
            await desk.market.unblock(act["annotator"], act["text"])
        else:
            await desk.market.notify(act["annotator"], act["subject"], act["text"])
    except (InputError, NotFound, Forbidden) as error:
        await desk.market.balance()  # raises where it is our credentials that are refused, and not this act
        refused = str(error)
    await acts.done(act["_id"], desk.winnow.clock(), refused)
