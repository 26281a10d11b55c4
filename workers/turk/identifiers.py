"""Identifiers in the shapes that the service model asks for: EntityId ``^[A-Z0-9]+$``, CustomerId ``^A[A-Z0-9]+$``.

And the secrets of access keys, which are made of their ids.
"""

import base64
import hashlib
import hmac
import json
import re
import secrets
import unicodedata
from collections.abc import Mapping
from datetime import datetime

from workers.turk.clock import epoch_milliseconds

ORDER_KEY = re.compile("[0-9]{15}-[A-Z0-9]{32}")
"""What ``order_key`` makes of an id of ours."""


def new_id() -> str:
    """A fresh EntityId of 32 characters with 160 random bits: knowing one is the right to use it."""
    return base64.b32encode(secrets.token_bytes(20)).decode()


def digest_id(values: Mapping[str, object]) -> str:
    """The EntityId that belongs to these values: the same values always give the same id."""
    canonical = json.dumps(values, sort_keys=True, separators=(",", ":"))
    return base64.b32encode(hashlib.sha256(canonical.encode()).digest()[:20]).decode()


def worker_id(name: str) -> str:
    """The WorkerId of a name: 14 characters, the same for the same name on every machine, whatever its case."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    return "A" + base64.b32encode(hashlib.sha256(folded.encode()).digest()).decode()[:13]


def order_key(moment: datetime, identifier: str) -> str:
    """A text that sorts by time and then by id, unique per id: what pages of results are cut by."""
    return f"{epoch_milliseconds(moment):015d}-{identifier}"


def secret_of(key: str, marketplace_secret: str) -> str:
    """The secret access key of an access key's id: 40 characters, as Amazon's are."""
    digest = hmac.new(marketplace_secret.encode(), f"access-key/{key}".encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest)[:40].decode()
