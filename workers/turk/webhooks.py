"""Notifications to an address of the requester's own, signed so that he knows who speaks.

Header ``Winnow-Signature: key=<AccessKeyId>,time=<seconds since 1970>,hmac=<hex>``: HMAC-SHA256 with the secret of that
access key over ``<time>.<body>``. The address is looked up once and the connection opened to what was found, so that
no name can lead into the marketplace's own network.
"""

import asyncio
import hashlib
import hmac
import ipaddress
import socket
import ssl
from datetime import datetime
from functools import cache

import httpx

from workers.turk.errors import DeliveryFailed

SIGNATURE_HEADER = "Winnow-Signature"
LONGEST_URL = 2_000
SECONDS = 5.0
PORTS = {"https": 443, "http": 80}
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_IN_USE = ipaddress.IPv6Network("2000::/3")
# Two cloud services that answer below ordinary-looking addresses: whoever asks from inside is trusted there.
_METADATA = frozenset(map(ipaddress.ip_address, ("168.63.129.16", "fd00:ec2::254")))


def signature(key: str, secret: str, body: bytes, at: datetime) -> str:
    """The header that shows who has sent this body, and when."""
    time = int(at.timestamp())
    digest = hmac.new(secret.encode(), f"{time}.".encode() + body, hashlib.sha256).hexdigest()
    return f"key={key},time={time},hmac={digest}"


def check_address(url: str, *, private: bool) -> httpx.URL:
    """A webhook's address, read. Raises DeliveryFailed for one that is never called."""
    try:
        address = httpx.URL(url)
    except (httpx.InvalidURL, ValueError):
        raise DeliveryFailed("This is no address.") from None
    schemes = {"https", "http"} if private else {"https"}
    if address.scheme not in schemes or not address.host or address.userinfo or len(url) > LONGEST_URL:
        raise DeliveryFailed("A webhook is an https:// address without a name and a password.")
    return address


async def post(url: str, body: bytes, header: str, *, private: bool) -> None:
    """Sends the body. Raises DeliveryFailed unless the answer is 2xx; redirects are not followed."""
    address = check_address(url, private=private)
    name = address.raw_host.decode("ascii")
    found = await _lookup(name, address.port or PORTS[address.scheme], private=private)
    headers = {"Host": address.netloc.decode("ascii"), "Content-Type": "application/json", SIGNATURE_HEADER: header}
    try:
        async with httpx.AsyncClient(timeout=SECONDS, trust_env=False, verify=_tls()) as client:
            # The connection is opened to what was found, the certificate is checked for the name.
            request = client.build_request(
                "POST",
                address.copy_with(host=found),
                content=body,
                headers=headers,
                extensions={"sni_hostname": name},
            )
            reply = await asyncio.wait_for(client.send(request, stream=True), SECONDS)
            await reply.aclose()  # What it says besides its status is of no interest, however long it is.
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
        raise DeliveryFailed(f"The webhook did not answer: {type(error).__name__}.") from error
    if not reply.is_success:
        raise DeliveryFailed(f"The webhook answered {reply.status_code}.")


@cache
def _tls() -> ssl.SSLContext:
    """Made once: the certificates take 40 ms to read, in which the marketplace would serve nobody."""
    return httpx.create_ssl_context(trust_env=False)


async def _lookup(host: str, port: int, *, private: bool) -> str:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise DeliveryFailed("The webhook's name is not known.") from None
    addresses = [str(entry[4][0]).partition("%")[0] for entry in found]
    if not private and not all(map(_is_public, addresses)):
        raise DeliveryFailed("The webhook lies in a private network. The setting private_webhooks allows that.")
    return addresses[0]


def _is_public(text: str) -> bool:
    address: ipaddress.IPv4Address | ipaddress.IPv6Address = ipaddress.ip_address(text)
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return _is_public(str(inner))
        if address not in _IN_USE:
            return False
    return address.is_global and not address.is_multicast and address not in _METADATA
