"""Simulated campaigns with known truth: a model refit on labels that uncertainty chose, validated by a noisy crowd."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from active_learning import validation
from active_learning.cuts import Tally, Validation, calibrate
from active_learning.domain.cuts import Calibration, Cuts
from active_learning.domain.policy import Policy

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]
Integers = NDArray[np.int64]

SIZE = 10_000
FEATURES = 12
FIRST, BATCH, ROUNDS = 200, 150, 5
GOLD = 20
VOTES, MOST_VOTES, CERTAIN = 3, 9, 0.998
YES_ACCURACY, NO_ACCURACY = (0.86, 0.99), (0.90, 0.995)
"""The crowd: 40 people, accuracies even between these ends on yes and on no images."""


@dataclass(frozen=True)
class World:
    """A pool with known truth: every yes image is hard or easy, features are normal about their class."""

    features: Floats
    yes: Booleans
    gold: Floats
    gold_yes: Booleans

    @classmethod
    def make(cls, rng: np.random.Generator, prevalence: float, distance: float) -> "World":
        """Draw a pool and gold beside it; ``distance`` separates the classes."""
        yes = rng.random(SIZE) < prevalence
        gold_yes = np.arange(2 * GOLD) < GOLD
        truth = np.concatenate([yes, gold_yes])
        way = rng.normal(size=FEATURES)
        way /= np.linalg.norm(way)
        centre = np.where(truth, 0.5, -0.5)[:, None] * distance * way
        features = rng.normal(size=(len(truth), FEATURES)) + centre
        # A tenth of the images looks like nothing in particular.
        features[rng.random(len(truth)) < 0.1] *= 0.7
        return cls(features[:SIZE], yes, features[SIZE:], gold_yes)


def crowd(rng: np.random.Generator, yes: Booleans, prevalence: float) -> tuple[Booleans, Floats]:
    """Return the crowd's answers and their certainties: three votes, up to nine where these leave doubt."""
    accuracy = np.linspace(*YES_ACCURACY, 40), np.linspace(*NO_ACCURACY, 40)
    evidence = np.full(len(yes), logit(prevalence))
    for vote in range(MOST_VOTES):
        asked = np.flatnonzero((np.maximum(expit(evidence), expit(-evidence)) < CERTAIN) | (vote < VOTES))
        who = rng.integers(0, 40, len(asked))
        right = rng.random(len(asked)) < np.where(yes[asked], accuracy[0][who], accuracy[1][who])
        says = yes[asked] == right
        for_yes = np.log(accuracy[0][who] / (1 - accuracy[1][who]))
        for_no = np.log((1 - accuracy[0][who]) / accuracy[1][who])
        evidence[asked] += np.where(says, for_yes, for_no)
    return evidence > 0, np.maximum(expit(evidence), expit(-evidence))


def fit(features: Floats, yes: Booleans, prevalence: float) -> Floats:
    """Return ridge-logistic weights [D + 1], classes weighed as the pool has them, by eight Newton steps."""
    rows = np.column_stack([features, np.ones(len(features))])
    share = yes.mean()
    weight = np.where(yes, prevalence / share, (1 - prevalence) / (1 - share))
    weights = np.zeros(rows.shape[1])
    for _ in range(8):
        p = expit(rows @ weights)
        curve = rows.T @ (rows * (weight * np.maximum(p * (1 - p), 1e-4))[:, None]) + np.eye(rows.shape[1])
        weights += np.linalg.solve(curve, rows.T @ (weight * (yes - p)) - weights)
    return weights


def score(features: Floats, weights: Floats) -> Floats:
    """Return P(yes) of every image."""
    return np.asarray(expit(features @ weights[:-1] + weights[-1]))


@dataclass(frozen=True)
class Rule:
    """A model's scores and the cuts on them."""

    scores: Floats
    cuts: Cuts
    decides: int


@dataclass(frozen=True)
class Outcome:
    """What a campaign came to: shares that hold in truth at the end, and images decided beside the oracle's."""

    precision: float
    recall: float
    decided: int
    oracle: int
    decided_yes: int
    oracle_yes: int
    calibration: Calibration

    def broken(self, policy: Policy) -> tuple[bool, bool]:
        """Whether the promised precision and recall are broken."""
        return self.precision < policy.precision, self.recall < policy.recall


class Campaign:
    """One campaign; ``blind`` selection does not know who is validation, and what it takes leaves the population."""

    def __init__(self, seed: int, prevalence: float, distance: float, policy: Policy, decay: bool = False) -> None:
        self.rng = np.random.default_rng(seed)
        self.world = World.make(self.rng, prevalence, distance)
        self.policy = policy
        self.prevalence = prevalence
        self.decay = decay
        draws = self.rng.random(SIZE)
        self.chosen = np.zeros(SIZE, dtype=bool)
        stratified = policy.validation_design == "stratified"
        if stratified:  # chance alone selects before the strata are made
            self.chosen[self.rng.choice(SIZE, FIRST, replace=False)] = True
        self.pilot = score(self.world.features, self._model(np.zeros(SIZE, dtype=bool))) if stratified else draws
        pool = ~self.chosen
        self.design = validation.uniform(policy.validation)
        if stratified:
            histogram = validation.Histogram.of(self.pilot[pool])
            share = float(self.world.yes[self.chosen].mean()) or None
            self.design = validation.stratify(histogram, policy.validation, policy.recall, 0.025, share, decay)
        self.stratum = self.design.stratum(self.pilot)
        self.sample = np.zeros(SIZE, dtype=bool)
        self.sample[pool] = self.design.choose(self.stratum[pool], draws[pool])
        self.answers, self.certainty = crowd(self.rng, self.world.yes, prevalence)
        if not stratified:
            self.chosen[self.rng.choice(SIZE, FIRST, replace=False)] = True

    def run(self) -> tuple[Outcome, Floats]:
        """Go through all rounds; returns the outcome and the last model's scores."""
        rule = Rule(np.zeros(SIZE), Cuts(), -1)
        for look in range(1, ROUNDS + 1):
            scores = score(self.world.features, self._model(self.sample))
            calibration = self.calibrate(scores, look)
            decides = int(sum(self._tally(self._validation(scores), scores).decided(calibration.cuts)))
            if decides > rule.decides:
                rule = Rule(scores, calibration.cuts, decides)
            if look < ROUNDS:
                self._select(scores)
        return self.outcome(rule, calibration), scores

    def calibrate(self, scores: Floats, look: int) -> Calibration:
        """One look."""
        sample = self._validation(scores)
        found = int(self.world.yes[self.chosen].sum()) + GOLD
        decay = validation.UNTRUSTED * self.prevalence if self.decay else None
        return calibrate(sample, self._tally(sample, scores), self.policy, look, found, decay)

    def outcome(self, rule: Rule, calibration: Calibration) -> Outcome:
        """The truth about a rule on what people have not decided at the end."""
        yes, rest = self.world.yes, self.rest
        cuts, scores = rule.cuts, rule.scores
        says_yes = rest & (scores > (np.inf if cuts.upper is None else cuts.upper))
        says_no = rest & (scores < (-np.inf if cuts.lower is None else cuts.lower))
        total = yes.sum() + GOLD
        best_yes, best = self.oracle(scores)
        return Outcome(
            precision=float(yes[says_yes].mean()) if says_yes.any() else 1.0,
            recall=1.0 - float((yes & says_no).sum() / total),
            decided=int(says_yes.sum() + says_no.sum()),
            oracle=best,
            decided_yes=int(says_yes.sum()),
            oracle_yes=best_yes,
            calibration=calibration,
        )

    def naive(self, scores: Floats) -> Cuts:
        """LSUN's rule: the lowest and the highest threshold whose validation record passes."""
        sample = self._validation(scores)
        order = np.argsort(-sample.scores)
        right = sample.answers[order].cumsum()
        precise = np.flatnonzero(right / np.arange(1, len(order) + 1) >= self.policy.precision)
        kept = np.flatnonzero(right >= self.policy.recall * right[-1])
        upper = float(sample.scores[order][precise[-1]]) if len(precise) else None
        lower = float(sample.scores[order][kept[0]])
        return Cuts(lower=lower if upper is None else min(lower, upper), upper=upper)

    def on_uncertain(self, scores: Floats) -> Cuts:
        """The same tests on the wrong images: those that uncertainty chose, answered by the same crowd."""
        wrong = self.chosen & ~self.sample
        sample = Validation.of(scores[wrong], self.answers[wrong], self.certainty[wrong])
        tally = Tally.of(sample.thresholds, scores[self.rest])
        return calibrate(sample, tally, self.policy, 1).cuts

    def oracle(self, scores: Floats) -> tuple[int, int]:
        """Images that the best cuts label yes, and label at all, if both promises hold exactly on the true rest."""
        order = np.flatnonzero(self.rest)[np.argsort(-scores[self.rest])]
        yes = self.world.yes[order]
        precise = np.flatnonzero(yes.cumsum() / np.arange(1, len(yes) + 1) >= self.policy.precision)
        above = int(precise[-1]) + 1 if len(precise) else 0
        allowed = (1 - self.policy.recall) * (self.world.yes.sum() + GOLD)
        below = int((yes[::-1].cumsum() <= allowed).sum())
        return above, min(above + below, len(yes))

    @property
    def rest(self) -> Booleans:
        """What people have not decided."""
        return ~self.chosen & ~self.sample

    def _model(self, sample: Booleans) -> Floats:
        known = self.chosen & ~sample
        features = np.concatenate([self.world.features[known], self.world.gold])
        return fit(features, np.concatenate([self.world.yes[known], self.world.gold_yes]), self.prevalence)

    def _select(self, scores: Floats) -> None:
        open_ = np.flatnonzero(~self.chosen)
        self.chosen[open_[np.argsort(np.abs(scores[open_] - 0.5))[:BATCH]]] = True

    def _validation(self, scores: Floats) -> Validation:
        now = self.sample & ~self.chosen
        return Validation.of(scores[now], self.answers[now], self.certainty[now], self.stratum[now])

    def _tally(self, sample: Validation, scores: Floats) -> Tally:
        return Tally.of(
            sample.thresholds,
            scores[self.rest],
            rest_strata=self.stratum[self.rest],
            strata=self.design.strata,
        )
