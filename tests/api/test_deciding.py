"""From answers to labels: waves of opinions, provenance, gold that grows, people who are not asked any more."""

from collections.abc import Callable

import pytest

from active_learning.domain.candidate import State
from active_learning.domain.label import Source
from active_learning.domain.submission import Response
from active_learning.domain.task import Task
from active_learning.rounds import AddWave, Decide, StartRound
from api.operations import curating, deciding, intake, labeling, recounting, rounds, settling
from api.operations.context import Winnow
from tests import factories

Opinion = Callable[[str], bool]
"""What somebody answers to an image."""


async def answer(w: Winnow, task: Task, annotator: str, opinion: Opinion) -> None:
    """Work on a task from opening to settling."""
    market = f"ASG{annotator}{task.id}"
    opened = await labeling.open_assignment(w, task.id, market, annotator, "")
    document = await w.store.assignments.get(labeling.assignment_id(market, annotator))
    assert document is not None
    responses = [Response(position=n, value=opinion(image)) for n, image in enumerate(document["images"])]
    await labeling.save(w, opened.token, responses)
    await labeling.submit(w, opened.token, (0, 0))
    await settling.judge(w, task, market, annotator)
    for payment in await settling.unpaid(w, task.category):
        await settling.settled(w, task.category, payment)


async def work(w: Winnow, wave: int, people: dict[str, Opinion]) -> None:
    """Post the tasks of a wave, have everybody answer them all, close them, decide."""
    for draft in [t for t in await w.store.tasks.of_round("bright", 1) if t.wave == wave]:
        await settling.posted(w, draft, f"HIT{draft.id}")
        task = await w.store.tasks.get(draft.id)
        for annotator, opinion in people.items():
            await answer(w, task, annotator, opinion)
        await settling.closed(w, task, len(people))
    await deciding.decide(w, "bright", Decide(round=1, wave=wave))


@pytest.fixture
def truth() -> dict[str, bool]:
    """Seventy images, every fifth a yes."""
    return factories.new_images(range(70), yes_every=5)[1]


async def start(w: Winnow, truth: dict[str, bool], **policy: object) -> list[str]:
    """A category whose open images are all in round 1; returns those images."""
    images, _ = factories.new_images(range(70), yes_every=5)
    numbers = {"slots": 80, "hidden_gold": 20, "validation": 24, "redundancy": 2} | policy
    await intake.create_category(w, factories.category(**numbers))
    await intake.add_images(w, "bright", images)
    for value in (True, False):
        gold = [image for image, answer in truth.items() if answer is value][:10]
        await curating.give_gold(w, "bright", dict.fromkeys(gold, value), Source.IMPORTED, {"by": "test"})
    await rounds.draw_validation(w, "bright")
    drawn = (await w.store.categories.get("bright"))["validation"]["total"]
    await rounds.start_round(w, "bright", StartRound(number=1, strategy="random", take=60 - drawn, validation=drawn))
    return [image for task in await w.store.tasks.of_round("bright", 1) for image in task.asked]


async def test_agreement_becomes_a_label_with_its_provenance(w: Winnow, truth: dict[str, bool]) -> None:
    asked = await start(w, truth)
    await work(w, 1, {"ANNA": truth.__getitem__, "BEN": truth.__getitem__})
    sure_no = [image for image in asked if not truth[image]]
    for image in sure_no:
        candidate = await w.store.candidates.get("bright", image)
        assert candidate is not None and (candidate["state"], candidate["answer"]) == (State.LABELED, False)
        label = (await w.store.labels.history("bright", image))[-1]
        assert label.source is Source.HUMAN and label.value is False
        assert label.provenance["votes_no"] == 2
        assert len(label.provenance["submissions"]) == 2
    assert (await w.store.categories.get("bright"))["submissions"]["answers"] == 2 * len(asked)
    assert await recounting.differences(w, "bright") == {}


async def test_a_contested_image_gets_a_third_opinion_and_the_sample_keeps_its_prevalence(
    w: Winnow, truth: dict[str, bool]
) -> None:
    asked = await start(w, truth)
    validation = {c["image"] for c in await w.store.candidates.find("bright", {"role": "validation"}, ["image"])}
    contested = [image for image in asked if image in validation and not truth[image]][:3]
    await work(w, 1, {"ANNA": lambda i: truth[i] or i in contested, "BEN": truth.__getitem__})
    open_now = await w.store.candidates.find("bright", {"votes_wanted": True}, ["image"])
    assert set(contested) <= {c["image"] for c in open_now}
    await rounds.add_wave(w, "bright", AddWave(round=1, wave=2, take=len(open_now)))
    await work(w, 2, {"CARO": truth.__getitem__})
    for image in contested:
        candidate = await w.store.candidates.get("bright", image)
        assert candidate is not None and candidate["answer"] is not True
    assert await recounting.differences(w, "bright") == {}


async def test_answers_of_somebody_who_guesses_are_not_used_and_leave_no_trace_in_labels(
    w: Winnow, truth: dict[str, bool]
) -> None:
    asked = await start(w, truth)
    await work(w, 1, {"ANNA": truth.__getitem__, "ZED": lambda _: False})
    assert await w.store.candidates.find("bright", {"source": "human"}, ["image"]) == []
    waiting = await w.store.candidates.find("bright", {"votes_wanted": True}, ["image"])
    assert {c["image"] for c in waiting} == set(asked)
    document = await w.store.categories.get("bright")
    assert document["submissions"]["excluded"] == 1
    assert document["money"]["committed_cents"] == 0


async def test_sure_labels_become_gold_as_many_yes_as_no_and_never_validation(
    w: Winnow, truth: dict[str, bool]
) -> None:
    await start(w, truth, gold_posterior=0.9)
    people = dict.fromkeys(("ANNA", "BEN", "CARO"), truth.__getitem__)
    await work(w, 1, dict(people))
    grown = await w.store.candidates.find("bright", {"gold": {"$ne": None}, "role": "train"}, ["gold", "answer"])
    assert grown
    assert sum(c["gold"] for c in grown) * 2 == len(grown)
    assert all(c["gold"] is c["answer"] for c in grown)
    assert await w.store.candidates.find("bright", {"gold": {"$ne": None}, "role": "validation"}, ["image"]) == []
    assert await recounting.differences(w, "bright") == {}


async def test_deciding_again_after_a_crash_changes_nothing(w: Winnow, truth: dict[str, bool]) -> None:
    await start(w, truth)
    await work(w, 1, {"ANNA": truth.__getitem__, "BEN": truth.__getitem__})
    before = await w.store.candidates.recount("bright")
    labels = await w.store.labels.collection.count_documents({})
    await deciding.decide(w, "bright", Decide(round=1, wave=1))
    key = str
    assert sorted(await w.store.candidates.recount("bright"), key=key) == sorted(before, key=key)
    assert await w.store.labels.collection.count_documents({}) == labels
