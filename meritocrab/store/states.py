"""Rows per state: the figures that health, summaries and the terminal UI show."""

from __future__ import annotations

from peewee import fn

from meritocrab.store.models import EvaluationRow, EventRow, NotificationRow, OutboxRow


def count(
    table: type[EventRow] | type[EvaluationRow] | type[OutboxRow] | type[NotificationRow],
) -> dict[str, int]:
    """How many rows stand in each state; states without rows are left out."""
    rows = table.select(table.state, fn.COUNT(table.id).alias("number")).group_by(table.state)
    return {row.state: int(row.number or 0) for row in rows}
