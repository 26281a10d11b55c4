"""Who did what when: written before an act is carried out, never changed."""

from collections.abc import Mapping
from typing import Any

from active_learning.domain.access import Actor
from api.operations.context import Winnow

SECRET = frozenset({"password", "new_password", "old_password", "again", "token", "secret"})
LONGEST = 200


async def record(
    w: Winnow, actor: Actor | None, act: str, about: Mapping[str, Any], refused: str = "", address: str = ""
) -> int:
    """Note an act: its name, what it is about (values are cut to 200 characters, secrets left out), who and from where.

    ``refused`` says why it was not done. Returns the entry's number.
    """
    told = {name: _cut(value) for name, value in about.items() if name not in SECRET}
    return await w.store.audit_log.append(
        {
            "at": w.clock(),
            "by": actor.name if actor else "",
            "via": actor.via if actor else "",
            "address": address,
            "act": act,
            "category": str(told.get("slug") or told.get("category") or ""),
            "about": told,
            "refused": refused,
        }
    )


def _cut(value: object) -> object:
    if isinstance(value, bool | int | float) or value is None:
        return value
    text = str(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
