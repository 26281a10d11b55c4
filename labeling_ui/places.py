"""Where somebody who is signed in can go: the places of the installation, and the tabs of a category."""

from collections.abc import Sequence
from typing import NamedTuple

from active_learning.domain.access import Actor, Scope


class Place(NamedTuple):
    """A page that has a link in the header or among the tabs, for those who may ``scope``."""

    name: str
    title: str
    address: str
    scope: Scope = Scope.READ


PLACES = (
    Place("categories", "Categories", "/"),
    Place("workers", "Workers", "/workers", Scope.WORKERS),
    Place("money", "Money", "/money"),
    Place("monitor", "Monitor", "/monitor"),
)

OWN = (
    Place("account", "Your account", "/account"),
    Place("users", "Users", "/users", Scope.ADMIN),
    Place("audit-log", "Audit log", "/audit-log", Scope.ADMIN),
)
"""Behind the user's own name."""

TABS = (
    Place("overview", "Overview", ""),
    Place("pool", "Pool", "/pool"),
    Place("task-sets", "Task sets", "/task-sets"),
    Place("images-in", "Images in", "/images-in"),
    Place("datasets", "Datasets", "/datasets"),
    Place("settings", "Settings", "/settings"),
)
"""Addresses below the category's own."""


def open_to(places: Sequence[Place], me: Actor | None) -> tuple[Place, ...]:
    """Those of the places that somebody may go to."""
    return tuple(place for place in places if me is not None and me.may(place.scope))
