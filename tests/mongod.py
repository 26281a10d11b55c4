"""The real MongoDB of the tests and benchmarks."""

from pymongo import MongoClient


def expire_nothing(uri: str) -> None:
    """MongoDB removes what has expired by the time of day; most tests live at the time of a clock of their own."""
    with MongoClient[dict[str, object]](uri) as client:
        client.admin.command("setParameter", 1, ttlMonitorEnabled=False)
