"""Against a server that does everything wrong: every URL ends as it should, in time; nothing forbidden is touched."""

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from scraper.fetch import open_fetcher
from scraper.fetch.pace import LocalPace
from scraper.fetch.protocol import Fetcher, FetchLimits, Reply, Request
from scraper.outcomes import Outcome, Refused
from tests.scraper.hostile.certificates import self_signed
from tests.scraper.hostile.server import FORBIDDEN, GOOD, IMAGE, Server, running

TOTAL_S = 0.8
LIMITS = FetchLimits(total=TOTAL_S, connect=0.3, max_bytes=2 * 1024 * 1024, networks=(f"{GOOD}/32",))


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tls")


@pytest.fixture(scope="module")
def server(certificate: Path) -> Iterator[Server]:
    context, _ = self_signed(certificate, GOOD)
    with running(context) as server:
        yield server


class Names:
    """A resolver that changes its mind: the first answer for ``rebind.example`` is harmless, the next is not."""

    def __init__(self) -> None:
        self.asked = 0

    async def __call__(self, name: str) -> list[str]:
        self.asked += 1
        known = {
            "good.example": [GOOD],
            "forbidden.example": [FORBIDDEN],
            "private.example": ["10.0.0.1", "fd00::1"],
            "mixed.example": [FORBIDDEN, GOOD],
            "rebind.example": [GOOD if self.asked == 1 else FORBIDDEN],
        }
        if name not in known:
            raise OSError("no such name")
        return known[name]


@pytest.fixture(params=["aiohttp", "curl"])
def engine(request: pytest.FixtureRequest) -> str:
    if request.param == "curl":
        pytest.importorskip("pycurl")
    return str(request.param)


@pytest.fixture
async def fetcher(engine: str) -> AsyncIterator[Fetcher]:
    fetcher = open_fetcher(LIMITS, LocalPace(0.0), engine, Names())  # type: ignore[arg-type]
    yield fetcher
    await fetcher.close()


async def outcome(fetcher: Fetcher, url: str) -> Reply | Refused:
    """What becomes of ``url``; also sees to it that it becomes so in time and that nothing forbidden is contacted."""
    start = time.monotonic()
    try:
        result: Reply | Refused = await fetcher.fetch(Request(url))
    except Refused as refused:
        result = refused
    assert time.monotonic() - start < TOTAL_S + 1.0
    return result


WELL = ["ok", "wrong-mime", "gzip", "deflate", "chunked", "trailers", "continues", "cookie", "set-cookie-redirect"]
WELL += ["redirect", "redirect-utf8", "stalled-redirect", "noai-others", "until-close", "conditional", "tired"]

ILL = {
    Outcome.TIMEOUT: ["drip", "header-drip", "silent", "endless-continue", "slow-hops"],
    Outcome.TOO_BIG: ["endless", "endless-chunks", "gzip-bomb", "huge-length", "huge-length-silent"],
    Outcome.BROKEN_ANSWER: [
        *("gzip-broken", "gzip-short", "brotli", "short", "truncated-chunk", "missing-last-chunk", "broken-chunk"),
        *("garbage", "http09", "status-word", "half-head", "nothing", "header-long", "header-many", "endless-header"),
        *("length-twice", "length-negative"),
    ],
    Outcome.TOO_MANY_REDIRECTS: ["loop", "loop-a", "hops"],
    Outcome.NOT_FOUND: ["404", "410", "404-drip"],
    Outcome.FORBIDDEN: ["401", "403", "451"],
    Outcome.RATE_LIMITED: ["429", "429-seconds", "429-date", "429-years"],
    Outcome.SERVER_ERROR: ["500", "503", "503-seconds", "503-date", "503-words"],
    Outcome.OTHER_STATUS: ["204", "206", "300", "302-nowhere", "304", "418"],
    Outcome.OPTED_OUT: ["noai", "noai-us", "tdm"],
    Outcome.FORBIDDEN_ADDRESS: [
        *("to-forbidden", "to-decimal", "to-hex", "to-octal", "to-short", "to-mapped", "to-compatible", "to-nat64"),
        *("to-6to4", "to-loopback6", "to-zone", "to-any", "to-metadata", "to-name", "to-wide", "to-backslash"),
    ],
    Outcome.FORBIDDEN_SCHEME: ["to-file", "to-ftp", "to-gopher", "to-script"],
    Outcome.BAD_URL: ["to-user"],
    Outcome.NO_ADDRESS: ["to-nowhere"],
}


@pytest.mark.parametrize("case", WELL)
async def test_what_can_be_read_is_read(server: Server, fetcher: Fetcher, case: str) -> None:
    result = await outcome(fetcher, server.url(case))
    assert isinstance(result, Reply), result
    assert result.body == IMAGE
    assert result.status == 200
    assert server.opened[FORBIDDEN] == 0


@pytest.mark.parametrize(("expected", "case"), [(expected, case) for expected, cases in ILL.items() for case in cases])
async def test_what_cannot_be_read_has_its_outcome(
    server: Server, fetcher: Fetcher, expected: Outcome, case: str
) -> None:
    result = await outcome(fetcher, server.url(case))
    assert isinstance(result, Refused), result
    assert result.outcome is expected, result
    assert server.opened[FORBIDDEN] == 0
    # and the fetcher is none the worse for it, unless it was told to wait
    if expected not in {Outcome.RATE_LIMITED, Outcome.SERVER_ERROR}:
        after = await outcome(fetcher, server.url("ok"))
        assert isinstance(after, Reply) and after.body == IMAGE, after


DIRECT = [
    *("http://127.0.0.66:{port}/ok", "http://2130706498:{port}/ok", "http://0x7f000042:{port}/ok"),
    *("http://0177.0.0.0102:{port}/ok", "http://127.66:{port}/ok", "http://[::ffff:127.0.0.66]:{port}/ok"),
    *("http://[::ffff:7f00:42]:{port}/ok", "http://forbidden.example:{port}/ok", "http://private.example:{port}/ok"),
    *("http://0:{port}/ok", "http://169.254.169.254/", "http://[::1]:{port}/ok", "http://[::]:{port}/ok"),
    *("http://224.0.0.1:{port}/ok", "http://100.100.100.200/", "https://127.0.0.66:{port}/ok"),
]


@pytest.mark.parametrize("form", DIRECT)
async def test_forbidden_addresses_in_every_notation(server: Server, fetcher: Fetcher, form: str) -> None:
    result = await outcome(fetcher, form.format(port=server.port))
    assert isinstance(result, Refused), result
    assert result.outcome is Outcome.FORBIDDEN_ADDRESS, result
    assert server.opened[FORBIDDEN] == 0


async def test_a_name_that_changes_its_address_is_caught_at_the_socket(server: Server, engine: str) -> None:
    names = Names()
    limits = FetchLimits(total=TOTAL_S, networks=(f"{GOOD}/32",), robots=False)
    fetcher = open_fetcher(limits, LocalPace(0.0), engine, names)  # type: ignore[arg-type]
    url = f"http://rebind.example:{server.port}/short"  # which closes its connection, so that the next one is new
    first = await outcome(fetcher, url)
    second = await outcome(fetcher, url)
    await fetcher.close()
    assert isinstance(first, Refused) and first.outcome is Outcome.BROKEN_ANSWER
    assert isinstance(second, Refused) and second.outcome is Outcome.FORBIDDEN_ADDRESS
    assert names.asked >= 2
    assert server.opened[FORBIDDEN] == 0


async def test_a_name_with_a_harmless_address_beside_a_forbidden_one(server: Server, fetcher: Fetcher) -> None:
    result = await outcome(fetcher, f"http://mixed.example:{server.port}/ok")
    assert isinstance(result, Reply), result
    assert server.opened[FORBIDDEN] == 0


async def test_names_without_address_and_ports_without_server(server: Server, fetcher: Fetcher) -> None:
    result = await outcome(fetcher, "http://nowhere.example/x")
    assert isinstance(result, Refused) and result.outcome is Outcome.NO_ADDRESS
    result = await outcome(fetcher, f"http://{GOOD}:1/x")
    assert isinstance(result, Refused) and result.outcome is Outcome.NO_CONNECTION


async def test_an_empty_body_is_a_reply(server: Server, fetcher: Fetcher) -> None:
    result = await outcome(fetcher, server.url("empty"))
    assert isinstance(result, Reply) and result.body == b""


async def test_where_a_redirect_leads_is_told(server: Server, fetcher: Fetcher) -> None:
    result = await outcome(fetcher, server.url("redirect"))
    assert isinstance(result, Reply) and result.url == server.url("ok")


@pytest.mark.parametrize(
    ("case", "seconds"),
    [
        *(("429", None), ("429-seconds", 7.0), ("429-date", 40.0), ("429-years", 86_400.0)),
        *(("503-seconds", 11.0), ("503-date", 30.0), ("503-words", None), ("503", None)),
    ],
)
async def test_how_long_to_wait(server: Server, fetcher: Fetcher, case: str, seconds: float | None) -> None:
    result = await outcome(fetcher, server.url(case))
    assert isinstance(result, Refused)
    assert result.retry_after == (None if seconds is None else pytest.approx(seconds, abs=2.0))


async def test_tls(server: Server, engine: str, certificate: Path) -> None:
    url = f"https://{GOOD}:{server.tls_port}/ok"
    plain = f"https://{GOOD}:{server.port}/ok"
    for trusted, expected in ((None, Outcome.TLS), (certificate / "trusted.pem", None)):
        fetcher = open_fetcher(LIMITS, LocalPace(0.0), engine, ca_file=trusted)  # type: ignore[arg-type]
        result = await outcome(fetcher, url)
        not_tls = await outcome(fetcher, plain)
        await fetcher.close()
        assert isinstance(not_tls, Refused)
        assert not_tls.outcome in {Outcome.TLS, Outcome.NO_CONNECTION, Outcome.TIMEOUT}, not_tls
        if expected is None:
            assert isinstance(result, Reply) and result.body == IMAGE
        else:
            assert isinstance(result, Refused) and result.outcome is expected, result


async def test_what_is_said_of_us(server: Server, fetcher: Fetcher) -> None:
    """The agent has its name, no cookie comes back, nothing is asked for that needs decoding."""
    await outcome(fetcher, server.url("cookie"))
    await outcome(fetcher, server.url("set-cookie-redirect"))
    await outcome(fetcher, server.url("ok"))
    asked = server.log[-1].headers
    assert asked["user-agent"].startswith("Winnow/")
    assert asked["accept-encoding"] == "identity"
    assert "cookie" not in asked and "referer" not in asked


async def test_a_second_visit(server: Server, fetcher: Fetcher) -> None:
    first = await fetcher.fetch(Request(server.url("conditional")))
    second = await fetcher.fetch(Request(first.url, first.headers["etag"], first.headers["last-modified"]))
    assert not first.unchanged and second.unchanged
    assert second.body == b""
    assert server.log[-1].headers["if-modified-since"] == first.headers["last-modified"]


async def test_secrets_stay_with_their_host(server: Server, fetcher: Fetcher) -> None:
    secret = {"Authorization": "Bearer x"}
    await fetcher.fetch(Request(server.url("ok"), headers=secret))
    assert server.log[-1].headers["authorization"] == "Bearer x"
    await fetcher.fetch(Request(f"http://good.example:{server.port}/redirect", headers=secret))
    assert server.log[-1].path == "/ok"
    assert "authorization" not in server.log[-1].headers


async def test_a_connection_that_breaks_between_requests_is_not_noticed(server: Server, fetcher: Fetcher) -> None:
    for _ in range(6):
        result = await outcome(fetcher, server.url("tired"))
        assert isinstance(result, Reply) and result.body == IMAGE


async def test_connections_are_used_again(server: Server, fetcher: Fetcher) -> None:
    before = server.opened[GOOD]
    for case in ("ok", "404", "loop", "403", "chunked", "ok"):
        await outcome(fetcher, server.url(case))
    assert server.opened[GOOD] == before + 1


async def test_cancelling_frees_the_connection(server: Server, engine: str) -> None:
    limits = FetchLimits(total=30.0, connections=1, per_host=1, networks=(f"{GOOD}/32",))
    fetcher = open_fetcher(limits, LocalPace(0.0), engine)  # type: ignore[arg-type]
    hanging = asyncio.create_task(fetcher.fetch(Request(server.url("silent"))))
    await asyncio.sleep(0.1)
    hanging.cancel()
    with pytest.raises(asyncio.CancelledError):
        await hanging
    async with asyncio.timeout(5.0):
        assert (await fetcher.fetch(Request(server.url("ok")))).body == IMAGE
    await fetcher.close()


async def test_bodies_that_wait_for_memory_all_end(server: Server, engine: str) -> None:
    """Endless and chunked ones that together want much more than there is: all are refused or read, none gets stuck."""
    limits = FetchLimits(
        total=20.0, per_host=16, max_bytes=1 << 20, in_memory=(1 << 20) + 40_000, networks=(f"{GOOD}/32",)
    )
    fetcher = open_fetcher(limits, LocalPace(0.0), engine)  # type: ignore[arg-type]
    cases = ["ok", "endless", "chunked", "gzip", "endless-chunks", "gzip-bomb"] * 4

    async def end(case: str) -> str:
        try:
            return "read" if (await fetcher.fetch(Request(server.url(case)))).body == IMAGE else "wrong"
        except Refused as refused:
            return refused.outcome.value

    ends = await asyncio.gather(*map(end, cases))
    await fetcher.close()
    assert ends == ["read", "too_big", "read", "read", "too_big", "too_big"] * 4


def test_memory_stays_bounded(server: Server, engine: str) -> None:
    """The default limits, three of each kind at once, in a process of its own: at most 64 MB more than before."""
    script = Path(__file__).parent / "hostile" / "grow.py"
    urls = [server.url(case) for case in ("endless", "endless-chunks", "gzip-bomb", "huge-length", "header-long")] * 3
    done = subprocess.run(
        [sys.executable, str(script), engine, server.url("ok"), *urls],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    grown, outcomes = done.stdout.split(" ", 1)
    assert int(grown) <= 64 * 1024 * 1024, done.stdout
    assert outcomes.split() == ["too_big", "too_big", "too_big", "too_big", "broken_answer"] * 3
