"""Files what was fetched: events into the inbox and the cursor that they moved, in one transaction each.

Functions of this module run inside a transaction and touch no network; the poller and `sync` share them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from meritocrab.core.events import Account, Event
from meritocrab.github import feeds
from meritocrab.github.client import Page
from meritocrab.github.payloads import CommentItem, IssueEventItem, IssueItem, PullItem, ReviewItem
from meritocrab.store import accounts, inbox, outbox, pull_requests, repositories, settings
from meritocrab.store.models import PullRequestRow, Read, Repository
from meritocrab.store.pull_requests import Seen

BEGINNING = datetime(2007, 1, 1, tzinfo=UTC)
"""Older than GitHub itself."""

SETTLED_AFTER = timedelta(seconds=2)
"""GitHub's stamps have whole seconds: a read within the same second may have missed what came after it."""

UNREADABLE_FOR = timedelta(days=7)
"""How long an item of a list that cannot be read holds the cursor back; what is behind it is filed all the same."""

READ_AGAIN = "read again: its second was not over"
LAGS = "GitHub's issue events lag behind its list"
LAG_TRIES = 5


def seen_of_issue(item: IssueItem) -> Seen:
    """What a list item of `/issues` tells about a pull request."""
    return _seen(item, fingerprint=item.fingerprint)


def seen_of_pull(item: PullItem) -> Seen:
    """What `/pulls` tells."""
    return _seen(
        item,
        github_id=item.id,
        head_sha=item.head_sha,
        additions=item.additions,
        deletions=item.deletions,
        changed_files=item.changed_files,
    )


def _seen(item: IssueItem | PullItem, **more: Any) -> Seen:
    return Seen(
        number=item.number,
        author=item.author,
        title=item.title,
        state=item.state,
        draft=item.draft,
        merged_at=item.merged_at,
        created_at=item.created_at,
        updated_at=item.updated_at,
        **more,
    )


def unreadable_since(held: datetime | None, page: Page[Any]) -> datetime | None:
    """The oldest item of this walk that could not be read: no cursor passes it for a week, and it is read again."""
    stamps = [problem.updated_at for problem in page.problems if problem.updated_at is not None]
    young = [stamp for stamp in stamps if page.date - stamp <= UNREADABLE_FOR]
    return min((each for each in (held, *young) if each is not None), default=None)


def cursor_before(cursor: datetime | None, held: datetime | None) -> datetime | None:
    """How far a feed counts as read."""
    return cursor if held is None or cursor is None else min(cursor, held)


def file_issues(repository: Repository, items: Iterable[IssueItem], *, source: str, now: datetime) -> int:
    """File opened pull requests and ask for reads of the changed ones; returns how many events were new."""
    repository_id, baseline = _anchor(repository)
    filed = 0
    for item in items:
        if not item.is_pull_request:
            continue
        known = pull_requests.find_row(repository_id, item.number)
        unchanged = known is not None and known.fingerprint == item.fingerprint
        pull_requests.store(repository_id, seen_of_issue(item), now)
        events: list[Event] = [feeds.opened_event(repository_id, item, baseline)]
        kinds: tuple[str, ...] = repositories.READ_KINDS
        if source == "sync":
            merged = feeds.merged_event(repository_id, item, baseline)
            events += [merged] if merged is not None else []
            kinds = ("reviews",)
        filed += receive(events, source, now)
        if source == "sync" or not unchanged:
            repositories.want_reads(
                repository_id, item.number, kinds, wanted_at=item.updated_at, source=source, now=now
            )
    return filed


def receive(events: Sequence[Event], source: str, now: datetime) -> int:
    """File events; `sync` takes only what lies between the date it was given and the baseline."""
    if source == "sync" and events:
        since = sync_since(events[0].repository_id) or BEGINNING
        events = [event for event in events if event.is_history and event.occurred_at >= since]
    return inbox.receive(events, source=source, now=now)


def since_setting(repository_id: int) -> str:
    """The name under which a backfill's first date is kept."""
    return f"sync:{repository_id}:since"


def sync_since(repository_id: int) -> datetime | None:
    """From when on this repository's history was asked for; None: never."""
    value = settings.get(since_setting(repository_id))
    return datetime.fromisoformat(value) if value is not None else None


def _anchor(repository: Repository) -> tuple[int, datetime]:
    assert repository.github_id is not None and repository.baseline_at is not None  # noqa: S101,PT018
    return repository.github_id, repository.baseline_at


def file_comments(repository: Repository, items: Iterable[CommentItem], *, source: str, now: datetime) -> int:
    """File comments; returns how many were new."""
    repository_id, baseline = _anchor(repository)
    return receive([feeds.comment_event(repository_id, item, baseline) for item in items], source, now)


def file_pull(repository: Repository, read: Read, pull: PullItem, now: datetime) -> int:
    """Keep a pull request's details, and its merge should the issue events not tell."""
    repository_id, baseline = _anchor(repository)
    pull_requests.store(repository_id, seen_of_pull(pull), now)
    repositories.read_done(read)
    merged = feeds.merged_event(repository_id, pull, baseline)
    return receive([merged], read.source, now) if merged is not None else 0


def file_reviews(
    repository: Repository, read: Read, reviews: Sequence[ReviewItem], fetched_at: datetime, now: datetime
) -> int:
    """File the reviews of one pull request."""
    repository_id, baseline = _anchor(repository)
    _close_read(read, fetched_at, now)
    return receive(feeds.review_events(repository_id, read.number, reviews, baseline), read.source, now)


def file_issue_events(
    repository: Repository, read: Read, items: Sequence[IssueEventItem], fetched_at: datetime, now: datetime
) -> int:
    """File the transitions of one pull request, by whom and when."""
    repository_id, baseline = _anchor(repository)
    row = pull_requests.find_row(repository_id, read.number)
    if row is not None and _lags(row, items) and read.attempts < LAG_TRIES:
        repositories.read_failed(read, until=now + timedelta(seconds=2 * (read.attempts + 1)), error=LAGS)
    else:
        _close_read(read, fetched_at, now)
    pull = _Reference(
        number=read.number,
        author=accounts.find(row.author_id) if row is not None else None,
        link=f"{repository.full_name}#{read.number}",
        merged_at=row.merged_at if row is not None else None,
    )
    return receive(feeds.transition_events(repository_id, pull, items, baseline), read.source, now)


@dataclass(frozen=True, slots=True)
class _Reference:
    number: int
    author: Account | None
    link: str
    merged_at: datetime | None


def _lags(row: PullRequestRow, items: Sequence[IssueEventItem]) -> bool:
    """Whether there must be transitions that these events do not show yet."""
    closed_after = outbox.last_event_before_our_close(row.repository_id, row.number)
    closes = [item.id for item in items if item.event == "closed"]
    if closed_after is not None and not any(event_id > closed_after for event_id in closes):
        return True
    transitions = [item.event for item in items if item.event in ("closed", "reopened")]
    is_closed = bool(transitions) and transitions[-1] == "closed"
    return is_closed != (row.state == "closed")


def _close_read(read: Read, fetched_at: datetime, now: datetime) -> None:
    hot = read.wanted_at + SETTLED_AFTER > fetched_at
    if read.source == "poll" and hot and read.last_error != READ_AGAIN:
        repositories.read_failed(read, until=now + SETTLED_AFTER + timedelta(seconds=1), error=READ_AGAIN)
    else:
        repositories.read_done(read)


def file_net(repository: Repository, pulls: Sequence[PullItem], now: datetime) -> None:
    """Ask for the reviews of pull requests that moved without their issue moving."""
    repository_id, _ = _anchor(repository)
    for pull in pulls:
        if not _moved(repository, pull):
            continue
        pull_requests.store(repository_id, seen_of_pull(pull), now)
        repositories.want_reads(
            repository_id, pull.number, ("reviews",), wanted_at=pull.updated_at, source="poll", now=now
        )


def all_moved(repository: Repository, pulls: Sequence[PullItem]) -> bool:
    """Whether every one of these is newer than what we know of it: then older pages may hold more."""
    return all(_moved(repository, pull) for pull in pulls)


def _moved(repository: Repository, pull: PullItem) -> bool:
    repository_id, baseline = _anchor(repository)
    row = pull_requests.find_row(repository_id, pull.number)
    return pull.updated_at > (row.updated_at if row is not None else baseline)
