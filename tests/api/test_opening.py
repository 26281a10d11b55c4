"""What an assignment consists of: lessons first, gold among the rest, nothing that this annotator saw before."""

import asyncio
from collections import Counter

import pytest

from active_learning import quality
from active_learning.domain.errors import Forbidden
from active_learning.domain.verdict import Record
from api.operations import deciding, labeling, recounting, settling, unfinished
from api.operations.context import Winnow
from api.store import Session
from tests.api.working import SLUG, answer, category_with, opened, round_of, submit
from tests.factories import FakeClock

POLICY = {"slots": 30, "hidden_gold": 10, "validation": 0, "lessons": 4}


async def test_the_first_assignment_begins_with_the_lessons_and_no_other_does(w: Winnow) -> None:
    await category_with(w, 150, 16, **POLICY)
    category = await w.store.categories.definition(SLUG)
    named = [lesson.image for lesson in category.lessons]
    assert len(named) == 4
    first, second = await round_of(w, 1, 40)
    document = await opened(w, first, "ANNA")
    assert document["images"][:4] == named
    assert document["gold"][:4] == [lesson.answer for lesson in category.lessons]
    assert document["lessons"] == 4
    page = await labeling.open_assignment(w, first.id, document["market_assignment"], "ANNA", "")
    assert (page.of, page.lessons) == (len(first.slots) + 4, category.lessons)
    assert (await opened(w, second, "ANNA"))["lessons"] == 0
    assert await recounting.differences(w, SLUG) == {}


async def test_lessons_are_neither_votes_nor_judged(w: Winnow) -> None:
    truth = await category_with(w, 150, 16, **POLICY)
    (task,) = await round_of(w, 1, 20)
    lessons = {lesson.image for lesson in (await w.store.categories.definition(SLUG)).lessons}
    submission = await submit(w, task, "ANNA", lambda image: truth[image] is not (image in lessons))
    assert {answer.image for answer in submission.lessons} == lessons
    assert all(answer.gold is truth[answer.image] for answer in submission.lessons)
    assert len(submission.answers) == len(task.slots)
    await settling.judge(w, task, submission.market_assignment, "ANNA")
    verdict = await w.store.verdicts.get(submission.id)
    assert verdict is not None
    assert (verdict.gold, verdict.correct, verdict.use) == (10, 10, True)
    assert (await w.store.categories.get(SLUG))["submissions"]["answers"] == len(task.asked)
    votes, voters = await deciding._votes(w, SLUG)
    assert {image for image, _, _ in votes} == {slot.image for slot in task.slots}
    assert not lessons & set(voters)


async def test_a_verdict_can_be_had_from_the_submission_alone(w: Winnow) -> None:
    truth = await category_with(w, 150, 16, **POLICY)
    (task,) = await round_of(w, 1, 20)
    submission = await submit(w, task, "ANNA", lambda image: truth[image] or image < "4")
    known = {slot.image: slot.gold for slot in task.slots}
    assert {answer.image: answer.gold for answer in submission.answers} == known
    await settling.judge(w, task, submission.market_assignment, "ANNA")
    policy = (await w.store.categories.definition(SLUG)).policy
    again = settling.check(submission, task, policy, Record())
    assert again == await w.store.verdicts.get(submission.id)


async def test_over_many_tasks_nobody_sees_an_image_twice_whatever_became_of_them(w: Winnow) -> None:
    truth = await category_with(w, 240, 24, **POLICY)
    shown: dict[str, Counter[str]] = {"ANNA": Counter(), "BEN": Counter()}
    gold = Counter[tuple[bool, bool]]()
    for number in (1, 2):
        for index, task in enumerate(await round_of(w, number, 60)):
            for who, images in shown.items():
                if index == 0:
                    document = await answer(w, task, who, truth.__getitem__, 7)  # and then never again
                else:
                    await submit(w, task, who, truth.__getitem__)
                    document = await opened(w, task, who)
                images.update(document["images"])
                known = document["gold"][document["lessons"] :]
                gold[known.count(True) == known.count(False), set(known) == {True, False, None}] += 1
    assert {max(images.values()) for images in shown.values()} == {1}
    assert gold[True, True] >= 8
    assert await recounting.differences(w, SLUG) == {}


async def test_erased_work_was_seen_too_and_gold_of_it_is_replaced(w: Winnow) -> None:
    truth = await category_with(w, 150, 20, **POLICY)
    (first,) = await round_of(w, 1, 20)
    document = await answer(w, first, "ANNA", truth.__getitem__, 5)
    assert isinstance(w.clock, FakeClock)
    w.clock.move(3_600)
    assert await unfinished.erase(w) == 1
    (second,) = await round_of(w, 2, 20)
    await copy_gold(w, first.id, second.id)
    later = await opened(w, await w.store.tasks.get(second.id), "ANNA")
    assert not set(document["images"]) & set(later["images"])
    own = {slot.image for slot in second.slots}
    stand_ins = [image for image in later["images"] if image not in own]
    assert len(stand_ins) > 0
    for image in stand_ins:
        candidate = await w.store.candidates.get(SLUG, image)
        assert candidate is not None
        assert candidate["gold"] is later["gold"][later["images"].index(image)]


async def copy_gold(w: Winnow, source: str, target: str) -> None:
    """Give a task the gold of another one, as scarce gold would."""
    gold = [s.model_dump() for s in (await w.store.tasks.get(source)).slots if s.gold is not None]
    asked = [s.model_dump() for s in (await w.store.tasks.get(target)).slots if s.gold is None]
    await w.store.tasks.collection.update_one({"_id": target}, {"$set": {"slots": [*asked, *gold]}})


async def test_gold_that_teaches_meanwhile_checks_nobody(w: Winnow) -> None:
    await category_with(w, 150, 16, **POLICY)
    (task,) = await round_of(w, 1, 20)
    gold = next(slot for slot in task.slots if slot.gold is not None)
    example = {"image": gold.image, "answer": gold.gold, "why": ""}
    await w.store.categories.put(SLUG, {"category.examples": [example]})
    document = await opened(w, task, "ANNA")
    assert gold.image not in document["images"]


async def test_a_task_that_was_returned_and_taken_again_is_the_same_again(w: Winnow) -> None:
    await category_with(w, 150, 16, **POLICY)
    first, second = await round_of(w, 1, 40)
    before = await opened(w, first, "ANNA", "ASG1")
    await opened(w, second, "ANNA", "ASG2")
    again = await opened(w, first, "ANNA", "ASG3")
    assert [again[name] for name in ("images", "gold", "lessons")] == [
        before[name] for name in ("images", "gold", "lessons")
    ]
    assert await recounting.differences(w, SLUG) == {}


async def test_who_has_done_a_task_finds_nothing_in_it_any_more(w: Winnow) -> None:
    truth = await category_with(w, 150, 16, **POLICY)
    (task,) = await round_of(w, 1, 20)
    await submit(w, task, "ANNA", truth.__getitem__)
    with pytest.raises(Forbidden, match="Nothing is left for you in this task; please return it"):
        await opened(w, task, "ANNA", "ANOTHER")


async def test_two_tasks_that_one_annotator_opens_at_once_have_no_image_in_common(w: Winnow) -> None:
    await category_with(w, 150, 16, **POLICY)
    tasks = await round_of(w, 1, 60)
    for task in tasks[1:]:
        await copy_gold(w, tasks[0].id, task.id)
    found = await asyncio.gather(*(opened(w, task, "ANNA") for task in tasks))
    images = Counter(image for document in found for image in document["images"])
    assert max(images.values()) == 1
    assert sorted(document["number"] for document in found) == [0, 1, 2]
    assert sum(document["lessons"] > 0 for document in found) == 1


async def test_two_tabs_open_one_assignment(w: Winnow) -> None:
    await category_with(w, 150, 16, **POLICY)
    (task,) = await round_of(w, 1, 20)
    found = await asyncio.gather(*(opened(w, task, "ANNA") for _ in range(6)))
    assert all(document == found[0] for document in found)
    assert await w.store.assignments.collection.count_documents({}) == 1


@pytest.mark.parametrize(("good", "use"), [(True, True), (False, False)])
async def test_an_honest_persons_later_task_is_usable_although_all_gold_was_seen(
    w: Winnow, good: bool, use: bool
) -> None:
    truth = await category_with(w, 150, 9, **POLICY)  # 5 of each side are hidden: 10 gold, all in every task
    (first,) = await round_of(w, 1, 20)
    submission = await submit(w, first, "ANNA", lambda image: truth[image] if good else image < "8")
    await settling.judge(w, first, submission.market_assignment, "ANNA")
    (second,) = await round_of(w, 2, 20)
    later = await submit(w, second, "ANNA", truth.__getitem__)
    assert {answer.gold for answer in later.answers} == {None}
    await settling.judge(w, second, later.market_assignment, "ANNA")
    verdict = await w.store.verdicts.get(later.id)
    assert verdict is not None
    assert (verdict.pay, verdict.use, verdict.gold) == (True, use, 0)
    assert verdict.earlier is not None and verdict.earlier.gold == 10


async def test_the_earlier_record_is_everything_judged_so_far(w: Winnow) -> None:
    await category_with(w, 60, 5)
    policy = (await w.store.categories.definition(SLUG)).policy

    async def work(session: Session) -> Record:
        for number in range(2):
            verdict = quality.verdict(str(number), [True, False, True], [True, True, False], policy)
            await w.store.verdicts.insert(verdict, SLUG, "ANNA", session)
        return await w.store.verdicts.record(SLUG, "ANNA", session)

    assert await w.store.transact(work) == Record(gold=6, correct=2, gold_yes=4, correct_yes=2)
