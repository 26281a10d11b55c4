"""A page context becomes HTML. The only home of Jinja2."""

from functools import cache
from pathlib import Path

import vl_convert
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from labeling_ui import wording
from labeling_ui.contexts import Page

HERE = Path(__file__).parent
STATIC = HERE / "static"
"""The folder that is served at ``/static``."""


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters.update(wording.FILTERS)
    return environment


ENVIRONMENT = _environment()


def fields(page: Page | type[Page]) -> set[str]:
    """The names that a page's template may use: its fields and properties, and ``client`` for its scripts."""
    kind = page if isinstance(page, type) else type(page)
    properties = {name for name in vars(kind) if isinstance(getattr(kind, name), property)}
    return set(kind.model_fields) | properties | {"client"}


def render(page: Page) -> str:
    """The page as HTML. Raises ``jinja2.UndefinedError`` when a template uses what its context does not have."""
    values = {name: getattr(page, name) for name in fields(page)}
    return ENVIRONMENT.get_template(page.template).render(values)


@cache
def vega_bundle() -> bytes:
    """Vega, Vega-Lite and Vega-Embed as one ES module of about 0.9 MB that sets ``window.vegaEmbed``.

    Made from the installed package in about 3 s at the first call, then kept. A strict Content-Security-Policy needs
    ``vegaEmbed(element, spec, {ast: true})``.
    """
    return str(vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")).encode()
