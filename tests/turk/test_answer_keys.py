"""AnswerKey: the value that a worker's answers to a test become."""

import pytest

from tests.turk.forms import OTHER, answer_key, counts, form, free_text, key_question, option, question, selection
from workers.turk.answer_keys import parse_answer_key, score
from workers.turk.errors import RequestRefused
from workers.turk.form_answers import Answer
from workers.turk.question_forms import parse_question_form

TEST = parse_question_form(
    form(question("a", selection("x", "y", "z", before=counts(0, 3))), question("b", selection("d", "e")))
)
QUESTIONS = (
    key_question("a", option(15, "x", "y"), option(10, "x"), option(-3, "y"), more="<DefaultScore>5</DefaultScore>"),
    key_question("b", option(10, "d")),
)
RANGES = """<RangeMapping><SummedScoreRange><InclusiveLowerBound>5</InclusiveLowerBound><InclusiveUpperBound>7
</InclusiveUpperBound><QualificationValue>50</QualificationValue></SummedScoreRange><SummedScoreRange>
<InclusiveLowerBound>8</InclusiveLowerBound><InclusiveUpperBound>20</InclusiveUpperBound><QualificationValue>100
</QualificationValue></SummedScoreRange><OutOfRangeQualificationValue>-1</OutOfRangeQualificationValue></RangeMapping>"""


def percent(highest: int) -> str:
    return f"<PercentageMapping><MaximumSummedScore>{highest}</MaximumSummedScore></PercentageMapping>"


def scale(factor: str) -> str:
    return f"<ScaleMapping><SummedScoreMultiplier>{factor}</SummedScoreMultiplier></ScaleMapping>"


@pytest.mark.parametrize(
    ("mapping", "a", "b", "value"),
    [
        ("", "xy", "d", 25),
        ("", "x", "d", 20),
        ("", "xz", "d", 15),
        ("", "xyz", "e", 5),
        ("", "y", "e", -3),
        ("", "", "", 5),
        (percent(25), "xy", "d", 100),
        (percent(8), "x", "", 125),
        (percent(15), "x", "", 67),
        (percent(40), "z", "", 13),
        (percent(24), "y", "", -12),
        (scale("3"), "x", "d", 60),
        (scale("0.5"), "z", "", 3),
        (scale("-1.5"), "z", "", -7),
        (RANGES, "z", "", 50),
        (RANGES, "x", "", 100),
        (RANGES, "x", "d", 100),
        (RANGES, "xy", "d", -1),
        (RANGES, "y", "d", 50),
        (RANGES, "y", "", -1),
    ],
)
def test_a_score_is_what_exactly_matching_options_are_worth(mapping, a, b, value):
    key = parse_answer_key(answer_key(*QUESTIONS, mapping=mapping), TEST)
    given = [Answer(question=name, selections=tuple(picked)) for name, picked in (("a", a), ("b", b)) if picked]
    assert score(key, given) == value


@pytest.mark.parametrize(
    ("xml", "code", "says"),
    [
        ("<AnswerKey/>", "XMLParseError", "namespace"),
        ("<!DOCTYPE a>" + answer_key(*QUESTIONS), "XMLParseError", "DOCTYPE"),
        (answer_key(), "XMLParseError", "at least one Question"),
        (answer_key(QUESTIONS[0], QUESTIONS[0]), "XMLParseError", "once only"),
        (answer_key(key_question("a")), "XMLParseError", "AnswerOption"),
        (answer_key(key_question("a", option(1))), "XMLParseError", "SelectionIdentifier"),
        (answer_key(key_question("a", option(1, "x").replace(">1<", ">1.5<"))), "XMLParseError", "AnswerScore"),
        (answer_key(key_question("q", option(1, "x"))), "InvalidParameterValue", "'q' that the Test lacks"),
        (answer_key(key_question("a", option(1, "w"))), "InvalidParameterValue", "'w' that question 'a' lacks"),
        (answer_key(*QUESTIONS, mapping=percent(0)), "XMLParseError", "at least 1"),
        (answer_key(*QUESTIONS, mapping=percent(1) + scale("1")), "XMLParseError", "one of"),
        (answer_key(*QUESTIONS, mapping=scale("lots")), "XMLParseError", "decimal"),
        (answer_key(*QUESTIONS, mapping=RANGES.replace(">5<", ">9<")), "XMLParseError", "not above"),
        (answer_key(*QUESTIONS) + " " * 65_535, "InvalidParameterValue", "AnswerKey may have at most"),
    ],
)
def test_a_key_that_does_not_fit_is_refused_with_its_code(xml, code, says):
    with pytest.raises(RequestRefused) as caught:
        parse_answer_key(xml, TEST)
    assert caught.value.code == f"AWS.MechanicalTurk.{code}" and says in caught.value.message, caught.value.message


@pytest.mark.parametrize("typed", [free_text(), selection("x", after=OTHER)])
def test_no_key_grades_what_is_typed(typed):
    test = parse_question_form(form(question("a", selection("x")), question("b", typed)))
    with pytest.raises(RequestRefused) as caught:
        parse_answer_key(answer_key(key_question("a", option(1, "x"))), test)
    assert "typing" in caught.value.message
