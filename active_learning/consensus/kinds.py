"""Yes/no models in which images come in more than two kinds. They only serve the automatic choice.

Two classes explain votes badly where images differ within a class: where half the people take a goose for a duck, a
two-class model finds the classes "bird" and "no bird", and calls the geese ducks. With more kinds, what an image *is*
(its kind) and what it is *called* come apart: a kind is a yes where most people say yes to it.

- :func:`graded`: kinds on a line. Annotator a says yes to an image at x with probability sigmoid(s_a x - b_a): skill
  and leaning (the two-parameter model of item response theory, Birnbaum 1968; for crowds Welinder et al. 2010). The
  leanings average 0, so x > 0 is a yes of the crowd without anybody's leaning.
- :func:`kinds`: a few kinds in no order, each annotator with a rate of yes for each, drawn towards everybody's.
"""

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, log_expit, logsumexp, ndtri

from active_learning.consensus.evidence import Evidence, Problem
from active_learning.consensus.incidence import Floats
from active_learning.consensus.structures import strength
from active_learning.consensus.votes import Votes

NODES = np.linspace(-3.0, 3.0, 16)
"""Points of the line, none of them in the middle."""

PASSES = 60
NEWTON = 3
"""Steps of Newton's method for every annotator in each pass."""

WIDTH = 0.15
"""How far from a kind's first rate of yes an image may lie at the start."""

SKILL, SKILL_SPREAD = 0.5, 0.5
"""Mean and standard deviation of log s at the start; then they follow the annotators."""

LEANING = 1.0
"""Variance of b."""

Mask = NDArray[np.bool_]


class People(Protocol):
    """A model of annotators who meet M kinds of images."""

    def start(self, share: Floats) -> Floats:
        """Responsibilities [N, M] that the shares of yes votes [N] suggest."""
        ...

    def learn(self, counts: Floats) -> Floats:
        """Log tables [A, 2, M] from expected counts of the same shape."""
        ...

    def shares(self, totals: Floats) -> Floats:
        """Log shares [G, M] of the kinds from expected numbers of images of the same shape."""
        ...

    def yes(self) -> Mask:
        """Which kinds are a yes [M]."""
        ...


@dataclass(frozen=True)
class Kinds:
    """Posteriors ``r`` [N, M] over kinds, ``tables`` [A, 2 said, M], and which kinds are a yes [M], in votes' order."""

    r: Floats
    tables: Floats
    yes: Mask

    @property
    def p(self) -> Floats:
        """P(no) and P(yes) [N, 2]."""
        return np.column_stack([self.r[:, ~self.yes].sum(axis=1), self.r[:, self.yes].sum(axis=1)])


def graded(votes: Votes, evidence: Evidence) -> Kinds:
    """Fit kinds on a line."""
    return _fit(votes, evidence, Line(len(votes.annotators)))


def kinds(votes: Votes, evidence: Evidence, n: int) -> Kinds:
    """Fit ``n`` kinds in no order."""
    return _fit(votes, evidence, Unordered(n))


def _fit(votes: Votes, evidence: Evidence, people: People) -> Kinds:
    incidence, problem = votes.incidence, Problem.of(votes, evidence)
    table = votes.table[incidence.image_order]
    r = people.start((table[:, 1] + 0.5) / (table.sum(axis=1) + 1.0))
    tables: Floats = np.zeros((0, 2, 0))
    for _ in range(PASSES):
        tables = people.learn(incidence.over_images(r).reshape(len(votes.annotators), 2, -1))
        believed = _believed(people.shares(problem.totals(r)), people.yes(), problem)
        votes_say = tables.clip(tables.max(axis=2, keepdims=True) - evidence.most_weight)
        r = _normal(incidence.over_votes(votes_say.reshape(-1, tables.shape[2])) + believed)
    return Kinds(incidence.unsort_images(r), incidence.unsort_annotators(np.exp(tables)), people.yes())


def _believed(log_shares: Floats, yes: Mask, problem: Problem) -> Floats:
    """Log shares of the kinds for every image [N or 1, M]: its group's, moved by its prior and held by its gold."""
    base = log_shares if problem.groups is None else log_shares[problem.groups]
    if problem.prior is not None:
        odds = logsumexp(base[:, yes], axis=1) - logsumexp(base[:, ~yes], axis=1)
        own = np.where(np.isnan(problem.prior[:, 0]), odds, problem.prior[:, 0])
        base = base + (own - odds)[:, None] * yes
    if len(problem.known):
        base = base + np.zeros((problem.images, 1))
        base[problem.known] += np.where(yes == (problem.known_class[:, None] == 1), 0.0, -np.inf)
    return base


def _normal(logs: Floats) -> Floats:
    r = np.exp(logs - logs.max(axis=1, keepdims=True))
    return np.asarray(r / r.sum(axis=1, keepdims=True))


@dataclass
class Line:
    """P(yes | a, x) = sigmoid(s_a x - b_a); s is lognormal, b normal round 0; x is normal over the images."""

    annotators: int
    log_skill: Floats = field(init=False)
    leaning: Floats = field(init=False)
    mean: float = SKILL
    spread: float = SKILL_SPREAD

    def __post_init__(self) -> None:
        self.log_skill = np.full(self.annotators, SKILL)
        self.leaning = np.zeros(self.annotators)

    def start(self, share: Floats) -> Floats:
        """Near the quantile of the share."""
        return _normal(-0.5 * ((NODES - ndtri(share.clip(0.01, 0.99))[:, None]) / 0.5) ** 2)

    def learn(self, counts: Floats) -> Floats:
        """A few steps of Newton's method from where the last pass ended."""
        n, yes = counts.sum(axis=1), counts[:, 1]
        for _ in range(NEWTON):
            by_x = np.exp(self.log_skill)[:, None] * NODES
            p = expit(by_x - self.leaning[:, None])
            w, rest = n * p * (1.0 - p) + 1e-9, yes - n * p
            g = (rest * by_x).sum(axis=1) - (self.log_skill - self.mean) / self.spread**2
            h = -rest.sum(axis=1) - self.leaning / LEANING
            gg = (w * by_x**2).sum(axis=1) + 1.0 / self.spread**2
            hh, gh = w.sum(axis=1) + 1.0 / LEANING, -(w * by_x).sum(axis=1)
            size = gg * hh - gh**2
            self.log_skill = self.log_skill + ((hh * g - gh * h) / size).clip(-1.0, 1.0)
            self.leaning = self.leaning + ((gg * h - gh * g) / size).clip(-1.0, 1.0)
        self.mean, self.spread = float(self.log_skill.mean()), max(float(self.log_skill.std()), 0.2)
        eta = np.exp(self.log_skill)[:, None] * NODES - self.leaning[:, None]
        return np.stack([log_expit(-eta), log_expit(eta)], axis=1)

    def shares(self, totals: Floats) -> Floats:
        """A normal distribution with the mean and variance of each group."""
        weight = (totals + 1e-3) / (totals + 1e-3).sum(axis=1, keepdims=True)
        mean = weight @ NODES
        variance = np.maximum(weight @ NODES**2 - mean**2, 0.05)
        logs = -0.5 * (NODES - mean[:, None]) ** 2 / variance[:, None]
        return np.asarray(logs - logsumexp(logs, axis=1, keepdims=True))

    def yes(self) -> Mask:
        """The upper half."""
        return NODES > 0.0


@dataclass
class Unordered:
    """A rate of yes for every annotator and kind, drawn towards everybody's for that kind."""

    n: int
    rates: Floats = field(init=False)

    def __post_init__(self) -> None:
        self.rates = np.linspace(0.08, 0.92, self.n)

    def start(self, share: Floats) -> Floats:
        """Near evenly spaced rates of yes."""
        return _normal(-0.5 * ((share[:, None] - self.rates) / WIDTH) ** 2)

    def learn(self, counts: Floats) -> Floats:
        """Everybody's rates first, then each annotator's."""
        total = counts.sum(axis=0) + 1.0
        centre = total / total.sum(axis=0)
        self.rates = centre[1]
        filled = counts + strength(counts, centre) * centre
        return np.asarray(np.log(filled / filled.sum(axis=1, keepdims=True)))

    def shares(self, totals: Floats) -> Floats:
        """As they turn out."""
        return np.asarray(np.log((totals + 1.0) / (totals + 1.0).sum(axis=1, keepdims=True)))

    def yes(self) -> Mask:
        """The kinds that most say yes to; the extreme ones at least keep their meaning."""
        yes = self.rates > 0.5
        yes[[int(self.rates.argmin()), int(self.rates.argmax())]] = False, True
        return yes
