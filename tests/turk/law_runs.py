"""Many random worlds, and the fewest steps of one that breaks a law: these are looked for in memory."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tests.turk.law_model import ASSIGNMENT_MOVES, HIT_MOVES
from tests.turk.law_worlds import Broken, Step, World, steps
from tests.turk.memory import MemoryDatabase
from workers.turk.database import Database

Document = dict[str, Any]

SIDE_BY_SIDE = 8
"""Worlds at a time on MongoDB: fewer would wait for each other's answers."""

LOOK_EVERY = 8
"""Steps between two looks at a HIT there: what a step answers is compared each time."""


def watch(name: str, before: Document | None, after: Document | None) -> None:
    """No illegal transition: every single write is held against the tables, also those within one move."""
    if before is None or after is None:
        return
    if name == "assignments":
        _follow(ASSIGNMENT_MOVES, before["state"], after["state"])
    if name == "hits":
        _follow(HIT_MOVES, _status(before), _status(after))


def _follow(moves: Mapping[str, set[str]], old: str, new: str) -> None:
    if new != old and new not in moves[old]:
        raise Broken(f"Something went from {old} to {new}.")


def _status(hit: Document) -> str:
    if hit["disposed"]:
        return "Disposed"
    if not hit["expired"] and hit["available"]:
        return "Assignable"
    if hit["pending"]:
        return "Unassignable"
    return "Reviewing" if hit["reviewing"] else "Reviewable"


async def in_memory(script: Sequence[Step]) -> World:
    """One world of its own, every write watched."""
    world = World(MemoryDatabase(watch), "R")
    await world.play(script)
    return world


async def on_mongodb(database: Database, seeds: Iterable[int], length: int) -> tuple[int, Counter[tuple[str, str]]]:
    """Worlds in one database, several at a time, one a seed: how many steps were done, and each one's outcomes.

    Raises Broken with the seed of the first red world, and its fewest steps where they are red in memory too.
    """
    done, outcomes, waiting = 0, Counter[tuple[str, str]](), iter(seeds)

    async def play() -> None:
        nonlocal done
        for seed in waiting:
            script = steps(seed, length)
            world = World(database, f"R{seed}", LOOK_EVERY)
            try:
                await world.play(script)
            except Exception as error:  # a crash of the marketplace is a broken law too
                raise Broken(f"seed {seed}, {length} steps on MongoDB: {error}\n{await trace(script)}") from error
            done += world.done
            outcomes.update(world.outcomes)

    async with asyncio.TaskGroup() as group:
        for _ in range(SIDE_BY_SIDE):
            group.create_task(play())
    return done, outcomes


async def many(seeds: Iterable[int], length: int) -> tuple[int, Counter[tuple[str, str]]]:
    """Worlds in memory, one a seed: how many steps were done, and how often each had which outcome.

    Raises Broken with the shortest red script that the first red seed leads to.
    """
    done, outcomes = 0, Counter[tuple[str, str]]()
    for seed in seeds:
        script = steps(seed, length)
        try:
            world = await in_memory(script)
        except Exception as error:  # a crash of the marketplace is a broken law too
            raise Broken(f"seed {seed}, {length} steps\n{await trace(script)}") from error
        done += world.done
        outcomes.update(world.outcomes)
    return done, outcomes


async def what_breaks(script: Sequence[Step]) -> str:
    """What breaks a law in this script; nothing when all hold."""
    try:
        await in_memory(script)
    except Exception as error:  # a crash of the marketplace is a broken law too
        return f"{type(error).__name__}: {error}"
    return ""


async def shortest(script: Sequence[Step]) -> list[Step]:
    """The fewest steps of a red script that are still red: larger parts first, then single steps are left out."""
    kept, size = list(script), len(script) // 2
    while size:
        start = 0
        while start < len(kept):
            less = kept[:start] + kept[start + size :]
            if await what_breaks(less):
                kept = less
            else:
                start += size
        size //= 2
    return kept


async def trace(script: Sequence[Step]) -> str:
    """A red script in as few lines as possible, after what breaks in it in memory."""
    few = await shortest(script)
    return "\n".join([await what_breaks(few), *map(str, few)])
