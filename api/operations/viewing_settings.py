"""What the list of categories, the page of a new one and the settings of one show."""

from collections.abc import Callable, Mapping
from typing import TypeVar

from active_learning import amending, fairness
from active_learning.domain.category import Category
from active_learning.domain.policy import Policy
from active_learning.domain.round import CategoryState
from active_learning.forecasting import Beliefs
from api.operations import forecasts, policies, policy_fields, policy_forms, scrape_forms
from api.operations.context import Winnow
from api.operations.forms import BLANK, Refused, Unfit
from api.store.connection import Document
from labeling_ui import contexts
from labeling_ui.wording import count, dollars, percent, span

T = TypeVar("T")

ENDS = {
    "people have seen every image that the model does not know": "every image is decided or seen",
    "only disputed images are left": "only disputed images are left",
}


async def index_page(w: Winnow) -> contexts.IndexPage:
    """The list of categories."""
    cards = [_card(document) for document in await w.store.categories.all()]
    archived = CategoryState.ARCHIVED.value
    return contexts.IndexPage(
        categories=tuple(card for card in cards if card.state != archived),
        archived=tuple(card for card in cards if card.state == archived),
    )


def _card(document: Document) -> contexts.CategoryCard:
    counts = document["counts"]
    decided = counts["labeled"] + counts["auto_labeled"]
    total = sum(counts.values())
    return contexts.CategoryCard(
        slug=document["_id"],
        question=document["category"]["question"],
        state=document["state"],
        unknown=total - decided,
        decided=decided,
        total=total,
        spent_cents=document["money"]["spent_cents"],
        budget_cents=document["category"]["policy"]["budget_cents"],
        phase=document["reason"] or document["phase"],
    )


def _text(name: str, label: str, help_: str, refused: Refused, value: str = "", area: bool = False) -> contexts.Entry:
    return contexts.Entry(
        name=name,
        label=label,
        help=help_,
        kind="area" if area else "text",
        value=refused.typed.get(name, value),
        error=refused.errors.get(name, ""),
    )


async def new_page(
    w: Winnow, refused: Refused = BLANK, given: Category | None = None, loaded: str = "", source: str = ""
) -> contexts.NewCategoryPage:
    """The page of a new category; ``given`` is what a file says, or the category that it is a clone of."""
    slug, question, instructions = ("", "", "") if given is None else (given.slug, given.question, given.instructions)
    base = Policy() if given is None else given.policy
    return contexts.NewCategoryPage(
        slug_entry=_text("slug", "Short name", policy_forms.SLUG_HELP, refused, slug),
        question_entry=_text("question", "Question", "One that every image answers with yes or no.", refused, question),
        instructions_entry=_text(
            "instructions",
            "Instructions",
            "What counts and what does not: annotators read it before they start. Pictures come with the gold.",
            refused,
            instructions,
            area=True,
        ),
        policy=await policy_form(w, base, refused, {}),
        error=refused.errors.get("", ""),
        file_error=refused.errors.get("file", ""),
        loaded=loaded,
        source=source,
    )


async def policy_form(
    w: Winnow, base: Policy, refused: Refused, fixed: Mapping[str, str], slug: str | None = None
) -> contexts.PolicyForm:
    """The policy with its forecast, which is of what was typed as long as that fits."""
    typed, errors = refused.typed, dict(refused.errors)
    believed = await forecasts.believed(w, slug) if slug else Beliefs()
    assumed = _fit(lambda: policy_forms.beliefs(typed, believed), errors)
    wanted = _fit(lambda: policy_forms.policy(typed, base), errors)
    shown = base if wanted is None else wanted
    outlook = None
    if wanted is not None and assumed is not None:
        outlook = _forecast_shown(await forecasts.outlook(w, wanted, assumed, slug), wanted)
        if slug:
            outlook = outlook.model_copy(update={"so_far": await _so_far(w, slug)})
    return contexts.PolicyForm(
        version=base.version,
        sections=policy_forms.sections(base, typed, errors, fixed),
        beliefs=policy_forms.entries(tuple(policy_fields.BELIEFS), believed, typed, errors, {}, policy_forms.BELIEF),
        forecast=outlook,
        fairness=_fairness_shown(shown) if wanted is not None else None,
        error=errors.get("", ""),
    )


def _fit(made: Callable[[], T], errors: dict[str, str]) -> T | None:
    try:
        return made()
    except Unfit as error:
        for name, words in error.errors.items():
            errors.setdefault(name, words)
        return None


async def _so_far(w: Winnow, slug: str) -> str:
    document = await w.store.categories.get(slug)
    spent, answers = document["money"]["spent_cents"], document["submissions"]["answers"]
    return f"{dollars(spent)} and {count(answers)} answers so far come on top." if spent or answers else ""


def _forecast_shown(made: forecasts.Outlook, policy: Policy) -> contexts.ForecastShown:
    days = [86_400.0 * value for value in made.days]
    facts = (
        ("cents", "cost", made.cents, dollars),
        ("answers", "answers", made.answers, count),
        ("days", "time", days, span),
        ("rounds", "rounds", made.rounds, count),
        ("unknown", "left unknown", made.unknown, count),
    )
    return contexts.ForecastShown(
        facts=tuple(
            contexts.ForecastFact(name=name, term=term, low=say(v[0]), middle=say(v[1]), high=say(v[2]))
            for name, term, v, say in facts
        ),
        bar=(made.by_people[1], made.by_model[1], made.unknown[1]),
        ends=tuple((ENDS.get(reason, reason), percent(share)) for reason, share in made.ends),
        advice=made.advice,
        hourly=dollars(made.hourly_cents),
        everyone=f"{dollars(made.everyone_cents)} for {policy.redundancy} answers to every image",
    )


def _fairness_shown(policy: Policy) -> contexts.FairnessShown:
    found = fairness.refusal(policy)
    return contexts.FairnessShown(
        gold=found.gold,
        refused_up_to=found.refused_up_to,
        guesser_paid=percent(found.guesser_paid),
        guesser_used=percent(found.guesser_used),
        rows=tuple(
            contexts.RiskRow(
                accuracy=percent(risk.accuracy),
                refused=_chance(risk.refused),
                refused_once=_chance(risk.refused_once),
                unused=_chance(risk.unused),
                usual_rule=_chance(risk.usual_rule),
            )
            for risk in found.risks
        ),
    )


def _chance(p: float) -> str:
    """A chance in words that do not pretend to more than they know."""
    return "0" if p == 0.0 else "<\u00a00.01\u00a0%" if p < 1e-4 else percent(p, 2 if p < 0.01 else 1 if p < 0.1 else 0)


async def settings_page(
    w: Winnow, slug: str, refused: Refused = BLANK, before: int | None = None
) -> contexts.SettingsPage:
    """The settings of a category; ``before`` pages back through the versions. Raises ``NotFound``."""
    document = await w.store.categories.get(slug)
    category = Category.model_validate(document["category"])
    fixed = amending.settled(policies.progress(document))
    versions = await policies.history(w, slug, before, policies.SHOWN)
    return contexts.SettingsPage(
        slug=slug,
        state=document["state"],
        reason=document["reason"],
        question_entry=_text("question", "Question", "", refused, category.question),
        instructions_entry=_text("instructions", "Instructions", "", refused, category.instructions, area=True),
        teaching=_teaching(category, refused),
        policy=await policy_form(w, category.policy, refused, fixed, slug),
        why=_text("why", "Why", "For those who read the history later; may stay empty.", refused),
        versions=tuple(_version(version) for version in versions),
        older=versions[-1].version if len(versions) == policies.SHOWN and versions[-1].version > 1 else None,
        intake=scrape_forms.intake_form(category.intake, None, {}).words,
        clone_slug=_text("new", "Short name of the copy", policy_forms.SLUG_HELP, refused, f"{slug}-2"[:64]),
    )


def _teaching(category: Category, refused: Refused) -> tuple[contexts.TeachingForm, ...]:
    kinds: tuple[tuple[str, str, str, int], ...] = (
        ("examples", "Examples", "Shown with the instructions, answer and all.", 100),
        ("lessons", "Lessons", "The first images of somebody's first task; each says at once whether the answer was "
         "right, and why.", category.policy.lessons),
    )  # fmt: skip
    return tuple(
        contexts.TeachingForm.model_validate(
            {
                "kind": kind,
                "title": title,
                "what": what,
                "most": most,
                "images": [contexts.TeachingImage(**one.model_dump()) for one in getattr(category, kind)],
                "added": refused.typed.get(f"{kind}.added", ""),
                "error": refused.errors.get(kind, ""),
            }
        )
        for kind, title, what, most in kinds
    )


def _version(version: policies.Version) -> contexts.VersionLine:
    changes = []
    for name, old, new in version.changes:
        shown = policy_fields.field(name)
        changes.append((shown.label, policy_forms.said(old, shown), policy_forms.said(new, shown)))
    return contexts.VersionLine(
        version=version.version, by=version.by, why=version.why, at=version.at, changes=tuple(changes)
    )


__all__ = ["index_page", "new_page", "policy_form", "settings_page"]
