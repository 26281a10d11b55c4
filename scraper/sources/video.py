"""Frames of videos: one every so many seconds, or the key frames."""

import io
import math
import re
from collections.abc import AsyncIterator, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from PIL import Image

from active_learning.domain.errors import InputError
from scraper.found import Cursor, Found, Page, Provenance
from scraper.inspect import DEFAULT_LIMITS
from scraper.sources import folder
from scraper.sources.at_hand import Step, Steps, harmless, held, one_after_another, paged

EXTENSIONS = frozenset(
    {".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts", ".wmv", ".flv", ".ogv"}
)
QUALITY = 95
"""Of the JPEG that a frame becomes."""

_SHORT_OF_ITS_END_S = 2.0
"""A video whose last frame is so long before its announced end was cut off."""
_OPTIONS = {
    # a playlist in a video's clothes must not make the library open other files or addresses
    "protocol_whitelist": "file",
    "format_whitelist": "mov,matroska,avi,mpeg,mpegvideo,mpegts,asf,flv,ogg",
    "max_pixels": str(DEFAULT_LIMITS.max_pixels),
}


class Video:
    """Frames of a video file, or of all those in a folder, as JPEGs, upright and with square pixels.

    ``every`` is how many seconds lie between two frames; 0 gives the key frames, which is several times faster and
    leaves it to the video where they are. A frame is called ``clip.mp4#t=12.0``, by its seconds from the start.

    Raises ``InputError`` for what is no video and, after the frames that could be decoded, for a damaged one.
    """

    def __init__(self, path: Path, *, every: float = 1.0) -> None:
        if not (math.isfinite(every) and every >= 0):
            raise InputError(f"A frame every {every} seconds is not possible.", "Give 1, 0.5, ... or 0 for key frames.")
        self._path = path
        self._every = every

    def pages(self, cursor: Cursor | None = None) -> AsyncIterator[Page]:
        """Give the pages after ``cursor``, as :class:`scraper.found.Source` says."""
        return paged(self._steps(cursor))

    def _steps(self, cursor: Cursor | None) -> Steps:
        files = {file.path: file.absolute for file in folder.files(self._path, EXTENSIONS, "videos")}

        def walk(name: str, at: Any) -> Iterator[Step]:
            for pts, seconds, picture in _frames(files[name], self._every, at):
                data = _jpeg(picture)
                found = Found(
                    url=f"{files[name].as_uri()}#t={seconds:.3f}",
                    name=f"{harmless(name)}#t={_shown(seconds)}",
                    provenance=Provenance("video", source_id=f"{harmless(name)}#t={_shown(seconds)}"),
                    read=held(data),
                )
                yield Step(pts, (found,), len(data))

        yield from one_after_another(list(files), walk, cursor)


def _frames(path: Path, every: float, after: int | None) -> Iterator[tuple[int, float, Image.Image]]:
    """Give (time stamp, seconds from the start, picture) of the wanted frames after the time stamp ``after``."""
    try:
        with av.open(str(path), options=_OPTIONS) as container:
            if not container.streams.video:
                raise InputError(f"{path.name} has no pictures.", "Give a video.")
            stream = container.streams.video[0]
            _check_size(path, stream)
            unit = _unit(stream)
            start = stream.start_time or 0
            if every == 0:
                stream.codec_context.skip_frame = "NONKEY"
            stream.thread_type = "AUTO"
            due = 0.0
            if after is not None:
                container.seek(after, stream=stream)
                due = _next_due(float((after - start) * unit), every)
            decoded = _Decoded(stream)
            for frame in decoded.frames(container):
                if frame.pts is None or (after is not None and frame.pts <= after):
                    continue
                seconds = max(0.0, float((frame.pts - start) * unit))
                # half a millisecond: time stamps are rounded
                if every and seconds < due - 0.0005:
                    continue
                due = _next_due(seconds, every)
                yield frame.pts, seconds, _upright(frame, stream)
            decoded.check(path, _duration(container, stream), start)
    except (av.FFmpegError, OSError, ValueError) as error:
        raise InputError(
            f"{path.name} is no video that can be read: {error}.", "Copy it again, or convert it."
        ) from error


class _Decoded:
    """All frames of a stream, and what could not be decoded of it."""

    def __init__(self, stream: av.VideoStream) -> None:
        self._stream = stream
        self._bad = 0
        self._last: int | None = None
        self._broken = ""

    def frames(self, container: Any) -> Iterator[av.VideoFrame]:
        try:
            for packet in container.demux(self._stream):
                if packet.pts is not None and not packet.is_corrupt:
                    self._last = max(self._last or 0, packet.pts + (packet.duration or 0))
                self._bad += bool(packet.is_corrupt)
                yield from self._decode(packet)
        except av.FFmpegError as error:
            self._broken = str(error)

    def _decode(self, packet: Any) -> Iterator[av.VideoFrame]:
        try:
            for frame in packet.decode():
                if frame.is_corrupt:
                    self._bad += 1
                else:
                    yield frame
        except av.EOFError:
            pass
        except av.FFmpegError:
            self._bad += 1

    def check(self, path: Path, duration: float, start: int) -> None:
        """Raise ``InputError`` when something is missing."""
        end = float(((self._last or start) - start) * _unit(self._stream))
        if self._broken or self._bad:
            what = self._broken or f"{self._bad:,} of its frames could not be decoded"
        elif duration - end > _SHORT_OF_ITS_END_S:
            what = f"it ends after {end:.1f} of {duration:.1f} s"
        else:
            return
        raise InputError(f"{path.name} is damaged: {what}.", "What could be decoded is in. Copy it again for the rest.")


def _unit(stream: av.VideoStream) -> Fraction:
    return stream.time_base or Fraction(1, 1000)


def _duration(container: Any, stream: av.VideoStream) -> float:
    """Return the seconds that a video says it has; 0 when it does not say."""
    if stream.duration:
        return float(stream.duration * _unit(stream))
    said = re.fullmatch(r"(\d+):(\d+):(\d+(?:\.\d+)?)", stream.metadata.get("DURATION", ""))
    if said:
        return int(said[1]) * 3600 + int(said[2]) * 60 + float(said[3])
    # sound may go on after the pictures
    return container.duration / av.time_base if container.duration and len(container.streams) == 1 else 0.0


def _next_due(seconds: float, every: float) -> float:
    """Return the next multiple of ``every`` after a frame: a frame that came late does not move those after it."""
    return (math.floor(seconds / every + 0.001) + 1) * every if every else 0.0


def _check_size(path: Path, stream: av.VideoStream) -> None:
    width, height = stream.codec_context.width, stream.codec_context.height
    if width * height > DEFAULT_LIMITS.max_pixels:
        raise InputError(f"{path.name} has frames of {width:,} x {height:,} pixels.", "Convert it to a smaller size.")


def _upright(frame: av.VideoFrame, stream: av.VideoStream) -> Image.Image:
    picture: Image.Image = frame.to_image()  # type: ignore[no-untyped-call]
    ratio = stream.sample_aspect_ratio
    if ratio and ratio != 1 and Fraction(1, 8) < ratio < 8:
        picture = picture.resize((max(1, round(picture.width * ratio)), picture.height))
    # the display matrix turns counter-clockwise, as Pillow does
    return picture.rotate(frame.rotation, expand=True) if frame.rotation else picture


def _jpeg(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, format="JPEG", quality=QUALITY)
    return out.getvalue()


def _shown(seconds: float) -> str:
    """Return seconds as people write them: 12.0, 12.5, 12.033."""
    return f"{seconds:.3f}".rstrip("0") + "0" * (round(seconds, 3) == int(round(seconds, 3)))
