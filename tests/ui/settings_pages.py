"""The list of categories, a new one and the settings of one, for tests: as full and as empty as they can be."""

from datetime import UTC, datetime

from active_learning.domain.policy import Policy
from active_learning.forecasting import Beliefs
from api.operations import policy_fields, policy_forms
from labeling_ui.contexts import (
    Entry,
    FairnessShown,
    ForecastFact,
    ForecastShown,
    NewCategoryPage,
    PolicyForm,
    RiskRow,
    SettingsPage,
    TeachingForm,
    TeachingImage,
    VersionLine,
)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
WRONG = "This does not fit."

FORECAST = ForecastShown(
    facts=(
        ForecastFact(name="cents", term="cost", low="$25.00", middle="$31.00", high="$49.00"),
        ForecastFact(name="answers", term="answers", low="3,578", middle="4,436", high="7,264"),
        ForecastFact(name="days", term="time", low="3 h 8 min", middle="11 h 8 min", high="1 d 20 h"),
        ForecastFact(name="rounds", term="rounds", low="4", middle="4", high="4"),
    ),
    bar=(1_645.0, 5_778.0, 696.0),
    ends=(("10 rounds are over", "46 %"), ("every image is decided", "54 %")),
    advice=("The budget is <spent> too early.",),
    hourly="$8.47",
    everyone="$131 for 2 answers to every image",
    so_far="$12.00 and 1,200 answers so far come on top.",
)
FAIRNESS = FairnessShown(
    gold=40,
    refused_up_to=22,
    guesser_paid="22 %",
    guesser_used="0.1 %",
    rows=(RiskRow(accuracy="90 %", refused="0", refused_once="0", unused="0.2 %", usual_rule="37 %"),),
)


def text(name: str, value: str = "", error: str = "", area: bool = False) -> Entry:
    """A text field."""
    return Entry(name=name, label=name.title(), kind="area" if area else "text", value=value, error=error)


def policy_form(forecast: ForecastShown | None, error: str = "") -> PolicyForm:
    """All fields of a policy: as usual, or otherwise, wrong and settled."""
    policy = Policy(reward_cents=75, validation_design="stratified", error_cents=3.5) if error else Policy()
    errors = {f"policy.{name}": error for name in ("batch", "audit", "strategy")} if error else {}
    fixed = {"validation": "It is drawn.", "validation_design": "It is drawn."} if error else {}
    return PolicyForm(
        version=policy.version,
        sections=policy_forms.sections(policy, {}, errors, fixed),
        beliefs=policy_forms.entries(
            tuple(policy_fields.BELIEFS), Beliefs(), {}, {"belief.images": error}, {}, policy_forms.BELIEF
        ),
        forecast=forecast,
        fairness=FAIRNESS if forecast else None,
        error=error,
    )


def teaching(kind: str, error: str = "") -> TeachingForm:
    """Two images that teach, and one that cannot be added."""
    images = (
        TeachingImage(image=f"{7 if kind == 'examples' else 8:064x}", answer=True, why="Round."),
        TeachingImage(image=f"{9 if kind == 'examples' else 10:064x}", answer=False),
    )
    return TeachingForm.model_validate(
        {"kind": kind, "title": kind.title(), "what": "They teach.", "images": images if error else ()}
        | {"most": 6, "added": "seven.png" if error else "", "error": error}
    )


def settings_page(error: str = "") -> SettingsPage:
    """The settings, with something wrong in every form or with nothing in them."""
    change = ("Reward", "$0.60", "$0.75")
    full = (VersionLine(version=2, by="ann", why="they asked", at=NOON, changes=(change,)),) if error else ()
    return SettingsPage(
        slug="circle",
        state="open" if error else "archived",
        reason="" if error else "archived by ann",
        question_entry=text("question", "Is it round?", error),
        instructions_entry=text("instructions", "All round things.", error, area=True),
        teaching=(teaching("examples", error), teaching("lessons", error)),
        policy=policy_form(FORECAST if error else None, error),
        why=text("why"),
        versions=(*full, VersionLine(version=1, by="", why="", at=NOON)),
        older=1 if error else None,
        intake=(("licences", "any"),) if error else (),
        clone_slug=text("new", "circle-2", error),
    )


FULL = (
    NewCategoryPage(
        slug_entry=text("slug", "Circle!", WRONG),
        question_entry=text("question", "Is <it> round?", WRONG),
        instructions_entry=text("instructions", "All.\nRound things.", WRONG, area=True),
        policy=policy_form(FORECAST, WRONG),
        error=WRONG,
        loaded="circle.yaml",
        file_error=WRONG,
        source="square",
    ),
    settings_page(WRONG),
)
EMPTY = (
    NewCategoryPage(
        slug_entry=text("slug"),
        question_entry=text("question"),
        instructions_entry=text("instructions", area=True),
        policy=policy_form(None),
    ),
    settings_page(),
)
