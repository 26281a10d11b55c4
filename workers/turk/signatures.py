"""AWS Signature Version 4 of a request, checked by signing it again with botocore's own signer.

The secret of an access key is not stored: it is made of the key's id and the marketplace's ``secret``, so whoever reads
the database can sign nothing. Whoever changes ``secret`` ends every key.
"""

import hashlib
import hmac
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from starlette.datastructures import Headers

from workers.turk.errors import SignatureRefused

SKEW = timedelta(minutes=15)
SERVICE = "mturk-requester"
MUST_BE_SIGNED = frozenset({"host", "x-amz-date", "x-amz-target"})
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 +Credential=(?P<key>[A-Za-z0-9_.+=-]{1,128})/(?P<day>[0-9]{8})/(?P<region>[a-z0-9-]{1,40})"
    rf"/{SERVICE}/aws4_request, *SignedHeaders=(?P<headers>[a-z0-9;-]{{1,1000}}), *"
    r"Signature=(?P<signature>[0-9a-f]{64})"
)
_MOMENT = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True, slots=True)
class AccessKey:
    """What a request is checked with: whose key it is, and its secret."""

    requester: str
    secret: str


async def requester_of(
    headers: Headers, query: str, body: bytes, now: datetime, find: Callable[[str], Awaitable[AccessKey | None]]
) -> str:
    """The requester who signed this POST / with a key that ``find`` knows.

    ``now`` is the machine's time, as clients sign with theirs. Raises SignatureRefused with the code of AWS.
    """
    given = headers.get("authorization")
    if not given:
        raise SignatureRefused("MissingAuthenticationTokenException", "The request is not signed: no Authorization.")
    parts = _AUTHORIZATION.fullmatch(given)
    if parts is None:
        raise SignatureRefused(
            "IncompleteSignatureException",
            f"Authorization is not an AWS4-HMAC-SHA256 signature for the service {SERVICE}.",
        )
    signed = parts["headers"].split(";")
    if missing := sorted(MUST_BE_SIGNED.difference(signed) | {name for name in signed if name not in headers}):
        raise SignatureRefused("IncompleteSignatureException", f"Not among the signed headers: {', '.join(missing)}.")
    moment = _check_time(headers["x-amz-date"], parts["day"], now)
    key = await find(parts["key"])
    if key is None:
        # Amazon's words; every boto3 user has seen them.
        raise SignatureRefused("UnrecognizedClientException", "The security token included in the request is invalid.")
    if headers.get("x-amz-content-sha256") not in {None, hashlib.sha256(body).hexdigest()}:
        raise SignatureRefused("InvalidSignatureException", "x-amz-content-sha256 is not the hash of the body.")
    expected = _signature(headers, signed, query, body, moment, parts["region"], Credentials(parts["key"], key.secret))
    if not hmac.compare_digest(expected, parts["signature"]):
        raise SignatureRefused(
            "InvalidSignatureException",
            "The request signature we calculated does not match the signature you provided. "
            "Check your AWS Secret Access Key; a proxy in between must pass on the Host header.",
        )
    return key.requester


def _check_time(text: str, day: str, now: datetime) -> str:
    try:
        moment = datetime.strptime(text, _MOMENT).replace(tzinfo=UTC)
    except ValueError:
        moment = None
    if moment is None or not text.startswith(day):
        raise SignatureRefused("IncompleteSignatureException", "X-Amz-Date is not a date of the credential's day.")
    if abs(now - moment) > SKEW:
        how = "expired" if moment < now else "not yet current"
        raise SignatureRefused(
            "InvalidSignatureException",
            f"Signature {how}: {text} is more than 15 minutes from {now.strftime(_MOMENT)}. Set your clock.",
        )
    return text


def _signature(
    headers: Headers, signed: list[str], query: str, body: bytes, moment: str, region: str, credentials: Credentials
) -> str:
    request = AWSRequest("POST", f"http://{headers['host']}/" + (f"?{query}" if query else ""), data=body)
    for name in signed:
        for value in headers.getlist(name):
            request.headers.add_header(name, value)
    request.context["timestamp"] = moment
    signer = SigV4Auth(credentials, SERVICE, region)
    canonical = signer.canonical_request(request)
    return str(signer.signature(signer.string_to_sign(request, canonical), request))
