"""Page contexts for tests: each page once with everything filled in and once as empty as it can be."""

from datetime import UTC, datetime, timedelta

from active_learning.domain.label import Source
from labeling_ui.contexts import (
    Agreement,
    Audit,
    CategoryCard,
    CategoryPage,
    CategoryState,
    CategorySummary,
    Cost,
    Counts,
    Decided,
    ErrorPage,
    Estimate,
    Example,
    Examples,
    ExpertPage,
    FindExample,
    FormField,
    Gold,
    ImagesInPage,
    IndexPage,
    IntakeForm,
    Lesson,
    LicenceGroup,
    Links,
    OutcomeGroup,
    Page,
    Progress,
    Promise,
    Reason,
    RoundRow,
    Sample,
    Search,
    SourceChoice,
    StartForm,
    Submissions,
    TaskPage,
    Validation,
    Work,
)
from tests.ui import (
    account_pages,
    curating_pages,
    dataset_pages,
    money_pages,
    settings_pages,
    story_pages,
    worker_pages,
)

QUESTION = "Does this image show a circle?"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LINKS = Links(task="/preview", marketplace="/market", expert="/categories/circle/expert")
AIM = Promise(precision=0.9, recall=0.9, confidence=0.9)
INSTRUCTIONS = "Any closed round shape counts.\nHalf circles and ovals do not."
SIZES = (160, 320, 640, 1280)
LESSONS = (
    Lesson(answer=True, why="It is round all the way."),
    Lesson(answer=False, why="A square has corners."),
    Lesson(answer=False),
)
EXAMPLES = (
    Sample(address="/examples/3", answer=True, why="A small circle counts, too."),
    Sample(address="/examples/4", answer=False),
    Sample(address="/examples/6", answer=True),
    Sample(address="/examples/5", answer=False, why="Rounded corners do not make a circle."),
)


def sha(number: int) -> str:
    """A made-up image id."""
    return f"{number:064x}"


def thumbnails(start: int, source: Source | None) -> tuple[Example, ...]:
    """Eight examples with scores."""
    return tuple(Example(image=sha(start + i), source=source, score=0.05 * i + 0.5) for i in range(8))


def round_row(number: int, unknown: int, auto: int, posted: int = 150) -> RoundRow:
    """One finished round of the full category."""
    return RoundRow(
        round=number,
        strategy="margin",
        posted=posted,
        answers=posted * 2,
        human_labels=posted - 10,
        auto_yes=auto // 5,
        auto_no=auto - auto // 5,
        unknown=unknown,
        lower=None if number == 1 else 0.081,
        upper=0.934,
        n=120 * number,
        positives=14 * number,
        precision_bound=0.912,
        recall_bound=None if number == 1 else 0.903,
        confidence=0.9,
        model_version=f"v{number}",
        loss=0.31 / number,
        spent_cents=216,
        agreement=Agreement(agreed=posted - 30, contested=17, disputed=3, pairs=posted, alike=posted - 18),
    )


def full_summary(unknown: int = 397) -> CategorySummary:
    """A category in the middle of its work: 2,400 images in all."""
    return CategorySummary(
        slug="circle",
        question=QUESTION,
        instructions=INSTRUCTIONS,
        counts=Counts(unknown=unknown - 150, selected=0, posted=150, labeled=703, auto_labeled=1_697 - unknown),
        decided=Decided(human_yes=121, human_no=482, auto_yes=260, auto_no=1_437 - unknown, gold_yes=48, gold_no=52),
        total=2_400,
        rounds=(round_row(1, 2_080, 0), round_row(2, 1_310, 610), round_row(3, 740, 1_030), round_row(4, 410, 1_300)),
        phase="Round 5: 150 images are with people, 212 of 300 answers are in.",
        progress=Progress(what="Scoring the pool", done=31, total=64),
        audit=Audit(yes=(40, 1), no=(60, 0), yes_right=0.893, no_right=0.951),
        validation=Validation(labeled=480, wanted=500),
        gold=Gold(yes=48, no=52),
        promise=Promise(
            precision=0.9, recall=0.9, confidence=0.9, held=True, precision_bound=0.912, recall_bound=0.903
        ),
        cost=Cost(spent_cents=1_296, committed_cents=216, budget_cents=10_000),
        estimate=Estimate(answers=(420, 610, 950), cents=(252, 366, 570), seconds=(2_400, 4_100, 9_000)),
        submissions=Submissions(approved=21, rejected=1, excluded=3),
        examples=Examples(
            yes=thumbnails(0, Source.HUMAN), no=thumbnails(10, Source.MODEL), unknown=thumbnails(20, None)
        ),
        standings=story_pages.standings(),
        scores=story_pages.scores(),
        mistakes=story_pages.mistakes(),
        links=LINKS,
    )


def empty_summary() -> CategorySummary:
    """A category that was just made."""
    return CategorySummary(slug="circle", question=QUESTION, promise=AIM, links=LINKS.model_copy(update={"task": None}))


def work(
    token: str = "token",
    of: int = 150,
    minutes: int = 30,
    lessons: tuple[Lesson, ...] = (),
    presumed: bool | None = None,
) -> Work:
    """Work that began at noon on the server's clock."""
    return Work(
        token=token,
        key=f"key-of-{token}",
        of=of,
        lessons=lessons,
        presumed=presumed,
        sizes=SIZES,
        deadline=NOON + timedelta(minutes=minutes),
        now=NOON,
    )


def task_page(work: Work | None, slots: int = 150, language: str = "en") -> TaskPage:
    """The task page with instructions and examples."""
    return TaskPage(
        question=QUESTION,
        instructions=INSTRUCTIONS,
        examples=EXAMPLES,
        reward_cents=60,
        slots=slots,
        minutes=30,
        seconds=255.0,
        teaching=len(work.lessons if work else LESSONS),
        grid=bool(work and work.presumed is not None),
        language=language,
        work=work,
    )


def expert_page(images: int = 30) -> ExpertPage:
    """The expert page with some gold already there."""
    return ExpertPage(
        slug="circle",
        question=QUESTION,
        instructions=INSTRUCTIONS,
        images=tuple(sha(i) for i in range(images)),
        gold_yes=3,
        gold_no=5,
        wanted_yes=20,
        wanted_no=20,
    )


def card(slug: str, question: str, state: CategoryState, unknown: int, total: int, spent_cents: int) -> CategoryCard:
    """A card whose numbers add up."""
    decided = total - unknown
    return CategoryCard(
        slug=slug,
        question=question,
        state=state,
        unknown=unknown,
        decided=decided,
        total=total,
        spent_cents=spent_cents,
    )


def cards() -> tuple[CategoryCard, ...]:
    """Three categories in three states."""
    return (
        card("circle", QUESTION, "open", unknown=397, total=2_400, spent_cents=1_296),
        card("car", "Does this image contain a car?", "paused", unknown=9_000, total=10_000, spent_cents=123_456),
        card("three", "Does this image show a 3?", "finished", unknown=0, total=1_797, spent_cents=2_160),
    )


def start_form(error: str = "") -> StartForm:
    """Two sources, with every kind of field."""
    fields = (
        FormField(name="photos.query", label="Query", help="What to look for.", needed=True, error=error),
        FormField(name="photos.expand", label="Expand", kind="switch", value="on"),
        FormField(name="photos.size", label="Size", kind="choice", value="large", choices=("large", "original")),
        FormField(name="photos.queries", label="Queries", kind="number", value="200", error=error),
    )
    return StartForm(
        chosen="photos",
        sources=(
            SourceChoice(name="photos", title="Photos", what="A collection of photos.", fields=fields),
            SourceChoice(name="maps", title="Maps", what="All maps.", fields=()),
        ),
        limit=FormField(name="limit", label="At most", kind="number", error=error),
        every_h=FormField(name="every_h", label="Again every", kind="number", value="24"),
        error=error,
    )


def intake_form(error: str = "") -> IntakeForm:
    """Everything comes in but what is tiny."""
    return IntakeForm(
        words=(("licences", "any"), ("sides", "64 to 20,000 pixels")),
        everything=False,
        licences=(LicenceGroup(title="Any use", licences=(("by", "CC BY", True), ("by-sa", "CC BY-SA", False))),),
        numbers=(FormField(name="min_side", label="Shortest side", kind="number", value="64", error=error),),
        form="lsun",
        error=error,
    )


def images_in_page(error: str = "") -> ImagesInPage:
    """A search in every state, the first with examples open."""
    examples = (
        FindExample(url="https://photos.test/1.jpg", title="A <round> one", page="https://photos.test/1"),
        FindExample(url="s3://photos/2.jpg", detail="503", image=sha(2)),
    )
    groups = (
        OutcomeGroup(
            name="pool", title="In the pool", images=7, reasons=(Reason(outcome="new", words="new", images=7),)
        ),
        OutcomeGroup(name="unwanted", title="Not wanted", images=0),
        OutcomeGroup(
            name="undelivered",
            title="Did not come",
            images=2,
            reasons=(Reason(outcome="timeout", words="took too long", images=2, examples=examples),),
        ),
    )
    running = Search(
        name="photos-1",
        title="circle",
        source="Photos",
        asked=(("expand", "yes"),),
        state="open",
        limit=1_000,
        every_h=24.0,
        found=12,
        decided=9,
        waiting=3,
        images_per_s=1.5,
        bytes_per_s=200_000.0,
        bytes=4_000_000,
        seconds_left=2.0,
        groups=groups,
        again=2,
        started_at=NOON,
    )
    others = {
        "photos-2": {"state": "asleep", "wakes_at": NOON + timedelta(hours=24), "ended_at": NOON, "gathered": True},
        "photos-3": {"state": "paused"},
        "photos-4": {"state": "failed", "error": "Photos wants a key.", "found": 0},
        "photos-5": {"state": "done", "ended_at": NOON, "again": 0, "limit": None, "every_h": 0.0, "asked": ()},
        "photos-6": {"nobody": True, "images_per_s": 0.0, "bytes_per_s": 0.0, "seconds_left": None},
    }
    closed = running.model_copy(update={"groups": groups[:2], "title": "square"})
    searches = (running, *(closed.model_copy(update={"name": name} | changes) for name, changes in others.items()))
    return ImagesInPage(
        slug="circle",
        question=QUESTION,
        total=2_400,
        start=start_form(error),
        intake=intake_form(error),
        searches=searches,
    )


FULL: tuple[Page, ...] = (
    IndexPage(categories=cards()[:2], archived=cards()[2:]),
    CategoryPage(summary=full_summary()),
    task_page(work(lessons=LESSONS)),
    expert_page(),
    images_in_page("This does not fit."),
    *story_pages.FULL,
    *account_pages.FULL,
    *money_pages.FULL,
    *dataset_pages.FULL,
    *settings_pages.FULL,
    *curating_pages.FULL,
    *worker_pages.FULL,
    ErrorPage(status=404, message="There is no category 'cat'.", hint="See the list of categories."),
)
EMPTY: tuple[Page, ...] = (
    IndexPage(),
    CategoryPage(summary=empty_summary()),
    TaskPage(question=QUESTION, reward_cents=1, slots=2, minutes=1),
    ExpertPage(slug="circle", question=QUESTION, wanted_yes=0, wanted_no=0),
    ImagesInPage(slug="circle", question=QUESTION, start=start_form(), intake=intake_form()),
    *story_pages.EMPTY,
    *account_pages.EMPTY,
    *money_pages.EMPTY,
    *dataset_pages.EMPTY,
    *settings_pages.EMPTY,
    *curating_pages.EMPTY,
    *worker_pages.EMPTY,
    ErrorPage(status=500, message="Something went wrong."),
)
