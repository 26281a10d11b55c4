"""A requester who is signed in at the requesters' site, as a browser is."""

import re
from functools import cache

import httpx
from argon2 import PasswordHasher

from tests.turk.served import TLS, Site

PASSWORD = "five words in a row"


@cache
def _kept() -> str:
    # Cheap parameters: what is tried here is not Argon2.
    return PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)


def have_password(site: Site, name: str) -> None:
    """Gives a requester the tests' password, as `./winnow requesters password` does."""
    site.requester(name).get_account_balance()
    site.database.requesters.replace_one({"_id": name}, {"password": _kept(), "generation": 1}, upsert=True)


def sign_in(site: Site, name: str) -> httpx.Client:
    """A client with the cookie of this requester, who is made when new."""
    have_password(site, name)
    client = httpx.Client(base_url=site.url, timeout=30, verify=TLS)
    reply = client.post("/requester/sign-in", data={"name": name, "password": PASSWORD})
    assert reply.status_code == 303, reply.text
    return client


def token_of(client: httpx.Client, page: str = "/requester") -> str:
    """The form token of this session."""
    return re.findall(r'name="csrf" value="([^"]+)"', client.get(page).text)[0]


def send(client: httpx.Client, path: str, **fields: str | list[str]) -> httpx.Response:
    """Sends a form of the site, with its token."""
    return client.post(path, data={"csrf": token_of(client), **fields})
