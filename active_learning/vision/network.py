"""A small network on stored features, trained by gradient descent: a committee that checks itself.

Four networks train side by side. Each leaves out a quarter of the answers: those tell when to stop, and give every
answered image a logit from a network that has not seen its answer. The score is the mean of the four.
"""

from dataclasses import dataclass

import torch
from torch.nn import functional

from active_learning.vision.checkpoints import State
from active_learning.vision.examples import Examples, Fit, Source, deal
from active_learning.vision.stopping import Up

NETWORKS = 4
HIDDEN = 64
DROPOUT = 0.3
BATCH = 128
EPOCHS = 60
MOST_STEPS = 40  # in one epoch: more answers lengthen an epoch only so far
RATE, DECAY = 2e-3, 1e-2
SMOOTHING = 0.05  # of the answers, shared between yes and no: no single one can pull without bound
CHECKPOINTS = 10
PASSES = 16

# Consistency with a mean teacher (Tarvainen & Valpola 2017), on what it is sure of (FixMatch, Sohn et al. 2020)
MEMORY = 0.98  # of the teacher's mean over the steps
SURE = 0.95
PULL = 0.5
BLUR = 0.2  # share of an unlabeled image's features that the student does not see

Weights = tuple[torch.Tensor, ...]


class Network:
    """One hidden layer, dropout, AdamW; rare answers weigh more, unlabeled images count through a mean teacher."""

    def fit(self, examples: Examples, generator: torch.Generator) -> Fit:
        """The state holds the checkpoints [K, networks, ...] of up to 10 epochs, first to last, and the scaling."""
        centre = examples.features.mean(dim=0)
        scale = examples.features.sub(centre).square().mean().sqrt().clamp(min=1e-12)
        training = _Training.begin(examples, centre, scale, generator)
        stop, kept, history, losses = Up(), [training.copied()], [], []
        for epoch in range(1, EPOCHS + 1):
            history.append(training.epoch())
            losses.append(training.held_out_loss())
            kept.append(training.copied())
            if stop.after(epoch, losses[-1]):
                break
        epochs = spaced(len(history), CHECKPOINTS)
        names = ("first", "first_bias", "second", "second_bias")
        state = {name: torch.stack([kept[epoch][part] for epoch in epochs]) for part, name in enumerate(names)}
        state |= {"centre": centre, "scale": scale}
        held_out = torch.empty_like(examples.answers)
        everywhere = _outputs(kept[-1], training.inputs)
        for network, fold in enumerate(training.folds):
            held_out[fold] = everywhere[network, fold].double()
        return Fit(state, history, held_out)

    def logits(self, state: State, features: torch.Tensor) -> torch.Tensor:
        """Features [N, D] -> [N]: the mean of the networks as they were last."""
        return self._committee(state, features)[:, -1]

    def members(self, state: State, features: torch.Tensor, source: Source) -> torch.Tensor:
        """Features [N, D] -> [N, K] checkpoints, each the mean of the networks; or [N, 16] passes with dropout.

        A pass drops the same hidden units for every image, so a member is one function, whatever the batches.
        """
        if source == "checkpoints":
            return self._committee(state, features)
        inputs = _scaled(features, state["centre"], state["scale"])
        last = _checkpoint(state, -1)
        generator = torch.Generator().manual_seed(0)
        passes = []
        for turn in range(PASSES):
            kept = (torch.rand(HIDDEN, generator=generator) >= DROPOUT) / (1 - DROPOUT)
            passes.append(_outputs(last, inputs, kept)[turn % NETWORKS])
        return torch.stack(passes, dim=1).double()

    def _committee(self, state: State, features: torch.Tensor) -> torch.Tensor:
        inputs = _scaled(features, state["centre"], state["scale"])
        means = [_outputs(_checkpoint(state, at), inputs).mean(dim=0) for at in range(len(state["first"]))]
        return torch.stack(means, dim=1).double()


def spaced(last: int, count: int) -> list[int]:
    """The sorted distinct whole numbers of ``count`` evenly spaced ones from 1 to ``last``, as the study has it."""
    return sorted({int(value) for value in torch.linspace(1, last, count, dtype=torch.float64).tolist()})


@dataclass
class _Training:
    """The networks as they learn."""

    inputs: torch.Tensor
    wanted: torch.Tensor
    weights: torch.Tensor
    unlabeled: torch.Tensor
    folds: list[torch.Tensor]
    seen: list[torch.Tensor]
    networks: Weights
    teacher: Weights
    optimiser: torch.optim.Optimizer
    generator: torch.Generator

    @classmethod
    def begin(
        cls, examples: Examples, centre: torch.Tensor, scale: torch.Tensor, generator: torch.Generator
    ) -> "_Training":
        answers = examples.answers
        folds = deal(answers, NETWORKS, generator)
        everything = torch.arange(len(answers))
        seen = [everything[~torch.isin(everything, fold)] for fold in folds]
        share = answers.mean().clamp(0.001, 0.999)
        # The root of what would balance yes and no: all of it makes a rare answer's every error the model's.
        rarity = torch.where(answers > 0.5, 0.5 / share, 0.5 / (1 - share)).sqrt()
        size = examples.features.shape[1]
        networks = tuple(
            torch.nn.Parameter((2 * torch.rand(shape, generator=generator) - 1) * bound)
            for shape, bound in (
                ((NETWORKS, size, HIDDEN), size**-0.5),
                ((NETWORKS, 1, HIDDEN), size**-0.5),
                ((NETWORKS, HIDDEN, 1), HIDDEN**-0.5),
                ((NETWORKS, 1, 1), HIDDEN**-0.5),
            )
        )
        return cls(
            _scaled(examples.features, centre, scale),
            (answers * (1 - SMOOTHING) + SMOOTHING / 2).float(),
            (examples.importance * rarity).float(),
            _scaled(examples.unlabeled, centre, scale),
            folds,
            [rows if len(rows) else everything for rows in seen],
            networks,
            tuple(part.detach().clone() for part in networks),
            torch.optim.AdamW(networks, lr=RATE, weight_decay=DECAY),
            generator,
        )

    def epoch(self) -> float:
        """Every network passes once over a shuffle of its answers, or over as many as the steps allow."""
        shuffles = [rows[torch.randperm(len(rows), generator=self.generator)] for rows in self.seen]
        shortest = min(len(rows) for rows in shuffles)
        total, steps = 0.0, 0
        for start in range(0, min(shortest, MOST_STEPS * BATCH), BATCH):
            rows = torch.stack([shuffle[:shortest][start : start + BATCH] for shuffle in shuffles])
            loss = self._labeled_loss(rows)
            total, steps = total + float(loss.detach()), steps + 1
            if len(self.unlabeled):
                loss = loss + PULL * self._unlabeled_loss()
            self.optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            self.optimiser.step()
            with torch.no_grad():
                for mean, part in zip(self.teacher, self.networks, strict=True):
                    mean.lerp_(part, 1 - MEMORY)
        return total / steps

    @torch.no_grad()
    def held_out_loss(self) -> float:
        """The mean loss on the answers that each network leaves out."""
        outputs = _outputs(self.networks, self.inputs)
        total = torch.zeros(())
        for network, fold in enumerate(self.folds):
            losses = functional.binary_cross_entropy_with_logits(
                outputs[network, fold], self.wanted[fold], reduction="none"
            )
            total += self.weights[fold] @ losses
        return float(total / self.weights.sum())

    def copied(self) -> Weights:
        """The weights now."""
        return tuple(part.detach().clone() for part in self.networks)

    def _labeled_loss(self, rows: torch.Tensor) -> torch.Tensor:
        outputs = _outputs(self.networks, self.inputs[rows], self._dropout(rows.shape[1]))
        losses = functional.binary_cross_entropy_with_logits(outputs, self.wanted[rows], reduction="none")
        weights = self.weights[rows]
        # The sum over the networks of each one's weighted mean: they do not touch each other.
        return ((weights * losses).sum(dim=1) / weights.sum(dim=1)).sum()

    def _unlabeled_loss(self) -> torch.Tensor:
        """Where the teacher is sure, the student should say the same of the image half hidden."""
        rows = torch.randint(len(self.unlabeled), (BATCH,), generator=self.generator)
        images = self.unlabeled[rows]
        with torch.no_grad():
            chance = torch.sigmoid(_outputs(self.teacher, images))
            said, sure = (chance > 0.5).float(), (torch.maximum(chance, 1 - chance) >= SURE).float()
        hidden = images * (torch.rand(images.shape, generator=self.generator) >= BLUR)
        outputs = _outputs(self.networks, hidden, self._dropout(BATCH))
        losses = functional.binary_cross_entropy_with_logits(outputs, said, reduction="none")
        return (sure * losses).mean(dim=1).sum()

    def _dropout(self, batch: int) -> torch.Tensor:
        return (torch.rand(NETWORKS, batch, HIDDEN, generator=self.generator) >= DROPOUT) / (1 - DROPOUT)


def _outputs(weights: Weights, inputs: torch.Tensor, kept: torch.Tensor | None = None) -> torch.Tensor:
    """Inputs [N, D], or [networks, N, D], -> logits [networks, N]; ``kept`` multiplies the hidden units."""
    first, first_bias, second, second_bias = weights
    hidden = (inputs @ first + first_bias).relu()
    if kept is not None:
        hidden = hidden * kept
    return (hidden @ second + second_bias)[..., 0]


def _scaled(features: torch.Tensor, centre: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    return ((features - centre) / scale).float()


def _checkpoint(state: State, at: int) -> Weights:
    return tuple(state[name][at] for name in ("first", "first_bias", "second", "second_bias"))
