"""Automatic choice: how far to trust each method, by how well it predicts votes (and gold) that it has not seen.

No method is the best for every crowd. Each is fitted with a part of the votes held out and predicts those; then the
methods are *stacked* (Wolpert 1992; Yao et al. 2018): the shares with which a mixture of their predictions is likeliest
on the held-out votes are the shares with which their posteriors are mixed. Where one method is clearly right it gets
all, and where several are as good they correct each other. Gold is held out too, and an image's gold weighs as much as
an average image's votes.

Besides the named methods, some serve only this choice: error tables that are drawn towards everybody's or towards one
accuracy (``structures.shrunk``, ``leaning``), and for yes/no images of more than two kinds (``kinds``).

More kinds nearly always predict votes a little better, since no two images are quite alike, and that says nothing about
which of them are a yes. They are heard only where the votes of an image tell a nat more (``FURTHER``) than they do to
methods that know no difference between images of one class: more than a class of two can hold at all (ln 2). Then what
a two-class model takes for the classes may be something else. Without gold nobody can be sure of it: crowds of forty
votes an image lie on both sides of that line. Gold settles it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from active_learning.consensus import structures
from active_learning.consensus.evidence import NOTHING, Evidence, Problem
from active_learning.consensus.glad import glad
from active_learning.consensus.incidence import Floats
from active_learning.consensus.kinds import Kinds, graded, kinds
from active_learning.consensus.methods import by_tables, described
from active_learning.consensus.posterior import Posterior
from active_learning.consensus.votes import Votes

FOLDS = 5
MOST_TO_CHOOSE = 200_000
"""Votes that the choice looks at; with more, it looks at a part of the images."""

KINDS = ("graded", "three_kinds", "four_kinds")
FINER = ("glad", *KINDS)
"""Methods in which images of one class differ."""

FURTHER = 1.0
"""Nats of held-out log-likelihood for each image that the finer models must add before they are heard."""

ROUGHLY = 1e-5
"""Step of an accuracy at which a fit has settled well enough to be compared with others."""

STACKING_PASSES = 300
SHOWN = 0.05
"""Shares below this are not named."""

Codes = NDArray[np.int32]


@dataclass(frozen=True)
class Expert:
    """A fitted method: the images' posteriors [N, K] and P(value) [V] of votes by (image, annotator, value)."""

    p: Floats
    says: Callable[[Codes, Codes, NDArray[np.int16]], Floats]


Fitter = Callable[[Votes, Evidence], Expert]


@dataclass(frozen=True)
class Choice:
    """The share of each method in the mixture, and the held-out log-likelihood of a vote by it [nats]."""

    shares: Mapping[str, float]
    likelihoods: Mapping[str, float]

    @property
    def words(self) -> str:
        """The shares in words, the largest first."""
        named = sorted(((-share, name) for name, share in self.shares.items() if share >= SHOWN))
        return ", ".join(f"{name} {-share:.0%}" for share, name in named)


def auto(votes: Votes, evidence: Evidence = NOTHING) -> Posterior:
    """Mix the methods by their shares in :func:`choose`."""
    problem = Problem.of(votes, evidence)
    choice = choose(votes, evidence)
    p = np.zeros((len(votes.images), len(votes.classes)))
    for name, share in choice.shares.items():
        if share >= 1e-3:
            p += share * fitters(votes)[name](votes, evidence).p
    p /= p.sum(axis=1, keepdims=True)
    why = f"held-out votes are best predicted by {choice.words}"
    return replace(described("auto", votes, problem, p[votes.incidence.image_order][:, 1:], FOLDS), why=why)


def choose(votes: Votes, evidence: Evidence = NOTHING) -> Choice:
    """Hold out votes and gold in turn, fit every method to the rest, and stack."""
    votes, evidence = _part(votes, evidence)
    if len(votes) < FOLDS:
        return Choice({"dawid_skene": 1.0}, {"dawid_skene": float("nan")})
    fold = _folds(votes)
    golden = _golden(votes, evidence)
    columns, names = [], list(fitters(votes))
    for name in names:
        column = np.zeros(len(votes) + len(golden[0]))
        for f in range(FOLDS):
            gold_out = np.arange(len(golden[0])) % FOLDS == f
            hidden = {votes.images[i] for i in golden[0][gold_out]}
            seen = replace(evidence, gold={k: v for k, v in evidence.gold.items() if k not in hidden})
            expert = fitters(votes)[name](votes.keep(fold != f), seen)
            out = np.flatnonzero(fold == f)
            column[out] = expert.says(votes.image[out], votes.annotator[out], votes.value[out])
            column[len(votes) :][gold_out] = expert.p[golden[0][gold_out], golden[1][gold_out]]
        columns.append(np.log(np.maximum(column, 1e-12)))
    table = np.column_stack(columns)
    weight = np.ones(len(table))
    weight[len(votes) :] = len(votes) / max(len(votes.images), 1)
    means = table[: len(votes)].mean(axis=0)
    shares = _heard(table, weight, names, len(votes.images))
    return Choice(dict(zip(names, shares.tolist(), strict=True)), dict(zip(names, means.tolist(), strict=True)))


def _heard(table: Floats, weight: Floats, names: Sequence[str], images: int) -> Floats:
    """The shares in the mixture of all methods, or of those without more kinds where these add too little."""

    def among(left_out: Sequence[str]) -> Floats:
        kept = np.array([name not in left_out for name in names])
        shares = np.zeros(len(names))
        shares[kept] = stack(table[:, kept], weight)
        return shares

    every = among(())
    gain = float(weight @ (_mixed(table, every) - _mixed(table, among(FINER))))
    return every if gain > FURTHER * images else among(KINDS)


def _mixed(table: Floats, shares: Floats) -> Floats:
    """Log-likelihood of every held-out observation by the mixture."""
    most = table.max(axis=1)
    return np.asarray(most + np.log(np.exp(table - most[:, None]) @ shares + 1e-300))


def stack(log_likelihoods: Floats, weight: Floats) -> Floats:
    """Shares [M] that maximise the weighted log-likelihood of the mixture; rows are held-out observations [R, M]."""
    likelihood = np.exp(log_likelihoods - log_likelihoods.max(axis=1, keepdims=True))
    shares = np.full(likelihood.shape[1], 1.0 / likelihood.shape[1])
    for _ in range(STACKING_PASSES):
        mixed = likelihood @ shares
        shares = shares * (likelihood.T @ (weight / mixed)) / weight.sum()
    return np.asarray(shares)


def fitters(votes: Votes) -> Mapping[str, Fitter]:
    """The methods to choose among, by name."""
    always: dict[str, Fitter] = {
        "majority": partial(_table_expert, structures.one_for_all),
        "one_coin": partial(_table_expert, structures.one_coin),
        "dawid_skene": partial(_table_expert, structures.two_coin),
        "mace": partial(_table_expert, structures.competence),
        "glad": _glad_expert,
        "shrunk": partial(_table_expert, structures.shrunk),
        "leaning": partial(_table_expert, structures.leaning),
    }
    if len(votes.classes) != 2:
        return always
    return always | {
        "graded": lambda votes, evidence: _kinds_expert(graded(votes, evidence)),
        "three_kinds": lambda votes, evidence: _kinds_expert(kinds(votes, evidence, 3)),
        "four_kinds": lambda votes, evidence: _kinds_expert(kinds(votes, evidence, 4)),
    }


def _table_expert(structure: structures.Structure, votes: Votes, evidence: Evidence) -> Expert:
    fitted = by_tables("", votes, evidence, structure, ROUGHLY)
    p, tables = fitted.p, fitted.tables
    return Expert(p, lambda image, annotator, value: (p[image] * tables[annotator, value]).sum(axis=1))


def _kinds_expert(fitted: Kinds) -> Expert:
    r, tables = fitted.r, fitted.tables
    return Expert(fitted.p, lambda image, annotator, value: (r[image] * tables[annotator, value]).sum(axis=1))


def _glad_expert(votes: Votes, evidence: Evidence) -> Expert:
    fitted, incidence = glad(votes.incidence, Problem.of(votes, evidence)), votes.incidence
    p = incidence.unsort_images(np.column_stack([1.0 - fitted.q.sum(axis=1), fitted.q]))
    ability, ease = incidence.unsort_annotators(fitted.ability), np.exp(incidence.unsort_images(fitted.ease))
    wrong = 1.0 / (len(votes.classes) - 1)

    def says(image: Codes, annotator: Codes, value: NDArray[np.int16]) -> Floats:
        right = expit(ability[annotator] * ease[image])
        here = p[image, value]
        return np.asarray(here * right + (1.0 - here) * (1.0 - right) * wrong)

    return Expert(p, says)


def _part(votes: Votes, evidence: Evidence) -> tuple[Votes, Evidence]:
    """All votes, or those of so many images that the choice takes bounded time; the part depends on no name."""
    if len(votes) <= MOST_TO_CHOOSE:
        return votes, evidence
    chosen = np.zeros(len(votes.images), dtype=bool)
    order = votes.incidence.image_order[np.random.default_rng(0).permutation(len(votes.images))]
    per_image = votes.table.sum(axis=1)[order]
    chosen[order[np.cumsum(per_image) <= MOST_TO_CHOOSE]] = True
    return votes.of_images(chosen), replace(
        evidence,
        groups=None if evidence.groups is None else evidence.groups[chosen],
        prior=None if evidence.prior is None else evidence.prior[chosen],
    )


def _folds(votes: Votes) -> NDArray[np.int64]:
    """The fold of every vote [V]: by chance, the same whatever the names and the order of rows."""
    incidence = votes.incidence
    row, person = np.empty_like(incidence.image_order), np.empty_like(incidence.annotator_order)
    row[incidence.image_order] = np.arange(len(row))
    person[incidence.annotator_order] = np.arange(len(person))
    order = np.lexsort([person[votes.annotator], row[votes.image]])
    fold = np.empty(len(votes), dtype=np.int64)
    fold[order] = np.random.default_rng(0).permutation(len(votes)) % FOLDS
    return fold


def _golden(votes: Votes, evidence: Evidence) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Numbers of the images with gold, and their classes."""
    order: Sequence[int] = votes.incidence.image_order.tolist() if evidence.gold else []
    found = [(i, evidence.gold[votes.images[i]]) for i in order if votes.images[i] in evidence.gold]
    return np.array([i for i, _ in found], dtype=np.int64), np.array([c for _, c in found], dtype=np.int64)
