"""Heads: features and people's answers -> a scorer. Trained anew each round, in about a second."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch

from active_learning.domain.errors import InputError
from active_learning.vision.calibration import as_in_pool, calibrated, fit_calibration
from active_learning.vision.checkpoints import State, pack, unpack
from active_learning.vision.examples import Examples, Fit, Source
from active_learning.vision.kernel import Kernel
from active_learning.vision.linear import Linear
from active_learning.vision.network import Network

Features = npt.NDArray[np.float32]
Scores = npt.NDArray[np.float32]
Answers = npt.NDArray[np.bool_]

CHUNK = 4_096  # images scored at a time


@dataclass(frozen=True)
class TrainedHead:
    """A head's checkpoint, with its mean loss on the answers: the last one, and one for each step of training.

    ``out_of_fold`` [N]: the calibrated P(yes) that each answered image gets from a fit without its own answer.
    """

    state: bytes
    loss: float
    history: list[float]
    out_of_fold: Scores


class Head(Protocol):
    """Fits a scorer. Its logits are unbounded, larger for yes; calibration makes probabilities of them."""

    def fit(self, examples: Examples, generator: torch.Generator) -> Fit:
        """Examples -> the state, the loss after each step, and held-out logits."""
        ...

    def logits(self, state: State, features: torch.Tensor) -> torch.Tensor:
        """Features [N, D] float64 -> [N] float64."""
        ...

    def members(self, state: State, features: torch.Tensor, source: Source) -> torch.Tensor:
        """Features [N, D] float64 -> [N, M] float64: the logits of a committee."""
        ...


HEADS: Mapping[str, Head] = {"kernel": Kernel(), "linear": Linear(), "network": Network()}


def train_head(
    name: str,
    features: Features,
    answers: Answers,
    unlabeled: Features,
    seed: int,
    certainty: Scores | None = None,
) -> TrainedHead:
    """Fit head ``name`` on features [N, D] with answers [N] (True is yes) and the pool's features [M, D], M may be 0.

    ``certainty`` [N] is P(answer is right), as consensus found it; left out, every answer is taken as right. The same
    input and seed give the same bytes. Raises InputError: unknown name, lengths that differ, values that are not
    finite, or answers of one kind only.
    """
    head = _head(name)
    _check(features, answers, unlabeled, certainty)
    pool = torch.tensor(unlabeled.reshape(len(unlabeled), features.shape[1]), dtype=torch.float64)
    examples = Examples(
        torch.tensor(features, dtype=torch.float64),
        torch.tensor(answers, dtype=torch.float64),
        _importance(answers, certainty),
        pool,
    )
    fitted = head.fit(examples, torch.Generator().manual_seed(seed))
    with torch.inference_mode():
        logits = [head.logits(fitted.state, chunk) for chunk in torch.split(pool, CHUNK) if len(chunk)]
    spread = as_in_pool(fitted.held_out, torch.cat(logits) if logits else pool[:, 0])
    calibration = fit_calibration(fitted.held_out, examples.answers, examples.importance * spread)
    state = fitted.state | {"calibration": calibration, "length": torch.tensor(features.shape[1])}
    out_of_fold = calibrated(fitted.held_out, calibration).numpy().astype(np.float32)
    return TrainedHead(pack(f"head {name}", state), fitted.history[-1], fitted.history, out_of_fold)


def score(name: str, state: bytes, features: Features) -> Scores:
    """Features [N, D] -> probability of yes, float32 [N] in (0, 1). Raises InputError for a checkpoint that misfits."""
    head, tensors = _head(name), _tensors(name, state, features)
    with torch.inference_mode():
        chunks = [calibrated(head.logits(tensors, chunk), tensors["calibration"]) for chunk in _chunks(features)]
    return np.empty(0, dtype=np.float32) if not chunks else torch.cat(chunks).numpy().astype(np.float32)


def members(name: str, state: bytes, features: Features, source: Source = "checkpoints") -> Scores:
    """Features [N, D] -> the probabilities of yes that a committee of M gives, float32 [N, M] in (0, 1).

    The network's members are checkpoints of its training or passes with dropout; kernel and linear heads, which have
    neither, draw theirs from what the answers leave possible (Laplace's approximation). Where the members disagree,
    another answer would teach. Raises InputError as ``score`` does.
    """
    head, tensors = _head(name), _tensors(name, state, features)
    with torch.inference_mode():
        chunks = [
            calibrated(head.members(tensors, chunk, source), tensors["calibration"]) for chunk in _chunks(features)
        ]
    return np.empty((0, 0), dtype=np.float32) if not chunks else torch.cat(chunks).numpy().astype(np.float32)


def _check(features: Features, answers: Answers, unlabeled: Features, certainty: Scores | None) -> None:
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
    if certainty is not None and not (certainty.shape == answers.shape and np.all((certainty >= 0) & (certainty <= 1))):
        raise InputError("The certainty of answers is one number from 0 to 1 for each of them.")


def _importance(answers: Answers, certainty: Scores | None) -> torch.Tensor:
    """What each answer weighs [N]: 2c - 1, the share by which right outweighs wrong.

    An answer as likely wrong as right says next to nothing: a hundredth, so that no kind is left without weight.
    """
    if certainty is None:
        return torch.ones(len(answers), dtype=torch.float64)
    weights = np.clip(2.0 * certainty.astype(np.float64) - 1.0, 0.01, 1.0)
    return torch.from_numpy(weights)


def _tensors(name: str, state: bytes, features: Features) -> State:
    tensors = unpack(f"head {name}", state)
    if features.ndim != 2 or (len(features) and features.shape[1] != int(tensors["length"])):
        raise InputError(
            f"This head reads features of length {int(tensors['length'])}, not of shape {features.shape}.",
            "Embed the images with the backbone that the head was trained on.",
        )
    return tensors


def _chunks(features: Features) -> list[torch.Tensor]:
    """As float64, a few thousand rows at a time."""
    return [torch.tensor(features[at : at + CHUNK], dtype=torch.float64) for at in range(0, len(features), CHUNK)]


def _head(name: str) -> Head:
    if name not in HEADS:
        raise InputError(f"There is no head '{name}'.", f"Choose one of: {', '.join(HEADS)}.")
    return HEADS[name]
