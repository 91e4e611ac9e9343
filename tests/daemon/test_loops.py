"""The workers' timetable: nobody works while nothing is ready, outages are said once, a clock that jumps wakes all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta

import pytest
from apscheduler.triggers.date import DateTrigger

from meritocrab.daemon import loops as module
from meritocrab.daemon.loops import Loops
from meritocrab.errors import MeritocrabError
from meritocrab.logs import correlation_id, log_context


class Worker:
    """Counts its steps; fails while it is told to."""

    def __init__(self) -> None:
        self.steps, self.stepped = 0, asyncio.Event()
        self.error: Exception | None = None

    async def step(self) -> datetime | None:
        self.steps += 1
        self.stepped.set()
        if self.error is not None:
            raise self.error
        return None

    async def steps_again(self) -> None:
        self.stepped.clear()
        async with asyncio.timeout(30):
            await self.stepped.wait()


def now() -> datetime:
    return datetime.now(UTC)


MakeLoops = Callable[..., Loops]


@pytest.fixture
async def make_loops(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[MakeLoops]:
    monkeypatch.setattr(module, "AFTER_ERROR", timedelta(milliseconds=10))
    monkeypatch.setattr(module, "WATCH_SECONDS", 0.01)
    made: list[Loops] = []

    def make(**more: object) -> Loops:
        made.append(Loops(now, **more))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for each in made:
        await each.stop(5.0)


async def test_nobody_works_while_nothing_is_ready_but_those_who_need_not_wait(make_loops: MakeLoops) -> None:
    async def ready() -> None:
        raise MeritocrabError("the disk is full")

    loops, waiting, free = make_loops(ready=ready), Worker(), Worker()
    loops.add("waiting", waiting.step, idle_seconds=3600)
    loops.add("free", free.step, idle_seconds=0.01, waits=False)
    loops.start()
    await free.steps_again()
    await free.steps_again()
    assert waiting.steps == 0


async def test_an_outage_is_said_once_and_so_is_its_end(
    make_loops: MakeLoops, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "meritocrab.daemon")
    loops, worker = make_loops(), Worker()
    worker.error = MeritocrabError("the disk is full")
    loops.add("worker", worker.step, idle_seconds=3600)
    loops.start()
    for _ in range(4):
        await worker.steps_again()
    worker.error = None
    await worker.steps_again()
    await asyncio.sleep(0)
    loops.wake("worker")
    await worker.steps_again()
    assert [record.getMessage() for record in caplog.records] == [
        "worker: the disk is full",
        "worker: works again",
    ]


@pytest.mark.parametrize(("jump", "way"), [(-3600, "back"), (86_400, "forward")])
async def test_a_jump_of_the_clock_wakes_all(
    make_loops: MakeLoops,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    jump: int,
    way: str,
) -> None:
    loops, worker = make_loops(), Worker()
    loops.add("worker", worker.step, idle_seconds=3600)
    loops.start()
    await worker.steps_again()
    monkeypatch.setattr(module, "scheduler_now", lambda: now() + timedelta(seconds=jump))
    # the scheduler itself is not fooled, and would wait for what we tell it now
    monkeypatch.setattr(module, "DateTrigger", lambda _: DateTrigger(now()))
    await worker.steps_again()
    assert f"the local clock was set {way}" in caplog.text


async def test_a_worker_does_not_log_in_the_name_of_whoever_woke_it(make_loops: MakeLoops) -> None:
    loops = make_loops()
    seen: list[str] = []
    ran = asyncio.Event()

    async def step() -> None:
        seen.append(correlation_id())
        ran.set()

    loops.add("work", step, idle_seconds=600)
    loops.start()
    await asyncio.wait_for(ran.wait(), 30)
    for _ in range(2):
        ran.clear()
        with log_context(request="approve"):
            loops.wake("work")
            await asyncio.wait_for(ran.wait(), 30)
    assert set(seen) == {""}
