"""What the page of a category says, from kept counters and short indexed reads: it costs no more as the pool grows."""

from collections.abc import Iterator, Sequence
from typing import Any

from active_learning import audit, estimates, reliability
from active_learning.domain.candidate import State
from active_learning.domain.category import Category
from active_learning.domain.label import Source
from active_learning.domain.round import CategoryState
from active_learning.domain.task import TaskState
from api.operations import mistakes, model_reports, viewing
from api.operations.context import Winnow
from api.operations.model_reports import ModelReport
from api.store.categories import COUNTERS
from api.store.connection import Document
from labeling_ui import contexts

THUMBNAILS = 12
SHOWN_FIRST = (Source.MODEL, Source.HUMAN, Source.GOLD, Source.IMPORTED)

STEPS = {
    "embed_range": "Computing features",
    "score_range": "Scoring the pool",
    "shortlist_range": "Selecting from the pool",
    "count_range": "Counting the pool for the cuts",
    "decide_range": "Labeling by the cuts",
    "describe_range": "Describing the scores",
}
"""What the parts of a heavy step are called for people."""


async def summary(w: Winnow, slug: str, model: int | None = None) -> contexts.CategorySummary:
    """Everything that the category page says; of the scores of the newest model, or of that of round ``model``."""
    document = await w.store.categories.get(slug)
    category = Category.model_validate(document["category"])
    rounds = await w.store.rounds.all(slug)
    newest = await model_reports.newest(w, slug)
    known = mistakes.ground_of(document, newest)
    return contexts.CategorySummary(
        slug=slug,
        question=category.question,
        instructions=category.instructions,
        state=document["state"],
        state_reason=document["reason"],
        counts=contexts.Counts(**document["counts"]),
        decided=_decided(document),
        total=sum(document["counts"].values()),
        rounds=tuple(_row(r, before) for r, before in zip(rounds, [None, *rounds[:-1]], strict=False) if r["report"]),
        phase=document["phase"],
        progress=await _progress(w, slug),
        audit=_audit(document),
        validation=contexts.Validation(
            labeled=document["validation"]["labeled"], wanted=document["validation"]["total"]
        ),
        gold=contexts.Gold(**document["gold"]),
        promise=_promise(document, category, rounds),
        cost=contexts.Cost(budget_cents=category.policy.budget_cents, **document["money"]),
        estimate=estimate(document, category, rounds),
        submissions=contexts.Submissions(
            **{k: v for k, v in document["submissions"].items() if k in contexts.Submissions.model_fields}
        ),
        examples=contexts.Examples(
            yes=await _decided_thumbnails(w, slug, answer=True),
            no=await _decided_thumbnails(w, slug, answer=False),
            unknown=await _thumbnails(w, slug, {"state": State.UNKNOWN.value}),
        ),
        standings=tuple(_standings(document)),
        scores=await _scores(w, document, rounds, newest, model),
        mistakes={
            kind: (await mistakes.some(w, slug, known, kind, limit=mistakes.FIRST)).items for kind in contexts.KINDS
        },
        links=contexts.Links(
            task=await _task_link(w, slug),
            marketplace=w.settings.origins(document["category"].get("market", ""))[0],
            expert=f"/categories/{slug}/expert",
        ),
    )


async def _progress(w: Winnow, slug: str) -> contexts.Progress | None:
    """The heavy step that runs for this category now, if one has said how far it is."""
    for job in await w.store.jobs.running():
        progress = job.get("progress")
        if progress and job["args"].get("category") == slug and progress["done"] < progress["total"]:
            what = STEPS.get(progress["what"], progress["what"])
            return contexts.Progress(what=what, done=progress["done"], total=progress["total"])
    return None


def _audit(document: Document) -> contexts.Audit:
    """What people's checks say of the rule in force; nothing before there is one."""
    state = document.get("audit")
    if state is None:
        return contexts.Audit()
    yes, no = (audit.Audit(alpha=state["alpha"], **state[side]) for side in ("yes", "no"))
    return contexts.Audit(
        yes=(yes.n, yes.wrong),
        no=(no.n, no.wrong),
        yes_right=yes.interval()[0] if yes.n else None,
        no_right=no.interval()[0] if no.n else None,
        alarm=tuple(state["alarm"]),
    )


def _standings(document: Document) -> Iterator[contexts.Standing]:
    """Where each image stands, from the kept counters; what there is none of is left out."""
    counts, decided = document["counts"], document["decided"]
    waiting, disputed = sum(document["wants_votes"].values()), document["disputed"]
    for words, images, who, query in (
        ("labeled by people", decided["human_yes"] + decided["human_no"], "people", "source=human"),
        ("gold, by experts and imports", decided["gold_yes"] + decided["gold_no"], "people", ""),
        ("labeled by the model", counts["auto_labeled"], "model", "state=auto_labeled"),
        ("with people now", counts["posted"], "unknown", "state=posted"),
        ("selected for a task", counts["selected"], "unknown", "state=selected"),
        ("waiting for another answer", waiting, "unknown", "doubt=wanted"),
        ("given up: people do not agree", disputed, "unknown", "doubt=contested"),
        ("nobody has been asked", counts["unknown"] - waiting - disputed, "unknown", "state=unknown"),
    ):
        if images > 0:
            yield contexts.Standing(words=words, images=images, who=who, query=query)


async def _scores(
    w: Winnow, document: Document, rounds: Sequence[Document], newest: ModelReport | None, model: int | None
) -> contexts.Scores | None:
    """What a model's scores say; ``None`` before the first cut, or where that round has made no model."""
    slug = document["_id"]
    report = newest if model is None else await model_reports.of_round(w, slug, model)
    if report is None:
        return None
    result = next((r["report"] for r in rounds if r["number"] == report.round), None) or {}
    cuts = (result.get("calibration") or {}).get("cuts") or {}
    edges = reliability.edges().tolist()
    columns = zip(edges, edges[1:], report.open, report.validation_yes, report.validation_no, strict=False)
    return contexts.Scores(
        round=report.round,
        rounds=tuple(await w.store.model_reports.rounds(slug)),
        looked=bool(result.get("calibration")),
        adopted=bool(result.get("in_force")),
        in_force=(document["rule"] or {}).get("round"),
        lower=cuts.get("lower"),
        upper=cuts.get("upper"),
        bins=tuple(
            contexts.ScoreBin(left=left, right=right, images=images, yes=yes, no=no)
            for left, right, images, yes, no in columns
        ),
        groups=tuple(contexts.ScoreGroup(**group.model_dump()) for group in report.groups),
        error=report.error,
        brier=report.brier,
    )


def _decided(document: Document) -> contexts.Decided:
    decided = document["decided"]
    return contexts.Decided(
        human_yes=decided["human_yes"],
        human_no=decided["human_no"],
        auto_yes=decided["model_yes"],
        auto_no=decided["model_no"],
        gold_yes=decided["gold_yes"],
        gold_no=decided["gold_no"],
    )


def _row(document: Document, before: Document | None) -> contexts.RoundRow:
    report: dict[str, Any] = document["report"]
    calibration: dict[str, Any] = report.get("calibration") or {}
    cuts = calibration.get("cuts") or {}
    spent_before = before["report"]["spent_cents"] if before and before["report"] else 0
    return contexts.RoundRow(
        round=document["number"],
        strategy=document["strategy"],
        posted=document["posted"],
        answers=document["answers"],
        human_labels=document["human_labels"],
        auto_yes=report["auto_yes"],
        auto_no=report["auto_no"],
        unknown=report["unknown"],
        lower=cuts.get("lower"),
        upper=cuts.get("upper"),
        n=calibration.get("n", 0),
        positives=calibration.get("positives", 0),
        precision_bound=calibration.get("precision_bound"),
        recall_bound=calibration.get("recall_bound"),
        confidence=calibration.get("confidence"),
        model_version=report.get("model"),
        loss=report.get("loss"),
        spent_cents=report["spent_cents"] - spent_before,
        agreement=contexts.Agreement(**document.get("agreement", {})),
    )


def _promise(document: Document, category: Category, rounds: Sequence[Document]) -> contexts.Promise:
    policy = category.policy
    looks = [r["report"]["calibration"] for r in rounds if (r["report"] or {}).get("calibration")]
    newest = looks[-1] if looks else None
    rule = (document["rule"] or {}).get("calibration") or newest
    held = None
    if rule is not None:
        held = rule["precision_bound"] is not None and rule["recall_bound"] is not None
    return contexts.Promise(
        precision=policy.precision,
        recall=policy.recall,
        confidence=policy.confidence,
        held=held,
        precision_bound=rule["precision_bound"] if rule else None,
        recall_bound=rule["recall_bound"] if rule else None,
        needed=newest["needed"] if newest and not held else 0,
        look=rule["look"] if rule else 0,
        n=rule["n"] if rule else 0,
        positives=rule["positives"] if rule else 0,
    )


def estimate(document: Document, category: Category, rounds: Sequence[Document]) -> contexts.Estimate | None:
    """What is left for a category; ``None`` before there is anything to go by, and where nothing is left."""
    labels = sum(r["human_labels"] for r in rounds)
    answers = document["submissions"]["answers"]
    if not labels or not answers or document["state"] == CategoryState.FINISHED:
        return None
    counts = document["counts"]
    pace = document.get("pace") or COUNTERS["pace"]
    policy = category.policy
    done = [r for r in rounds if r["report"]]
    start = sum(counts.values()) - sum(document["gold"].values()) if done else None
    left = estimates.forecast(
        unknown=counts["unknown"] + counts["selected"] + counts["posted"],
        unknown_by_round=[start, *(r["report"]["unknown"] for r in done)] if start is not None else [],
        human_labels_by_round=[r["human_labels"] for r in done],
        votes_per_label=answers / labels,
        answers_per_assignment=policy.slots - policy.hidden_gold,
        seconds_per_answer=viewing.seconds_an_answer(pace["answers"], pace["visible_ms"]),
        policy=policy,
    )
    return contexts.Estimate(answers=left.answers, cents=left.cents, seconds=left.seconds)


async def _thumbnails(w: Winnow, slug: str, only: dict[str, Any]) -> tuple[contexts.Example, ...]:
    found = await w.store.candidates.find(slug, only, ["image", "source", "score"], THUMBNAILS)
    return tuple(contexts.Example(image=c["image"], source=c["source"], score=c["score"]) for c in found)


async def _decided_thumbnails(w: Winnow, slug: str, answer: bool) -> tuple[contexts.Example, ...]:
    """Half of them by the model where it decided so many: its work is what a researcher wants to look at."""
    by_source = [await _thumbnails(w, slug, {"answer": answer, "source": source.value}) for source in SHOWN_FIRST]
    model, others = by_source[0], [example for examples in by_source[1:] for example in examples]
    kept = others[: THUMBNAILS - min(len(model), THUMBNAILS // 2)]
    return (*kept, *model[: THUMBNAILS - len(kept)])


async def _task_link(w: Winnow, slug: str) -> str | None:
    tasks = await w.store.tasks.in_state(slug, TaskState.POSTED) or await w.store.tasks.in_state(slug, TaskState.CLOSED)
    return f"/tasks/{tasks[0].id}" if tasks else None
