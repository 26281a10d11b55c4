"""How far people agree, counted over decided images: numbers that add up over decisions and rounds."""

from collections.abc import Sequence

from active_learning.consensus.decide import Decision

COUNTED = ("single", "agreed", "contested", "disputed", "pairs", "alike")


def agreement(decisions: Sequence[Decision]) -> dict[str, int]:
    """Count the images that are decided, or given up, by how their answers stand to each other.

    Returns:
        ``single`` (one answer), ``agreed`` (several, all the same), ``contested`` (both answers, decided), ``disputed``
        (given up): images. ``pairs``: pairs of answers of two people to one of these images, ``alike`` of them the
        same. ``alike / pairs`` is how often two people say the same (the observed agreement of Fleiss 1971).
    """
    found = dict.fromkeys(COUNTED, 0)
    for decision in decisions:
        yes, no = decision.votes_yes, decision.votes_no
        if decision.outcome == "more" or not yes + no:
            continue
        found[_kind(decision)] += 1
        found["pairs"] += (yes + no) * (yes + no - 1) // 2
        found["alike"] += (yes * (yes - 1) + no * (no - 1)) // 2
    return found


def _kind(decision: Decision) -> str:
    if decision.outcome == "disputed":
        return "disputed"
    if decision.votes_yes and decision.votes_no:
        return "contested"
    return "agreed" if decision.votes_yes + decision.votes_no > 1 else "single"
