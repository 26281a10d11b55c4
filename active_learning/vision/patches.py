"""Features learned from the pool: one layer of whitened patches (Coates, Lee & Ng 2011)."""

import torch
from torch.nn import functional

from active_learning.vision.checkpoints import State

WIDTH = 6  # of a patch, in pixels
ATOMS = 256
SAMPLES = 30_000  # patches that the dictionary is learned from
ROUNDS = 8
WHITENING = 0.1  # added to the eigenvalues; keeps noise directions from being blown up
CONTRAST = 10 / 255**2  # added to a patch's variance; keeps flat patches flat
THRESHOLD = 0.5
POOL = 3  # the image is summed up in 3 x 3 regions
CHUNK = 5_000


def learn_patches(images: torch.Tensor, generator: torch.Generator) -> State:
    """Unlabeled images [N, C, S, S] -> filters [C * 36, 256] and bias [256] that ``encode_patches`` applies."""
    raw = _sample(images, generator)
    patches = _normalise(raw)
    mean = patches.mean(dim=0)
    centred = patches - mean
    values, vectors = torch.linalg.eigh((centred.T @ centred / len(centred)).double())
    whitening = ((vectors / (values.clamp(min=0) + WHITENING).sqrt()) @ vectors.T).float()
    filters = whitening @ _dictionary(centred @ whitening, generator).T
    # What every atom likes says nothing: only what stands out of the mean over the atoms passes the threshold.
    filters -= filters.mean(dim=1, keepdim=True)
    return {"filters": filters, "bias": -(mean @ filters) - THRESHOLD}


def encode_patches(images: torch.Tensor, state: State) -> torch.Tensor:
    """Images [N, C, S, S] -> [N, 2304], the square root of the atoms' mean activity in 3 x 3 regions."""
    stride = max(1, images.shape[-1] // 16)
    patches = functional.unfold(images, WIDTH, stride=stride).transpose(1, 2)
    activity = (_normalise(patches).flatten(0, 1) @ state["filters"]).add_(state["bias"]).relu_()
    regions = _regions(round(patches.shape[1] ** 0.5))
    return (regions @ activity.view(len(images), regions.shape[1], ATOMS)).flatten(1).sqrt_()


def _regions(places: int) -> torch.Tensor:
    """The matrix [POOL * POOL, places * places] that averages a grid of places over its regions."""
    grid = torch.eye(places * places).view(places * places, places, places)
    return functional.adaptive_avg_pool2d(grid, POOL).flatten(1).T


def _normalise(patches: torch.Tensor) -> torch.Tensor:
    """Take away each patch's brightness and contrast."""
    centred = patches - patches.mean(dim=-1, keepdim=True)
    return centred * (centred.square().mean(dim=-1, keepdim=True) + CONTRAST).rsqrt()


def _sample(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Patches at random places -> [SAMPLES, C * WIDTH * WIDTH], in the layout of ``unfold``."""
    count, channels, side, _ = images.shape
    which = torch.randint(count, (SAMPLES,), generator=generator)
    top = torch.randint(side - WIDTH + 1, (SAMPLES,), generator=generator)
    left = torch.randint(side - WIDTH + 1, (SAMPLES,), generator=generator)
    span = torch.arange(WIDTH)
    rows, columns = (top[:, None] + span)[:, :, None], (left[:, None] + span)[:, None, :]
    patches = images[which[:, None, None], :, rows, columns]  # [SAMPLES, WIDTH, WIDTH, C]
    return patches.permute(0, 3, 1, 2).reshape(SAMPLES, channels * WIDTH * WIDTH)


def _dictionary(points: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Spherical k-means, signs ignored: points [P, D] -> unit atoms [ATOMS, D]."""
    atoms = functional.normalize(points[torch.randperm(len(points), generator=generator)[:ATOMS]])
    for _ in range(ROUNDS):
        sums = torch.zeros_like(atoms)
        for chunk in torch.split(points, CHUNK):
            likeness = chunk @ atoms.T
            nearest = likeness.abs().argmax(dim=1)
            sums.index_add_(0, nearest, chunk * likeness.gather(1, nearest[:, None]))
        empty = sums.norm(dim=1) < 1e-6
        sums[empty] = points[torch.randint(len(points), (int(empty.sum()),), generator=generator)]
        atoms = functional.normalize(sums)
    return atoms
