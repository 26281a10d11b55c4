"""Contexts of the pages about accounts, each once full and once empty."""

from datetime import UTC, datetime

from active_learning.domain.access import Scope, UserRole
from labeling_ui.contexts.accounts import (
    AccountPage,
    AuditCheck,
    AuditFilter,
    AuditLogPage,
    AuditRow,
    Secret,
    SignInPage,
    SignInRow,
    TokenForm,
    TokenRow,
    UserForm,
    UserRow,
    UsersPage,
)

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECRET = Secret(title="The token “a”", value="winnow_abc", hint="Shown only now.")


def account() -> AccountPage:
    """Everything at once: errors, a fresh token, two sign-ins, two tokens."""
    return AccountPage(
        name="ann",
        role=UserRole.ADMIN,
        scopes=tuple(Scope),
        lent=True,
        sign_ins=(
            SignInRow(browser="Firefox on Linux", address="10.0.0.1", made_at=AT, seen_at=AT, here=True),
            SignInRow(browser="A browser", way="openid", made_at=AT, seen_at=AT),
        ),
        tokens=(
            TokenRow(name="night <export>", scopes=(Scope.READ,), made_at=AT, expires_at=AT),
            TokenRow(name="notebook", scopes=tuple(Scope), made_at=AT, used_at=AT, expires_at=AT),
        ),
        form=TokenForm(name="a", error="You have a token 'a' already."),
        fresh=SECRET,
        password_error="The present password is not right.",
    )


def users() -> UsersPage:
    """A user of every kind, one of them opened."""
    return UsersPage(
        users=(
            UserRow(name="ann", role=UserRole.ADMIN, made_at=AT, seen_at=AT, sign_ins=2, tokens=1),
            UserRow(name="bob", role=UserRole.VIEWER, lent=True, made_at=AT),
            UserRow(name="carl@lab.org", role=UserRole.RESEARCHER, way="elsewhere", disabled=True, made_at=AT),
        ),
        form=UserForm(name="A b", error="'A b' cannot be a user's name."),
        fresh=SECRET,
        opened="ann",
        error="This is the last admin.",
        said="Done.",
        elsewhere="The Lab",
    )


def audit_log() -> AuditLogPage:
    """Entries of every kind, with a check that went well and more to come."""
    return AuditLogPage(
        rows=(
            AuditRow(number=9, at=AT, by="Somebody", words="signed in as ann", refused="No.", about=(("a", "b"),)),
            AuditRow(number=8, at=AT, by="ann", words="paused the category car", category="car", address="10.0.0.1"),
            AuditRow(number=7, at=AT, by="ann", words="revoked the API token “a”", way="token b"),
        ),
        filter=AuditFilter(by="ann", until="soon", error="'soon' is no day."),
        people=("ann", "bob"),
        acts=(("a.b", "did something"),),
        check=AuditCheck(to=9, newest=9, head="0" * 64),
        first=False,
        next=7,
    )


FULL = (SignInPage(name="ann", error="Not right.", elsewhere="The Lab"), account(), users(), audit_log())
EMPTY = (
    SignInPage(),
    AccountPage(name="ann", role=UserRole.VIEWER, scopes=(Scope.READ,), has_password=False),
    UsersPage(),
    AuditLogPage(check=AuditCheck(to=3, newest=9, broken=4)),
)
