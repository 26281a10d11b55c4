"""The simulated people: who they are, that they repeat themselves exactly, that they err as often as they should."""

import hashlib
import math
import statistics
from collections import Counter

import pytest

from active_learning.domain.errors import InputError
from api import renditions
from tests import factories
from workers.crowd.eyes import SIZE, eyes_from, sight
from workers.crowd.pages import Context, Page
from workers.crowd.people import Kind, Person, crowd, difficulty

IMAGES = [hashlib.sha256(str(number).encode()).hexdigest() for number in range(4_000)]


def accuracy(person: Person, truth: bool) -> float:
    return sum(person.says(image, truth) is truth for image in IMAGES) / len(IMAGES)


def one(kind: Kind, seed: int = 1) -> Person:
    return next(person for person in crowd(seed) if person.kind is kind)


@pytest.mark.parametrize("seed", range(5))
def test_the_crowd_is_as_promised(seed: int) -> None:
    people = crowd(seed)
    assert len(people) == 24
    assert len({person.name.casefold() for person in people}) == 24
    assert Counter(person.kind for person in people) == {
        Kind.HONEST: 20,
        Kind.HASTY: 1,
        Kind.RANDOM: 1,
        Kind.ALWAYS_NO: 1,
        Kind.ABANDONS: 1,
    }
    for person in people:
        if person.kind in {Kind.HONEST, Kind.ABANDONS}:
            assert 0.90 <= person.accuracy_yes <= 0.99
            assert 0.90 <= person.accuracy_no <= 0.99
            assert 0.7 <= person.median_s <= 1.6


def test_larger_crowds_keep_the_share_of_the_odd() -> None:
    people = crowd(3, 500)
    assert len({person.name for person in people}) == 500
    assert Counter(person.kind for person in people)[Kind.RANDOM] == 20
    with pytest.raises(InputError):
        crowd(3, 4)


def test_a_seed_repeats_and_another_differs() -> None:
    assert crowd(7) == crowd(7)
    assert crowd(7) != crowd(8)
    one_way = [person.responds(0, image, True, 0.0) for person in crowd(7) for image in IMAGES[:50]]
    backwards = [person.responds(0, image, True, 0.0) for person in reversed(crowd(7)) for image in IMAGES[49::-1]]
    assert one_way == backwards[::-1]


@pytest.mark.parametrize("truth", [True, False])
def test_people_err_as_often_as_they_should(truth: bool) -> None:
    for person in crowd(1):
        wanted = person.accuracy_yes if truth else person.accuracy_no
        noise = math.sqrt(wanted * (1 - wanted) / len(IMAGES))
        assert abs(accuracy(person, truth) - wanted) <= 4 * noise + 1e-12, person


def test_the_odd_ones_are_odd() -> None:
    always_no = one(Kind.ALWAYS_NO)
    assert not any(always_no.says(image, truth) for image in IMAGES for truth in (True, False))
    assert 0.70 < accuracy(one(Kind.HASTY), True) < 0.80


def test_errors_of_different_people_go_together_mildly() -> None:
    honest = [person for person in crowd(2) if person.kind is Kind.HONEST]
    wrong = [sum(not person.says(image, True) for person in honest) for image in IMAGES]
    rates = [1 - person.accuracy_yes for person in honest]
    independent = sum(rate * (1 - rate) for rate in rates)
    assert 1.05 < statistics.variance(wrong) / independent < 1.6
    assert statistics.mean(difficulty(image) for image in IMAGES) == pytest.approx(1.0, abs=0.02)


def test_times_look_human() -> None:
    for person in crowd(1):
        seconds = [person.seconds(image) for image in IMAGES]
        assert statistics.median(seconds) == pytest.approx(person.median_s, rel=0.05)
        logarithms = [math.log(second) for second in seconds]
        assert statistics.stdev(logarithms) == pytest.approx(person.spread, rel=0.05)
    assert one(Kind.HASTY).median_s == 0.25


def test_a_response_is_what_a_browser_measures() -> None:
    person = one(Kind.HONEST)
    responses = [person.responds(3, image, True, 1_000.0) for image in IMAGES]
    assert {response.position for response in responses} == {3}
    assert {response.device for response in responses} == {"key"}
    for response, image in zip(responses, IMAGES, strict=True):
        assert response.value is person.says(image, True)
        looked = 1_000 * person.seconds(image) * (1 + response.changes)
        assert response.decided_ms - response.shown_ms == pytest.approx(looked, abs=0.2)
        assert response.visible_ms == pytest.approx(looked, abs=0.2)
    assert 0.01 < sum(response.changes for response in responses) / len(responses) < 0.02
    assert max(response.changes for response in responses) == 1


def test_eyes_know_pictures_by_their_pixels() -> None:
    three, eight = factories.png(3, True), factories.png(8, False)
    seen = eyes_from([(three, True), (eight, False)])
    assert sorted(seen.values()) == [False, True]
    shown = renditions.seal(renditions.render(three, SIZE), b"for somebody")
    assert shown != three
    assert seen[sight(shown)] is True


def test_a_page_is_read_as_a_browser_reads_it() -> None:
    page = Page(
        "<h1>Does this show &lt;a 3&gt;?</h1><form><input type='hidden' name='csrf' value='x&amp;y'></form>"
        "<iframe id='other' src='/no'></iframe><iframe id='task' src='http://h/t?a=1&amp;b=2'></iframe>"
        "<a href='/assignments/A1'>Continue</a><a href='/'>List</a><h1>Second</h1>"
        '<script type="application/json" id="context">{"token": "a<b&amp;", "of": 3, "now": "later", "endpoints": '
        '{"images": "i", "answers": "a", "assignment": "g", "submission": "s"}}</script><p>after</p>'
    )
    assert (page.frame, page.csrf, page.title) == ("http://h/t?a=1&b=2", "x&y", "Does this show <a 3>?")
    assert page.work == ["/assignments/A1"]
    context = Context.model_validate_json(page.context)
    assert (context.token, context.of, context.endpoints.images) == ("a<b&amp;", 3, "i")
