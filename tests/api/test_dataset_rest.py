"""Datasets over HTTP: made, listed, downloaded in parts; labels brought; and in a folder of this machine."""

import hashlib
import io
import tarfile
from pathlib import Path

import httpx
import pytest

from active_learning.domain.dataset import Recipe
from active_learning.domain.errors import InputError
from api.operations import datasets, importing_labels, takedown, taking_home
from api.operations.context import Winnow
from tests.api import test_importing_labels
from tests.api.test_datasets import SLUG, frozen, pool, taken

BASE = f"/api/v1/categories/{SLUG}"


async def test_a_version_from_the_request_to_the_file(w: Winnow, http: httpx.AsyncClient) -> None:
    await pool(w, 24)
    made = await http.post(
        f"{BASE}/datasets", json={"name": "first", "licences": ["by"], "train": 1, "val": 0, "test": 0}
    )
    assert (made.status_code, made.json()["state"], made.json()["number"]) == (202, "making", 1)
    early = await http.get(f"{BASE}/datasets/1/files/csv")
    assert (early.status_code, early.json()["error"]["message"]) == (409, "Version 1 of 'bright' is being made.")
    await datasets.freeze(w, SLUG, 1)
    await datasets.make(w, SLUG, Recipe(), "ann")
    one = (await http.get(f"{BASE}/datasets/1")).json()
    assert (one["state"], one["images"], one["left_out"]) == ("ready", 8, {"licence": 16})
    assert set(one["parts"]) <= {"train yes", "train no"}
    assert one["datasheet"].startswith("# bright, version 1: first")
    for file in one["files"]:
        reply = await http.get(f"{BASE}/datasets/1/files/{file['format']}")
        assert len(reply.content) == int(reply.headers["content-length"]) == file["size"]
        assert f'filename="{file["file"]}"' in reply.headers["content-disposition"]
    first = (await http.get(f"{BASE}/datasets", params={"limit": 1})).json()
    assert ([v["number"] for v in first["items"]], first["next"]) == ([2], 2)
    rest = (await http.get(f"{BASE}/datasets", params={"after": 2})).json()
    assert ([v["number"] for v in rest["items"]], rest["next"]) == ([1], None)


async def test_a_download_that_broke_off_goes_on(w: Winnow, http: httpx.AsyncClient) -> None:
    await pool(w, 24)
    await frozen(w)
    address = f"{BASE}/datasets/1/files/imagefolder"
    whole = await http.get(address)
    tag, size = whole.headers["etag"], len(whole.content)
    for asked, start, stop in (
        ("bytes=1000-", 1000, size),
        ("bytes=0-511", 0, 512),
        ("bytes=-100", size - 100, size),
        (f"bytes=5-{10 * size}", 5, size),
    ):
        part = await http.get(address, headers={"Range": asked, "If-Range": tag})
        assert (part.status_code, part.content) == (206, whole.content[start:stop]), asked
        assert part.headers["content-range"] == f"bytes {start}-{stop - 1}/{size}"
    for asked in ("bytes=-", "bytes=9-5", "lines=1-2", "bytes=0-1,5-6"):
        assert (await http.get(address, headers={"Range": asked})).content == whole.content
    past = await http.get(address, headers={"Range": f"bytes={size}-"})
    assert (past.status_code, past.headers["content-range"]) == (416, f"bytes */{size}")
    assert (await http.get(address, headers={"If-None-Match": tag})).status_code == 304
    await takedown.by_url(w, "https://a/3.png", "Ann", "mine")
    await datasets.freeze(w, SLUG, 1)
    changed = await http.get(address, headers={"Range": "bytes=1000-", "If-Range": tag})
    assert changed.status_code == 200, "what was taken down must not be mixed with what is there now"
    assert len(changed.content) < size


async def test_what_is_wrong_is_said(w: Winnow, http: httpx.AsyncClient) -> None:
    await pool(w, 8)
    await frozen(w)
    assert (await http.get(f"{BASE}/datasets/7")).status_code == 404
    assert (await http.get("/api/v1/categories/none/datasets")).status_code == 404
    unknown = await http.get(f"{BASE}/datasets/1/files/pdf")
    assert (unknown.status_code, "imagefolder, webdataset" in unknown.json()["error"]["hint"]) == (422, True)
    for recipe in ({"train": 0.9}, {"sources": []}, {"certainty": 2}, {"surces": ["human"]}):
        assert (await http.post(f"{BASE}/datasets", json=recipe)).status_code == 422


async def test_labels_are_looked_at_and_then_saved(w: Winnow, http: httpx.AsyncClient) -> None:
    truth = await test_importing_labels.pool(w, 9)
    data = "image,label\n" + "".join(f"{image},{int(value)}\n" for image, value in truth.items())
    sent = {"files": {"file": ("labels.csv", data)}}
    seen = (await http.post(f"{BASE}/labels?preview=true", **sent)).json()
    assert (seen["saving"], seen["report"]["fresh_yes"], seen["report"]["fresh_no"]) == (False, 3, 6)
    begun = (await http.post(f"{BASE}/labels", **sent)).json()
    assert begun["saving"]
    assert await importing_labels.apply(w, SLUG, begun["file"]) == 9
    assert (await http.post(f"{BASE}/labels", **sent)).json()["saving"] is False
    wrong = await http.post(f"{BASE}/labels", files={"file": ("labels.csv", "a,b\n")})
    assert wrong.status_code == 422


@pytest.mark.parametrize("name", ["imagefolder", "webdataset", "coco", "csv"])
async def test_a_folder_that_a_killed_run_left_is_completed(w: Winnow, tmp_path: Path, name: str) -> None:
    await pool(w, 24)
    await frozen(w)
    out, calls = tmp_path / "out", 0

    def dies(done: int, total: int) -> None:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await taking_home.take(w, SLUG, 1, name, out, dies)
    seen: list[tuple[int, int]] = []
    assert taking_home.interrupted(SLUG, out) == 1
    await taking_home.take(w, SLUG, 1, name, out, lambda done, total: seen.append((done, total)))
    assert seen[-1][0] == seen[-1][1]
    assert await taking_home.verify(w, SLUG, 1, out) == []
    assert not list(out.rglob("*.part"))
    data = await taken(w, 1, name)
    if name == "csv":
        assert (out / "labels.csv").read_bytes() == data
        return
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        members = {m.name.partition("/")[2]: archive.extractfile(m) for m in archive.getmembers()}
        expected = {path: file.read() for path, file in members.items() if file}
    files = {str(p.relative_to(out)): p.read_bytes() for p in out.rglob("*") if p.is_file() and p.name[0] != "."}
    assert files == expected
    for line in files["SHA256SUMS"].decode().splitlines():
        digest, path = line.split("  ")
        assert hashlib.sha256(files[path]).hexdigest() == digest


async def test_a_folder_is_never_mixed_and_damage_is_found(w: Winnow, tmp_path: Path) -> None:
    await pool(w, 12)
    await frozen(w)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    with pytest.raises(InputError, match="not a dataset of Winnow"):
        await taking_home.take(w, SLUG, 1, "csv", tmp_path / "mine", lambda done, total: None)
    out = tmp_path / "out"
    await taking_home.take(w, SLUG, 1, "imagefolder", out, lambda done, total: None)
    with pytest.raises(InputError, match="holds version 1 of 'bright' as imagefolder"):
        await taking_home.take(w, SLUG, 1, "coco", out, lambda done, total: None)
    picture = next(out.rglob("*.png"))
    picture.write_bytes(picture.read_bytes()[:-1] + b"!")
    (out / "DATASHEET.md").unlink()
    wrong = {one.path: one.why for one in await taking_home.verify(w, SLUG, 1, out)}
    assert wrong == {str(picture.relative_to(out)): "its checksum differs", "DATASHEET.md": "it is missing"}
    assert await taking_home.verify(w, SLUG, 1) == []
