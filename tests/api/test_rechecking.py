"""Labels that are likely wrong go back to people, once, with their history."""

from active_learning.domain.candidate import State
from active_learning.rounds import AddWave
from api.operations import rechecking, recounting, rounds
from api.operations.context import Winnow
from tests import factories
from tests.api.test_deciding import start, work


async def test_a_suspect_goes_back_and_other_people_decide_with_all_answers(w: Winnow) -> None:
    _, truth = factories.new_images(range(70), yes_every=5)
    await start(w, truth, gold_posterior=0.999999)
    wrong = next(
        c["image"]
        for c in await w.store.candidates.find("bright", {"role": "train", "gold": None}, ["image"])
        if truth[c["image"]]
    )
    mistaken = {**truth, wrong: False}
    await work(w, 1, dict.fromkeys(("ANNA", "BEN"), mistaken.__getitem__))
    candidate = await w.store.candidates.get("bright", wrong)
    assert candidate is not None and candidate["answer"] is False

    assert await rechecking.give_back(w, "bright", 1, [wrong]) == 1
    candidate = await w.store.candidates.get("bright", wrong)
    assert candidate is not None and candidate["state"] == State.UNKNOWN and candidate["votes_wanted"]
    assert (await w.store.labels.history("bright", wrong))[-1].value is None
    assert await recounting.differences(w, "bright") == {}

    people = dict.fromkeys(("DORA", "EMIL", "FAY", "GUS", "HAL"), truth.__getitem__)
    for wave, (name, opinion) in enumerate(people.items(), start=2):
        await rounds.add_wave(w, "bright", AddWave(round=1, wave=wave, take=1))
        await work(w, wave, {name: opinion})
    candidate = await w.store.candidates.get("bright", wrong)
    assert candidate is not None and candidate["answer"] is not False
    assert await rechecking.give_back(w, "bright", 2, [wrong]) == 0  # once is enough
    assert await recounting.differences(w, "bright") == {}


async def test_validation_gold_and_undecided_images_never_go_back(w: Winnow) -> None:
    _, truth = factories.new_images(range(70), yes_every=5)
    await start(w, truth)
    everything = [c["image"] for c in await w.store.candidates.find("bright", {}, ["image"])]
    assert await rechecking.give_back(w, "bright", 1, everything) == 0
    await work(w, 1, dict.fromkeys(("ANNA", "BEN"), truth.__getitem__))
    taken = await rechecking.give_back(w, "bright", 1, everything)
    assert taken > 0
    back = await w.store.candidates.find("bright", {"rechecked": 1}, ["role", "gold"])
    assert len(back) == taken
    assert all(c["role"] == "train" and c["gold"] is None for c in back)
    assert await rechecking.give_back(w, "bright", 1, everything) == 0
    assert await recounting.differences(w, "bright") == {}
