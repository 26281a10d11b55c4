"""A program that works as an annotator, remembers everything its browser gets, and guesses which images are gold."""

import hashlib
import io
import json
import re
import struct
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import httpx
import numpy as np
from PIL import Image
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from workers.crowd.pages import files_in

BATCH, SIZE = 12, 320
CONTEXT = re.compile(r'id="context">(.*?)</script>', re.DOTALL)
NEVER_THE_SAME = {"date", "content-length", "x-request-id"}


@dataclass
class Showing:
    """One image at one place of one assignment: what it is, as far as its pixels say, and what was seen of it."""

    task: str
    annotator: str
    number: int
    position: int
    pixels: str
    alike: str
    file: str
    seen: dict[str, float] = field(default_factory=dict)


@dataclass
class Reply:
    """One picture as it came: the file, what stood around it, and times in seconds.

    ``alone`` are the times of asking for it alone, ``batch`` is the time of the batch in which it came.
    """

    file: bytes
    envelope: tuple[object, ...]
    batch: float
    alone: list[float] = field(default_factory=list)


class Eavesdropper:
    """Works through assignments with one connection, as fast as the server answers.

    ``name`` begins the names of its assignments: see :meth:`assignment`.
    """

    def __init__(self, http: httpx.AsyncClient, name: str) -> None:
        self._http = http
        self._name = name
        self._visits = 0

    def assignment(self, number: int) -> str:
        """The market's name of an assignment."""
        return f"{self._name}-{number}"

    async def work(
        self, address: str, annotator: str, tries: int = 0, tamper: Callable[[str], Any] | None = None
    ) -> list[Showing]:
        """Open a task's address, look at every picture, answer, submit; returns what was shown after the lessons.

        Pictures are asked for in batches, and then ``tries`` times each alone. ``tamper`` is called with the name of
        the assignment when the page is open.
        """
        name = self.assignment(self._visits)
        page = await self._get(address, assignmentId=name, workerId=annotator)
        if tamper is not None:
            await tamper(name)
        found = CONTEXT.search(page.text)
        assert found is not None
        context = json.loads(found[1])
        of, lessons = context["of"], len(context["lessons"])
        headers = {"Authorization": f"Bearer {context['token']}"}
        progress = (await self._get("/assignment", headers)).json()
        replies = [reply for start in range(0, of, BATCH) for reply in await self._pictures(headers, start, BATCH)]
        for position in range(of * bool(tries)):
            alone = [(await self._pictures(headers, position, 1))[0] for _ in range(tries)]
            replies[position].alone = [reply.batch for reply in alone]
            replies[position].envelope = alone[0].envelope
        await self._hand_in(headers, of)
        listed = {**lists(context, of, "page"), **lists(progress, of, "progress")}
        showings = [
            showing(address, annotator, self._visits, position, of, reply) for position, reply in enumerate(replies)
        ]
        for position, one in enumerate(showings):
            one.seen |= {name: values[position] for name, values in listed.items()}
        note_times(showings, replies)
        self._visits += 1
        return showings[lessons:]

    async def _get(self, path: str, headers: Mapping[str, str] | None = None, **query: str | int) -> httpx.Response:
        return (await self._http.get(path, params=query, headers=headers)).raise_for_status()

    async def _pictures(self, headers: Mapping[str, str], start: int, count: int) -> list[Reply]:
        sent = time.perf_counter()
        reply = await self._get("/assignment/images", headers, start=start, count=count, size=SIZE)
        taken = time.perf_counter() - sent
        pairs = sorted((name, value) for name, value in reply.headers.multi_items() if name not in NEVER_THE_SAME)
        # Pictures may be kept until the deadline: a number of seconds that counts down while others are looked at.
        around = tuple((name, re.sub(r"max-age=\d+", "max-age", value)) for name, value in pairs)
        return [Reply(file, (reply.status_code, *around), taken) for file in files_in(reply.content)]

    async def _hand_in(self, headers: Mapping[str, str], of: int) -> None:
        answers = [{"position": position, "value": position % 2 == 0} for position in range(of)]
        for start in range(0, of, 50):
            body = {"answers": answers[start : start + 50]}
            (await self._http.put("/assignment/answers", json=body, headers=headers)).raise_for_status()
        body = {"viewport": [1280, 800]}
        (await self._http.post("/assignment/submission", json=body, headers=headers)).raise_for_status()


def lists(value: Any, of: int, name: str) -> dict[str, list[float]]:
    """Whatever in a reply has one entry for each image, as numbers: how common an entry is, and the entry itself."""
    found: dict[str, list[float]] = {}
    if isinstance(value, dict):
        for key, inner in value.items():
            found |= lists(inner, of, f"{name}.{key}")
    elif isinstance(value, list) and len(value) == of:
        texts = [json.dumps(entry) for entry in value]
        common = Counter(texts)
        found[f"{name} common"] = [common[text] for text in texts]
        if all(isinstance(entry, int | float) for entry in value):
            found[name] = [float(entry) for entry in value]
    return found


def showing(task: str, annotator: str, number: int, position: int, of: int, reply: Reply) -> Showing:
    """What one picture says by itself."""
    chunks = riff_chunks(reply.file)
    body = b"".join(data for name, data in chunks if name.startswith("VP8"))
    picture = Image.open(io.BytesIO(reply.file)).convert("RGB")
    pixels = picture.tobytes()
    small = np.asarray(picture.convert("L").resize((8, 8)), dtype=np.float64)
    seen = {
        "place": position / of,
        "bytes": len(reply.file),
        "picture bytes": len(body),
        "bytes a pixel": len(body) / (picture.width * picture.height),
        "encoded again": len(body) / encoded_again(picture.size, pixels),
        "chunks": len(chunks),
        "chunk names": fingerprint([name for name, _ in chunks]),
        "envelope": fingerprint(reply.envelope),
        "width": picture.width,
        "height": picture.height,
        "brightness": float(small.mean()),
        "contrast": float(small.std()),
    }
    return Showing(
        task=task,
        annotator=annotator,
        number=number,
        position=position,
        pixels=hashlib.sha256(pixels).hexdigest(),
        alike=np.packbits(small > np.median(small)).tobytes().hex(),
        file=hashlib.sha256(reply.file).hexdigest(),
        seen=seen,
    )


def fingerprint(value: object) -> float:
    """A number that is the same for the same value."""
    return float(hashlib.sha256(repr(value).encode()).digest()[0])


def riff_chunks(file: bytes) -> list[tuple[str, bytes]]:
    """(name, data) of the chunks of a WebP file; all of it under no name when it is something else."""
    if file[:4] != b"RIFF":
        return [("", file)]
    found, at = [], 12
    while at + 8 <= len(file):
        (length,) = struct.unpack("<I", file[at + 4 : at + 8])
        found.append((file[at : at + 4].decode("latin-1"), file[at + 8 : at + 8 + length]))
        at += 8 + length + length % 2
    return found


@cache
def encoded_again(size: tuple[int, int], pixels: bytes) -> int:
    """How many bytes these pixels take with one fixed quality: tells the quality that they came in."""
    out = io.BytesIO()
    Image.frombytes("RGB", size, pixels).save(out, "WEBP", quality=82, method=2)
    return len(out.getvalue())


def note_times(showings: Sequence[Showing], replies: Sequence[Reply]) -> None:
    """Times next to those of the same assignment: a machine is busy now and idle then."""
    known = {"time of batch": [reply.batch for reply in replies]}
    if replies[0].alone:
        known |= {
            "fastest time alone": [min(reply.alone) for reply in replies],
            "first time alone": [reply.alone[0] for reply in replies],
        }
    for name, seconds in known.items():
        times = np.array(seconds)
        ranks = times.argsort(kind="stable").argsort(kind="stable") / len(times)
        excess = np.clip((times - np.median(times)) * 1000, -5, 5)
        for one, rank, more in zip(showings, ranks, excess, strict=True):
            one.seen |= {f"rank of {name}": float(rank), name: float(more)}


def remember(showings: Sequence[Showing]) -> None:
    """Add what memory says: how often an image was seen, when, by how many, and in which company."""
    before: Counter[tuple[str, str]] = Counter()
    together: dict[int, set[str]] = defaultdict(set)
    where: dict[str, list[int]] = defaultdict(list)
    for one in showings:
        together[one.number].add(one.pixels)
        where[one.pixels].append(one.number)
    alike, files = Counter(one.alike for one in showings), Counter(one.file for one in showings)
    annotators: dict[str, set[str]] = defaultdict(set)
    for one in showings:
        annotators[one.pixels].add(one.annotator)
    for one in sorted(showings, key=lambda one: (one.number, one.position)):
        mine = (one.annotator, one.pixels)
        company = [
            len(together[other] & together[one.number]) / len(together[other])
            for other in where[one.pixels]
            if other != one.number
        ]
        one.seen |= {
            "seen before": before[mine],
            "showings": len(where[one.pixels]),
            "alike": alike[one.alike],
            "same file": files[one.file],
            "people": len(annotators[one.pixels]),
            "company": float(np.mean(company)) if company else -1.0,
            "least company": min(company, default=-1.0),
            "most company": max(company, default=-1.0),
        }
        before[mine] += 1


@dataclass(frozen=True)
class Guess:
    """How well one way of guessing did on assignments of tasks that it was not trained on.

    ``sigmas`` is how far ``auc`` is above one half, in standard deviations of pure guessing.
    """

    way: str
    auc: float
    sigmas: float
    gold: int
    others: int
    telling: tuple[tuple[str, float], ...]


def guess(showings: Sequence[Showing], truth: Mapping[tuple[int, int], bool]) -> list[Guess]:
    """Train on every other task with the truth about it, guess the rest; once with each kind of classifier.

    ``truth`` tells by number of the assignment and position whether it was gold.
    """
    remember(showings)
    names = sorted({name for one in showings for name in one.seen})
    x = np.array([[one.seen.get(name, -1.0) for name in names] for one in showings])
    y = np.array([truth[one.number, one.position] for one in showings])
    tasks = {task: index for index, task in enumerate(sorted({one.task for one in showings}))}
    train = np.array([tasks[one.task] % 2 == 0 for one in showings])
    images = np.array([one.pixels for one in showings])[~train]
    ways = {
        "logistic regression": make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
        "gradient boosting": HistGradientBoostingClassifier(max_iter=60, random_state=0),
    }
    found = []
    for way, model in ways.items():
        # threads that wait for each other on a machine that others use, too, take longer than one alone
        with threadpool_limits(1):
            model.fit(x[train], y[train])
            scores = model.predict_proba(x[~train])[:, 1]
        auc, sigmas, gold, others = above_chance(scores, y[~train], images)
        found.append(Guess(way, auc, sigmas, gold, others, telling(x, y, names)))
    return found


def above_chance(scores: np.ndarray, gold: np.ndarray, images: np.ndarray) -> tuple[float, float, int, int]:
    """AUC, its distance from one half in standard deviations of guessing, and the numbers of gold and other images.

    One score an image, the mean of its showings: several people see the same image, and what is the same about it each
    time must not count as many times the evidence. Under "nothing tells" every order of the images is as likely, and
    the AUC is a Mann-Whitney statistic with mean 1/2 and variance (n + m + 1) / 12nm.
    """
    _, index = np.unique(images, return_inverse=True)
    count = np.bincount(index)
    mean, share = np.bincount(index, scores) / count, np.bincount(index, gold) / count
    is_gold = share > 0.5
    n, m = int(is_gold.sum()), int((~is_gold).sum())
    auc = float(roc_auc_score(is_gold, mean))
    return auc, (auc - 0.5) / float(np.sqrt((n + m + 1) / (12 * n * m))), n, m


def telling(x: np.ndarray, y: np.ndarray, names: Sequence[str]) -> tuple[tuple[str, float], ...]:
    """The features that say most by themselves, with their AUC: for a failing test's message."""
    single = {name: float(roc_auc_score(y, x[:, column])) for column, name in enumerate(names)}
    return tuple(sorted(single.items(), key=lambda pair: -abs(pair[1] - 0.5))[:4])
