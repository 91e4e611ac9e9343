"""The inbox: every fact once, by its key, until it is handled; waiting ones hold back only their own lane."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime

from peewee import fn

from meritocrab.core.events import Event, Facts, facts_from_json, facts_to_json, is_erased, without_texts
from meritocrab.core.names import EventKind, EventState
from meritocrab.logs import correlation_id
from meritocrab.store import accounts, notifications, states
from meritocrab.store.models import EventRow
from meritocrab.store.statements import find_one, insert_new, update

REFUSED = "refused: "
"""How the note of a maintainer's act begins that changed nothing."""

PARK_AFTER = 5
"""Failures by our own fault after which an event is parked."""


def receive(events: Iterable[Event], *, source: str, now: datetime) -> int:
    """File events; returns how many were new. Known keys are left alone, so that repeating is harmless.

    History from a poll is only recorded; `sync` takes recorded history up for scoring.
    """
    filed = 0
    for event in events:
        accounts.remember((event.author, event.actor), now)
        if _insert(event, source, now):
            filed += 1
        elif source == "sync":
            filed += _take_up(event, now)
    return filed


def _insert(event: Event, source: str, now: datetime) -> bool:
    only_recorded = event.is_history and source != "sync"
    return insert_new(
        EventRow,
        key=event.key,
        lane=event.lane,
        repository_id=event.repository_id,
        kind=event.kind.value,
        number=event.number,
        github_id=event.github_id,
        author_id=event.author.id if event.author else None,
        actor_id=event.actor.id if event.actor else None,
        occurred_at=event.occurred_at,
        received_at=now,
        is_history=event.is_history,
        source=source,
        facts=to_json(_kept_facts(event)),
        state=(EventState.RECORDED if only_recorded else EventState.WAITING).value,
        next_attempt_at=now,
        correlation_id=correlation_id(),
    )


def _kept_facts(event: Event) -> Facts:
    """What is kept of the facts: of a forgotten person's contribution no text."""
    by_hand = event.kind is EventKind.OPERATOR_ACTED  # then the author is whom the act is about
    return without_texts(event.facts) if not by_hand and accounts.is_forgotten(event.author) else event.facts


def to_json(facts: Facts) -> str:
    """The facts as their column holds them."""
    return json.dumps(facts_to_json(facts), ensure_ascii=False)


def _take_up(event: Event, now: datetime) -> int:
    row = find_one(EventRow, key=event.key, state=EventState.RECORDED.value)
    if row is None:
        return 0
    changes: dict[str, object] = {
        "state": EventState.WAITING.value,
        "source": "sync",
        "is_history": True,
        "next_attempt_at": now,
    }
    if is_erased(to_event(row).facts):
        changes["facts"] = to_json(_kept_facts(event))  # texts may have been erased by age
    return update(EventRow, changes, id=row.id)


def to_event(row: EventRow) -> Event:
    """The value a row stands for."""
    kind = EventKind(row.kind)
    return Event(
        key=row.key,
        repository_id=row.repository_id,
        kind=kind,
        occurred_at=row.occurred_at,
        facts=facts_from_json(kind, json.loads(row.facts)),
        number=row.number,
        github_id=row.github_id,
        author=accounts.find(row.author_id),
        actor=accounts.find(row.actor_id),
        is_history=row.is_history,
    )


def due_acts(now: datetime, limit: int) -> list[EventRow]:
    """A maintainer's acts whose time has come, oldest first; each is a lane of its own."""
    return list(
        EventRow.select()
        .where(
            (EventRow.state == EventState.WAITING.value)
            & (EventRow.next_attempt_at <= now)
            & (EventRow.kind == EventKind.OPERATOR_ACTED.value)
        )
        .order_by(EventRow.id)
        .limit(limit)
    )


def due(now: datetime, limit: int) -> list[EventRow]:
    """Waiting events whose time has come, oldest first, news before history.

    An event stays back while an earlier one of its lane waits for a later time.
    """
    earlier = EventRow.alias()
    held_back = earlier.select().where(
        (earlier.state == EventState.WAITING.value)
        & (earlier.lane == EventRow.lane)
        & (earlier.id < EventRow.id)
        & (earlier.next_attempt_at > now)
    )
    return list(
        EventRow.select()
        .where(
            (EventRow.state == EventState.WAITING.value)
            & (EventRow.next_attempt_at <= now)
            & ~fn.EXISTS(held_back)
        )
        .order_by(EventRow.is_history, EventRow.id)
        .limit(limit)
    )


def next_due_at() -> datetime | None:
    """When the next waiting event wants its turn."""
    row = (
        EventRow.select(EventRow.next_attempt_at)
        .where(EventRow.state == EventState.WAITING.value)
        .order_by(EventRow.next_attempt_at)
        .first()
    )
    return row.next_attempt_at if row else None


def finish(event_id: int, *, enforcement: str, note: str, now: datetime) -> None:
    """Mark an event handled; belongs into the transaction that applied its decision."""
    changes = {
        "state": EventState.HANDLED.value,
        "handled_at": now,
        "enforcement": enforcement,
        "note": note,
        "last_error": "",
    }
    update(EventRow, changes, id=event_id)


def postpone(event_id: int, *, until: datetime, error: str) -> None:
    """Try again later because something outside did not answer; never counts against the event."""
    EventRow.update(next_attempt_at=until, last_error=error).where(
        (EventRow.id == event_id) & (EventRow.state == EventState.WAITING.value)
    ).execute()


def hurry(repository_id: int, now: datetime) -> None:
    """What this repository's events waited for may be there: try them at once."""
    EventRow.update(next_attempt_at=now).where(
        (EventRow.repository_id == repository_id)
        & (EventRow.state == EventState.WAITING.value)
        & (EventRow.next_attempt_at > now)
        & (EventRow.attempts == 0)
    ).execute()


def fail(event_id: int, *, until: datetime, error: str, now: datetime) -> bool:
    """Count a failure by our own fault; parks the event after the fifth. Returns whether it is parked now."""
    row = EventRow.get_by_id(event_id)
    row.attempts += 1
    row.last_error = error
    row.next_attempt_at = until
    parked = bool(row.attempts >= PARK_AFTER)
    if parked:
        row.state = EventState.PARKED.value
        notifications.event_parked(row, now)
    row.save()
    return parked


def retry_parked(now: datetime) -> int:
    """Give parked events another five tries; returns how many there were."""
    return int(
        EventRow.update(state=EventState.WAITING.value, attempts=0, next_attempt_at=now)
        .where(EventRow.state == EventState.PARKED.value)
        .execute()
    )


def counts() -> Mapping[str, int]:
    """Events per state."""
    return states.count(EventRow)


def find_by_id(event_id: int) -> EventRow | None:
    """The event with this id, or None."""
    return find_one(EventRow, id=event_id)


def correlation_of(event_id: int) -> str:
    """What the log calls the poll or request that brought this event; an empty text where that is not known."""
    row = find_by_id(event_id)
    return row.correlation_id if row is not None else ""


def find(key: str) -> EventRow | None:
    """The event with this key, or None."""
    return find_one(EventRow, key=key)
