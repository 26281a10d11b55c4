"""The datasheet of a dataset version (after Gebru et al. 2021, "Datasheets for Datasets"), and its manifest.

Both are written from what was noted when the version was frozen: they say the same whenever they are read.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from active_learning.domain.category import Category
from active_learning.domain.dataset import Recipe, Split
from active_learning.domain.label import Source
from api.operations.context import Winnow
from api.store.connection import Document

WHO = {
    Source.HUMAN: "people's answers, by consensus",
    Source.MODEL: "the model, outside its two cuts",
    Source.GOLD: "an expert of the project",
    Source.IMPORTED: "labels that existed before",
}


async def snapshot(w: Winnow, document: Document) -> Document:
    """How a category stands now, as far as a datasheet tells of it."""
    slug = document["_id"]
    category = Category.model_validate(document["category"])
    by_annotator = await w.store.verdicts.by_annotator(slug)
    paid = await w.store.payments.totals(slug)
    answers, visible_ms = await w.store.categories.pace(slug)
    models = [
        {"model": model["_id"], "round": model["round"], "backbone": model["backbone"], "head": model["head"]}
        | {"checkpoint_sha256": model["checkpoint"], "trained_on": model["labels"], "loss": model["loss"]}
        for model in await w.store.models.all(slug)
    ]
    shown = category.model_dump(mode="json", include={"slug", "question", "instructions", "market"})
    return {
        "category": shown,
        "policy": category.policy.model_dump(mode="json"),
        "pool": sum(document["counts"].values()),
        "counts": document["counts"],
        "validation": document["validation"],
        "rule": document["rule"],
        "models": models,
        "people": {
            "annotators": len(by_annotator),
            "submissions_used": sum(used for used, _ in by_annotator.values()),
            "submissions_not_used": sum(excluded for _, excluded in by_annotator.values()),
            "answers": answers,
            "visible_ms": visible_ms,
            "paid_cents": paid["approve"][1] + paid["bonus"][1],
            "refused": paid["reject"][0],
        },
    }


def written(version: Document) -> dict[str, str]:
    """The texts of a version whose rows are collected: ``datasheet`` (Markdown) and ``manifest`` (JSON)."""
    return {"datasheet": _datasheet(version), "manifest": _manifest(version)}


def whole(version: Document) -> bool:
    """Whether the version takes every label that there was: only then the promise to the pool speaks of it."""
    return not version["tally"]["left_out"] and not version["taken_down"]


def _manifest(version: Document) -> str:
    snap, rule = version["snapshot"], version["snapshot"]["rule"]
    known = {
        "winnow": 2,
        "dataset": f"{version['category']}-v{version['number']}",
        "revision": version["revision"],
        "recipe": version["recipe"],
        "as_of": version["as_of"].isoformat(),
        "tally": {name: dict(value) if isinstance(value, list) else value for name, value in version["tally"].items()},
        "taken_down": version["taken_down"],
        "category": snap["category"],
        "policy": snap["policy"],
        "pool": snap["pool"],
        "people": snap["people"],
        "models": snap["models"],
        "guarantee": None if rule is None else {"whole": whole(version), **rule},
    }
    return json.dumps(known, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _datasheet(version: Document) -> str:
    category, tally = version["snapshot"]["category"], version["tally"]
    name = version["recipe"]["name"]
    title = f"{version['category']}, version {version['number']}" + (f": {plain(name)}" if name else "")
    parts = [
        f"# {title}",
        f"{tally['rows']:,} images, each with the answer to one question: **{plain(category['question'])}**",
        *_section("What is in it", _composition(version)),
        *_section("How it was labeled", _labeling(version)),
        *_section("What is promised", [_promise(version)]),
        *_section("The people who answered", [_people(version["snapshot"]["people"])]),
        *_section("Where the images come from", _origins(tally)),
        *_section("What it can be used for, and what not", _uses(tally)),
        *_section("How to keep it", _keeping(version)),
    ]
    return "\n\n".join(parts) + "\n"


def _section(title: str, lines: Sequence[str]) -> list[str]:
    return [f"## {title}", *lines]


def _composition(version: Document) -> list[str]:
    parts = dict(map(tuple, version["tally"]["parts"]))
    table = ["| part | yes | no |", "|---|---:|---:|"]
    table += [
        f"| {split} | {parts.get(f'{split} yes', 0):,} | {parts.get(f'{split} no', 0):,} |"
        for split in Split
        if any(parts.get(f"{split} {word}") for word in ("yes", "no"))
    ]
    recipe = Recipe.model_validate(version["recipe"])
    left = version["tally"]["left_out"]
    lines = [
        "\n".join(table),
        f"Parts are drawn by a hash of the image's id (seed {recipe.seed}): an image stays in its part from version to "
        "version.",
        f"It says what was known on {version['as_of']:%-d %B %Y, %H:%M:%S} UTC. The pool had "
        f"{version['snapshot']['pool']:,} images then.",
    ]
    if left:
        lines.append("Left out on purpose: " + ", ".join(f"{n:,} by {why}" for why, n in left) + ".")
    if version["taken_down"]:
        lines.append(f"{version['taken_down']:,} images were taken down since, and are not in it any more.")
    return lines


def _labeling(version: Document) -> list[str]:
    sources = dict(map(tuple, version["tally"]["sources"]))
    snap, policy = version["snapshot"], version["snapshot"]["policy"]
    table = ["| decided by | yes | no |", "|---|---:|---:|"]
    table += [
        f"| {who} | {sources.get(f'{source} yes', 0):,} | {sources.get(f'{source} no', 0):,} |"
        for source, who in WHO.items()
        if any(sources.get(f"{source} {word}") for word in ("yes", "no"))
    ]
    instructions = snap["category"]["instructions"]
    lines = ["\n".join(table)]
    if instructions:
        lines += [
            "People read these instructions:",
            "\n".join(f"> {plain(line)}" for line in instructions.splitlines()),
        ]
    if any(sources.get(f"{Source.HUMAN} {word}") for word in ("yes", "no")):
        lines.append(
            f"At least {policy['redundancy']} people answered an image, up to {policy['max_votes']} where they "
            f"disagreed; their answers became a label at a posterior of {policy['posterior']:g} "
            f"({policy['consensus']}). Images whose answer was known were hidden among the others to check everybody."
        )
    if snap["models"]:
        last = snap["models"][-1]
        lines.append(
            f"{len(snap['models'])} models were trained; the last one ({last['backbone']}, {last['head']}) learned "
            f"from {last['trained_on']:,} labels. Images between the cuts went to people or stayed unknown."
        )
    return lines


def _promise(version: Document) -> str:
    rule = version["snapshot"]["rule"]
    if rule is None:
        return "No cuts were in force: no model decided a label, and nothing is promised of one."
    found = rule["calibration"]
    said = []
    if found["precision_bound"] is not None:
        said.append(f"at least {found['precision_bound']:.1%} of the model's yes are yes")
    if found["recall_bound"] is not None:
        said.append(f"at least {found['recall_bound']:.1%} of all yes images of the pool were found")
    text = f"With {found['confidence']:.0%} confidence, {' and '.join(said) or 'nothing'}. It was measured on "
    text += f"{found['n']:,} validation images, drawn from the whole pool before any selection and never trained on."
    if not whole(version):
        text += (
            " This is said of the whole pool. The version leaves images out, so it does not carry over to it as it is."
        )
    return text


def _people(people: Mapping[str, Any]) -> str:
    if not people["annotators"]:
        return "Nobody was paid for this dataset."
    hours = people["visible_ms"] / 3_600_000
    rate = f", about ${people['paid_cents'] / 100 / hours:,.2f} for an hour of looking at images" if hours else ""
    return (
        f"{people['annotators']:,} annotators gave {people['answers']:,} answers that were used. "
        f"${people['paid_cents'] / 100:,.2f} were paid, fees included{rate}. "
        f"{people['refused']:,} submissions were refused pay, on strong evidence only. "
        "Annotators are not named here, and rows name submissions, not people."
    )


def _origins(tally: Mapping[str, Any]) -> list[str]:
    def listed(pairs: Sequence[Sequence[Any]], unknown: str) -> str:
        return "\n".join(f"- {plain(name) or unknown}: {n:,}" for name, n in sorted(pairs, key=lambda p: -p[1]))

    return [
        "Found by:",
        listed(tally["found_by"], "nobody knows"),
        "Licences:",
        listed(tally["licences"], "unknown"),
        "`ATTRIBUTION.csv`, or the columns of a table, name author, title, licence and place of every image.",
    ]


def _uses(tally: Mapping[str, Any]) -> list[str]:
    unknown = dict(map(tuple, tally["licences"])).get("", 0)
    lines = [
        "Train and compare classifiers of this one question. Labels of the model are more often wrong near its cuts; "
        "every row says who decided and how certainly, so that they can be left out.",
        "People may be in the images who were not asked. The labels say nothing about who they are.",
    ]
    if unknown:
        lines.append(f"The licence of {unknown:,} images is not known: whoever passes them on has to find out.")
    return lines


def _keeping(version: Document) -> list[str]:
    return [
        f"This is revision {version['revision']}. The version was frozen: labels that came later are in later "
        "versions. Only the removal of an image that somebody asked for changes it, and makes another revision. "
        "Whoever keeps a copy should look for revisions now and then.",
        "`sha256sum -c SHA256SUMS` checks a copy. An image's name is the sha256 of its bytes.",
    ]


def plain(text: str) -> str:
    """On one line, and nothing of it markup."""
    line = " ".join(text.split())
    return "".join(f"\\{c}" if c in "\\`*_[]<>|#&~" else c for c in line)
