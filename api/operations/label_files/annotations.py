"""Labels of annotation tools: COCO, Label Studio, CVAT. Boxes and masks count as what they are called.

Formats after the tools' own documentation: COCO's data format, Label Studio's JSON, CVAT's "CVAT for images 1.1" (XML)
and "Datumaro 1.0" (JSON). Label Studio's JSON-MIN is a table: see ``tables``.
"""

import io
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from lxml import etree

from active_learning.domain.errors import LabelFileError
from api.operations.label_files import tables
from api.operations.label_files.said import Said

LABELS_OF = ("choices", "rectanglelabels", "polygonlabels", "brushlabels", "keypointlabels", "ellipselabels", "labels")
"""Where Label Studio puts words, by the kind of control."""


def _json(data: bytes) -> Any:
    try:
        return json.loads(tables.text(data))
    except (ValueError, RecursionError) as error:
        raise LabelFileError(f"The file is not JSON ({str(error)[:200]}).", "Export it again.") from error


def guess_json(data: bytes) -> str:
    """Which tool has written a JSON file."""
    parsed = _json(data)
    if isinstance(parsed, Mapping):
        if "images" in parsed and "annotations" in parsed:
            return "coco"
        if "items" in parsed and "categories" in parsed:
            return "cvat-json"
        return "json"
    first = parsed[0] if isinstance(parsed, list) and parsed and isinstance(parsed[0], Mapping) else {}
    if "data" in first and ("annotations" in first or "completions" in first):
        return "label-studio"
    if {"tags", "shapes"} <= first.keys():
        return "cvat-json"
    return "json"


def read_coco(data: bytes) -> Iterator[Said]:
    """Every image, with the names of the categories of its annotations; crowds count, too."""
    try:
        parsed = _json(data)
        names = {category["id"]: str(category["name"]) for category in parsed.get("categories", ())}
        words: dict[Any, list[str]] = defaultdict(list)
        for annotation in parsed["annotations"]:
            words[annotation["image_id"]].append(names[annotation["category_id"]])
        for image in parsed["images"]:
            named = image.get("sha256") or image["file_name"]
            yield Said(str(named), tuple(words[image["id"]]), f"image {image['id']}")
    except (KeyError, TypeError, AttributeError) as error:
        raise LabelFileError(
            f"This is not COCO's format: {error!r}.", "It has images, annotations, categories."
        ) from error


def read_label_studio(data: bytes) -> Iterator[Said]:
    """Tasks with the words of all their finished annotations; several people's words stand together."""
    try:
        for task in _json(data):
            where = f"task {task.get('id', '?')}"
            done = [one for one in task.get("annotations") or task["completions"] if not one.get("was_cancelled")]
            words = [word for one in done for result in one["result"] for word in _chosen(result)]
            image = task["data"].get("sha256") or task["data"].get("image") or _picture(task["data"])
            if done:
                yield Said(str(image), tuple(dict.fromkeys(words)), where)
    except (KeyError, TypeError, AttributeError) as error:
        raise LabelFileError(
            f"This is not Label Studio's JSON: {error!r}.", "Export with annotations, as JSON or JSON-MIN."
        ) from error


def _chosen(result: Mapping[str, Any]) -> Iterator[str]:
    for name in LABELS_OF:
        yield from map(str, result.get("value", {}).get(name, ()))


def _picture(values: Mapping[str, Any]) -> str:
    """The first field that looks like the address of a file: projects may call it as they like."""
    for value in values.values():
        if isinstance(value, str) and ("/" in value or "." in value):
            return value
    raise KeyError("data.image")


def read_cvat_json(data: bytes) -> Iterator[Said]:
    """CVAT's export "Datumaro 1.0": items with annotations that name their label by its place."""
    parsed = _json(data)
    if isinstance(parsed, list):
        raise LabelFileError(
            "This is the inside of a CVAT backup: it knows frames by their numbers, not images by their names.",
            "Export the annotations as 'Datumaro 1.0' or 'CVAT for images 1.1'.",
        )
    try:
        labels = [str(label["name"]) for label in parsed["categories"]["label"]["labels"]]
        for item in parsed["items"]:
            found = [labels[one["label_id"]] for one in item["annotations"] if one.get("label_id") is not None]
            named = item.get("image", {}).get("path") or item["id"]
            yield Said(str(named), tuple(dict.fromkeys(found)), f"item {item['id']}")
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise LabelFileError(f"This is not CVAT's JSON: {error!r}.", "Export it as 'Datumaro 1.0'.") from error


def read_cvat_xml(data: bytes) -> Iterator[Said]:
    """CVAT for images 1.1: images with tags, boxes, polygons, ... A file of tracks names no images."""
    try:
        # No entities and no network: a label file has no business with either.
        images = etree.iterparse(
            io.BytesIO(data), tag=("image", "track"), resolve_entities=False, no_network=True, load_dtd=False
        )
        for _, element in images:
            if element.tag == "track":
                raise LabelFileError(
                    "This file is of a video: it names frames, not images.", "Export 'CVAT for images 1.1'."
                )
            words = dict.fromkeys(child.get("label") for child in element if child.get("label"))
            name = element.get("name")
            if not name:
                raise LabelFileError("An image without a name.", "Export it as 'CVAT for images 1.1'.")
            yield Said(name, tuple(map(str, words)), f"image {element.get('id', '?')}")
            element.clear()
    except etree.XMLSyntaxError as error:
        raise LabelFileError(f"The file is not XML ({str(error)[:200]}).", "Export it again.") from error
