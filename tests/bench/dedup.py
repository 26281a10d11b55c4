"""Near-duplicates: recall on changed photos, false pairs, the exact join beside faiss; CPU time of an examination.

The photos are real ones beside the checkout. Times are CPU times of one thread, medians of interleaved runs.
"""

import io
import json
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance
from scipy.fft import dct

from active_learning.domain.errors import InputError
from active_learning.domain.intake import HASHED_SIDE, IntakePolicy
from scraper.forms import shape
from scraper.hashes import perceptual_hashes
from scraper.inspect import examine, inspect
from scraper.near import NearIndex, pairs
from tests.bench import peers, real
from tests.bench.photos import scene
from tests.bench.result import Benchmark, Row, median

RADIUS = IntakePolicy().near or 0
RECALL = 0.98
MILLION = 1_000_000
ALIKE = 0.85
"""Correlation of the pixels above which two pictures of CIFAR-10 do show the same: it holds such pairs."""

FAISS = "faiss-cpu==1.15.1"
FAISS_SCRIPT = Path(__file__).with_name("dedup_faiss.py")
FAISS_ASKED = 20_000
"""Hashes that faiss is asked for; its time is scaled to a million."""

Hashes = NDArray[np.uint64]


def saved(image: Image.Image, quality: int = 90) -> bytes:
    """As a JPEG."""
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality)
    return out.getvalue()


def scaled(image: Image.Image, factor: float) -> Image.Image:
    """In another size."""
    width, height = image.size
    return image.resize((round(width * factor), round(height * factor)), Image.Resampling.LANCZOS)


def cropped(image: Image.Image, left: float, top: float) -> Image.Image:
    """Without 2 % of its width and height, of which these shares are taken at the left and at the top."""
    (width, height), (across, down) = image.size, (round(side * 0.02) for side in image.size)
    x, y = round(left * across), round(top * down)
    return image.crop((x, y, x + width - across, y + height - down))


def changes() -> dict[str, Callable[[Image.Image], bytes]]:
    """What happens to pictures on their way through the web."""
    rng = np.random.default_rng(0)
    return {
        "re-encoded, quality 50": lambda image: saved(image, 50),
        "re-encoded, quality 75": lambda image: saved(image, 75),
        "half the size": lambda image: saved(scaled(image, 0.5)),
        "twice the size": lambda image: saved(scaled(image, 2)),
        "2 % cropped anywhere": lambda image: saved(cropped(image, rng.random(), rng.random())),
        "2 % cropped at one corner": lambda image: saved(cropped(image, 1, 1)),
        "15 % brighter": lambda image: saved(ImageEnhance.Brightness(image).enhance(1.15)),
    }


Pair = tuple[int, int]


def ours(data: bytes) -> Pair | None:
    """The two hashes that an image gets on its way into the pool."""
    examined = examine(data)
    return None if examined.phash is None or examined.fine is None else (examined.phash, examined.fine)


def usual(grey: Image.Image) -> int:
    """The DCT hash as imagehash.phash computes it: 32 x 32 pixels, the 8 x 8 lowest frequencies, their median."""
    pixels = np.asarray(grey.resize((32, 32), Image.Resampling.LANCZOS), dtype=float)
    low = dct(dct(pixels, axis=0), axis=1)[:8, :8]
    return int.from_bytes(np.packbits(low > np.median(low)).tobytes(), "big")


def theirs(data: bytes) -> int:
    """The usual hash of a file, every pixel decoded."""
    return usual(Image.open(io.BytesIO(data)).convert("L"))


def recalls(photos: list[bytes]) -> list[Row]:
    """For each change the share of photos whose changed copy is found to be a near-duplicate."""
    opened = [Image.open(io.BytesIO(data)).convert("RGB") for data in photos]
    rows = []
    for name, change in changes().items():
        copies = [(data, change(image)) for data, image in zip(photos, opened, strict=True)]
        copies = [(one, other) for one, other in copies if min(Image.open(io.BytesIO(other)).size) >= HASHED_SIDE]
        found = float(np.mean([near(ours(one), ours(other)) for one, other in copies]))
        peer = float(np.mean([(theirs(one) ^ theirs(other)).bit_count() <= RADIUS for one, other in copies]))
        rows.append(
            Row(
                name=f"dedup: {name}",
                what=f"{len(copies)} real photos of at least {HASHED_SIDE} pixels a side, Hamming radius {RADIUS}",
                unit="recall",
                ours=round(found, 4),
                peer={"name": "imagehash's formula", "value": round(peer, 4)},
                goal=0.99,
                runs=[found],
                limit=RECALL,
            )
        )
    return rows


def near(one: Pair | None, other: Pair | None) -> bool:
    """Whether an image is taken for a near-duplicate of another at the default radius."""
    return one is not None and other is not None and len(pairs(np.array([one, other], dtype=np.uint64), RADIUS)) == 1


def false_pairs(photos: list[bytes]) -> list[Row]:
    """Different pictures that would be taken for near-duplicates: among the photos, and among 10,000 of CIFAR-10."""
    hashes = np.array([ours(data) for data in photos], dtype=np.uint64)
    usual_hashes = np.array([theirs(data) for data in photos], dtype=np.uint64)
    grey = [Image.open(io.BytesIO(data)).convert("L").resize((32, 32), Image.Resampling.BOX) for data in photos]
    rows = [_false_row(f"{len(photos)} photos", np.array([np.asarray(one) for one in grey]), hashes, usual_hashes)]
    small = cifar10()
    if small is not None:
        mine = np.array([perceptual_hashes(one) for one in small], dtype=np.uint64)
        other = np.array([usual(Image.fromarray(one)) for one in small], dtype=np.uint64)
        rows.append(_false_row(f"{len(small):,} of CIFAR-10, 32 x 32", small, mine, other))
    return rows


def _false_row(name: str, grey: NDArray[np.uint8], hashes: Hashes, usual_hashes: Hashes) -> Row:
    flat = grey.reshape(len(grey), -1).astype(float)
    flat -= flat.mean(axis=1, keepdims=True)
    flat /= np.linalg.norm(flat, axis=1, keepdims=True)

    def wrong(values: Hashes) -> tuple[int, int]:
        found = pairs(values, RADIUS)
        alike = np.einsum("nd,nd->n", flat[found[:, 0]], flat[found[:, 1]]) >= ALIKE
        return int((~alike).sum()), int(alike.sum())

    (false, same), (peer_false, peer_same) = wrong(hashes), wrong(usual_hashes)
    return Row(
        name=f"dedup: false pairs, {name}",
        what=f"of {len(grey) * (len(grey) - 1) // 2:,} pairs; besides, {same} (peer: {peer_same}) do show the same: "
        f"their pixels correlate by at least {ALIKE}",
        unit="pairs",
        ours=false,
        peer={"name": "imagehash's formula (counted as 1 where it is 0)", "value": max(1, peer_false)},
        goal=1.0,
        runs=[false],
        less=True,
        limit=10,
    )


def cifar10() -> NDArray[np.uint8] | None:
    """The grey pictures of CIFAR-10's test half; ``None`` where the data are absent."""
    path = real.DATA / "cifar10" / "cifar10_jpeg.tar.xz"
    if not path.is_file():
        return None
    found = []
    with tarfile.open(path) as archive:
        for member in archive:
            file = archive.extractfile(member) if "/test/" in member.name else None
            if file is not None:
                found.append(np.asarray(Image.open(file).convert("L")))
    return np.array(found)


def many() -> Hashes:
    """A million hashes with half of their bits set; every tenth is another one with a few bits changed."""
    rng = np.random.default_rng(0)
    ranks = np.argsort(rng.random((MILLION // 8, 64), dtype=np.float32), axis=1) < 32
    some = np.packbits(ranks, axis=1).view(np.uint64)[:, 0]
    found = np.concatenate([some ^ np.uint64(mask) for mask in rng.integers(0, 2**63, 8)])
    copies = rng.choice(MILLION, MILLION // 10, replace=False)
    changed = found[rng.integers(0, MILLION, len(copies))]
    for _ in range(RADIUS + 4):
        bit = np.uint64(1) << rng.integers(0, 64, len(copies)).astype(np.uint64)
        changed = changed ^ np.where(rng.random(len(copies)) < 0.5, bit, np.uint64(0))
    found[copies] = changed
    return found


def timed(work: Callable[[], object]) -> float:
    """Seconds of this process's CPU time."""
    start = time.process_time()
    work()
    return time.process_time() - start


def join(hashes: Hashes) -> list[Row]:
    """All pairs of a million hashes, beside faiss's two exact indexes, whose answers are compared, and a plain scan."""
    found = pairs(hashes, RADIUS)
    runs = [round(timed(lambda: pairs(hashes, RADIUS)), 2) for _ in range(5)]
    scan = timed(lambda: [np.flatnonzero(np.bitwise_count(hashes ^ one) <= RADIUS) for one in hashes[:200]])
    others = {"numpy, one scan a hash, scaled": scan * MILLION / 200 / 2}
    try:
        others |= faiss(hashes, int((found < FAISS_ASKED).sum()))
        said = ""
    except RuntimeError as error:
        said = f"; faiss skipped: {str(error).splitlines()[-1][:120]}"
    return [
        Row(
            name="dedup: join of 10^6 hashes",
            what=f"all {len(found):,} pairs within {RADIUS}, exact, one thread{said}",
            unit="CPU s",
            ours=median(runs),
            peer={"name": peer, "value": round(spent, 2)},
            goal=1.0,
            runs=runs,
            less=True,
        )
        for peer, spent in others.items()
    ]


def faiss(hashes: Hashes, wanted: int) -> dict[str, float]:
    """Seconds of faiss for the same; its number of matches of the first hashes has to be ``wanted``.

    Raises ``RuntimeError`` where it cannot be had.
    """
    python = peers.environment(FAISS, f"numpy=={np.__version__}")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "hashes.npy"
        np.save(path, hashes)
        # isolated: the folder of the script has a select.py
        argv = [str(python), "-I", str(FAISS_SCRIPT), str(path), str(RADIUS), str(FAISS_ASKED)]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr or f"it ended with {done.returncode}")
    said: dict[str, Any] = json.loads(done.stdout)
    assert said["matches"] == wanted, f"faiss finds {said['matches']:,} matches, we find {wanted:,}."
    return {"faiss IndexBinaryMultiHash, scaled": said["multi_hash"], "faiss IndexBinaryFlat, scaled": said["flat"]}


def deciding(hashes: Hashes) -> Row:
    """A batch of 64 new images against a million stored hashes."""
    index = NearIndex(RADIUS)
    names = [f"{number:064x}" for number in range(MILLION)]
    spent = timed(lambda: [index.extend(hashes[at : at + 64], names[at : at + 64]) for at in range(0, MILLION, 64)])
    asked = np.random.default_rng(1).permutation(hashes)[:1280] ^ np.uint64(0b111)
    batches = [asked[at : at + 64] for at in range(0, len(asked), 64)]
    runs, scans = [], []
    for _ in range(5):
        runs.append(round(timed(lambda: [index.decide(batch, names[:64]) for batch in batches]) / len(asked) * 1e6, 1))
        scans.append(
            timed(lambda: [(np.bitwise_count(hashes ^ one) <= RADIUS).argmax() for one in asked[:50]]) / 50 * 1e6
        )
    return Row(
        name="dedup: deciding among 10^6 hashes",
        what=f"batches of 64; filling the index in batches of 64 took {spent:.2f} us a hash",
        unit="CPU us/image",
        ours=median(runs),
        peer={"name": "numpy, one scan an image", "value": median(scans)},
        goal=0.2,
        runs=runs,
        less=True,
    )


def drawn_photos(count: int = 60) -> list[bytes]:
    """JPEGs of 256 to 512 pixels a side and about 34 KB."""
    rng = np.random.default_rng(0)
    found = []
    for number in range(count):
        width, height = (int(side) for side in rng.integers(256, 513, 2))
        left, top = int(rng.integers(0, 1024 - 512)), int(rng.integers(0, 768 - 512))
        found.append(saved(_scene(number % 6).crop((left, top, left + width, top + height)), 87))
    return found


_scenes: dict[int, Image.Image] = {}


def _scene(seed: int) -> Image.Image:
    if seed not in _scenes:
        _scenes[seed] = Image.fromarray(scene(seed))
    return _scenes[seed]


def per_image() -> list[Row]:
    """CPU time of examining an image, and of bringing it into LSUN's form, beside the same with Pillow."""
    files = drawn_photos()
    facts = [inspect(data) for data in files]
    size = sum(map(len, files)) / len(files) / 1000
    pixels = np.mean([one.width * one.height for one in facts]) / 1e6

    def with_pillow(data: bytes) -> None:
        inspect(data)
        theirs(data)

    def form_with_pillow(data: bytes) -> bytes:
        image = Image.open(io.BytesIO(data))
        ratio = min(1.0, 256 / min(image.size))
        return saved(image.resize((round(image.width * ratio), round(image.height * ratio)), Image.Resampling.BOX), 75)

    works: dict[str, tuple[Callable[[], object], Callable[[], object], float, float]] = {
        "examining": (
            lambda: [examine(data) for data in files],
            lambda: [with_pillow(data) for data in files],
            0.4,
            300,
        ),
        "LSUN's form": (
            lambda: [shape(data, one, "lsun") for data, one in zip(files, facts, strict=True)],
            lambda: [form_with_pillow(data) for data in files],
            0.8,
            1100,
        ),
    }
    rows = []
    for name, (own, other, goal, limit) in works.items():
        times = [(timed(own), timed(other)) for _ in range(7)]
        runs = [round(one / len(files) * 1e6, 1) for one, _ in times]
        rows.append(
            Row(
                name=f"dedup: {name}",
                what=f"{len(files)} JPEGs of {size:.1f} kB and {pixels:.2f} megapixels",
                unit="CPU us/image",
                ours=median(runs),
                peer={"name": "Pillow", "value": median([two / len(files) * 1e6 for _, two in times])},
                goal=goal,
                runs=runs,
                less=True,
                limit=limit,
            )
        )
    return rows


def run() -> Benchmark:
    """Measure and compare."""
    photos = real.photos()
    if not photos:
        raise InputError("There are no photos to measure with.", f"They are expected in {real.DATA}.")
    hashes = many()
    return Benchmark([*recalls(photos), *false_pairs(photos), *join(hashes), deciding(hashes), *per_image()])
