"""What the local clock did: a stamp that tells when it was set back, and the waits that go back with it.

A wait is a column with a time in it. After the clock was set back by an hour, every wait would last an hour longer.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from meritocrab.core.names import ActionState, EvaluationState, EventState
from meritocrab.store import settings
from meritocrab.store.evaluations import ASKABLE
from meritocrab.store.models import EPOCH, EvaluationRow, EventRow, OutboxRow, ProviderRow, Read, Repository

STAMP = "clock"
TOLERANCE = timedelta(seconds=2)
"""Clocks are corrected by little all the time."""

_WAITS: tuple[tuple[Any, tuple[Any, ...], Any], ...] = (
    (Repository, (Repository.next_poll_at, Repository.last_poll_at, Repository.last_net_at), None),
    (Read, (Read.next_attempt_at,), None),
    (EventRow, (EventRow.next_attempt_at,), EventRow.state == EventState.WAITING.value),
    (
        EvaluationRow,
        (EvaluationRow.next_attempt_at, EvaluationRow.lease_until_at),
        EvaluationRow.state.in_((*ASKABLE, EvaluationState.RUNNING.value)),
    ),
    (
        OutboxRow,
        (OutboxRow.next_attempt_at, OutboxRow.not_before_at, OutboxRow.attempted_at),
        OutboxRow.state == ActionState.SCHEDULED.value,
    ),
    (ProviderRow, (ProviderRow.paused_until_at,), None),
)
"""Each table, its times that somebody waits for or counts from, and the rows for which they still matter."""


def keep_up(now: datetime) -> timedelta:
    """Note the time; where it is earlier than it was before, take all waits back with it.

    Returns:
        By how much the clock was set back, as far as the stamp tells; zero when it was not.
    """
    back = _stamped(now) - now
    jumped = back > TOLERANCE
    if jumped:
        _take_back(back, now)
    settings.put(STAMP, str(_milliseconds(now - EPOCH)))
    return back if jumped else timedelta(0)


def _stamped(default: datetime) -> datetime:
    value = settings.get(STAMP)
    return default if value is None else EPOCH + timedelta(milliseconds=int(value))


def _take_back(span: timedelta, now: datetime) -> None:
    """Only what lies ahead: a time that has passed under either clock is no wait."""
    for table, columns, matters in _WAITS:
        for column in columns:
            ahead = column > now
            values = {column: column - _milliseconds(span)}
            table.update(values).where(ahead if matters is None else ahead & matters).execute()


def _milliseconds(span: timedelta) -> int:
    return span // timedelta(milliseconds=1)
