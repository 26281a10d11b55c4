"""Frames of real videos, written here: which, when, how they stand, and what comes of damaged ones."""

import io
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from active_learning.domain.errors import InputError
from scraper.found import Found
from scraper.sources import at_hand
from scraper.sources.video import Video
from tests.scraper.collecting import assert_resumes, collect, collect_until, data, images

RATE = 10


def write(path: Path, seconds: int = 5, codec: str = "mpeg4", rotated: int = 0, **settings: Any) -> Path:
    """A video whose left half grows brighter by 4 with every frame, and whose right half is red."""
    with av.open(str(path), "w", options=settings.pop("options", {})) as container:
        stream = container.add_stream(codec, rate=RATE, options=settings.pop("stream_options", {}))
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.gop_size = 20
        for name, value in settings.items():
            setattr(stream.codec_context, name, value)
        if rotated:
            stream.set_display_rotation(rotated)
        for number in range(seconds * RATE):
            pixels = np.zeros((48, 64, 3), np.uint8)
            pixels[:, :32] = number * 4 % 250
            pixels[:, 32:, 0] = 200
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())
    return path


def opened(found: Found) -> Image.Image:
    image = Image.open(io.BytesIO(data(found)))
    assert image.format == "JPEG"
    return image.convert("RGB")


def number_of(found: Found) -> int:
    """Which frame it is, by its brightness."""
    red, _, _ = opened(found).getpixel((10, 24))
    return round(red / 4)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.avi", "a.ts", "a.mov"])
async def test_a_frame_a_second_and_from_every_cursor_on(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(at_hand, "PAGE_IMAGES", 2)
    path = write(tmp_path / name, 5, "libx264" if name != "a.avi" else "mpeg4")
    pages = await assert_resumes(Video(path))
    found = images(pages)
    assert [one.name for one in found] == [f"{name}#t={second}.0" for second in range(5)]
    assert [number_of(one) for one in found] == pytest.approx([0, 10, 20, 30, 40], abs=1)
    assert [len(page.images) for page in pages] == [2, 2, 1]
    assert found[1].url == f"{path.as_uri()}#t=1.000"
    assert opened(found[0]).size == (64, 48)


async def test_other_intervals(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4", 3)
    assert [one.name for one in images(await collect(Video(path, every=0.5)))] == [
        f"a.mp4#t={time}" for time in ("0.0", "0.5", "1.0", "1.5", "2.0", "2.5")
    ]
    # 0.25 s lies between two frames, of which the later one is taken; that does not move the next
    found = images(await collect(Video(path, every=0.25)))
    numbers = [0, 3, 5, 8, 10, 13, 15, 18, 20, 23, 25, 28]
    assert [one.name for one in found] == [f"a.mp4#t={number / 10}" for number in numbers]
    assert [number_of(one) for one in found] == pytest.approx(numbers, abs=1)
    for wrong in (-1.0, float("nan"), float("inf")):
        with pytest.raises(InputError):
            Video(path, every=wrong)


async def test_key_frames(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(at_hand, "PAGE_IMAGES", 1)
    path = write(tmp_path / "a.mp4", 5, "libx264", stream_options={"sc_threshold": "0"})
    pages = await assert_resumes(Video(path, every=0))
    assert [number_of(one) for one in images(pages)] == pytest.approx([0, 20, 40], abs=1)


@pytest.mark.parametrize("rotated", [90, 180, -90])
async def test_frames_are_upright(tmp_path: Path, rotated: int) -> None:
    found = images(await collect(Video(write(tmp_path / "a.mp4", 1, rotated=rotated))))
    image = opened(found[0])
    # the red half is on the right before it is turned counter-clockwise
    red = {90: (24, 10), 180: (10, 24), -90: (24, 54)}[rotated]
    assert image.size == ((64, 48) if rotated == 180 else (48, 64))
    pixel = image.getpixel(red)
    assert isinstance(pixel, tuple) and pixel[0] > 150 and pixel[1] < 60


async def test_pixels_become_square(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mkv", 1, "libx264", sample_aspect_ratio=Fraction(2))
    assert opened(images(await collect(Video(path)))[0]).size == (128, 48)


async def test_a_folder_of_videos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(at_hand, "PAGE_IMAGES", 3)
    write(tmp_path / "b.mp4", 2)
    (tmp_path / "a").mkdir()
    write(tmp_path / "a" / "c.mp4", 2)
    pages = await assert_resumes(Video(tmp_path))
    assert [one.name for one in images(pages)] == ["a/c.mp4#t=0.0", "a/c.mp4#t=1.0", "b.mp4#t=0.0", "b.mp4#t=1.0"]


@pytest.mark.parametrize("name", ["a.mkv", "a.mp4"])
async def test_a_video_that_was_cut_off_gives_what_it_has_and_then_says_so(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name, 20, options={"movflags": "faststart"} if name == "a.mp4" else {})
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    pages, said = await collect_until(Video(path), InputError)
    assert name in said and "damaged" in said
    assert 3 <= len(images(pages)) < 20


async def test_damage_in_the_middle_is_said_after_what_can_be_decoded(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mov", 5, "mjpeg", pix_fmt="yuvj420p")
    content = bytearray(path.read_bytes())
    third = len(content) // 3
    content[third : 2 * third] = np.random.default_rng(0).bytes(third)
    path.write_bytes(content)
    pages, said = await collect_until(Video(path), InputError)
    assert "damaged" in said
    shown = {float(one.name.partition("=")[2]): number_of(one) for one in images(pages)}
    # the first frame behind the damage may show some of it: libraries cannot always tell
    right = [time for time, number in shown.items() if number == pytest.approx(10 * time, abs=1)]
    assert 3 <= len(right) < 5 and len(shown) - len(right) <= 1


PLAYLIST = b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n"


@pytest.mark.parametrize("content", [b"", b"no video at all" * 100, PLAYLIST, b"ffconcat version 1.0\nfile a.mp4\n"])
async def test_what_is_no_video_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.mp4").write_bytes(content)
    pages, said = await collect_until(Video(tmp_path / "x.mp4"), InputError)
    assert not pages and "x.mp4" in said


async def test_sound_alone_is_refused(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=44_100)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1_024), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 44_100
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    with pytest.raises(InputError, match="no pictures"):
        await collect(Video(tmp_path / "a.mp4"))
