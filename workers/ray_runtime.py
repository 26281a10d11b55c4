"""The only home of Ray. A task gets a key range, opens the store itself, reads and writes its own part."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import ray

from api.operations import modelling
from api.operations.context import open_winnow
from api.settings import Settings

Step = Callable[..., Awaitable[Any]]

STEPS: Mapping[str, Step] = {
    "prepare_backbone": modelling.prepare_backbone,
    "embed_range": modelling.embed_range,
    "train": modelling.train,
    "score_range": modelling.score_range,
}
"""Everything that runs inside Ray, by name: a name travels to a node, a function would drag its closure along."""


def run_step(settings: Settings, name: str, args: tuple[Any, ...]) -> Any:
    """What a Ray task does: open the store, run one step, close."""

    async def work() -> Any:
        async with open_winnow(settings) as w:
            return await STEPS[name](w, *args)

    return asyncio.run(work())


class RayRuntime:
    """Starts Ray at the first heavy step: on this machine, or on the cluster that ``RAY_ADDRESS`` names."""

    def __init__(self, settings: Settings, cpus: int | None = None) -> None:
        self.settings = settings
        self._cpus = cpus
        self._lock = asyncio.Lock()

    async def run(self, name: str, *args: Any) -> Any:
        """Run one step and wait for its result."""
        return (await self.map(name, [args]))[0]

    async def map(self, name: str, many: Sequence[tuple[Any, ...]]) -> list[Any]:
        """Run a step once for each argument tuple. A lost node's tasks run again elsewhere (steps are idempotent)."""
        await self._start()
        task = ray.remote(max_retries=3)(run_step)
        pending = [task.remote(self.settings, name, args) for args in many]
        return list(await asyncio.gather(*pending))

    async def close(self) -> None:
        """Leave the cluster, or stop the local one."""
        if ray.is_initialized():
            await asyncio.to_thread(ray.shutdown)

    async def _start(self) -> None:
        async with self._lock:
            if not ray.is_initialized():
                await asyncio.to_thread(self._init)

    def _init(self) -> None:
        # A Ray of one's own talks to itself over loopback, whatever the machine's network is; a token guards its ports.
        local: dict[str, Any] = {
            "num_cpus": self._cpus,
            "include_dashboard": False,
            "object_store_memory": 200 << 20,
            "_node_ip_address": "127.0.0.1",
        }
        where = {"address": self.settings.ray_address} if self.settings.ray_address else local
        ray.init(log_to_driver=False, logging_level=logging.ERROR, configure_logging=False, **where)
