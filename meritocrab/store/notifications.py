"""What is to be told to a maintainer elsewhere: filed with what it announces, claimed as messages, settled.

Everything of a kind that waits becomes one message, and the rows that are part of it keep its id: a message that has
to be sent again, after a crash too, says the same under the same id. Rows hold no text; names are looked up late.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from peewee import fn

from meritocrab.core import notices
from meritocrab.core.names import SOUND, NoticeKind, NoticeState
from meritocrab.core.schedule import retry_delay
from meritocrab.store import states
from meritocrab.store.models import (
    EvaluationRow,
    EventRow,
    NotificationRow,
    OutboxRow,
    PullRequestRow,
    Repository,
)
from meritocrab.store.statements import find_one, insert_new

GOOD_FOR = timedelta(days=1)
"""What could not be told for so long is news no more."""

KEPT_FOR = timedelta(days=7)
"""How long rows stay when they are done."""

LASTING = timedelta(minutes=5)
"""A repository's trouble that ends sooner is not told at all: GitHub has its moments."""

FIRST_RETRY_SECONDS, LONGEST_RETRY_SECONDS = 60.0, 3600.0

WAITING = NoticeState.WAITING.value


# ---- what happened; each is called in the transaction in which it does


def queued(row: EvaluationRow, now: datetime) -> None:
    """Something waits in the review queue; said once, however often it comes back."""
    repository = find_one(Repository, github_id=row.repository_id)
    _file(NoticeKind.QUEUE, row.key, row.subject, now, repository, row.number)


def closed(row: OutboxRow, repository: Repository, now: datetime) -> None:
    """We closed a pull request."""
    _file(NoticeKind.CLOSE, row.key, "", now, repository, row.number)


def breaker_fell(repository: Repository, limit: int, now: datetime) -> None:
    """A repository is at `observe` from now on."""
    _file(NoticeKind.BREAKER, f"{repository.id}/{now.isoformat()}", "", now, repository, amount=limit)


def event_parked(row: EventRow, now: datetime) -> None:
    """An event failed so often by our own fault that it is not tried any more."""
    repository = find_one(Repository, github_id=row.repository_id)
    _file(
        NoticeKind.ERROR, f"{row.key}/{now.isoformat()}", notices.PARKED, now, repository, number=row.number
    )


def provider_stands(name: str, *, well: bool, now: datetime) -> None:
    """A provider is paused, or answers again."""
    code = notices.PROVIDER_RECOVERED if well else notices.PROVIDER
    _file(NoticeKind.ERROR, f"provider/{name}/{code}/{now.isoformat()}", code, now)


def repository_stands(row: Repository, was: str, now_state: str, now: datetime) -> None:
    """How a repository stands has changed. What was not told yet of its trouble is overtaken by that."""
    unsaid = (
        (NotificationRow.kind == NoticeKind.ERROR.value)
        & (NotificationRow.repository_row_id == row.id)
        & (NotificationRow.state == WAITING)
        & (NotificationRow.message == "")
        & (NotificationRow.code != notices.PARKED)
    )
    overtaken = NotificationRow.delete().where(unsaid).execute()
    key = f"repository/{row.id}/{now_state}/{now.isoformat()}"
    if now_state not in SOUND:
        _file(NoticeKind.ERROR, key, now_state, now, row, delay=LASTING)
    elif was not in SOUND and not overtaken:
        _file(NoticeKind.ERROR, key, notices.RECOVERED, now, row)


def _file(
    kind: NoticeKind,
    key: str,
    code: str,
    now: datetime,
    repository: Repository | None = None,
    number: int | None = None,
    *,
    amount: int = 0,
    delay: timedelta = timedelta(0),
) -> None:
    insert_new(
        NotificationRow,
        key=f"{kind}/{key}",
        kind=kind.value,
        code=code,
        repository_row_id=repository.id if repository is not None else None,
        number=number,
        amount=amount,
        created_at=now,
        next_attempt_at=now + delay,
    )


# ---- what is told


@dataclass(frozen=True, slots=True)
class Batch:
    """What one message is about: the first rows, and how many there are. `missing` channels have not taken it."""

    message: str
    kind: NoticeKind
    rows: tuple[NotificationRow, ...]
    total: int
    missing: tuple[str, ...]


CHANNELS: Mapping[str, Any] = {"command": NotificationRow.command_at, "url": NotificationRow.url_at}


def is_any_waiting() -> bool:
    """Whether there is anything to do."""
    return bool(NotificationRow.select().where(NotificationRow.state == WAITING).exists())


def tidy(wanted: Collection[NoticeKind], now: datetime) -> int:
    """Delete what nobody wants and what was done long ago, drop what is too old; returns how many were dropped."""
    waits = NotificationRow.state == WAITING
    NotificationRow.delete().where(waits & NotificationRow.kind.not_in(["", *wanted])).execute()
    NotificationRow.delete().where(NotificationRow.settled_at < now - KEPT_FOR).execute()
    dropped = NotificationRow.update(state=NoticeState.DROPPED.value, settled_at=now)
    return int(dropped.where(waits & (NotificationRow.created_at < now - GOOD_FOR)).execute())


def claim(channels: Collection[str], min_interval: timedelta, now: datetime) -> Batch | None:
    """The next message that is due: one that has to be sent again, or a new one. Counts as an attempt."""
    waits = NotificationRow.state == WAITING
    due = waits & (NotificationRow.next_attempt_at <= now)
    begun = NotificationRow.select().where(due & (NotificationRow.message != ""))
    first = begun.order_by(NotificationRow.next_attempt_at, NotificationRow.id).first() or _gather(
        min_interval, now
    )
    if first is None:
        return None
    delay = retry_delay(
        first.attempts + 1, base=FIRST_RETRY_SECONDS, maximum=LONGEST_RETRY_SECONDS, fraction=0.5
    )
    NotificationRow.update(
        attempts=NotificationRow.attempts + 1, next_attempt_at=now + timedelta(seconds=delay)
    ).where(NotificationRow.message == first.message).execute()
    return _batch(first, channels)


def _gather(min_interval: timedelta, now: datetime) -> NotificationRow | None:
    """Make a message of everything that waits of a kind whose turn it is; returns its first row."""
    fresh = (
        (NotificationRow.state == WAITING)
        & (NotificationRow.message == "")
        & (NotificationRow.next_attempt_at <= now)
    )
    for kind in (NoticeKind.BREAKER, NoticeKind.ERROR, NoticeKind.QUEUE, NoticeKind.CLOSE):
        mine = fresh & (NotificationRow.kind == kind.value)
        first: NotificationRow | None = (
            NotificationRow.select().where(mine).order_by(NotificationRow.id).first()
        )
        if first is not None and _may_speak(kind, min_interval, now):
            first.message = f"{kind}-{hashlib.sha256(first.key.encode()).hexdigest()[:12]}"
            NotificationRow.update(message=first.message).where(mine).execute()
            return first
    return None


def _may_speak(kind: NoticeKind, min_interval: timedelta, now: datetime) -> bool:
    """Not while an earlier message of this kind is under way, nor too soon after it."""
    same = NotificationRow.select().where(NotificationRow.kind == kind.value)
    if same.where((NotificationRow.state == WAITING) & (NotificationRow.message != "")).exists():
        return False
    last = (
        NotificationRow.select(fn.MAX(NotificationRow.settled_at))
        .where((NotificationRow.kind == kind.value) & (NotificationRow.state == NoticeState.SENT.value))
        .scalar()
    )
    # a clock that was set back must not silence anything
    return last is None or not now - min_interval < last <= now


def _batch(first: NotificationRow, channels: Collection[str]) -> Batch:
    rows = NotificationRow.select().where(NotificationRow.message == first.message)
    shown = tuple(rows.order_by(NotificationRow.id).limit(notices.LISTED))
    missing = tuple(name for name in channels if getattr(shown[0], CHANNELS[name].name) is None)
    return Batch(first.message, NoticeKind(first.kind), shown, rows.count(), missing)


def items(batch: Batch, web_url: str, *, titles: bool) -> tuple[notices.Item, ...]:
    """What the message says of each row, with the names of today."""
    return tuple(_item(row, web_url, titles) for row in batch.rows)


def _item(row: NotificationRow, web_url: str, titles: bool) -> notices.Item:
    repository = find_one(Repository, id=row.repository_row_id)
    name = repository.full_name if repository is not None else ""
    path = name if row.number is None else f"{name}/pull/{row.number}"
    return notices.Item(
        code=row.code,
        repository=name,
        number=row.number,
        amount=row.amount,
        title=_title(repository, row) if titles else "",
        link=f"{web_url}/{path}" if name else "",
    )


def _title(repository: Repository | None, row: NotificationRow) -> str:
    if repository is None or row.number is None:
        return ""
    pull_request = find_one(PullRequestRow, repository_id=repository.github_id, number=row.number)
    return pull_request.title if pull_request is not None else ""


def taken(message: str, channel: str, now: datetime) -> None:
    """This channel took the message."""
    NotificationRow.update({CHANNELS[channel]: now}).where(NotificationRow.message == message).execute()


def failed(message: str, error: str) -> None:
    """At least one channel did not take it: it is tried again there."""
    NotificationRow.update(last_error=error).where(NotificationRow.message == message).execute()


def finish(message: str, now: datetime) -> None:
    """Every channel took it."""
    NotificationRow.update(state=NoticeState.SENT.value, settled_at=now, last_error="").where(
        (NotificationRow.message == message) & (NotificationRow.state == WAITING)
    ).execute()


def counts() -> Mapping[str, int]:
    """Rows per state."""
    return states.count(NotificationRow)


def trouble(attempts: int) -> str:
    """Why messages do not arrive, when the oldest was tried so often; else an empty text."""
    row = (
        NotificationRow.select()
        .where((NotificationRow.state == WAITING) & (NotificationRow.attempts >= attempts))
        .order_by(NotificationRow.id)
        .first()
    )
    return row.last_error if row is not None else ""
