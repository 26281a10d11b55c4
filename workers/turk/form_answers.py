"""What a worker sent from a QuestionForm: answers to store, complaints to show, and the fields to show them in."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from workers.turk.question_forms import FormQuestion, FreeText, QuestionForm, Selection

_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)", re.ASCII)
UNANSWERED = "This question needs an answer."


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The answer to one question: ``text`` that was typed, or ``selections`` and an ``other`` of the worker's own."""

    question: str
    text: str | None = None
    selections: tuple[str, ...] = ()
    other: str | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """A form as it was filled in. ``complaints`` are by QuestionIdentifier; with one, the answers are not to be used.

    ``typed`` has the values of every field, to fill the form in again.
    """

    answers: tuple[Answer, ...] = ()
    complaints: Mapping[str, str] = field(default_factory=dict)
    typed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def blank(form: QuestionForm) -> Reading:
    """The form before anybody has filled it in: only its default texts."""
    typed = {}
    for question in form.questions:
        if question.text is not None:
            typed[question.field] = (question.text.default,)
        elif question.selection is not None and question.selection.other is not None:
            typed[f"{question.field}.other"] = (question.selection.other.default,)
    return Reading(typed=typed)


def read_answers(form: QuestionForm, fields: Iterable[tuple[str, str]]) -> Reading:
    """The answers in the fields of a sent form. A question that nobody answered has none."""
    typed: dict[str, tuple[str, ...]] = {}
    for name, value in fields:
        # Browsers send line ends as CR LF; in a text they are one character.
        typed[name] = (*typed.get(name, ()), value.replace("\r\n", "\n"))
    answers: list[Answer] = []
    complaints: dict[str, str] = {}
    for question in form.questions:
        if question.text is not None:
            answer, complaint = _read_text(question, question.text, typed)
        else:
            assert question.selection is not None
            answer, complaint = _read_selection(question, question.selection, typed)
        if complaint:
            complaints[question.identifier] = complaint
        elif answer is not None:
            answers.append(answer)
        elif question.required:
            complaints[question.identifier] = UNANSWERED
    return Reading(tuple(answers), complaints, typed)


def _read_text(
    question: FormQuestion, rules: FreeText, typed: Mapping[str, tuple[str, ...]]
) -> tuple[Answer | None, str]:
    text = "".join(typed.get(question.field, ())[:1])
    if not text.strip():
        return None, ""
    return Answer(question=question.identifier, text=text), _complaint(rules, text)


def _complaint(rules: FreeText, text: str) -> str:
    if rules.numeric:
        number = text.strip()
        if not _NUMBER.fullmatch(number):
            return "Type a number, with digits only."
        if rules.low is not None and Decimal(number) < rules.low:
            return f"The number must be at least {rules.low}."
        if rules.high is not None and Decimal(number) > rules.high:
            return f"The number must be at most {rules.high}."
    if len(text) < rules.min_length:
        return f"Type at least {rules.min_length} characters; these are {len(text)}."
    if rules.max_length is not None and len(text) > rules.max_length:
        return f"Type at most {rules.max_length} characters; these are {len(text)}."
    return ""


def _read_selection(
    question: FormQuestion, rules: Selection, typed: Mapping[str, tuple[str, ...]]
) -> tuple[Answer | None, str]:
    # The empty value stands for "none of these": no answer, or the one that the worker wrote.
    picked = tuple(dict.fromkeys(value for value in typed.get(question.field, ()) if value))
    other = "".join(typed.get(f"{question.field}.other", ())[:1]).strip() if rules.other is not None else ""
    if not set(picked) <= {option.identifier for option in rules.options}:
        return None, "Pick from the answers shown."
    count = len(picked) + bool(other)
    if not count:
        return None, ""
    complaint = _count_complaint(rules, count, bool(other))
    if not complaint and other and rules.other is not None:
        complaint = _complaint(rules.other, other)
    return Answer(question=question.identifier, selections=picked, other=other or None), complaint


def _count_complaint(rules: Selection, count: int, own: bool) -> str:
    if count > rules.maximum == 1 and own:
        return "Pick one of the answers or write your own, not both."
    if count > rules.maximum:
        return f"Pick at most {_answers(rules.maximum)}; these are {count}."
    if count < rules.minimum:
        return f"Pick at least {_answers(rules.minimum)}."
    return ""


def _answers(count: int) -> str:
    return f"{count} answer{'' if count == 1 else 's'}"
