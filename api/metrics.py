"""Measurements for Prometheus: requests of this process, and the state of the whole installation. Its only home."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST
from prometheus_client.openmetrics.exposition import generate_latest as open_metrics

from api.operations import monitoring
from api.operations.context import Winnow
from api.store.connection import Document
from labeling_ui.contexts import Monitor

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
OPEN_METRICS = "application/openmetrics-text"


class Requests:
    """What this web process has answered."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        labels = ("method", "route", "status")
        self._answered = Counter("winnow_http_requests", "Requests answered.", labels, registry=self.registry)
        self._seconds = Histogram(
            "winnow_http_request_seconds", "Time to answer.", ("route",), buckets=SECONDS, registry=self.registry
        )
        self._in_hand = Gauge("winnow_http_requests_in_hand", "Requests being answered now.", registry=self.registry)

    def begin(self) -> None:
        """A request came in."""
        self._in_hand.inc()

    def end(self, method: str, route: str, status: int, seconds: float | None) -> None:
        """It was answered; ``None`` seconds for a stream, which lasts as long as somebody listens."""
        self._in_hand.dec()
        self._answered.labels(method, route, str(status)).inc()
        if seconds is not None:
            self._seconds.labels(route).observe(seconds)


class _State:
    """One look at the installation, as metrics."""

    def __init__(
        self, seen: Monitor, runs: list[Document], categories: list[Document], jobs: list[tuple[str, str, int]]
    ) -> None:
        self.seen, self.runs, self.categories, self.jobs = seen, runs, categories, jobs

    def collect(self) -> Iterator[Metric]:
        yield from self._jobs()
        yield from self._processes()
        yield from self._categories()
        yield from self._scrapes()

    def _jobs(self) -> Iterator[Metric]:
        now = GaugeMetricFamily("winnow_jobs", "Jobs that have not ended well, by state.", labels=("state", "kind"))
        for state, kind, n in self.jobs:
            now.add_metric((state, kind), n)
        yield now
        yield GaugeMetricFamily(
            "winnow_jobs_late_seconds", "For how long the job that waits longest could have run.", self.seen.late_s
        )
        ended = CounterMetricFamily("winnow_job_runs", "Runs of jobs that have ended.", labels=("kind", "outcome"))
        seconds = CounterMetricFamily("winnow_job_run_seconds", "Time that jobs have run.", labels=("kind",))
        for run in self.runs:
            for outcome in ("done", "failed"):
                ended.add_metric((run["_id"], outcome), run.get(outcome, 0))
            seconds.add_metric((run["_id"],), run["seconds"])
        yield ended
        yield seconds

    def _processes(self) -> Iterator[Metric]:
        alive = GaugeMetricFamily("winnow_processes", "Processes that say that they live.", labels=("kind",))
        for kind in ("web", "worker"):
            alive.add_metric((kind,), sum(p.alive for p in self.seen.processes if p.kind == kind))
        yield alive
        up = GaugeMetricFamily("winnow_market_up", "Whether the market answers.", labels=("market",))
        balance = GaugeMetricFamily("winnow_market_balance_dollars", "Free money at the market.", labels=("market",))
        for market in self.seen.markets:
            up.add_metric((market.name,), float(market.reachable))
            if market.balance_cents is not None:
                balance.add_metric((market.name,), market.balance_cents / 100)
        yield up
        yield balance

    def _categories(self) -> Iterator[Metric]:
        images = GaugeMetricFamily("winnow_images", "Candidates by state.", labels=("category", "state"))
        spent = CounterMetricFamily("winnow_spent_dollars", "Money paid, fees included.", labels=("category",))
        committed = GaugeMetricFamily(
            "winnow_committed_dollars", "Money promised to work that is out.", labels=("category",)
        )
        budget = GaugeMetricFamily("winnow_budget_dollars", "What may be spent.", labels=("category",))
        answers = CounterMetricFamily("winnow_answers", "Answers to asked images.", labels=("category",))
        for document in self.categories:
            slug = document["_id"]
            for state, n in document["counts"].items():
                images.add_metric((slug, state), n)
            spent.add_metric((slug,), document["money"]["spent_cents"] / 100)
            committed.add_metric((slug,), document["money"]["committed_cents"] / 100)
            budget.add_metric((slug,), document["category"]["policy"]["budget_cents"] / 100)
            answers.add_metric((slug,), document["submissions"]["answers"])
        hits = GaugeMetricFamily("winnow_open_hits", "HITs that are out.", labels=("category",))
        people = GaugeMetricFamily("winnow_people_at_work", "People who work on a HIT now.", labels=("category",))
        for loop in self.seen.loops:
            hits.add_metric((loop.slug,), loop.hits)
            people.add_metric((loop.slug,), loop.people)
        yield from (images, spent, committed, budget, answers, hits, people)

    def _scrapes(self) -> Iterator[Metric]:
        rate = GaugeMetricFamily(
            "winnow_scrape_images_per_second", "Images that searches decide on now.", labels=("category",)
        )
        for category in sorted({scrape.category for scrape in self.seen.scrapes}):
            mine = (scrape.images_per_s for scrape in self.seen.scrapes if scrape.category == category)
            rate.add_metric((category,), sum(mine))
        yield rate


async def exposition(w: Winnow, requests: Requests, accept: str) -> tuple[bytes, str]:
    """The measurements as text and its media type: OpenMetrics where it is asked for, else Prometheus' own format."""
    state = _State(
        await monitoring.look(w),
        await w.store.jobs.all_runs(),
        await w.store.categories.all(),
        await w.store.jobs.numbers(),
    )
    registry = CollectorRegistry()
    registry.register(state)
    if OPEN_METRICS in accept:
        parts: list[bytes] = [open_metrics(one) for one in (requests.registry, registry)]  # type: ignore[no-untyped-call]
        return parts[0].removesuffix(b"# EOF\n") + parts[1], CONTENT_TYPE_LATEST
    return generate_latest(requests.registry) + generate_latest(registry), "text/plain; version=0.0.4; charset=utf-8"
