"""Takes what waits in the outbox to where it is wanted, at least once: it leaves the outbox after it has arrived.

Whoever takes a message pushes its next try ahead first, so that a process that dies with it loses nothing, and several
processes share the work. A destination that fails waits longer each time, with everything that is meant for it.
"""

import asyncio
import logging
from datetime import datetime, timedelta

from pymongo import ReturnDocument
from pymongo.errors import PyMongoError

from workers.turk import queues, tenants, webhooks
from workers.turk.clock import system_clock
from workers.turk.database import Database, Document
from workers.turk.errors import DeliveryFailed
from workers.turk.marketplace import Marketplace
from workers.turk.settings import TurkSettings

logger = logging.getLogger(__name__)

AT_ONCE = 16
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=30), timedelta(hours=1)
GIVEN_UP_AFTER = timedelta(days=4)
"""SQS keeps messages for four days unless told otherwise; nobody waits longer for these either."""


async def deliver_forever(marketplace: Marketplace) -> None:
    """Sends what is due, until cancelled."""
    while True:
        try:
            while await deliver_due(marketplace):
                pass
        except PyMongoError:
            logger.exception("the outbox could not be read; the next look tries again")
        await asyncio.sleep(marketplace.settings.delivery_seconds)


async def deliver_due(marketplace: Marketplace) -> int:
    """Tries up to 16 messages that are due. Returns how many there were."""
    taken: list[Document] = []
    while len(taken) < AT_ONCE and (message := await _take(marketplace.database, marketplace.clock())):
        taken.append(message)
    # One that fails in a way that nobody has thought of keeps the others from nothing: it is due again later.
    for outcome in await asyncio.gather(*(_deliver(marketplace, message) for message in taken), return_exceptions=True):
        if isinstance(outcome, BaseException):
            logger.error("a notification was not delivered", exc_info=outcome)
    return len(taken)


async def _take(database: Database, now: datetime) -> Document | None:
    ahead = {"$inc": {"attempts": 1}, "$set": {"due_at": now + FIRST_PAUSE}}
    return await database.outbox.find_one_and_update(
        {"due_at": {"$lte": now}}, ahead, sort=[("due_at", 1)], return_document=ReturnDocument.AFTER
    )


async def _deliver(marketplace: Marketplace, message: Document) -> None:
    database, now = marketplace.database, marketplace.clock()
    chaos = marketplace.chaos
    if message["attempts"] == 1 and chaos.happens("reorder"):
        await database.outbox.update_one({"_id": message["_id"]}, {"$set": {"due_at": now + chaos.later()}})
        return
    if chaos.happens("lose"):
        await database.outbox.delete_one({"_id": message["_id"]})
        return
    try:
        await send(database, marketplace.settings, message)
        if chaos.happens("double"):
            await send(database, marketplace.settings, message)
    except DeliveryFailed as failure:
        if now - message["at"] > GIVEN_UP_AFTER:
            logger.error("gave up a notification to %s: %s", message["destination"], failure.message)
            await database.outbox.delete_one({"_id": message["_id"]})
            return
        pause = min(FIRST_PAUSE * 2 ** min(message["attempts"] - 1, 10), LONGEST_PAUSE)
        logger.warning("a notification to %s failed, again in %s: %s", message["destination"], pause, failure.message)
        waiting = {"requester": message["requester"], "destination": message["destination"]}
        await database.outbox.update_many(waiting, {"$max": {"due_at": now + pause}})
        return
    await database.outbox.delete_one({"_id": message["_id"]})


async def send(database: Database, settings: TurkSettings, message: Document) -> None:
    """Sends one message to its destination. Raises DeliveryFailed with what went wrong."""
    destination, body = message["destination"], message["body"]
    if message["transport"] == "SQS":
        await asyncio.to_thread(queues.send_to_queue, destination, body, settings.aws_endpoint)
    elif is_webhook(destination):
        key = await tenants.signing_key(database, settings, message["requester"])
        if key is None:
            raise DeliveryFailed("The requester has no access key in use, so nothing can be signed.")
        # Signed by the machine's own time, as requests are: receivers refuse what is old.
        header = webhooks.signature(*key, body.encode(), system_clock())
        await webhooks.post(destination, body.encode(), header, private=settings.private_webhooks == "yes")
    else:
        await asyncio.to_thread(queues.publish, destination, message["event"], body, settings.aws_endpoint)


def check_destination(transport: str, destination: str, settings: TurkSettings) -> None:
    """Refuses what can never be delivered to. Raises DeliveryFailed."""
    if transport == "Email":
        raise DeliveryFailed("This marketplace sends no e-mail. Give an SQS queue, an SNS topic or a webhook.")
    if transport == "SQS":
        queues.queue_region(destination, settings.aws_endpoint)
    elif is_webhook(destination):
        webhooks.check_address(destination, private=settings.private_webhooks == "yes")
    else:
        queues.topic_region(destination)


def is_webhook(destination: str) -> bool:
    """Whether an SNS destination is an address of the requester's own rather than a topic."""
    return destination.startswith(("https://", "http://"))
