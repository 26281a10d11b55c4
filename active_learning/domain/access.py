"""Who runs Winnow, and what they may do. Annotators need no account: a task's token lets them in."""

from collections.abc import Mapping
from enum import StrEnum

from active_learning.domain.value import Value


class UserRole(StrEnum):
    """What somebody is in this installation."""

    ADMIN = "admin"
    RESEARCHER = "researcher"
    VIEWER = "viewer"


class Scope(StrEnum):
    """What one may do. A role has a set of them; an API token has those of its owner that it was given."""

    READ = "read"  # look at categories, pools and datasets, and take datasets home
    CURATE = "curate"  # make and change categories, task sets, gold, searches for images
    WORKERS = "workers"  # see how people work, decide about them, and about money
    ADMIN = "admin"  # users and their roles, the audit log, how the installation runs


SCOPES: Mapping[UserRole, frozenset[Scope]] = {
    UserRole.ADMIN: frozenset(Scope),
    UserRole.RESEARCHER: frozenset({Scope.READ, Scope.CURATE}),
    UserRole.VIEWER: frozenset({Scope.READ}),
}


class Actor(Value):
    """Somebody who acts: signed in at a page, through an API token, or on the command line.

    ``scopes`` is what this way in allows; a token may allow less than its owner's role.
    """

    name: str
    role: UserRole
    scopes: frozenset[Scope]
    via: str = "page"

    def may(self, scope: Scope) -> bool:
        """Whether this way in allows it."""
        return scope in self.scopes


def command_line(user: str) -> Actor:
    """Whoever has a shell on the machine: it reaches the database anyway."""
    return Actor(name=user, role=UserRole.ADMIN, scopes=frozenset(Scope), via="command line")
