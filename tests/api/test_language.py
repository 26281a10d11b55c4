"""The task page comes in the language that the browser asks for, or in the one that was chosen."""

import httpx
import pytest

from active_learning.domain.task import Task


@pytest.mark.parametrize(
    ("query", "accepted", "language"),
    [
        ({}, None, "en"),
        ({}, "de-DE,de;q=0.9,en;q=0.8", "de"),
        ({"lang": "ar"}, "de-DE,de;q=0.9,en;q=0.8", "ar"),
        ({"lang": "../en"}, "xx", "en"),
    ],
)
async def test_the_language_of_the_task_page(
    http: httpx.AsyncClient, task: Task, query: dict[str, str], accepted: str | None, language: str
) -> None:
    headers = {"Accept": "text/html"} | ({"Accept-Language": accepted} if accepted else {})
    working = {"assignmentId": "ASG1", "workerId": "ANNA", "turkSubmitTo": "http://127.0.0.1:8001"}
    for known in ({}, working):
        page = await http.get(f"/tasks/{task.id}", params=known | query, headers=headers)
        assert page.status_code == 200, page.text
        assert f'<html lang="{language}"' in page.text
        assert "Accept-Language" in page.headers["Vary"]
