"""axe-core on the pages: what it objects to, as lines to read.

axe-core (MPL 2.0) comes out of a pinned package. Playwright evaluates it past the pages' security policy.
"""

import os
from importlib.resources import files
from typing import Any, Literal

from playwright.sync_api import Page

AXE = (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
OPTIONS: dict[str, Any] = {
    "runOnly": {"type": "tag", "values": RULES},
    # Off by default, because 2.2 is newer than most pages.
    "rules": {"target-size": {"enabled": True}},
    "resultTypes": ["violations"],
    # What is framed is a page of its own and looked at by itself.
    "iframes": False,
}
LOOKS: tuple[tuple[Literal["light", "dark"], tuple[int, int]], ...] = (("light", (1280, 800)), ("dark", (390, 844)))
"""Every page is looked at in both colour schemes, on a desk and on a phone; in all four pairs with WINNOW_LONG=1."""

if os.environ.get("WINNOW_LONG"):
    LOOKS += (("dark", (1280, 800)), ("light", (390, 844)))


def violations(page: Page) -> list[str]:
    """Each violation on the page as it is now: rule, where, why."""
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate(AXE)
    result = page.evaluate("options => axe.run(document, options)", OPTIONS)
    return [
        f"{rule['id']}: {node['target'][0]}: {' '.join(node['failureSummary'].split())}"
        for rule in result["violations"]
        for node in rule["nodes"]
    ]


def violations_in_every_look(page: Page) -> list[str]:
    """Each violation in each of :data:`LOOKS`; the page is neither reloaded nor left as it was."""
    found = []
    for scheme, (width, height) in LOOKS:
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": height})
        found += [f"{scheme} {width}: {violation}" for violation in violations(page)]
    return found
