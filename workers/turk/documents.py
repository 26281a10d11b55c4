"""XML that requesters send, read as a tree of one namespace, or refused with the reason."""

import re
from urllib.parse import urlsplit
from xml.etree import ElementTree

from workers.turk.errors import InvalidParameter, RequestRefused

SCHEMAS = "http://mechanicalturk.amazonaws.com/AWSMechanicalTurkDataSchemas"
MAX_BYTES = 65_535
_INTEGER = re.compile(r"[+-]?[0-9]{1,9}")
_SPACE_OR_CONTROL = re.compile(r"[\x00-\x20\x7f-\xa0]")


class NoDoctype(ElementTree.TreeBuilder):
    """Builds the tree but refuses a DOCTYPE: nothing that defines entities gets any further."""

    def doctype(self, name: str, pubid: str, system: str) -> None:
        """Called by the parser where it meets one."""
        raise ValueError("a DOCTYPE is not allowed")


def read_document(xml: str, what: str) -> ElementTree.Element:
    """The tree of a requester's XML; ``what`` is the name of the parameter.

    Raises InvalidParameter for a text that is too long, RequestRefused(XMLParseError) for one that is malformed or
    declares a DOCTYPE (entity bombs).
    """
    if len(xml.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise InvalidParameter(f"{what} may have at most {MAX_BYTES} bytes.")
    try:
        return ElementTree.fromstring(xml, ElementTree.XMLParser(target=NoDoctype()))
    except (ElementTree.ParseError, UnicodeError, ValueError) as error:
        raise malformed(str(error)) from None


def malformed(reason: str) -> RequestRefused:
    """The refusal of XML that does not fit its schema."""
    return RequestRefused("AWS.MechanicalTurk.XMLParseError", f"There was an error parsing the XML question: {reason}.")


def without_namespace(root: ElementTree.Element, namespace: str) -> ElementTree.Element:
    """The same tree with plain names. Raises RequestRefused when an element belongs to another namespace."""
    prefix = f"{{{namespace}}}"
    for element in root.iter():
        if not element.tag.startswith(prefix):
            raise malformed(f"{element.tag[:200]} does not belong to {namespace}")
        element.tag = element.tag.removeprefix(prefix)
    return root


def check_children(element: ElementTree.Element, *names: str, many: frozenset[str] = frozenset()) -> None:
    """Raises RequestRefused when an element has another child than these, or one twice that is not in ``many``."""
    seen: set[str] = set()
    for child in element:
        if child.tag not in names:
            raise malformed(f"{element.tag} may not contain {child.tag[:100]}")
        if child.tag in seen and child.tag not in many:
            raise malformed(f"{element.tag} may contain {child.tag} once only")
        seen.add(child.tag)


def child_text(element: ElementTree.Element, name: str, default: str | None = None) -> str:
    """The text of a child, without the space around it. Raises RequestRefused when it is empty and has no default."""
    child = element.find(name)
    if child is not None and len(child):
        raise malformed(f"{name} may contain text only")
    text = (child.text or "").strip() if child is not None else ""
    if text:
        return text
    if default is None:
        raise malformed(f"{name} is missing or empty in {element.tag}")
    return default


def whole_number(text: str, name: str, low: int | None = None) -> int:
    """A whole number of XML. Raises RequestRefused for another text, or one below ``low``."""
    if not _INTEGER.fullmatch(text) or (low is not None and int(text) < low):
        least = "" if low is None else f" of at least {low}"
        raise malformed(f"{name} must be a whole number{least}, not {text[:40]!r}")
    return int(text)


def is_web_address(url: str, schemes: frozenset[str] = frozenset({"http", "https"})) -> bool:
    """Whether a URL is absolute, of one of the schemes, and free of what a browser would skip over."""
    if _SPACE_OR_CONTROL.search(url):
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in schemes and bool(parts.netloc or parts.path)
