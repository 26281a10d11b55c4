import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from active_learning.consensus import Votes, dawid_skene, decide, majority
from active_learning.domain.errors import InputError
from active_learning.domain.policy import Policy

POLICY = Policy()
Triple = tuple[str, str, bool]

triples = st.lists(
    st.tuples(st.sampled_from([f"i{n}" for n in range(8)]), st.sampled_from(["a0", "a1", "a2", "a3"]), st.booleans()),
    min_size=1,
    max_size=40,
    unique_by=lambda triple: triple[:2],
)


def crowd(
    n: int, accuracies: list[tuple[float, float]], per_image: int, prevalence: float, seed: int
) -> tuple[list[Triple], dict[str, bool]]:
    """Votes of annotators with (yes accuracy, no accuracy), ``per_image`` on each image, and the truth."""
    rng = np.random.default_rng(seed)
    truth = {f"i{i:05}": bool(rng.random() < prevalence) for i in range(n)}
    votes = []
    for image, value in truth.items():
        for a in rng.choice(len(accuracies), per_image, replace=False):
            right = rng.random() < accuracies[a][0 if value else 1]
            votes.append((image, f"a{a:02}", value == right))
    return votes, truth


def p_by_image(votes: list[Triple], gold: dict[str, bool]) -> dict[str, float]:
    posterior = dawid_skene(Votes.build(votes), gold)
    return dict(zip(posterior.images, posterior.p_yes.tolist(), strict=True))


def test_a_repeated_pair_counts_once_the_first():
    votes = Votes.build([("i", "a", True), ("i", "a", False), ("i", "b", False)])
    assert votes.counts()[0].tolist() == [1]
    assert votes.counts()[1].tolist() == [1]
    assert majority(votes).p_yes.tolist() == [0.5]


def test_no_votes_at_all():
    votes = Votes.build([])
    assert len(votes) == 0
    assert decide(votes, {}, POLICY, set()) == []


@given(triples, st.randoms(use_true_random=False))
@settings(max_examples=12, deadline=None)
def test_order_of_rows_and_names_do_not_matter(votes: list[Triple], random):  # type: ignore[no-untyped-def]
    gold = {"i0": True}
    reference = p_by_image(votes, gold)
    shuffled = random.sample(votes, len(votes))
    renamed = [(f"z{9 - int(i[1:])}", f"w{9 - int(a[1:])}", v) for i, a, v in shuffled]
    again = p_by_image(renamed, {"z9": True})
    for image, p in reference.items():
        assert again[f"z{9 - int(image[1:])}"] == pytest.approx(p, abs=1e-7)


@given(triples)
@settings(max_examples=12, deadline=None)
def test_exchanging_yes_and_no_mirrors_the_posterior(votes: list[Triple]):
    reference = p_by_image(votes, {"i0": True})
    mirrored = p_by_image([(i, a, not v) for i, a, v in votes], {"i0": False})
    for image, p in reference.items():
        assert mirrored[image] == pytest.approx(1.0 - p, abs=1e-7)


@given(triples, st.integers(0, 7), st.sets(st.sampled_from([f"i{n}" for n in range(8)])))
@settings(max_examples=12, deadline=None)
def test_one_more_agreeing_vote_never_flips_a_label(votes: list[Triple], which: int, validation: set[str]):
    policy = Policy(posterior=0.7, validation_posterior=0.8)
    before = {d.image: d.outcome for d in decide(Votes.build(votes), {}, policy, validation)}
    image = f"i{which}"
    for said in (True, False):
        label, opposite = ("yes", "no") if said else ("no", "yes")
        if before.get(image) == label:
            more = [*votes, (image, "new", said)]
            after = {d.image: d for d in decide(Votes.build(more), {}, policy, validation)}
            assert after[image].outcome != opposite
            assert (after[image].posterior > 0.5) == said


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 6), st.integers(0, 6))
def test_at_given_error_models_a_vote_only_speaks_for_its_answer(yes: int, no: int):
    """Annotators with one vote each share the prior: the posterior rises with every yes."""
    if yes + no == 0:
        return
    gold = {f"g{i}": i % 2 == 0 for i in range(2)}
    votes = [("i", f"y{k}", True) for k in range(yes)] + [("i", f"n{k}", False) for k in range(no)]
    fewer, more = p_by_image([*votes], gold)["i"], p_by_image([*votes, ("i", "x", True)], gold)["i"]
    assert more > fewer


def test_a_perfect_crowd_reproduces_the_truth():
    votes, truth = crowd(200, [(1.0, 1.0)] * 5, 3, 0.2, 0)
    gold = dict(list(truth.items())[:20])
    decisions = decide(Votes.build(votes), gold, POLICY, set())
    assert len(decisions) == 180
    assert all(d.outcome == ("yes" if truth[d.image] else "no") for d in decisions)


def test_gold_is_clamped_teaches_the_error_models_and_leaves_the_prevalence_alone():
    votes = [(f"g{i:02}", "good", i % 2 == 0) for i in range(40)] + [(f"g{i:02}", "no-sayer", False) for i in range(40)]
    votes += [(f"i{i}", "good", False) for i in range(50)]
    gold = {f"g{i:02}": i % 2 == 0 for i in range(40)}
    posterior = dawid_skene(Votes.build(votes), gold)
    assert posterior.p_yes[:40].tolist() == [float(i % 2 == 0) for i in range(40)]
    good, no_sayer = posterior.annotators["good"], posterior.annotators["no-sayer"]
    assert good.yes_accuracy == pytest.approx(26 / 27, abs=0.003)
    assert (no_sayer.yes_answers, no_sayer.no_answers) == (20, 20)
    assert no_sayer.yes_accuracy == pytest.approx(6 / 27)
    assert posterior.prevalence[0] < 0.1


def test_an_annotator_who_turns_answers_round_is_given_no_weight():
    gold = {f"g{i:02}": i % 2 == 0 for i in range(40)}
    votes = [(image, "turned", not value) for image, value in gold.items()]
    votes += [("i1", "turned", True), ("i2", "new", True)]
    posterior = dawid_skene(Votes.build(votes), gold)
    p = dict(zip(posterior.images, posterior.p_yes, strict=True))
    turned = posterior.annotators["turned"]
    assert turned.yes_accuracy + turned.no_accuracy == pytest.approx(1.0)
    assert p["i1"] == pytest.approx(posterior.prevalence[0], abs=1e-6)
    assert p["i2"] > 0.8


def test_error_models_are_recovered():
    accuracies = [(0.95, 0.98), (0.7, 0.99), (0.9, 0.6), (0.5, 0.5), (0.97, 0.9), (0.85, 0.95)]
    votes, truth = crowd(3000, accuracies, 3, 0.3, 1)
    posterior = dawid_skene(Votes.build(votes), dict(list(truth.items())[:150]))
    for a, (yes, no) in enumerate(accuracies):
        model = posterior.annotators[f"a{a:02}"]
        assert (model.yes_accuracy, model.no_accuracy) == pytest.approx((yes, no), abs=0.06)
    assert posterior.prevalence[0] == pytest.approx(np.mean(list(truth.values())), abs=0.03)


def test_it_beats_the_majority_where_people_differ():
    votes, truth = crowd(2000, [(0.97, 0.97)] * 3 + [(0.55, 0.6)] * 5, 3, 0.4, 2)
    built = Votes.build(votes)
    actual = np.array([truth[image] for image in built.images])
    weighed = np.mean((dawid_skene(built, {}).p_yes > 0.5) == actual)
    counted = np.mean((majority(built).p_yes > 0.5) == actual)
    assert weighed > counted + 0.08


def test_rare_yes_wants_a_third_opinion_and_no_does_not():
    """People of accuracy .9, a pool with 10 % yes: no-no is a label, yes-yes is not yet, yes-yes-yes is."""
    votes, _ = crowd(600, [(0.9, 0.9)] * 6, 2, 0.1, 3)
    gold = {f"g{i:03}": i % 2 == 0 for i in range(120)}
    rng = np.random.default_rng(0)
    votes += [(g, f"a{a:02}", v == (rng.random() < 0.9)) for g, v in gold.items() for a in range(6)]
    votes += [("three", f"a{a:02}", True) for a in range(3)]
    outcomes = {(d.votes_yes, d.votes_no): d.outcome for d in decide(Votes.build(votes), gold, POLICY, set())}
    assert outcomes[0, 2] == "no"
    assert outcomes[2, 0] == "more"
    assert outcomes[1, 1] == "more"
    assert outcomes[3, 0] == "yes"


def test_groups_have_their_own_prevalence():
    random_part, truth = crowd(300, [(0.92, 0.92)] * 4, 2, 0.05, 4)
    chosen_part, _ = crowd(300, [(0.92, 0.92)] * 4, 2, 0.6, 5)
    votes = Votes.build(random_part + [(f"u{i}", a, v) for i, a, v in chosen_part])
    groups = np.array([image in truth for image in votes.images], dtype=np.int64)
    assert dawid_skene(votes, {}, groups).prevalence == pytest.approx([0.6, 0.05], abs=0.08)
    with pytest.raises(InputError):
        dawid_skene(votes, {}, groups[1:])


def test_outcomes_follow_the_policys_numbers():
    people = [f"a{n}" for n in range(6)]
    base = [(f"easy{i}", person, i % 2 == 0) for i in range(40) for person in people]
    votes = [*base, ("one", "a0", True), ("torn", "a0", True), ("torn", "a1", False)]
    votes += [("given-up", person, n % 2 == 0) for n, person in enumerate(people)]
    by_image = {d.image: d for d in decide(Votes.build(votes), {"easy0": True}, POLICY, {"torn"})}
    assert by_image["one"].outcome == "more"  # certain, but redundancy asks for two
    assert by_image["torn"].outcome == "more"
    assert by_image["given-up"].outcome == "disputed"
    assert (by_image["given-up"].votes_yes, by_image["given-up"].votes_no) == (3, 3)
    assert by_image["easy2"].outcome == "yes"
    assert "easy0" not in by_image


def test_validation_images_need_more_certainty():
    gold = {f"g{i:02}": i % 2 == 0 for i in range(40)}
    votes = [(g, a, v) for g, v in gold.items() for a in ("a", "b")]
    votes += [(image, person, True) for image in ("x", "y") for person in ("a", "b")]
    policy = Policy(posterior=0.9, validation_posterior=0.9999)
    assert {d.image: d.outcome for d in decide(Votes.build(votes), gold, policy, {"y"})} == {"x": "yes", "y": "more"}


def test_a_yes_of_a_validation_image_wants_more_certainty_than_a_no():
    gold = {f"g{i:02}": i % 2 == 0 for i in range(60)}
    votes = [(g, a, v) for g, v in gold.items() for a in "abcdefg"]
    votes += [(image, a, image == "y") for image in ("y", "n") for a in "abc"]
    policy = Policy(validation_posterior=0.99)
    assert {d.image: d.outcome for d in decide(Votes.build(votes), gold, policy, {"y", "n"})} == {
        "y": "more",
        "n": "no",
    }
    assert {d.image: d.outcome for d in decide(Votes.build(votes), gold, policy, set())} == {"y": "yes", "n": "no"}
    votes += [("y", a, True) for a in "defg"]
    assert {d.image: d.outcome for d in decide(Votes.build(votes), gold, policy, {"y", "n"})}["y"] == "yes"
