"""The policy of a category: each change is a new version, and what is settled stays."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from active_learning import amending
from active_learning.domain.category import Category
from active_learning.domain.errors import InputError, StateError
from active_learning.domain.policy import Policy
from active_learning.domain.value import Value
from active_learning.vision import BACKBONES, HEADS
from api.operations.context import Winnow
from api.store import Session
from api.store.connection import Document

SHOWN = 20
"""Versions of a history that are read at once."""


class Settled(StateError):
    """Changes that the state of the campaign does not allow: name of the field -> why."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        super().__init__(next(iter(fields.values())), f"It is about: {', '.join(fields)}. Leave that as it is.")
        self.fields = fields


class Version(Value):
    """A policy as it was from ``at`` on: who changed it, why, and which fields, as (name, before, after)."""

    version: int
    policy: Policy
    by: str
    why: str
    at: datetime
    changes: tuple[tuple[str, Any, Any], ...] = ()


def check(policy: Policy, local: bool = False) -> None:
    """Raise ``InputError`` for a policy that no campaign could follow.

    ``local``: whoever asks has a shell here, and may name a file of weights.
    """
    kind = policy.backbone.partition(":")[0]
    if "@" in policy.backbone and not local:
        raise InputError("A file of weights is named on the command line.", "There: ./winnow category create FILE.yaml")
    for name, value, known in (("backbone", kind, BACKBONES), ("head", policy.head, HEADS)):
        if value not in known:
            raise InputError(f"There is no {name} '{value}'.", f"There are: {', '.join(sorted(known))}.")
    if policy.lessons and policy.lessons >= policy.slots:
        raise InputError("The lessons would fill the whole task.", "Let fewer images teach, or make tasks longer.")


def progress(document: Document) -> amending.Progress:
    """How far the category is, as far as it settles numbers."""
    return amending.Progress(
        drawn=document["validation_below"] is not None or document["validation"]["total"] > 0,
        looks=document["looks"],
        embedded=document["backbone"] is not None,
        bound_cents=document["money"]["spent_cents"] + document["money"]["committed_cents"],
    )


async def change(w: Winnow, slug: str, policy: Policy, by: str, why: str = "", local: bool = False) -> Policy:
    """Put a policy in force in the place of the version that it names; returns it with its new version.

    A policy that says nothing new changes nothing. What it does not reach: tasks that are posted keep their reward,
    size and time; everything that is decided from now on follows it.

    Raises:
        NotFound: no such category.
        InputError: a policy that no campaign could follow.
        Settled: what it changes is settled by now.
        StateError: another version is in force: somebody was faster.
    """
    document = await w.store.categories.get(slug)
    before = Category.model_validate(document["category"]).policy
    if policy.version != before.version:
        raise StateError(
            f"Version {before.version} of the policy is in force, and this changes version {policy.version}.",
            "Somebody was faster: look at what has changed, and change it again.",
        )
    changed = amending.changes(before, policy)
    if not changed:
        return before
    check(policy, local or "backbone" not in changed)
    wrong = amending.refused(before, policy, progress(document))
    if wrong:
        raise Settled(wrong)
    after = policy.model_copy(update={"version": before.version + 1})

    async def work(session: Session) -> bool:
        if not await w.store.categories.replace_policy(slug, after, before.version, session):
            return False
        # Categories from before there were versions have none kept.
        await w.store.policies.insert(slug, before, "", "", document["created_at"], session)
        await w.store.policies.insert(slug, after, by, why, w.clock(), session)
        return True

    if not await w.store.transact(work):
        raise StateError("Somebody has changed the policy at the same moment.", "Look at it, and change it again.")
    return after


async def history(w: Winnow, slug: str, before: int | None = None, limit: int = SHOWN) -> tuple[Version, ...]:
    """Up to ``limit`` versions below ``before``, the newest first; raises ``NotFound``."""
    document = await w.store.categories.get(slug)
    found = await w.store.policies.newest(slug, before, limit + 1)
    if not found and before is None:
        found = [_first(document)]
    versions = [Policy.model_validate(one["policy"]) for one in found]
    told = []
    for i, one in enumerate(found[:limit]):
        new, old = versions[i], versions[i + 1] if i + 1 < len(versions) else None
        told.append(
            Version(
                version=one["version"],
                policy=new,
                by=one["by"],
                why=one["why"],
                at=one["at"],
                changes=tuple(
                    (name, getattr(old, name), getattr(new, name))
                    for name in (amending.changes(old, new) if old is not None else ())
                ),
            )
        )
    return tuple(told)


def _first(document: Document) -> Document:
    policy = document["category"]["policy"]
    return {"version": policy["version"], "policy": policy, "by": "", "why": "", "at": document["created_at"]}
