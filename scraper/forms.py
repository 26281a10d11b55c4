"""The form in which a category keeps its images: as they came, or as LSUN kept its own."""

import io
from functools import lru_cache

import av
import numpy as np
import simplejpeg
from av.video.reformatter import Interpolation, VideoReformatter
from numpy.typing import NDArray
from PIL import Image, ImageCms

from active_learning.domain.errors import ImageRefused
from active_learning.domain.intake import Form
from scraper import jpeg
from scraper.inspect import ImageFacts
from scraper.pixels import TURNS, orientation, plain, upright

LSUN_SIDE = 256
LSUN_QUALITY = 75

_COLOUR_PROFILE = b"ICC_PROFILE\0"
_SCALING = Interpolation.AREA | Interpolation.ACCURATE_RND

Pixels = NDArray[np.uint8]


def shape(data: bytes, facts: ImageFacts, form: Form) -> bytes:
    """Bring an image that was examined into a form.

    ``original`` gives the bytes as they are. ``lsun`` gives a JPEG of quality 75, upright, in sRGB, without metadata,
    its shorter side 256 pixels, or what it has where that is less; what is transparent is laid on white. Equal bytes
    give equal bytes. Raises ImageRefused (truncated) for pixels that cannot be decoded.
    """
    if form == "original":
        return data
    try:
        shrunk = _shrunk_jpeg(data) if facts.format == "JPEG" else None
        return _encode(*(shrunk or _shrunk_any(data)), facts)
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise ImageRefused("truncated", "The image is damaged or cut off.", "Copy or download it again.") from error


def _shrunk_jpeg(data: bytes) -> tuple[Pixels, int] | None:
    """Pixels as they lie in the file, halved on the way out of the decoder while they are still large enough, and
    EXIF's orientation; ``None`` for what only Pillow understands: CMYK, colour profiles, unusual coding."""
    header = jpeg.header(data)
    if header is None or header.components not in (1, 3) or _COLOUR_PROFILE in data[: header.coded]:
        return None
    scale = 8
    while scale > 1 and min(header.width, header.height) < LSUN_SIDE * scale:
        scale //= 2
    wanted = {"min_height": -(-header.height // scale), "min_width": -(-header.width // scale)}
    colours = "GRAY" if header.components == 1 else "RGB"
    return simplejpeg.decode_jpeg(data, colours, **wanted, strict=False), header.orientation


def _shrunk_any(data: bytes) -> tuple[Pixels, int]:
    with Image.open(io.BytesIO(data)) as image:
        image.draft(image.mode, (LSUN_SIDE, LSUN_SIDE))
        profile = image.info.get("icc_profile")
        turned = orientation(image)
        picture = plain(_in_srgb(image, profile) if profile else image)
    factor = min(picture.size) // LSUN_SIDE
    if factor > 1:
        picture = picture.reduce(factor)
    pixels = np.asarray(picture)
    return pixels if pixels.ndim == 3 else pixels[:, :, None], turned


def _encode(pixels: Pixels, turned: int, facts: ImageFacts) -> bytes:
    """Scale to the exact size, turn upright, and encode with half the colour resolution, as JPEGs commonly are."""
    ratio = min(1.0, LSUN_SIDE / min(facts.width, facts.height))
    width, height = (max(1, round(side * ratio)) for side in (facts.width, facts.height))
    if pixels.shape[2] == 1:
        (grey,) = _scaled(pixels[:, :, 0], "gray", "gray", (width, height), turned)
        return bytes(simplejpeg.encode_jpeg(grey[:, :, None], LSUN_QUALITY, "GRAY", "Gray"))
    luma, blue, red = _scaled(pixels, "rgb24", "yuvj420p", (width, height), turned)
    # The encoder looks at whole pairs of rows and columns, one pixel behind the picture where its sides are odd.
    whole = np.pad(luma, [(0, side % 2) for side in luma.shape], mode="edge")
    luma = whole[: luma.shape[0], : luma.shape[1]]
    return bytes(simplejpeg.encode_jpeg_yuv_planes(luma, blue, red, LSUN_QUALITY))


def _scaled(pixels: Pixels, given: str, wanted: str, size: tuple[int, int], turned: int) -> list[Pixels]:
    """The planes of the picture in another size (width, height), every pixel with its share, and upright.

    FFmpeg's scaler takes a quarter of Pillow's time, and hands out the planes that the encoder wants.
    """
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), given)
    scaled = VideoReformatter().reformat(frame, *size, wanted, interpolation=_SCALING, threads=1)
    found = []
    for plane in scaled.planes:
        rows = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)
        found.append(np.ascontiguousarray(upright(rows[:, : plane.width], TURNS[turned])))
    return found


def _in_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """The picture in sRGB; as it is where its profile is broken or not made for its mode."""
    if image.mode not in ("RGB", "RGBA", "CMYK", "L"):
        return image
    mode = "RGBA" if image.mode == "RGBA" else "RGB"
    transform = _to_srgb(profile, image.mode, mode)
    return image if transform is None else ImageCms.applyTransform(image, transform) or image


@lru_cache(maxsize=64)
def _to_srgb(profile: bytes, source: str, target: str) -> ImageCms.ImageCmsTransform | None:
    """Few profiles are behind most pictures, and reading one takes longer than using it."""
    try:
        opened = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        return ImageCms.buildTransform(opened, ImageCms.createProfile("sRGB"), source, target)
    except (ImageCms.PyCMSError, OSError):
        return None
