"""Telling a requester what happens to his HITs."""

from typing import Any

from workers.turk import delivering, notifications
from workers.turk.errors import DeliveryFailed, InvalidParameter, RequestRefused
from workers.turk.notifications import Event
from workers.turk.operations.call import Call
from workers.turk.operations.hit_types import find_hit_type

VERSIONS = ("2006-05-05", "2014-08-15")
"""What the service model asks for, and what Amazon's messages carry."""


async def update_notification_settings(call: Call, parameters: dict[str, Any]) -> dict[str, Any]:
    """UpdateNotificationSettings: where the events of a HIT type go; Active alone switches what is there on or off."""
    identifier = parameters["HITTypeId"]
    await find_hit_type(call, identifier)
    given, active = parameters.get("Notification"), parameters.get("Active")
    if given is None and active is None:
        raise InvalidParameter("Give Notification, Active or both.")
    known = await notifications.settings_of(call.database, identifier)
    change: dict[str, Any] = {} if given is None else _read(call, given)
    if given is None and known is None:
        raise InvalidParameter("Notification is required: this HIT type has none that Active could switch.")
    if active is not None or known is None:
        change["active"] = active is not False
    await call.database.notification_settings.update_one(
        {"_id": identifier}, {"$set": change, "$setOnInsert": {"requester": call.requester}}, upsert=True
    )
    return {}


async def send_test_event_notification(call: Call, parameters: dict[str, Any]) -> dict[str, Any]:
    """SendTestEventNotification: sends at once, and says what went wrong if it does not arrive."""
    settings = {"requester": call.requester, **_read(call, parameters["Notification"], test=True)}
    event = notifications.happened(parameters["TestEventType"], call.now)
    try:
        await delivering.send(call.database, call.settings, notifications.message(settings, event, call.now))
    except DeliveryFailed as failure:
        raise _unreachable(failure) from failure
    return {}


def _read(call: Call, given: dict[str, Any], *, test: bool = False) -> dict[str, Any]:
    if given["Version"] not in VERSIONS:
        raise InvalidParameter(f"Notification.Version must be {' or '.join(VERSIONS)}.")
    events = list(dict.fromkeys(given["EventTypes"]))
    if not events:
        raise InvalidParameter("Notification.EventTypes is empty.")
    if Event.PING in events and not test:
        raise InvalidParameter("Notification.EventTypes: Ping is for SendTestEventNotification only.")
    try:
        delivering.check_destination(given["Transport"], given["Destination"], call.settings)
    except DeliveryFailed as failure:
        raise _unreachable(failure) from failure
    return {"transport": given["Transport"], "destination": given["Destination"], "events": events}


def _unreachable(failure: DeliveryFailed) -> RequestRefused:
    return RequestRefused("AWS.MechanicalTurk.InvalidTransportEndpoint", failure.message)
