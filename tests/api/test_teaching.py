"""Gold that teaches: chosen by itself once there is enough, or named by the researcher with reasons."""

from pathlib import Path

import pytest

from active_learning.domain.category import Example
from active_learning.domain.errors import InputError
from api.operations import curating, recounting
from api.operations.context import Winnow
from deploy import lessons
from tests.api.working import SLUG, category_with, round_of

POLICY = {"slots": 30, "hidden_gold": 10, "validation": 0, "lessons": 6}


async def unknown(w: Winnow, truth: dict[str, bool], answer: bool, n: int = 1) -> list[Example]:
    found = await w.store.candidates.find(SLUG, {"state": "unknown"}, ["image"])
    images = [c["image"] for c in found if truth[c["image"]] is answer][:n]
    return [Example(image=image, answer=answer, why=f"reason {index}") for index, image in enumerate(images)]


@pytest.mark.parametrize(
    ("gold_a_side", "examples", "taught"),
    [(3, 6, 0), (4, 8, 0), (9, 8, 0), (10, 8, 2), (11, 8, 4), (12, 8, 6), (20, 8, 6)],
)
async def test_checking_comes_before_teaching(w: Winnow, gold_a_side: int, examples: int, taught: int) -> None:
    await category_with(w, 120, gold_a_side, **POLICY)
    category = await w.store.categories.definition(SLUG)
    assert (len(category.examples), len(category.lessons)) == (examples, taught)
    assert sum(example.answer for example in category.examples) * 2 == examples
    assert sum(lesson.answer for lesson in category.lessons) * 2 == taught
    assert len(category.visible) == examples + taught
    for example in (*category.examples, *category.lessons):
        candidate = await w.store.candidates.get(SLUG, example.image)
        assert candidate is not None and candidate["gold"] is example.answer


async def test_a_policy_without_lessons_has_none(w: Winnow) -> None:
    await category_with(w, 120, 20, **(POLICY | {"lessons": 0}))
    assert (await w.store.categories.definition(SLUG)).lessons == ()


async def test_what_teaches_is_never_hidden_gold_nor_what_once_did(w: Winnow) -> None:
    truth = await category_with(w, 150, 12, **POLICY)
    before = (await w.store.categories.definition(SLUG)).visible
    named = await unknown(w, truth, answer=True)
    await curating.teach(w, SLUG, lessons=named, examples=[])
    category = await w.store.categories.definition(SLUG)
    assert set(category.retired) == before
    hidden = {slot.image for task in await round_of(w, 1, 60) for slot in task.slots if slot.gold is not None}
    assert hidden
    assert not hidden & (before | {named[0].image})


async def test_named_lessons_become_gold_and_stay_as_they_are(w: Winnow) -> None:
    truth = await category_with(w, 150, 5, **POLICY)
    named = [*await unknown(w, truth, answer=True), *await unknown(w, truth, answer=False)]
    taught = await curating.teach(w, SLUG, lessons=named)
    assert (taught.lessons, taught.examples, taught.gold) == (2, 8, 2)
    candidate = await w.store.candidates.get(SLUG, named[0].image)
    assert candidate is not None
    assert (candidate["gold"], candidate["source"], candidate["state"]) == (True, "imported", "labeled")
    more = [image for image, answer in truth.items() if answer][10:40]
    await curating.give_gold(w, SLUG, dict.fromkeys(more, True), curating.Source.IMPORTED, {"by": "test"})
    category = await w.store.categories.definition(SLUG)
    assert category.lessons == tuple(named)
    assert [lesson.why for lesson in category.lessons] == ["reason 0", "reason 0"]
    assert await recounting.differences(w, SLUG) == {}


async def test_what_cannot_teach_is_refused_and_nothing_changes(w: Winnow) -> None:
    truth = await category_with(w, 150, 12, **POLICY)
    category = await w.store.categories.definition(SLUG)
    (task,) = await round_of(w, 1, 20)
    example = category.examples[0]
    yes = (await unknown(w, truth, answer=True))[0]
    cases = {
        "not in 'bright'": [Example(image="0" * 64, answer=True)],
        "is named twice": [yes, yes],
        "known to be a": [category.lessons[0].model_copy(update={"answer": not category.lessons[0].answer})],
        "is with people": [Example(image=task.asked[0], answer=True)],
        "the policy shows 6": await unknown(w, truth, answer=False, n=7),
    }
    for message, named in cases.items():
        with pytest.raises(InputError, match=message):
            await curating.teach(w, SLUG, lessons=named)
    with pytest.raises(InputError, match="is named twice"):
        await curating.teach(w, SLUG, lessons=[example])
    assert await w.store.categories.definition(SLUG) == category
    assert await recounting.differences(w, SLUG) == {}


async def test_a_file_names_images_by_name_or_id(w: Winnow, tmp_path: Path) -> None:
    truth = await category_with(w, 60, 5, **POLICY)
    no = (await unknown(w, truth, answer=False))[0].image
    file = tmp_path / "lessons.csv"
    file.write_text(f'\ufeffPath,Answer,Why,Kind\n57.png,yes,"bright, in the middle",\n{no},0,,example\n')
    named = await lessons.resolve(w, SLUG, lessons.read(file))
    assert [(e.answer, e.why) for e in named["lesson"]] == [(True, "bright, in the middle")]
    assert truth[named["lesson"][0].image]
    assert named["example"] == [Example(image=no, answer=False)]
    await curating.teach(w, SLUG, named.get("lesson"), named.get("example"))
    assert (await w.store.categories.definition(SLUG)).examples == tuple(named["example"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("image,answer\n", "names no image"),
        ("picture,answer\na.png,yes\n", "no column image"),
        ("image,answer\na.png,maybe\n", "line 2: the answer 'maybe'"),
        ("image,answer,kind\na.png,yes,gold\n", "the kind 'gold'"),
        ('image,answer\n"a.png,yes\n', "cannot be read"),
    ],
)
def test_a_bad_file_is_refused_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "lessons.csv"
    file.write_text(text)
    with pytest.raises(InputError, match=message):
        lessons.read(file)


@pytest.mark.parametrize(
    ("row", "message"), [("nowhere.png,yes,", "No image of 'bright'"), (f"57.png,yes,{'x' * 301}", "longer than 300")]
)
async def test_names_and_reasons_are_checked(w: Winnow, tmp_path: Path, row: str, message: str) -> None:
    await category_with(w, 60, 5, **POLICY)
    file = tmp_path / "lessons.csv"
    file.write_text(f"image,answer,why\n{row}\n")
    with pytest.raises(InputError, match=message):
        await lessons.resolve(w, SLUG, lessons.read(file))


async def test_the_exposure_of_gold_says_when_there_is_too_little(w: Winnow) -> None:
    await category_with(w, 150, 9, **POLICY)
    assert await curating.exposure(w, SLUG) == {"gold": 0, "asked": 0}
    await round_of(w, 1, 60)  # three tasks of two people each, and the same ten gold images in all of them
    assert await curating.exposure(w, SLUG) == {"gold": 6, "asked": 2}
