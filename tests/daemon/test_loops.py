"""The workers' loops: whoever wakes one leaves nothing of its own behind."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from meritocrab.daemon.loops import Loops
from meritocrab.logs import correlation_id, log_context


async def test_a_worker_does_not_log_in_the_name_of_whoever_woke_it() -> None:
    loops = Loops(lambda: datetime.now(UTC))
    seen: list[str] = []
    ran = asyncio.Event()

    async def step() -> None:
        seen.append(correlation_id())
        ran.set()

    loops.add("work", step, idle_seconds=600)
    loops.start()
    await asyncio.wait_for(ran.wait(), 5)
    for _ in range(2):
        ran.clear()
        with log_context(request="approve"):
            loops.wake("work")
            await asyncio.wait_for(ran.wait(), 5)
    await loops.stop(1)
    assert set(seen) == {""}
