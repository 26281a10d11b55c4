"""QuestionForms and AnswerKeys that tests send."""

from workers.turk.documents import SCHEMAS

FORM = f"{SCHEMAS}/2017-11-06/QuestionForm.xsd"
KEY = f"{SCHEMAS}/2005-10-01/AnswerKey.xsd"


def form(*parts: str, namespace: str = FORM) -> str:
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<QuestionForm xmlns="{namespace}">{"".join(parts)}</QuestionForm>'


def question(name: str, answer: str, content: str = "<Text>What is it?</Text>", more: str = "") -> str:
    return (
        f"<Question><QuestionIdentifier>{name}</QuestionIdentifier>{more}<QuestionContent>{content}</QuestionContent>"
        f"<AnswerSpecification>{answer}</AnswerSpecification></Question>"
    )


def free_text(constraints: str = "", more: str = "") -> str:
    return f"<FreeTextAnswer><Constraints>{constraints}</Constraints>{more}</FreeTextAnswer>"


def selection(*names: str, before: str = "", after: str = "") -> str:
    options = "".join(
        f"<Selection><SelectionIdentifier>{name}</SelectionIdentifier><Text>It is {name}</Text></Selection>"
        for name in names
    )
    return f"<SelectionAnswer>{before}<Selections>{options}{after}</Selections></SelectionAnswer>"


REQUIRED = "<IsRequired>true</IsRequired>"
OTHER = "<OtherSelection></OtherSelection>"


def counts(low: int, high: int) -> str:
    return f"<MinSelectionCount>{low}</MinSelectionCount><MaxSelectionCount>{high}</MaxSelectionCount>"


def option(worth: int, *names: str) -> str:
    picked = "".join(f"<SelectionIdentifier>{name}</SelectionIdentifier>" for name in names)
    return f"<AnswerOption>{picked}<AnswerScore>{worth}</AnswerScore></AnswerOption>"


def key_question(name: str, *options: str, more: str = "") -> str:
    return f"<Question><QuestionIdentifier>{name}</QuestionIdentifier>{''.join(options)}{more}</Question>"


def answer_key(*questions: str, mapping: str = "") -> str:
    value = f"<QualificationValueMapping>{mapping}</QualificationValueMapping>" if mapping else ""
    return f'<AnswerKey xmlns="{KEY}">{"".join(questions)}{value}</AnswerKey>'
