"""The pages of datasets, each with everything filled in and as empty as can be."""

from datetime import UTC, datetime

from api.operations.dataset_forms import Refused, labels_form, recipe_form
from labeling_ui.contexts import Page
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
from labeling_ui.sheets import blocks

QUESTION = "Does this image show a circle?"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SHEET = """# circle, version 2

2,100 images, each with the answer to one question: **Does this image show a \\<circle\\>?**

## What is in it

| part | yes | no |
|---|---:|---:|
| train | 400 | 1,300 |

> Any closed round shape \\*counts\\*.

- unknown: 12

`ATTRIBUTION.csv` names authors.
"""


def version(number: int, **changes: object) -> DatasetCard:
    """A version that is ready."""
    parts = (Part(name="train", yes=400, no=1_300), Part(name="val", yes=50, no=150), Part(name="test", yes=60, no=140))
    link = DownloadLink(
        name="coco",
        title="COCO",
        what="images",
        file="circle-v1-coco.tar",
        size=31_000_000,
        address="/files/coco",
        use="x",
    )
    card = DatasetCard(
        number=number,
        ready=True,
        by="rosa",
        made_at=NOON,
        as_of=NOON,
        images=2_100,
        size=30_000_000,
        parts=parts,
        takes=("licences CC BY",),
        left_out=(("licence", 300),),
        taken_down=1,
        downloads=(link,),
    )
    return card.model_copy(update=changes)


VERSIONS = (
    version(5, ready=False, images=0, parts=(), downloads=()),
    version(4, ready=False, making=("Collecting labels", 3, 64)),
    version(3, ready=False, error="The bytes of image 0 are damaged."),
    version(2, name="for the <paper>"),
    version(1),
)
FILES = (
    BroughtFile(id="a", file="old.csv", by="rosa", at=NOON, fresh=3),
    BroughtFile(id="b", file="new.csv", by="rosa", at=NOON, fresh=3, as_="gold", saved=3, done=True),
    BroughtFile(id="c", file="newer.csv", by="rosa", at=NOON, fresh=3, as_="imported", saved=1),
)


def label_file(**changes: object) -> LabelFilePage:
    """A file that was looked at."""
    page = LabelFilePage(
        slug="circle",
        question=QUESTION,
        id="a",
        file="old.csv",
        format="CSV",
        by="rosa",
        at=NOON,
        images=20,
        fresh_yes=3,
        fresh_no=9,
        same=1,
        lines=(ReportLine(title="not in the pool", images=7, what="Import them.", examples=("a.png (line 2)",)),),
        may_save=True,
    )
    return page.model_copy(update=changes)


FULL: tuple[Page, ...] = (
    DatasetsPage(
        slug="circle",
        question=QUESTION,
        total=2_400,
        decided=2_100,
        may_make=True,
        recipe=recipe_form(Refused({"everything": "no", "licence.by": "on"}, {"train": "Too much.", "": "No."})),
        labels=labels_form(Refused({"format": "coco", "rest": "on"}, {"": "No file."})),
        versions=VERSIONS,
        older=1,
        files=FILES,
    ),
    DatasetPage(
        slug="circle",
        question=QUESTION,
        version=VERSIONS[3],
        sources=(("people", 400, 1_300),),
        licences=(("CC BY", 2_100),),
        datasheet=blocks(SHEET),
        checksums=(("labels.csv", "0" * 64),),
        web="here",
    ),
    label_file(),
    label_file(as_="gold", saved=10, done=True),
    label_file(as_="imported", working=(1, 3), error="MongoDB does not answer."),
)
EMPTY: tuple[Page, ...] = (
    DatasetsPage(slug="circle", question=QUESTION, recipe=recipe_form(), labels=labels_form(None)),
    DatasetPage(slug="circle", question=QUESTION, version=VERSIONS[0]),
    label_file(fresh_yes=0, fresh_no=0, same=0, lines=()),
)
