"""Polls repositories: walks the feeds, reads what changed, and names how each repository stands.

A poll writes as it goes: each page's events together with the cursor behind them, each read together with its events.
Whatever breaks off leaves rows from which the next poll goes on.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from meritocrab.core.names import RepositoryState
from meritocrab.core.policy import POLICY_FILE_NAME, Policy, parse_repository_policy
from meritocrab.core.schedule import next_interval, retry_delay
from meritocrab.daemon import filing
from meritocrab.daemon.access import Accesses, AccessUnavailable
from meritocrab.errors import PolicyError
from meritocrab.github.client import FileContent, GitHubClient, NotModified, Page
from meritocrab.github.errors import BadAnswer, Forbidden, GitHubError, Gone, Moved, NotFound, RateLimited
from meritocrab.github.feeds import OVERLAP, FeedWalk
from meritocrab.github.payloads import PullItem, RepositoryItem
from meritocrab.logs import log_context
from meritocrab.settings import PollSettings
from meritocrab.store import inbox, notifications, policies, repositories
from meritocrab.store.database import Store, StoreError
from meritocrab.store.models import Feed, Read, Repository

log = logging.getLogger("meritocrab.poller")

PAGE_CAP = 20
"""Pages of one feed in one poll; what lies beyond is read by the next poll, which comes at once."""

READS_AT_ONCE = 60
SOUND = tuple(
    state.value
    for state in (
        RepositoryState.OK,
        RepositoryState.ROLES_UNREADABLE,
        RepositoryState.POLICY_BROKEN,
        RepositoryState.ARCHIVED,
    )
)
"""States in which the last poll went through."""

POLLS_AT_ONCE = 8

AFTER_LOST_WRITE = timedelta(seconds=30)
"""How long nothing is polled after a poll that could not be written down: GitHub is not asked in vain."""


@dataclass(slots=True)
class Outcome:
    """What one poll brought."""

    news: int = 0
    unfinished: bool = False
    unreadable: str = ""
    error: GitHubError | AccessUnavailable | None = None

    @property
    def word(self) -> str:
        """As the figures name it: `error`, `news` or `quiet`."""
        if self.error is not None:
            return "error"
        return "news" if self.news else "quiet"


class Replaced(GitHubError):  # noqa: N818 - a state, as the others
    """The name now belongs to another repository."""

    default_state = RepositoryState.REPLACED


class Poller:
    """Polls every watched repository when its row says so."""

    def __init__(
        self,
        store: Store,
        accesses: Accesses,
        settings: PollSettings,
        base_policy: policies.BasePolicy,
        clock: Callable[[], datetime],
        *,
        news: Callable[[], None] = lambda: None,
        polled: Callable[[str], None] = lambda _: None,
        stopping: Callable[[], bool] = lambda: False,
        fraction: Callable[[], float] = random.random,
    ) -> None:
        self._store, self._accesses, self._settings = store, accesses, settings
        self._base, self._clock, self._fraction = base_policy, clock, fraction
        self._news, self._polled, self._stopping = news, polled, stopping
        self._in_flight: dict[int, asyncio.Task[None]] = {}
        self.judged_policies: set[int] = set()
        self.has_new_pace = False
        """Set when the intervals changed: no repository keeps to the old ones."""
        self._lost_write_at: datetime | None = None

    async def step(self) -> datetime | None:
        """Start the polls that are due and return when the next one is."""
        if self._is_holding():
            return self._clock() + AFTER_LOST_WRITE
        if self.has_new_pace:
            latest = self._clock() + timedelta(seconds=self._settings.interval)
            await self._store.write(repositories.bring_forward, latest)
            self.has_new_pace = False
        room = POLLS_AT_ONCE - len(self._in_flight)
        if room > 0 and not self._stopping():
            rows = await self._store.read(repositories.due, self._clock(), room + len(self._in_flight))
            for row in rows:
                if row.id not in self._in_flight and len(self._in_flight) < POLLS_AT_ONCE:
                    self._in_flight[row.id] = asyncio.create_task(self._run(row.id))
        if len(self._in_flight) >= POLLS_AT_ONCE:
            return None  # the end of a poll wakes us
        return await self._next_due_at()

    def _is_holding(self) -> bool:
        """A clock that was set back meanwhile must not prolong it."""
        lost_at, now = self._lost_write_at, self._clock()
        return lost_at is not None and lost_at <= now < lost_at + AFTER_LOST_WRITE

    async def _next_due_at(self) -> datetime | None:
        at = await self._store.read(repositories.next_due_at)
        busy = self._clock() + timedelta(seconds=0.2)
        return max(at, busy) if at is not None and self._in_flight else at

    async def drain(self) -> None:
        """Wait for the polls in hand."""
        if self._in_flight:
            await asyncio.wait(list(self._in_flight.values()))

    async def cancel(self) -> None:
        """Cut the polls in hand off; their rows say where to go on."""
        tasks = list(self._in_flight.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, row_id: int) -> None:
        came_to = "fault"
        try:
            came_to = (await self.poll(row_id)).word
            self._lost_write_at = None
        except StoreError as error:
            log.error("a poll could not be written: %s", error)
            self._lost_write_at = self._clock()
        except Exception:
            log.exception("a poll failed by our own fault; it is tried again")
            await self._push_back(row_id)
        finally:
            self._in_flight.pop(row_id, None)
            self._polled(came_to)

    async def _push_back(self, row_id: int) -> None:
        later = self._clock() + timedelta(seconds=self._settings.interval)
        try:
            await self._store.write(repositories.update, row_id, next_poll_at=later)
        except StoreError:
            self._lost_write_at = self._clock()

    async def poll(self, row_id: int) -> Outcome:
        """Poll one repository now, name its state and set its next poll."""
        row = await self._store.read(repositories.get, row_id)
        outcome = Outcome()
        with log_context(repo=row.full_name):
            try:
                client = self._accesses.client(row.access)
                await _Poll(self, row, client, outcome).run()
            except (GitHubError, AccessUnavailable) as error:
                outcome.error = error
                log.warning("%s: %s", row.full_name, error)
            await self._finish(row, outcome)
            if outcome.news:
                log.info("%s: news, %d in all", row.full_name, outcome.news)
        if outcome.news:
            self._news()
        return outcome

    async def prepare(self, row_id: int) -> Repository:
        """Make sure that a repository is what it was, has a baseline, and its policy is known.

        Raises:
            GitHubError: GitHub did not tell.
        """
        row = await self._store.read(repositories.get, row_id)
        poll = _Poll(self, row, self._accesses.client(row.access), Outcome())
        await poll.prepare()
        return poll.row

    async def _finish(self, row: Repository, outcome: Outcome) -> None:
        fresh = await self._store.read(repositories.get, row.id)
        client = self._accesses.clients().get(row.access)
        shared = await self._store.read(repositories.watched_count, row.access)
        interval = self._interval(fresh, outcome, client, shared)
        read_at = None
        if fresh.github_id is not None:
            read_at = await self._store.read(repositories.next_read_at, fresh.github_id, "poll")
        await self._store.write(self._write_finish, row, outcome, interval, read_at)

    def _interval(self, row: Repository, outcome: Outcome, client: GitHubClient | None, shared: int) -> float:
        settings, now = self._settings, self._clock()
        quota = client.quota if client is not None else None
        news_at = now if outcome.news else (row.last_news_at or row.state_since_at or now)
        return next_interval(
            base=settings.interval,
            minimum=settings.min_interval,
            maximum=settings.max_interval,
            idle_for_seconds=(now - news_at).total_seconds(),
            had_news=outcome.news > 0,
            errors_in_row=row.errors_in_row + 1 if outcome.error else 0,
            repositories_on_token=max(1, shared),
            authorised=row.access != "anonymous",
            quota_limit=quota.limit if quota else None,
            quota_remaining=quota.remaining if quota else None,
            quota_resets_in=_seconds_to_reset(client),
            fraction=self._fraction(),
        )

    def _write_finish(
        self, begun: Repository, outcome: Outcome, interval: float, read_at: datetime | None
    ) -> None:
        now = self._clock()
        row = repositories.get(begun.id)
        stood = row.state
        asked_again = row.next_poll_at != begun.next_poll_at  # by a maintainer, while this poll was under way
        row.last_poll_at, row.interval_seconds = now, interval
        row.next_poll_at = now + timedelta(seconds=interval)
        if outcome.error is not None:
            _note_error(row, outcome.error, now)
        else:
            _note_success(row, outcome, now)
            if outcome.unfinished or asked_again:
                row.next_poll_at = now
            elif read_at is not None:
                row.next_poll_at = min(row.next_poll_at, max(read_at, now))
        row.save()
        if row.state != stood:
            notifications.repository_stands(row, stood, row.state, now)
            if outcome.error is None and row.github_id is not None:
                inbox.hurry(row.github_id, now)
            log.info(
                "%s: %s -> %s%s", row.full_name, stood, row.state, f" ({row.detail})" if row.detail else ""
            )


def _seconds_to_reset(client: GitHubClient | None) -> float | None:
    """By GitHub's clock, whose time the reset is."""
    if client is None or client.quota is None:
        return None
    return (client.quota.reset_at - client.github_now()).total_seconds()


def _note_error(row: Repository, error: GitHubError | AccessUnavailable, now: datetime) -> None:
    state = error.state if isinstance(error, GitHubError) else RepositoryState.REMOVED
    retry_at = error.retry_at if isinstance(error, GitHubError) else None
    if row.state != state.value:
        row.state, row.state_since_at = state.value, now
    row.detail = row.last_error = str(error)
    row.last_error_at = now
    row.errors_in_row += 1
    if retry_at is not None:
        row.next_poll_at = max(retry_at, now + timedelta(seconds=1))


def _note_success(row: Repository, outcome: Outcome, now: datetime) -> None:
    state, detail = _standing(row)
    if outcome.unreadable:
        state, detail = RepositoryState.BAD_ANSWER, outcome.unreadable
    if row.state != state.value:
        row.state, row.state_since_at = state.value, now
    row.detail = detail
    row.errors_in_row, row.last_error = 0, ""
    if outcome.news:
        row.last_news_at = now


def _standing(row: Repository) -> tuple[RepositoryState, str]:
    """How a repository stands after a poll without an error."""
    if row.archived:
        return RepositoryState.ARCHIVED, "archived on GitHub: read, never written to"
    if row.policy_error:
        return RepositoryState.POLICY_BROKEN, row.policy_error
    if row.state == RepositoryState.ROLES_UNREADABLE.value:
        return RepositoryState.ROLES_UNREADABLE, row.detail
    return RepositoryState.OK, ""


class _Poll:
    """One poll of one repository."""

    def __init__(self, poller: Poller, row: Repository, client: GitHubClient, outcome: Outcome) -> None:
        self.poller, self.client, self.outcome = poller, client, outcome
        self.store, self.clock = poller._store, poller._clock
        self.row = row
        self.looked_again = False

    async def prepare(self) -> None:
        if self.row.github_id is None or self.row.baseline_at is None:
            await self._begin()
        elif self.row.policy_read_at is None or self._had_trouble():
            await self._look_again()
        elif self.row.policy_error:
            await self._read_policy()  # conditional: costs nothing until the file is mended
        await self._check_policy()

    async def run(self) -> None:
        await self.prepare()
        await self._walk_issues()
        await self._walk_comments()
        await self._reads()
        await self._net()

    def _had_trouble(self) -> bool:
        """After an error the name may mean something else."""
        return self.row.state not in SOUND

    async def _begin(self) -> None:
        """The first poll sets the baseline, by GitHub's clock: all before it is history."""
        item = await self._fetch_repository()
        baseline = self.client.github_now().replace(microsecond=0)
        if not await self.store.write(self._write_begin, item, baseline):
            raise GitHubError(
                f"{self.row.full_name} is called {item.full_name} now and is watched under that name already",
                state=RepositoryState.RENAMED,
            )
        await self._reload()
        await self._read_policy()

    def _write_begin(self, item: RepositoryItem, baseline: datetime) -> bool:
        """False when this repository has a row already, under another name; ours is given up then."""
        row, known = repositories.get(self.row.id), repositories.find_by_id(item.id)
        if known is not None and known.id != row.id:
            repositories.merge(row, known)
            return False
        row.github_id = item.id
        row.default_branch, row.archived = item.default_branch, item.archived
        row.baseline_at = row.baseline_at or baseline
        row.last_net_at = self.clock()
        row.save()
        repositories.rename(row, item.full_name)
        for name in ("issues", "comments"):
            feed = repositories.feed(item.id, name)
            if feed.cursor_at is None:
                repositories.save_feed(
                    item.id, name, cursor_at=row.baseline_at, finished=True, etag=None, etag_token=None
                )
        return True

    async def _fetch_repository(self) -> RepositoryItem:
        """By name; a redirect leads to the same repository under its new name."""
        try:
            return await self.client.fetch_repository(self.row.full_name)
        except Moved as moved:
            known = self.row.github_id
            if moved.repository_id is None or (known is not None and moved.repository_id != known):
                raise
            return await self.client.fetch_repository_by_id(moved.repository_id)

    async def _look_again(self) -> None:
        """Before news is taken: is the name still the same repository, and what are its rules?"""
        self.looked_again = True
        item = await self._fetch_repository()
        if item.id != self.row.github_id:
            raise Replaced(
                f"{self.row.full_name} is another repository now (id {item.id}, we know {self.row.github_id}); "
                "nothing is written there: remove it from the configuration, or start afresh under a new database"
            )
        await self.store.write(self._write_identity, item)
        await self._reload()
        await self._read_policy()

    def _write_identity(self, item: RepositoryItem) -> None:
        row = repositories.get(self.row.id)
        row.default_branch, row.archived = item.default_branch, item.archived
        row.save()
        if row.full_name != item.full_name:
            log.warning("%s is called %s now", row.full_name, item.full_name)
        repositories.rename(row, item.full_name)

    async def _reload(self) -> None:
        self.row = await self.store.read(repositories.get, self.row.id)

    async def _read_policy(self) -> None:
        """Fetch the repository's own rules if they changed; what cannot be read leaves the last good ones."""
        etag = self.row.policy_etag if self.row.policy_token == self.client.token_generation else None
        if self.row.policy_error and self.row.id not in self.poller.judged_policies:
            etag = None  # the settings it was judged by may have changed since the last start
        self.poller.judged_policies.add(self.row.id)
        try:
            found = await self.client.fetch_file(self.row.full_name, POLICY_FILE_NAME, etag=etag)
        except (Forbidden, BadAnswer) as error:
            await self._report_policy(f"{POLICY_FILE_NAME} cannot be read: {error}")
            return
        if isinstance(found, NotModified):
            return
        base = await self.store.read(policies.own_settings, self.row, self.poller._base)
        await self.store.write(repositories.update, self.row.id, **self._policy_values(found, base))
        await self._reload()

    async def _check_policy(self) -> None:
        """The daemon's own settings may have changed, so that a file that was good does not fit them any more."""
        try:
            await self.store.read(policies.in_force, self.row, self.poller._base)
        except PolicyError as error:
            await self._report_policy(str(error))

    async def _report_policy(self, error: str) -> None:
        if self.row.policy_error != error:
            log.error("%s: %s", self.row.full_name, error)
            await self.store.write(repositories.update, self.row.id, policy_error=error)
            await self._reload()

    def _policy_values(self, found: FileContent | None, base: Policy) -> dict[str, object]:
        """A broken file keeps the last good one in force, and is reported until it is mended."""
        now = self.clock()
        if found is None:
            return {
                "policy_text": None,
                "policy_error": "",
                "policy_read_at": now,
                "policy_etag": None,
                "policy_token": None,
            }
        kept: dict[str, object] = {"policy_etag": found.etag, "policy_token": found.token_generation}
        try:
            parse_repository_policy(found.content, base, POLICY_FILE_NAME)
        except PolicyError as error:
            log.error("%s: %s", self.row.full_name, error)
            return kept | {"policy_error": str(error)}
        return kept | {"policy_text": found.content.decode(), "policy_error": "", "policy_read_at": now}

    async def _walk_issues(self) -> None:
        await self._walk(
            "issues",
            self.client.fetch_issues,
            lambda page, now: filing.file_issues(self.row, page.items, source="poll", now=now),
        )

    async def _walk_comments(self) -> None:
        await self._walk(
            "comments",
            self.client.fetch_comments,
            lambda page, now: filing.file_comments(self.row, page.items, source="poll", now=now),
        )

    async def _walk(self, name: str, fetch, file) -> None:  # type: ignore[no-untyped-def]
        assert self.row.github_id is not None  # noqa: S101
        feed = await self.store.read(repositories.feed, self.row.github_id, name)
        etag = feed.etag if feed.etag_token == self.client.token_generation else None
        walk = FeedWalk(feed.cursor_at, page_cap=PAGE_CAP)
        self.held: datetime | None = None
        while (turn := walk.next()) is not None:
            page = await fetch(
                self.row.full_name, turn.since, page=turn.page, etag=etag if turn.use_etag else None
            )
            if isinstance(page, NotModified):
                return
            if self._brings_news(page, feed) and not self.looked_again:
                await self._look_again()
            walk.read(page.stamps, full=page.full, date=page.date)
            for problem in page.problems:
                self.outcome.unreadable = problem.reason
                log.error("%s: item %d of %s: %s", self.row.full_name, problem.id, name, problem.reason)
            filed = await self.store.write(self._file_page, name, walk, page, file)
            self.outcome.news += filed
        self.outcome.unfinished |= not walk.finished

    def _brings_news(self, page: Page, feed: Feed) -> bool:  # type: ignore[type-arg]
        """Whether anything may be new: what bears the cursor's own stamp shows up late at most by the overlap."""
        cursor = feed.cursor_at
        if cursor is None:
            return True
        hot = page.date - cursor <= OVERLAP
        return any(stamp > cursor or (hot and stamp == cursor) for _, stamp in page.stamps)

    def _file_page(self, name: str, walk: FeedWalk, page: Page, file) -> int:  # type: ignore[no-untyped-def,type-arg]
        assert self.row.github_id is not None  # noqa: S101
        filed = int(file(page, self.clock()))
        self.held = filing.unreadable_since(self.held, page)
        keep = walk.etag_fits and self.held is None
        repositories.save_feed(
            self.row.github_id,
            name,
            cursor_at=filing.cursor_before(walk.cursor, self.held),
            finished=walk.finished,
            etag=page.etag if keep else None,
            etag_token=page.token_generation if keep else None,
        )
        return filed

    async def _reads(self) -> None:
        """The pending reads of single pull requests; one that fails neither blocks nor loses the others."""
        assert self.row.github_id is not None  # noqa: S101
        reads = await self.store.read(
            repositories.due_reads, self.row.github_id, "poll", self.clock(), READS_AT_ONCE
        )
        if reads and not self.looked_again:
            await self._look_again()
        for read in reads:
            if self.poller._stopping():
                return
            self.outcome.news += await read_one(self.store, self.client, self.row, read, self.clock)
        self.outcome.unfinished |= len(reads) == READS_AT_ONCE

    async def _net(self) -> None:
        """Reviews do not reliably move what the feeds show: look at the pull requests themselves now and then."""
        now = self.clock()
        due_at = (self.row.last_net_at or now) + timedelta(seconds=self.poller._settings.review_interval)
        if now < due_at:
            return
        pulls, first = await self._fetch_moved()
        await self.store.write(self._file_net, pulls, first, now)
        await self._reads()

    async def _fetch_moved(self) -> tuple[list[PullItem], Page[PullItem] | None]:
        """The pull requests back to the first that did not move, and the page whose ETag can be kept."""
        assert self.row.github_id is not None  # noqa: S101
        feed = await self.store.read(repositories.feed, self.row.github_id, "pulls")
        etag = feed.etag if feed.etag_token == self.client.token_generation else None
        pulls: list[PullItem] = []
        first: Page[PullItem] | None = None
        for number in range(1, PAGE_CAP + 1):
            page = await self.client.fetch_pulls_by_update(self.row.full_name, number, etag)
            if isinstance(page, NotModified):
                break
            first, etag = first or page, None
            pulls += page.items
            if not page.full or not await self.store.read(filing.all_moved, self.row, page.items):
                break
        return pulls, first

    def _file_net(self, pulls: list[PullItem], first: Page[PullItem] | None, now: datetime) -> None:
        """All pages at once: a page that was filed alone would hide the older ones from the next look."""
        assert self.row.github_id is not None  # noqa: S101
        filing.file_net(self.row, pulls, now)
        if first is not None:
            repositories.save_feed(
                self.row.github_id,
                "pulls",
                cursor_at=None,
                finished=True,
                etag=first.etag,
                etag_token=first.token_generation,
            )
        repositories.update(self.row.id, last_net_at=now)


async def read_one(
    store: Store, client: GitHubClient, row: Repository, read: Read, clock: Callable[[], datetime]
) -> int:
    """Carry out one pending read and file what it brought; returns how many events were new.

    Raises:
        RateLimited: the credential has to wait; the read stays as it is.
    """
    try:
        return await _read_and_file(store, client, row, read, clock)
    except RateLimited:
        raise
    except (NotFound, Gone):
        # deleted on GitHub since the list named it
        await store.write(repositories.read_done, read)
        return 0
    except GitHubError as error:
        delay = retry_delay(read.attempts + 1, base=5.0, maximum=900.0, fraction=0.5)
        until = max(clock() + timedelta(seconds=delay), error.retry_at or clock())
        log.warning("%s of %s#%d failed: %s", read.kind, row.full_name, read.number, error)
        await store.write(repositories.read_failed, read, until=until, error=str(error))
        return 0


async def _read_and_file(
    store: Store, client: GitHubClient, row: Repository, read: Read, clock: Callable[[], datetime]
) -> int:
    if read.kind == "pull":
        pull = await client.fetch_pull(row.full_name, read.number)
        return await store.write(filing.file_pull, row, read, pull, clock())
    if read.kind == "reviews":
        reviews = await client.fetch_reviews(row.full_name, read.number)
        return await store.write(filing.file_reviews, row, read, reviews.items, reviews.date, clock())
    items = await client.fetch_issue_events(row.full_name, read.number)
    return await store.write(filing.file_issue_events, row, read, items.items, items.date, clock())
