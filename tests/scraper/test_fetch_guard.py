"""Which URLs are asked for, which addresses are opened, and what headers mean."""

import asyncio
import gzip
import time
import zlib
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.fetch.answers import refusal, retry_after
from scraper.fetch.consent import opt_out
from scraper.fetch.guard import ForbiddenAddress, Guard, clean_url, follow, host_of, parse
from scraper.fetch.receive import Memory, Reception, Share
from scraper.outcomes import Outcome, Refused


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("http://example.com", "http://example.com/"),
        ("  https://Example.COM:443/a b?c=d e#f\n", "https://example.com/a%20b?c=d%20e"),
        ("HTTP://example.com.:8080/%zz%41", "http://example.com:8080/%25zz%41"),
        ("http://bücher.example/ü?ß=é", "http://xn--bcher-kva.example/%C3%BC?%C3%9F=%C3%A9"),
        ("http://a_b.example.com?x", "http://a_b.example.com/?x"),
        ("http://127.1/x", "http://127.0.0.1/x"),
        ("http://0x7f.0.0.0x42/x", "http://127.0.0.66/x"),
        ("http://017700000001/x", "http://127.0.0.1/x"),
        ("http://3232235777/x", "http://192.168.1.1/x"),
        ("http://[::FFFF:127.0.0.1]:80/x", "http://[::ffff:7f00:1]/x"),
        ("http://example.com\\@evil.example/", "http://example.com/%5C@evil.example/"),
    ],
)
def test_urls_are_sent_in_one_form(text: str, clean: str) -> None:
    assert clean_url(text) == clean
    assert clean_url(clean) == clean


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        *[(text, Outcome.BAD_URL) for text in ("", "x", "//example.com/x", "http:/x", "http://", "http:///x")],
        *[(f"http://{rest}", Outcome.BAD_URL) for rest in ("a@b.example/", "u:p@b.example/", "a..b/", "-/", "a b/")],
        *[(f"http://{rest}", Outcome.BAD_URL) for rest in ("256.1.1.1/", "1.2.3.4.5/", "x:0/", "x:65536/", "x:y/")],
        *[(f"http://{rest}", Outcome.BAD_URL) for rest in ("[::1/", "[g::]/", "%31.example/", "x/\x00", "08.1/")],
        *[(f"http://x.example/{'a' * 9_000}", Outcome.BAD_URL), ("http://x.example/\ud800", Outcome.BAD_URL)],
        *[(f"{scheme}:x", Outcome.FORBIDDEN_SCHEME) for scheme in ("file", "FTP", "data", "javascript", "gopher")],
        ("file:///etc/passwd", Outcome.FORBIDDEN_SCHEME),
        ("http://[fe80::1%25eth0]/", Outcome.FORBIDDEN_ADDRESS),
    ],
)
def test_what_is_never_asked(text: str, outcome: Outcome) -> None:
    with pytest.raises(Refused) as refused:
        clean_url(text)
    assert refused.value.outcome is outcome


@given(st.text(max_size=60), st.sampled_from(["", "http://", "https://x.example/", "http://127."]))
def test_every_text_is_a_clean_url_or_refused(text: str, start: str) -> None:
    try:
        clean = clean_url(start + text)
    except Refused:
        return
    assert clean.isascii() and " " not in clean and "#" not in clean
    assert clean_url(clean) == clean
    assert host_of(clean) == host_of(start + text)


def test_hosts_have_a_port() -> None:
    assert host_of("https://Example.com/x") == "example.com:443"
    assert host_of("http://example.com:8080/x") == "example.com:8080"
    assert host_of("http://0x7f.1/") == "127.0.0.1:80"
    assert parse("http://example.com:8080/x?y").path == "/x?y"


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("/x", "http://a.example/x"),
        ("x?y", "http://a.example/dir/x?y"),
        ("//b.example", "http://b.example/"),
        ("\\\\b.example\\x", "http://b.example/x"),
        ("/b\u00c3\u00bccher", "http://a.example/b%C3%BCcher"),  # UTF-8 read as Latin-1
        ("/b\u00fccher", "http://a.example/b%FCcher"),  # Latin-1 stays the bytes it was
        ("?q#part", "http://a.example/dir/page?q"),
    ],
)
def test_where_redirects_lead(location: str, target: str) -> None:
    assert follow(parse("http://a.example/dir/page"), location).text == target


PUBLIC = ["8.8.8.8", "93.184.216.34", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"]
OWN = ["127.0.0.1", "10.1.2.3", "172.31.0.1", "192.168.0.1", "100.64.0.1", "::1", "fd12::1", "::ffff:10.0.0.1"]
OWN += ["64:ff9b::a00:1", "2002:7f00:1::", "::127.0.0.1", "::ffff:0:127.0.0.1"]
NEVER = ["0.0.0.0", "169.254.169.254", "fe80::1", "fe80::1%eth0", "224.0.0.1", "ff02::1", "240.0.0.1", "::"]
NEVER += ["255.255.255.255", "100.100.100.200", "192.0.0.192", "168.63.129.16", "fd00:ec2::254", "2001::1"]
NEVER += ["2001:db8::1", "192.0.2.1", "198.18.0.1", "64:ff9b:1::1", "::ffff:169.254.169.254", "fec0::1", "nonsense"]


def test_addresses() -> None:
    strict, own = Guard(), Guard(private=True)
    assert [a for a in PUBLIC if not strict.permits(a)] == []
    assert [a for a in OWN + NEVER if strict.permits(a)] == []
    assert [a for a in OWN if not own.permits(a)] == []
    assert [a for a in NEVER if own.permits(a)] == []


def test_networks_that_are_allowed() -> None:
    guard = Guard(allowed=("127.0.0.1/32", "169.254.0.0/16"))
    assert guard.permits("127.0.0.1") and guard.permits("::ffff:127.0.0.1") and guard.permits("169.254.1.1")
    assert not guard.permits("127.0.0.2") and not guard.permits("::1")
    with pytest.raises(ForbiddenAddress):
        guard.open(2, 1, 6, ("127.0.0.2", 80))
    guard.open(2, 1, 6, ("127.0.0.1", 80)).close()


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("noai", True),
        ("NoIndex, nofollow", True),
        ("nofollow, noimageindex", True),
        ("none", True),
        ("*: noai", True),
        ("winnow: noai", True),
        ("winnow: nofollow, noai", True),
        ("googlebot: nofollow, winnow: noimageai", True),
        ("all", False),
        ("nofollow, noarchive", False),
        ("googlebot: noai, noindex", False),
        ("winnow: nofollow, otherbot: noai", False),
        ("unavailable_after: 25 Jun 2030 15:00:00 PST", False),
        ("max-image-preview: none", False),
        ("max-snippet: 0, noai", True),
        ("", False),
    ],
)
def test_x_robots_tag(value: str, found: bool) -> None:
    assert (opt_out([("server", "x"), ("x-robots-tag", value)], "winnow") is not None) is found


def test_every_opt_out_line_counts_for_itself() -> None:
    lines = [("x-robots-tag", "googlebot: nofollow"), ("x-robots-tag", "noai")]
    assert opt_out(lines, "winnow") == "X-Robots-Tag: noai"
    assert opt_out([("tdm-reservation", " 1 ")], "winnow") == "TDM-Reservation: 1"
    assert opt_out([("tdm-reservation", "0")], "winnow") is None


def test_retry_after() -> None:
    now = time.time()
    assert retry_after("120") == 120.0
    assert retry_after(" 0 ") == 0.0
    assert retry_after("9" * 40) == 86_400.0
    assert retry_after(formatdate(now + 60, usegmt=True)) == pytest.approx(60.0, abs=2.0)
    assert retry_after(formatdate(now - 60, usegmt=True)) == 0.0
    assert retry_after(formatdate(60, usegmt=True), formatdate(0, usegmt=True)) == 60.0
    for nonsense in ("", "soon", "-5", "1.5", "²", "Sat, 99 Foo 2026 00:00:00 GMT"):
        assert retry_after(nonsense) is None


def test_statuses() -> None:
    assert refusal(404, {"retry-after": "5"}).retry_after is None
    assert refusal(503, {"retry-after": "5"}).retry_after == 5.0
    assert refusal(599, {}).outcome is Outcome.SERVER_ERROR
    assert refusal(999, {}).outcome is Outcome.OTHER_STATUS


def received(data: bytes, encoding: str = "", most: int = 1_000_000, piece: int = 1_000, cut: bool = False) -> bytes:
    reception = Reception(Memory(10 * most, most), most, lambda *_: True, cut)
    assert reception.head(200, [("content-encoding", encoding)] if encoding else [])
    for start in range(0, len(data), piece):
        if not reception.add(data[start : start + piece]):
            break
    reception.end()
    return reception.body


@given(st.binary(max_size=5_000), st.integers(1, 2_000))
def test_bodies_arrive_as_they_were(data: bytes, piece: int) -> None:
    raw = zlib.compressobj(wbits=-15)
    assert received(data, piece=piece) == data
    assert received(gzip.compress(data), "gzip", piece=piece) == data
    assert received(zlib.compress(data), "deflate", piece=piece) == data
    assert received(raw.compress(data) + raw.flush(), "deflate", piece=piece) == data


def test_bodies_are_bounded_after_decoding() -> None:
    assert received(bytes(1_000), most=1_000) == bytes(1_000)
    assert received(gzip.compress(bytes(1_000)), "gzip", most=1_000) == bytes(1_000)
    for data, encoding in ((bytes(1_001), ""), (gzip.compress(bytes(1_001)), "gzip")):
        with pytest.raises(Refused) as refused:
            received(data, encoding, most=1_000)
        assert refused.value.outcome is Outcome.TOO_BIG
    assert received(bytes(5_000), most=1_000, cut=True) == bytes(1_000)
    assert received(gzip.compress(bytes(5_000)), "gzip", most=1_000, cut=True) == bytes(1_000)


async def test_memory_is_shared_and_nobody_waits_for_ever() -> None:
    memory = Memory(300, 100)
    shares = [Share() for _ in range(4)]
    assert [memory.extend(share, 100) for share in shares[:2]] == [None, None]
    assert memory.extend(shares[2], 100) is None  # the part that is kept for one
    waits = memory.extend(shares[3], 100)
    assert waits is not None and not waits.done()
    assert memory.extend(shares[2], 10_000) is None  # which may grow
    also = memory.extend(shares[0], 50)
    memory.give_back(shares[2])
    await asyncio.wait_for(waits, 1.0)
    assert also is not None and not also.done()
    memory.give_back(shares[3])
    await asyncio.wait_for(also, 1.0)
    for share in shares:
        memory.give_back(share)
    assert memory.room == 200
