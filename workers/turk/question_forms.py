"""QuestionForm: questions in MTurk's own XML, that the marketplace shows as a form. Pure: text in, values out.

A form is a row of parts: overviews to read and questions to answer. AnswerFormatRegex is kept for the page's script,
which checks it in the worker's browser as Amazon's site does; no pattern of a requester's ever runs here, where one
that backtracks for ever would stop everybody. FileUploadAnswer and Application have been refused by Amazon since 2017.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from xml.etree import ElementTree

from workers.turk.documents import (
    SCHEMAS,
    check_children,
    child_text,
    is_web_address,
    malformed,
    read_document,
    whole_number,
    without_namespace,
)
from workers.turk.errors import InvalidParameter
from workers.turk.xhtml import safe_html

NAMESPACES = (f"{SCHEMAS}/2017-11-06/QuestionForm.xsd", f"{SCHEMAS}/2005-10-01/QuestionForm.xsd")
STYLES = frozenset({"radiobutton", "checkbox", "list", "dropdown", "combobox", "multichooser"})
MEDIA = frozenset({"image", "audio", "video"})
_CONTENT = ("Title", "Text", "List", "Binary", "EmbeddedBinary", "FormattedContent")
_GONE = {
    "Application": "Application has not been supported since 2017: use HTMLQuestion or ExternalQuestion",
    "FileUploadAnswer": "FileUploadAnswer has not been supported since 2017: let workers upload to a place of your own",
}
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Something to read or see. ``kind`` is title, text, list, html (already safe), image, audio or video."""

    kind: str
    text: str = ""
    items: tuple[str, ...] = ()
    url: str = ""
    width: str = ""
    height: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """A regular expression that the answer must match, for the browser; ``flags`` is i or nothing."""

    regex: str
    flags: str
    message: str


def _between(low: int | None, high: int | None) -> str:
    if low is None and high is None:
        return ""
    if high is None:
        return f" at least {low}"
    if low is None:
        return f" at most {high}"
    return f" {low}" if low == high else f" {low} to {high}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FreeText:
    """An answer that is typed. ``low`` and ``high`` bound a numeric one."""

    default: str = ""
    lines: int = 1
    numeric: bool = False
    low: int | None = None
    high: int | None = None
    min_length: int = 0
    max_length: int | None = None
    patterns: tuple[Pattern, ...] = ()

    @property
    def checks(self) -> list[dict[str, str]]:
        """The patterns as the page's script reads them."""
        return [asdict(pattern) for pattern in self.patterns]

    @property
    def hint(self) -> str:
        """What is asked of the answer, as a sentence for the worker; empty when anything goes."""
        number = _between(self.low, self.high) if self.numeric else ""
        if None not in (self.low, self.high) and self.low != self.high:
            number = f" from{number}"
        length = _between(self.min_length or None, self.max_length)
        parts = [f"a number{number}"] if self.numeric else []
        parts += [f"{length.removeprefix(' ')} character{'' if self.max_length == 1 else 's'}"] if length else []
        return f"{', '.join(parts).capitalize()}." if parts else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One selection and what it shows."""

    identifier: str
    shown: Block


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """An answer that is picked. ``other``: the worker may write an answer of their own, which counts as one picked."""

    options: tuple[Option, ...]
    minimum: int
    maximum: int
    style: str
    other: FreeText | None

    @property
    def shape(self) -> str:
        """The kind of field: select, radio or checkbox. A suggestion counts where the field can do what is asked."""
        if self.maximum > 1 or self.style in {"checkbox", "multichooser"}:
            return "checkbox"
        plain = all(option.shown.kind == "text" for option in self.options)
        return "select" if plain and self.style in {"dropdown", "list", "combobox"} else "radio"

    @property
    def hint(self) -> str:
        """How many answers are to be picked, where that is not one."""
        if self.maximum == 1:
            return ""
        count = _between(self.minimum if self.minimum > 1 else None, self.maximum)
        return f"Pick{count} answers."


@dataclass(frozen=True, slots=True, kw_only=True)
class FormQuestion:
    """A question, numbered from 1 in the form. ``required``: an answer must be given."""

    number: int
    identifier: str
    name: str
    required: bool
    content: tuple[Block, ...]
    text: FreeText | None = None
    selection: Selection | None = None

    @property
    def field(self) -> str:
        """The name of its field in the form; an answer of one's own is in ``<field>.other``."""
        return f"q{self.number}"


@dataclass(frozen=True, slots=True)
class QuestionForm:
    """A form: overviews (blocks) and questions, in their order."""

    parts: tuple[tuple[Block, ...] | FormQuestion, ...]

    @property
    def questions(self) -> tuple[FormQuestion, ...]:
        """The questions alone."""
        return tuple(part for part in self.parts if isinstance(part, FormQuestion))


def parse_question_form(xml: str, what: str = "Question") -> QuestionForm:
    """Reads a QuestionForm; ``what`` is the name of the parameter.

    Raises RequestRefused with XMLParseError or XHTMLParseError for what does not fit the schema, InvalidParameter for
    a text that is too long or counts and names that contradict each other.
    """
    return read_question_form(read_document(xml, what))


def is_question_form(root: ElementTree.Element) -> bool:
    """Whether a document's root says that it is a QuestionForm of a known version."""
    return root.tag in {f"{{{namespace}}}QuestionForm" for namespace in NAMESPACES}


def read_question_form(root: ElementTree.Element) -> QuestionForm:
    """The form in a document that has been read. Raises as parse_question_form does."""
    if not is_question_form(root):
        raise malformed(f"the root element must be QuestionForm with its namespace, not {root.tag[:200]}")
    without_namespace(root, root.tag[1:].partition("}")[0])
    check_children(root, "Overview", "Question", many=frozenset({"Overview", "Question"}))
    parts: list[tuple[Block, ...] | FormQuestion] = []
    number = 0
    for child in root:
        if child.tag == "Overview":
            parts.append(_content(child))
        else:
            number += 1
            parts.append(_question(child, number))
    names = [part.identifier for part in parts if isinstance(part, FormQuestion)]
    if not names:
        raise malformed("a QuestionForm needs at least one Question")
    if len(set(names)) < len(names):
        raise InvalidParameter("Two questions of the form have the same QuestionIdentifier.")
    return QuestionForm(tuple(parts))


def _question(element: ElementTree.Element, number: int) -> FormQuestion:
    check_children(element, "QuestionIdentifier", "DisplayName", "IsRequired", "QuestionContent", "AnswerSpecification")
    content, specification = element.find("QuestionContent"), element.find("AnswerSpecification")
    if content is None or specification is None or len(specification) != 1:
        raise malformed("a Question needs a QuestionContent and an AnswerSpecification with one kind of answer")
    kind = specification[0]
    _refuse_gone(kind)
    if kind.tag not in {"FreeTextAnswer", "SelectionAnswer"}:
        raise malformed(f"AnswerSpecification may not contain {kind.tag[:100]}")
    text = _free_text(kind) if kind.tag == "FreeTextAnswer" else None
    required = child_text(element, "IsRequired", "false")
    if required not in _BOOLEANS:
        raise malformed("IsRequired must be true or false")
    return FormQuestion(
        number=number,
        identifier=child_text(element, "QuestionIdentifier"),
        name=child_text(element, "DisplayName", ""),
        # A smallest length asks for an answer just as IsRequired does.
        required=_BOOLEANS[required] or bool(text and text.min_length),
        content=_content(content),
        text=text,
        selection=_selection(kind) if text is None else None,
    )


def _content(element: ElementTree.Element) -> tuple[Block, ...]:
    for child in element:
        _refuse_gone(child)
    check_children(element, *_CONTENT, many=frozenset(_CONTENT))
    return tuple(_block(child) for child in element)


def _refuse_gone(element: ElementTree.Element) -> None:
    if element.tag in _GONE:
        raise InvalidParameter(f"{_GONE[element.tag]}.")


def _block(element: ElementTree.Element) -> Block:
    if element.tag in {"Binary", "EmbeddedBinary"}:
        return _media(element)
    if element.tag == "List":
        check_children(element, "ListItem", many=frozenset({"ListItem"}))
        return Block(kind="list", items=tuple(_plain(item) for item in element))
    if element.tag == "FormattedContent":
        return Block(kind="html", text=safe_html(_plain(element)))
    return Block(kind=element.tag.lower(), text=_plain(element))


def _plain(element: ElementTree.Element) -> str:
    if len(element):
        raise malformed(f"{element.tag} may contain text only; put markup into a CDATA section of FormattedContent")
    return (element.text or "").strip()


def _media(element: ElementTree.Element) -> Block:
    kind = "EmbeddedMimeType" if element.tag == "EmbeddedBinary" else "MimeType"
    sizes = ("Width", "Height") if element.tag == "EmbeddedBinary" else ()
    parameters = ("ApplicationParameter",) if sizes else ()
    check_children(element, kind, "DataURL", "AltText", *sizes, *parameters, many=frozenset(parameters))
    mime = element.find(kind)
    if mime is None:
        raise malformed(f"{kind} is missing in {element.tag}")
    check_children(mime, "Type", "SubType")
    media, url = child_text(mime, "Type"), child_text(element, "DataURL")
    if media not in MEDIA:
        raise malformed(f"Type must be image, audio or video, not {media[:40]!r}")
    if not is_web_address(url):
        raise malformed("DataURL must be an absolute http or https address")
    width, height = (str(whole_number(child_text(element, size), size, 1)) for size in sizes) if sizes else ("", "")
    return Block(kind=media, text=child_text(element, "AltText", ""), url=url, width=width, height=height)


def _free_text(element: ElementTree.Element) -> FreeText:
    check_children(element, "Constraints", "DefaultText", "NumberOfLinesSuggestion")
    constraints = element.find("Constraints")
    if constraints is None:
        constraints = ElementTree.Element("Constraints")
    check_children(constraints, "IsNumeric", "Length", "AnswerFormatRegex", many=frozenset({"AnswerFormatRegex"}))
    numeric = constraints.find("IsNumeric")
    low, high = _range(numeric, "minValue", "maxValue", None)
    shortest, longest = _range(constraints.find("Length"), "minLength", "maxLength", 0)
    return FreeText(
        default=child_text(element, "DefaultText", ""),
        lines=whole_number(child_text(element, "NumberOfLinesSuggestion", "1"), "NumberOfLinesSuggestion", 1),
        numeric=numeric is not None,
        low=low,
        high=high,
        min_length=shortest or 0,
        max_length=longest,
        patterns=tuple(_patterns(constraints)),
    )


def _range(
    element: ElementTree.Element | None, low: str, high: str, least: int | None
) -> tuple[int | None, int | None]:
    given = dict(element.items()) if element is not None else {}
    smallest = whole_number(given[low], low, least) if low in given else None
    largest = whole_number(given[high], high, None if least is None else 1) if high in given else None
    if smallest is not None and largest is not None and smallest > largest:
        raise InvalidParameter(f"{low} may not be larger than {high}.")
    return smallest, largest


def _patterns(constraints: ElementTree.Element) -> Iterator[Pattern]:
    for element in constraints.findall("AnswerFormatRegex"):
        regex, flags = element.get("regex"), element.get("flags", "")
        if regex is None or flags not in {"", "i"}:
            raise malformed("AnswerFormatRegex needs a regex, and its flags can only be i")
        message = element.get("errorText", "").strip() or "Invalid input supplied."
        yield Pattern(regex=regex, flags=flags, message=message)


def _selection(element: ElementTree.Element) -> Selection:
    check_children(element, "MinSelectionCount", "MaxSelectionCount", "StyleSuggestion", "Selections")
    selections = element.find("Selections")
    if selections is None:
        raise malformed("Selections is missing in SelectionAnswer")
    check_children(selections, "Selection", "OtherSelection", many=frozenset({"Selection"}))
    options = tuple(_option(child) for child in selections.findall("Selection"))
    other = selections.find("OtherSelection")
    if not options:
        raise malformed("Selections needs at least one Selection")
    if len({option.identifier for option in options}) < len(options):
        raise InvalidParameter("Two selections of a question have the same SelectionIdentifier.")
    style = child_text(element, "StyleSuggestion", "")
    if style and style not in STYLES:
        raise malformed(f"StyleSuggestion must be one of {', '.join(sorted(STYLES))}, not {style[:40]!r}")
    minimum = whole_number(child_text(element, "MinSelectionCount", "1"), "MinSelectionCount", 0)
    maximum = whole_number(child_text(element, "MaxSelectionCount", "1"), "MaxSelectionCount", 1)
    if not minimum <= maximum <= len(options) + (other is not None):
        raise InvalidParameter(
            "MinSelectionCount may not be above MaxSelectionCount, nor that above the number of selections."
        )
    return Selection(
        options=options,
        minimum=minimum,
        maximum=maximum,
        style=style,
        other=_free_text(other) if other is not None else None,
    )


def _option(element: ElementTree.Element) -> Option:
    check_children(element, "SelectionIdentifier", "Text", "FormattedContent", "Binary")
    shown = [child for child in element if child.tag != "SelectionIdentifier"]
    if len(shown) != 1:
        raise malformed("a Selection needs one of Text, FormattedContent and Binary")
    return Option(identifier=child_text(element, "SelectionIdentifier"), shown=_block(shown[0]))
