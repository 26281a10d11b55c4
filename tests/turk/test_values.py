"""The pure parts: settings, identifiers, the service model, XML."""

from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.turk.errors import ModelMismatch, SettingsError
from workers.turk.identifiers import digest_id, new_id, order_key, worker_id
from workers.turk.model import read_request, service_model, write_reply
from workers.turk.operations.registry import OPERATIONS
from workers.turk.questions import ANSWERS, answer_xml, frame_url
from workers.turk.settings import TurkSettings

REQUIRED = {"WINNOW_TURK_MONGODB_URI": "mongodb://127.0.0.1", "WINNOW_TURK_SECRET": "0123456789abcdef"}


def test_settings_from_the_environment():
    more = {"WINNOW_TURK_FEE_PERCENT": "0", "WINNOW_TURK_PUBLIC_URL": "https://work.example.org/", "PATH": "/bin"}
    settings = TurkSettings.from_env({**REQUIRED, **more, "WINNOW_TURK_SWEEP_SECONDS": "2.5"})
    assert settings.fee_percent == 0 and settings.sweep_seconds == 2.5
    assert settings.public_url == "https://work.example.org"
    assert settings.database == "winnow_turk" and settings.starting_balance_cents == 1_000_000
    assert "0123456789abcdef" not in repr(settings)


@pytest.mark.parametrize(
    "change",
    [
        {"WINNOW_TURK_SECRET": ""},
        {"WINNOW_TURK_SECRET": "short"},
        {"WINNOW_TURK_MONGODB_URI": ""},
        {"WINNOW_TURK_FEE_PERCENT": "a fifth"},
        {"WINNOW_TURK_FEE_PERCENT": "-1"},
        {"WINNOW_TURK_SWEEP_SECONDS": "0"},
        {"WINNOW_TURK_PUBLIC_URL": "127.0.0.1:8001"},
        {"WINNOW_TURK_PUBLIC_URL": "http://127.0.0.1:8001/turk"},
        {"WINNOW_TURK_FEES": "20"},
    ],
)
def test_settings_that_are_refused(change):
    with pytest.raises(SettingsError):
        TurkSettings.from_env({**REQUIRED, **change})


def test_every_operation_is_in_the_model():
    assert set(OPERATIONS) <= set(service_model().operation_names)


def test_replies_must_fit_the_model():
    assert write_reply("GetAccountBalance", {"AvailableBalance": "1.00", "OnHoldBalance": None}) == {
        "AvailableBalance": "1.00"
    }
    for wrong in ({"Available": "1.00"}, {"AvailableBalance": 1}):
        with pytest.raises(ModelMismatch):
            write_reply("GetAccountBalance", wrong)


def test_times_are_read_with_their_zone():
    read = read_request("UpdateExpirationForHIT", {"HITId": "A1", "ExpireAt": 0, "Unknown": 1})
    assert read == {"HITId": "A1", "ExpireAt": datetime(1970, 1, 1, tzinfo=UTC)}


def test_identifiers():
    assert len({new_id() for _ in range(1_000)}) == 1_000
    assert new_id().isalnum() and new_id().isupper() and len(new_id()) == 32
    assert digest_id({"a": 1, "b": 2}) == digest_id({"b": 2, "a": 1}) != digest_id({"a": 1, "b": 3})
    assert worker_id("Ada") == worker_id("ADA") != worker_id("Grace")
    moment = datetime(2026, 11, 21, tzinfo=UTC)
    assert order_key(moment, "Z") < order_key(moment + timedelta(milliseconds=1), "A")


@given(st.lists(st.tuples(st.text(), st.text()), max_size=5))
def test_answers_are_well_formed_whatever_is_sent(fields):
    root = ElementTree.fromstring(answer_xml([("assignmentId", "X"), *fields]).encode("utf-8", "strict"))
    reserved = {"assignmentId", "hitId", "turkSubmitTo", "workerId"}
    assert len(root) == sum(name not in reserved for name, _ in fields)
    assert root.tag == f"{{{ANSWERS}}}QuestionFormAnswers"


@given(st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=0xD7FF), max_size=50))
def test_plain_text_comes_back_as_it_was(text):
    root = ElementTree.fromstring(answer_xml([("note", text)]).encode())
    assert (root[0][1].text or "") == text


def test_parameters_join_the_url():
    pairs = [("assignmentId", "A"), ("turkSubmitTo", "http://127.0.0.1:8001")]
    joined = "assignmentId=A&turkSubmitTo=http%3A%2F%2F127.0.0.1%3A8001"
    assert frame_url("https://a.org/t?x=1#part", pairs) == f"https://a.org/t?x=1&{joined}"
    assert frame_url("https://a.org", pairs) == f"https://a.org/?{joined}"
