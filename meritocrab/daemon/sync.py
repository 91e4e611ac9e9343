"""One-shot backfill: the whole history of one repository into the inbox, and credit from it.

It takes only facts from before the baseline (and sets one if there is none), writes nothing to GitHub and can be
killed at any time: cursors and pending reads are rows, and the next run goes on from them.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from meritocrab.core.names import EvaluationState, EventState
from meritocrab.daemon import filing
from meritocrab.daemon.access import Accesses
from meritocrab.daemon.evaluation import Evaluation
from meritocrab.daemon.lock import DaemonLock
from meritocrab.daemon.poller import Poller, read_one
from meritocrab.daemon.processor import Processor
from meritocrab.errors import MeritocrabError
from meritocrab.github.client import GitHubClient, NotModified, Page
from meritocrab.github.errors import GitHubError, RateLimited, ServerTrouble, Unreachable
from meritocrab.github.feeds import FeedWalk
from meritocrab.store import evaluations, repositories, settings
from meritocrab.store.database import Store
from meritocrab.store.models import EvaluationRow, EventRow, Repository

log = logging.getLogger("meritocrab.sync")

TRIES = 6
READ_BATCH = 50


class SyncError(MeritocrabError):
    """The backfill cannot go on now; what it brought is kept."""

    exit_status = 75


@dataclass(slots=True)
class Progress:
    """How far a backfill is; `requests_left` is known once the lists are read."""

    phase: str = "starting"
    items: int = 0
    events: int = 0
    requests: int = 0
    requests_left: int | None = None
    quota_left: int | None = None
    seconds_left: float | None = None


@dataclass(slots=True)
class Result:
    """What a backfill brought and what became of it."""

    repository: str
    baseline_at: datetime
    items: int = 0
    new_events: int = 0
    requests: int = 0
    handled: int = 0
    left_to_daemon: int = 0
    deferred_evaluations: int = 0
    evaluations_taken_up: int = 0
    notes: list[str] = field(default_factory=list)


Report = Callable[[Progress], None]


class Sync:
    """A backfill of one repository.

    Args:
        poller: prepares the repository (identity, baseline, policy).
        report: told about progress now and then.
    """

    def __init__(
        self,
        store: Store,
        accesses: Accesses,
        poller: Poller,
        clock: Callable[[], datetime],
        report: Report,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._store, self._accesses, self._poller = store, accesses, poller
        self._clock, self._report, self._sleep = clock, report, sleep
        self._progress = Progress()
        self._reads_began_at = clock()
        self._before_reads = 0
        self._unreadable: list[str] = []

    async def fetch(self, full_name: str, since: datetime | None) -> Result:
        """Read everything from before the baseline, or what is left of it after an interruption.

        Raises:
            SyncError: GitHub did not answer for too long, or refuses; what was read is kept.
        """
        row = await self._repository(full_name)
        client = self._accesses.client(row.access)
        try:
            row = await self._patiently(client, lambda: self._poller.prepare(row.id))
        except SyncError:
            await self._store.write(repositories.forget_unseen, row.id)
            raise
        assert row.github_id is not None and row.baseline_at is not None  # noqa: S101,PT018
        result = Result(row.full_name, row.baseline_at)
        before = await self._store.read(self._event_count, row.github_id)
        await self._store.write(self._begin, row.github_id, since)
        for name, fetch, file in (
            ("issues", client.fetch_issues, filing.file_issues),
            ("comments", client.fetch_comments, filing.file_comments),
        ):
            self._progress.phase = f"reading {name}"
            await self._walk(row, client, name, fetch, file)
        await self._reads(row, client)
        after = await self._store.read(self._event_count, row.github_id)
        result.items, result.new_events = self._progress.items, after - before
        result.requests = client.counts.total
        result.notes += [f"could not be read, and was left out: {reason}" for reason in self._unreadable]
        return result

    async def _repository(self, full_name: str) -> Repository:
        """The row; one that is not configured is kept, but not watched by the daemon."""
        row = await self._store.read(repositories.find, full_name)
        if row is not None:
            return row
        await self._accesses.step()
        row = await self._store.read(repositories.find, full_name)
        if row is not None:
            return row
        return await self._store.write(self._add_unwatched, full_name)

    def _add_unwatched(self, full_name: str) -> Repository:
        row = repositories.watch(full_name, self._accesses.default_access(), self._clock())
        repositories.update(row.id, watched=False)
        return repositories.get(row.id)

    @staticmethod
    def _event_count(repository_id: int) -> int:
        taken = EventRow.state != EventState.RECORDED.value
        return EventRow.select().where((EventRow.repository_id == repository_id) & taken).count()

    def _begin(self, repository_id: int, since: datetime | None) -> None:
        """Try at once what failed before; start over when more is wanted than the last time."""
        repositories.hurry_reads(repository_id, "sync", self._clock())
        known = filing.sync_since(repository_id)
        wanted = since or filing.BEGINNING
        if known is not None and known <= wanted:
            return
        settings.put(filing.since_setting(repository_id), wanted.isoformat())
        for feed in ("sync_issues", "sync_comments"):
            repositories.save_feed(
                repository_id, feed, cursor_at=since, finished=False, etag=None, etag_token=None
            )

    async def _walk(self, row: Repository, client: GitHubClient, name: str, fetch, file) -> None:  # type: ignore[no-untyped-def]
        assert row.github_id is not None  # noqa: S101
        feed = await self._store.read(repositories.feed, row.github_id, f"sync_{name}")
        walk = FeedWalk(feed.cursor_at, page_cap=None)
        self._held: datetime | None = None
        while (turn := walk.next()) is not None:
            page: Page | NotModified = await self._patiently(  # type: ignore[type-arg]
                client, lambda turn=turn: fetch(row.full_name, turn.since, page=turn.page)
            )
            if isinstance(page, NotModified):
                return
            walk.read(page.stamps, full=page.full, date=page.date)
            filed = await self._store.write(self._file_page, row, name, walk, page, file)
            self._progress.items += len(page.items)
            self._progress.events += filed
            self._unreadable += [problem.reason for problem in page.problems]
            self._tell(client)

    def _file_page(self, row: Repository, name: str, walk: FeedWalk, page, file) -> int:  # type: ignore[no-untyped-def]
        filed = int(file(row, page.items, source="sync", now=self._clock()))
        self._held = filing.unreadable_since(self._held, page)
        repositories.save_feed(
            row.github_id or 0,
            f"sync_{name}",
            cursor_at=filing.cursor_before(walk.cursor, self._held),
            finished=walk.finished,
            etag=None,
            etag_token=None,
        )
        return filed

    async def _reads(self, row: Repository, client: GitHubClient) -> None:
        assert row.github_id is not None  # noqa: S101
        self._progress.phase = "reading reviews"
        self._reads_began_at, self._before_reads = self._clock(), client.counts.total
        while True:
            left = await self._store.read(repositories.pending_reads, row.github_id, "sync")
            self._progress.requests_left = left
            reads = await self._store.read(
                repositories.due_reads, row.github_id, "sync", self._clock(), READ_BATCH
            )
            if not reads:
                break
            for read in reads:
                self._progress.events += await self._patiently(
                    client, lambda read=read: read_one(self._store, client, row, read, self._clock)
                )
                self._progress.items += 1
                self._progress.requests_left = max(0, (self._progress.requests_left or 1) - 1)
                self._tell(client)
        if left:
            raise SyncError(
                f"{left} reads of {row.full_name} failed and are kept; run the same command again later"
            )

    async def _patiently(self, client: GitHubClient, ask):  # type: ignore[no-untyped-def]
        """Wait out limits, try troubles again a few times, then stop with what was read kept."""
        for attempt in range(1, TRIES + 1):
            try:
                return await ask()
            except RateLimited as error:
                until = error.retry_at or self._clock() + timedelta(minutes=1)
                seconds = max(1.0, (until - self._clock()).total_seconds())
                self._progress.phase = f"waiting {seconds:.0f} s for GitHub's rate limit"
                self._tell(client)
                await self._sleep(seconds)
            except (ServerTrouble, Unreachable) as error:
                if attempt == TRIES:
                    raise self._stopped(error) from None
                await self._sleep(min(30.0, 2.0**attempt))
            except GitHubError as error:
                raise self._stopped(error) from None
        raise SyncError("GitHub's limits do not let the backfill go on; run the same command again later")

    def _stopped(self, error: GitHubError) -> SyncError:
        return SyncError(f"{error}\nWhat was read so far is kept: run the same command again to go on.")

    def _tell(self, client: GitHubClient) -> None:
        progress = self._progress
        progress.requests = client.counts.total
        quota = client.quota
        progress.quota_left = quota.remaining if quota is not None else None
        if progress.requests_left is not None and progress.requests > self._before_reads:
            spent = (self._clock() - self._reads_began_at).total_seconds()
            progress.seconds_left = progress.requests_left * spent / (progress.requests - self._before_reads)
        self._report(progress)


async def handle_all(
    store: Store,
    lock: DaemonLock,
    processor: Processor,
    result: Result,
    repository_id: int,
) -> None:
    """Handle what the backfill brought, or leave it to the daemon that holds the lock."""
    waiting = await store.read(_waiting, repository_id)
    if not lock.held:
        result.left_to_daemon = waiting
        result.notes.append(f"the running daemon ({lock.holder()}) handles what was brought")
    else:
        await processor.step()
        still = await store.read(_waiting, repository_id)
        result.handled = waiting - still
        if still:
            result.notes.append(f"{still} events wait for GitHub; the daemon, or the next run, handles them")
    result.deferred_evaluations = await store.read(_deferred, repository_id)


def _waiting(repository_id: int) -> int:
    return (
        EventRow.select()
        .where((EventRow.repository_id == repository_id) & (EventRow.state == EventState.WAITING.value))
        .count()
    )


def _deferred(repository_id: int) -> int:
    return (
        EvaluationRow.select()
        .where(
            (EvaluationRow.repository_id == repository_id)
            & (EvaluationRow.state == EvaluationState.DEFERRED.value)
        )
        .count()
    )


async def evaluate_some(
    store: Store,
    lock: DaemonLock,
    evaluation: Evaluation,
    processor: Processor,
    result: Result,
    repository_id: int,
    limit: int,
    clock: Callable[[], datetime],
) -> None:
    """Put up to `limit` recorded questions before the provider; a running daemon asks them by itself."""
    result.evaluations_taken_up = await store.write(
        evaluations.take_up_deferred, repository_id, limit, clock()
    )
    if lock.held:
        await evaluation.step()
        await processor.step()
    result.deferred_evaluations = await store.read(_deferred, repository_id)
