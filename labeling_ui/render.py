"""A page context becomes HTML. The only home of Jinja2."""

import hashlib
from functools import cache
from importlib import metadata
from pathlib import Path

import vl_convert
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from active_learning.domain.access import Actor
from labeling_ui import places, wording
from labeling_ui.contexts import Page

HERE = Path(__file__).parent
STATIC = HERE / "static"
"""The folder that is served at ``/static``."""


@cache
def version() -> str:
    """What the static files are, the chart library among them, in twelve hexadecimal digits."""
    digest = hashlib.sha256(metadata.version("vl-convert-python").encode())
    for path in sorted(path for path in STATIC.rglob("*") if path.is_file()):
        digest.update(f"{path.relative_to(STATIC)} {path.stat().st_size} ".encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def static(path: str) -> str:
    """The address of a static file. It changes with any of them, so browsers may keep what is there for ever."""
    return f"/static/{version()}/{path}"


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
    environment.globals["static"] = static
    environment.globals["places"] = places
    return environment


ENVIRONMENT = _environment()


def fields(page: Page | type[Page]) -> set[str]:
    """The names that a page's template may use: its fields and properties, and ``client`` for its scripts.

    ``me``, who is signed in, is there too: see :func:`render`.
    """
    kind = page if isinstance(page, type) else type(page)
    own = [base for base in kind.__mro__ if issubclass(base, Page)]
    properties = {name for base in own for name, value in vars(base).items() if isinstance(value, property)}
    return set(kind.model_fields) | properties | {"client"}


def render(page: Page, me: Actor | None = None) -> str:
    """The page as HTML, for whoever is signed in: ``me`` decides what the page offers, not what may be done.

    Raises ``jinja2.UndefinedError`` when a template uses what its context does not have.
    """
    values = {name: getattr(page, name) for name in fields(page)}
    return ENVIRONMENT.get_template(page.template).render(values, me=me)


@cache
def vega_bundle() -> bytes:
    """Vega, Vega-Lite and Vega-Embed as one ES module of about 0.9 MB that sets ``window.vegaEmbed``.

    Made from the installed package in about 3 s at the first call, then kept. A strict Content-Security-Policy needs
    ``vegaEmbed(element, spec, {ast: true})``.
    """
    return str(vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")).encode()
