"""A MongoDB server of Winnow's own: one real ``mongod`` as a replica set of one member, in the data directory."""

import atexit
import ctypes
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import InvalidURI, OperationFailure, PyMongoError

from active_learning.domain.errors import InputError, StoreUnavailable, WinnowError
from deploy.processes import check_port_free, free_port, log_tail, spawn, stop

REPLICA_SET = "winnow"
CACHE_GB = 0.5  # WiredTiger's own default is half of the machine's memory, which Ray and torch need too
OPLOG_MB = 1024
START_SECONDS = 60
LOWEST_FREE_BYTES = 500 * 1024 * 1024

_NOT_YET_INITIALIZED = 94
_BRING_YOUR_OWN = "Or use a MongoDB of your own (a replica set): set WINNOW_MONGODB_URI."


class LocalMongo:
    """A running server. ``uri`` is what clients connect to; ``stop`` ends it cleanly, and so does a program's end."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, folder: Path) -> None:
        self.process = process
        self.port = port
        self.folder = folder
        self.uri = f"mongodb://127.0.0.1:{port}/?replicaSet={REPLICA_SET}"
        atexit.register(self.stop)

    def __enter__(self) -> "LocalMongo":
        """Return itself; leaving the block stops the server."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the server."""
        self.stop()

    def stop(self) -> None:
        """End the server, having let it write what it holds in memory. Twice is fine."""
        stop(self.process, seconds=30)
        atexit.unregister(self.stop)


def find_mongod(chosen: str | None = None) -> Path:
    """Return the server program: ``chosen`` (WINNOW_MONGOD), else the one that was installed with Winnow, else on PATH.

    Raises InputError when ``chosen`` is no program, WinnowError when there is none on this machine.
    """
    if chosen:
        if not os.access(chosen, os.X_OK) or Path(chosen).is_dir():
            raise InputError(f"WINNOW_MONGOD={chosen} is not a program.", "Give the path of a mongod, or unset it.")
        return Path(chosen)
    # the wheel's top package connects to things when imported, so it is only looked up
    package = importlib.util.find_spec("fiftyone")
    for folder in (package.submodule_search_locations or ()) if package else ():
        bundled = Path(folder) / "db" / "bin" / "mongod"
        if bundled.is_file():
            return bundled
    on_path = shutil.which("mongod")
    if on_path is None:
        raise WinnowError(
            f"There is no MongoDB server for this machine ({sys.platform}).",
            f"Put a mongod on the PATH (https://www.mongodb.com/docs/manual/installation/). {_BRING_YOUR_OWN}",
        )
    return Path(on_path)


def start(data: Path, port: int | None = None, mongod: str | None = None) -> LocalMongo:
    """Start the server with its files in ``data``/mongodb, and return it when it takes writes.

    The first start makes the replica set; later ones, also after a crash or on another port, go on from the files.
    ``port`` None takes a free one; ``mongod`` is WINNOW_MONGOD. The server ends with the thread that called this.
    Raises WinnowError (InputError, StoreUnavailable) saying what is wrong and what to do: no server program, a missing
    library, the port or the folder in use, a full disk, a server that ends or does not answer.
    """
    program = find_mongod(mongod)
    if port is not None:
        check_port_free(port)
    folder = data.resolve() / "mongodb"
    _make_folder(folder)
    chosen_port = free_port() if port is None else port
    log_path = folder.parent / "mongod.log"
    if log_path.exists():
        log_path.replace(log_path.with_suffix(".previous.log"))
    process = spawn(_command(program, folder, chosen_port), {}, log_path)
    server = LocalMongo(process, chosen_port, folder)
    try:
        _wait_until_writable(server, log_path)
    except BaseException:
        server.stop()
        raise
    return server


def version(program: Path) -> str:
    """Return the version that a mongod says it has, such as "6.0.5"; raises WinnowError when it does not run."""
    done = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=30, check=False)
    if done.returncode != 0:
        if "shared libraries" in done.stderr:
            raise missing_library(done.stderr)
        raise WinnowError(f"{program} does not run (exit code {done.returncode}).", _BRING_YOUR_OWN)
    found = re.search(r"db version v(\S+)", done.stdout)
    return found.group(1) if found else "of unknown version"


def describe(uri: str) -> str:
    """Return what answers at a MongoDB address: its version, and replica set or sharded cluster.

    Raises StoreUnavailable when nothing answers or the server is neither of the two, InputError for a wrong address.
    """
    try:
        with MongoClient[dict[str, Any]](uri, serverSelectionTimeoutMS=3000) as client:
            hello = client.admin.command("hello")
            number: str = client.server_info()["version"]
    except InvalidURI as error:
        raise InputError(
            f"WINNOW_MONGODB_URI is not an address: {error}.", "Write mongodb://host/?replicaSet=name"
        ) from error
    except PyMongoError as error:
        raise StoreUnavailable(
            f"MongoDB does not answer: {str(error).partition(',')[0]}.", "Start it, or correct WINNOW_MONGODB_URI."
        ) from error
    if hello.get("msg") == "isdbgrid":
        return f"{number}, a sharded cluster"
    if "setName" not in hello:
        raise StoreUnavailable(
            "That MongoDB is a lone server; Winnow needs transactions and change streams.",
            "Make it a replica set (one member is enough): start it with --replSet and run rs.initiate().",
        )
    return f"{number}, replica set {hello['setName']}"


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"The folder {folder} cannot be made ({error.strerror}).", "Choose another with --data."
        ) from error
    free = shutil.disk_usage(folder).free
    if free < LOWEST_FREE_BYTES:
        raise StoreUnavailable(
            f"Only {free / 1e6:.0f} MB are free on the disk of {folder}; MongoDB needs {LOWEST_FREE_BYTES / 1e6:.0f}.",
            "Free some space, or choose a folder on another disk with --data.",
        )


def _command(program: Path, folder: Path, port: int) -> list[str]:
    """Return mongod's command line; it listens on this machine only."""
    options = {
        "--replSet": REPLICA_SET,
        "--dbpath": str(folder),
        "--bind_ip": "127.0.0.1",
        "--port": str(port),
        "--wiredTigerCacheSizeGB": str(CACHE_GB),
        "--oplogSize": str(OPLOG_MB),
        "--wiredTigerJournalCompressor": "none",  # most of it is pictures
    }
    # The transaction of a killed process keeps its documents locked for so long; the default is a minute.
    parameters = ("diagnosticDataCollectionEnabled=false", "transactionLifetimeLimitSeconds=15")
    return [
        *(str(program), "--nounixsocket"),
        *(word for option in options.items() for word in option),
        *(word for parameter in parameters for word in ("--setParameter", parameter)),
    ]


def _wait_until_writable(server: LocalMongo, log_path: Path) -> None:
    """Make or mend the replica set once the server answers, and wait until it is primary."""
    deadline = time.monotonic() + START_SECONDS
    # this client is for setting up alone: one made before the replica set exists can never hold a session
    client: MongoClient[dict[str, Any]] = MongoClient(
        "127.0.0.1", server.port, directConnection=True, serverSelectionTimeoutMS=500
    )
    with client:
        configured = False
        while True:
            if server.process.poll() is not None:
                raise _ended(server, log_path)
            try:
                if not configured:
                    _configure(client, f"127.0.0.1:{server.port}")
                    configured = True
                if client.admin.command("hello")["isWritablePrimary"]:
                    return
            except PyMongoError as error:
                reason = str(error)
            else:
                reason = "it is not primary yet"
            if time.monotonic() > deadline:
                raise StoreUnavailable(
                    f"MongoDB does not take writes after {START_SECONDS} s ({reason}).", f"Its log: {log_path}"
                )
            time.sleep(0.05)


def _configure(client: MongoClient[dict[str, Any]], address: str) -> None:
    """Make this server the only member of the replica set, under ``address``."""
    members = [{"_id": 0, "host": address}]
    try:
        config = client.admin.command("replSetGetConfig")["config"]
    except OperationFailure as error:
        if error.code != _NOT_YET_INITIALIZED:
            raise
        client.admin.command("replSetInitiate", {"_id": REPLICA_SET, "members": members})
        return
    if [member["host"] for member in config["members"]] != [address]:
        # the port of the last start; the set does not know itself under this one, so only force will do
        changed = {**config, "version": config["version"] + 1, "members": members}
        client.admin.command("replSetReconfig", changed, force=True)


def _ended(server: LocalMongo, log_path: Path) -> WinnowError:
    """Return the error for a server that ended while starting, from what its log says."""
    log = log_tail(log_path, lines=200)
    if "error while loading shared libraries" in log:
        return missing_library(log)
    if "DBPathInUse" in log:
        pid = _lock_holder(server.folder)
        return StoreUnavailable(
            f"{server.folder} is in use by another MongoDB{pid}.",
            "Another Winnow is probably running on the same data: stop it, or choose another folder with --data.",
        )
    if "Address already in use" in log:
        return StoreUnavailable(f"Port {server.port} was taken while MongoDB started.", "Start again.")
    if re.search("No space left on device|OutOfDiskSpace", log):
        return StoreUnavailable(f"The disk of {server.folder} is full.", "Free some space and start again.")
    if server.process.returncode == -signal.SIGILL:
        return WinnowError(
            "This machine's processor is too old for the bundled MongoDB (it needs AVX).", _BRING_YOUR_OWN
        )
    return StoreUnavailable(
        f"MongoDB ended while starting (exit code {server.process.returncode}). Its last words:\n{log_tail(log_path)}",
        f"All of them: {log_path}",
    )


def missing_library(output: str) -> WinnowError:
    """Return the error for a mongod whose dynamic linker wrote ``output`` (it names the library that is missing)."""
    found = re.search(r"shared libraries: ([^\s:]+)", output)
    name = found.group(1) if found else "a shared library"
    package = "libcurl4" if name.startswith("libcurl") else f"the package that has {name}"
    return WinnowError(
        f"MongoDB needs {name}, which is not on this machine.",
        f"On Debian or Ubuntu: sudo apt-get install -y --no-install-recommends {package}. {_BRING_YOUR_OWN}",
    )


def has_libcurl() -> bool:
    """Return whether the library that the bundled server needs can be loaded (always, where it is not Linux)."""
    try:
        return sys.platform != "linux" or ctypes.CDLL("libcurl.so.4") is not None
    except OSError:
        return False


def _lock_holder(folder: Path) -> str:
    """Return " (process N)" from the lock file that the other server wrote, or nothing."""
    lock = folder / "mongod.lock"
    pid = lock.read_text(errors="replace").strip() if lock.is_file() else ""
    return f" (process {pid})" if pid.isdigit() else ""
