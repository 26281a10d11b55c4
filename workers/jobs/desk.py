"""What a job's runner works with."""

from dataclasses import dataclass

from api.operations.context import Winnow
from workers.market.protocol import Marketplace
from workers.ray_runtime import RayRuntime


@dataclass(frozen=True)
class Desk:
    """The store, the market and the heavy machinery."""

    winnow: Winnow
    market: Marketplace
    heavy: RayRuntime
