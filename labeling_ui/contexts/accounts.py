"""Signing in, one's own account, users, the audit log."""

from datetime import datetime
from urllib.parse import urlencode

from active_learning.domain.access import Scope, UserRole
from labeling_ui.contexts.base import Page, Shown

SCOPE_WORDS: dict[Scope, str] = {
    Scope.READ: "look at categories, pools and datasets, and take datasets home",
    Scope.CURATE: "make and change categories, task sets, gold, searches for images",
    Scope.WORKERS: "see how people work, decide about them, and about money",
    Scope.ADMIN: "manage users, read the audit log, watch how the installation runs",
}
ROLE_WORDS: dict[UserRole, str] = {
    UserRole.ADMIN: "does everything, users and money among it",
    UserRole.RESEARCHER: "makes categories, curates, takes datasets home",
    UserRole.VIEWER: "looks at categories and takes datasets home",
}


class SignInPage(Page):
    """Name and password. ``after`` is the path to go to then; ``error`` says why the last try did not work.

    ``elsewhere`` names the organisation whose accounts are let in too; empty: none.
    """

    template = "sign_in.html"

    after: str = "/"
    name: str = ""
    error: str = ""
    elsewhere: str = ""

    @property
    def elsewhere_address(self) -> str:
        """Where signing in with the organisation's account begins."""
        return f"/sign-in/elsewhere?{urlencode({'next': self.after})}"


class SignInRow(Shown):
    """One browser that somebody is signed in with. ``here`` is the one that shows the page."""

    browser: str
    address: str = ""
    way: str = "password"
    made_at: datetime
    seen_at: datetime
    here: bool = False


class TokenRow(Shown):
    """One API token, without its secret."""

    name: str
    scopes: tuple[Scope, ...]
    made_at: datetime
    used_at: datetime | None = None
    expires_at: datetime


class Secret(Shown):
    """Something that is shown once: a token or a password, for whom or what, and what to do with it."""

    title: str
    value: str
    hint: str


class TokenForm(Shown):
    """The form for a new token, as it was typed."""

    name: str = ""
    scopes: tuple[Scope, ...] = (Scope.READ,)
    days: str = "90"
    error: str = ""


class AccountPage(Page):
    """One's own account. ``lent``: somebody else has seen the password. ``said`` is what has just been done."""

    template = "account.html"

    name: str
    role: UserRole
    scopes: tuple[Scope, ...]
    has_password: bool = True
    lent: bool = False
    shortest: int = 10
    sign_ins: tuple[SignInRow, ...] = ()
    tokens: tuple[TokenRow, ...] = ()
    form: TokenForm = TokenForm()
    fresh: Secret | None = None
    password_error: str = ""
    said: str = ""
    base: str = ""

    @property
    def scope_words(self) -> dict[Scope, str]:
        """What each scope lets one do."""
        return SCOPE_WORDS

    @property
    def role_words(self) -> dict[UserRole, str]:
        """What each role is for."""
        return ROLE_WORDS


class UserRow(Shown):
    """One user. ``way`` says how he signs in; ``sign_ins`` and ``tokens`` are how many there are now."""

    name: str
    role: UserRole
    disabled: bool = False
    way: str = "password"
    lent: bool = False
    made_at: datetime
    seen_at: datetime | None = None
    sign_ins: int = 0
    tokens: int = 0


class UserForm(Shown):
    """The form for a new user, as it was typed."""

    name: str = ""
    role: UserRole = UserRole.RESEARCHER
    way: str = "password"
    error: str = ""


class UsersPage(Page):
    """Everybody who may sign in. ``elsewhere`` names the organisation whose accounts are let in too."""

    template = "users.html"

    users: tuple[UserRow, ...] = ()
    form: UserForm = UserForm()
    fresh: Secret | None = None
    opened: str = ""
    error: str = ""
    said: str = ""
    elsewhere: str = ""

    @property
    def role_words(self) -> dict[UserRole, str]:
        """What each role is for."""
        return ROLE_WORDS


class AuditRow(Shown):
    """One act: a sentence, and what it was about."""

    number: int
    at: datetime
    by: str
    words: str
    way: str = ""
    address: str = ""
    category: str = ""
    refused: str = ""
    about: tuple[tuple[str, str], ...] = ()


class AuditFilter(Shown):
    """What is shown, as it was typed."""

    by: str = ""
    category: str = ""
    act: str = ""
    until: str = ""
    error: str = ""

    @property
    def query(self) -> str:
        """As part of an address."""
        given = {name: getattr(self, name) for name in ("by", "category", "act", "until")}
        return urlencode({name: value for name, value in given.items() if value})


class AuditCheck(Shown):
    """Those up to ``to`` of ``newest`` fit together; ``broken`` is the first that does not. ``head``: the last hash."""

    to: int
    newest: int
    broken: int | None = None
    head: str = ""


class AuditLogPage(Page):
    """Who did what, the newest first. ``next`` is the number that the next page stays below."""

    template = "audit_log.html"

    rows: tuple[AuditRow, ...] = ()
    filter: AuditFilter = AuditFilter()
    people: tuple[str, ...] = ()
    acts: tuple[tuple[str, str], ...] = ()
    check: AuditCheck | None = None
    first: bool = True
    next: int | None = None
