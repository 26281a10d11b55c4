"""Every environment variable that Winnow reads, read once."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from active_learning.domain.access import UserRole
from active_learning.domain.errors import InputError

MARKETS = ("turk", "mturk-sandbox", "mturk", "prolific")
LOGS = ("text", "json")

MARKET_ORIGINS = {
    "mturk-sandbox": ("https://workersandbox.mturk.com",),
    "mturk": ("https://worker.mturk.com", "https://www.mturk.com"),
    "prolific": ("https://app.prolific.com",),
}
"""Where a market shows tasks and takes their submits; Winnow's own marketplace is at its endpoint."""


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
    more_markets: tuple[str, ...] = ()
    market_endpoint: str = "http://127.0.0.1:8001"
    market_access_key: str = "winnow"
    market_secret_key: str = field(default="winnow-local", repr=False)
    market_per_second: float = 10.0
    prolific_endpoint: str = "https://api.prolific.com"
    prolific_token: str = field(default="", repr=False)
    prolific_workspace: str = ""
    prolific_project: str = ""
    poll_seconds: float = 2.0
    reconcile_seconds: float = 600.0
    market_events: bool = False
    in_hand: int = 500
    logs: str = "text"
    ray_address: str | None = None
    contact: str = ""
    scrape_per_second: float = 4.0
    scrape_connections: int = 32
    scrape_processes: int = 0
    scrape_networks: tuple[str, ...] = ()
    flickr_key: str = field(default="", repr=False)
    openverse_id: str = ""
    openverse_secret: str = field(default="", repr=False)
    hub_token: str = field(default="", repr=False)
    oidc_issuer: str = ""
    oidc_client_id: str = ""
    oidc_client_secret: str = field(default="", repr=False)
    oidc_title: str = ""
    oidc_domains: tuple[str, ...] = ()
    oidc_default_role: str = "viewer"
    oidc_role_claim: str = ""

    def __post_init__(self) -> None:
        if self.logs not in LOGS:
            raise InputError(f"WINNOW_LOGS is '{self.logs}'.", f"Choose one of {', '.join(LOGS)}.")
        for market in self.markets:
            if market not in MARKETS:
                raise InputError(f"WINNOW_MARKET names '{market}'.", f"Choose among {', '.join(MARKETS)}.")
        prolific = self.prolific_token, self.prolific_workspace, self.prolific_project
        if "prolific" in self.markets and not all(prolific):
            raise InputError(
                "Prolific needs WINNOW_PROLIFIC_TOKEN, WINNOW_PROLIFIC_WORKSPACE and WINNOW_PROLIFIC_PROJECT.",
                "Make a token under Settings at Prolific; the ids are in the addresses of its pages.",
            )
        if self.blobs != "mongodb" and not self.blobs.startswith("s3://"):
            raise InputError(f"WINNOW_BLOBS is '{self.blobs}'.", "Set it to 'mongodb' or 's3://bucket/prefix'.")
        if self.oidc_issuer and not (self.oidc_client_id and self.oidc_domains):
            raise InputError(
                "WINNOW_OIDC_ISSUER needs WINNOW_OIDC_CLIENT_ID and WINNOW_OIDC_DOMAINS.",
                "The latter says whose e-mail addresses may come in, such as lab.org; * for everybody there.",
            )
        if self.oidc_default_role not in ("", *(role.value for role in UserRole)):
            raise InputError(
                f"WINNOW_OIDC_DEFAULT_ROLE is '{self.oidc_default_role}'.",
                f"Choose one of {', '.join(UserRole)}; none: nobody without a role of the provider's or an invitation.",
            )

    @property
    def markets(self) -> tuple[str, ...]:
        """The markets that categories may be asked at; the first is that of a category which names none."""
        return (self.market, *self.more_markets)

    @property
    def market_origins(self) -> tuple[str, ...]:
        """The origins that may show the task page in a frame and take its submit: nobody else's address is trusted."""
        return tuple(origin for market in self.markets for origin in self.origins(market))

    def origins(self, market: str) -> tuple[str, ...]:
        """Those of one market; of the installation's where ``market`` is empty."""
        own = self.market_endpoint.rstrip("/")
        # A browser may know this machine by either name.
        return MARKET_ORIGINS.get(market or self.market, (own, own.replace("//127.0.0.1", "//localhost")))

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> "Settings":
        """Read the variables below from ``env``; raises :class:`InputError` for a missing or wrong one.

        WINNOW_MONGODB_URI (needed), WINNOW_DATABASE, WINNOW_PUBLIC_URL, WINNOW_SECRET, WINNOW_BLOBS,
        WINNOW_S3_ENDPOINT, WINNOW_MARKET (several with commas between: a category may name one, the first is that of
        all others), WINNOW_MARKET_ENDPOINT, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, WINNOW_PROLIFIC_TOKEN,
        WINNOW_PROLIFIC_WORKSPACE, WINNOW_PROLIFIC_PROJECT, WINNOW_PROLIFIC_ENDPOINT, WINNOW_MARKET_PER_SECOND (calls of
        one process to Amazon or Prolific; 0: as fast as it goes), WINNOW_POLL_SECONDS, WINNOW_MARKET_EVENTS (yes: our
        own marketplace tells at once what it would be asked at the next poll), WINNOW_RECONCILE_SECONDS (how often the
        ledger is compared with the market's),
        WINNOW_IN_HAND (requests that a web process answers at a time before it turns others away), WINNOW_LOGS (text,
        or json: an object a line, with every request), RAY_ADDRESS.

        The scraper's: WINNOW_CONTACT (an address that servers are told), WINNOW_SCRAPE_PER_SECOND (requests to one host
        by all processes together; 0: as fast as it goes), WINNOW_SCRAPE_CONNECTIONS (of one process),
        WINNOW_SCRAPE_PROCESSES (that `./winnow scrape` starts for a large list; 0: one for each processor),
        WINNOW_SCRAPE_NETWORKS (private networks that may be asked, such as 10.1.0.0/16,127.0.0.1), WINNOW_FLICKR_KEY,
        WINNOW_OPENVERSE_CLIENT_ID, WINNOW_OPENVERSE_CLIENT_SECRET, HF_TOKEN.

        Signing in with an OpenID Connect provider: WINNOW_OIDC_ISSUER (its address), WINNOW_OIDC_CLIENT_ID,
        WINNOW_OIDC_CLIENT_SECRET (empty: a public client), WINNOW_OIDC_TITLE (what the sign-in page calls it),
        WINNOW_OIDC_DOMAINS (of the e-mail addresses that may come in: lab.org,uni.edu), WINNOW_OIDC_DEFAULT_ROLE
        (viewer; none: only who is invited or has a role by the next), WINNOW_OIDC_ROLE_CLAIM (the claim that names
        somebody's role or groups: admin, researcher, viewer).
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
            poll_seconds=float(env.get("WINNOW_POLL_SECONDS", cls.poll_seconds)),
            reconcile_seconds=float(env.get("WINNOW_RECONCILE_SECONDS", cls.reconcile_seconds)),
            in_hand=int(env.get("WINNOW_IN_HAND", cls.in_hand)),
            logs=env.get("WINNOW_LOGS", cls.logs),
            ray_address=env.get("RAY_ADDRESS"),
            contact=env.get("WINNOW_CONTACT", ""),
            scrape_per_second=_number(env, "WINNOW_SCRAPE_PER_SECOND", cls.scrape_per_second),
            scrape_connections=int(_number(env, "WINNOW_SCRAPE_CONNECTIONS", cls.scrape_connections)),
            scrape_processes=int(_number(env, "WINNOW_SCRAPE_PROCESSES", cls.scrape_processes)),
            scrape_networks=tuple(
                part.strip() for part in env.get("WINNOW_SCRAPE_NETWORKS", "").split(",") if part.strip()
            ),
            flickr_key=env.get("WINNOW_FLICKR_KEY", ""),
            openverse_id=env.get("WINNOW_OPENVERSE_CLIENT_ID", ""),
            openverse_secret=env.get("WINNOW_OPENVERSE_CLIENT_SECRET", ""),
            hub_token=env.get("HF_TOKEN", ""),
            **_markets(env),
            **_oidc(env),
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
            "WINNOW_MARKET": ",".join(self.markets),
            "WINNOW_MARKET_ENDPOINT": self.market_endpoint,
            # What nobody has chosen is not said: it would hide a machine's own credentials from S3.
            "AWS_ACCESS_KEY_ID": self.market_access_key if self.market_access_key != "winnow" else "",
            "AWS_SECRET_ACCESS_KEY": self.market_secret_key if self.market_secret_key != "winnow-local" else "",
            "WINNOW_MARKET_PER_SECOND": str(self.market_per_second),
            "WINNOW_PROLIFIC_ENDPOINT": self.prolific_endpoint,
            "WINNOW_PROLIFIC_TOKEN": self.prolific_token,
            "WINNOW_PROLIFIC_WORKSPACE": self.prolific_workspace,
            "WINNOW_PROLIFIC_PROJECT": self.prolific_project,
            "WINNOW_POLL_SECONDS": str(self.poll_seconds),
            "WINNOW_MARKET_EVENTS": "yes" if self.market_events else "no",
            "WINNOW_RECONCILE_SECONDS": str(self.reconcile_seconds),
            "WINNOW_IN_HAND": str(self.in_hand),
            "WINNOW_LOGS": self.logs,
            "RAY_ADDRESS": self.ray_address,
            "WINNOW_CONTACT": self.contact,
            "WINNOW_SCRAPE_PER_SECOND": str(self.scrape_per_second),
            "WINNOW_SCRAPE_CONNECTIONS": str(self.scrape_connections),
            "WINNOW_SCRAPE_PROCESSES": str(self.scrape_processes),
            "WINNOW_SCRAPE_NETWORKS": ",".join(self.scrape_networks),
            "WINNOW_FLICKR_KEY": self.flickr_key,
            "WINNOW_OPENVERSE_CLIENT_ID": self.openverse_id,
            "WINNOW_OPENVERSE_CLIENT_SECRET": self.openverse_secret,
            "HF_TOKEN": self.hub_token,
            "WINNOW_OIDC_ISSUER": self.oidc_issuer,
            "WINNOW_OIDC_CLIENT_ID": self.oidc_client_id,
            "WINNOW_OIDC_CLIENT_SECRET": self.oidc_client_secret,
            "WINNOW_OIDC_TITLE": self.oidc_title,
            "WINNOW_OIDC_DOMAINS": ",".join(self.oidc_domains),
            "WINNOW_OIDC_DEFAULT_ROLE": self.oidc_default_role or "none",
            "WINNOW_OIDC_ROLE_CLAIM": self.oidc_role_claim,
        }
        return {name: value for name, value in values.items() if value}


def _markets(env: Mapping[str, str]) -> dict[str, Any]:
    """Where annotators come from, and what lets us in there."""
    # A market that is named twice is one.
    names = tuple(dict.fromkeys(name.strip() for name in env.get("WINNOW_MARKET", Settings.market).split(",")))
    return {
        "market": names[0],
        "more_markets": names[1:],
        "market_endpoint": env.get("WINNOW_MARKET_ENDPOINT", Settings.market_endpoint),
        "market_access_key": env.get("AWS_ACCESS_KEY_ID", Settings.market_access_key),
        "market_secret_key": env.get("AWS_SECRET_ACCESS_KEY", "winnow-local"),
        "market_per_second": _number(env, "WINNOW_MARKET_PER_SECOND", Settings.market_per_second),
        "market_events": env.get("WINNOW_MARKET_EVENTS", "no") == "yes",
        "prolific_endpoint": env.get("WINNOW_PROLIFIC_ENDPOINT", Settings.prolific_endpoint).rstrip("/"),
        "prolific_token": env.get("WINNOW_PROLIFIC_TOKEN", ""),
        "prolific_workspace": env.get("WINNOW_PROLIFIC_WORKSPACE", ""),
        "prolific_project": env.get("WINNOW_PROLIFIC_PROJECT", ""),
    }


def _oidc(env: Mapping[str, str]) -> dict[str, Any]:
    """What is set of the OpenID Connect provider; nothing where none is."""
    issuer = env.get("WINNOW_OIDC_ISSUER", "").rstrip("/")
    if not issuer:
        return {}
    role = env.get("WINNOW_OIDC_DEFAULT_ROLE", Settings.oidc_default_role)
    domains = env.get("WINNOW_OIDC_DOMAINS", "").lower().split(",")
    return {
        "oidc_issuer": issuer,
        "oidc_client_id": env.get("WINNOW_OIDC_CLIENT_ID", ""),
        "oidc_client_secret": env.get("WINNOW_OIDC_CLIENT_SECRET", ""),
        "oidc_title": env.get("WINNOW_OIDC_TITLE") or urlsplit(issuer).hostname or issuer,
        "oidc_domains": tuple(part.strip().lstrip("@") for part in domains if part.strip()),
        "oidc_default_role": "" if role == "none" else role,
        "oidc_role_claim": env.get("WINNOW_OIDC_ROLE_CLAIM", ""),
    }


def _number(env: Mapping[str, str], name: str, default: float) -> float:
    """A number that is not negative; raises :class:`InputError` otherwise."""
    text = env.get(name) or str(default)
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if number < 0:
        raise InputError(f"{name} is '{text}'.", "Set it to a number that is not negative.")
    return number
