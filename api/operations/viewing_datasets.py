"""What the pages of datasets and of label files show: a few documents by key, whatever the size of the pool."""

from active_learning.domain.dataset import Recipe, Split
from active_learning.domain.label import Source
from api.operations import dataset_forms as forms
from api.operations import formats, importing_labels, striking
from api.operations.context import Winnow
from api.operations.forms import Refused
from api.operations.importing_labels import Report
from api.store.connection import Document
from api.store.datasets import DatasetState
from api.store.jobs import JobState, job_id
from labeling_ui import sheets
from labeling_ui.contexts.datasets import (
    BroughtFile,
    DatasetCard,
    DatasetPage,
    DatasetsPage,
    DownloadLink,
    LabelFilePage,
    Part,
    ReportLine,
)
from labeling_ui.licences import TITLES
from labeling_ui.wording import DECIDED_BY

SHOWN = 10

TROUBLES = (
    ("missing", "not in the pool", "No image of the category has this name or sha256. Import them first."),
    ("ambiguous", "more than one image", "Several images came in under this name. Name them by their sha256."),
    ("unclear", "neither yes nor no", "Say which words mean yes and which no, and bring the file again."),
    ("silent", "no label", "The file names the image and says nothing of it."),
    ("contradicting", "yes and no", "The file says both."),
)
"""What is wrong with images of a label file: field of the report, title, what to do."""

BUSY = "They are being answered, drawn for validation, or excluded: left alone."


async def page(
    w: Winnow,
    slug: str,
    may_make: bool,
    before: int | None = None,
    recipe: Refused | None = None,
    labels: Refused | None = None,
) -> DatasetsPage:
    """The versions of a category and the two forms; ``recipe`` and ``labels`` are forms to be shown again."""
    document = await w.store.categories.get(slug)
    versions = await w.store.datasets.newest(slug, SHOWN + 1, before)
    counts = document["counts"]
    return DatasetsPage(
        slug=slug,
        question=document["category"]["question"],
        total=sum(counts.values()),
        decided=counts["labeled"] + counts["auto_labeled"],
        may_make=may_make,
        recipe=forms.recipe_form(recipe),
        labels=forms.labels_form(labels),
        versions=tuple([await _card(w, version) for version in versions[:SHOWN]]),
        older=versions[SHOWN - 1]["number"] if len(versions) > SHOWN else None,
        files=tuple([_brought(file) for file in await w.store.label_files.latest(slug, SHOWN)]),
    )


async def version_page(w: Winnow, slug: str, number: int) -> DatasetPage:
    """One version. Raises ``NotFound``."""
    category = await w.store.categories.get(slug)
    document = await w.store.datasets.get(slug, number)
    card = await _card(w, document)
    sources = dict(map(tuple, document["tally"]["sources"]))
    return DatasetPage(
        slug=slug,
        question=category["category"]["question"],
        version=card,
        sources=tuple(
            (title, sources.get(f"{name} yes", 0), sources.get(f"{name} no", 0))
            for name, title in DECIDED_BY.items()
            if sources.get(f"{name} yes") or sources.get(f"{name} no")
        ),
        licences=tuple((TITLES.get(name, name) or "unknown", n) for name, n in document["tally"]["licences"]),
        datasheet=sheets.blocks(document["datasheet"]) if card.ready else (),
        checksums=_checksums(document) if card.ready else (),
        web=w.settings.public_url,
    )


def _checksums(document: Document) -> tuple[tuple[str, str], ...]:
    single = [name for name, one in formats.FORMATS.items() if one.single]
    return tuple((file["path"], file["sha256"]) for name in single for file in document["files"][name])


async def _card(w: Winnow, document: Document) -> DatasetCard:
    tally, ready = document["tally"], document["state"] == DatasetState.READY
    recipe = Recipe.model_validate(document["recipe"])
    parts = dict(map(tuple, tally["parts"]))
    job = None if ready else await w.store.jobs.find(job_id("freeze", striking.job_args(document)))
    return DatasetCard(
        number=document["number"],
        name=recipe.name,
        ready=ready,
        making=_progress(job),
        error=(job or {}).get("error") or "",
        by=document["by"],
        made_at=document["made_at"],
        as_of=document.get("as_of"),
        images=tally["rows"],
        size=tally["bytes"],
        parts=tuple(
            Part(name=split, yes=parts.get(f"{split} yes", 0), no=parts.get(f"{split} no", 0))
            for split in Split
            if parts.get(f"{split} yes") or parts.get(f"{split} no")
        ),
        takes=tuple(_takes(recipe)),
        left_out=tuple((why, n) for why, n in tally["left_out"]),
        taken_down=document["taken_down"],
        downloads=_downloads(document) if ready else (),
    )


def _progress(job: Document | None) -> tuple[str, int, int] | None:
    progress = (job or {}).get("progress")
    return None if not progress else (progress["what"], progress["done"], progress["total"])


def _takes(recipe: Recipe) -> list[str]:
    """What a recipe asks for beyond everything, in words."""
    words = []
    if set(recipe.sources) != set(Source):
        words.append("decided by " + ", ".join(DECIDED_BY[source] for source in DECIDED_BY if source in recipe.sources))
    if recipe.certainty:
        words.append(f"certainty at least {recipe.certainty:.0%}")
    if recipe.licences is not None:
        words.append(
            "licences " + (", ".join(TITLES.get(name, name) or "unknown" for name in recipe.licences) or "none")
        )
    return words


def _downloads(document: Document) -> tuple[DownloadLink, ...]:
    base = f"/api/v1/categories/{document['category']}/datasets/{document['number']}/files"
    folder = f"{document['category']}-v{document['number']}"
    return tuple(
        DownloadLink(
            name=name,
            title=one.title,
            what=one.what,
            file=document["downloads"][name]["file"],
            size=document["downloads"][name]["size"],
            address=f"{base}/{name}",
            use=one.use.format(folder=folder, file=document["downloads"][name]["file"]),
        )
        for name, one in formats.FORMATS.items()
    )


def _brought(document: Document) -> BroughtFile:
    report = Report.model_validate(document["report"])
    return BroughtFile(
        id=document["_id"],
        file=report.file,
        by=document["by"],
        at=document["at"],
        fresh=report.fresh,
        as_=document.get("as", ""),
        saved=document["saved"],
        done=document["done"] == document["blocks"],
    )


async def label_file_page(w: Winnow, slug: str, identifier: str, may_save: bool) -> LabelFilePage:
    """What a label file says, and what has become of it. Raises ``NotFound``."""
    category = await w.store.categories.get(slug)
    document = await w.store.label_files.get(slug, identifier)
    report = Report.model_validate(document["report"])
    as_ = document.get("as", "")
    job = await w.store.jobs.find(job_id("import_labels", importing_labels.job_args(slug, identifier))) if as_ else None
    brought = _brought(document)
    return LabelFilePage(
        slug=slug,
        question=category["category"]["question"],
        id=identifier,
        file=report.file,
        format=forms.LABEL_FORMATS.get(report.format, report.format),
        by=document["by"],
        at=document["at"],
        images=report.images,
        fresh_yes=report.fresh_yes,
        fresh_no=report.fresh_no,
        same=report.same,
        lines=tuple(_lines(report)),
        as_=as_,
        saved=document["saved"],
        done=bool(as_) and brought.done,
        working=(document["done"], document["blocks"]) if as_ and not brought.done else None,
        error=(job or {}).get("error") or "" if job and job["state"] != JobState.DONE else "",
        may_save=may_save,
    )


def _lines(report: Report) -> list[ReportLine]:
    """What stays out, and why: the most frequent first."""
    found = [(title, what, getattr(report, kind)) for kind, title, what in TROUBLES]
    lines = [ReportLine(title=title, what=what, **trouble.model_dump()) for title, what, trouble in found]
    lines.append(ReportLine(title="named again", images=report.repeated, what="With the same answer: counted once."))
    lines.append(ReportLine(title="with people", images=report.busy, what=BUSY))
    for source, n in report.other:
        what = f"Decided by {DECIDED_BY[Source(source)]} otherwise. That answer stays."
        lines.append(ReportLine(title="other answer", images=n, what=what, examples=report.conflicts))
    return sorted((line for line in lines if line.images), key=lambda line: -line.images)
