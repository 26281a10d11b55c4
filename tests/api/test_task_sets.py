"""Task sets: from a list to tasks at the market, and back again before that; their answers become labels."""

import pytest

from active_learning import rounds as plans
from active_learning.domain.errors import BudgetExhausted, InputError, StateError
from active_learning.domain.task import TaskState
from api.operations import choosing, cutting, deciding, hand_acts, id_lists, recounting, rounds, settling, task_sets
from api.operations.context import Winnow
from api.operations.hand_acts import Act
from api.operations.task_sets import Arrangement
from api.store.task_sets import SetState
from tests.api import pools, scored, working
from tests.api.pools import SLUG

SMALL = Arrangement(slots=14, hidden_gold=4, answers=2)


async def arranged(w: Winnow, images: list[str]) -> int:
    number = await task_sets.create(w, SLUG, images, "Night", "ann")
    await task_sets.arrange(w, SLUG, number, SMALL)
    return number


async def test_a_list_with_wrong_ids_and_duplicates_is_sorted_out_before_anything_is_saved(w: Winnow) -> None:
    await pools.pool(w)
    free = await pools.untouched(w)
    by_name = free[1]
    name = (await w.store.images.many([by_name]))[by_name]["name"]
    validation = (await pools.in_role(w, "validation"))[0]
    gold = (await pools.in_role(w, "gold"))[0]
    lines = [
        *("# a comment", free[0].upper(), name, "", free[0], "f" * 64, by_name),
        *("nowhere.png", validation, gold, free[5]),
    ]
    found = await choosing.preview(w, SLUG, id_lists.read("\n".join(lines).encode()))
    assert found.available == (free[0], by_name, free[5])
    assert [line.number for line in found.missing] == [6, 8]
    assert [(line.number, first) for line, first in found.twice] == [(5, 2), (7, 3)]
    assert [(line.number, why[:8]) for line, _, why in found.hindered] == [(9, "kept for"), (10, "gold: it")]
    assert found.lines == 9
    assert await w.store.task_sets.newest(SLUG) == 0
    assert await recounting.differences(w, SLUG) == {}


async def test_a_name_that_several_images_have_and_an_image_of_another_category_are_told_apart(w: Winnow) -> None:
    await pools.pool(w, images=30)
    await w.store.images.collection.update_many({"name": {"$in": ["1.png", "2.png"]}}, {"$set": {"name": "same.png"}})
    await w.store.images.collection.insert_one({"_id": "a" * 64, "format": "PNG", "width": 1, "height": 1, "bytes": 1})
    found = await choosing.preview(w, SLUG, id_lists.of(["same.png", "a" * 64, "b" * 64]))
    assert [len(x) for x in (found.several, found.elsewhere, found.missing)] == [1, 1, 1]


async def test_a_set_is_arranged_taken_apart_arranged_again_and_posted(w: Winnow) -> None:
    await pools.pool(w)
    chosen = (await pools.untouched(w))[:22]
    number = await arranged(w, chosen)
    shown = await task_sets.get(w, SLUG, number)
    assert (number, shown.state, [task.asked for task in shown.tasks]) == (1, SetState.ARRANGED, [8, 7, 7])
    assert all(task.gold_yes == task.gold_no == 2 and task.state is TaskState.HELD for task in shown.tasks)
    assert shown.outcome == {"with people": 22}
    assert await w.store.tasks.open(SLUG) == 0, "what is held is not at the market"
    assert await recounting.differences(w, SLUG) == {}
    with pytest.raises(StateError, match="is arranged"):
        await task_sets.arrange(w, SLUG, number, SMALL)

    await task_sets.take_apart(w, SLUG, number)
    assert await recounting.differences(w, SLUG) == {}
    assert (await task_sets.get(w, SLUG, number)).outcome == {"open": 22}
    assert not await w.store.tasks.any(SLUG)

    await task_sets.arrange(w, SLUG, number, SMALL)
    await task_sets.post(w, SLUG, number)
    await task_sets.post(w, SLUG, number)
    shown = await task_sets.get(w, SLUG, number)
    assert {task.state for task in shown.tasks} == {TaskState.DRAFTED} and shown.state is SetState.POSTED
    assert {task.id.split("-a")[1][0] for task in shown.tasks} == {"2"}, "ids of what was withdrawn never come back"
    for refused in (task_sets.take_apart, task_sets.cancel):
        with pytest.raises(StateError, match="is posted"):
            await refused(w, SLUG, number)
    assert await recounting.differences(w, SLUG) == {}


async def test_what_was_taken_meanwhile_is_left_out_and_nothing_is_asked_twice(w: Winnow) -> None:
    await pools.pool(w)
    free = await pools.untouched(w)
    first = await task_sets.create(w, SLUG, free[:10], "", "ann")
    second = await task_sets.create(w, SLUG, free[:14], "", "bob")
    await task_sets.arrange(w, SLUG, first, SMALL)
    await task_sets.arrange(w, SLUG, second, SMALL)
    tasks = (await task_sets.get(w, SLUG, second)).tasks
    assert sum(task.asked for task in tasks) == 4
    third = await task_sets.create(w, SLUG, free[:1], "", "bob")
    with pytest.raises(InputError, match="No image"):
        await task_sets.arrange(w, SLUG, third, SMALL)


async def test_gold_validation_and_money_come_first(w: Winnow) -> None:
    await pools.pool(w, gold=4, budget_cents=10)
    free = await pools.untouched(w)
    number = await task_sets.create(w, SLUG, free[:5], "", "ann")
    with pytest.raises(StateError, match="4 yes and 4 no"):
        await task_sets.arrange(w, SLUG, number, SMALL)
    for value in (Act.GOLD_YES, Act.GOLD_NO):
        await hand_acts.do(w, SLUG, value, free[-6:-3] if value is Act.GOLD_YES else free[-3:], "ann")
    await w.store.categories.put(SLUG, {"validation_below": None})
    with pytest.raises(StateError, match="validation images are not drawn"):
        await task_sets.arrange(w, SLUG, number, SMALL)
    await w.store.categories.put(SLUG, {"validation_below": 0.5})
    with pytest.raises(InputError, match="leave no room"):
        await task_sets.arrange(w, SLUG, number, Arrangement(slots=4, hidden_gold=4, answers=1))
    await task_sets.arrange(w, SLUG, number, SMALL)
    with pytest.raises(BudgetExhausted, match=r"\$0.10 of the budget"):
        await task_sets.post(w, SLUG, number)
    assert (await task_sets.get(w, SLUG, number)).state is SetState.ARRANGED
    with pytest.raises(InputError, match="already a task set 1"):
        await task_sets.create(w, SLUG, free[:1], "", "ann", number=1)


@pytest.mark.parametrize("finished", [False, True])
async def test_answers_to_a_set_become_labels_between_rounds_and_after_the_end(w: Winnow, finished: bool) -> None:
    truth = await pools.pool(w)
    chosen = (await pools.untouched(w))[:8]
    number = await task_sets.create(w, SLUG, chosen, "Night", "ann")
    await task_sets.arrange(w, SLUG, number, Arrangement(slots=14, hidden_gold=6, answers=1))
    await task_sets.post(w, SLUG, number)
    (task,) = await w.store.tasks.in_state(SLUG, TaskState.DRAFTED)
    await settling.posted(w, task, "HIT1")
    if finished:
        await rounds.finish(w, SLUG, "the budget is spent")
    assert not isinstance(await rounds.next_action(w, SLUG), plans.Decide), "people are still at it"
    for who in ("ann", "bob"):
        await working.submit(w, task, who, lambda image: truth[image])
        await settling.judge(w, task, f"ASG{who}{task.id}", who)
    await settling.closed(w, task, 1)
    action = await rounds.next_action(w, SLUG)
    assert action == plans.Decide(round=0, wave=1)
    await deciding.decide(w, SLUG, action)
    shown = await task_sets.get(w, SLUG, number)
    assert sum(shown.outcome[word] for word in ("yes", "no")) == 8
    labels = await w.store.labels.newest(SLUG, chosen)
    assert {image: label.value for image, label in labels.items()} == {image: truth[image] for image in chosen}
    assert not isinstance(await rounds.next_action(w, SLUG), plans.Decide)
    assert await recounting.differences(w, SLUG) == {}


async def test_what_the_model_decided_is_withdrawn_and_what_was_chosen_after_a_look_teaches_no_model(w: Winnow) -> None:
    answers = scored.truth(scored.ids(700))
    policy = {"validation": 250, "precision": 0.8, "recall": 0.8, "confidence": 0.8, "slots": 60, "hidden_gold": 10}
    await scored.pool(w, list(answers), **policy)
    gold = {image: answers[image] for image in list(answers)[:60]}
    for value, act in ((True, Act.GOLD_YES), (False, Act.GOLD_NO)):
        await hand_acts.do(w, SLUG, act, [image for image, answer in gold.items() if answer is value], "ann")
    await scored.validated(w, answers)
    await scored.put_scores(w, scored.good_scores(answers, 0.3, 1), f"{SLUG}:1", 1)
    await scored.ready_to_cut(w, 1)
    number = await task_sets.create(w, SLUG, (await pools.untouched(w))[:3], "", "ann")
    with pytest.raises(StateError, match="labeling the pool"):
        await task_sets.arrange(w, SLUG, number, SMALL)
    await cutting.cut(w, SLUG, 1)
    found = await w.store.candidates.find(SLUG, {"state": "auto_labeled"}, ["image"], limit=9)
    labeled = [c["image"] for c in found]
    assert len(labeled) == 9
    number = await arranged(w, labeled)
    assert await recounting.differences(w, SLUG) == {}
    now = await w.store.candidates.find(SLUG, {"image": {"$in": labeled}}, ["state", "answer", "chosen_by", "apart"])
    assert {(c["state"], c["answer"], c["chosen_by"], c["apart"]) for c in now} == {("selected", None, "curator", True)}
    assert [label.value for label in await w.store.labels.history(SLUG, labeled[0])][-1] is None
    await task_sets.take_apart(w, SLUG, number)
    now = await w.store.candidates.find(SLUG, {"image": {"$in": labeled}}, ["state", "chosen_by", "apart"])
    assert {(c["state"], c["chosen_by"], c["apart"]) for c in now} == {("unknown", None, None)}
    assert await recounting.differences(w, SLUG) == {}
    await task_sets.arrange(w, SLUG, number, SMALL)
    assert await recounting.differences(w, SLUG) == {}
