"""Heads: features and people's answers -> a scorer. Trained anew each round, in about a second."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch

from active_learning.domain.errors import InputError
from active_learning.vision.checkpoints import State, pack, unpack
from active_learning.vision.kernel import Kernel
from active_learning.vision.linear import Linear

Features = npt.NDArray[np.float32]
Scores = npt.NDArray[np.float32]
Answers = npt.NDArray[np.bool_]

CHUNK = 4_096  # images scored at a time


@dataclass(frozen=True)
class TrainedHead:
    """A head's checkpoint, with its mean loss on the answers: the last one, and one for each step of training."""

    state: bytes
    loss: float
    history: list[float]


class Head(Protocol):
    """Fits a scorer; ``logits`` are unbounded, above zero for yes."""

    def fit(
        self, features: torch.Tensor, answers: torch.Tensor, unlabeled: torch.Tensor, generator: torch.Generator
    ) -> tuple[State, list[float]]:
        """Features [N, D], answers [N] of 0 and 1, unlabeled [M, D] -> the state, and the loss after each step."""
        ...

    def logits(self, state: State, features: torch.Tensor) -> torch.Tensor:
        """Features [N, D] -> [N]."""
        ...


HEADS: Mapping[str, Head] = {"kernel": Kernel(), "linear": Linear()}


def train_head(name: str, features: Features, answers: Answers, unlabeled: Features, seed: int) -> TrainedHead:
    """Fit head ``name`` on features [N, D] with answers [N] (True is yes) and the pool's features [M, D], M may be 0.

    The same input and seed give the same bytes. Raises InputError: unknown name, lengths that differ, values that
    are not finite, or answers of one kind only.
    """
    head = _head(name)
    if features.ndim != 2 or answers.shape != (len(features),):
        raise InputError(f"{features.shape} features do not fit {answers.shape} answers.", "Give one answer a row.")
    if len(unlabeled) and unlabeled.shape[1:] != features.shape[1:]:
        raise InputError("Labeled and unlabeled features differ in length.", "Embed both with the same backbone.")
    if not (np.isfinite(features).all() and np.isfinite(unlabeled).all()):
        raise InputError("Some features are not finite numbers.", "Embed the images again.")
    yes = int(answers.sum())
    if yes == 0 or yes == len(answers):
        raise InputError(
            f"A model needs both answers; there are {yes} yes and {len(answers) - yes} no.",
            "Answer a few images of the missing kind first.",
        )
    pool = torch.tensor(unlabeled.reshape(len(unlabeled), features.shape[1]), dtype=torch.float64)
    generator = torch.Generator().manual_seed(seed)
    state, history = head.fit(
        torch.tensor(features, dtype=torch.float64), torch.tensor(answers, dtype=torch.float64), pool, generator
    )
    return TrainedHead(pack(f"head {name}", state), history[-1], history)


def score(name: str, state: bytes, features: Features) -> Scores:
    """Features [N, D] -> probability of yes, float32 [N] in (0, 1). Raises InputError for a checkpoint that misfits."""
    head = _head(name)
    tensors = unpack(f"head {name}", state)
    if features.ndim != 2 or (len(features) and features.shape[1] != int(tensors["length"])):
        raise InputError(
            f"This head reads features of length {int(tensors['length'])}, not of shape {features.shape}.",
            "Embed the images with the backbone that the head was trained on.",
        )
    with torch.inference_mode():
        logits = [
            head.logits(tensors, torch.tensor(features[at : at + CHUNK], dtype=torch.float64))
            for at in range(0, len(features), CHUNK)
        ]
    if not logits:
        return np.empty(0, dtype=np.float32)
    # Beyond +-12 float32 cannot tell a probability from 1.
    return np.asarray(torch.sigmoid(torch.cat(logits).clamp(-12, 12)).numpy(), dtype=np.float32)


def _head(name: str) -> Head:
    if name not in HEADS:
        raise InputError(f"There is no head '{name}'.", f"Choose one of: {', '.join(HEADS)}.")
    return HEADS[name]
