"""Every environment variable that Winnow reads, read once."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from active_learning.domain.errors import InputError

MARKETS = ("turk", "mturk-sandbox", "mturk")

MARKET_ORIGINS = {
    "mturk-sandbox": ("https://workersandbox.mturk.com",),
    "mturk": ("https://worker.mturk.com", "https://www.mturk.com"),
}
"""Where Amazon shows tasks and takes their submits; Winnow's own marketplace is at its endpoint."""


@dataclass(frozen=True)
class Settings:
    """The whole configuration of a process. ``from_env`` documents where each value comes from."""

    mongodb_uri: str = field(repr=False)
    database: str = "winnow"
    public_url: str = "http://127.0.0.1:8000"
    secret: str = field(default="", repr=False)
    blobs: str = "mongodb"
    s3_endpoint: str | None = None
    market: str = "turk"
    market_endpoint: str = "http://127.0.0.1:8001"
    market_access_key: str = "winnow"
    market_secret_key: str = field(default="winnow-local", repr=False)
    poll_seconds: float = 2.0
    in_hand: int = 500
    ray_address: str | None = None

    def __post_init__(self) -> None:
        if self.market not in MARKETS:
            raise InputError(f"WINNOW_MARKET is '{self.market}'.", f"Choose one of {', '.join(MARKETS)}.")
        if self.blobs != "mongodb" and not self.blobs.startswith("s3://"):
            raise InputError(f"WINNOW_BLOBS is '{self.blobs}'.", "Set it to 'mongodb' or 's3://bucket/prefix'.")

    @property
    def market_origins(self) -> tuple[str, ...]:
        """The origins that may show the task page in a frame and take its submit: nobody else's address is trusted."""
        own = self.market_endpoint.rstrip("/")
        # A browser may know this machine by either name.
        return MARKET_ORIGINS.get(self.market, (own, own.replace("//127.0.0.1", "//localhost")))

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> "Settings":
        """Read the variables below from ``env``; raises :class:`InputError` for a missing or wrong one.

        WINNOW_MONGODB_URI (needed), WINNOW_DATABASE, WINNOW_PUBLIC_URL, WINNOW_SECRET, WINNOW_BLOBS,
        WINNOW_S3_ENDPOINT, WINNOW_MARKET, WINNOW_MARKET_ENDPOINT, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY,
        WINNOW_POLL_SECONDS, WINNOW_IN_HAND (requests that a web process answers at a time before it turns others
        away), RAY_ADDRESS.
        """
        uri = env.get("WINNOW_MONGODB_URI")
        if not uri:
            raise InputError(
                "WINNOW_MONGODB_URI is not set.", "Set it to a replica set, such as mongodb://host/?replicaSet=winnow."
            )
        return cls(
            mongodb_uri=uri,
            database=env.get("WINNOW_DATABASE", cls.database),
            public_url=env.get("WINNOW_PUBLIC_URL", cls.public_url).rstrip("/"),
            secret=env.get("WINNOW_SECRET", ""),
            blobs=env.get("WINNOW_BLOBS", cls.blobs),
            s3_endpoint=env.get("WINNOW_S3_ENDPOINT"),
            market=env.get("WINNOW_MARKET", cls.market),
            market_endpoint=env.get("WINNOW_MARKET_ENDPOINT", cls.market_endpoint),
            market_access_key=env.get("AWS_ACCESS_KEY_ID", cls.market_access_key),
            market_secret_key=env.get("AWS_SECRET_ACCESS_KEY", "winnow-local"),
            poll_seconds=float(env.get("WINNOW_POLL_SECONDS", cls.poll_seconds)),
            in_hand=int(env.get("WINNOW_IN_HAND", cls.in_hand)),
            ray_address=env.get("RAY_ADDRESS"),
        )

    def to_env(self) -> dict[str, str]:
        """The variables that make a child process read these same settings."""
        values = {
            "WINNOW_MONGODB_URI": self.mongodb_uri,
            "WINNOW_DATABASE": self.database,
            "WINNOW_PUBLIC_URL": self.public_url,
            "WINNOW_SECRET": self.secret,
            "WINNOW_BLOBS": self.blobs,
            "WINNOW_S3_ENDPOINT": self.s3_endpoint,
            "WINNOW_MARKET": self.market,
            "WINNOW_MARKET_ENDPOINT": self.market_endpoint,
            "AWS_ACCESS_KEY_ID": self.market_access_key,
            "AWS_SECRET_ACCESS_KEY": self.market_secret_key,
            "WINNOW_POLL_SECONDS": str(self.poll_seconds),
            "WINNOW_IN_HAND": str(self.in_hand),
            "RAY_ADDRESS": self.ray_address,
        }
        return {name: value for name, value in values.items() if value}
