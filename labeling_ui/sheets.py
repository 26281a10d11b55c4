"""Datasheets as a page shows them: the Markdown that Winnow writes itself, and nothing else of Markdown."""

import re

from labeling_ui.contexts.datasets import SheetBlock


def blocks(markdown: str) -> tuple[SheetBlock, ...]:
    """The parts of a datasheet; its title is left out, as the page has one."""
    return tuple(_block(part) for part in markdown.strip().split("\n\n") if not part.startswith("# "))


def _block(part: str) -> SheetBlock:
    lines = part.split("\n")
    if part.startswith("## "):
        return SheetBlock(kind="heading", lines=(_plain(part[3:]),))
    if part.startswith("|"):
        rows = tuple(tuple(_plain(cell) for cell in re.split(r"(?<!\\)\|", line)[1:-1]) for line in lines)
        return SheetBlock(kind="table", rows=(rows[0], *rows[2:]))
    for sign, kind in (("- ", "list"), ("> ", "quote")):
        if part.startswith(sign):
            said = tuple(_plain(line.removeprefix(sign.strip()).strip()) for line in lines)
            return SheetBlock.model_validate({"kind": kind, "lines": said})
    return SheetBlock(kind="text", lines=(_plain(part),))


def _plain(text: str) -> str:
    """Without marks for code and weight, and without the backslashes before what is no markup."""
    bare = re.sub(r"(?<!\\)(\*\*|`)", "", text.strip())
    return re.sub(r"\\([\\`*_\[\]<>|#&~])", r"\1", bare)
