"""The default head: a radial basis network with large margins that bends along the unlabeled pool."""

import torch

from active_learning.vision.checkpoints import State
from active_learning.vision.examples import MEMBERS, PLACES, Examples, Fit, Source
from active_learning.vision.margin import fit_margin

CENTRES = 1_000
NODES = 1_500  # of the neighbour graph: labeled images, filled up with unlabeled ones
NEIGHBOURS = 10
RIDGE = 0.15  # reached when answers are many; a few are followed more closely, and the graph carries them on
FEW = 500  # answers at which the ridge has half its strength
SMOOTHNESS = 0.1  # divided by the number of answers: the more people said, the less the graph is asked
JITTER = 1e-6


class Kernel:
    """Gaussian kernel, squared hinge loss, and a graph of neighbours as manifold regulariser.

    The graph (Belkin, Niyogi & Sindhwani 2006) joins near images of the pool, answered or not; scores that differ
    between neighbours cost. At most 1,000 centres carry the function (Nystroem), so its cost stays bounded.
    """

    def fit(self, examples: Examples, generator: torch.Generator) -> Fit:
        """The state holds centres [C, D], their weights [C], the bias, the kernel's width, and drawn weights [C, M]."""
        order = torch.randperm(len(examples.features), generator=generator)
        labeled, unlabeled = examples.features[order], examples.unlabeled
        others = unlabeled[torch.randperm(len(unlabeled), generator=generator)]
        nodes = torch.cat([labeled[:NODES], others[: max(0, NODES - len(labeled))]])
        centres = nodes[:CENTRES]
        width = torch.cdist(nodes, nodes).square().mean().clamp(min=1e-12) / 2
        gram = _gaussian(centres, centres, width)
        factor = torch.linalg.cholesky(gram + JITTER * torch.eye(len(centres), dtype=gram.dtype))
        ridge = RIDGE * len(labeled) / (len(labeled) + FEW)
        penalty = ridge * torch.eye(len(centres), dtype=gram.dtype)
        if len(nodes) > NEIGHBOURS:
            mapped = _mapped(nodes, centres, width, factor)
            penalty += SMOOTHNESS / len(labeled) * (mapped.T @ _laplacian(nodes) @ mapped)
        inputs = _mapped(labeled, centres, width, factor)
        # A labeled image is a centre too; a fit that has not seen it may not use its centre either.
        own = torch.linalg.solve_triangular(factor, torch.eye(len(centres), dtype=gram.dtype), upper=False).T
        fitted = fit_margin(
            inputs, examples.answers[order], penalty, examples.importance[order], generator, own[: len(labeled)]
        )
        places = _mapped((others if len(others) else labeled)[:PLACES], centres, width, factor)
        drawn, biases = fitted.draws(MEMBERS, places, generator)
        weights = torch.cat([fitted.weights[:, None], drawn], dim=1)
        spread = torch.linalg.solve_triangular(factor.T, weights, upper=True)
        state = {
            "centres": centres.float(),
            "weights": spread[:, 0].clone(),
            "bias": fitted.bias,
            "width": width,
            "drawn_weights": spread[:, 1:].clone(),
            "drawn_biases": biases,
        }
        return Fit(state, fitted.history, fitted.held_out[torch.argsort(order)])

    def logits(self, state: State, features: torch.Tensor) -> torch.Tensor:
        """Features [N, D] -> [N], the value of the function: +1 and -1 are the margins."""
        likeness = _gaussian(features, state["centres"].double(), state["width"])
        return likeness @ state["weights"] + state["bias"]

    def members(self, state: State, features: torch.Tensor, source: Source) -> torch.Tensor:
        """Features [N, D] -> [N, 10], the value of each drawn function, whatever the source."""
        likeness = _gaussian(features, state["centres"].double(), state["width"])
        return likeness @ state["drawn_weights"] + state["drawn_biases"]


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
