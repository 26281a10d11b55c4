"""What may be reached: which URLs are asked for at all, and which addresses a socket may be opened to.

URLs are only cleaned here. Whether an address is forbidden is decided when the socket is opened, on the address that
it is opened to: after DNS, after every redirect, whatever notation the URL used.
"""

import errno
import ipaddress
import re
import socket
import string
from collections.abc import Iterable
from typing import Any, NamedTuple
from urllib.parse import quote, urljoin

import idna

from active_learning.domain.errors import InputError
from scraper.outcomes import Outcome, Refused

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

LONGEST_URL = 8_000
PORTS = {"http": 80, "https": 443}

# One's own networks: loopback, private, shared (CGNAT), unique local.
_PRIVATE = tuple(
    map(
        ipaddress.ip_network,
        ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "::1/128", "fc00::/7"),
    )
)

# Nobody's: this network, link-local, protocol assignments, documentation, benchmarks, multicast, reserved, and the
# metadata services of clouds (most are link-local; Alibaba's, Oracle's, Azure's and Amazon's IPv6 are not).
_NEVER = tuple(
    map(
        ipaddress.ip_network,
        (
            *("0.0.0.0/8", "169.254.0.0/16", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15"),
            *("198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
            *("100.100.100.200/32", "168.63.129.16/32", "fd00:ec2::254/128"),
            *("2001::/23", "2001:db8::/32", "3fff::/20"),
        ),
    )
)
_IPV6_IN_USE = ipaddress.IPv6Network("2000::/3")

# IPv6 addresses that stand for an IPv4 address: how many bits lie right of it.
_CARRIERS = (
    (ipaddress.IPv6Network("::ffff:0:0/96"), 0),  # mapped
    (ipaddress.IPv6Network("::/96"), 0),  # compatible
    (ipaddress.IPv6Network("::ffff:0:0:0/96"), 0),  # translated
    (ipaddress.IPv6Network("64:ff9b::/96"), 0),  # NAT64
    (ipaddress.IPv6Network("2002::/16"), 80),  # 6to4
)


class ForbiddenAddress(OSError):
    """A socket that is not opened."""

    MARK = "forbidden address"

    def __init__(self, address: str) -> None:
        super().__init__(errno.EACCES, f"{self.MARK} {address}")


class Guard:
    """Decides on addresses. ``private`` permits loopback and private ones, ``allowed`` some networks more.

    Link-local, multicast, reserved and metadata addresses are opened by ``allowed`` only. Raises ``InputError`` for
    what is no network.
    """

    def __init__(self, private: bool = False, allowed: Iterable[str] = ()) -> None:
        self._private = private
        try:
            self._allowed = tuple(ipaddress.ip_network(network) for network in allowed)
        except ValueError as error:
            raise InputError(f"A network that may be reached is wrong: {error}.", "Write it as 10.1.0.0/16.") from error

    def permits(self, address: str) -> bool:
        """Whether a socket to ``address`` (as the socket names it, perhaps with a zone) may be opened."""
        try:
            return self._permits(ipaddress.ip_address(address.partition("%")[0]))
        except ValueError:
            return False

    def _permits(self, address: Address) -> bool:
        if _within(address, self._allowed):
            return True
        if isinstance(address, ipaddress.IPv6Address):
            if int(address) > 1:
                for network, right in _CARRIERS:
                    if address in network:
                        return self._permits(ipaddress.IPv4Address(int(address) >> right & 0xFFFFFFFF))
            if address not in _IPV6_IN_USE and not _within(address, _PRIVATE):
                return False
        if _within(address, _NEVER):
            return False
        return self._private or not _within(address, _PRIVATE)

    def open(self, family: int, kind: int, protocol: int, address: tuple[Any, ...]) -> socket.socket:
        """Open a socket that is going to be connected to ``address``; raises :class:`ForbiddenAddress`."""
        if family not in {socket.AF_INET, socket.AF_INET6} or not self.permits(str(address[0])):
            raise ForbiddenAddress(str(address[0]))
        return socket.socket(family, kind, protocol)


def _within(address: Address, networks: Iterable[Network]) -> bool:
    return any(address in network for network in networks)


class Url(NamedTuple):
    """A clean URL. ``host`` is ``name:port`` in small letters, ``origin`` what stands before the path."""

    text: str
    origin: str
    host: str

    @property
    def path(self) -> str:
        """The path with its query."""
        return self.text[len(self.origin) :]


# What needs no cleaning, which is nearly every URL.
_BYTE = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_CLEAN = re.compile(
    r"((https?)://((?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?"
    rf"|{_BYTE}\.{_BYTE}\.{_BYTE}\.{_BYTE})(?::([1-9][0-9]{{0,3}}|[1-5][0-9]{{4}}))?)"
    r"/(?:[A-Za-z0-9!$&'()*+,\-./:;=?@_~]+|%[0-9A-Fa-f]{2})*"
)
_PARTS = re.compile(r"(https?)://([^/?#\\]*)([^#]*)(?:#.*)?", re.IGNORECASE | re.DOTALL)
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*):")
_AUTHORITY = re.compile(r"(\[[^\]]*\]|[^:]*)(?::(\d{0,5}))?")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_BARE_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def parse(text: str) -> Url:
    """Clean a URL and take it apart; raises ``Refused`` as :func:`clean_url` does."""
    clean = _CLEAN.fullmatch(text)
    if clean and len(text) <= LONGEST_URL and len(clean[3]) <= 253:
        usual = str(PORTS[clean[2]])
        if clean[4] != usual:
            return Url(text, clean[1], f"{clean[3]}:{clean[4] or usual}")
    text = re.sub(r"[\t\r\n]", "", text.strip())
    if len(text) > LONGEST_URL or _CONTROL.search(text):
        raise Refused(Outcome.BAD_URL, "too long, or with control characters")
    parts = _PARTS.fullmatch(text)
    if not parts:
        raise _refuse(text)
    scheme, authority, rest = parts[1].lower(), parts[2], parts[3]
    if "@" in authority:
        raise Refused(Outcome.BAD_URL, "with a user name")
    place = _AUTHORITY.fullmatch(authority)
    if not place:
        raise Refused(Outcome.BAD_URL, "no host")
    name, port = _host(place[1]), int(place[2] or PORTS[scheme])
    if not 0 < port < 65_536:
        raise Refused(Outcome.BAD_URL, "no such port")
    if not rest.startswith("/"):
        rest = f"/{rest}"
    try:
        path = quote(_BARE_PERCENT.sub("%25", rest), safe="!$%&'()*+,-./:;=?@_~")
    except UnicodeEncodeError:
        raise Refused(Outcome.BAD_URL, "not text") from None
    origin = f"{scheme}://{name}" if port == PORTS[scheme] else f"{scheme}://{name}:{port}"
    return Url(origin + path, origin, f"{name}:{port}")


def clean_url(text: str) -> str:
    """Return the URL as it is sent: ASCII, percent-encoded, without fragment and default port.

    Raises ``Refused``: FORBIDDEN_SCHEME for anything but http and https, BAD_URL for what names no host, has a user
    name or a password in it, or is longer than ``LONGEST_URL``.
    """
    return parse(text).text


def host_of(url: str) -> str:
    """The ``name:port`` of a URL, in small letters; raises ``Refused`` as :func:`clean_url` does."""
    return parse(url).host


def follow(url: Url, location: str) -> Url:
    """Where a redirect from ``url`` leads; ``location`` is Latin-1 text, as header values are. Raises ``Refused``."""
    raw = location.strip().encode("latin-1", "replace")
    try:
        target = raw.decode()
    except UnicodeDecodeError:
        target = quote(raw, safe=string.printable)  # the bytes stay what they are
    before, mark, query = target.partition("?")
    try:
        return parse(urljoin(url.text, before.replace("\\", "/") + mark + query))  # as browsers read it
    except ValueError:
        raise Refused(Outcome.BAD_URL, "a redirect to nowhere") from None


def _refuse(text: str) -> Refused:
    scheme = _SCHEME.match(text)
    if scheme and scheme[1].lower() not in PORTS:
        return Refused(Outcome.FORBIDDEN_SCHEME, scheme[1].lower()[:20])
    return Refused(Outcome.BAD_URL, "no scheme and host")


def _host(name: str) -> str:
    """The canonical form of a host: an address in its usual notation, or a name in ASCII."""
    if name.startswith("["):
        try:
            return f"[{ipaddress.IPv6Address(name[1:-1])}]" if "%" not in name else _zoned()
        except ValueError:
            raise Refused(Outcome.BAD_URL, "no such address") from None
    if not name.isascii():
        try:
            name = idna.encode(name, uts46=True).decode("ascii")
        except (idna.IDNAError, UnicodeError):
            raise Refused(Outcome.BAD_URL, "no such name") from None
    name = name.lower().removesuffix(".")
    labels = name.split(".")
    if _numeric(labels[-1]):
        return _ipv4(labels)
    if len(name) > 253 or not all(map(_LABEL.fullmatch, labels)):
        raise Refused(Outcome.BAD_URL, "no such name")
    return name


def _zoned() -> str:
    # only link-local addresses have zones
    raise Refused(Outcome.FORBIDDEN_ADDRESS, "with a zone")


def _numeric(label: str) -> bool:
    return label.isdecimal() or re.fullmatch(r"0x[0-9a-f]*", label) is not None


def _ipv4(labels: list[str]) -> str:
    """An IPv4 address from any notation that resolvers understand: decimal, octal, hexadecimal, short."""
    try:
        numbers = [_number(label) for label in labels]
        *heads, last = numbers
        if len(numbers) > 4 or any(head > 255 for head in heads) or last >= 256 ** (5 - len(numbers)):
            raise ValueError
    except ValueError:
        raise Refused(Outcome.BAD_URL, "no such address") from None
    return str(ipaddress.IPv4Address(last + sum(head << 8 * (3 - place) for place, head in enumerate(heads))))


def _number(label: str) -> int:
    if label.startswith("0x"):
        return int(label[2:] or "0", 16)
    return int(label, 8 if label.startswith("0") and len(label) > 1 else 10)
