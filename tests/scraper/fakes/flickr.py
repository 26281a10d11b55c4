"""Flickr's REST API as far as searches for photos go, with its cap and its failures inside status 200."""

from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.scraper.fakes.timing import Time
from tests.scraper.fakes.troubles import Troubles

KEY = "a key"
CAP = 4_000
CC = "https://creativecommons.org"
LICENCES = [
    ("0", "All Rights Reserved", "https://www.flickrhelp.com/hc/en-us/articles/10710266545556"),
    ("1", "CC BY-NC-SA 2.0", f"{CC}/licenses/by-nc-sa/2.0/"),
    ("4", "CC BY 2.0", f"{CC}/licenses/by/2.0/"),
    ("5", "CC BY-SA 2.0", f"{CC}/licenses/by-sa/2.0/"),
    ("7", "No known copyright restrictions", "https://www.flickr.com/commons/usage/"),
    ("8", "United States Government Work", "http://www.usa.gov/copyright.shtml"),
    ("9", "Public Domain Dedication (CC0)", f"{CC}/publicdomain/zero/1.0/"),
    ("10", "Public Domain Mark", f"{CC}/publicdomain/mark/1.0/"),
    ("11", "CC BY 4.0", f"{CC}/licenses/by/4.0/"),
]


def photo(number: int, uploaded: int, licence: str = "4", **fields: Any) -> dict[str, Any]:
    """A photo as a search gives it; ``uploaded`` is what it was found by."""
    return {
        "id": str(number),
        "owner": "12037949754@N01",
        "secret": "a123456",
        "server": "2",
        "title": f"Car {number}",
        "ispublic": 1,
        "license": licence,
        "ownername": "Ann",
        "pathalias": None,
        "url_l": f"https://live.staticflickr.com/2/{number}_a123456_b.jpg",
        "url_o": f"https://live.staticflickr.com/2/{number}_b654321_o.jpg",
        "url_c": f"https://live.staticflickr.com/2/{number}_a123456_c.jpg",
        "uploaded": uploaded,
        **fields,
    }


class FakeFlickr:
    """The service: ``photos`` are found by every text."""

    def __init__(self, time: Time, photos: list[dict[str, Any]]) -> None:
        self.time = time
        self.photos = photos
        self.troubles = Troubles()
        self.failures: list[tuple[int, str]] = []
        self.requests: list[dict[str, str]] = []
        self.times: list[float] = []
        self.totals_are_text = False
        self.app = Starlette(routes=[Route("/services/rest/", self.rest, methods=["GET", "POST"])])

    @property
    def searches(self) -> list[dict[str, str]]:
        return [request for request in self.requests if request["method"] == "flickr.photos.search"]

    async def rest(self, request: Request) -> Response:
        assert "api_key" not in request.query_params, "addresses are logged"
        params = {name: str(value) for name, value in (await request.form()).items()} | dict(request.query_params)
        self.requests.append(params)
        self.times.append(self.time.now)
        assert params["format"] == "json" and params["nojsoncallback"] == "1"
        if trouble := self.troubles.next(request):
            return trouble
        if self.failures:
            return fail(*self.failures.pop(0))
        if params.get("api_key") != KEY:
            return fail(100, "Invalid API Key (Key has invalid format)")
        if params["method"] == "flickr.photos.licenses.getInfo":
            licences = [{"id": number, "name": name, "url": url} for number, name, url in LICENCES]
            return JSONResponse({"licenses": {"license": licences}, "stat": "ok"})
        if params["method"] != "flickr.photos.search":
            return fail(112, f'Method "{params["method"]}" not found')
        return self.search(params)

    def search(self, params: dict[str, str]) -> Response:
        if not params.get("text"):
            return fail(3, "Parameterless searches have been disabled. Please use flickr.photos.getRecent instead.")
        assert params["media"] == "photos" and params["sort"] == "date-posted-asc" and params["content_type"] == "1"
        first, last = int(params["min_upload_date"]), int(params["max_upload_date"])
        if first > last:
            return fail(18, "Illogical arguments")
        licences = params["license"].split(",") if "license" in params else [number for number, _, _ in LICENCES]
        found = sorted(
            (one for one in self.photos if first <= one["uploaded"] <= last and one["license"] in licences),
            key=lambda one: (one["uploaded"], int(one["id"])),
        )
        size = min(int(params.get("per_page", 100)), 500)
        # a page beyond the cap repeats the last one before it
        page = min(int(params.get("page", 1)), max(1, -(-min(len(found), CAP) // size)))
        extras = set(params["extras"].split(","))
        shown = {"license": "license", "owner_name": "ownername", "path_alias": "pathalias"}
        asked = {shown.get(name, name) for name in extras}
        optional = {"license", "ownername", "pathalias", "uploaded"}
        photos = [
            {
                name: value
                for name, value in one.items()
                if name in asked or not (name in optional or name.startswith("url_"))
            }
            for one in found[(page - 1) * size : page * size]
        ]
        total = str(len(found)) if self.totals_are_text else len(found)
        pages = -(-len(found) // size)
        return JSONResponse(
            {"photos": {"page": page, "pages": pages, "perpage": size, "total": total, "photo": photos}, "stat": "ok"}
        )


def fail(code: int, message: str) -> Response:
    return JSONResponse({"stat": "fail", "code": code, "message": message})
