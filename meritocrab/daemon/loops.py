"""Runs the daemon's workers side by side on APScheduler: each says when it wants to run next, anybody may wake it.

All state lives in rows, so a lost wake-up costs a delay and nothing else: every worker also runs at its idle pace.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.date import DateTrigger

from meritocrab.errors import MeritocrabError

log = logging.getLogger("meritocrab.daemon")

Step = Callable[[], Awaitable[datetime | None]]
Clock = Callable[[], datetime]

AFTER_ERROR = timedelta(seconds=5)


@dataclass
class _Loop:
    step: Step
    idle: timedelta
    running: bool = False
    again: bool = False
    task: asyncio.Task[object] | None = None


class Loops:
    """Named workers, each run by one APScheduler job at a time.

    Args:
        clock: the local time (aware UTC).
        scheduler: for tests; by default a scheduler of our own.
    """

    def __init__(self, clock: Clock, scheduler: AsyncIOScheduler | None = None) -> None:
        self._clock = clock
        self._scheduler = scheduler or AsyncIOScheduler(
            timezone="UTC",
            # we check for overlap ourselves: APScheduler would drop the job, and with it the worker
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 3},
        )
        self._loops: dict[str, _Loop] = {}
        # whoever wakes a worker must not lend it the context that its own log lines stand in
        self._context = contextvars.copy_context()
        self._idle = asyncio.Event()
        self._idle.set()
        self.stopping = False

    def add(self, name: str, step: Step, *, idle_seconds: float) -> None:
        """Register a worker; it runs at once when the loops start and at least every `idle_seconds`."""
        self._loops[name] = _Loop(step, timedelta(seconds=idle_seconds))

    def start(self) -> None:
        """Start all workers."""
        self._scheduler.start()
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

    def _schedule(self, name: str, at: datetime) -> None:
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
            wanted = await loop.step()
        except asyncio.CancelledError:
            if not self.stopping:
                raise
        except MeritocrabError as error:
            log.error("%s: %s", name, error)
        except Exception:
            log.exception("%s failed by our own fault; it is tried again", name)
        finally:
            loop.running, loop.task = False, None
            self._finished(name, loop, wanted)

    def _finished(self, name: str, loop: _Loop, wanted: datetime | None) -> None:
        if not any(each.running for each in self._loops.values()):
            self._idle.set()
        if self.stopping:
            return
        now = self._clock()
        latest = now + loop.idle
        at = now if loop.again else min(wanted or latest, latest)
        self._schedule(name, max(at, now))
