"""The only place that builds everything: store, credentials, workers; starts them, and ends them in order."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from meritocrab.config import Config
from meritocrab.daemon.access import Accesses, build_accesses
from meritocrab.daemon.asking import Asking, budget_of, price_of
from meritocrab.daemon.evaluation import Evaluation
from meritocrab.daemon.lock import DaemonLock
from meritocrab.daemon.loops import Loops
from meritocrab.daemon.material import Material
from meritocrab.daemon.poller import Poller
from meritocrab.daemon.processor import Processor
from meritocrab.daemon.relay import Relay
from meritocrab.evaluators.base import Evaluator, evaluator_of
from meritocrab.store import inbox
from meritocrab.store.database import Store

log = logging.getLogger("meritocrab.daemon")

STOP_WITHIN_SECONDS = 5.0
"""How long work in hand may take at the end; systemd's default limit is 90 seconds, patience is less."""


def local_now() -> datetime:
    """The local clock, aware UTC."""
    return datetime.now(UTC)


class Service:
    """The daemon. `start`, then `run_until_stopped` or `stop`.

    Args:
        store: opened; the daemon's lock is taken by `start`.
        evaluator: for tests; by default the configured provider.
    """

    def __init__(
        self,
        config: Config,
        store: Store,
        *,
        clock: Callable[[], datetime] = local_now,
        evaluator: Evaluator | None = None,
    ) -> None:
        self.config, self.store = config, store
        self.lock = DaemonLock(store, "run")
        self.loops = Loops(clock)
        self.accesses: Accesses = build_accesses(config, store, clock)
        self.evaluator = evaluator or evaluator_of(config.llm)
        self._clock = clock
        self._stopped = asyncio.Event()
        self._build_workers()

    def _build_workers(self) -> None:
        config, loops = self.config, self.loops

        def stopping() -> bool:
            return loops.stopping

        self.poller = Poller(
            self.store,
            self.accesses,
            config.poll,
            config.policy_for,
            self._clock,
            news=lambda: loops.wake("process"),
            polled=lambda: loops.wake("poll"),
            stopping=stopping,
        )
        self.processor = Processor(
            self.store,
            self.accesses,
            config.policy_for,
            self._clock,
            handled=self._handled,
            stopping=stopping,
        )
        self.relay = Relay(
            self.store,
            self.accesses,
            config.policy_for,
            self._clock,
            settle_seconds=config.relay.settle,
            stopping=stopping,
        )
        self.evaluation = Evaluation(
            self.store,
            self.evaluator,
            Material(self.store, self.accesses, config.policy_for),
            Asking(
                self.store,
                self.evaluator,
                budget_of(config.llm),
                price_of(config.llm),
                self._clock,
                timeout_seconds=config.llm.timeout,
            ),
            self._clock,
            limit=config.llm.max_concurrent,
            expire_after=timedelta(days=config.llm.expire_after_days),
            judged=lambda: loops.wake("process"),
            stopping=stopping,
        )
        loops.add("access", self._follow_access, idle_seconds=min(300, max(15, 5 * config.poll.interval)))
        loops.add("poll", self.poller.step, idle_seconds=30)
        loops.add("process", self.processor.step, idle_seconds=2)
        loops.add("relay", self.relay.step, idle_seconds=10)
        loops.add("evaluate", self.evaluation.step, idle_seconds=10)

    async def _follow_access(self) -> datetime | None:
        wanted = await self.accesses.step()
        self.loops.wake("poll")
        return wanted

    def _handled(self) -> None:
        self.loops.wake("relay")
        self.loops.wake("evaluate")

    async def start(self) -> None:
        """Take the daemon's lock and start all workers.

        Raises:
            LockHeld: another process works on this database.
        """
        await asyncio.to_thread(self.lock.acquire)
        await self.evaluation.begin()
        parked = await self.store.write(inbox.retry_parked, self._clock())
        if parked:
            log.warning("%d events that had failed by our own fault are tried again", parked)
        self.loops.start()
        log.info("meritocrab is running on %s", self.store.location)

    def request_stop(self) -> None:
        """Ask the daemon to end; safe from a signal handler."""
        self._stopped.set()

    def obey_signals(self) -> None:
        """Let SIGTERM and SIGINT end the daemon in order; call it before `start`, so that none comes too early."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.request_stop)

    async def run_until_stopped(self) -> None:
        """Serve until `request_stop` or an obeyed signal, then stop in order."""
        try:
            await self._stopped.wait()
            log.info("stopping: finishing what is in hand")
        finally:
            await self.stop()

    async def stop(self) -> None:
        """Claim nothing more, finish what is in hand within the limit, close everything."""
        self.loops.stopping = True
        await asyncio.gather(self._end_polls(), self.loops.stop(STOP_WITHIN_SECONDS))
        await self.evaluator.aclose()
        await self.accesses.aclose()
        await asyncio.to_thread(self.lock.release)
        log.info("stopped")

    async def _end_polls(self) -> None:
        try:
            async with asyncio.timeout(STOP_WITHIN_SECONDS):
                await self.poller.drain()
        except TimeoutError:
            await self.poller.cancel()
