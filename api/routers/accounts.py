"""Signing in and out, and one's own account."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from active_learning.domain.access import Actor, Scope
from active_learning.domain.errors import Forbidden, InputError, StateError
from api import replies
from api.access import COOKIE, Reader, address, own_page, who
from api.deps import Opened
from api.operations import accounts, api_tokens, audit_log, openid, viewing_accounts
from api.operations.accounts import Whence
from api.operations.throttling import TooMany
from labeling_ui.contexts.accounts import Secret, SignInPage, TokenForm

router = APIRouter(include_in_schema=False)

Word = Annotated[str, Form(max_length=2_000)]

BEGUN = "winnow_sign_in_begun"
"""The cookie of a sign-in with an organisation's account that has begun."""


def inside(path: str) -> str:
    """A path of this site: whoever makes a link to the sign-in page must not choose where it leads."""
    odd = path.startswith(("//", "/\\")) or any(ord(sign) < 32 for sign in path)
    return path if path.startswith("/") and not odd else "/"


def whence(request: Request, way: str = "password") -> Whence:
    """Where somebody signs in from."""
    return Whence(address=address(request), agent=request.headers.get("user-agent", ""), way=way)


@router.get("/sign-in")
async def sign_in_page(request: Request, w: Opened, next: str = "/") -> Response:
    """The form; whoever is signed in goes on."""
    if await who(request, w) is not None:
        return RedirectResponse(inside(next), 303)
    return replies.page(SignInPage(after=inside(next), elsewhere=w.settings.oidc_title), None)


@router.post("/sign-in")
async def sign_in(request: Request, w: Opened, name: Word = "", password: Word = "", after: Word = "/") -> Response:
    """Set the cookie, or show the form again with what is wrong."""
    own_page(request)
    try:
        let = await accounts.sign_in(w, name, password, whence(request))
    except Forbidden as error:
        shown = SignInPage(after=inside(after), name=name[:80], error=str(error), elsewhere=w.settings.oidc_title)
        if isinstance(error, TooMany):  # nothing was tried: whoever guesses must not fill the audit log either
            reply = replies.page(shown, None, 429)
            reply.headers["Retry-After"] = f"{error.seconds:.0f}"
            return reply
        await audit_log.record(w, None, "accounts.sign_in", {"name": name}, error.message, address(request))
        return replies.page(shown, None, 403)
    return await come_in(request, w, let, "accounts.sign_in", inside(after))


async def come_in(
    request: Request, w: Opened, let: accounts.Let, act: str, after: str, **about: str
) -> RedirectResponse:
    """Note the sign-in, end the one that this browser had, set the cookie, and go where somebody wanted to go."""
    me = await accounts.by_cookie(w, let.key)
    await audit_log.record(w, me, act, {"name": let.name, **about}, address=address(request))
    await accounts.sign_out(w, request.cookies.get(COOKIE, ""))
    lent = (await accounts.find(w, let.name)).get("lent", False)
    reply = RedirectResponse("/account" if lent else after, 303)
    remember(reply, w.settings.public_url, let)
    return reply


def remember(reply: Response, public_url: str, key: accounts.Let) -> None:
    """Give the browser the cookie: not for scripts, not for requests that another site makes."""
    secure = public_url.startswith("https:")
    age = round(accounts.SIGNED_IN.total_seconds())
    reply.set_cookie(COOKIE, key.key, max_age=age, httponly=True, samesite="lax", secure=secure)


@router.get("/sign-in/elsewhere")
async def sign_in_elsewhere(w: Opened, next: str = "/") -> Response:
    """Go to the organisation's own sign-in page."""
    begun = await openid.begin(w, inside(next))
    reply = RedirectResponse(begun.url, 303)
    secure = w.settings.public_url.startswith("https:")
    reply.set_cookie(
        BEGUN, begun.kept, max_age=openid.LONGEST_S, path=openid.PATH, httponly=True, samesite="lax", secure=secure
    )
    return reply


@router.get(openid.PATH)
async def come_back(request: Request, w: Opened) -> Response:
    """The browser comes back from there: let it in, or say why not."""
    try:
        known = await openid.finish(w, request.cookies.get(BEGUN, ""), request.query_params)
    except (Forbidden, InputError) as error:
        about = {"name": "…", "issuer": w.settings.oidc_issuer}
        await audit_log.record(w, None, "accounts.sign_in_elsewhere", about, error.message, address(request))
        reply: Response = replies.page(SignInPage(error=str(error), elsewhere=w.settings.oidc_title), None, 403)
    else:
        let = await accounts.let_in(w, known.user, whence(request, "openid"))
        reply = await come_in(request, w, let, "accounts.sign_in_elsewhere", known.after, issuer=known.issuer)
    reply.delete_cookie(BEGUN, path=openid.PATH)
    return reply


@router.post("/sign-out")
async def sign_out(request: Request, w: Opened) -> Response:
    """End this browser's sign-in; harmless when there is none."""
    own_page(request)
    await accounts.sign_out(w, request.cookies.get(COOKIE, ""))
    reply = RedirectResponse("/sign-in", 303)
    reply.delete_cookie(COOKIE)
    return reply


async def _account(request: Request, w: Opened, me: Actor, status: int = 200, **said: object) -> Response:
    key = request.cookies.get(COOKIE, "")
    return replies.page(await viewing_accounts.account_page(w, me, key, **said), me, status)


@router.get("/account")
async def account(request: Request, w: Opened, me: Reader, done: str = "") -> Response:
    """One's own account; ``done`` names what has just been done."""
    said = {"signed-out": "You are signed out everywhere else.", "revoked": "The token lets nobody in any more."}
    return await _account(request, w, me, said=said.get(done, ""))


def in_person(me: Actor) -> None:
    """Let in only who is signed in at a page: a token that leaked must not lock its owner out."""
    if me.via != "page":
        raise Forbidden("A token may not do this.", "Sign in at the page and do it there.")


@router.post("/account/password")
async def change_password(
    request: Request, w: Opened, me: Reader, old_password: Word = "", new_password: Word = "", again: Word = ""
) -> Response:
    """Change one's own password; every other sign-in ends."""
    in_person(me)
    try:
        if new_password != again:
            raise InputError("The new password was not typed the same twice.")
        let = await accounts.change_own_password(w, me.name, old_password, new_password, whence(request))
    except (InputError, Forbidden, StateError) as error:
        return await _account(request, w, me, 422, password_error=str(error))
    said = "Your password is changed, and you are signed out everywhere else."
    reply = replies.page(await viewing_accounts.account_page(w, me, let.key, said=said), me)
    remember(reply, w.settings.public_url, let)
    return reply


@router.post("/account/sign-out-elsewhere")
async def sign_out_elsewhere(request: Request, w: Opened, me: Reader) -> Response:
    """End one's own sign-ins in every other browser."""
    in_person(me)
    await accounts.sign_out_elsewhere(w, me.name, request.cookies.get(COOKIE, ""))
    return RedirectResponse("/account?done=signed-out#sign-ins", 303)


@router.post("/account/tokens")
async def make_token(
    request: Request,
    w: Opened,
    me: Reader,
    name: Word = "",
    scopes: Annotated[list[Scope], Form()] = [],  # noqa: B006 (FastAPI copies it)
    days: Word = "",
) -> Response:
    """A new API token, shown once."""
    in_person(me)
    try:
        if not days.strip().isdecimal() or len(days) > 6:
            raise InputError("Days are a whole number.", "For how long shall the token last?")
        let = await api_tokens.make(w, me, name, scopes, int(days))
    except InputError as error:
        form = TokenForm(name=name[:80], scopes=tuple(scopes), days=days[:10], error=str(error))
        return await _account(request, w, me, 422, form=form)
    hint = "Shown only now: whoever has it may do what it may do. Keep it where secrets are kept."
    return await _account(request, w, me, fresh=Secret(title=f"The token “{let.name}”", value=let.key, hint=hint))


@router.post("/account/tokens/revoke")
async def revoke_token(w: Opened, me: Reader, name: Word = "") -> Response:
    """End one of one's own API tokens."""
    in_person(me)
    await api_tokens.revoke(w, me.name, name)
    return RedirectResponse("/account?done=revoked#tokens", 303)


@router.get("/account/password")
@router.get("/account/tokens")
async def account_again(me: Reader) -> Response:
    """Where the browser stands after a form: loading it again leads to the page."""
    return RedirectResponse("/account", 303)
