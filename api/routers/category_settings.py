"""The list of categories, the page of a new one, and the settings of one."""

from collections.abc import Mapping

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from active_learning.domain.category import Category
from active_learning.domain.errors import InputError, StateError
from active_learning.domain.policy import Policy
from api import replies
from api.access import Curator, Reader
from api.deps import Opened
from api.operations import categories, category_files, policies, policy_forms, teaching_forms, viewing_settings
from api.operations.context import Winnow
from api.operations.forms import Refused, Typed, Unfit

router = APIRouter(include_in_schema=False)

ONLY_FORECAST = "forecast"
"""What the button says that saves nothing."""


async def _form(request: Request) -> tuple[dict[str, str], bytes | None]:
    """What was typed, and the file that was chosen, if any."""
    async with request.form(max_files=1, max_part_size=category_files.LARGEST + 1_024) as form:
        typed = {name: value for name, value in form.items() if isinstance(value, str)}
        file = form.get("file")
        data = None if file is None or isinstance(file, str) else await file.read(category_files.LARGEST + 1)
    return typed, data


def _back(slug: str, anchor: str = "") -> RedirectResponse:
    return RedirectResponse(f"/categories/{slug}/settings" + (f"#{anchor}" if anchor else ""), 303)


@router.get("/", response_class=HTMLResponse)
async def index(w: Opened, me: Reader) -> HTMLResponse:
    """The list of categories."""
    return replies.page(await viewing_settings.index_page(w), me)


@router.get("/categories/new", response_class=HTMLResponse)
async def new_category(w: Opened, me: Curator, request: Request, source: str = "") -> HTMLResponse:
    """The page of a new category, with the numbers of the address; ``source`` is a category to begin from."""
    typed = dict(request.query_params)
    given = (await w.store.categories.definition(source)).model_copy(update={"slug": ""}) if source else None
    return replies.page(await viewing_settings.new_page(w, Refused(typed), given, source=source), me)


@router.post("/categories/new")
async def create_category(w: Opened, me: Curator, request: Request) -> Response:
    """Create what the form says; the page again where something does not fit, or where only a forecast is wanted."""
    typed, _ = await _form(request)
    if typed.get("only") == ONLY_FORECAST:
        return replies.page(await viewing_settings.new_page(w, Refused(typed)), me)
    try:
        made = await categories.create(w, await _wanted(w, typed), me.name)
    except (Unfit, InputError) as error:
        errors = dict(error.errors) if isinstance(error, Unfit) else {"": str(error)}
        return replies.page(await viewing_settings.new_page(w, Refused(typed, errors)), me, 422)
    return RedirectResponse(f"/categories/{made.slug}", 303)


async def _wanted(w: Winnow, typed: Typed) -> Category:
    """The category that the form describes; raises :class:`Unfit` with everything that is wrong."""
    errors: dict[str, str] = {}
    policy = Policy()
    try:
        policy = policy_forms.policy({name: typed[name] for name in typed if name != "policy.version"}, policy)
    except Unfit as error:
        errors |= error.errors
    texts = {name: typed.get(name, "").strip() for name in ("slug", "question", "instructions")}
    errors |= policy_forms.wrong_texts(texts)
    if errors:
        raise Unfit(errors)
    source = typed.get("source", "")
    like = await w.store.categories.definition(source) if source else Category(slug="like", question="like")
    return like.model_copy(update={**texts, "policy": policy})


@router.post("/categories/file")
async def load_category_file(w: Opened, me: Curator, request: Request) -> Response:
    """The page of a new category, filled in from a YAML file; nothing is created yet."""
    _, data = await _form(request)
    try:
        if not data:
            raise InputError("No file was chosen.", "Choose a YAML file.")
        given = category_files.read(data)
    except InputError as error:
        return replies.page(await viewing_settings.new_page(w, Refused({}, {"file": str(error)})), me, 422)
    return replies.page(await viewing_settings.new_page(w, given=given, loaded=given.slug), me)


@router.get("/categories/file")
async def category_file_again(me: Curator) -> Response:
    """Where the browser stands after a file: loading it again leads to the page."""
    return RedirectResponse("/categories/new", 303)


@router.get("/categories/{slug}/settings", response_class=HTMLResponse)
async def settings(w: Opened, me: Reader, slug: str, request: Request, before: int | None = None) -> HTMLResponse:
    """The settings, with the numbers of the address; ``before`` pages back through the versions."""
    typed = {name: value for name, value in request.query_params.items() if name.startswith(("policy.", "belief."))}
    return replies.page(await viewing_settings.settings_page(w, slug, Refused(typed), _bounded(before)), me)


def _bounded(before: int | None) -> int | None:
    return None if before is None else max(1, min(before, 2**31))


@router.post("/categories/{slug}/settings/policy")
async def change_policy(w: Opened, me: Curator, slug: str, request: Request) -> Response:
    """Put the policy of the form in force as a new version; the page again where something does not fit."""
    typed, _ = await _form(request)
    if typed.get("only") == ONLY_FORECAST:
        return replies.page(await viewing_settings.settings_page(w, slug, Refused(typed)), me)
    present = (await w.store.categories.definition(slug)).policy
    status = 422
    try:
        wanted = policy_forms.policy(typed, present)
        await policies.change(w, slug, wanted, me.name, typed.get("why", "").strip()[: policy_forms.SHORT])
    except Unfit as error:
        errors: Mapping[str, str] = error.errors
    except policies.Settled as error:
        errors, status = {f"{policy_forms.POLICY}{name}": why for name, why in error.fields.items()}, 409
    except (InputError, StateError) as error:
        errors, status = {"": str(error)}, 409 if isinstance(error, StateError) else 422
    else:
        return _back(slug, "versions")
    return replies.page(await viewing_settings.settings_page(w, slug, Refused(typed, errors)), me, status)


@router.post("/categories/{slug}/settings/texts")
async def change_texts(w: Opened, me: Curator, slug: str, request: Request) -> Response:
    """Change the question and the instructions."""
    typed, _ = await _form(request)
    texts = {name: typed.get(name, "").strip() for name in ("question", "instructions")}
    errors = policy_forms.wrong_texts(texts)
    if errors:
        return replies.page(await viewing_settings.settings_page(w, slug, Refused(typed, errors)), me, 422)
    await categories.describe(w, slug, categories.Words.model_validate(texts))
    return _back(slug, "texts")


@router.post("/categories/{slug}/settings/{kind}/images")
async def change_teaching(w: Opened, me: Curator, slug: str, kind: str, request: Request) -> Response:
    """Change the examples or the lessons."""
    typed, _ = await _form(request)
    try:
        await teaching_forms.teach(w, slug, kind, typed)
    except InputError as error:
        refused = Refused(typed, {kind: str(error)})
        return replies.page(await viewing_settings.settings_page(w, slug, refused), me, 422)
    return _back(slug, kind)


@router.post("/categories/{slug}/settings/clone")
async def clone_category(w: Opened, me: Curator, slug: str, request: Request) -> Response:
    """Make another category like this one, with an empty pool."""
    typed, _ = await _form(request)
    new = typed.get("new", "").strip()
    errors = policy_forms.wrong_texts({"slug": new})
    try:
        if not errors:
            await categories.clone(w, slug, new, me.name)
            return _back(new)
    except InputError as error:
        errors = {"slug": str(error)}
    refused = Refused(typed, {"new": errors["slug"]})
    return replies.page(await viewing_settings.settings_page(w, slug, refused), me, 422)


@router.post("/categories/{slug}/settings/pause")
async def pause_category(w: Opened, me: Curator, slug: str) -> Response:
    """Pause."""
    await categories.pause(w, slug, me.name)
    return _back(slug)


@router.post("/categories/{slug}/settings/resume")
async def resume_category(w: Opened, me: Curator, slug: str) -> Response:
    """Go on."""
    await categories.resume(w, slug)
    return _back(slug)


@router.post("/categories/{slug}/settings/archive")
async def archive_category(w: Opened, me: Curator, slug: str) -> Response:
    """Put away."""
    await categories.archive(w, slug, me.name)
    return _back(slug)


@router.post("/categories/{slug}/settings/unarchive")
async def unarchive_category(w: Opened, me: Curator, slug: str) -> Response:
    """Fetch back."""
    await categories.unarchive(w, slug, me.name)
    return _back(slug)


@router.get("/categories/{slug}/settings/category.yaml")
async def download_category(w: Opened, me: Reader, slug: str) -> Response:
    """The category as a file that makes it again."""
    text = category_files.written(await w.store.categories.definition(slug))
    headers = {"Content-Disposition": f'attachment; filename="{slug}.yaml"', "Cache-Control": "no-store"}
    return Response(text, media_type="application/yaml", headers=headers)
