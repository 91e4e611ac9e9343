"""Runs the daemon's workers side by side on APScheduler: each says when it wants to run next, anybody may wake it.

All state lives in rows, so a lost wake-up costs a delay and nothing else: every worker also runs at its idle pace.

APScheduler goes by the time of day. When that is set back, it would leave every worker asleep for as long as the jump
is wide; so a clock that never jumps is watched beside it, and after a jump everybody is woken.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.date import DateTrigger

from meritocrab.errors import MeritocrabError

log = logging.getLogger("meritocrab.daemon")

Step = Callable[[], Awaitable[datetime | None]]
Clock = Callable[[], datetime]

AFTER_ERROR = timedelta(seconds=5)

WATCH_SECONDS = 5.0
"""How long a jump of the clock may go unnoticed."""

JUMP_SECONDS = 2.0
"""Less than this is the gentle correction of a clock, and no jump."""


def scheduler_now() -> datetime:
    """The scheduler's own idea of the time, which is the system's."""
    return datetime.now(UTC)


async def _always_ready() -> None:
    """Nothing to wait for."""


@dataclass
class _Loop:
    step: Step
    idle: timedelta
    waits: bool = True
    running: bool = False
    again: bool = False
    task: asyncio.Task[object] | None = None
    trouble: str = ""


class Loops:
    """Named workers, each run by one APScheduler job at a time.

    Args:
        clock: the local time (aware UTC).
        ready: called before each step; raises `MeritocrabError` when no worker that waits for it should act now.
    """

    def __init__(self, clock: Clock, *, ready: Callable[[], Awaitable[None]] = _always_ready) -> None:
        self._clock, self._ready = clock, ready
        self._scheduler = AsyncIOScheduler(
            timezone="UTC",
            # we check for overlap ourselves: APScheduler would drop the job, and with it the worker
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 3},
        )
        self._watch: asyncio.Task[None] | None = None
        self._loops: dict[str, _Loop] = {}
        # whoever wakes a worker must not lend it the context that its own log lines stand in
        self._context = contextvars.copy_context()
        self._idle = asyncio.Event()
        self._idle.set()
        self.stopping = False

    def add(self, name: str, step: Step, *, idle_seconds: float, waits: bool = True) -> None:
        """Register a worker; it runs at once when the loops start and at least every `idle_seconds`.

        One that does not wait runs also while nothing is `ready`.
        """
        self._loops[name] = _Loop(step, timedelta(seconds=idle_seconds), waits)

    def start(self) -> None:
        """Start all workers."""
        self._scheduler.start()
        self._watch = asyncio.create_task(self._watch_clock())
        for name in self._loops:
            self._schedule(name, self._clock())

    def wake(self, name: str) -> None:
        """Run this worker soon; safe at any time from the event loop."""
        loop = self._loops.get(name)
        if loop is None or self.stopping:
            return
        if loop.running:
            loop.again = True
        else:
            self._schedule(name, self._clock())

    async def stop(self, deadline_seconds: float) -> None:
        """Claim nothing more, let what is in hand finish within the limit, then end."""
        self.stopping = True
        if not self._scheduler.running:
            return
        if self._watch is not None:
            self._watch.cancel()
        self._scheduler.pause()
        try:
            await asyncio.wait_for(self._idle.wait(), deadline_seconds)
        except TimeoutError:
            log.warning("some work was still in hand after %.0f s and is cut off", deadline_seconds)
            await self._cut_off()
        self._scheduler.shutdown(wait=False)

    async def _cut_off(self) -> None:
        """Safe at any point: what was not committed did not happen, and attempts are on record."""
        tasks = [loop.task for loop in self._loops.values() if loop.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks, timeout=2)

    async def _watch_clock(self) -> None:
        """Wake everybody when the time of day and a clock that never jumps go apart."""
        apart = _apart()
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            before, apart = apart, _apart()
            if abs(apart - before) >= JUMP_SECONDS:
                way = "forward, or this machine slept," if apart > before else "back"
                log.warning("the local clock was set %s by %.0f s", way, abs(apart - before))
                for name in self._loops:
                    self.wake(name)

    def _schedule(self, name: str, at: datetime) -> None:
        at = scheduler_now() + max(at - self._clock(), timedelta(0))
        job = {"args": (name,), "id": name, "name": name, "replace_existing": True}
        self._context.run(self._scheduler.add_job, self._run, DateTrigger(at), **job)

    async def _run(self, name: str) -> None:
        loop = self._loops[name]
        if loop.running:
            loop.again = True
            return
        if self.stopping:
            return
        loop.running, loop.again = True, False
        loop.task = asyncio.current_task()
        self._idle.clear()
        wanted: datetime | None = self._clock() + AFTER_ERROR
        try:
            if loop.waits:
                await self._ready()
            wanted = await loop.step()
            self._recovered(name, loop)
        except asyncio.CancelledError:
            if not self.stopping:
                raise
        except MeritocrabError as error:
            # an outage of hours fills no disk with its log
            log.log(logging.DEBUG if loop.trouble == str(error) else logging.ERROR, "%s: %s", name, error)
            loop.trouble = str(error)
        except Exception:
            log.exception("%s failed by our own fault; it is tried again", name)
        finally:
            loop.running, loop.task = False, None
            self._finished(name, loop, wanted)

    def _recovered(self, name: str, loop: _Loop) -> None:
        if loop.trouble:
            log.info("%s: works again", name)
        loop.trouble = ""

    def _finished(self, name: str, loop: _Loop, wanted: datetime | None) -> None:
        if not any(each.running for each in self._loops.values()):
            self._idle.set()
        if self.stopping:
            return
        now = self._clock()
        latest = now + loop.idle
        at = now if loop.again else min(wanted or latest, latest)
        self._schedule(name, max(at, now))


def _apart() -> float:
    return scheduler_now().timestamp() - time.monotonic()
