"""The methods of consensus, by name. To add one: a function here (or a structure, with one line here)."""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from active_learning.consensus import structures
from active_learning.consensus.em import TOLERANCE, Fit, State
from active_learning.consensus.evidence import NOTHING, Evidence, Problem
from active_learning.consensus.glad import glad as fit_glad
from active_learning.consensus.incidence import Floats
from active_learning.consensus.posterior import Posterior
from active_learning.consensus.structures import Structure, two_coin
from active_learning.consensus.votes import Votes
from active_learning.domain.errors import InputError

Method = Callable[[Votes, Evidence], Posterior]


def majority(votes: Votes, evidence: Evidence = NOTHING) -> Posterior:
    """Everybody counts the same: the shares of the votes; of the evidence only gold speaks."""
    problem = Problem.of(votes, evidence)
    table = votes.table[votes.incidence.image_order].astype(np.float64)
    n = table.sum(axis=1, keepdims=True)
    q = np.where(n > 0, table / np.maximum(n, 1.0), 1.0 / table.shape[1])[:, 1:]
    problem.clamp(q)
    return described("majority", votes, problem, q, 1)


def one_coin(votes: Votes, evidence: Evidence = NOTHING) -> Posterior:
    """One accuracy an annotator (see ``structures.one_coin``)."""
    return by_tables("one_coin", votes, evidence, structures.one_coin)


def two_coin_dawid_skene(votes: Votes, evidence: Evidence = NOTHING) -> Posterior:
    """A full error table an annotator (see ``structures.two_coin``)."""
    return by_tables("dawid_skene", votes, evidence, two_coin)


def mace(votes: Votes, evidence: Evidence = NOTHING) -> Posterior:
    """Somebody either looks or says what they always say (see ``structures.competence``)."""
    return by_tables("mace", votes, evidence, structures.competence)


def glad(votes: Votes, evidence: Evidence = NOTHING) -> Posterior:
    """Ability and difficulty (see ``glad``)."""
    problem = Problem.of(votes, evidence)
    found = fit_glad(votes.incidence, problem)
    return described("glad", votes, problem, found.q, found.evaluations)


METHODS: Mapping[str, Method] = {
    "majority": majority,
    "one_coin": one_coin,
    "dawid_skene": two_coin_dawid_skene,
    "glad": glad,
    "mace": mace,
}
"""Every method but ``auto``, which chooses among them (see ``choose``)."""


def dawid_skene(
    votes: Votes,
    gold: Mapping[str, int],
    groups: NDArray[np.int64] | None = None,
    most_weight: float = np.inf,
) -> Posterior:
    """Two-coin Dawid-Skene, Winnow's default: priors, gold clamped, groups with a prevalence each.

    Args:
        votes: V votes over the images.
        gold: known answers by image id; ids without votes are ignored.
        groups: the group of every image [images], numbered from 0; one group by default.
        most_weight: largest log-likelihood ratio of one vote in the posterior that is returned.

    Raises:
        InputError: ``groups`` does not have one number per image.
    """
    return two_coin_dawid_skene(votes, Evidence(gold, groups, most_weight=most_weight))


def by_tables(
    name: str, votes: Votes, evidence: Evidence, structure: Structure, tolerance: float = TOLERANCE
) -> Posterior:
    """Fit a model whose annotators have error tables of this structure, until no accuracy moves by more."""
    fit = Fit(votes.incidence, Problem.of(votes, evidence), structure)
    state = fit.settle(first_state(votes, fit), tolerance=tolerance)
    return posterior_of(name, votes, fit, state, evidence.most_weight)


def first_state(votes: Votes, fit: Fit) -> State:
    """Where EM starts: the smoothed shares of the votes, symmetric in the classes."""
    return fit.start(np.asarray(votes.table[votes.incidence.image_order] + 1.0 / len(votes.classes)))


def posterior_of(name: str, votes: Votes, fit: Fit, state: State, most_weight: float) -> Posterior:
    """What a settled fit says, in the order of the votes' names."""
    incidence, model = votes.incidence, fit.model(state)
    q = fit.posterior(model, most_weight)
    return Posterior(
        method=name,
        votes=votes,
        p=incidence.unsort_images(np.column_stack([1.0 - q.sum(axis=1), q])),
        tables=incidence.unsort_annotators(model.tables),
        answered=incidence.unsort_annotators(fit.counts(state)),
        shares=model.shares,
        passes=fit.passes,
    )


def unsmoothed_dawid_skene(votes: Votes, passes: int) -> Posterior:
    """Dawid & Skene 1979 by maximum likelihood, ``passes`` passes from the vote shares: what other libraries fit.

    Raises:
        InputError: fewer than one pass.
    """
    if passes < 1:
        raise InputError(f"{passes} passes make no fit.", "Ask for one at least.")
    fit = Fit(votes.incidence, Problem.of(votes, NOTHING), structures.unsmoothed, pseudo_images=0.0)
    state = fit.start(votes.table[votes.incidence.image_order].astype(np.float64))
    for _ in range(passes):
        previous, state = state, fit.step(state)
    incidence, model = votes.incidence, fit.model(previous)
    p = np.column_stack([1.0 - fit.q.sum(axis=1), fit.q])
    return Posterior(
        "dawid_skene_unsmoothed",
        votes,
        incidence.unsort_images(p),
        incidence.unsort_annotators(model.tables),
        incidence.unsort_annotators(fit.counts(previous)),
        model.shares,
        fit.passes,
    )


def described(name: str, votes: Votes, problem: Problem, q: Floats, passes: int) -> Posterior:
    """A posterior of images, with the annotators' tables that follow from it."""
    incidence = votes.incidence
    fit = Fit(incidence, problem, two_coin)
    state = fit.counted(q)
    p = np.column_stack([1.0 - q.sum(axis=1), q])
    return Posterior(
        method=name,
        votes=votes,
        p=incidence.unsort_images(p),
        tables=incidence.unsort_annotators(two_coin(fit.counts(state))),
        answered=incidence.unsort_annotators(fit.counts(state)),
        shares=fit.model(state).shares,
        passes=passes,
    )


def agreement(votes: Votes) -> float:
    """The share of pairs of votes on one image that are the same; NaN without a pair."""
    table = votes.table.astype(np.float64)
    n = table.sum(axis=1)
    pairs = float((n * (n - 1.0)).sum())
    return float((table * (table - 1.0)).sum()) / pairs if pairs else float("nan")


def by_classes(posterior: Posterior, most: int = 10) -> str:
    """How many images are likeliest of each class, in words."""
    counts = np.bincount(posterior.p.argmax(axis=1), minlength=posterior.p.shape[1])
    order = sorted(zip((-counts).tolist(), posterior.votes.classes, strict=True))[:most]
    more = f" and {len(counts) - most} more" if len(counts) > most else ""
    return ", ".join(f"{word} {-count:,}" for count, word in order) + more
