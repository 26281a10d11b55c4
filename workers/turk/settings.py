"""The settings of the marketplace: one frozen value, read from the environment once, at the factory."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any
from urllib.parse import urlsplit

from workers.turk.chaos import read_chaos
from workers.turk.errors import SettingsError

PREFIX = "WINNOW_TURK_"
SIGN_UP = ("open", "invited", "names")
_FIRST_KEY = re.compile(r"[A-Za-z0-9_.+=-]{1,128}(:\S*)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class TurkSettings:
    """What one marketplace process needs to know.

    ``public_url`` is the address that browsers use; it becomes ``turkSubmitTo``. ``secret`` signs the workers' cookies
    and makes the secrets of access keys. ``first_key`` is the access key of a tenant that nobody has to make:
    ``KEY:SECRET``, or ``KEY`` alone for the secret that ``secret`` gives it. ``starting_balance_cents`` is the prepaid
    money of a new requester. Fees are whole percents of reward and bonus: ``fee_percent`` always,
    ``large_hit_fee_percent`` in addition for HITs with ten or more assignments, at least ``minimum_fee_cents`` for
    each assignment or bonus unless the percentage is 0. ``sweep_seconds`` is how often deadlines are looked after
    while nobody calls, ``delivery_seconds`` how often notifications that wait are sent. ``aws_endpoint`` takes the
    place of AWS's own SQS and SNS. ``private_webhooks`` ("yes") lets webhooks go to addresses inside of this network,
    and without TLS. ``chaos`` names what goes wrong on purpose (see ``chaos``); it is for tests only.
    ``sign_up`` says who may work: ``open`` whoever takes a name and a password, ``invited`` who also has an
    invitation, ``names`` whoever says a name, for demos, tests and simulated crowds.
    """

    mongodb_uri: str
    secret: str = field(repr=False)
    database: str = "winnow_turk"
    public_url: str = "http://127.0.0.1:8001"
    first_key: str = field(default="", repr=False)
    starting_balance_cents: int = 1_000_000
    fee_percent: int = 20
    large_hit_fee_percent: int = 20
    minimum_fee_cents: int = 1
    sweep_seconds: float = 5.0
    delivery_seconds: float = 1.0
    aws_endpoint: str = ""
    private_webhooks: str = "no"
    chaos: str = ""
    sign_up: str = "open"

    def __post_init__(self) -> None:
        parts = urlsplit(self.public_url)
        if parts.scheme not in {"http", "https"} or not parts.netloc or parts.path or parts.query or parts.fragment:
            raise SettingsError(
                f"public_url must be a bare origin like http://127.0.0.1:8001, not {self.public_url!r}."
            )
        if len(self.secret) < 16:
            raise SettingsError("secret is shorter than 16 characters. Make one: openssl rand -hex 32")
        if self.first_key and not _FIRST_KEY.fullmatch(self.first_key):
            raise SettingsError("first_key must be an access key and its secret: KEY:SECRET.")
        if min(self.sweep_seconds, self.delivery_seconds) <= 0:
            raise SettingsError("sweep_seconds and delivery_seconds must be above 0.")
        if self.private_webhooks not in {"yes", "no"}:
            raise SettingsError('private_webhooks must be "yes" or "no".')
        read_chaos(self.chaos)
        if self.sign_up not in SIGN_UP:
            raise SettingsError(f"sign_up must be one of {', '.join(SIGN_UP)}, not {self.sign_up!r}.")
        numbers = (self.starting_balance_cents, self.fee_percent, self.large_hit_fee_percent, self.minimum_fee_cents)
        if min(numbers) < 0:
            raise SettingsError("Balances and fees cannot be negative.")

    @classmethod
    def from_env(cls, environment: Mapping[str, str]) -> "TurkSettings":
        """Reads ``WINNOW_TURK_<FIELD>`` for every field. Raises SettingsError for a bad one."""
        kinds = {spec.name: spec.type for spec in fields(cls)}
        given = {k.removeprefix(PREFIX).lower(): v for k, v in environment.items() if k.startswith(PREFIX)}
        unknown = sorted(set(given) - set(kinds))
        if unknown:
            known = ", ".join(PREFIX + name.upper() for name in kinds)
            raise SettingsError(f"{PREFIX}{unknown[0].upper()} is not a setting. Known: {known}")
        for required in ("mongodb_uri", "secret"):
            if not given.get(required):
                raise SettingsError(f"{PREFIX}{required.upper()} is not set.")
        return cls(**{name: _convert(name, kinds[name], text) for name, text in given.items()})


def _convert(name: str, kind: Any, text: str) -> Any:
    if kind not in {int, float}:
        return text.rstrip("/") if name == "public_url" else text
    try:
        return kind(text)
    except ValueError:
        raise SettingsError(f"{PREFIX}{name.upper()} must be a number, not {text!r}.") from None
