"""The audit stream: people check a random few of the model's labels; an alarm takes the labels of that side back.

In each round ``policy.audit`` labels of the rule in force are drawn, half of them yes, with replacement: what was
checked before stays in the urn, and a draw of it counts its known answer again. Checked images keep to themselves: no
model learns from them, since which labels are checked depends on the cuts, and so on validation answers. What a side
promises is fixed when its rule is adopted, and a new rule begins a new audit.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from active_learning import audit, splits
from active_learning.domain.candidate import Role, State
from active_learning.domain.policy import Policy
from api.operations import model_labels
from api.operations.context import Winnow
from api.operations.scoring import Scored
from api.operations.spreading import Spread, run_all
from api.store import Session
from api.store.connection import Document, chunks
from api.store.shards import Shard

SIDES: Mapping[str, bool] = {"yes": True, "no": False}
CUTS: Mapping[str, str] = {"yes": "upper", "no": "lower"}


async def begin(w: Winnow, slug: str, number: int, policy: Policy, session: Session) -> None:
    """Start the audit of the rule that round ``number`` adopted, in the transaction that adopts it."""
    document = await w.store.categories.get(slug, session)
    before = document.get("audit") or {"rules": 0}
    if before.get("round") == number:
        return
    decided = document["decided"]
    yes = decided["human_yes"] + decided["gold_yes"] + decided["model_yes"]
    targets = {"yes": policy.precision, "no": audit.target_of_no(policy.recall, yes, decided["model_no"])}
    alpha = audit.alpha_of_rule(1.0 - policy.confidence, before["rules"] + 1) / len(SIDES)
    sides = {side: {"target": target, "n": 0, "wrong": 0, "peak": 0.0} for side, target in targets.items()}
    fresh = {"round": number, "rules": before["rules"] + 1, "alpha": alpha, "alarm": [], "alarmed": None, **sides}
    await w.store.categories.put(slug, {"audit": fresh}, session)


class Draw:
    """What a round's audit asks about (image -> what the model said), and what it counts again."""

    def __init__(self) -> None:
        self.asked: dict[str, bool] = {}
        self.again: dict[str, list[bool]] = {side: [] for side in SIDES}

    def leave(self, selected: Iterable[str]) -> None:
        """Leave out what the strategy chose: it goes to people in any case, and models learn from it."""
        for image in selected:
            self.asked.pop(image, None)


async def draw(w: Winnow, slug: str, number: int, policy: Policy, seed: int) -> Draw:
    """Draw the labels that round ``number`` checks; nothing where no rule is in force."""
    found = Draw()
    state = (await w.store.categories.get(slug)).get("audit")
    if not policy.audit or state is None:
        return found
    rng = np.random.default_rng(splits.stable_seed("audit", seed, number))
    for side, value in SIDES.items():
        if side not in state["alarm"]:
            await _draw_side(w, slug, state, (side, value), (policy.audit + value) // 2, rng, found)
    return found


async def _draw_side(
    w: Winnow, slug: str, state: Document, side: tuple[str, bool], k: int, rng: np.random.Generator, found: Draw
) -> None:
    word, value = side
    labeled = (await w.store.categories.get(slug))["decided"][f"model_{word}"]
    checked = await _checked(w, slug, state["round"], value)
    if labeled + len(checked) == 0:
        return
    known = int(rng.binomial(k, len(checked) / (labeled + len(checked))))
    # An image that nobody has answered yet is in the urn without an answer: its draw is left out.
    again = [checked[at] for at in rng.integers(0, len(checked), known)] if known else []
    found.again[word] += [c["answer"] is value for c in again if c["state"] == State.LABELED.value]
    images = await w.store.candidates.labeled_from(slug, value, float(rng.random()), k - known)
    found.asked.update(dict.fromkeys(images, value))


async def _checked(w: Winnow, slug: str, rule: int, value: bool) -> list[Document]:
    """What was drawn of this rule's labels before, in the order of draws."""
    only = {"audited.round": rule, "audited.value": value}
    return await w.store.candidates.audited(slug, only, ["answer", "state"])


async def note(w: Winnow, slug: str, drawn: Draw, session: Session) -> None:
    """Write down a draw, in the transaction that starts its round."""
    state = (await w.store.categories.get(slug, session)).get("audit")
    if state is None:
        return
    for value in SIDES.values():
        images = [image for image, said in drawn.asked.items() if said is value]
        fields = {"audited": {"round": state["round"], "value": value, "checked": False}, "chosen_by": "audit"}
        await w.store.candidates.mark(slug, images, fields, session, only={})
    await _count(w, slug, state, drawn.again, session)


async def settle(w: Winnow, slug: str, number: int, scored: Scored, spread: Spread) -> bool:
    """Count what people have said of audited labels, and take back the labels of a side that raises the alarm.

    Says whether there was an alarm in round ``number``, now or before an interruption.
    """
    state = (await w.store.categories.get(slug)).get("audit")
    if state is None:
        return False
    only = {"audited.round": state["round"], "audited.checked": False, "state": State.LABELED.value}
    found = await w.store.candidates.audited(slug, only, ["image", "answer", "audited"])

    async def work(session: Session) -> Document:
        now: Document = (await w.store.categories.get(slug, session))["audit"]
        news: dict[str, list[bool]] = {
            side: [c["answer"] is value for c in found if c["audited"]["value"] is value]
            for side, value in SIDES.items()
        }
        images = [c["image"] for c in found]
        await w.store.candidates.mark(slug, images, {"audited.checked": True}, session, only={"audited.checked": False})
        return await _count(w, slug, now, news, session)

    counted = await w.store.transact(work)
    for side in SIDES:
        if side not in counted["alarm"] and _side(counted, side).alarm:
            await _take_back(w, slug, number, side, scored, spread)
    return bool((await w.store.categories.get(slug))["audit"]["alarmed"] == number)


def _side(state: Document, side: str) -> audit.Audit:
    return audit.Audit(alpha=state["alpha"], **state[side])


async def _count(w: Winnow, slug: str, state: Document, news: Mapping[str, list[bool]], session: Session) -> Document:
    """Add checks to the audit's document; returns it."""
    sides: dict[str, Any] = {}
    for side in SIDES:
        found = _side(state, side)
        for right in news[side]:
            found = found.check(right)
        sides[side] = {"target": found.target, "n": found.n, "wrong": found.wrong, "peak": found.peak}
    await w.store.categories.put(slug, {f"audit.{side}": counts for side, counts in sides.items()}, session)
    return {**state, **sides}


async def _take_back(w: Winnow, slug: str, number: int, side: str, scored: Scored, spread: Spread) -> None:
    """Withdraw every label of a side, and its cut. Interrupted, it begins again: the alarm stays until all is done."""
    await run_all(w, spread, withdraw_range, [(slug, number, SIDES[side], shard) for shard in scored.shards])

    async def work(session: Session) -> None:
        document = await w.store.categories.get(slug, session)
        left = document["decided"][f"model_{side}"]
        changes = {f"decided.model_{side}": -left, "counts.auto_labeled": -left, "counts.unknown": left}
        await w.store.categories.count(slug, changes, session)
        alarm = [*document["audit"]["alarm"], side]
        fields = {"audit.alarm": alarm, "audit.alarmed": number, f"rule.calibration.cuts.{CUTS[side]}": None}
        await w.store.categories.put(slug, fields, session)

    await w.store.transact(work)


async def withdraw_range(w: Winnow, slug: str, number: int, value: bool, shard: Shard) -> int:
    """Withdraw the model's labels ``value`` of a key range; returns how many there were."""
    only = {"role": Role.TRAIN.value, "state": State.AUTO_LABELED.value, "answer": value}
    images = [c["image"] for c in await w.store.candidates.within(slug, shard, only, ["image"])]
    for chunk in chunks(images):
        why = {"why": "the audit raised the alarm"}
        await model_labels.take_all_back(w, slug, number, dict.fromkeys(chunk), value, why)
    return len(images)
