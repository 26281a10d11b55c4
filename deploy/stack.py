"""Everything that runs on one machine: MongoDB, the marketplace, the web process, a worker."""

import os
import re
import secrets
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from active_learning.domain.errors import InputError
from active_learning.domain.task import TaskState
from api.operations.context import Winnow
from api.settings import Settings
from deploy import mongodb
from deploy.processes import Child, Supervisor, check_port_free
from workers.turk.identifiers import secret_of

URI_FILE = "mongodb.uri"
SECRET_FILE = "secret"
PORTS_FILE = "ports"
MARKET_FILE = "marketplace"
_PUBLIC_URL = "WINNOW_TURK_PUBLIC_URL"

_PORTS = re.compile(r"--port (\d+) --market-port (\d+)")


@dataclass(frozen=True)
class Ports:
    """Where the parts listen."""

    web: int = 8000
    market: int = 8001
    host: str = "127.0.0.1"

    def check(self, command: str) -> None:
        """Raise ``InputError`` when one of them is taken."""
        check_port_free(self.web, command, self.host)
        check_port_free(self.market, command, self.host, "--market-port")


async def remember_ports(w: Winnow, data: Path, ports: Ports) -> None:
    """Raise ``InputError`` when HITs are out that name the address of an earlier start on other ports.

    Nobody would find their task page any more. Without such HITs the data folder belongs to these ports from now on.
    """
    note, mine = data / PORTS_FILE, f"--port {ports.web} --market-port {ports.market}"
    if note.is_file() and note.read_text() != mine:
        for slug in await w.store.categories.open_slugs():
            if await w.store.tasks.in_state(slug, TaskState.POSTED):
                raise InputError(
                    f"HITs of '{slug}' are out that were posted on other ports.", f"Use them again: {note.read_text()}"
                )
    note.write_text(mine)


def remembered(data: Path) -> Ports:
    """The ports that a data folder belongs to; the usual ones before its first start."""
    note = data / PORTS_FILE
    found = _PORTS.fullmatch(note.read_text()) if note.is_file() else None
    return Ports(int(found[1]), int(found[2])) if found else Ports()


@contextmanager
def database(data: Path, env: Mapping[str, str]) -> Iterator[str]:
    """A MongoDB address: ``WINNOW_MONGODB_URI``, the server that already runs for ``data``, or a new one for it.

    A server started here stops at the end; another one is left alone. Raises ``StoreUnavailable`` when the chosen one
    does not answer.
    """
    chosen = env.get("WINNOW_MONGODB_URI")
    note = data / URI_FILE
    if chosen:
        mongodb.describe(chosen)  # its error is one line; that of a child that cannot start would be a page
        yield chosen
    elif note.is_file() and _listens(note.read_text()):
        yield note.read_text()
    else:
        with mongodb.start(data, mongod=env.get("WINNOW_MONGOD")) as server:
            note.write_text(server.uri)
            try:
                yield server.uri
            finally:
                note.unlink(missing_ok=True)


def _listens(uri: str) -> bool:
    parts = urlsplit(uri)
    try:
        with socket.create_connection((parts.hostname or "127.0.0.1", parts.port or 27017), timeout=1):
            return True
    except OSError:
        return False


def local_settings(data: Path, uri: str, ports: Ports, env: Mapping[str, str]) -> Settings:
    """Settings of a one-machine installation: what the environment says, addresses of the local parts for the rest."""
    settings = Settings.from_env({**env, "WINNOW_MONGODB_URI": uri})
    secret = settings.secret or _secret(data)
    own_market = "turk" in settings.markets and not env.get("AWS_SECRET_ACCESS_KEY")
    return replace(
        settings,
        secret=secret,
        # The same that the marketplace gives its first key: nobody has to choose one, and nobody can guess it.
        market_secret_key=secret_of(settings.market_access_key, secret) if own_market else settings.market_secret_key,
        public_url=env.get("WINNOW_PUBLIC_URL", f"http://{ports.host}:{ports.web}"),
        market_endpoint=env.get("WINNOW_MARKET_ENDPOINT", f"http://{ports.host}:{ports.market}"),
        poll_seconds=float(env.get("WINNOW_POLL_SECONDS", "0.5")),
    )


def _secret(data: Path) -> str:
    path = data / SECRET_FILE
    if not path.is_file():
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(32))
    return path.read_text()


def web(settings: Settings, ports: Ports, logs: Path) -> Child:
    """The web process."""
    return _server("web", "api.app:factory", settings.to_env(), ports, logs)


def market(settings: Settings, ports: Ports, logs: Path, sign_up: str | None = None) -> Child:
    """Winnow's own marketplace, in a database of its own; ``sign_up`` says who may work, if it is not to choose."""
    env = market_environment(settings) | ({"WINNOW_TURK_SIGN_UP": sign_up} if sign_up else {})
    return _server("marketplace", "workers.turk.app:factory", env, ports, logs)


def market_environment(settings: Settings) -> dict[str, str]:
    """The variables that our own marketplace reads its settings from.

    Its first key is the one that Winnow's worker has. Where that works at another market it has none of ours.
    """
    own = {"WINNOW_TURK_FIRST_KEY": f"{settings.market_access_key}:{settings.market_secret_key}"}
    # Where both run on one machine the marketplace may call back into it; elsewhere it calls no private addresses.
    local = urlsplit(settings.public_url).hostname in {"127.0.0.1", "localhost"}
    told = {"WINNOW_TURK_PRIVATE_WEBHOOKS": "yes"} if settings.market_events and local else {}
    return {
        "WINNOW_TURK_MONGODB_URI": settings.mongodb_uri,
        "WINNOW_TURK_DATABASE": f"{settings.database}_turk",
        "WINNOW_TURK_SECRET": settings.secret,
        # Behind a proxy people find it elsewhere than Winnow's worker does
        _PUBLIC_URL: environment().get(_PUBLIC_URL) or settings.market_endpoint,
        **(own | told if "turk" in settings.markets else {}),
    }


def market_address(data: Path) -> dict[str, str]:
    """The variable that says where people find the marketplace last started for this folder, unless one is set."""
    note = data / MARKET_FILE
    said = {_PUBLIC_URL, "WINNOW_MARKET_ENDPOINT"} & environment().keys()
    return {} if said or not note.is_file() else {_PUBLIC_URL: note.read_text()}


def worker(settings: Settings, logs: Path) -> Child:
    """A worker process with a local Ray."""
    argv = (sys.executable, "-m", "deploy.cli", "work")
    return Child("worker", argv, logs / "worker.log", _child_env(settings.to_env()))


def _server(name: str, factory: str, env: dict[str, str], ports: Ports, logs: Path) -> Child:
    port, health = (ports.web, "/health") if name == "web" else (ports.market, "/")
    argv = (
        *(sys.executable, "-m", "uvicorn", factory, "--factory", "--host", ports.host, "--port", str(port)),
        *("--loop", "uvloop", "--no-access-log", "--timeout-graceful-shutdown", "3"),
    )
    return Child(name, argv, logs / f"{name}.log", _child_env(env), f"http://{ports.host}:{port}{health}")


def _child_env(env: dict[str, str]) -> dict[str, str]:
    return {"RAY_USAGE_STATS_ENABLED": "0", "RAY_DEDUP_LOGS": "0", **env}


@contextmanager
def running(
    settings: Settings,
    ports: Ports,
    data: Path,
    say: Callable[[str], None],
    parts: tuple[str, ...],
    sign_up: str | None = None,
) -> Iterator[Supervisor]:
    """Start ``parts`` (market, web, worker), keep them running, stop them at the end.

    ``sign_up`` says who may work at the marketplace; without it that is the environment's.
    """
    logs = data / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    children = {
        "market": lambda: market(settings, ports, logs, sign_up),
        "web": lambda: web(settings, ports, logs),
        "worker": lambda: worker(settings, logs),
    }
    if "market" in parts:
        (data / MARKET_FILE).write_text(market_environment(settings)[_PUBLIC_URL])
    with Supervisor(say) as supervisor:
        for part in parts:
            supervisor.start(children[part]())
        yield supervisor


def environment() -> Mapping[str, str]:
    """The process's environment: read here, at the edge, and handed down."""
    return os.environ
