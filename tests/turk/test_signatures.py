"""Who asks is who signed: AWS Signature Version 4 against the secret of an access key."""

import asyncio
import hashlib
from datetime import UTC, datetime, timedelta

import boto3
import httpx
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from starlette.datastructures import Headers

from tests.turk.served import SECRET, TLS, post_hit
from workers.turk import tenants
from workers.turk.database import Database
from workers.turk.errors import InvalidParameter, SettingsError, SignatureRefused
from workers.turk.identifiers import secret_of
from workers.turk.settings import TurkSettings
from workers.turk.signatures import SERVICE, AccessKey, requester_of

BODY = b'{"MaxResults": 5}'
TARGET = "MTurkRequesterServiceV20170117.ListHITs"


def client(url, key, secret):
    return boto3.client(
        "mturk",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        config=Config(retries={"max_attempts": 0}),
    )


def code(client):
    with pytest.raises(ClientError) as refusal:
        client.get_account_balance()
    assert refusal.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    return refusal.value.response["Error"]["Code"]


def sign(secret="S" * 40, body=BODY, **headers):
    request = AWSRequest("POST", "http://market.test/", data=body, headers={"x-amz-target": TARGET, **headers})
    SigV4Auth(Credentials("KEY", secret), SERVICE, "us-east-1").add_auth(request)
    return {name.lower(): value for name, value in {"host": "market.test", **dict(request.headers.items())}.items()}


def check(headers, body=BODY, query="", now=None):
    async def find(key):
        return AccessKey("TENANT", "S" * 40) if key == "KEY" else None

    now = now or datetime.now(UTC)
    return asyncio.run(requester_of(Headers(headers), query, body, now, find))


def test_what_was_signed_is_known_by_its_key():
    assert check(sign()) == "TENANT"
    assert check(sign(**{"x-amz-content-sha256": hashlib.sha256(BODY).hexdigest()})) == "TENANT"


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"x-amz-target": TARGET.replace("ListHITs", "DeleteHIT")}, "InvalidSignatureException"),
        ({"host": "other.test"}, "InvalidSignatureException"),
        ({"authorization": ""}, "MissingAuthenticationTokenException"),
        ({"authorization": "Basic x"}, "IncompleteSignatureException"),
        ({"x-amz-date": "20260101T000000Z"}, "IncompleteSignatureException"),
        ({"x-amz-date": "today"}, "IncompleteSignatureException"),
        ({"x-amz-content-sha256": "UNSIGNED-PAYLOAD"}, "InvalidSignatureException"),
    ],
)
def test_a_changed_request_is_refused(change, kind):
    with pytest.raises(SignatureRefused) as refusal:
        check(sign() | change)
    assert refusal.value.kind == kind


@pytest.mark.parametrize("name", ["host", "x-amz-date", "x-amz-target"])
def test_what_says_what_is_asked_must_be_signed(name):
    headers = sign()
    headers["authorization"] = headers["authorization"].replace(name + ";", "").replace(";" + name, "")
    with pytest.raises(SignatureRefused, match=name):
        check(headers)


def test_another_body_query_secret_or_key():
    for headers, body, query in ((sign(), b"{}", ""), (sign(), BODY, "a=b"), (sign("T" * 40), BODY, "")):
        with pytest.raises(SignatureRefused, match="does not match"):
            check(headers, body, query)
    headers = sign()
    headers["authorization"] = headers["authorization"].replace("=KEY/", "=YEK/")
    with pytest.raises(SignatureRefused, match="security token"):
        check(headers)


@pytest.mark.parametrize(("minutes", "fits"), [(-16, False), (-14, True), (14, True), (16, False)])
def test_a_quarter_of_an_hour(minutes, fits):
    now = datetime.now(UTC) + timedelta(minutes=minutes)
    if fits:
        assert check(sign(), now=now) == "TENANT"
    else:
        with pytest.raises(SignatureRefused, match="15 minutes"):
            check(sign(), now=now)


def test_boto3_sees_the_codes_that_it_knows(site):
    key, secret = site.key("SIGNED")
    assert client(site.url, key, secret).get_account_balance()["AvailableBalance"] == "10000.00"
    assert code(client(site.url, key, secret[:-1] + "!")) == "InvalidSignatureException"
    assert code(client(site.url, "NOBODY", secret)) == "UnrecognizedClientException"
    bare = httpx.post(site.url, content=BODY, headers={"x-amz-target": TARGET}, verify=TLS)
    assert bare.json()["__type"] == "MissingAuthenticationTokenException"


def test_the_first_key_is_its_own_tenant(serve):
    site = serve(first_key="winnow:a secret:with a colon".replace(" ", "_"))
    hit = post_hit(client(site.url, "winnow", "a_secret:with_a_colon"))
    assert site.database.hits.find_one({"_id": hit})["requester"] == "winnow"
    assert code(client(site.url, "winnow", secret_of("winnow", SECRET))) == "InvalidSignatureException"


def in_its_database(site, act):
    async def run():
        database = Database(site.settings.mongodb_uri, site.settings.database)
        try:
            return await act(database)
        finally:
            await database.close()

    return asyncio.run(run())


def test_a_key_works_until_it_is_revoked(site):
    now = site.clock()
    key, secret = in_its_database(site, lambda d: tenants.make_key(d, site.settings, "vision-lab", now))
    mturk = client(site.url, key, secret)
    hit = post_hit(mturk)
    assert site.database.hits.find_one({"_id": hit})["requester"] == "vision-lab"
    assert secret not in str(list(site.database.access_keys.find({"_id": key}))), "nobody can read it there"
    other = client(site.url, *in_its_database(site, lambda d: tenants.make_key(d, site.settings, "vision-lab", now)))
    assert other.get_hit(HITId=hit)["HIT"]["HITId"] == hit, "both keys are of one requester"
    for later in (1, 2):
        ended = in_its_database(site, lambda d, s=later: tenants.revoke(d, key, now + timedelta(seconds=s)))
        assert ended["revoked_at"] == now + timedelta(seconds=1)
    assert code(mturk) == "UnrecognizedClientException"
    assert other.get_account_balance()["OnHoldBalance"] == "0.60"
    with pytest.raises(InvalidParameter, match="no access key"):
        in_its_database(site, lambda d: tenants.revoke(d, "WTKANONE", now))


@pytest.mark.parametrize("name", ["", "two words", "-x", "a/b", "x" * 65])
def test_what_is_no_name(site, name):
    with pytest.raises(InvalidParameter, match="cannot be a requester's name"):
        in_its_database(site, lambda d: tenants.make_key(d, site.settings, name, site.clock()))


def test_so_many_keys_and_no_more(site):
    async def make(database):
        for _ in range(tenants.MAX_KEYS):
            await tenants.make_key(database, site.settings, "collector", site.clock())
        with pytest.raises(InvalidParameter, match="Revoke one"):
            await tenants.make_key(database, site.settings, "collector", site.clock())
        return await tenants.keys(database)

    assert sum(key["requester"] == "collector" for key in in_its_database(site, make)) == tenants.MAX_KEYS


def test_a_deposit_can_be_spent(site):
    key = in_its_database(site, lambda d: tenants.make_key(d, site.settings, "funded", site.clock()))
    account = in_its_database(site, lambda d: tenants.deposit(d, "funded", 12_345, site.clock()))
    assert client(site.url, *key).get_account_balance()["AvailableBalance"] == "10123.45"
    assert (account["deposited"], account["available"]) == (1_012_345, 1_012_345)
    booked = site.database.ledger.find({"requester": "funded"})
    assert sorted(entry["amounts"]["deposited"] for entry in booked) == [12_345, 1_000_000]
    for requester, cents in (("funded", 0), ("funded", -1), ("nobody", 100)):
        with pytest.raises(InvalidParameter):
            in_its_database(site, lambda d, r=requester, c=cents: tenants.deposit(d, r, c, site.clock()))


def test_a_first_key_that_is_none():
    with pytest.raises(SettingsError, match="KEY:SECRET"):
        TurkSettings(mongodb_uri="mongodb://x", secret=SECRET, first_key="two words")
    settings = TurkSettings(mongodb_uri="mongodb://x", secret=SECRET, first_key="KEY:")
    assert tenants.first_key(settings) == ("KEY", secret_of("KEY", SECRET))
