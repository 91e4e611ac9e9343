"""How the provider does: a pause and what led to it are columns, so that a maintainer sees them."""

from __future__ import annotations

from datetime import datetime

from meritocrab.store import notifications
from meritocrab.store.models import ProviderRow


def find(name: str) -> ProviderRow | None:
    """The provider's row, or None while it was never asked."""
    return ProviderRow.get_or_none(ProviderRow.name == name)


def failed(name: str, reason: str, now: datetime) -> int:
    """Count a failure; returns how many there were in a row."""
    row = _row(name)
    row.failures_in_row += 1
    row.reason, row.failed_at = reason, now
    row.save()
    return int(row.failures_in_row)


def pause(name: str, until: datetime, now: datetime) -> None:
    """Ask nothing until then; the reason is that of the last failure."""
    row = _row(name)
    if row.paused_until_at is None:
        notifications.provider_stands(name, well=False, now=now)
    row.paused_until_at = until
    row.save()


def answered(name: str, now: datetime) -> None:
    """It works: no pause, no reason."""
    row = _row(name)
    if row.paused_until_at is not None:
        notifications.provider_stands(name, well=True, now=now)
    row.answered_at, row.failures_in_row, row.paused_until_at, row.reason = now, 0, None, ""
    row.save()


def clear_pause(name: str) -> None:
    """A new start may come with a new key: ask again at once."""
    ProviderRow.update(paused_until_at=None, failures_in_row=0).where(ProviderRow.name == name).execute()


def _row(name: str) -> ProviderRow:
    ProviderRow.insert(name=name).on_conflict_ignore().execute()
    return ProviderRow.get_by_id(name)
