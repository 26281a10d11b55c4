"""Helpers of ``./winnow scrape``: they end with it, and one that dies holds nobody up."""

import asyncio
import os
import signal

import pytest

from api.settings import Settings
from deploy.crew import forked


def test_helpers_end_with_the_block_and_one_that_was_killed_is_not_waited_for() -> None:
    async def work() -> None:
        async with asyncio.timeout(20):
            await helpers[0].work("car:list-0")

    with forked(Settings(mongodb_uri="mongodb://127.0.0.1:1/?replicaSet=none"), 2) as helpers:
        os.kill(helpers[0].process, signal.SIGKILL)
        asyncio.run(work())
        os.kill(helpers[1].process, 0)  # it is there
    for helper in helpers:
        with pytest.raises(ChildProcessError):
            os.waitpid(helper.process, 0)
