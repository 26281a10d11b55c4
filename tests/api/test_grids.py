"""Images that the model is sure of are asked in grids, whatever their role; the rest one at a time."""

from active_learning.domain.candidate import Role
from active_learning.rounds import StartRound
from api.operations import recounting, rounds
from api.operations.context import Winnow
from tests.api.working import SLUG, category_with
from workers.jobs import collect

POLICY = {"slots": 60, "hidden_gold": 10, "validation": 30, "grid_above": 0.9, "grid_below": 0.1}


async def test_a_round_asks_what_is_sure_in_grids(w: Winnow) -> None:
    truth = await category_with(w, 210, 24, **POLICY)
    await rounds.draw_validation(w, SLUG)
    scores = {image: (0.95, 0.5, 0.02)[n % 3] for n, image in enumerate(sorted(truth))}
    await w.store.candidates.put_scores(SLUG, scores, "bright:0")
    await rounds.start_round(w, SLUG, StartRound(number=1, strategy="random", take=120, validation=30))
    tasks = await w.store.tasks.of_round(SLUG, 1)
    assert {task.presumed for task in tasks} == {None, True, False}
    expected = {True: 0.95, None: 0.5, False: 0.02}
    drawn = {c["image"] for c in await w.store.candidates.find(SLUG, {"role": Role.VALIDATION.value}, ["image"])}
    for task in tasks:
        assert {scores[image] for image in task.asked} == {expected[task.presumed]}
        gold = [slot.gold for slot in task.slots if slot.gold is not None]
        assert len(gold) >= 10 and abs(gold.count(True) - gold.count(False)) <= 1
        assert drawn & set(task.asked), "validation images are asked like any others"
    assert await recounting.differences(w, SLUG) == {}


async def test_without_scores_or_thresholds_images_come_one_at_a_time(w: Winnow) -> None:
    await category_with(w, 120, 12, **POLICY)
    await rounds.start_round(w, SLUG, StartRound(number=1, strategy="random", take=60))
    tasks = await w.store.tasks.of_round(SLUG, 1)
    assert {task.presumed for task in tasks} == {None}


async def test_the_hit_says_what_to_pick_out(w: Winnow) -> None:
    await category_with(w, 120, 12, **POLICY)
    await rounds.start_round(w, SLUG, StartRound(number=1, strategy="random", take=40))
    (task,) = await w.store.tasks.of_round(SLUG, 1)
    assert "One key an image" in collect.description(task)
    for presumed, word in ((True, "is no."), (False, "is yes.")):
        assert collect.description(task.model_copy(update={"presumed": presumed})).endswith(word)
