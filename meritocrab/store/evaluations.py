"""The evaluation queue: questions, leases, retries, verdicts and what a maintainer made of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from peewee import fn

from meritocrab.core.actions import EvaluationChange, EvaluationRequest
from meritocrab.core.budget import UNASKED
from meritocrab.core.evaluation import UNANSWERED
from meritocrab.core.events import Event, VerdictFacts, event_key
from meritocrab.core.names import Classification, EvaluationState, EventKind
from meritocrab.core.situation import EvaluationView
from meritocrab.core.standing import BLACKLIST_PROPOSAL
from meritocrab.store import accounts, inbox, ledger, notifications, states
from meritocrab.store.models import EvaluationRow, EventRow, LedgerRow
from meritocrab.store.statements import exists, find_all, find_one, insert_new, update


def request(repository_id: int, event_id: int, wanted: EvaluationRequest, now: datetime) -> None:
    """File a question once, by its key."""
    is_new = insert_new(
        EvaluationRow,
        key=wanted.key,
        repository_id=repository_id,
        event_id=event_id,
        account_id=wanted.account_id,
        number=wanted.number,
        subject=wanted.subject,
        state=wanted.state.value,
        reason=wanted.reason,
        spam_only=wanted.spam_only,
        digest=wanted.digest,
        title=wanted.title,
        text=wanted.text,
        link=wanted.link,
        deltas=json.dumps({name.value: delta for name, delta in wanted.deltas.items()}),
        policy=wanted.policy,
        created_at=now,
        waits_since_at=now,
        next_attempt_at=now,
    )
    if is_new and wanted.state is EvaluationState.PENDING:
        _announce(find_one(EvaluationRow, key=wanted.key), now)


def _announce(row: EvaluationRow | None, now: datetime) -> None:
    if row is not None:
        notifications.queued(row, now)


def change(wanted: EvaluationChange, now: datetime) -> None:
    """Apply a decided step."""
    if values := _changes(wanted, now):
        update(EvaluationRow, values, id=wanted.evaluation_id)
    if wanted.state is EvaluationState.PENDING:
        _announce(find(wanted.evaluation_id), now)
    elif wanted.state is EvaluationState.VOIDED:
        _pass_on(wanted.evaluation_id)
    elif wanted.state in DECIDED:
        _end_folded(wanted.evaluation_id)


def _changes(wanted: EvaluationChange, now: datetime) -> dict[str, object]:
    values: dict[str, object] = {}
    if wanted.state is not None:
        values |= {"state": wanted.state.value, "lease_until_at": None}
    if wanted.state is EvaluationState.PENDING:
        values["waits_since_at"] = now
    if wanted.reason is not None:
        values["reason"] = wanted.reason
    if wanted.spam_only is not None:
        values["spam_only"] = wanted.spam_only
    if wanted.classification is not None:
        values["decided_classification"] = wanted.classification.value
    if wanted.delta is not None:
        values["proposed_delta"] = wanted.delta
    if wanted.undecided:
        values |= {"decided_classification": None, "decided_by": "", "decided_at": None}
        values["proposed_delta"] = wanted.delta
    if wanted.decided_by:
        values |= {"decided_by": wanted.decided_by, "decided_at": now}
    return values


DECIDED = (EvaluationState.APPROVED, EvaluationState.OVERRIDDEN)


def _pass_on(evaluation_id: int) -> None:
    """The item is moot, those that wait behind it are not: the oldest of them takes its place."""
    behind = sorted(find_all(EvaluationRow, folded_into=evaluation_id), key=lambda row: int(row.id))
    waiting = [row for row in behind if row.state == EvaluationState.FOLDED.value]
    if not waiting:
        return
    first = waiting[0].id
    update(EvaluationRow, {"state": EvaluationState.PENDING.value, "folded_into": None}, id=first)
    update(EvaluationRow, {"folded_into": first}, folded_into=evaluation_id)


def _end_folded(evaluation_id: int) -> None:
    """A human decided about the item that stands for these: they count no more."""
    changes = {"state": EvaluationState.VOIDED.value, "reason": "folded"}
    update(EvaluationRow, changes, folded_into=evaluation_id, state=EvaluationState.FOLDED.value)


def is_repeated(repository_id: int, account_id: int, digest: str, key: str) -> bool:
    """Whether this person's same text was asked about before, under another key."""
    if not digest:
        return False
    about = {"repository_id": repository_id, "account_id": account_id, "digest": digest}
    return exists(EvaluationRow, unlike={"key": key}, **about)


def view(row: EvaluationRow) -> EvaluationView:
    """The value a row stands for, with how it moves credit now."""
    moves = _moves(row)
    move = _in_force(moves)
    classification = row.decided_classification or row.classification
    return EvaluationView(
        id=row.id,
        key=row.key,
        account_id=row.account_id,
        number=row.number,
        subject=row.subject,
        state=EvaluationState(row.state),
        reason=row.reason,
        spam_only=row.spam_only,
        classification=Classification(classification) if classification else None,
        proposed_delta=row.proposed_delta,
        deltas={Classification(name): delta for name, delta in json.loads(row.deltas).items()},
        judged=Classification(row.classification) if row.classification else None,
        ledger_id=move.id if move else None,
        applied=move.applied if move else 0,
        moves=len(moves),
    )


def _moves(row: EvaluationRow) -> list[LedgerRow]:
    """The rows by which this evaluation moved credit (or the flag, if it proposed that), oldest first."""
    # by their person, whose rows have an index
    rows = find_all(
        LedgerRow, evaluation_id=row.id, repository_id=row.repository_id, account_id=row.account_id
    )
    proposal = row.subject == BLACKLIST_PROPOSAL
    moved = [entry for entry in rows if entry.reverses_id is None and (proposal or entry.requested != 0)]
    return sorted(moved, key=lambda entry: int(entry.id))


def _in_force(moves: Sequence[LedgerRow]) -> LedgerRow | None:
    """The row that would have to be taken back now: a move, or what took back the taking back of it."""
    for move in reversed(moves):
        row, stands = move, True
        while (reversal := ledger.reversal_of(row)) is not None:
            row, stands = reversal, not stands
        if stands:
            return row
    return None


def find(evaluation_id: int | None) -> EvaluationRow | None:
    """The row, or None."""
    return find_one(EvaluationRow, id=evaluation_id)


def of_pull_request(repository_id: int, number: int | None) -> tuple[EvaluationView, ...]:
    """All evaluations about this pull request and its comments, oldest first."""
    rows = find_all(EvaluationRow, repository_id=repository_id, number=number)
    return tuple(view(row) for row in sorted(rows, key=lambda row: int(row.id)))


ASKABLE = (EvaluationState.QUEUED.value, EvaluationState.FAILED.value)


def claim(now: datetime, lease_until: datetime, limit: int) -> list[EvaluationRow]:
    """Take due questions for us, under a lease that frees them again if we die."""
    waiting = EvaluationRow.state.in_(ASKABLE) & (EvaluationRow.next_attempt_at <= now)
    abandoned = (EvaluationRow.state == EvaluationState.RUNNING.value) & (EvaluationRow.lease_until_at <= now)
    rows = list(
        EvaluationRow.select().where(waiting | abandoned).order_by(EvaluationRow.next_attempt_at).limit(limit)
    )
    for row in rows:
        row.state = EvaluationState.RUNNING.value
        row.lease_until_at = lease_until
        row.save()
    return rows


def release_all_leases(now: datetime) -> int:
    """At start-up no evaluation can be running: the daemon's lock is ours, so its leases are."""
    return int(
        EvaluationRow.update(state=EvaluationState.QUEUED.value, lease_until_at=None, next_attempt_at=now)
        .where(EvaluationRow.state == EvaluationState.RUNNING.value)
        .execute()
    )


def put_back(evaluation_id: int, *, until: datetime, error: str) -> None:
    """The provider did not answer: count that and ask again later, nobody is penalised."""
    EvaluationRow.update(
        state=EvaluationState.FAILED.value,
        lease_until_at=None,
        next_attempt_at=until,
        last_error=error,
        attempts=EvaluationRow.attempts + 1,
    ).where(_running(evaluation_id)).execute()


def put_off(evaluation_id: int, *, error: str) -> None:
    """Not now, although nothing failed: what came with a backfill waits for the next one."""
    EvaluationRow.update(state=EvaluationState.DEFERRED.value, lease_until_at=None, last_error=error).where(
        _running(evaluation_id)
    ).execute()


def _running(evaluation_id: int) -> Any:
    return (EvaluationRow.id == evaluation_id) & (EvaluationRow.state == EvaluationState.RUNNING.value)


def leave_to_human(
    evaluation_id: int, *, reason: str, error: str, flags: Sequence[str], now: datetime
) -> None:
    """Nobody is asked: the item waits in the review queue, behind one of the same author if there is one."""
    row = EvaluationRow.get_by_id(evaluation_id)
    if row.state != EvaluationState.RUNNING.value:
        return
    row.last_error, row.flags = error, json.dumps(list(flags))
    _queue_up(row, reason, now)


def _queue_up(row: EvaluationRow, reason: str, now: datetime) -> None:
    leader = _leader(row) if reason in UNASKED else None
    row.state = (EvaluationState.FOLDED if leader else EvaluationState.PENDING).value
    row.folded_into = leader.id if leader else None
    row.lease_until_at, row.reason, row.waits_since_at = None, reason, now
    row.save()
    if leader is None:
        _announce(row, now)


def _leader(row: EvaluationRow) -> EvaluationRow | None:
    """The item that already waits, unasked, for a contribution by the same author."""
    leader: EvaluationRow | None = (
        EvaluationRow.select()
        .where(
            (EvaluationRow.repository_id == row.repository_id)
            & (EvaluationRow.state == EvaluationState.PENDING.value)
            & (EvaluationRow.account_id == row.account_id)
            & EvaluationRow.reason.in_(sorted(UNASKED))
        )
        .order_by(EvaluationRow.id)
        .first()
    )
    return leader


def expire(before: datetime, now: datetime) -> int:
    """What waits for a human since before `before` expires and changes nothing; returns how many.

    What no provider answered in that time goes to a human; what came with a backfill waits for the next one.
    """
    _give_up_asking(before, now)
    old = (EvaluationRow.state == EvaluationState.PENDING.value) & (EvaluationRow.waits_since_at < before)
    expired = 0
    while ids := [row.id for row in EvaluationRow.select(EvaluationRow.id).where(old)]:
        for evaluation_id in ids:
            values = {"state": EvaluationState.EXPIRED.value, "decided_at": now}
            update(EvaluationRow, values, id=evaluation_id)
            _pass_on(evaluation_id)
        expired += len(ids)
    return expired


def _give_up_asking(before: datetime, now: datetime) -> None:
    old = EvaluationRow.state.in_(ASKABLE) & (EvaluationRow.waits_since_at < before)
    history = EvaluationRow.event_id.in_(EventRow.select(EventRow.id).where(EventRow.is_history))
    EvaluationRow.update(state=EvaluationState.DEFERRED.value).where(old & history).execute()
    for row in list(EvaluationRow.select().where(old).order_by(EvaluationRow.id)):
        _queue_up(row, UNANSWERED, now)


def record_verdict(
    evaluation_id: int, facts: VerdictFacts, model: str, flags: Sequence[str], now: datetime
) -> bool:
    """Store the answer and file it as an event, together; False when the question is not ours any more."""
    row = EvaluationRow.get_by_id(evaluation_id)
    if row.state != EvaluationState.RUNNING.value:
        return False
    row.flags = json.dumps(list(flags))
    row.state = EvaluationState.JUDGED.value
    row.lease_until_at = None
    row.provider, row.model = facts.provider, model
    row.classification = facts.classification.value if facts.classification else None
    row.confidence, row.reasoning = facts.confidence, facts.reasoning
    row.last_error = ""
    row.save()
    verdict = Event(
        key=event_key(row.repository_id, EventKind.VERDICT_REACHED, row.key),
        repository_id=row.repository_id,
        kind=EventKind.VERDICT_REACHED,
        occurred_at=now,
        facts=facts,
        number=row.number,
        author=accounts.find(row.account_id),
    )
    inbox.receive([verdict], source="evaluator", now=now)
    return True


def next_due_at() -> datetime | None:
    """When the next question is due."""
    row = (
        EvaluationRow.select(EvaluationRow.next_attempt_at)
        .where(EvaluationRow.state.in_(ASKABLE))
        .order_by(EvaluationRow.next_attempt_at)
        .first()
    )
    return row.next_attempt_at if row else None


def take_up_deferred(repository_id: int, limit: int, now: datetime) -> int:
    """Queue up to `limit` recorded questions of this repository, oldest first; returns how many."""
    ids = [
        row.id
        for row in EvaluationRow.select(EvaluationRow.id)
        .where(
            (EvaluationRow.repository_id == repository_id)
            & (EvaluationRow.state == EvaluationState.DEFERRED.value)
        )
        .order_by(EvaluationRow.id)
        .limit(limit)
    ]
    if ids:
        queued = {"state": EvaluationState.QUEUED.value, "next_attempt_at": now, "waits_since_at": now}
        EvaluationRow.update(**queued).where(EvaluationRow.id.in_(ids)).execute()
    return len(ids)


def earlier_by(repository_id: int, account_id: int, before_id: int) -> int:
    """How many questions there were about this person before this one."""
    return int(
        EvaluationRow.select(fn.COUNT(EvaluationRow.id))
        .where(
            (EvaluationRow.repository_id == repository_id)
            & (EvaluationRow.account_id == account_id)
            & (EvaluationRow.id < before_id)
        )
        .scalar()
    )


def counts() -> Mapping[str, int]:
    """Evaluations per state."""
    return states.count(EvaluationRow)
