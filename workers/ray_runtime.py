"""The only home of Ray. A task gets a key range, opens the store itself, reads and writes its own part."""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any, Protocol

import ray
import uvloop

from api.operations import auditing, cutting, designing, likeness, model_reports, modelling, scoring, selecting
from api.operations.context import Winnow, open_winnow
from api.operations.spreading import Spread, Step
from api.settings import Settings

STEPS: Mapping[str, Step] = {
    "prepare_backbone": modelling.prepare_backbone,
    "embed_range": modelling.embed_range,
    "train": modelling.train,
    "score_range": scoring.score_range,
    "shortlist_range": selecting.shortlist_range,
    "histogram_range": designing.histogram_range,
    "smallest_range": designing.smallest_range,
    "join_range": designing.join_range,
    "count_range": cutting.count_range,
    "decide_range": cutting.decide_range,
    "withdraw_range": auditing.withdraw_range,
    "describe_range": model_reports.describe_range,
    "nearest_range": likeness.nearest_range,
}
"""Everything that runs inside Ray, by name: a name travels to a node, a function would drag its closure along."""

NAMES: Mapping[Step, str] = {step: name for name, step in STEPS.items()}

RETRIES = 3
"""How often a task runs again after the loss of its node or process. An error of its own is not tried again here."""

CREW_CPUS = 0.25
"""What an actor of a crew takes of a processor, by Ray's counting: downloads of days leave room for tasks."""

AHEAD = 4
"""Tasks in flight for each processor: enough that none is idle, few enough that a cancelled job leaves little."""

Progress = Callable[[str, int, int], Awaitable[None]]
"""``progress(step, done, total)``, after each result."""


class Member(Protocol):
    """What a crew is made of: a class without arguments, whose module loads no more than it needs."""

    def run(self, settings: Settings, *args: Any) -> None:
        """Do a share of the work, until there is none."""


class _Process:
    """One of Ray's worker processes: its loop and its connections outlive a task, for opening costs as much as one."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
        self._stack = AsyncExitStack()
        self._open: dict[Settings, Winnow] = {}

    def run(self, settings: Settings, name: str, args: tuple[Any, ...]) -> Any:
        """Run one step to its end."""
        return self._runner.run(self._step(settings, name, args))

    async def _step(self, settings: Settings, name: str, args: tuple[Any, ...]) -> Any:
        if settings not in self._open:
            self._open[settings] = await self._stack.enter_async_context(open_winnow(settings))
        return await STEPS[name](self._open[settings], *args)


_PROCESS: list[_Process] = []


def run_step(settings: Settings, name: str, *args: Any) -> Any:
    """What a Ray task does."""
    if not _PROCESS:
        _PROCESS.append(_Process())
    return _PROCESS[0].run(settings, name, args)


def _shared(many: Sequence[tuple[Any, ...]]) -> dict[int, Any]:
    """What all tasks are given alike goes to Ray's object store once: ``id`` of the object -> its reference."""
    if len(many) < 2:
        return {}
    pairs = zip(many[0], many[-1], strict=True)
    return {id(one): ray.put(one) for one, other in pairs if one is other and not isinstance(one, str | int)}


class RayRuntime:
    """Starts Ray at the first heavy step: on this machine, or on the cluster that ``RAY_ADDRESS`` names."""

    def __init__(self, settings: Settings, cpus: int | None = None) -> None:
        self.settings = settings
        self._cpus = cpus
        self._lock = asyncio.Lock()

    async def run(self, name: str, *args: Any) -> Any:
        """Run one step and wait for its result."""
        (result,) = [result async for result in self.stream(name, [args])]
        return result

    async def stream(
        self, name: str, many: Sequence[tuple[Any, ...]], progress: Progress | None = None
    ) -> AsyncIterator[Any]:
        """Run a step once for each argument tuple; yields the results in the order of ``many``.

        At most ``AHEAD`` tasks a processor are in flight, results that wait to be asked for among them. A lost node's
        tasks run again elsewhere (steps are idempotent). Whoever stops asking, or is cancelled, cancels what is in
        flight.
        """
        await self._start()
        task = ray.remote(max_retries=RETRIES)(run_step)
        shared = _shared(many)
        flying: deque[Any] = deque()
        sent = 0
        try:
            for done in range(len(many)):
                room = await asyncio.to_thread(self._room)
                for args in many[sent : done + room]:
                    flying.append(task.remote(self.settings, name, *(shared.get(id(arg), arg) for arg in args)))
                sent = done + len(flying)
                result = await flying[0]
                flying.popleft()
                if progress is not None:
                    await progress(name, done + 1, len(many))
                yield result
        finally:
            for reference in flying:
                ray.cancel(reference)

    async def crew(self, member: type[Member], *args: Any) -> None:
        """Run one ``member`` for each processor of the cluster, side by side, until all have ended.

        They share out the work by themselves (leases in MongoDB). An actor that dies is started again, elsewhere if its
        node is gone, as often as it takes. Whoever is cancelled takes the actors with him.
        """
        await self._start()
        lasting: dict[str, Any] = {"max_restarts": -1, "max_task_retries": -1}
        actor: Any = ray.remote(num_cpus=CREW_CPUS, scheduling_strategy="SPREAD", **lasting)(member)
        actors = [actor.remote() for _ in range(await asyncio.to_thread(self._processors))]
        try:
            await asyncio.gather(*(one.run.remote(self.settings, *args) for one in actors))
        finally:
            for one in actors:
                ray.kill(one)

    def over(self, progress: Progress | None = None) -> Spread:
        """Spread steps over this Ray. A single range is not worth the way to another process: it is done here."""

        async def spread(w: Winnow, step: Step, many: Sequence[tuple[Any, ...]]) -> AsyncIterator[Any]:
            if len(many) == 1:
                yield await step(w, *many[0])
                return
            async for result in self.stream(NAMES[step], many, progress):
                yield result

        return spread

    async def close(self) -> None:
        """Leave the cluster, or stop the local one."""
        if ray.is_initialized():
            await asyncio.to_thread(ray.shutdown)

    @staticmethod
    def _room() -> int:
        return AHEAD * RayRuntime._processors()

    @staticmethod
    def _processors() -> int:
        resources: Mapping[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
        return max(1, int(resources.get("CPU", 1)))

    async def _start(self) -> None:
        async with self._lock:
            if not ray.is_initialized():
                await asyncio.to_thread(self._init)

    def _init(self) -> None:
        # A Ray of one's own talks to itself over loopback, whatever the machine's network is; a token guards its ports.
        # Without "local" Ray would join whatever cluster somebody else has started on this machine.
        local: dict[str, Any] = {
            "address": "local",
            "num_cpus": self._cpus,
            "include_dashboard": False,
            "object_store_memory": 200 << 20,
            "_node_ip_address": "127.0.0.1",
        }
        where = {"address": self.settings.ray_address} if self.settings.ray_address else local
        ray.init(log_to_driver=False, logging_level=logging.ERROR, configure_logging=False, **where)
