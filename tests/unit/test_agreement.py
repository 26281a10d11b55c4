"""How far people agree: every decided image counts once, and pairs of answers as often as there are."""

from itertools import combinations

from active_learning.consensus import Decision, agreement


def decision(outcome: str, yes: int, no: int) -> Decision:
    return Decision(f"{outcome}{yes}{no}", outcome, 0.5, yes, no)  # type: ignore[arg-type]


def test_images_by_how_their_answers_stand() -> None:
    decisions = [decision("yes", 1, 0), decision("no", 0, 2), decision("yes", 3, 1), decision("disputed", 3, 2)]
    found = agreement([*decisions, decision("more", 1, 1), decision("more", 0, 0)])
    assert {name: found[name] for name in ("single", "agreed", "contested", "disputed")} == {
        **{"single": 1, "agreed": 1, "contested": 1, "disputed": 1}
    }


def test_pairs_are_counted_one_by_one() -> None:
    votes = [(2, 0), (3, 1), (2, 3), (0, 4), (1, 0)]
    pairs = [pair for yes, no in votes for pair in combinations([True] * yes + [False] * no, 2)]
    found = agreement([decision("yes", yes, no) for yes, no in votes])
    assert found["pairs"] == len(pairs)
    assert found["alike"] == sum(a == b for a, b in pairs)


def test_parts_add_up() -> None:
    decisions = [decision("yes", yes, no) for yes in range(4) for no in range(3)]
    whole, first, second = agreement(decisions), agreement(decisions[:5]), agreement(decisions[5:])
    assert whole == {name: first[name] + second[name] for name in whole}
    assert agreement([]) == dict.fromkeys(whole, 0)
