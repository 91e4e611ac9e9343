"""The arithmetic of credit, pure: how much of a wanted change applies, and what a sound ledger looks like.

The database's ledger is the truth about credit; this module can say what the credit must be from its rows
alone, so that nobody has to believe a stored balance.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from meritocrab.core.names import CreditReason

FLAG_REASONS = frozenset({CreditReason.BLACKLISTED, CreditReason.UNBLACKLISTED, CreditReason.UNDO})
"""The only rows that may change the blacklist flag."""


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """The numbers of one ledger row. Credit is in points; `blacklisted` is the flag after the row.

    `cap_day` (days since 1970) marks rows that the daily cap bounds; `reverses_id` names the row this one
    takes back.
    """

    id: int
    reason: CreditReason
    requested: int
    applied: int
    before: int
    after: int
    blacklisted: bool = False
    cap_day: int | None = None
    reverses_id: int | None = None


def apply(credit: int, requested: int, *, cap_left: int | None) -> int:
    """How many of the requested points apply to somebody who has `credit`.

    Credit never falls below 0. A gain is bounded by `cap_left` (None: no cap); a loss never is.
    """
    if requested < 0:
        return max(requested, -credit)
    if cap_left is None:
        return requested
    return min(requested, max(cap_left, 0))


def fold(rows: Iterable[LedgerEntry]) -> int:
    """The credit that these rows amount to (one person's rows in one repository); 0 without rows."""
    return sum(row.applied for row in rows)


def check(rows: Iterable[LedgerEntry]) -> list[str]:
    """What is wrong with one person's rows, oldest first, in words; empty when they are sound."""
    problems: list[str] = []
    previous: LedgerEntry | None = None
    reversed_by: dict[int, int] = {}
    for row in rows:
        faults = [*_position_faults(row, previous), *_amount_faults(row)]
        if row.reverses_id is not None:
            first = reversed_by.setdefault(row.reverses_id, row.id)
            if first != row.id:
                faults.append(f"takes back row {row.reverses_id}, which row {first} had taken back already")
        problems += [f"row {row.id} {fault}" for fault in faults]
        previous = row
    return problems


def _position_faults(row: LedgerEntry, previous: LedgerEntry | None) -> Iterator[str]:
    """What does not fit between this row and the one before it."""
    is_opening = row.reason is CreditReason.OPENING
    if previous is None:
        if not is_opening:
            yield f"is the first one and is not the opening balance but {row.reason.value}"
        elif row.before != 0:
            yield f"opens with {row.before} points before it"
    else:
        if is_opening:
            yield "is a second opening balance"
        if row.before != previous.after:
            yield f"starts from {row.before}, but row {previous.id} ended at {previous.after}"
    was_blacklisted = False if previous is None else previous.blacklisted
    if row.blacklisted != was_blacklisted and row.reason not in FLAG_REASONS:
        yield f"changes the blacklist flag, which {row.reason.value} may not"


def _amount_faults(row: LedgerEntry) -> Iterator[str]:
    """What is wrong with the row's own numbers."""
    if row.after != row.before + row.applied:
        yield f"says {row.before} {row.applied:+d} = {row.after}"
    if row.after < 0:
        yield f"ends below zero, at {row.after}"
    if row.requested < 0 or row.cap_day is None:
        due = apply(row.before, row.requested, cap_left=None)
        if row.applied != due:
            yield f"applies {row.applied:+d} of {row.requested:+d}, where {due:+d} was due"
    elif not 0 <= row.applied <= row.requested:
        yield f"applies {row.applied:+d} of {row.requested:+d}"
