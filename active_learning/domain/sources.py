"""The sources of images: what each is called, what it is asked with, and how that is explained."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pydantic import Field, ValidationError

from active_learning.domain.errors import InputError
from active_learning.domain.value import Value

Names = tuple[str, ...]


class Query(Value):
    """What the sources that are searched have in common."""

    query: str = Field(min_length=1, max_length=200, description="What to look for: car, night street, ...")
    licences: Names = Field(default=(), description="Only these licences (cc0, by, by-sa, ...); none: any.")
    expand: bool = Field(
        default=False, description="Ask for the concept with adjectives, places and times too: no result limit caps it."
    )
    synonyms: Names = Field(default=(), description="Other words for it, in any language.")
    queries: int = Field(default=200, ge=1, le=5_000, description="At most so many expanded queries.")


class OpenverseOptions(Query):
    """Openverse."""

    collection: str = Field(default="", description="Only one of its collections, such as flickr or wikimedia.")
    address: str = Field(default="https://api.openverse.org", description="Another installation of its API.")


class CommonsOptions(Query):
    """Wikimedia Commons. A query of the form ``Category:Cars`` lists that category."""

    depth: int = Field(default=0, ge=0, le=10, description="Of a category: its subcategories too, so deep.")
    width: int = Field(default=1_280, ge=0, description="Pixels, for images that are wider; 0: the originals.")
    address: str = Field(default="https://commons.wikimedia.org", description="Another MediaWiki.")


class FlickrOptions(Query):
    """Flickr. It needs an API key (WINNOW_FLICKR_KEY)."""

    size: Literal["large", "original"] = Field(default="large", description="large: 1,024 pixels; or original.")
    address: str = Field(default="https://api.flickr.com", description="Where its API is.")


class ListOptions(Value):
    """A list of URLs."""

    path: str = Field(min_length=1, description="A .txt, .csv, .jsonl or .parquet file, also gzipped.")
    column: str = Field(default="", description="The column that holds the URLs, where its name does not say so.")


class WebOptions(Value):
    """Web pages."""

    path: str = Field(min_length=1, description="The address of a page.")
    depth: int = Field(default=0, ge=0, le=10, description="Follow links of the same site so deep.")
    pages: int = Field(default=1_000, ge=1, le=10_000, description="Read at most so many pages.")


class SitemapOptions(Value):
    """A sitemap."""

    path: str = Field(min_length=1, description="The address of a sitemap or sitemap index.")
    pages: int = Field(
        default=1_000, ge=0, le=10_000, description="Read at most so many listed pages that name no images."
    )


class S3Options(Value):
    """An S3 bucket. Credentials are those of the AWS environment."""

    path: str = Field(pattern=r"^s3://[^/]+(/.*)?$", description="s3://bucket/prefix")


class PathOptions(Value):
    """Files of this machine."""

    path: str = Field(min_length=1, description="A file or folder.")


class VideoOptions(PathOptions):
    """Videos."""

    every: float = Field(default=1.0, ge=0.0, description="A frame every so many seconds; 0: the key frames.")


class TableOptions(Value):
    """Tables with an image column."""

    path: str = Field(min_length=1, description="A Parquet or Arrow file or folder, or hf://owner/name.")
    column: str = Field(default="", description="The image column, where there are several.")
    split: str = Field(default="", description="Only this split, such as train.")


@dataclass(frozen=True)
class SourceKind:
    """A kind of source. ``local`` ones read with the rights of whoever runs Winnow, its files or buckets: pages do not
    offer them."""

    what: str
    options: type[Value]
    local: bool = False


SOURCES: Mapping[str, SourceKind] = {
    "openverse": SourceKind("Openly licensed images of some fifty collections.", OpenverseOptions),
    "commons": SourceKind("Wikimedia Commons, by search or category.", CommonsOptions),
    "flickr": SourceKind("Flickr's search, by licence; needs an API key.", FlickrOptions),
    "list": SourceKind("A file of URLs: txt, CSV, JSONL or Parquet.", ListOptions, local=True),
    "web": SourceKind("The images of a web page, or of a site.", WebOptions),
    "sitemap": SourceKind("The images that a sitemap lists.", SitemapOptions),
    "s3": SourceKind("The images of an S3 bucket.", S3Options, local=True),
    "folder": SourceKind("A folder of images.", PathOptions, local=True),
    "archive": SourceKind("A tar or zip archive, or WebDataset shards.", PathOptions, local=True),
    "video": SourceKind("Frames of a video file.", VideoOptions, local=True),
    "table": SourceKind(
        "A Hugging Face image dataset: Parquet or Arrow, here or on the Hub.", TableOptions, local=True
    ),
}
"""Every kind of source. :mod:`scraper.sources` opens them."""


def checked_options(source: str, options: Mapping[str, object]) -> Value:
    """The options of a source as its own type; words with commas become lists. Raises :class:`InputError`."""
    kind = SOURCES.get(source)
    if kind is None:
        raise InputError(f"There is no source '{source}'.", f"Choose one of {', '.join(SOURCES)}.")
    known = kind.options.model_fields
    given = {
        name: tuple(part.strip() for part in value.split(",") if part.strip())
        if isinstance(value, str) and name in known and known[name].annotation == Names
        else value
        for name, value in options.items()
    }
    try:
        return kind.options.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InputError(
            f"The source '{source}' does not take this: {where}: {first['msg']}.", f"It has {', '.join(known)}."
        ) from error
