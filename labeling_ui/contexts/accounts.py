"""Signing in, one's own account, users, the audit log."""

from labeling_ui.contexts.base import Page


class SignInPage(Page):
    """Name and password. ``after`` is the path to go to then; ``error`` says why the last try did not work."""

    template = "sign_in.html"

    after: str = "/"
    name: str = ""
    error: str = ""
