"""CIFAR-10 with real people's answers, read from the data folder beside the project; nothing of it is kept here."""

import csv
import gzip
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "cifar10"
CLASSES = 10
CAR = 1


@dataclass(frozen=True)
class Cifar10:
    """All 60,000 images: paths, class numbers [N], whether each is of the test half [N], and people's answers.

    ``said`` [N, 10] counts how often people gave each class: about 51 answers for a test image (CIFAR-10H), three for a
    training image (CIFAR-10N).
    """

    paths: tuple[str, ...]
    classes: NDArray[np.int64]
    test: NDArray[np.bool_]
    said: NDArray[np.int64]

    @classmethod
    def read(cls, where: Path) -> "Cifar10":
        """Read the tables."""
        rows = sorted(_rows(where / "labels.csv.gz"), key=lambda row: row["path"])
        test = np.array([row["split"] == "test" for row in rows])
        index = np.array([int(row["cifar_index"]) for row in rows])
        train_said = np.zeros((50_000, CLASSES), dtype=np.int64)
        for row in _rows(where / "cifar10n_train.csv.gz"):
            for human in ("human1", "human2", "human3"):
                train_said[int(row["cifar_train_index"]), int(row[human])] += 1
        test_said = np.zeros((10_000, CLASSES), dtype=np.int64)
        for row in _rows(where / "cifar10h_counts.csv.gz"):
            test_said[int(row["cifar_test_index"])] = [int(value) for value in list(row.values())[2:]]
        said = np.empty((len(rows), CLASSES), dtype=np.int64)
        said[test], said[~test] = test_said[index[test]], train_said[index[~test]]
        classes = np.array([int(row["label"]) for row in rows])
        return cls(tuple(row["path"] for row in rows), classes, test, said)

    def counts(self, asked: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """How many people said yes and no to "is it of class ``asked``?", each [N]."""
        yes = self.said[:, asked]
        return yes, self.said.sum(axis=1) - yes

    def prior(self, asked: int) -> NDArray[np.float64]:
        """What is known of an image's share of yes before anybody answers, as Beta parameters [N, 2].

        Fitted by moments to the answers of every true class in either half: how often people say yes to a truck, and
        how much trucks differ in it.
        """
        yes, no = self.counts(asked)
        prior = np.empty((len(yes), 2))
        for of in range(CLASSES):
            for half in (True, False):
                group = (self.classes == of) & (self.test == half)
                prior[group] = beta_by_moments(yes[group], no[group])
        return prior


def beta_by_moments(yes: NDArray[np.int64], no: NDArray[np.int64]) -> tuple[float, float]:
    """The Beta distribution behind counts [n]: their mean, and the correlation of two answers to one image.

    The share of pairs of answers to the same image that are both yes estimates E[p^2] without bias.
    """
    total = yes + no
    mean = float(np.clip(yes.sum() / total.sum(), 1e-4, 1 - 1e-4))
    square = float(np.sum(yes * (yes - 1)) / max(1, np.sum(total * (total - 1))))
    alike = min(0.95, max(0.005, (square - mean**2) / (mean - mean**2)))
    size = 1.0 / alike - 1.0
    return mean * size, (1.0 - mean) * size


def pictures(where: Path) -> Mapping[str, bytes]:
    """Path -> JPEG bytes of every image."""
    found = {}
    with tarfile.open(where / "cifar10_jpeg.tar.xz") as archive:
        for member in archive:
            file = archive.extractfile(member) if member.name.endswith(".jpg") else None
            if file is not None:
                found[member.name.removeprefix("cifar10/")] = file.read()
    return found


def _rows(path: Path) -> list[dict[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
