"""Rows as answers, many at a time: names, verdicts and reversals of a page are looked up once for all of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from peewee import SQL, Tuple, fn

from meritocrab.core.names import (
    ActionBasis,
    ActionKind,
    ActionState,
    ActorKind,
    Classification,
    CreditReason,
    Enforcement,
    EvaluationState,
    EventKind,
    EventState,
    GateOutcome,
    RepositoryState,
)
from meritocrab.localapi import protocol as p
from meritocrab.localapi.errors import not_found
from meritocrab.localapi.pages import decode_cursor, encode_cursor
from meritocrab.localapi.views import deciding
from meritocrab.localapi.words import actor_words, reason_words
from meritocrab.store import repositories
from meritocrab.store.models import (
    EPOCH,
    AccountRow,
    ContributorRow,
    EvaluationRow,
    EventRow,
    LedgerNote,
    LedgerRow,
    OutboxRow,
    PullRequestRow,
    Repository,
)

EXCERPT = 200
"""Characters of a text that a list shows."""


def millis(moment: Any) -> int:
    """A time as the database stores it."""
    return int((moment - EPOCH) // timedelta(milliseconds=1))


# ---- names


def find_repository(full_name: str) -> Repository:
    """The repository of this name, in any case, or by a former one.

    Raises:
        ApiError: there is none.
    """
    row = repositories.find(full_name)
    if row is None:
        raise not_found(
            f"there is no repository {full_name}; `meritocrab repo list` shows those that there are"
        )
    return row


def github_id(row: Repository) -> int:
    """GitHub's id; for a repository that GitHub never answered for, one that no row has."""
    return row.github_id if row.github_id is not None else 0


def repository_names(ids: Iterable[int]) -> dict[int, str]:
    """Names by GitHub's id."""
    wanted = sorted(set(ids))
    rows = Repository.select(Repository.github_id, Repository.full_name).where(
        Repository.github_id.in_(wanted)
    )
    found = {row.github_id: row.full_name for row in rows}
    return {wanted_id: found.get(wanted_id, f"id:{wanted_id}") for wanted_id in wanted}


class People:
    """The accounts that some rows name."""

    def __init__(self, ids: Iterable[int | None]) -> None:
        wanted = sorted({account_id for account_id in ids if account_id is not None})
        rows = AccountRow.select(AccountRow.id, AccountRow.login).where(AccountRow.id.in_(wanted))
        self._logins = {row.id: row.login for row in rows}

    def get(self, account_id: int) -> p.Person:
        """The account; by its id where no name is known."""
        return p.Person(id=account_id, login=self._logins.get(account_id) or f"id:{account_id}")

    def find(self, account_id: int | None) -> p.Person | None:
        """The account, or None for none."""
        return self.get(account_id) if account_id is not None else None


# ---- pages


def count(query: Any) -> int:
    """How many rows a query has."""
    return int(query.columns(fn.COUNT(SQL("1"))).scalar() or 0)


def newest_first(
    query: Any, table: Any, listing: str, page: p.PageQuery, *, oldest: bool = False
) -> tuple[list[Any], str | None]:
    """The rows of one page in the order of their ids, and the cursor of the next."""
    if page.cursor is not None:
        (last,) = decode_cursor(listing, page.cursor, (int,))
        query = query.where(table.id > last if oldest else table.id < last)
    order = table.id.asc() if oldest else table.id.desc()
    rows = list(query.order_by(order).limit(page.limit + 1))
    shown = rows[: page.limit]
    more = len(rows) > page.limit
    return shown, encode_cursor(listing, [shown[-1].id]) if more else None


# ---- ledger


def ledger_items(rows: Sequence[LedgerRow]) -> tuple[p.LedgerItem, ...]:
    """Ledger rows with names, reasons and actors in words."""
    names = repository_names(row.repository_id for row in rows)
    github_actors = [row.actor_id for row in rows if row.actor_kind == ActorKind.GITHUB.value]
    people = People([*(row.account_id for row in rows), *github_actors])
    ids = [row.id for row in rows]
    notes = {note.ledger_id: note for note in LedgerNote.select().where(LedgerNote.ledger_id.in_(ids))}
    judged = _verdicts(row.evaluation_id for row in rows)
    undone = _undone_by(rows)
    return tuple(
        _ledger_item(row, names, people, notes.get(row.id), judged.get(row.evaluation_id), undone.get(row.id))
        for row in rows
    )


def _ledger_item(
    row: LedgerRow,
    names: dict[int, str],
    people: People,
    note: LedgerNote | None,
    judged: Classification | None,
    undone_by: int | None,
) -> p.LedgerItem:
    actor, reason = _actor(row, people, note), CreditReason(row.reason)
    words = reason_words(
        reason,
        number=row.number,
        reverses_id=row.reverses_id,
        judged=judged,
        automatic=actor.kind is ActorKind.SYSTEM,
    )
    return p.LedgerItem(
        id=row.id,
        repository=names[row.repository_id],
        account=people.get(row.account_id),
        reason=reason,
        words=words,
        requested=row.requested,
        applied=row.applied,
        before=row.before,
        after=row.after,
        blacklisted=row.blacklisted,
        actor=actor,
        text=note.text if note is not None else "",
        number=row.number,
        event_id=row.event_id,
        evaluation_id=row.evaluation_id,
        reverses_id=row.reverses_id,
        undone_by_id=undone_by,
        enforcement=Enforcement(row.enforcement),
        occurred_at=row.occurred_at,
        appended_at=row.appended_at,
    )


def _actor(row: LedgerRow, people: People, note: LedgerNote | None) -> p.ActorView:
    kind = ActorKind(row.actor_kind)
    login = people.get(row.actor_id).login if kind is ActorKind.GITHUB and row.actor_id is not None else "?"
    local_name = (note.actor_name if note is not None else "") or f"uid {row.actor_id}"
    return p.ActorView(kind=kind, id=row.actor_id, words=actor_words(kind, login, local_name))


def _verdicts(ids: Iterable[int | None]) -> dict[int | None, Classification]:
    wanted = sorted({evaluation_id for evaluation_id in ids if evaluation_id is not None})
    table = EvaluationRow
    rows = table.select(table.id, table.decided_classification, table.classification).where(
        table.id.in_(wanted)
    )
    found = {row.id: row.decided_classification or row.classification for row in rows}
    return {row_id: Classification(name) for row_id, name in found.items() if name}


def _undone_by(rows: Sequence[LedgerRow]) -> dict[int | None, int]:
    """Which row took each of these back; asked by person, whose rows have an index."""
    people = sorted({(row.repository_id, row.account_id) for row in rows})
    if not people:
        return {}
    by_person = [
        (LedgerRow.repository_id == repository_id) & (LedgerRow.account_id == account_id)
        for repository_id, account_id in people
    ]
    condition = by_person[0]
    for other in by_person[1:]:
        condition |= other
    reversals = LedgerRow.select(LedgerRow.id, LedgerRow.reverses_id).where(
        condition & LedgerRow.reverses_id.in_([row.id for row in rows])
    )
    return {row.reverses_id: row.id for row in reversals}


# ---- evaluations


def evaluation_fields(
    row: EvaluationRow, names: dict[int, str], people: People, standing: Any, reason: str
) -> dict[str, Any]:
    """What a list shows of an evaluation; `standing` is the author's (credit, blacklisted)."""
    credit, blacklisted = standing
    return {
        "id": row.id,
        "repository": names[row.repository_id],
        "number": row.number,
        "subject": row.subject,
        "status": EvaluationState(row.state),
        "reason": row.reason,
        "spam_only": row.spam_only,
        "author": people.get(row.account_id),
        "title": row.title,
        "excerpt": row.text[:EXCERPT],
        "link": row.link,
        "created_at": row.created_at,
        "provider": row.provider,
        "model": row.model,
        "classification": row.classification,
        "confidence": row.confidence,
        "reasoning": row.reasoning,
        "flags": tuple(str(flag) for flag in json.loads(row.flags)),
        "deltas": {Classification(name): delta for name, delta in json.loads(row.deltas).items()},
        "policy": row.policy,
        "proposed_delta": row.proposed_delta,
        "decided_classification": row.decided_classification,
        "decided_by": row.decided_by,
        "decided_at": row.decided_at,
        "decided_reason": reason,
        "last_error": row.last_error,
        "credit": credit,
        "blacklisted": blacklisted,
    }


def evaluation_items(
    rows: Sequence[EvaluationRow], starting_credit: Mapping[int | None, int]
) -> tuple[p.EvaluationItem, ...]:
    """Evaluations with their authors; `starting_credit` is by repository, for authors without a ledger."""
    names = repository_names(row.repository_id for row in rows)
    people = People(row.account_id for row in rows)
    standings = standings_of((row.repository_id, row.account_id) for row in rows)
    reasons = deciding.reasons(rows)
    items = []
    for row in rows:
        newcomer = (starting_credit.get(row.repository_id, 0), False)
        standing = standings.get((row.repository_id, row.account_id), newcomer)
        fields = evaluation_fields(row, names, people, standing, reasons.get(row.id, ""))
        items.append(p.EvaluationItem(**fields))
    return tuple(items)


def standings_of(people: Iterable[tuple[int, int]]) -> dict[tuple[int, int], tuple[int, bool]]:
    """Credit and blacklist flag by (repository, account)."""
    wanted = sorted(set(people))
    if not wanted:
        return {}
    table = ContributorRow
    key = (table.repository_id, table.account_id)
    rows = table.select(*key, table.credit, table.blacklisted).where(
        Tuple(*key).in_([Tuple(*person) for person in wanted])
    )
    return {(row.repository_id, row.account_id): (row.credit, row.blacklisted) for row in rows}


# ---- inbox, outbox, pull requests, repositories


def event_items(rows: Sequence[EventRow]) -> tuple[p.EventItem, ...]:
    """Events with the people they name."""
    names = repository_names(row.repository_id for row in rows)
    people = People(account_id for row in rows for account_id in (row.author_id, row.actor_id))
    return tuple(
        p.EventItem(
            id=row.id,
            repository=names[row.repository_id],
            kind=EventKind(row.kind),
            number=row.number,
            author=people.find(row.author_id),
            actor=people.find(row.actor_id),
            occurred_at=row.occurred_at,
            received_at=row.received_at,
            is_history=row.is_history,
            source=row.source,
            state=EventState(row.state),
            attempts=row.attempts,
            next_attempt_at=row.next_attempt_at,
            last_error=row.last_error,
            handled_at=row.handled_at,
            enforcement=Enforcement(row.enforcement) if row.enforcement else None,
            note=row.note,
            **_act(row),
        )
        for row in rows
    )


def _act(row: EventRow) -> dict[str, str]:
    """Which act of whom an event is, and why; nothing for others, and where its facts were erased."""
    facts = deciding.act_facts(row)
    if "act" not in facts or "user" not in facts:
        return {}
    return {
        "act": str(facts["act"]),
        "by": f"local:{facts['user']}",
        "reason": str(facts.get("reason", "")),
    }


def action_items(rows: Sequence[OutboxRow]) -> tuple[p.ActionItem, ...]:
    """Actions with the people they are about."""
    names = repository_names(row.repository_id for row in rows)
    people = People(row.account_id for row in rows)
    return tuple(
        p.ActionItem(
            id=row.id,
            repository=names[row.repository_id],
            number=row.number,
            kind=ActionKind(row.kind),
            basis=ActionBasis(row.basis),
            state=ActionState(row.state),
            account=people.find(row.account_id),
            body=row.body,
            enforcement=Enforcement(row.enforcement),
            decided_at=row.decided_at,
            not_before_at=row.not_before_at,
            next_attempt_at=row.next_attempt_at,
            attempts=row.attempts,
            attempted_at=row.attempted_at,
            settled_at=row.settled_at,
            reason=row.reason,
            cancellable=row.state == ActionState.SCHEDULED.value and row.attempted_at is None,
        )
        for row in rows
    )


def pull_request_item(row: PullRequestRow, full_name: str) -> p.PullRequestItem:
    """A pull request as last seen."""
    return p.PullRequestItem(
        number=row.number,
        title=row.title,
        state=row.state,
        draft=row.draft,
        merged=row.merged_at is not None,
        gate=GateOutcome(row.gate) if row.gate else None,
        created_at=row.created_at,
        link=f"{full_name}#{row.number}",
        closed_by_us_at=row.closed_by_us_at,
        touched_by_maintainer=row.touched_by_maintainer,
        withdrawn=row.withdrawn,
    )


def repository_fields(row: Repository) -> dict[str, Any]:
    """The columns of a repository that a maintainer is shown."""
    return {
        "name": row.full_name,
        "id": row.github_id,
        "state": RepositoryState(row.state),
        "detail": row.detail,
        "state_since": row.state_since_at,
        "watched": row.watched,
        "paused": row.paused,
        "credential": row.access,
        "default_branch": row.default_branch,
        "archived": row.archived,
        "baseline_at": row.baseline_at,
        "last_poll_at": row.last_poll_at,
        "next_poll_at": row.next_poll_at,
        "last_news_at": row.last_news_at,
        "interval_seconds": row.interval_seconds,
        "errors_in_row": row.errors_in_row,
        "last_error": row.last_error,
        "last_error_at": row.last_error_at,
        "policy_error": row.policy_error,
        "braked_at": row.braked_at,
        "brake_reason": row.brake_reason,
    }
