"""The XML of MTurk: questions in, answers out.

ExternalQuestion: the task is a page of the requester's own, shown in an iframe. The iframe is sandboxed with
``allow-scripts allow-forms allow-same-origin``. The last of these gives the page in the frame its *own* origin, not
ours, so that its module scripts and requests to its own server work. Cookies and storage of a third party may still be
blocked by the browser: such a page must work without them. It would be unsafe if the page shared our origin, because
script could then lift the sandbox; therefore an ExternalURL on the marketplace's own origin is refused.

HTMLQuestion: the requester's HTML is served by us, so it gets the sandbox without ``allow-same-origin``: an opaque
origin that reaches nothing of ours.

QuestionForm: the requester's questions are shown as a form of our own, on our own page (see question_forms).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit
from xml.etree import ElementTree

from workers.turk.documents import SCHEMAS, malformed, read_document
from workers.turk.errors import InvalidParameter
from workers.turk.form_answers import Answer
from workers.turk.question_forms import QuestionForm, is_question_form, read_question_form

EXTERNAL = f"{{{SCHEMAS}/2006-07-14/ExternalQuestion.xsd}}"
HTML = f"{{{SCHEMAS}/2011-11-11/HTMLQuestion.xsd}}"
ANSWERS = f"{SCHEMAS}/2005-10-01/QuestionFormAnswers.xsd"
PREVIEW = "ASSIGNMENT_ID_NOT_AVAILABLE"
RESERVED = frozenset({"assignmentId", "hitId", "turkSubmitTo", "workerId"})

_AMAZONS_SCRIPT = re.compile(r"(?:https?:)?//s3\.amazonaws\.com/mturk-public/(?=externalHIT_v1\.js)", re.IGNORECASE)
_AMAZONS_SUBMIT = re.compile(r"(?:https?:)?//(?:www|workersandbox)\.mturk\.com(?=/mturk/externalSubmit)", re.IGNORECASE)
_UNSAFE_HOST = re.compile(r"[^A-Za-z0-9.:\[\]_-]")
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Question:
    """A parsed question: ``url`` of an ExternalQuestion, ``html`` of an HTMLQuestion or ``form`` of a QuestionForm.

    ``height`` of the frame: pixels, 0 = fit.
    """

    height: int
    url: str | None = None
    html: str | None = None
    form: QuestionForm | None = None


def parse_question(xml: str, own_origin: str) -> Question:
    """Reads ExternalQuestion, HTMLQuestion or QuestionForm.

    Raises RequestRefused(XMLParseError) for XML that is malformed, declares a DOCTYPE or is of another kind, and
    InvalidParameter for a text that is too long, a frame height or a URL that cannot be used.
    """
    root = read_document(xml, "Question")
    if is_question_form(root):
        return Question(0, form=read_question_form(root))
    if root.tag == f"{EXTERNAL}ExternalQuestion":
        url = _text(root, f"{EXTERNAL}ExternalURL")
        return Question(_height(root, EXTERNAL), url=_usable_url(url, own_origin))
    if root.tag == f"{HTML}HTMLQuestion":
        return Question(_height(root, HTML), html=_text(root, f"{HTML}HTMLContent"))
    raise malformed(
        "the root element must be ExternalQuestion, HTMLQuestion or QuestionForm, each with its namespace, "
        f"not {root.tag[:200]}"
    )


def frame_url(url: str, parameters: Iterable[tuple[str, str]]) -> str:
    """The URL with MTurk's parameters appended; parameters that it already has stay."""
    parts = urlsplit(url)
    query = "&".join(part for part in (parts.query, urlencode(list(parameters))) if part)
    return urlunsplit((parts.scheme, parts.netloc, parts.path or "/", query, ""))


def at_home(html: str) -> str:
    """An HTMLQuestion's content that names Amazon's script and address for answers, with ours in their place."""
    return _AMAZONS_SUBMIT.sub("", _AMAZONS_SCRIPT.sub("/static/", html))


def origin_of(url: str) -> str:
    """Scheme, host and port of a URL, for a Content-Security-Policy."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def answer_xml(fields: list[tuple[str, str]]) -> str:
    """QuestionFormAnswers with one Answer a field, in the order of the form; reserved names are left out."""
    return _answers((name, [("FreeText", value)]) for name, value in fields if name not in RESERVED)


def form_answer_xml(answers: Iterable[Answer]) -> str:
    """QuestionFormAnswers of a QuestionForm, in the order of its questions."""
    return _answers((answer.question, _values(answer)) for answer in answers)


def _values(answer: Answer) -> list[tuple[str, str]]:
    if answer.text is not None:
        return [("FreeText", answer.text)]
    other = [("OtherSelectionText", answer.other)] if answer.other is not None else []
    return [("SelectionIdentifier", picked) for picked in answer.selections] + other


def _answers(rows: Iterable[tuple[str, list[tuple[str, str]]]]) -> str:
    # Characters that XML 1.0 cannot carry become U+FFFD.
    root = ElementTree.Element("QuestionFormAnswers", xmlns=ANSWERS)
    for name, values in rows:
        answer = ElementTree.SubElement(root, "Answer")
        for tag, text in [("QuestionIdentifier", name), *values]:
            ElementTree.SubElement(answer, tag).text = _NOT_XML.sub("\ufffd", text)
    return '<?xml version="1.0" encoding="UTF-8" standalone="no"?>\n' + ElementTree.tostring(root, encoding="unicode")


def parse_form(body: bytes) -> list[tuple[str, str]]:
    """The fields of an application/x-www-form-urlencoded body, in order. Raises ValueError for more than 1,000."""
    return parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=1_000)


def _usable_url(url: str, own_origin: str) -> str:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise InvalidParameter("ExternalURL is not a valid URL.") from None
    if parts.scheme not in {"http", "https"} or not host or not url.isascii() or _UNSAFE_HOST.search(parts.netloc):
        raise InvalidParameter("ExternalURL must be an absolute https URL.")
    if parts.username is not None:
        raise InvalidParameter("ExternalURL may not contain a user name or password.")
    if parts.scheme == "http" and not _is_loopback(host):
        raise InvalidParameter("ExternalURL must use https; http is allowed on 127.0.0.1 and localhost only.")
    own = urlsplit(own_origin)
    if (parts.scheme, host, port or _default_port(parts.scheme)) == (
        own.scheme,
        own.hostname,
        own.port or _default_port(own.scheme),
    ):
        raise InvalidParameter("ExternalURL may not be on the marketplace's own address.")
    return url


def _default_port(scheme: str) -> int:
    return 443 if scheme == "https" else 80


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _text(root: ElementTree.Element, tag: str) -> str:
    text = (root.findtext(tag) or "").strip()
    if not text:
        raise malformed(f"{tag.rpartition('}')[2]} is missing or empty")
    return text


def _height(root: ElementTree.Element, namespace: str) -> int:
    text = (root.findtext(f"{namespace}FrameHeight") or "").strip()
    if not re.fullmatch(r"[0-9]{1,5}", text):
        raise InvalidParameter("FrameHeight must be a whole number of pixels; 0 fits the frame to the window.")
    return int(text)
