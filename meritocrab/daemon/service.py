"""The only place that builds everything: store, credentials, workers; starts, replaces and ends them in order."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from meritocrab.config import Config
from meritocrab.core.question import ChangedFile
from meritocrab.core.retention import BETWEEN_PASSES
from meritocrab.daemon.access import Accesses, build_accesses
from meritocrab.daemon.asking import Asking, budget_of, price_of
from meritocrab.daemon.clockwork import STAMP_SECONDS, Clockwork
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
from meritocrab.daemon.reloading import Reloading
from meritocrab.daemon.retention import Retention
from meritocrab.daemon.systemd import READY, STOPPING, Manager, reloading_fact, status_fact
from meritocrab.daemon.terminal import Terminal
from meritocrab.errors import MeritocrabError
from meritocrab.evaluators.base import Evaluator, evaluator_of
from meritocrab.localapi.errors import SocketUnusable
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

SOCKET_SECONDS = 10
"""How long a socket that was taken away may be missing."""

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
        load: reads the configuration again for `reload`; by default it stays what it is.
    """

    def __init__(
        self,
        config: Config,
        store: Store,
        *,
        clock: Callable[[], datetime] = local_now,
        evaluator: Evaluator | None = None,
        manager: Manager | None = None,
        load: Callable[[], Config] | None = None,
    ) -> None:
        self.config, self.store = config, store
        self.reloading = Reloading(load or (lambda: config))
        self._manager = manager or Manager()
        self._pulse = Pulse(store, self._manager)
        self._polls: Counter[str] = Counter()
        self.lock = DaemonLock(store, "run")
        self._clock, self._started_at = clock, clock()
        self._own_evaluator = evaluator
        self._called, self._wants_stop, self._wants_reload = asyncio.Event(), False, False
        self._unreachable: tuple[str, ...] = ()
        self.hub = Hub()
        self._build(config, *self._parts(config))
        self.api = LocalApi(self._host(), self.hub, config.socket, config.api.address)
        self._status = ""

    def _parts(self, config: Config) -> tuple[Accesses, Evaluator]:
        """What reaches out to others; building it touches nobody, but a key may turn out to be none.

        Raises:
            MeritocrabError: it cannot be set up so.
        """
        evaluator = self._own_evaluator or evaluator_of(config.llm)
        return build_accesses(config, self.store, self._clock), evaluator

    def _build(self, config: Config, accesses: Accesses, evaluator: Evaluator) -> None:
        """Everything that one configuration decides; the store, the lock and the local API are not of it."""
        self.config, self.accesses, self.evaluator = config, accesses, evaluator
        self.loops = Loops(self._clock, ready=self.store.recover)
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
                price_of(config.llm, self.evaluator.model),
                self._clock,
                timeout_seconds=config.llm.timeout,
            ),
            self._clock,
            limit=config.llm.max_concurrent,
            expire_after=timedelta(days=config.llm.expire_after_days),
            age_clock=self._sure_now,
            judged=self._judged,
            stopping=stopping,
        )
        if config.retention.keep.cutoffs(self._clock()):
            worker = Retention(self.store, config.retention.keep, self._clock, age_clock=self._sure_now)
            loops.add("retention", worker.step, idle_seconds=BETWEEN_PASSES.total_seconds())
        loops.add("clock", Clockwork(self.store, self._clock).step, idle_seconds=STAMP_SECONDS)
        loops.add("socket", self._watch_socket, idle_seconds=SOCKET_SECONDS, waits=False)
        loops.add("access", self._follow_access, idle_seconds=min(300, max(15, 5 * config.poll.interval)))
        loops.add("poll", self.poller.step, idle_seconds=30)
        loops.add("process", self.processor.step, idle_seconds=2)
        loops.add("act", self.processor.act, idle_seconds=5)
        loops.add("relay", self.relay.step, idle_seconds=10)
        loops.add("evaluate", self.evaluation.step, idle_seconds=10)
        loops.add("notify", self.notifier.step, idle_seconds=NOTIFY_SECONDS)
        if self._manager.address is not None:
            loops.add("status", self._tell_status, idle_seconds=STATUS_SECONDS, waits=False)

    async def _watch_socket(self) -> datetime | None:
        try:
            await self.api.watch_socket()
        except SocketUnusable as error:
            self._unreachable = (f"nobody can attach: {error}",)
            raise
        self._unreachable = ()
        return None

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
            started_at=self._started_at,
            clock=self._clock,
            github_now=self._github_now,
            quotas=self._quotas,
            changed_files=self._changed_files,
            vitals=self._vitals,
            wake=lambda name: self.loops.wake(name),
            web_url=config.github.web_url,
            find_pause=self.pausing.find,
            pause_all=self.pausing.pause,
            resume_all=self.pausing.resume,
            concerns=lambda: (*self.reloading.concerns, *self._unreachable),
        )

    async def _changed_files(self, access: str, full_name: str, number: int) -> tuple[ChangedFile, ...]:
        return changed_files(await self.accesses.client(access).fetch_pull_files(full_name, number))

    def _github_now(self, access: str) -> datetime:
        client = self.accesses.clients().get(access)
        return client.github_now() if client is not None else self._clock()

    def _sure_now(self) -> datetime | None:
        """The earlier of our clock and GitHub's; None before GitHub told its time.

        What ends by age ends for good: a local clock that is wrong by years must not be believed alone.
        """
        told = [client.github_now() for client in self.accesses.clients().values() if client.knows_time]
        return min(self._clock(), *told) if told else None

    def _vitals(self) -> Vitals:
        return Vitals(self._pulse.loop_lag, self._pulse.database, dict(self._polls), self.accesses.requests())

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
        self._wants_stop = True
        self._called.set()

    def request_reload(self) -> None:
        """Ask for the configuration to be read again; safe from a signal handler."""
        self._wants_reload = True
        self._called.set()

    def obey_signals(self) -> None:
        """Let SIGTERM and SIGINT end the daemon in order, and SIGHUP read its configuration again.

        Call it before `start`, so that none comes too early.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.request_stop)
        terminal = Terminal.of_this_process()
        loop.add_signal_handler(
            signal.SIGHUP, lambda: self.request_stop() if terminal.is_gone() else self.request_reload()
        )

    async def run_until_stopped(self) -> None:
        """Serve until `request_stop` or an obeyed signal, then stop in order."""
        try:
            while not self._wants_stop:
                await self._called.wait()
                self._called.clear()
                if self._wants_reload and not self._wants_stop:
                    self._wants_reload = False
                    await self.reload()
            log.info("stopping: finishing what is in hand")
        finally:
            await self.stop()

    async def reload(self) -> None:
        """Read the configuration again and go on by it; one that cannot be used changes nothing.

        All workers end as at a stop and are built anew from rows, so that nothing of an earlier setting is left in
        them. Database, lock, socket and open streams stay.
        """
        self._manager.tell(reloading_fact())
        new = await self.reloading.read(self.config)
        if new is not None:
            await self._go_on_by(new)
        self._status = status_fact(await health(self.api.host))
        self._manager.tell(READY, self._status)
        self.hub.changed(*Topic)

    async def _go_on_by(self, new: Config) -> None:
        try:
            accesses, evaluator = self._parts(new)
        except MeritocrabError as error:
            self.reloading.refuse(error)
            return
        except Exception as error:
            log.exception("the new configuration could not be set up by our own fault")
            self.reloading.refuse(error)
            return
        old, left = self.config, (self.accesses, self.evaluator)
        config = self.reloading.accept(old, new)
        await self._end_work()
        accesses.go_on_from(self.accesses)
        self._build(config, accesses, evaluator)
        self.api.use(self._host())
        self.poller.has_new_pace = config.poll != old.poll
        self.loops.start()
        await self._let_go(*left)

    async def _end_work(self) -> None:
        """Finish what is in hand within the limit; what is cut off goes on from its rows."""
        self.loops.stopping = True
        await asyncio.gather(self._end_polls(), self.loops.stop(STOP_WITHIN_SECONDS))

    async def _let_go(self, accesses: Accesses, evaluator: Evaluator) -> None:
        """Close what is not used any more; a failure there is no reason to end."""
        try:
            await accesses.aclose()
            if evaluator is not self.evaluator:
                await evaluator.aclose()
        except Exception:
            log.exception("connections of the former configuration could not be closed")

    async def stop(self) -> None:
        """Claim nothing more, finish what is in hand within the limit, close everything."""
        self._manager.tell(STOPPING, "STATUS=finishing what is in hand")
        self.loops.stopping = True
        await self.api.stop()
        await self._pulse.stop()
        await self._end_work()
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
