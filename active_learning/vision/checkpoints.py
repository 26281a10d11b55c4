"""Checkpoints: a flat dictionary of tensors as bytes. They hold no code, so reading one cannot run any."""

import hashlib
import io
import pickle
import zipfile

import torch

from active_learning.domain.errors import InputError

State = dict[str, torch.Tensor]


def pack(kind: str, tensors: State) -> bytes:
    """Tensors -> bytes, the same ones every time. ``kind`` goes along: a head is never read as a backbone."""
    stream = io.BytesIO()
    content = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in sorted(tensors.items())}
    torch.save({"kind": kind, "tensors": content}, stream)
    return stream.getvalue()


def unpack(kind: str, data: bytes) -> State:
    """Bytes made by ``pack`` -> tensors. Raises InputError for other bytes, or for a checkpoint of another kind."""
    hint = "Train the model again, or name the backbone and head that made this checkpoint."
    try:
        loaded = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except (RuntimeError, pickle.UnpicklingError, zipfile.BadZipFile, EOFError, ValueError) as error:
        raise InputError(f"These {len(data)} bytes are no checkpoint.", hint) from error
    if not isinstance(loaded, dict) or "tensors" not in loaded:
        raise InputError("This file holds no Winnow checkpoint.", hint)
    if loaded.get("kind") != kind:
        raise InputError(f"This checkpoint is of '{loaded.get('kind')}', not of '{kind}'.", hint)
    return dict(loaded["tensors"])


def checkpoint_id(data: bytes) -> str:
    """The SHA-256 of the bytes in hexadecimal: what a label names as the model that made it."""
    return hashlib.sha256(data).hexdigest()
