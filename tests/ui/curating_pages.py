"""The pages of the pool and of task sets, each with everything filled in and as empty as can be."""

from labeling_ui.contexts import Page
from labeling_ui.contexts.pool import DoneNote, LikeNote, PoolChoice, PoolPage, PoolTile, Stand
from labeling_ui.contexts.task_sets import (
    Group,
    SetForm,
    SetImage,
    SetRow,
    SetTask,
    TaskSetPage,
    TaskSetPreview,
    TaskSetsPage,
)

QUESTION = "Does this image show a circle?"
POOL = "/categories/circle/pool"
IMAGES = tuple(f"{n:064x}" for n in range(8))
TILES = (
    PoolTile(image=IMAGES[0], kind="unknown", standing="unknown", score=0.412, name="a <b>.png", licence="CC BY"),
    PoolTile(image=IMAGES[1], kind="people", standing="people", answer=True, doubt="93% sure", origin="flickr"),
    PoolTile(image=IMAGES[2], kind="model", standing="model", answer=False, score=0.021),
    PoolTile(image=IMAGES[3], kind="gold", standing="gold", answer=True, why_not="gold: its answer is known"),
    PoolTile(image=IMAGES[4], kind="validation", standing="validation", why_not="kept for validation"),
    PoolTile(image=IMAGES[5], kind="busy", standing="with people", likeness=0.87),
    PoolTile(image=IMAGES[6], kind="excluded", standing="excluded", answer=False),
)
FILTERS = (
    PoolChoice(name="state", label="Where it stands", value="unknown", choices=(("unknown", "unknown"),)),
    PoolChoice(name="origin", label="Where from", value='"><script>'),
    PoolChoice(name="score_from", label="Score from", number=True),
)


def pool(**changes: object) -> PoolPage:
    """The pool as a curator sees it."""
    page = PoolPage(
        slug="circle",
        question=QUESTION,
        total=2_400,
        curator=True,
        stands=(Stand(label="unknown", images=800, address=f"{POOL}?state=unknown", here=True, kind="unknown"),),
        filters=FILTERS,
        chips=(("unknown", POOL),),
        tiles=TILES,
        next=f"{POOL}?state=unknown&after=x",
        looked=3_000,
        drafts=((2, "Night"), (1, "<Day>")),
    )
    return page.model_copy(update=changes)


DONE = DoneNote(
    said="6 images excluded.",
    left=(("not in this pool", 1), ("excluded already", 2)),
    undo=f"{POOL}/acts/1/undo",
    task_set="/categories/circle/task-sets/2",
)
LIKE = LikeNote(image=IMAGES[0], everything=POOL, compared=2_400)


def task_set(state: str, **changes: object) -> TaskSetPage:
    """A set of two tasks."""
    page = TaskSetPage(
        slug="circle",
        question=QUESTION,
        curator=True,
        number=2,
        name="Night <1>",
        state=state,
        by="ann",
        total=3,
        images=(SetImage(image=IMAGES[0], said="a.png"), SetImage(image=IMAGES[1], said="b.png", why_not="gold")),
        next="/categories/circle/task-sets/2?start=60",
        slots=150,
        hidden_gold=40,
        answers=2,
        usual=(150, 40, 2),
    )
    return page.model_copy(update=changes)


TASK = SetTask(
    id="circle-s2-a1-t1",
    asked=110,
    gold_yes=20,
    gold_no=20,
    answers=2,
    reward_cents=60,
    cost_cents=144,
    state="at the market",
)

FULL: tuple[Page, ...] = (
    pool(),
    pool(like=LIKE, done=DONE),
    pool(like=LIKE.model_copy(update={"progress": (3, 128)}), tiles=(), next=None),
    pool(acted=True, done=DONE, back="state=unknown", chips=(), next=None),
    pool(curator=False),
    TaskSetsPage(
        slug="circle",
        question=QUESTION,
        curator=True,
        following=3,
        sets=(
            SetRow(number=2, name="Night <1>", state="posted", by="ann", images=300, tasks=3),
            SetRow(number=1, name="Day", state="draft", by="bob", images=12, tasks=0),
        ),
        next="/categories/circle/task-sets?below=1",
        form=SetForm(name="<x>", number="2", ids="1.png\n2.png", error="There is already a task set 2."),
    ),
    TaskSetPreview(
        slug="circle",
        question=QUESTION,
        name="Night",
        number=3,
        lines=40,
        matched=30,
        withdrawn=2,
        ids=" ".join(IMAGES),
        shown=IMAGES,
        groups=(Group(title="Missing", help="Nowhere.", lines=((4, "<nowhere>.png", "why"),), more=8),),
        error="There is already a task set 3.",
    ),
    task_set("draft", error="Gold first."),
    task_set("arranged", tasks=(TASK,), cost_cents=144, left_cents=10_000, outcome=(("with people", 3),)),
    task_set("posted", tasks=(TASK,), outcome=(("yes", 2), ("wants another opinion", 1)), waiting="Asked again."),
    task_set("cancelled"),
)
EMPTY: tuple[Page, ...] = (
    PoolPage(slug="circle", question=QUESTION, total=0, curator=True),
    TaskSetsPage(slug="circle", question=QUESTION, curator=False, following=1),
    TaskSetPreview(slug="circle", question=QUESTION, name="x", number=1, lines=1, matched=0, withdrawn=0, ids=""),
    task_set("draft", total=0, images=(), next=None),
)
