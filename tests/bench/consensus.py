"""Consensus: beside crowd-kit in one process; more answers onto a fit; memory; real vote sets; fewer answers."""

import resource
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from active_learning.consensus import METHODS, Votes, auto, dawid_skene, unsmoothed_dawid_skene
from active_learning.consensus.evidence import NOTHING
from active_learning.consensus.incremental import Aggregate
from active_learning.consensus.replay import replay, turns
from active_learning.domain.errors import InputError
from tests.bench.consensus_sets import CROWDS, VoteSet, crowd, vote_sets
from tests.bench.result import Benchmark, Row

try:
    import pandas as pd
    from crowdkit.aggregation import GLAD, DawidSkene
except ImportError:
    pd = None

RUNS = 5
ADDED = 1_000
GLAD_PASSES = (2, 8)
"""Passes of crowd-kit's GLAD that are run, and that its own fit of these votes needs (so much is the time scaled)."""

PER_IMAGE, FIXED = 1.8, 3
"""Answers an image with adaptive redundancy, beside a fixed number for every image: 40 % fewer."""

SEEDS = 3


def run() -> Benchmark:
    """Measure and compare."""
    if pd is None:
        raise InputError("This benchmark compares with crowd-kit.", "Install it: pip install -e .[bench]")
    rows = [dawid_skene_speed(), more_answers(), glad_speed(), memory()]
    sets = list(vote_sets())
    if sets:
        rows += [accuracy(sets), redundancy(sets)]
    else:
        print(f"no vote sets at {CROWDS}: accuracy and redundancy are left out")
    return Benchmark(rows)


def dawid_skene_speed() -> Row:
    """Ours and crowd-kit's at the same passes, after the posteriors were found equal."""
    votes = crowd(1_000_000)
    frame = as_frame(votes)
    theirs, peer = timed(lambda: DawidSkene(n_iter=100).fit(frame))
    passes = len(theirs.loss_history_)
    votes.incidence  # noqa: B018 - their frame is built beforehand as well
    runs = [timed(lambda: unsmoothed_dawid_skene(votes, passes)) for _ in range(RUNS)]
    order = [int(name) for name in votes.images]
    difference = float(np.abs(theirs.probas_.sort_index()[1].to_numpy()[order] - runs[0][0].p_yes).max())
    if difference > 1e-9:
        raise AssertionError(f"the posteriors differ by {difference:.1e}")
    return Row(
        name="consensus: Dawid-Skene, 10^6 answers",
        what=f"fits of {passes} passes a second; the posteriors differ by {difference:.0e} at most",
        unit="fits/s",
        ours=round(1.0 / min(seconds for _, seconds in runs), 3),
        peer={"name": "crowd-kit", "value": round(1.0 / peer, 5)},
        goal=40.0,
        runs=[round(1.0 / seconds, 3) for _, seconds in runs],
    )


def more_answers() -> Row:
    """A thousand answers onto a million, beside a fit of all from the start."""
    votes = crowd(1_000_000)
    late = np.zeros(len(votes), dtype=bool)
    late[np.random.default_rng(1).choice(len(votes), ADDED, replace=False)] = True
    rows = zip(votes.image[late].tolist(), votes.annotator[late].tolist(), votes.value[late].tolist(), strict=True)
    more = [(votes.images[i], votes.annotators[a], v) for i, a, v in rows]
    cold, seconds = timed(lambda: dawid_skene(votes, {}))
    runs = []
    for _ in range(RUNS):
        aggregate = Aggregate.cold(votes.keep(~late))
        runs.append(timed(lambda: aggregate.add(more))[1])  # noqa: B023 - called at once
    difference = float(np.abs(aggregate.p()[:, 1] - cold.p_yes).max())
    if difference > 1e-6:
        raise AssertionError(f"the posteriors differ by {difference:.1e}")
    return Row(
        name="consensus: 1,000 answers onto 10^6",
        what=f"milliseconds; the posteriors differ by {difference:.0e} at most",
        unit="ms",
        ours=round(1e3 * min(runs), 1),
        peer={"name": "a fit from the start", "value": round(1e3 * seconds, 1)},
        goal=0.5,
        runs=[round(1e3 * one, 1) for one in runs],
        less=True,
        limit=50.0,
    )


def glad_speed() -> Row:
    """Ours to the end; crowd-kit's for a few passes, scaled to as many as it needs."""
    votes = crowd(100_000)
    frame = as_frame(votes)
    done, needed = GLAD_PASSES
    peer = timed(lambda: GLAD(n_iter=done, tol=0.0, silent=True).fit(frame))[1] / done * needed
    runs = [timed(lambda: METHODS["glad"](votes, NOTHING))[1] for _ in range(RUNS)]
    return Row(
        name="consensus: GLAD, 10^5 answers",
        what="fits a second",
        unit="fits/s",
        ours=round(1.0 / min(runs), 3),
        peer={"name": f"crowd-kit, {done} passes scaled to {needed}", "value": round(1.0 / peer, 5)},
        goal=80.0,
        runs=[round(1.0 / one, 3) for one in runs],
    )


def largest() -> float:
    """GiB that a process needs at most for 10^7 answers, the crowd's simulation included."""
    dawid_skene(crowd(10_000_000), {})
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def memory() -> Row:
    """The same in a process of its own."""
    program = "from tests.bench.consensus import largest; print(largest())"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    gib = round(float(found.stdout), 2)
    return Row(
        name="consensus: memory, 10^7 answers",
        what="GiB at most, simulation and fit",
        unit="GiB",
        ours=gib,
        peer={"name": "the limit", "value": 4.0},
        goal=1.0,
        runs=[gib],
        less=True,
    )


def accuracy(sets: list[VoteSet]) -> Row:
    """The automatic choice beside the best single method, over all real vote sets."""
    found = {name: [one.accuracy(method(one.votes, NOTHING).p) for one in sets] for name, method in METHODS.items()}
    chosen = [auto(one.votes) for one in sets]
    found["auto"] = [one.accuracy(posterior.p) for one, posterior in zip(sets, chosen, strict=True)]
    print("".join(f"{word:>13}" for word in ("", *found)))
    for n, one in enumerate(sets):
        print(f"{one.name:>17}" + "".join(f"{values[n]:>13.4f}" for values in found.values()) + f"  {chosen[n].why}")
    means = {name: float(np.mean(values)) for name, values in found.items()}
    print(f"{'mean':>17}" + "".join(f"{value:>13.4f}" for value in means.values()))
    best = max(METHODS, key=lambda name: means[name])
    return Row(
        name="consensus: automatic choice",
        what=f"mean accuracy over {len(sets)} real vote sets, no gold",
        unit="%",
        ours=round(100 * means["auto"], 2),
        peer={"name": f"best single method: {best}", "value": round(100 * means[best], 2)},
        goal=1.0,
        runs=[round(100 * value, 2) for value in found["auto"]],
    )


def redundancy(sets: list[VoteSet]) -> Row:
    """Answers where they are worth most, 1.8 an image, beside the majority of three on every image."""
    ours, theirs = [], []
    for one in sets:
        if len(one.votes.classes) > 2 or len(one.votes) < FIXED * len(one.votes.images):
            continue
        asked = [one.accuracy(replay(one.votes, seed, PER_IMAGE).posterior.p) for seed in range(SEEDS)]
        turn = [turns(one.votes, np.random.default_rng(seed)) for seed in range(SEEDS)]
        fixed = [one.accuracy(one.votes.keep(t < FIXED).table.astype(float)) for t in turn]
        ours.append(float(np.mean(asked)))
        theirs.append(float(np.mean(fixed)))
        print(f"{one.name:>17}: {ours[-1]:.4f} with {PER_IMAGE} answers, {theirs[-1]:.4f} by {FIXED} each")
    return Row(
        name="consensus: adaptive redundancy",
        what=f"mean accuracy over {len(ours)} real vote sets with {PER_IMAGE} answers an image, {SEEDS} draws",
        unit="%",
        ours=round(100 * float(np.mean(ours)), 2),
        peer={"name": f"majority of {FIXED} on every image", "value": round(100 * float(np.mean(theirs)), 2)},
        goal=1.0,
        runs=[round(100 * value, 2) for value in ours],
    )


def as_frame(votes: Votes) -> Any:
    """The votes as crowd-kit wants them: numbers, not names."""
    return pd.DataFrame(
        {
            "task": [int(name) for name in np.array(votes.images)[votes.image]],
            "worker": votes.annotator,
            "label": votes.value.astype(int),
        }
    )


def timed(act: Callable[[], Any]) -> tuple[Any, float]:
    """What it returns, and its seconds."""
    start = time.perf_counter()
    return act(), time.perf_counter() - start
