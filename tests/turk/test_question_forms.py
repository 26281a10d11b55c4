"""QuestionForm: what is read, what is refused, what reaches the browser, and how a filled-in form is read."""

import time
from html.parser import HTMLParser
from urllib.parse import urlsplit
from xml.etree import ElementTree

import pytest

from tests.turk.forms import OTHER, REQUIRED, counts, form, free_text, question, selection
from workers.turk.errors import RequestRefused
from workers.turk.form_answers import UNANSWERED, Answer, blank, read_answers
from workers.turk.question_forms import NAMESPACES, Block, parse_question_form
from workers.turk.questions import ANSWERS, form_answer_xml
from workers.turk.review_policies import read_answers as read_stored
from workers.turk.xhtml import safe_html

BINARY = (
    "<Binary><MimeType><Type>image</Type><SubType>gif</SubType></MimeType>"
    "<DataURL>https://a.example/board.gif?x=1&amp;y=2</DataURL><AltText>The board</AltText></Binary>"
)


def refusal(xml: str) -> tuple[str, str]:
    with pytest.raises(RequestRefused) as caught:
        parse_question_form(xml)
    return caught.value.code.rpartition(".")[2], caught.value.message


@pytest.mark.parametrize("namespace", NAMESPACES)
def test_a_form_is_read_in_its_order(namespace):
    content = f"<Title>Board</Title><Text> Look &lt;here&gt; </Text><List><ListItem>one</ListItem></List>{BINARY}"
    read = parse_question_form(
        form(
            f"<Overview>{content}<FormattedContent><![CDATA[<b>bold</b>]]></FormattedContent></Overview>",
            question("move", free_text('<Length minLength="2" maxLength="2"/>', "<DefaultText>C1</DefaultText>")),
            "<Overview><Text>Nearly done</Text></Overview>",
            question("win", selection("yes", "no"), more=f"<DisplayName>Who wins</DisplayName>{REQUIRED}"),
            namespace=namespace,
        )
    )
    assert read.parts[0] == (
        Block(kind="title", text="Board"),
        Block(kind="text", text="Look <here>"),
        Block(kind="list", items=("one",)),
        Block(kind="image", text="The board", url="https://a.example/board.gif?x=1&y=2"),
        Block(kind="html", text="<b>bold</b>"),
    )
    move, win = read.questions
    assert (move.identifier, move.field, move.text.default, move.text.max_length) == ("move", "q1", "C1", 2)
    assert move.required, "a smallest length asks for an answer"
    assert (win.name, win.required, win.field) == ("Who wins", True, "q2")
    assert [option.identifier for option in win.selection.options] == ["yes", "no"]


@pytest.mark.parametrize(
    ("xml", "code", "says"),
    [
        ("<QuestionForm/>", "XMLParseError", "namespace"),
        ("not xml", "XMLParseError", "syntax error"),
        ("<!DOCTYPE x [<!ENTITY a 'b'>]>" + form(question("a", selection("b"))).split("\n")[1], "XMLParseError", "DOC"),
        (form(), "XMLParseError", "at least one Question"),
        (form("<Overview><Text>only</Text></Overview>"), "XMLParseError", "at least one Question"),
        (form("<Strange/>"), "XMLParseError", "may not contain Strange"),
        (form('<Overview xmlns="urn:x"/>'), "XMLParseError", "does not belong"),
        (form(question("a", selection("b")), question("a", selection("b"))), "InvalidParameterValue", "same Question"),
        (form(question("a", selection("b", "b"))), "InvalidParameterValue", "same SelectionIdentifier"),
        (form(question("", selection("b"))), "XMLParseError", "QuestionIdentifier is missing"),
        (form(question("a", selection())), "XMLParseError", "at least one Selection"),
        (form(question("a", selection("b", before=counts(2, 1)))), "InvalidParameterValue", "MinSelectionCount"),
        (form(question("a", selection("b", before=counts(0, 2)))), "InvalidParameterValue", "MaxSelectionCount"),
        (
            form(question("a", selection("b", before="<StyleSuggestion>knob</StyleSuggestion>"))),
            "XMLParseError",
            "StyleSuggestion must be one of",
        ),
        (form(question("a", free_text('<Length minLength="x"/>'))), "XMLParseError", "minLength"),
        (form(question("a", free_text('<IsNumeric minValue="9" maxValue="1"/>'))), "InvalidParameterValue", "larger"),
        (form(question("a", free_text('<AnswerFormatRegex flags="i"/>'))), "XMLParseError", "needs a regex"),
        (form(question("a", free_text(), more="<IsRequired>maybe</IsRequired>")), "XMLParseError", "true or false"),
        (form(question("a", "<FileUploadAnswer/>")), "InvalidParameterValue", "since 2017"),
        (form(question("a", free_text(), "<Application/>")), "InvalidParameterValue", "since 2017"),
        (form(question("a", free_text(), BINARY.replace("https:", "javascript:"))), "XMLParseError", "DataURL"),
        (form(question("a", free_text(), BINARY.replace("image", "font"))), "XMLParseError", "image, audio or video"),
        (
            form(question("a", free_text(), "<FormattedContent><b>x</b></FormattedContent>")),
            "XMLParseError",
            "CDATA",
        ),
        (
            form(question("a", free_text(), "<FormattedContent>&lt;script/&gt;</FormattedContent>")),
            "XHTMLParseError",
            "script is not supported",
        ),
        (form(question("a", free_text(), f"<Text>{'x' * 65_536}</Text>")), "InvalidParameterValue", "65535 bytes"),
    ],
)
def test_a_form_that_does_not_fit_is_refused_with_its_code(xml, code, says):
    found, message = refusal(xml)
    assert found == code and says in message, message


class Seen(HTMLParser):
    """What a browser would make of a text: elements with their attributes."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))


@pytest.mark.parametrize(
    "content",
    [
        "<script>x()</script>",
        "<b onclick='x()'>x</b>",
        "<img src='https://a.example/x' alt='' onerror='x()'/>",
        "<a href='javascript:x()'>x</a>",
        "<a href=' javascript:x()'>x</a>",
        "<a href='java&#10;script:x()'>x</a>",
        "<a href='&#1;javascript:x()'>x</a>",
        "<a href='data:text/html,x'>x</a>",
        "<a href='/sign-out'>x</a>",
        "<a href='//a.example'>x</a>",
        "<img src='data:image/svg+xml,x' alt=''/>",
        "<iframe src='https://a.example'></iframe>",
        "<form action='https://a.example'><input name='x'/></form>",
        "<style>*{display:none}</style>",
        "<p style='position:fixed'>x</p>",
        "<p class='primary'>x</p>",
        "<p id='main'>x</p>",
        "<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>",
        "<x:script xmlns:x='http://www.w3.org/1999/xhtml'>x()</x:script>",
        "<B>x</B>",
        "<b>x",
        "<b><i>x</b></i>",
        "<p>x</p></FormattedContent><script/><FormattedContent>",
        "<!-- x -->",
        "<?php x ?>",
        "<!DOCTYPE x>",
        "<img src='https://a.example/x'/>",
        "<br>x</br>",
        "&unknown;",
        "<b>" * 60 + "</b>" * 60,
    ],
)
def test_formatted_content_outside_of_the_subset_is_refused(content):
    with pytest.raises(RequestRefused) as caught:
        safe_html(content)
    assert caught.value.code == "AWS.MechanicalTurk.XHTMLParseError"


def test_formatted_content_is_written_anew():
    content = (
        "I <i>love</i> &lt;script&gt; &amp; caf&eacute;&nbsp;&#60;b&#62;<br/>"
        "<table border='1'><tr><td align='center' colspan=\"4\" title='&quot;&lt;'>X</td></tr></table>"
        "<font color='red' size='2'>red</font><a href='https://a.example/?a=1&amp;b=2' accesskey='x'>there</a>"
        "<![CDATA[<script>]]>"
    )
    html = safe_html(content)
    assert html.startswith('I <i>love</i> &lt;script&gt; &amp; café\u00a0&lt;b&gt;<br><table border="1">')
    seen = Seen(html).tags
    assert [tag for tag, _ in seen] == ["i", "br", "table", "tr", "td", "font", "a"]
    assert seen[4][1] == {"align": "center", "colspan": "4", "title": '"<'}
    assert seen[5][1] == {"size": "2"}, "no colour that a dark page would swallow"
    assert seen[6][1] == {"href": "https://a.example/?a=1&b=2", "target": "_blank", "rel": "noopener noreferrer"}


def one(answer: str, more: str = "", **values: str | list[str]) -> tuple[list[Answer], str]:
    """The answers to a form of one question, and the complaint about it."""
    fields = [
        (name.replace("_", "."), one)
        for name, given in values.items()
        for one in ([given] if isinstance(given, str) else given)
    ]
    read = read_answers(parse_question_form(form(question("a", answer, more=more))), fields)
    return list(read.answers), read.complaints.get("a", "")


@pytest.mark.parametrize(
    ("rules", "text", "complaint"),
    [
        ("", "anything", ""),
        ("<IsNumeric/>", "-1.50", ""),
        ("<IsNumeric/>", " 7 ", ""),
        ("<IsNumeric/>", "seven", "Type a number"),
        ("<IsNumeric/>", "1e5", "Type a number"),
        ("<IsNumeric/>", "٣", "Type a number"),
        ("<IsNumeric/>", "Infinity", "Type a number"),
        ('<IsNumeric minValue="100" maxValue="999"/>', "99.9", "at least 100"),
        ('<IsNumeric minValue="100" maxValue="999"/>', "999", ""),
        ('<IsNumeric minValue="100" maxValue="999"/>', "999.1", "at most 999"),
        ('<Length minLength="3" maxLength="4"/>', "ab", "at least 3 characters; these are 2"),
        ('<Length minLength="3" maxLength="4"/>', "a\r\nb", ""),
        ('<Length minLength="3" maxLength="4"/>', "abcde", "at most 4 characters; these are 5"),
        ('<Length minLength="3"/>', "", UNANSWERED),
        ('<Length maxLength="3"/>', "", ""),
        ('<AnswerFormatRegex regex="(a+)+$"/>', "a" * 60 + "!", ""),
    ],
)
def test_typed_answers_are_held_to_their_rules(rules, text, complaint):
    started = time.perf_counter()
    answers, said = one(free_text(rules), q1=text)
    assert complaint in said and bool(complaint) == bool(said), said
    assert bool(answers) == (not said and bool(text))
    assert time.perf_counter() - started < 1, "a pattern of the requester's ran on the server"


@pytest.mark.parametrize(
    ("answer", "more", "given", "wanted"),
    [
        (selection("x", "y"), REQUIRED, {}, UNANSWERED),
        (selection("x", "y"), "", {}, []),
        (selection("x", "y"), REQUIRED, {"q1": "y"}, [Answer(question="a", selections=("y",))]),
        (selection("x", "y"), REQUIRED, {"q1": ["x", "y"]}, "at most 1 answer"),
        (selection("x", "y"), "", {"q1": "z"}, "answers shown"),
        (
            selection("x", "y", before=counts(0, 2)),
            "",
            {"q1": ["y", "x", "y"]},
            [Answer(question="a", selections=("y", "x"))],
        ),
        (selection("x", "y", before=counts(2, 2)), "", {"q1": "x"}, "at least 2 answers"),
        (selection("x", "y", before=counts(2, 2)), "", {}, []),
        (selection("x", "y", after=OTHER), "", {"q1": "", "q1_other": " mine "}, [Answer(question="a", other="mine")]),
        (selection("x", "y", after=OTHER), "", {"q1_other": "mine"}, [Answer(question="a", other="mine")]),
        (selection("x", "y", after=OTHER), "", {"q1": "x", "q1_other": "mine"}, "not both"),
        (selection("x", "y", after=OTHER), REQUIRED, {"q1": "", "q1_other": " "}, UNANSWERED),
        (
            selection("x", before=counts(1, 2), after=OTHER),
            "",
            {"q1": "x", "q1_other": "m"},
            [Answer(question="a", selections=("x",), other="m")],
        ),
        (selection("x", "y"), "", {"q1_other": "mine"}, []),
    ],
)
def test_picked_answers_are_held_to_their_rules(answer, more, given, wanted):
    answers, said = one(answer, more, **given)
    if isinstance(wanted, str):
        assert answers == [] and wanted in said
    else:
        assert answers == wanted and said == ""


def test_what_was_typed_is_kept_for_the_next_try():
    read = parse_question_form(form(question("a", free_text()), question("b", selection("x", "y"), more=REQUIRED)))
    again = read_answers(read, [("q1", "long work"), ("q2", "")])
    assert again.complaints == {"b": UNANSWERED} and again.typed["q1"] == ("long work",)
    defaults = form(
        question("a", free_text(more="<DefaultText>C1</DefaultText>")),
        question("b", selection("x", after="<OtherSelection><DefaultText>none</DefaultText></OtherSelection>")),
    )
    assert blank(parse_question_form(defaults)).typed == {"q1": ("C1",), "q2.other": ("none",)}


def test_answers_become_question_form_answers():
    xml = form_answer_xml(
        [Answer(question="a", text="<b>\u0000ü"), Answer(question="b", selections=("x", "y"), other="mine")]
    )
    tags = [
        [(child.tag.removeprefix(f"{{{ANSWERS}}}"), child.text) for child in answer]
        for answer in ElementTree.fromstring(xml.encode())
    ]
    assert tags == [
        [("QuestionIdentifier", "a"), ("FreeText", "<b>\ufffdü")],
        [
            ("QuestionIdentifier", "b"),
            ("SelectionIdentifier", "x"),
            ("SelectionIdentifier", "y"),
            ("OtherSelectionText", "mine"),
        ],
    ]
    assert read_stored(xml) == {"a": frozenset({"<b>\ufffdü"}), "b": frozenset({"x", "y", "mine"})}
    assert urlsplit(ANSWERS).path.endswith("2005-10-01/QuestionFormAnswers.xsd")
