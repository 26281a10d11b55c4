"""Pretrained backbones through timm, an optional extra (``pip install winnow[backbones]``)."""

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch

from active_learning.domain.errors import InputError
from active_learning.vision.checkpoints import State
from active_learning.vision.decode import to_tensor
from active_learning.vision.projection import fit_projection, project

try:
    import timm
except ImportError:
    timm = None
except RuntimeError:
    # Beside a CPU build of torch, torchvision cannot register its operators and dies on import. Their bare schemas
    # are all that the image models need.
    _schemas = torch.library.Library("torchvision", "DEF")  # type: ignore[no-untyped-call]
    _schemas.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")  # type: ignore[no-untyped-call]
    _schemas.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")  # type: ignore[no-untyped-call]
    import timm

BATCH = 16


class Pretrained:
    """A timm model without its classifier, reduced to the pool's principal components.

    The checkpoint holds the SHA-256 of the model's weights, not the weights: every machine that embeds loads them
    by itself, from the file or from timm's own cache or download, and refuses others than those it was fitted with.
    """

    def fit(self, name: str, images: Sequence[bytes], generator: torch.Generator) -> State:
        """Load the model, then learn the projection from the pool's images."""
        model, digest = load_model(name)
        features = _forward(model, images)
        identity = {"name": _as_tensor(name.encode()), "weights": _as_tensor(digest)}
        return identity | fit_projection([features], [1.0], generator)

    def embed(self, state: State, images: Sequence[bytes]) -> torch.Tensor:
        """Images -> [N, at most 256]. Raises InputError when the weights differ from the fitted ones."""
        name = _as_bytes(state["name"]).decode()
        model, digest = load_model(name)
        if digest != _as_bytes(state["weights"]):
            raise InputError(
                f"The weights of '{name}' are not those that this backbone was fitted with.",
                "Put the old weights back, or fit the backbone again.",
            )
        return project([_forward(model, images)], state)


@lru_cache(maxsize=1)
def load_model(name: str) -> tuple[Any, bytes]:
    """Name, timm:<model> or timm:<model>@<file>, -> the model and the SHA-256 of its weights. Raises InputError."""
    if timm is None:
        raise InputError("Pretrained backbones need timm.", "Install it: pip install 'winnow[backbones]'.")
    model_name, _, file = name.removeprefix("timm:").partition("@")
    if file and not Path(file).is_file():
        raise InputError(f"There is no file of weights at {file}.", "Give the path of a .safetensors or .pth file.")
    overlay = {"file": file} if file else None
    try:
        model = timm.create_model(model_name, pretrained=True, num_classes=0, pretrained_cfg_overlay=overlay)
    except (RuntimeError, ValueError, OSError, KeyError) as error:
        hint = "Check the model's name and the network, or give a file: timm:<model>@<file>."
        raise InputError(f"timm cannot load '{name}': {error}", hint) from error
    digest = hashlib.sha256()
    for key, tensor in sorted(model.state_dict().items()):
        digest.update(key.encode())
        digest.update(tensor.contiguous().numpy().tobytes())
    return model.eval(), digest.digest()


def _forward(model: Any, images: Sequence[bytes]) -> torch.Tensor:
    """Images -> the model's pooled features [N, D], at the size and colour scale that it was trained with."""
    config = timm.data.resolve_model_data_config(model)
    mean, std = (torch.tensor(config[key]).view(1, -1, 1, 1) for key in ("mean", "std"))
    side = config["input_size"][-1]
    chunks = (images[at : at + BATCH] for at in range(0, len(images), BATCH))
    batches = [model((to_tensor(chunk, side, grey=False) - mean) / std) for chunk in chunks]
    return torch.cat(batches)


def _as_tensor(data: bytes) -> torch.Tensor:
    return torch.tensor(list(data), dtype=torch.uint8)


def _as_bytes(tensor: torch.Tensor) -> bytes:
    return bytes(tensor.tolist())
