"""The only place that builds everything: store, credentials, workers; starts them, and ends them in order."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from meritocrab.config import Config
from meritocrab.core.prompts import ChangedFile
from meritocrab.core.retention import BETWEEN_PASSES
from meritocrab.daemon.access import Accesses, build_accesses
from meritocrab.daemon.asking import Asking, budget_of, price_of
from meritocrab.daemon.evaluation import Evaluation
from meritocrab.daemon.lock import DaemonLock
from meritocrab.daemon.loops import Loops
from meritocrab.daemon.material import Material, changed_files
from meritocrab.daemon.notify import Notifier
from meritocrab.daemon.pausing import Pausing
from meritocrab.daemon.poller import Poller
from meritocrab.daemon.processor import Processor
from meritocrab.daemon.pulse import Pulse
from meritocrab.daemon.relay import Relay
from meritocrab.daemon.retention import Retention
from meritocrab.daemon.systemd import READY, STOPPING, Manager, status_fact
from meritocrab.evaluators.base import Evaluator, evaluator_of
from meritocrab.localapi.host import Host, Vitals
from meritocrab.localapi.protocol import QuotaHealth, Topic
from meritocrab.localapi.server import LocalApi
from meritocrab.localapi.stream import Hub
from meritocrab.localapi.views.health import health
from meritocrab.notify.channels import channels_of
from meritocrab.store import inbox
from meritocrab.store.database import Store

log = logging.getLogger("meritocrab.daemon")

STOP_WITHIN_SECONDS = 5.0
"""How long work in hand may take at the end; systemd's default limit is 90 seconds, patience is less."""

NOTIFY_SECONDS = 30

STATUS_SECONDS = 15
"""How old the line in `systemctl status` may be."""


def local_now() -> datetime:
    """The local clock, aware UTC."""
    return datetime.now(UTC)


class Service:
    """The daemon. `start`, then `run_until_stopped` or `stop`.

    Args:
        store: opened; the daemon's lock is taken by `start`.
        evaluator: for tests; by default the configured provider.
        manager: who is told how we are; nobody by default.
    """

    def __init__(
        self,
        config: Config,
        store: Store,
        *,
        clock: Callable[[], datetime] = local_now,
        evaluator: Evaluator | None = None,
        manager: Manager | None = None,
    ) -> None:
        self.config, self.store = config, store
        self._manager = manager or Manager()
        self._pulse = Pulse(store, self._manager)
        self._polls: Counter[str] = Counter()
        self.lock = DaemonLock(store, "run")
        self.loops = Loops(clock)
        self.accesses: Accesses = build_accesses(config, store, clock)
        self.evaluator = evaluator or evaluator_of(config.llm)
        self._clock = clock
        self._stopped = asyncio.Event()
        self.hub = Hub()
        self._build_workers()
        self.api = LocalApi(self._host(), self.hub, config.socket, config.api.address)
        self._status = ""

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
            polled=self._polled,
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
            find_pause=lambda: self.pausing.find(),
            settled=self._settled,
            stopping=stopping,
        )
        self.pausing = Pausing(config.state_dir, self._clock, self.relay.at_rest, self._turned)
        self.notifier = Notifier(
            self.store,
            channels_of(config.notify),
            self._clock,
            wanted=config.notify.events,
            min_interval=timedelta(seconds=config.notify.min_interval),
            web_url=config.github.web_url,
            titles=config.notify.texts,
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
            judged=self._judged,
            stopping=stopping,
        )
        if config.retention.keep.cutoffs(self._clock()):
            worker = Retention(self.store, config.retention.keep, self._clock)
            loops.add("retention", worker.step, idle_seconds=BETWEEN_PASSES.total_seconds())
        loops.add("access", self._follow_access, idle_seconds=min(300, max(15, 5 * config.poll.interval)))
        loops.add("poll", self.poller.step, idle_seconds=30)
        loops.add("process", self.processor.step, idle_seconds=2)
        loops.add("act", self.processor.act, idle_seconds=5)
        loops.add("relay", self.relay.step, idle_seconds=10)
        loops.add("evaluate", self.evaluation.step, idle_seconds=10)
        loops.add("notify", self.notifier.step, idle_seconds=NOTIFY_SECONDS)
        if self._manager.address is not None:
            loops.add("status", self._tell_status, idle_seconds=STATUS_SECONDS)

    async def _follow_access(self) -> datetime | None:
        wanted = await self.accesses.step()
        self.loops.wake("poll")
        return wanted

    def _settled(self) -> None:
        self.loops.wake("notify")
        self.hub.changed(Topic.OUTBOX, Topic.REPOSITORIES, Topic.HEALTH)

    def _turned(self) -> None:
        self.loops.wake("relay")
        self.loops.wake("status")
        self.hub.changed(Topic.OUTBOX, Topic.HEALTH)

    def _handled(self) -> None:
        self.loops.wake("relay")
        self.loops.wake("notify")
        self.loops.wake("evaluate")
        self.hub.changed(
            Topic.EVALUATIONS,
            Topic.CONTRIBUTORS,
            Topic.LEDGER,
            Topic.OUTBOX,
            Topic.REPOSITORIES,
            Topic.HEALTH,
        )

    async def _tell_status(self) -> datetime | None:
        fact = status_fact(await health(self.api.host))
        if fact != self._status:
            self._manager.tell(fact)
        self._status = fact
        return None

    def _polled(self, outcome: str) -> None:
        self._polls[outcome] += 1
        self.loops.wake("poll")
        self.loops.wake("status")
        self.hub.changed(Topic.REPOSITORIES, Topic.HEALTH)

    def _judged(self) -> None:
        self.loops.wake("process")
        self.loops.wake("notify")
        self.hub.changed(Topic.EVALUATIONS, Topic.HEALTH)

    def _host(self) -> Host:
        config = self.config
        return Host(
            store=self.store,
            base_policy=config.policy_for,
            enforcement=config.base_policy.enforcement,
            provider=self.evaluator.name,
            model=self.evaluator.model,
            budget=budget_of(config.llm) if self.evaluator.metered else None,
            started_at=self._clock(),
            clock=self._clock,
            github_now=self._github_now,
            quotas=self._quotas,
            changed_files=self._changed_files,
            vitals=self._vitals,
            wake=self.loops.wake,
            web_url=config.github.web_url,
            find_pause=self.pausing.find,
            pause_all=self.pausing.pause,
            resume_all=self.pausing.resume,
        )

    async def _changed_files(self, access: str, full_name: str, number: int) -> tuple[ChangedFile, ...]:
        return changed_files(await self.accesses.client(access).fetch_pull_files(full_name, number))

    def _github_now(self, access: str) -> datetime:
        client = self.accesses.clients().get(access)
        return client.github_now() if client is not None else self._clock()

    def _vitals(self) -> Vitals:
        return Vitals(self._pulse.loop_lag, self._pulse.database, dict(self._polls))

    def _quotas(self) -> tuple[QuotaHealth, ...]:
        """What GitHub told each credential; its times are given by the local clock, as all others."""
        found = []
        for access, client in sorted(self.accesses.clients().items()):
            quota = client.quota
            found.append(
                QuotaHealth(
                    credential=access,
                    limit=quota.limit if quota else None,
                    remaining=quota.remaining if quota else None,
                    resets_at=quota.reset_at - client.clock_offset if quota else None,
                    blocked_until=client.blocked_until,
                )
            )
        return tuple(found)

    async def start(self) -> None:
        """Take the daemon's lock and start all workers; then we are ready, whether GitHub answers or not.

        Raises:
            LockHeld: another process works on this database.
            SocketUnusable: the local API cannot listen.
        """
        await asyncio.to_thread(self.lock.acquire)
        await self.api.start()
        await self.evaluation.begin()
        parked = await self.store.write(inbox.retry_parked, self._clock())
        if parked:
            log.warning("%d events that had failed by our own fault are tried again", parked)
        self._status = status_fact(await health(self.api.host))
        self._manager.tell(READY, self._status)
        self._pulse.start()
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
        self._manager.tell(STOPPING, "STATUS=finishing what is in hand")
        self.loops.stopping = True
        await self.api.stop()
        await self._pulse.stop()
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
