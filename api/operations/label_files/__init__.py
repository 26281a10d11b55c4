"""Labels that exist already, in the files that other tools write: which image, and what was said of it.

A reader says for each image which words the file has for it; what the words mean is decided in one place.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from active_learning.domain.errors import InputError, LabelFileError
from api.operations.label_files import annotations, archives, tables
from api.operations.label_files.said import Said

MOST = 2_000_000
"""Images of one file."""

Reader = Callable[[bytes], Iterator[Said]]

READERS: Mapping[str, Reader] = {
    "csv": tables.read_csv,
    "jsonl": tables.read_jsonl,
    "parquet": tables.read_parquet,
    "json": tables.read_json,
    "coco": annotations.read_coco,
    "label-studio": annotations.read_label_studio,
    "cvat-json": annotations.read_cvat_json,
    "cvat-xml": annotations.read_cvat_xml,
    "archive": archives.read,
}
"""Every format that labels come in from. ``archive``: image folders, WebDataset, Hugging Face's, or any of the others,
in a zip or tar file."""

SUFFIXES = {
    **dict.fromkeys((".csv", ".tsv", ".txt"), "csv"),
    **dict.fromkeys((".jsonl", ".ndjson"), "jsonl"),
    ".parquet": "parquet",
    ".xml": "cvat-xml",
    **dict.fromkeys((".zip", ".tar", ".tgz", ".tar.gz"), "archive"),
}


@dataclass(frozen=True)
class Meaning:
    """Which words of a file are yes and which are no, in any case. With ``rest`` everything else is a no, also an image
    of which the file says nothing: right where the file lists whatever there is to see."""

    yes: frozenset[str]
    no: frozenset[str]
    rest: bool = False

    @classmethod
    def of(cls, slug: str, yes: Sequence[str] = (), no: Sequence[str] = (), rest: bool = False) -> "Meaning":
        """The usual words, the category's name, and those that somebody names."""
        usual = {"yes", "1", "true", "y", "positive", slug, slug.replace("-", " "), slug.replace("-", "_")}
        against = {"no", "0", "false", "n", "negative", f"not {slug}", f"not-{slug}", f"not_{slug}"}
        said_yes, said_no = ({word.strip().lower() for word in words if word.strip()} for words in (yes, no))
        both = said_yes & said_no
        if both:
            raise InputError(f"'{min(both)}' is named as a yes and as a no.", "Name each word once.")
        return cls(frozenset((usual | said_yes) - said_no), frozenset((against | said_no) - said_yes), rest)

    def answer(self, words: Sequence[str]) -> bool | None:
        """Yes, no, or ``None`` where the words are neither or both; raises ``KeyError`` naming an unknown word."""
        lowered = [word.strip().lower() for word in words]
        yes, no = (any(word in known for word in lowered) for known in (self.yes, self.no))
        if yes != no:
            return yes
        if self.rest and not no:
            return False
        if not yes and words:
            raise KeyError(words[0])
        return None


def words_of(text: str) -> list[str]:
    """Words that somebody has typed, separated by commas."""
    return [word.strip() for word in text.split(",") if word.strip()]


def guess(name: str, data: bytes) -> str:
    """The format of a file, by its name and its content; raises :class:`LabelFileError` where nothing fits."""
    lower = name.lower()
    for suffix, found in SUFFIXES.items():
        if lower.endswith(suffix):
            return found
    if lower.endswith(".json"):
        return annotations.guess_json(data)
    raise LabelFileError(
        f"'{name}' is no label file that Winnow knows.",
        f"It reads CSV, JSON, JSON lines, Parquet, XML, zip and tar; or name its format: {', '.join(READERS)}.",
    )


def read(name: str, data: bytes, format_: str = "auto") -> tuple[str, list[Said]]:
    """What a file says, and its format; raises :class:`LabelFileError`."""
    chosen = guess(name, data) if format_ == "auto" else format_
    if chosen not in READERS:
        raise LabelFileError(f"There is no format '{chosen}'.", f"Choose one of: auto, {', '.join(READERS)}.")
    found: list[Said] = []
    for said in READERS[chosen](data):
        if len(found) >= MOST:
            raise LabelFileError(f"'{name}' has more than {MOST:,} images.", "Split it.")
        found.append(said)
    if not found:
        raise LabelFileError(f"'{name}' holds no labels.", "It was read as " + chosen + "; name another format.")
    return chosen, found
