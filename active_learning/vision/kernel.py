"""The default head: a radial basis network with large margins that bends along the unlabeled pool."""

import torch

from active_learning.vision.checkpoints import State
from active_learning.vision.margin import fit_margin

CENTRES = 1_000
NODES = 1_500  # of the neighbour graph: labeled images, filled up with unlabeled ones
NEIGHBOURS = 10
RIDGE = 0.01
SMOOTHNESS = 0.1  # divided by the number of answers: the more people said, the less the graph is asked
JITTER = 1e-6
SLOPE = 2.0  # an image on the margin scores 0.12 or 0.88


class Kernel:
    """Gaussian kernel, squared hinge loss, and a graph of neighbours as manifold regulariser.

    The graph (Belkin, Niyogi & Sindhwani 2006) joins near images of the pool, answered or not; scores that differ
    between neighbours cost. At most 1,000 centres carry the function (Nystroem), so its cost stays bounded.
    """

    def fit(
        self, features: torch.Tensor, answers: torch.Tensor, unlabeled: torch.Tensor, generator: torch.Generator
    ) -> tuple[State, list[float]]:
        """Returns centres [C, D], their weights [C], the bias, the kernel's width, and the loss after each step."""
        labeled = features[torch.randperm(len(features), generator=generator)]
        others = unlabeled[torch.randperm(len(unlabeled), generator=generator)]
        nodes = torch.cat([labeled[:NODES], others[: max(0, NODES - len(labeled))]])
        centres = nodes[:CENTRES]
        width = torch.cdist(nodes, nodes).square().mean().clamp(min=1e-12) / 2
        gram = _gaussian(centres, centres, width)
        factor = torch.linalg.cholesky(gram + JITTER * torch.eye(len(centres), dtype=gram.dtype))
        penalty = RIDGE * torch.eye(len(centres), dtype=gram.dtype)
        if len(nodes) > NEIGHBOURS:
            mapped = _mapped(nodes, centres, width, factor)
            penalty += SMOOTHNESS / len(features) * (mapped.T @ _laplacian(nodes) @ mapped)
        weights, bias, history = fit_margin(_mapped(features, centres, width, factor), answers, penalty)
        spread = torch.linalg.solve_triangular(factor.T, weights[:, None], upper=True)[:, 0]
        state = {"centres": centres.float(), "weights": spread, "bias": bias, "width": width}
        return state | {"length": torch.tensor(features.shape[1])}, history

    def logits(self, state: State, features: torch.Tensor) -> torch.Tensor:
        """Features [N, D] float64 -> [N] float64."""
        likeness = _gaussian(features, state["centres"].double(), state["width"])
        return SLOPE * (likeness @ state["weights"] + state["bias"])


def _gaussian(points: torch.Tensor, centres: torch.Tensor, width: torch.Tensor) -> torch.Tensor:
    return torch.exp(-torch.cdist(points, centres).square() / width)


def _mapped(points: torch.Tensor, centres: torch.Tensor, width: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
    """Coordinates [N, C] in which the kernel's norm is the plain one: a linear fit there is a kernel fit."""
    mapped: torch.Tensor = torch.linalg.solve_triangular(factor, _gaussian(points, centres, width).T, upper=False)
    return mapped.T


def _laplacian(nodes: torch.Tensor) -> torch.Tensor:
    """The normalised Laplacian [M, M] of the graph of nearest neighbours, weights scaled to each node's reach."""
    squared = torch.cdist(nodes, nodes).square()
    squared.fill_diagonal_(float("inf"))
    nearest, index = squared.topk(NEIGHBOURS, largest=False)
    reach = nearest[:, -1:].clamp(min=1e-12)
    graph = torch.zeros_like(squared).scatter_(1, index, torch.exp(-nearest / reach))
    graph = torch.maximum(graph, graph.T)
    degree = graph.sum(dim=1).clamp(min=1e-12).rsqrt()
    return torch.eye(len(nodes), dtype=graph.dtype) - degree[:, None] * graph * degree
