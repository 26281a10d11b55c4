"""HTML out: templates, security headers, error pages."""

import logging
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from workers.turk.errors import SignInFirst, WorkerRefused
from workers.turk.marketplace import marketplace_of
from workers.turk.money import dollars
from workers.turk.site import session

logger = logging.getLogger(__name__)

FRAME_SANDBOX = "allow-scripts allow-forms allow-same-origin"
OPAQUE_SANDBOX = "allow-scripts allow-forms"


def duration(seconds: float) -> str:
    """A time as people say it: "45 seconds", "30 minutes", "2 hours 5 minutes", "3 days"."""
    left, parts = max(0, round(seconds)), []
    for unit, size in (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1)):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count} {unit}{'' if count == 1 else 's'}")
    return " ".join(parts[:2]) or "0 seconds"


def moment(at: datetime) -> str:
    """A time for a table: "2026-11-21 14:05 UTC"."""
    return at.strftime("%Y-%m-%d %H:%M UTC")


def day(at: datetime) -> str:
    """A day: "21 November 2026"."""
    return f"{at.day} {at.strftime('%B %Y')}"


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(dollars=dollars, duration=duration, moment=moment, day=day)
    return environment


_TEMPLATES = _environment()


def policy(frames: Iterable[str] = (), *, media: bool = False) -> str:
    """The Content-Security-Policy of our pages: only our own files; frames only from ``frames``; never framed.

    ``media``: the page shows pictures, sounds and films of a requester's, which lie anywhere.
    """
    sources = " ".join(sorted(set(frames))) or "'none'"
    shown = "img-src 'self' http: https:; media-src http: https:" if media else "img-src 'self'"
    return (
        f"default-src 'none'; script-src 'self'; style-src 'self'; {shown}; connect-src 'self'; "
        f"form-action 'self'; base-uri 'none'; frame-ancestors 'none'; frame-src {sources}"
    )


def render(
    request: Request,
    template: str,
    context: Mapping[str, object],
    *,
    status: int = 200,
    csp: str | None = None,
) -> Response:
    """A page from a template; ``session`` is always in its context."""
    known = {"session": session.current(request), "chaos": marketplace_of(request).settings.chaos}
    html = _TEMPLATES.get_template(template).render({**known, **context})
    headers = {
        "Content-Security-Policy": csp or policy(),
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
    return HTMLResponse(html, status_code=status, headers=headers)


def thanks(request: Request, title: str, message: str, *, status: int = 200) -> Response:
    """What the frame shows after submitting. It may be framed by anyone: it shows nothing private and does nothing."""
    csp = "default-src 'none'; style-src 'self'; frame-ancestors *; form-action 'none'; base-uri 'none'"
    return render(request, "frame_message.html", {"title": title, "message": message}, status=status, csp=csp)


def error(request: Request, status: int, message: str, hint: str = "") -> Response:
    """An error for people, or for programs when the path ends in .json or /state."""
    if request.url.path.endswith((".json", "/state")):
        return JSONResponse({"error": {"message": message, "hint": hint}}, status_code=status)
    if request.url.path.startswith("/mturk/"):
        return thanks(request, "Not submitted", f"{message} {hint}".strip(), status=status)
    return render(request, "error.html", {"title": message, "hint": hint}, status=status)


async def refused(request: Request, reason: Exception) -> Response:
    """Answers WorkerRefused; who opens a page without being signed in is led to the entrance, and then back."""
    assert isinstance(reason, WorkerRefused)
    path = request.url.path
    if isinstance(reason, SignInFirst) and request.method == "GET" and not path.endswith((".json", "/state")):
        return RedirectResponse(f"/?{urlencode({'next': path})}", status_code=303)
    return error(request, reason.status, reason.message, reason.hint)


async def not_found(request: Request, _reason: Exception) -> Response:
    """Answers an unknown address."""
    return error(request, 404, "There is no such page.", "The list of HITs has everything that can be done now.")


async def unavailable(request: Request, reason: Exception) -> Response:
    """Answers when MongoDB does not."""
    logger.error("the database did not answer: %s", reason)
    return error(request, 503, "The marketplace's database does not answer.", "Try again in a moment.")


def seconds_left(deadline: datetime, now: datetime) -> int:
    """Whole seconds until a deadline, never negative."""
    return max(0, int((deadline - now) / timedelta(seconds=1)))
