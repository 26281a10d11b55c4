"""Review policies: the marketplace compares answers and approves, rejects or extends by itself. Pure: no database.

ScoreMyKnownAnswers/2011-09-01   one assignment against known answers, as soon as it is submitted
SimplePlurality/2011-09-01       all assignments of a HIT with each other, whenever the HIT becomes reviewable

Scores are whole percents, rounded down as in Amazon's example (two of three are 66). Answers are compared without the
space around them; those of several values agree when the same values are there.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

from workers.turk.errors import InvalidParameter
from workers.turk.money import LARGE_HIT

KNOWN_ANSWERS = "ScoreMyKnownAnswers/2011-09-01"
PLURALITY = "SimplePlurality/2011-09-01"
LEVELS = {"Assignment": ("AssignmentReviewPolicy", KNOWN_ANSWERS), "HIT": ("HITReviewPolicy", PLURALITY)}
LONGEST_ANSWER = 256
MAX_REASON = 1_024
YEAR = 31_536_000

Answer = frozenset[str]
Answers = Mapping[str, Answer]


@dataclass(frozen=True, slots=True, kw_only=True)
class Extension:
    """When a HIT gets one more place: below this score, up to this many places, with at least this much time."""

    below: int
    places: int
    seconds: int | None = None

    def fits(self, max_assignments: int) -> bool:
        """Whether a HIT of so many places may get another one; ten are never reached from below."""
        return max_assignments < self.places and max_assignments + 1 != LARGE_HIT


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A checked policy. ``known`` belongs to known answers; ``questions`` and ``disregard_*`` to plurality."""

    approve_from: int | None
    reject_below: int | None
    approve_reason: str | None
    reject_reason: str
    extension: Extension | None
    known: Answers
    questions: tuple[str, ...]
    threshold: int
    disregard_rejected: bool
    disregard_below: int | None

    def verdict(self, score: int) -> str | None:
        """What is to be done with an assignment of this score: "approve", "reject" or nothing."""
        if self.approve_from is not None and score >= self.approve_from:
            return "approve"
        if self.reject_below is not None and score < self.reject_below:
            return "reject"
        return None


_SHARED = {"RejectReason", "ExtendMaximumAssignments", "ExtendMinimumTimeInSeconds"}
_NAMES = {
    KNOWN_ANSWERS: _SHARED
    | {"AnswerKey", "ApproveIfKnownAnswerScoreIsAtLeast", "RejectIfKnownAnswerScoreIsLessThan"}
    | {"ApproveReason", "ExtendIfKnownAnswerScoreIsLessThan"},
    PLURALITY: _SHARED
    | {"QuestionIds", "QuestionAgreementThreshold", "DisregardAssignmentIfRejected"}
    | {"DisregardAssignmentIfKnownAnswerScoreIsLessThan", "ExtendIfHITAgreementScoreIsLessThan"}
    | {"ApproveIfWorkerAgreementScoreIsAtLeast", "RejectIfWorkerAgreementScoreIsLessThan"},
}


def read_policies(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The policies of a new HIT by level, as they are stored. Raises InvalidParameter for one that cannot work."""
    given = {level: parameters[name] for level, (name, _) in LEVELS.items() if name in parameters}
    for level, policy in given.items():
        read_policy(level, policy)
    return given


def read_policy(level: str, policy: Mapping[str, Any]) -> Policy:
    """A ReviewPolicy structure of the API as a checked policy. Raises InvalidParameter."""
    place, name = LEVELS[level]
    if policy["PolicyName"] != name:
        raise InvalidParameter(f"{place}.PolicyName must be {name}, not {policy['PolicyName'][:64]!r}.")
    items = policy.get("Parameters", [])
    for item in items:
        if item.get("Key") not in _NAMES[name]:
            raise InvalidParameter(f"{name} has no parameter {str(item.get('Key'))[:64]!r}.")
    if len({item["Key"] for item in items}) < len(items):
        raise InvalidParameter(f"A parameter of {name} is given twice.")
    values = _Values(name, {item["Key"]: item for item in items})
    known_answers = name == KNOWN_ANSWERS
    subject = "KnownAnswerScore" if known_answers else "WorkerAgreementScore"
    return Policy(
        approve_from=values.number(f"ApproveIf{subject}IsAtLeast", 0, 101),
        reject_below=values.number(f"RejectIf{subject}IsLessThan", 0, 101),
        approve_reason=values.text("ApproveReason"),
        reject_reason=values.text("RejectReason") or "",
        extension=values.known_answer_extension() if known_answers else values.plurality_extension(),
        known=values.answer_key() if known_answers else {},
        questions=() if known_answers else values.questions(),
        threshold=0 if known_answers else values.required("QuestionAgreementThreshold", 0, 100),
        disregard_rejected=values.flag("DisregardAssignmentIfRejected"),
        disregard_below=values.number("DisregardAssignmentIfKnownAnswerScoreIsLessThan", 0, 101),
    )


@dataclass(frozen=True, slots=True)
class _Values:
    policy: str
    items: Mapping[str, Mapping[str, Any]]

    def text(self, key: str) -> str | None:
        if key not in self.items:
            return None
        values = self.items[key].get("Values", [])
        if len(values) != 1 or len(values[0]) > MAX_REASON:
            raise InvalidParameter(
                f"{key} of {self.policy} needs exactly one value of at most {MAX_REASON} characters."
            )
        return str(values[0])

    def number(self, key: str, low: int, high: int) -> int | None:
        text = self.text(key)
        if text is None:
            return None
        if not re.fullmatch(r"[0-9]{1,9}", text) or not low <= int(text) <= high:
            raise InvalidParameter(f"{key} of {self.policy} must be a whole number between {low} and {high}.")
        return int(text)

    def required(self, key: str, low: int, high: int) -> int:
        number = self.number(key, low, high)
        if number is None:
            raise InvalidParameter(f"{key} of {self.policy} is required.")
        return number

    def flag(self, key: str) -> bool:
        text = self.text(key)
        if text is not None and text.lower() not in {"t", "true", "f", "false"}:
            raise InvalidParameter(f"{key} of {self.policy} must be T or F.")
        return text is not None and text.lower() in {"t", "true"}

    def known_answer_extension(self) -> Extension | None:
        places = self.number("ExtendMaximumAssignments", 2, 25) or 5
        seconds = self.number("ExtendMinimumTimeInSeconds", 60, YEAR)
        below = self.number("ExtendIfKnownAnswerScoreIsLessThan", 0, 101)
        return Extension(below=below, places=places, seconds=seconds) if below is not None else None

    def plurality_extension(self) -> Extension | None:
        below = self.number("ExtendIfHITAgreementScoreIsLessThan", 1, 100)
        if below is None:
            return None
        return Extension(
            below=below,
            places=self.required("ExtendMaximumAssignments", 2, 1_000_000_000),
            seconds=self.required("ExtendMinimumTimeInSeconds", 3600, YEAR),
        )

    def answer_key(self) -> Answers:
        entries = self.items.get("AnswerKey", {}).get("MapEntries", [])
        key = {entry.get("Key", ""): normal(entry.get("Values", [])) for entry in entries}
        if not key or len(key) < len(entries) or not all(name and answer for name, answer in key.items()):
            raise InvalidParameter(f"AnswerKey of {self.policy} needs one entry a question, each with its answer.")
        return key

    def questions(self) -> tuple[str, ...]:
        given = self.items.get("QuestionIds", {}).get("Values", [])
        names = tuple(dict.fromkeys(name.strip() for text in given for name in text.split(",") if name.strip()))
        if not names:
            raise InvalidParameter(f"QuestionIds of {self.policy} is required.")
        return names


def normal(values: Sequence[str]) -> Answer:
    """Values as they are compared: without the space around them, in no order; an empty one is none."""
    return frozenset(value.strip() for value in values if value.strip())


def read_answers(xml: str) -> dict[str, Answer]:
    """The answers in stored QuestionFormAnswers, by question."""
    found: dict[str, list[str]] = {}
    for answer in ElementTree.fromstring(xml.encode()):
        name, *values = [child.text or "" for child in answer]
        found.setdefault(name, []).extend(values)
    return {name: normal(values) for name, values in found.items()}


def known_answer_results(policy: Policy, answers: Answers) -> tuple[dict[str, bool], int]:
    """Which known answers were given, and the score: their share in percent."""
    correct = {question: answers.get(question) == known for question, known in policy.known.items()}
    return correct, 100 * sum(correct.values()) // len(correct)


@dataclass(frozen=True, slots=True)
class Agreement:
    """What a HIT's assignments agree on; ``workers`` has no score where nothing was agreed."""

    answers: Mapping[str, Answer]
    scores: Mapping[str, int]
    hit: int
    workers: Mapping[str, int]


def agreement(policy: Policy, assignments: Mapping[str, Answers]) -> Agreement:
    """Compares the answers of several assignments. A question is agreed on when one answer alone is the most frequent
    one and its share is above the threshold."""
    agreed: dict[str, Answer] = {}
    scores: dict[str, int] = {}
    for question in policy.questions:
        votes = Counter(answer for given in assignments.values() if (answer := _usable(given.get(question))))
        top = votes.most_common(2)
        if top and (len(top) == 1 or top[0][1] > top[1][1]):
            score = 100 * top[0][1] // len(assignments)
            if score > policy.threshold:
                agreed[question], scores[question] = top[0][0], score
    workers = {
        name: 100 * sum(given.get(question) == answer for question, answer in agreed.items()) // len(agreed)
        for name, given in assignments.items()
        if agreed
    }
    return Agreement(agreed, scores, 100 * len(agreed) // len(policy.questions), workers)


def _usable(answer: Answer | None) -> Answer | None:
    if not answer or any(len(value) > LONGEST_ANSWER for value in answer):
        return None
    return answer
