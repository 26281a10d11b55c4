"""The guarantee: broken promises in 1,000 simulated campaigns, what is decided beside an oracle, and rare classes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import binomtest

from active_learning import validation
from active_learning.cuts import Tally, Validation, calibrate
from active_learning.domain.policy import Policy
from tests.bench.campaigns import Campaign, Outcome, Rule
from tests.bench.result import Benchmark, Row

POLICY = Policy(precision=0.90, recall=0.90, confidence=0.90, validation=2000)
WORLDS = ((0.30, 2.5), (0.10, 2.8), (0.05, 3.2), (0.01, 3.5))
"""Prevalence, and how far apart the classes are."""
CAMPAIGNS = 250
"""Of each world."""

RARE, POOL, DRAWS = 0.01, 100_000, 6
RARE_POLICY = Policy(precision=0.90, recall=0.95, confidence=0.90)


@dataclass(frozen=True)
class Found:
    """What one campaign came to, and the broken promises of two rules that do not hold them."""

    outcome: Outcome
    naive: bool
    uncertain: bool


def campaign(seed: int, prevalence: float, distance: float) -> Found:
    """Run one campaign and judge all three rules."""
    run = Campaign(seed, prevalence, distance, POLICY)
    outcome, scores = run.run()
    others = [
        any(run.outcome(Rule(scores, cuts, 0), outcome.calibration).broken(POLICY))
        for cuts in (run.naive(scores), run.on_uncertain(scores))
    ]
    return Found(outcome, *others)


def campaigns(each: int = CAMPAIGNS) -> dict[float, list[Found]]:
    """Run ``each`` campaigns of every world, by prevalence."""
    return {p: [campaign(seed, p, distance) for seed in range(each)] for p, distance in WORLDS}


def share_broken(found: Sequence[Found]) -> float:
    """Share of campaigns in which either promise is broken."""
    return float(np.mean([any(one.outcome.broken(POLICY)) for one in found]))


def yield_of(found: Sequence[Found]) -> float:
    """Images decided, as a share of those that the oracle decides with the same models."""
    return sum(one.outcome.decided for one in found) / max(1, sum(one.outcome.oracle for one in found))


@dataclass(frozen=True)
class Certified:
    """Shares of a rare pool that one draw labels: no, and of the yes images yes; whether the recall broke."""

    no: float
    yes: float
    broken: bool


def rare(seed: int, n: int, design: str, distance: float = 5.0) -> Certified:
    """Certify one pilot on a pool of a rare class with ``n`` validation images."""
    rng = np.random.default_rng(seed)
    yes = rng.random(POOL) < RARE
    evidence = rng.normal(np.where(yes, distance / 2, -distance / 2))
    scores = 1 / (1 + np.exp(-(distance * evidence + np.log(RARE / (1 - RARE)))))
    plan = validation.uniform(n)
    if design != "uniform":
        histogram = validation.Histogram.of(scores)
        plan = validation.stratify(histogram, n, RARE_POLICY.recall, 0.025, decay=design == "decay")
    stratum = plan.stratum(scores)
    drawn = plan.choose(stratum, rng.random(POOL))
    sample = Validation.of(scores[drawn], yes[drawn], stratum=stratum[drawn])
    tally = Tally.of(sample.thresholds, scores[~drawn], rest_strata=stratum[~drawn], strata=plan.strata)
    floor = validation.UNTRUSTED * RARE if design == "decay" else None
    cuts = calibrate(sample, tally, RARE_POLICY, 1, decay=floor).cuts
    labeled_yes, labeled_no = tally.decided(cuts)
    lower = -np.inf if cuts.lower is None else cuts.lower
    lost = int((yes & ~drawn & (scores < lower)).sum())
    kept = (yes & drawn).sum() + min(labeled_yes, yes.sum())
    return Certified(labeled_no / POOL, float(kept / yes.sum()), lost > (1 - RARE_POLICY.recall) * yes.sum())


def needed(design: str, sizes: Sequence[int], no: float = 0.0, yes: float = 0.0) -> int:
    """The first size at which half of the draws certify these shares; ten times the last where none does."""
    for n in sizes:
        found = [rare(seed, n, design) for seed in range(DRAWS)]
        if np.mean([one.no >= no and one.yes >= yes for one in found]) >= 0.5:
            return n
    return 10 * sizes[-1]


def run() -> Benchmark:
    """Simulate and compare."""
    found = campaigns()
    everything = [one for each in found.values() for one in each]
    rows = [broken_row(everything)]
    rows += [
        Row(
            name=f"guarantee: yield at prevalence {prevalence}",
            what="images decided at 2,000 validation answers, as a share of what exact cuts on the truth decide",
            unit="share",
            ours=round(yield_of(each), 3),
            peer={"name": "oracle", "value": 1.0},
            goal=0.85,
            runs=[round(share_broken(each), 4)],
        )
        for prevalence, each in found.items()
        if prevalence > RARE
    ]
    uncertain = float(np.mean([one.uncertain for one in everything if one.outcome.oracle]))
    rows.append(
        Row(
            name="guarantee: cuts on images that uncertainty chose",
            what="share of campaigns that break a promise when validation is not random: it must fail",
            unit="share broken",
            ours=round(uncertain, 3),
            peer={"name": "stated delta", "value": 1 - POLICY.confidence},
            goal=3.0,
            runs=[round(float(np.mean([one.uncertain for one in each])), 3) for each in found.values()],
        )
    )
    return Benchmark(rows + rare_rows())


def broken_row(found: Sequence[Found]) -> Row:
    """The headline: broken promises, LSUN's beside them."""
    broken = [any(one.outcome.broken(POLICY)) for one in found]
    delta = 1 - POLICY.confidence
    p = binomtest(sum(broken), len(broken), delta, alternative="greater").pvalue
    sides = np.mean([one.outcome.broken(POLICY) for one in found], axis=0)
    return Row(
        name="guarantee: broken promises",
        what=f"share of {len(found)} campaigns of 5 adaptive rounds that break a promise at the end; "
        f"at most {delta:.2f} (binomial test p = {p:.3f})",
        unit="share broken",
        ours=round(float(np.mean(broken)), 4),
        peer={
            "name": "LSUN's thresholds on the same answers",
            "value": round(float(np.mean([o.naive for o in found])), 3),
        },
        goal=0.25,
        runs=[round(float(side), 4) for side in sides],
        less=True,
        limit=delta,
    )


def rare_rows() -> list[Row]:
    """Validation answers that a class of 1 % needs, by design."""
    uniform = (2_000, 4_000, 5_600, 8_000, 11_000, 16_000)
    strata = (600, 800, 1_200, 1_600, 2_000, 2_800, 4_000)
    aims = (
        ("upper cut with half of the yes images", "stratified", {"yes": 0.5}),
        ("lower cut for 7 % of the pool, nothing assumed", "stratified", {"no": 0.07}),
        ("lower cut for 20 % of the pool, nothing assumed", "stratified", {"no": 0.2}),
        ("lower cut for 90 % of the pool, decay assumed", "decay", {"no": 0.9}),
    )
    rows = []
    for what, design, aim in aims:
        ours, theirs = needed(design, strata, **aim), needed("uniform", uniform, **aim)
        rows.append(
            Row(
                name=f"guarantee: rare class, {what}",
                what=f"validation answers by which half of {DRAWS} draws succeed; prevalence 1 %, recall .95",
                unit="answers",
                ours=float(ours),
                peer={"name": "uniform sample", "value": float(theirs)},
                goal=0.2,
                runs=[float(ours)],
                less=True,
            )
        )
    return rows
