"""Contexts of the pages that say what a model does and what happened to an image."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from math import exp

from active_learning import reliability
from active_learning.domain.candidate import Role, State
from active_learning.domain.label import Source
from labeling_ui.contexts import (
    Answered,
    Beside,
    Decision,
    Joined,
    Mistake,
    MistakeKind,
    MistakesFound,
    MistakesPage,
    Opinion,
    Page,
    Place,
    ScoreBin,
    ScoreGroup,
    Scores,
    Standing,
    Story,
    StoryPage,
)

SLUG, QUESTION = "circle", "Does this image show a circle?"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def sha(number: int) -> str:
    """A made-up image id."""
    return f"{number:064x}"


def scores() -> Scores:
    """A good model of round 4 whose cuts are in force: 1,697 images, 480 of them for validation."""
    edges = reliability.edges().tolist()
    bins = []
    for left, right in pairwise(edges):
        images = int(110 * exp(-(((left + 4.0) / 1.2) ** 2)) + 14 * exp(-(((left - 3.5) / 1.4) ** 2)))
        asked, chance = images // 3, 1 / (1 + exp(-left))
        yes = round(asked * chance)
        bins.append(ScoreBin(left=left, right=right, images=images, yes=yes, no=asked - yes))
    groups = (
        ScoreGroup(n=160, score=0.01, share=0.006, low=0.0, high=0.03),
        ScoreGroup(n=160, score=0.04, share=0.05, low=0.025, high=0.09),
        ScoreGroup(n=160, score=0.82, share=0.79, low=0.72, high=0.85),
    )
    return Scores(
        round=4,
        rounds=(1, 2, 3, 4),
        looked=True,
        adopted=True,
        in_force=4,
        lower=0.081,
        upper=0.934,
        bins=tuple(bins),
        groups=groups,
        error=0.021,
        brier=0.034,
    )


def standings() -> tuple[Standing, ...]:
    """One of each."""
    return (
        Standing(words="labeled by people", images=603, who="people", query="source=human"),
        Standing(words="labeled by the model", images=1_300, who="model", query="state=auto_labeled"),
        Standing(words="with people now", images=150, who="unknown", query="state=posted"),
        Standing(words="nobody has been asked", images=247, who="unknown", query="state=unknown"),
    )


def mistakes() -> dict[MistakeKind, tuple[Mistake, ...]]:
    """Every list, the last one empty."""
    human = {"state": State.LABELED, "source": Source.HUMAN}
    return {
        "false-yes": (
            Mistake(image=sha(1), why="audit", said=True, answer=False, **human),
            Mistake(image=sha(2), why="validation", score=0.941, answer=False, validation=True, **human),
        ),
        "false-no": (Mistake(image=sha(3), why="validation", score=0.02, answer=True, validation=True, **human),),
        "uncertain": tuple(
            Mistake(image=sha(n), why="uncertain", state=State.UNKNOWN, score=0.5 + n / 1_000) for n in range(4, 10)
        ),
        "contested": (
            Mistake(image=sha(10), why="disputed", state=State.UNKNOWN),
            Mistake(image=sha(11), why="contested", answer=True, certainty=0.71, **human),
        ),
        "doubtful": (Mistake(image=sha(12), why="doubtful", answer=True, score=0.03, **human),),
        "rechecked": (),
    }


def _answers() -> tuple[Answered, Answered, Answered]:
    """One that was used and paid, one that nobody has judged yet, one that was refused."""
    answered = Answered(
        at=NOON + timedelta(hours=1),
        value=True,
        who="A1B2C3",
        worker="A1B2C3",
        submission="ASG1:A1B2C3",
        task="circle-r3-w1-t2",
        task_name="circle 3.1.2",
        round=3,
        seconds=1.3,
        hidden_seconds=75.0,
        changes=1,
        device="key",
        used=True,
        paid=True,
        reason="36 of 37 check images were right.",
    )
    unjudged = answered.model_copy(
        update={
            "value": False,
            "worker": "",
            "submission": "",
            "who": "worker 2",
            "used": None,
            "changes": 0,
            "gold": True,
        }
    )
    refused = answered.model_copy(
        update={"value": False, "used": False, "paid": False, "changes": 2, "hidden_seconds": 0}
    )
    return answered, unjudged, refused


def story() -> Story:
    """An image that people and model have said much about."""
    cuts = (("model", "of round 4"), ("score", "0.9712"), ("cuts", "no below 0.0810, yes above 0.9340"))
    return Story(
        slug=SLUG,
        image=sha(7),
        state=State.LABELED,
        role=Role.TRAIN,
        answer=True,
        source=Source.HUMAN,
        certainty=0.983,
        gold=True,
        excluded_by="ben",
        excluded_at=NOON,
        chosen_by="margin_diverse",
        task="circle-r3-w1-t2",
        width=640,
        height=480,
        format="JPEG",
        bytes=51_234,
        places=(
            Place(
                found_by="commons",
                title="A <round> table",
                author="Ann & Ben",
                licence="CC BY-SA",
                licence_url="https://creativecommons.org/licenses/by-sa/4.0/",
                link="https://commons.example/wiki/File:Table.jpg",
                url="https://upload.example/table.jpg",
                fetched_at=NOON,
            ),
            Place(found_by="web", title="table.jpg"),
        ),
        opinion=Opinion(model="circle:4", round=4, score=0.9712, lower=0.081, upper=0.934, says=True, learned=True),
        events=(
            Joined(at=NOON),
            Decision(at=NOON, value=True, source=Source.MODEL, round=2, because=cuts),
            Decision(at=NOON, value=None, source=Source.MODEL, round=3, because=(("because", "people are asked"),)),
            *_answers(),
            Decision(
                at=NOON + timedelta(hours=2),
                value=True,
                source=Source.HUMAN,
                round=3,
                because=(("answers", "1 yes, 1 no"), ("chance of yes", "98.30%"), ("consensus", "dawid_skene")),
                in_force=True,
            ),
        ),
        more_answers=True,
    )


def story_page(number: int = 7) -> StoryPage:
    """The page of it, between two others of a list."""
    told = story().model_copy(update={"image": sha(number)})
    beside = Beside(kind="uncertain", before=sha(number - 1), after=sha(number + 1))
    return StoryPage(question=QUESTION, story=told, beside=beside)


def mistakes_page() -> MistakesPage:
    """A list that goes on."""
    found = MistakesFound(items=mistakes()["uncertain"], next=sha(9))
    return MistakesPage(slug=SLUG, question=QUESTION, kind="uncertain", after=sha(3), found=found)


FULL: tuple[Page, ...] = (mistakes_page(), story_page())
EMPTY: tuple[Page, ...] = (
    MistakesPage(slug=SLUG, question=QUESTION, kind="doubtful"),
    StoryPage(
        question=QUESTION,
        story=Story(slug=SLUG, image=sha(1), state=State.UNKNOWN, role=Role.VALIDATION, disputed=True, taken_down=True),
    ),
)
