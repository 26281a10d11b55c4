"""Researchers' pages over a million candidates beside the same pages over ten thousand, in one database.

``WINNOW_BENCH_CANDIDATES`` takes another size. What people have done grows with the pool: of either one they have
labeled the same share, given up the same share, checked the same share of the model's labels. Both pools lie in the
same collections, and each page of the large one is asked for right after the same page of the small one.
"""

import asyncio
import html
import multiprocessing
import os
import re
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from pymongo import MongoClient
from pymongo.write_concern import WriteConcern

from active_learning import splits
from active_learning.domain.candidate import Role, State
from active_learning.domain.label import Source
from active_learning.domain.round import Phase
from api.operations import intake, model_reports, recounting
from api.operations.context import Winnow, open_winnow
from api.operations.scoring import SHARD, Scored
from api.store.candidates import key
from api.store.scores import Block, digests
from api.store.shards import divide
from deploy import mongodb
from tests import factories
from tests.bench import workplace
from tests.bench.result import Benchmark, Row

LARGE = int(os.environ.get("WINNOW_BENCH_CANDIDATES", "1000000"))
SMALL = min(10_000, max(1_000, LARGE // 100))
RUNS = 15
CACHE_GB = 1.0
"""The server's memory: less than the large pool and its pictures' facts."""

AT_ONCE = 2_000
PEOPLE, DISPUTED, AUDITED, RECHECKED, WANTED = 0.02, 0.01, 0.03, 0.01, 0.01
"""Shares of the pool that people have labeled, given up, checked, were asked about again, and are waited for: so many
that the small pool fills a page of each list, too."""

LOWER, UPPER = 0.08, 0.93
LICENCES = ("cc0", "by", "by-sa", "by-nc", "")
RARE = "gfdl"
"""The licence of one image in a thousand."""

GOAL = 2.0

VIEWS: Mapping[str, str] = {
    "category page": "",
    "overview as JSON": "/api/v1/categories/{slug}/overview",
    "mistakes: false yes": "/mistakes?kind=false-yes",
    "mistakes: uncertain": "/mistakes?kind=uncertain",
    "mistakes: contested": "/mistakes?kind=contested",
    "mistakes: rechecked": "/mistakes?kind=rechecked",
    "story of an image": "/images/{image}",
    "pool": "/pool",
    "pool: unknown": "/pool?state=unknown",
    "pool: the model's yes": "/pool?source=model&answer=true",
    "pool: labeled by people": "/pool?source=human",
    "pool: people disagree": "/pool?doubt=contested",
    "pool: least sure": "/pool?doubt=least_sure",
    "pool: a rare licence": f"/pool?licence={RARE}",
    "pool: asked in round 1": "/pool?round=1",
    "pool: scores from 0.4 to 0.6": "/pool?score_from=0.4&score_to=0.6",
}
"""What is asked for, below the category's own address; of the pool the second page as well."""


def slug(n: int) -> str:
    """The category with ``n`` candidates."""
    return f"pool-{n}"


def score(image: str) -> float:
    """A model's score: most images are surely no, some surely yes. A matter of the id alone."""
    draw, noise = splits.draw(2, image), splits.draw(3, image)
    odds = (4.0 if draw < 0.1 else -4.5) + 8.0 * (noise - 0.5)
    return float(np.float32(1.0 / (1.0 + np.exp(-odds))))


def candidate(name: str, image: str, now: datetime) -> dict[str, Any]:
    """A candidate as rounds leave it: by the draw of its id people, the model or nobody has decided."""
    draw, at = splits.draw(0, image), splits.draw(4, image)
    empty = dict.fromkeys(("answer", "source", "gold", "score", "model", "task", "chosen_by"))
    found: dict[str, Any] = {
        **{"_id": key(name, image), "category": name, "image": image, "state": State.UNKNOWN.value, **empty},
        **{"role": Role.TRAIN.value, "draw": draw, "shown": 0, "votes_wanted": False, "disputed": False},
        **{"embedded": True, "added_at": now},
    }
    value, edges = score(image), np.cumsum([PEOPLE, DISPUTED, AUDITED, RECHECKED, WANTED])
    people = {"state": State.LABELED.value, "answer": value > 0.5, "source": Source.HUMAN.value, "score": value}
    people |= {"task": f"{name}-r1-w1-t{int(at * 1_000)}", "shown": 2, "certainty": 0.9 + 0.1 * splits.draw(5, image)}
    place = int(np.searchsorted(edges, at, side="right"))
    if place == 0:
        role = Role.VALIDATION if splits.draw(6, image) < 0.2 else Role.TRAIN
        return found | people | {"role": role.value}
    if place == 1:
        return found | {"disputed": True, "shown": 5}
    if place == 2:
        said, wrong = (splits.draw(seed, image) < 0.5 for seed in (7, 9))
        return found | people | {"answer": said is not wrong, "audited": {"round": 1, "value": said, "checked": True}}
    if place == 3:
        return found | people | {"rechecked": 1}
    if place == 4:
        return found | {"votes_wanted": True, "shown": 2}
    if LOWER < value < UPPER:
        return found
    return found | {"state": State.AUTO_LABELED.value, "answer": value > 0.5, "source": Source.MODEL.value, "cut": 1}


def facts(image: str, now: datetime) -> dict[str, Any]:
    """What is known of a picture."""
    at = splits.draw(8, image)
    licence = RARE if at < 0.001 else LICENCES[int(at * len(LICENCES))]
    told = {"title": f"Picture {image[:8]}", "author": f"author {int(at * 1e4)}", "licence": licence}
    place = {"url": f"https://photos.test/{image[:16]}.jpg", "name": f"{image[:16]}.jpg", "source": "openverse"}
    return {
        **{"_id": image, "format": "JPEG", "width": 640, "height": 480, "bytes": 51_200, "places": []},
        **{"licence": licence, "provenance": told, "fetched_at": now, "status": 200, "added_at": now, **place},
    }


def image(name: str, number: int) -> str:
    """An id like that of a real picture."""
    return sha256(f"{name} {number}".encode()).hexdigest()


def fill(uri: str, database: str, name: str, start: int, end: int) -> None:
    """Insert candidates, facts, and the labels of people, in the order of arrival, which is not that of ids."""
    now = datetime.now(UTC)
    with MongoClient[dict[str, Any]](uri) as client:
        found = client.get_database(database, write_concern=WriteConcern(w=1))
        for first in range(start, end, AT_ONCE):
            images = [image(name, number) for number in range(first, min(first + AT_ONCE, end))]
            candidates = [candidate(name, one, now) for one in images]
            found["candidates"].insert_many(candidates, ordered=False)
            found["images"].insert_many([facts(one, now) for one in images], ordered=False)
            labels = [
                {
                    **{"_id": f"{c['_id']}:human:1.1", "category": name, "image": c["image"], "value": c["answer"]},
                    **{"source": "human", "round": 1, "provenance": {"votes_yes": 2, "votes_no": 0}, "decided_at": now},
                }
                for c in candidates
                if c["source"] == Source.HUMAN.value
            ]
            if labels:
                found["labels"].insert_many(labels, ordered=False)


async def furnish(w: Winnow, n: int) -> None:
    """A category of ``n`` candidates after its first cut."""
    name = slug(n)
    await intake.create_category(w, factories.category(name))
    context, cores = multiprocessing.get_context("spawn"), os.cpu_count() or 1
    edges = [n * part // cores for part in range(cores + 1)]
    place = (w.settings.mongodb_uri, w.settings.database, name)
    parts = [context.Process(target=fill, args=(*place, *ends)) for ends in pairwise(edges)]
    for part in parts:
        part.start()
    for part in parts:
        await asyncio.to_thread(part.join)
        assert part.exitcode == 0, "a process that fills the pool has failed"
    scored = Scored(model=f"{name}:1", bits=divide(n, SHARD)[0].bits)
    for shard in scored.shards:
        images = await w.store.candidates.images(name, shard)
        draws = np.array([splits.draw(0, one) for one in images], dtype=np.float64)
        scores = np.array([score(one) for one in images], dtype=np.float32)
        await w.store.scores.put(name, scored.model, shard, Block(digests(images), draws, scores))
    counters = await recounting.recount(w, name)
    cuts = {"lower": LOWER, "upper": UPPER}
    calibration = {
        **{"cuts": cuts, "n": 600, "positives": 60, "precision_bound": 0.91, "recall_bound": 0.92},
        **{"confidence": 0.9, "look": 1, "risk": 0.025, "needed": 0},
    }
    rule = {"model": scored.model, "round": 1, "calibration": calibration}
    await w.store.categories.put(name, {**counters, "scored": scored.model_dump(), "rule": rule})
    report = {"auto_yes": 1, "auto_no": 1, "unknown": 1, "spent_cents": 1_000, "model": scored.model}
    fields = {
        "strategy": "margin",
        "posted": 1,
        "answers": 2,
        "human_labels": 1,
        "sweep": False,
        "started_at": w.clock(),
    }
    document = {"_id": f"{name}:1", "category": name, "number": 1, "phase": Phase.DONE.value, "wave": 1, **fields}
    await w.store.rounds.collection.insert_one(
        {**document, "report": {**report, "calibration": calibration, "in_force": True}}
    )
    await model_reports.make(w, name, 1, scored)


@dataclass
class Measured:
    """Milliseconds of each view, of the small pool and of the large one."""

    small: dict[str, list[float]] = field(default_factory=dict)
    large: dict[str, list[float]] = field(default_factory=dict)


def visits(http: httpx.Client, n: int) -> Iterator[tuple[str, str]]:
    """The addresses of a category's views by their names; the second page of the pool is where its first one leads."""
    base = f"/categories/{slug(n)}"
    for name, path in VIEWS.items():
        whole = path if path.startswith("/api") else base + path
        yield name, whole.format(slug=slug(n), image=image(slug(n), n // 3))
    first = http.get(f"{base}/pool", params={"state": "unknown"}).raise_for_status()
    found = re.search(r'rel="next" href="([^"]+)"', first.text)
    assert found is not None, "there is more than one page of unknown images"
    yield "pool: unknown, next page", html.unescape(found[1])


def measure(url: str, cookies: dict[str, str]) -> Measured:
    """Ask for every view of either pool in turn; the first time of each does not count."""
    measured = Measured()
    with httpx.Client(base_url=url, cookies=cookies, timeout=60, trust_env=False) as http:
        pools = [(dict(visits(http, n)), times) for n, times in ((SMALL, measured.small), (LARGE, measured.large))]
        for run in range(RUNS + 1):
            for name in pools[0][0]:
                for addresses, times in pools if run % 2 else pools[::-1]:
                    started = time.perf_counter()
                    reply = http.get(addresses[name])
                    took = 1e3 * (time.perf_counter() - started)
                    assert reply.status_code == 200, (addresses[name], reply.text[:500])
                    if run:
                        times.setdefault(name, []).append(took)
    return measured


async def prepared(place: workplace.Workplace) -> dict[str, str]:
    """Fill both pools; returns the cookie of somebody who may look at them."""
    async with open_winnow(place.settings) as w:
        for n in (SMALL, LARGE):
            await furnish(w, n)
        return await factories.cookie(w)


def run() -> Benchmark:
    """Measure and compare."""
    usual, mongodb.CACHE_GB = mongodb.CACHE_GB, CACHE_GB
    try:
        with tempfile.TemporaryDirectory() as folder, workplace.started(Path(folder)) as place:
            cookies = asyncio.run(prepared(place))
            measured = measure(place.url, cookies)
    finally:
        mongodb.CACHE_GB = usual
    return Benchmark([row(name, measured) for name in measured.large])


def row(name: str, measured: Measured) -> Row:
    """One view of the large pool beside the same of the small one."""
    small, large = (float(np.median(times[name])) for times in (measured.small, measured.large))
    return Row(
        name=f"{name}: {LARGE:,} candidates",
        what="from the request to the whole reply, median; both pools in one database",
        unit="ms",
        ours=round(large, 1),
        peer={"name": f"the same with {SMALL:,} candidates", "value": round(small, 1)},
        goal=GOAL,
        runs=[round(took, 1) for took in measured.large[name]],
        less=True,
    )
