"""What the rows say in numbers: counts by kind and state, and how long the oldest of each queue has waited."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from peewee import Expression, fn

from meritocrab.core.names import (
    ActionKind,
    ActionState,
    CreditReason,
    EvaluationState,
    EventState,
    GateOutcome,
)
from meritocrab.store.models import EvaluationRow, EventRow, LedgerRow, OutboxRow, PullRequestRow

REVERSING = {
    CreditReason.UNDO.value: "undo",
    CreditReason.OVERRIDE.value: "adjust",
    CreditReason.UNBLACKLISTED.value: "unblacklist",
}
"""Reasons of ledger rows by which a maintainer corrects the daemon, and how the figures name them."""


def gate_decisions() -> dict[str, int]:
    """Pull requests by what the gate made of them."""
    rows: Any = (
        PullRequestRow.select(PullRequestRow.gate, fn.COUNT(PullRequestRow.number))
        .where(PullRequestRow.gate.is_null(False))
        .group_by(PullRequestRow.gate)
        .order_by(PullRequestRow.gate)
        .tuples()
    )
    return dict(rows)


def actions() -> dict[tuple[str, str], int]:
    """Actions of the outbox by kind and state."""
    rows: Any = (
        OutboxRow.select(OutboxRow.kind, OutboxRow.state, fn.COUNT(OutboxRow.id))
        .group_by(OutboxRow.kind, OutboxRow.state)
        .order_by(OutboxRow.kind, OutboxRow.state)
        .tuples()
    )
    return {(kind, state): count for kind, state, count in rows}


def reversals() -> dict[str, int]:
    """How often maintainers took back or corrected what the daemon did, by how they did it."""
    rows: Any = (
        LedgerRow.select(LedgerRow.reason, fn.COUNT(LedgerRow.id))
        .where(LedgerRow.reason.in_(list(REVERSING)))
        .group_by(LedgerRow.reason)
        .tuples()
    )
    found = dict.fromkeys(REVERSING.values(), 0) | {REVERSING[reason]: count for reason, count in rows}
    overridden = EvaluationRow.select().where(EvaluationRow.state == EvaluationState.OVERRIDDEN.value)
    return found | {"verdict": overridden.count(), "reopen": _reopened()}


def _reopened() -> int:
    """Pull requests that we closed and a human opened again; those that we opened again ourselves are no such."""

    def delivered(kind: ActionKind) -> Any:
        return fn.EXISTS(
            OutboxRow.select().where(
                (OutboxRow.repository_id == PullRequestRow.repository_id)
                & (OutboxRow.number == PullRequestRow.number)
                & (OutboxRow.kind == kind.value)
                & (OutboxRow.state == ActionState.DELIVERED.value)
            )
        )

    released = PullRequestRow.gate == GateOutcome.RELEASED.value
    return int(
        PullRequestRow.select()
        .where(released & delivered(ActionKind.CLOSE) & ~delivered(ActionKind.REOPEN))
        .count()
    )


def waiting_seconds(now: datetime) -> Mapping[str, float]:
    """For each queue the age of its oldest row; 0 for an empty one."""
    return {
        "events": _age(EventRow.received_at, EventRow.state == EventState.WAITING.value, now),
        "review": _age(
            EvaluationRow.waits_since_at, EvaluationRow.state == EvaluationState.PENDING.value, now
        ),
        "outbox": _age(OutboxRow.decided_at, OutboxRow.state == ActionState.SCHEDULED.value, now),
    }


def _age(column: Any, waits: Expression, now: datetime) -> float:
    row = column.model.select(column).where(waits).order_by(column).first()
    return 0.0 if row is None else max(0.0, (now - getattr(row, column.name)).total_seconds())
