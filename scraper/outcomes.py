"""What became of a URL: one value with a countable reason for each, never an exception that ends a run."""

from enum import StrEnum


class Outcome(StrEnum):
    """Every end that a found image can come to. The value is what counts, exports and pages say."""

    # into the pool
    STORED = "stored"
    """A new candidate."""
    DUPLICATE = "duplicate"
    """The same bytes are in the category's pool already."""
    NEAR_DUPLICATE = "near_duplicate"
    UNCHANGED = "unchanged"
    """A second visit: the server says that it is what we have."""

    # not wanted
    LICENCE = "licence_not_allowed"
    TAKEN_DOWN = "taken_down"
    """Somebody asked for its removal: the URL, its author or its bytes."""
    ROBOTS = "robots_txt"
    OPTED_OUT = "opted_out"
    """An X-Robots-Tag or a TDM reservation of the server."""
    TOO_BLURRED = "too_blurred"
    WRONG_SHAPE = "wrong_shape"

    # not an acceptable image: the reasons of ``ImageRefused``
    EMPTY = "empty"
    TOO_BIG = "too_big"
    UNSUPPORTED_FORMAT = "unsupported_format"
    NOT_AN_IMAGE = "not_an_image"
    TOO_MANY_PIXELS = "too_many_pixels"
    TOO_SMALL = "too_small"
    ANIMATED = "animated"
    TRUNCATED = "truncated"
    UNREADABLE = "unreadable"
    """A file that cannot be read."""

    GAVE_UP = "gave_up"
    """Every process that had it has vanished."""

    # what the server answered
    NOT_FOUND = "not_found"
    FORBIDDEN = "forbidden"
    RATE_LIMITED = "rate_limited"
    SERVER_ERROR = "server_error"
    OTHER_STATUS = "other_status"
    TOO_MANY_REDIRECTS = "too_many_redirects"

    # what did not answer
    NO_ADDRESS = "no_address"
    """The name of the host leads nowhere."""
    NO_CONNECTION = "no_connection"
    TIMEOUT = "timeout"
    BROKEN_ANSWER = "broken_answer"
    """Not HTTP, a broken encoding, or an end before the announced length."""
    TLS = "tls"

    # what is never asked
    BAD_URL = "bad_url"
    FORBIDDEN_SCHEME = "forbidden_scheme"
    FORBIDDEN_ADDRESS = "forbidden_address"
    """A loopback, private, link-local, multicast or metadata address, by any name, redirect or notation."""

    @property
    def accepted(self) -> bool:
        """Whether the image is in the pool."""
        return self in _ACCEPTED

    @property
    def passing(self) -> bool:
        """Whether another attempt, later, may end otherwise."""
        return self in _PASSING


_ACCEPTED = frozenset({Outcome.STORED, Outcome.DUPLICATE, Outcome.UNCHANGED})
_PASSING = frozenset(
    {
        Outcome.RATE_LIMITED,
        Outcome.SERVER_ERROR,
        Outcome.NO_ADDRESS,
        Outcome.NO_CONNECTION,
        Outcome.TIMEOUT,
        Outcome.BROKEN_ANSWER,
    }
)


class Refused(Exception):
    """A found image that does not get in: ``outcome`` counts, ``detail`` says it in words.

    ``retry_after`` is how many seconds the server asked to wait, where it did. ``asked`` is false where no request was
    made because the host's turn is too far away.
    """

    def __init__(
        self, outcome: Outcome, detail: str = "", retry_after: float | None = None, asked: bool = True
    ) -> None:
        super().__init__(f"{outcome.value}: {detail}" if detail else outcome.value)
        self.outcome = outcome
        self.detail = detail
        self.retry_after = retry_after
        self.asked = asked
