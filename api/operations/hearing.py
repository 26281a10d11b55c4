"""What a market tells by itself: a hint to look now and not at the next poll. It is never believed, only looked after.

So a notification may be lost, come twice or late: the poll finds the same. Our own marketplace signs what it sends
with the access key that Winnow's worker has there: ``Winnow-Signature: key=<key>,time=<seconds>,hmac=<hex>``,
HMAC-SHA256 over ``<time>.<body>``.
"""

import hashlib
import hmac
import json
from typing import Any

from active_learning.domain.errors import Forbidden, InputError, NotFound
from api.operations.context import Winnow

SIGNED_WITHIN_S = 300
MOST_EVENTS = 100


async def hear(w: Winnow, signature: str, body: bytes) -> tuple[str, ...]:
    """Look after the categories whose HITs a notification is about: their collect job is due at once.

    Returns them. Raises :class:`Forbidden` for one that our market has not signed within five minutes, and
    :class:`InputError` for what is no notification.
    """
    _check(w, signature, body)
    found: dict[str, None] = {}
    for hit in _hits(body):
        try:
            found[(await w.store.tasks.at_market(hit)).category] = None
        except NotFound:
            continue  # it is being posted just now, or belongs to another program
    for slug in found:
        await w.store.jobs.poke("collect", {"category": slug}, w.clock())
    return tuple(found)


def _check(w: Winnow, signature: str, body: bytes) -> None:
    said = dict(part.strip().partition("=")[::2] for part in signature.split(","))
    time, key = said.get("time", ""), w.settings.market_access_key
    text = time.encode() + b"." + body
    wanted = hmac.new(w.settings.market_secret_key.encode(), text, hashlib.sha256).hexdigest()
    ours = (
        "turk" in w.settings.markets
        and said.get("key") == key
        and hmac.compare_digest(said.get("hmac", "").encode(), wanted.encode())
    )
    if not (ours and time.isdecimal()) or abs(w.clock().timestamp() - int(time)) > SIGNED_WITHIN_S:
        raise Forbidden("This is not signed by our market, or too long ago.", "Both sides need the same access key.")


def _hits(body: bytes) -> set[str]:
    try:
        said: Any = json.loads(body)
        return {str(event["HITId"]) for event in said["Events"][:MOST_EVENTS] if "HITId" in event}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError("This is no notification of a market.", 'It has a list "Events".') from error
