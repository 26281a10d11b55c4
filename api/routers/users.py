"""The page Users: who may sign in, and as what."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form
from fastapi.responses import RedirectResponse, Response

from active_learning.domain.access import Actor, UserRole
from active_learning.domain.errors import InputError, StateError
from api import replies
from api.access import Admin
from api.deps import Opened
from api.operations import accounts, viewing_accounts
from labeling_ui.contexts.accounts import Secret, UserForm

router = APIRouter(prefix="/users", include_in_schema=False)

LENT = "Shown only now. Give it to {name} on a way that you trust; at the first sign-in Winnow asks for another one."


async def _users(w: Opened, me: Actor, status: int = 200, **said: Any) -> Response:
    return replies.page(await viewing_accounts.users_page(w, **said), me, status)


def _secret(name: str, password: str) -> Secret:
    return Secret(title=f"The password of {name}", value=password, hint=LENT.format(name=name))


@router.get("")
async def users(w: Opened, me: Admin) -> Response:
    """Everybody who may sign in."""
    return await _users(w, me)


@router.post("")
async def add_user(
    w: Opened,
    me: Admin,
    name: Annotated[str, Form(max_length=200)] = "",
    role: Annotated[UserRole, Form()] = UserRole.RESEARCHER,
    way: Annotated[Literal["password", "elsewhere"], Form()] = "password",
) -> Response:
    """Add a user: with a generated password that is shown once, or for the organisation's account of this name."""
    form = UserForm(name=name[:80], role=role, way=way)
    try:
        small = accounts.check_name(name)
        if way == "elsewhere":
            await accounts.enrol(w, small, role, {})
            return await _users(w, me, said=f"{small} can sign in with the account of this e-mail address.")
        password = await accounts.add(w, small, role)
    except (InputError, StateError) as error:
        return await _users(w, me, 422, form=form.model_copy(update={"error": str(error)}))
    return await _users(w, me, fresh=_secret(small, password))


@router.post("/{name}/role")
async def change_role(w: Opened, me: Admin, name: str, role: Annotated[UserRole, Form()]) -> Response:
    """Give a user another role."""
    return await _change(w, me, name, role=role)


@router.post("/{name}/disable")
async def disable_user(w: Opened, me: Admin, name: str) -> Response:
    """Let a user in no more; what the user did stays."""
    return await _change(w, me, name, disabled=True)


@router.post("/{name}/enable")
async def enable_user(w: Opened, me: Admin, name: str) -> Response:
    """Let a user in again."""
    return await _change(w, me, name, disabled=False)


async def _change(w: Opened, me: Actor, name: str, **changes: Any) -> Response:
    try:
        await accounts.change(w, name, **changes)
    except StateError as error:
        return await _users(w, me, 409, opened=name, error=str(error))
    return RedirectResponse(f"/users#user-{name}", 303)


@router.post("/{name}/password")
async def new_password(w: Opened, me: Admin, name: str) -> Response:
    """Give a user a generated password, shown once; the user's sign-ins end."""
    return await _users(w, me, opened=name, fresh=_secret(name, await accounts.new_password(w, name)))


@router.post("/{name}/end")
async def end_everything(w: Opened, me: Admin, name: str) -> Response:
    """End a user's sign-ins and API tokens."""
    signed_in, tokens = await accounts.end_everything(w, name)
    return await _users(w, me, opened=name, said=f"{name}: {signed_in} sign-ins and {tokens} API tokens are ended.")


@router.get("/{name}/{act}")
async def users_again(me: Admin, name: str, act: str) -> Response:
    """Where the browser stands after a form: loading it again leads to the page."""
    return RedirectResponse("/users", 303)
