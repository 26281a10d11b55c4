import pytest

from active_learning.domain.errors import InputError
from api.settings import Settings

ENV = {"WINNOW_MONGODB_URI": "mongodb://host/?replicaSet=winnow"}


@pytest.mark.parametrize("form", ["text", "json"])
def test_child_processes_log_in_the_same_form(form: str) -> None:
    settings = Settings.from_env(ENV | {"WINNOW_LOGS": form})
    assert settings.logs == form
    assert Settings.from_env(settings.to_env()).logs == form


def test_another_form_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(InputError, match="WINNOW_LOGS is 'xml'"):
        Settings.from_env(ENV | {"WINNOW_LOGS": "xml"})
