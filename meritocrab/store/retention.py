"""Erases by age: texts go, keys, ids, numbers and codes stay, and the ledger is not touched.

A pass walks each table once in the order of its ids, so many rows at a time; every step is one short transaction.
What waits, is pending or scheduled keeps its texts whatever its age, and so does a thread that is still open.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from meritocrab.core.names import ActionKind, ActionState, EventState
from meritocrab.core.retention import Erasable
from meritocrab.store.models import (
    CallRow,
    EvaluationRow,
    EventRow,
    LedgerNote,
    LedgerRow,
    OutboxRow,
    PullRequestRow,
)
from meritocrab.store.people import SETTLED_EVALUATIONS, erase_event, erased_facts
from meritocrab.store.statements import find_all, find_one, update


@dataclass(frozen=True, slots=True)
class Place:
    """How far a pass has come: which walk, and the last id it has seen there."""

    walk: int = 0
    after: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """What one step did: `erased` rows of `kind`; `place` is where the next one begins, None at the end."""

    kind: Erasable | None
    erased: int
    place: Place | None


def step(cutoffs: Mapping[Erasable, datetime], place: Place, limit: int, *, dry_run: bool = False) -> Step:
    """Look at the next `limit` rows and erase what is too old among them; `dry_run` only counts."""
    if place.walk >= len(_WALKS):
        return Step(None, 0, None)
    walk = _WALKS[place.walk]
    cutoff = cutoffs.get(walk.kind)
    rows = walk.page(place.after, limit) if cutoff is not None else []
    old = [row for row in rows if cutoff is not None and (walk.age(row) or cutoff) < cutoff]
    erased = sum(walk.erase(row, dry_run) for row in old)
    # ids rise with time: a page without anything old is followed by none that has
    here = Place(place.walk, walk.id_of(rows[-1])) if rows and old else Place(place.walk + 1)
    return Step(walk.kind, erased, here if here.walk < len(_WALKS) else None)


@dataclass(frozen=True, slots=True)
class _Walk:
    """How one table is walked: a page of rows by id, a row's age, and what is erased of it (1 or 0 rows)."""

    kind: Erasable
    table: Any
    key: str
    age: Callable[[Any], datetime | None]
    erase: Callable[[Any, bool], int]

    def page(self, after: int, limit: int) -> list[Any]:
        key = getattr(self.table, self.key)
        return list(self.table.select().where(key > after).order_by(key).limit(limit))

    def id_of(self, row: Any) -> int:
        return int(getattr(row, self.key))


def _erase_event(row: EventRow, dry_run: bool) -> int:
    if row.state not in (EventState.HANDLED.value, EventState.RECORDED.value) or _is_live(row):
        return 0
    return int(erased_facts(row) != row.facts) if dry_run else erase_event(row, words=False)


def _is_live(row: EventRow) -> bool:
    """Whether something about this thread may still come: it is open, or somebody has to be judged."""
    pull_request = find_one(PullRequestRow, repository_id=row.repository_id, number=row.number)
    if pull_request is not None and pull_request.state == "open":
        return True
    if row.number is None:
        return False
    about = find_all(EvaluationRow, repository_id=row.repository_id, number=row.number)
    return any(evaluation.state not in SETTLED_EVALUATIONS for evaluation in about)


def _empty(row: Any, dry_run: bool, **texts: str) -> int:
    """Set these columns of a row; returns 1 if that changes anything."""
    if all(getattr(row, name) == text for name, text in texts.items()):
        return 0
    key = row._meta.primary_key.name
    return 1 if dry_run else update(type(row), texts, **{key: getattr(row, key)})


def _erase_evaluation(row: EvaluationRow, dry_run: bool) -> int:
    if row.state not in SETTLED_EVALUATIONS:
        return 0
    return _empty(row, dry_run, title="", text="", link="", reasoning="", flags="[]")


def _erase_call(row: CallRow, dry_run: bool) -> int:
    evaluation = find_one(EvaluationRow, id=row.evaluation_id)
    if evaluation is not None and evaluation.state not in SETTLED_EVALUATIONS:
        return 0
    return _empty(row, dry_run, reasoning="", raw_answer="")


def _noted_at(note: LedgerNote) -> datetime | None:
    row = find_one(LedgerRow, id=note.ledger_id)
    return row.appended_at if row is not None else None


def _erase_message(row: OutboxRow, dry_run: bool) -> int:
    if row.state == ActionState.SCHEDULED.value or row.kind != ActionKind.COMMENT.value:
        return 0
    return _empty(row, dry_run, body="")


_WALKS = (
    _Walk(Erasable.EVENT_PAYLOADS, EventRow, "id", lambda row: row.received_at, _erase_event),
    _Walk(Erasable.TEXTS, EvaluationRow, "id", lambda row: row.created_at, _erase_evaluation),
    _Walk(Erasable.TEXTS, CallRow, "id", lambda row: row.asked_at, _erase_call),
    _Walk(Erasable.NOTES, LedgerNote, "ledger_id", _noted_at, lambda row, dry: _empty(row, dry, text="")),
    _Walk(Erasable.MESSAGES, OutboxRow, "id", lambda row: row.decided_at, _erase_message),
)
