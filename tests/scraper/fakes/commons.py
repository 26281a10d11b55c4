"""The part of MediaWiki's Action API that serves files, as Wikimedia Commons answers it (formatversion 2)."""

import hashlib
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from tests.scraper.fakes.timing import Time
from tests.scraper.fakes.troubles import Troubles

STEPS = {20, 40, 60, 120, 250, 330, 500, 960, 1280, 1920, 3840}
VISITS = "?utm_source=commons.wikimedia.org&utm_campaign=imageinfo&utm_content="

ARTIST = (
    '<bdi><a href="https://en.wikipedia.org/wiki/en:Ann_Author" class="extiw" title="w:en:Ann Author">'
    '<span title="a photographer">Ann Author</span></a></bdi>'
)
BY_SA = {
    "ObjectName": "Old car",
    "Artist": ARTIST,
    "Credit": '<span class="int-own-work" lang="en">Own work</span>',
    "License": "cc-by-sa-4.0",
    "LicenseShortName": "CC BY-SA 4.0",
    "LicenseUrl": "https://creativecommons.org/licenses/by-sa/4.0",
    "UsageTerms": "Creative Commons Attribution-Share Alike 4.0",
    "Copyrighted": "True",
}


def file(number: int, mime: str = "image/jpeg", width: int = 4_000, **facts: str) -> dict[str, Any]:
    """A file with its page id, its type and what its description says (``facts`` over CC BY-SA 4.0's)."""
    return {"pageid": number, "title": f"File:Car {number}.jpg", "mime": mime, "width": width, "facts": BY_SA | facts}


def _plain_error(code: str, info: str, **more: Any) -> dict[str, Any]:
    return {"error": {"code": code, "info": info, **more}, "servedby": "mw1"}


class FakeCommons:
    """The wiki: ``files`` are found by every search; ``categories`` have files and categories below them."""

    def __init__(self, time: Time, files: list[dict[str, Any]]) -> None:
        self.time = time
        self.files = files
        self.categories: dict[str, tuple[list[dict[str, Any]], list[str]]] = {}
        self.troubles = Troubles()
        self.errors: list[tuple[str, dict[str, str]]] = []
        self.requests: list[dict[str, str]] = []
        self.agents: set[str] = set()
        self.times: list[float] = []
        self.facts_per_answer = 50
        self.forgotten: set[str] = set()
        self.app = Starlette(routes=[Route("/w/api.php", self.api)])

    async def api(self, request: Request) -> Response:
        params = dict(request.query_params)
        self.requests.append(params)
        self.times.append(self.time.now)
        self.agents.add(request.headers["user-agent"])
        assert "gzip" in request.headers["accept-encoding"]
        assert params["action"] == "query" and params["format"] == "json" and params["formatversion"] == "2"
        assert int(params["maxlag"]) <= 5
        if trouble := self.troubles.next(request):
            return trouble
        if "@" not in request.headers["user-agent"]:
            return PlainTextResponse("Please set a user-agent and respect our robot policy.", 403)
        if self.errors:
            code, headers = self.errors.pop(0)
            return JSONResponse(_plain_error(code, f"{code}, says the wiki"), headers=headers)
        return JSONResponse(self.answer(params))

    def answer(self, params: dict[str, str]) -> dict[str, Any]:
        if params.get("list") == "search":
            assert params["srnamespace"] == "6" and params["srinfo"] == "totalhits" and "continue" not in params
            return {"batchcomplete": True, "query": {"searchinfo": {"totalhits": len(self.files)}, "search": []}}
        if params.get("prop") == "categoryinfo":
            title = params["titles"]
            files, below = self.categories.get(title, ([], []))
            info = {"size": len(files) + len(below), "files": len(files), "subcats": len(below), "pages": 0}
            page = {"title": title, "ns": 14} | (
                {"categoryinfo": info} if title in self.categories else {"missing": True}
            )
            return {"batchcomplete": True, "query": {"pages": [page]}}
        if params["generator"] == "search":
            return self.search(params)
        assert params["generator"] == "categorymembers"
        return self.members(params)

    def search(self, params: dict[str, str]) -> dict[str, Any]:
        assert params["gsrnamespace"] == "6" and "filetype:bitmap" in params["gsrsearch"]
        offset, limit = int(params.get("gsroffset", 0)), int(params["gsrlimit"])
        if offset + limit > 10_000:
            return _plain_error("cirrussearch-offset-too-large", f"Could not start at {offset}: the most is 10000")
        batch = [one | {"index": offset + rank + 1} for rank, one in enumerate(self.files[offset : offset + limit])]
        more = offset + limit < len(self.files)
        onward = {"gsroffset": offset + limit, "continue": "gsroffset||"} if more else None
        return self.batch(params, batch, {"gsroffset": offset, "continue": "gsroffset||"}, onward)

    def members(self, params: dict[str, str]) -> dict[str, Any]:
        files, below = self.categories[params["gcmtitle"]]
        members = list(files)
        if "subcat" in params["gcmtype"].split("|"):
            members += [{"pageid": 10_000 + abs(hash(name)) % 10_000, "title": name, "ns": 14} for name in below]
        place = params.get("gcmcontinue", "file|00|0")
        kind, _, start = place.split("|")
        if kind != "file" or params.get("gcmcontinue") in self.forgotten:
            return _plain_error(
                "badcontinue",
                "Invalid continue param. You should pass the original value returned by the previous query.",
            )
        first, limit = int(start), int(params["gcmlimit"])
        after = f"file|{hashlib.md5(start.encode()).hexdigest()[:8]}|{first + limit}"
        onward = {"gcmcontinue": after, "continue": "gcmcontinue||"} if first + limit < len(members) else None
        now = {"gcmcontinue": place, "continue": "gcmcontinue||"}
        return self.batch(params, members[first : first + limit], now, onward)

    def batch(
        self, params: dict[str, str], pages: list[dict[str, Any]], now: dict[str, Any], onward: dict[str, Any] | None
    ) -> dict[str, Any]:
        """One answer: the whole batch of pages, but the facts of some of them only."""
        assert params["prop"] == "imageinfo"
        width = int(params.get("iiurlwidth", 0))
        assert not width or width in STEPS
        # pages come in no particular order
        pages = sorted(pages, key=lambda page: hashlib.md5(page["title"].encode()).digest())
        start = int(params.get("iicontinue", 0))
        complete = start + self.facts_per_answer >= len(pages)
        out = []
        for place, page in enumerate(pages):
            shown = {name: page[name] for name in ("pageid", "title", "index") if name in page}
            shown["ns"] = page.get("ns", 6)
            if start <= place < start + self.facts_per_answer and shown["ns"] == 6 and "mime" in page:
                shown["imageinfo"] = [info(page, width)]
            out.append(shown)
        body: dict[str, Any] = {"query": {"pages": out}} if out else {}
        if not complete:
            return {"continue": {**now, "iicontinue": str(start + self.facts_per_answer)}, **body}
        return {"batchcomplete": True, **({"continue": onward} if onward else {}), **body}


def info(page: dict[str, Any], width: int) -> dict[str, Any]:
    name = page["title"].removeprefix("File:").replace(" ", "_")
    original = f"https://upload.wikimedia.org/wikipedia/commons/5/57/{name}"
    facts = {
        "size": 372_133,
        "width": page["width"],
        "height": page["width"] * 3 // 4,
        "url": f"{original}{VISITS}original",
        "descriptionurl": f"https://commons.wikimedia.org/wiki/File:{name}",
        "user": "Uploader",
        "sha1": hashlib.sha1(name.encode()).hexdigest(),
        "mime": page["mime"],
        "extmetadata": {
            field: {"value": value, "source": "commons-desc-page"} for field, value in page["facts"].items() if value
        },
    }
    if width >= page["width"]:
        facts |= {"thumburl": facts["url"], "thumbwidth": page["width"]}
    elif width:
        small = f"https://thumb.wikimedia.org/wikipedia/commons/thumb/5/57/{name}/{width}px-{name}{VISITS}thumbnail"
        facts |= {"thumburl": small, "thumbwidth": width}
    return facts
