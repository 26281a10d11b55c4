"""FormattedContent: the subset of XHTML that MTurk documents, read strictly and written anew.

What reaches a worker's browser is never the requester's own text but what this module writes from the parsed tree:
elements and attributes of the lists below, with everything escaped. So nothing runs, whatever a requester sends.
"""

import re
from html import escape
from html.entities import name2codepoint
from xml.etree import ElementTree

from workers.turk.documents import NoDoctype, is_web_address
from workers.turk.errors import RequestRefused

_NAMESPACE = "http://www.w3.org/1999/xhtml"
_MAX_DEPTH = 50
_CELL = "align char charoff valign"
_COLUMN = f"{_CELL} span width"
_BOX = f"abbr axis bgcolor colspan headers height nowrap rowspan scope width {_CELL}"
_ATTRIBUTES = {
    "a": "accesskey charset coords href hreflang name rel rev shape tabindex target type",
    "area": "alt coords href nohref shape target",
    **dict.fromkeys(("blockquote", "q"), "cite"),
    **dict.fromkeys(("col", "colgroup"), _COLUMN),
    **dict.fromkeys(("del", "ins"), "cite datetime"),
    "font": "color face size",
    **dict.fromkeys(("h1", "h2", "h3", "h4", "h5", "h6", "p"), "align"),
    "hr": "align noshade size width",
    "img": "align alt border height hspace ismap longdesc src usemap vspace width",
    "li": "type value",
    "map": "name",
    "ol": "compact start type",
    "pre": "width",
    "table": "align bgcolor border cellpadding cellspacing frame rules summary width",
    **dict.fromkeys(("tbody", "tfoot", "thead"), _CELL),
    **dict.fromkeys(("td", "th"), _BOX),
    "tr": f"bgcolor {_CELL}",
    "ul": "compact type",
}
_BARE = "b big br center cite code dd dl dt em i small strong sub sup u"
_ALLOWED = {
    tag: frozenset(f"{names} title dir lang".split())
    for tag, names in (dict.fromkeys(_BARE.split(), "") | _ATTRIBUTES).items()
}
# Allowed, but not written: colours that would be unreadable on a dark page, and what takes keys or windows over.
_NOT_WRITTEN = frozenset({"accesskey", "bgcolor", "charset", "color", "face", "rel", "rev", "tabindex", "target"})
_EMPTY = frozenset({"area", "br", "col", "hr", "img"})
_LINKS = frozenset({"cite", "href", "longdesc"})
_SCHEMES = frozenset({"http", "https", "ftp", "news", "nntp", "mailto", "gopher", "telnet"})
_REQUIRED = {"img": ("src", "alt"), "area": ("alt",), "map": ("name",)}
_ENTITY = re.compile("&([A-Za-z][A-Za-z0-9]{1,9});")
_OF_XML = frozenset({"amp", "lt", "gt", "quot", "apos"})


class _Strict(NoDoctype):
    """Refuses comments and instructions too, and nests to a limit that writing it out can follow."""

    depth = 0

    def start(self, tag: str, attrs: dict[str, str]) -> ElementTree.Element:
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise ValueError(f"elements may be nested {_MAX_DEPTH} deep")
        return super().start(tag, attrs)

    def end(self, tag: str) -> ElementTree.Element:
        self.depth -= 1
        return super().end(tag)

    def comment(self, text: str | None) -> ElementTree.Element:
        raise ValueError("comments are not allowed")

    def pi(self, target: str, text: str | None = None) -> ElementTree.Element:
        raise ValueError("processing instructions are not allowed")


def safe_html(content: str) -> str:
    """HTML that shows a FormattedContent. Raises RequestRefused(XHTMLParseError) for what the subset does not have."""
    text = _ENTITY.sub(_numeric, content)
    document = f'<FormattedContent xmlns="{_NAMESPACE}">{text}</FormattedContent>'
    try:
        root = ElementTree.fromstring(document, ElementTree.XMLParser(target=_Strict()))
        return _inside(root)
    except (ElementTree.ParseError, UnicodeError, ValueError) as error:
        raise RequestRefused(
            "AWS.MechanicalTurk.XHTMLParseError", f"There was an error parsing the XHTML in FormattedContent: {error}."
        ) from None


def _numeric(entity: re.Match[str]) -> str:
    name = entity[1]
    return entity[0] if name in _OF_XML or name not in name2codepoint else f"&#{name2codepoint[name]};"


def _inside(element: ElementTree.Element) -> str:
    parts = [escape(element.text or "")]
    for child in element:
        parts += [_written(child), escape(child.tail or "")]
    return "".join(parts)


def _written(element: ElementTree.Element) -> str:
    tag = element.tag.removeprefix(f"{{{_NAMESPACE}}}")
    if tag not in _ALLOWED:
        raise ValueError(f"the element {tag[:100]} is not supported")
    for name, value in element.items():
        if name not in _ALLOWED[tag]:
            raise ValueError(f"{tag} may not have the attribute {name[:100]}")
        _check_link(tag, name, value)
    missing = [name for name in _REQUIRED.get(tag, ()) if element.get(name) is None]
    if missing:
        raise ValueError(f"{tag} needs the attribute {missing[0]}")
    shown = {name: value for name, value in element.items() if name not in _NOT_WRITTEN}
    if "href" in shown:
        # Another tab, which knows nothing of this one: half an answer is not lost by following a link.
        shown |= {"target": "_blank", "rel": "noopener noreferrer"}
    opening = tag + "".join(f' {name}="{escape(value)}"' for name, value in shown.items())
    if tag in _EMPTY:
        if len(element) or (element.text or "").strip():
            raise ValueError(f"{tag} must be empty")
        return f"<{opening}>"
    return f"<{opening}>{_inside(element)}</{tag}>"


def _check_link(tag: str, name: str, value: str) -> None:
    if name == "src" and not is_web_address(value):
        raise ValueError(f"src of {tag} must be an http or https address")
    if name in _LINKS and not is_web_address(value, _SCHEMES):
        raise ValueError(f"{name} of {tag} must be an address of one of {', '.join(sorted(_SCHEMES))}")
    if name == "usemap" and not value.startswith("#"):
        raise ValueError(f"usemap of {tag} must name a map of the same page")
