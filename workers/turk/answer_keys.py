"""AnswerKey: how the marketplace grades a qualification test by itself. Pure: text in, values out.

An option's score is earned by whoever picked all of its selections and no others; the first option that matches
counts. The sum of all scores becomes the qualification's value: as it is, as a percentage of the highest sum, times a
number, or by the range that it falls in.
"""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from xml.etree import ElementTree

from workers.turk.documents import (
    SCHEMAS,
    check_children,
    child_text,
    malformed,
    read_document,
    whole_number,
    without_namespace,
)
from workers.turk.errors import InvalidParameter
from workers.turk.form_answers import Answer
from workers.turk.question_forms import QuestionForm

NAMESPACE = f"{SCHEMAS}/2005-10-01/AnswerKey.xsd"
_DECIMAL = re.compile(r"[+-]?[0-9]{1,6}(?:\.[0-9]{0,6})?")


@dataclass(frozen=True, slots=True)
class KeyQuestion:
    """What the answers to one question are worth; ``default`` is for an answer that is none of the options."""

    options: tuple[tuple[frozenset[str], int], ...]
    default: int


@dataclass(frozen=True, slots=True)
class Range:
    """Sums from ``low`` to ``high``, both included, and the value that they become."""

    low: int
    high: int
    value: int


@dataclass(frozen=True, slots=True)
class Ranges:
    """A RangeMapping: the first range that fits, or the value for sums outside of all."""

    ranges: tuple[Range, ...]
    outside: int


@dataclass(frozen=True, slots=True)
class AnswerKey:
    """A key. ``mapping``: what the sum is multiplied with (1: it stays as it is), or the ranges it is looked up in."""

    questions: Mapping[str, KeyQuestion]
    mapping: Fraction | Ranges


def parse_answer_key(xml: str, test: QuestionForm) -> AnswerKey:
    """Reads the key of a test.

    Raises RequestRefused(XMLParseError) for what does not fit the schema, InvalidParameter for a text that is too long
    or a key that does not fit the test: a question or selection that the test lacks, or one with a typed answer, which
    nobody can grade by a key.
    """
    root = read_document(xml, "AnswerKey")
    if root.tag != f"{{{NAMESPACE}}}AnswerKey":
        raise malformed(f"the root element must be AnswerKey with its namespace, not {root.tag[:200]}")
    without_namespace(root, NAMESPACE)
    check_children(root, "Question", "QualificationValueMapping", many=frozenset({"Question"}))
    elements = root.findall("Question")
    questions = {child_text(element, "QuestionIdentifier"): _question(element) for element in elements}
    if not questions or len(questions) < len(elements):
        raise malformed("an AnswerKey needs at least one Question, and each once only")
    _check_fits(questions, test)
    return AnswerKey(questions, _mapping(root.find("QualificationValueMapping")))


def score(key: AnswerKey, answers: Iterable[Answer]) -> int:
    """The value of the qualification for these answers; halves are rounded up."""
    given = {answer.question: frozenset(answer.selections) for answer in answers}
    total = sum(_worth(question, given.get(name, frozenset())) for name, question in key.questions.items())
    if isinstance(key.mapping, Fraction):
        return math.floor(total * key.mapping + Fraction(1, 2))
    return next((found.value for found in key.mapping.ranges if found.low <= total <= found.high), key.mapping.outside)


def _worth(question: KeyQuestion, picked: frozenset[str]) -> int:
    return next((worth for wanted, worth in question.options if wanted == picked), question.default)


def _check_fits(questions: Mapping[str, KeyQuestion], test: QuestionForm) -> None:
    for asked in test.questions:
        if asked.selection is None or asked.selection.other is not None:
            raise InvalidParameter("A test with an AnswerKey cannot have questions that are answered by typing.")
    known = {asked.identifier: asked.selection for asked in test.questions}
    for name, question in questions.items():
        selection = known.get(name)
        if selection is None:
            raise InvalidParameter(f"The AnswerKey has a question {name[:64]!r} that the Test lacks.")
        wanted = frozenset().union(*(picked for picked, _ in question.options))
        strange = wanted - {option.identifier for option in selection.options}
        if strange:
            raise InvalidParameter(
                f"The AnswerKey has a selection {min(strange)[:64]!r} that question {name[:64]!r} lacks."
            )


def _question(element: ElementTree.Element) -> KeyQuestion:
    check_children(element, "QuestionIdentifier", "AnswerOption", "DefaultScore", many=frozenset({"AnswerOption"}))
    options = tuple(_option(child) for child in element.findall("AnswerOption"))
    if not options:
        raise malformed("a Question of an AnswerKey needs at least one AnswerOption")
    return KeyQuestion(options, whole_number(child_text(element, "DefaultScore", "0"), "DefaultScore"))


def _option(element: ElementTree.Element) -> tuple[frozenset[str], int]:
    check_children(element, "SelectionIdentifier", "AnswerScore", many=frozenset({"SelectionIdentifier"}))
    picked = frozenset((child.text or "").strip() for child in element.findall("SelectionIdentifier"))
    if not picked or "" in picked:
        raise malformed("an AnswerOption needs a SelectionIdentifier, and none may be empty")
    return picked, whole_number(child_text(element, "AnswerScore"), "AnswerScore")


def _mapping(element: ElementTree.Element | None) -> Fraction | Ranges:
    if element is None:
        return Fraction(1)
    check_children(element, "PercentageMapping", "ScaleMapping", "RangeMapping")
    if len(element) != 1:
        raise malformed("QualificationValueMapping needs one of PercentageMapping, ScaleMapping and RangeMapping")
    kind = element[0]
    if kind.tag == "PercentageMapping":
        check_children(kind, "MaximumSummedScore")
        return Fraction(100, whole_number(child_text(kind, "MaximumSummedScore"), "MaximumSummedScore", 1))
    if kind.tag == "ScaleMapping":
        check_children(kind, "SummedScoreMultiplier")
        factor = child_text(kind, "SummedScoreMultiplier")
        if not _DECIMAL.fullmatch(factor):
            raise malformed("SummedScoreMultiplier must be a decimal number")
        return Fraction(factor)
    return _ranges(kind)


def _ranges(element: ElementTree.Element) -> Ranges:
    check_children(element, "SummedScoreRange", "OutOfRangeQualificationValue", many=frozenset({"SummedScoreRange"}))
    names = ("InclusiveLowerBound", "InclusiveUpperBound", "QualificationValue")
    ranges = []
    for child in element.findall("SummedScoreRange"):
        check_children(child, *names)
        ranges.append(Range(*(whole_number(child_text(child, name), name) for name in names)))
    if not ranges or any(found.low > found.high for found in ranges):
        raise malformed("a RangeMapping needs ranges, each with a lower bound that is not above its upper bound")
    name = "OutOfRangeQualificationValue"
    return Ranges(tuple(ranges), whole_number(child_text(element, name), name))
