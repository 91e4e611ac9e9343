"""The daemon's pulse: proves at every beat that event loop and writer thread live, and measures how quickly.

A database error is an answer, because no restart mends it; a hang is none: then no beat ends, the watchdog of the
service manager is told nothing, and it starts us anew.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable

from meritocrab.daemon.systemd import WATCHDOG, Manager
from meritocrab.localapi.host import Timing
from meritocrab.store.database import Store
from meritocrab.store.errors import StoreError

log = logging.getLogger("meritocrab.daemon")

BEAT_SECONDS = 10.0
REMEMBERED = 30
"""Beats of which the worst is shown: the last five minutes."""


def beat_seconds(watchdog_seconds: float | None) -> float:
    """How long after one beat the next begins: at half of the watchdog's patience at the latest."""
    return BEAT_SECONDS if watchdog_seconds is None else min(BEAT_SECONDS, watchdog_seconds / 2)


class Stopwatch:
    """Collects durations in seconds."""

    def __init__(self) -> None:
        self._count, self._total = 0, 0.0
        self._recent: deque[float] = deque(maxlen=REMEMBERED)

    def add(self, seconds: float) -> None:
        """One more; a clock that went backwards counts as 0."""
        seconds = max(0.0, seconds)
        self._count, self._total = self._count + 1, self._total + seconds
        self._recent.append(seconds)

    def timing(self) -> Timing:
        """What was collected."""
        return Timing(self._count, self._total, max(self._recent, default=0.0))


class Pulse:
    """Beats until it is stopped.

    Args:
        seconds: monotonic seconds, for tests.
        sleep: waits that many seconds, for tests.
    """

    def __init__(
        self,
        store: Store,
        manager: Manager,
        *,
        seconds: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._store, self._manager = store, manager
        self._seconds, self._sleep = seconds, sleep
        self._every = beat_seconds(manager.watchdog_seconds)
        self._lag, self._database = Stopwatch(), Stopwatch()
        self._task: asyncio.Task[None] | None = None

    @property
    def loop_lag(self) -> Timing:
        """How much later than wanted the event loop woke us."""
        return self._lag.timing()

    @property
    def database(self) -> Timing:
        """How long the writer thread took to ask its database something, what stood before it included."""
        return self._database.timing()

    def start(self) -> None:
        """Beat from now on."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Beat no more. Harmless when repeated."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    async def _run(self) -> None:
        while True:
            await self.beat()

    async def beat(self) -> None:
        """One beat: wait, measure, ask the database, tell the watchdog."""
        due = self._seconds() + self._every
        await self._sleep(self._every)
        self._lag.add(self._seconds() - due)
        asked = self._seconds()
        await self._ask()
        self._database.add(self._seconds() - asked)
        if self._manager.watchdog_seconds is not None:
            self._manager.tell(WATCHDOG)

    async def _ask(self) -> None:
        try:
            await self._store.ping()
        except StoreError as error:
            log.debug("the database answers with an error: %s", error)
        except Exception:
            log.exception("asking the database failed by our own fault")
