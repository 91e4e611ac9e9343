"""The outbox: actions decided and not delivered, each once by its key, and what became of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from peewee import fn

from meritocrab.core.actions import Action
from meritocrab.core.brake import Closing, Closings
from meritocrab.core.names import ActionBasis, ActionKind, ActionState
from meritocrab.core.situation import ActionView
from meritocrab.store import states
from meritocrab.store.models import OutboxRow

SETTLED = (
    ActionState.DELIVERED.value,
    ActionState.SUPERSEDED.value,
    ActionState.CANCELLED.value,
    ActionState.REFUSED.value,
    ActionState.OBSERVED.value,
)

GATE = (ActionBasis.DENIED.value, ActionBasis.BLACKLISTED.value)
"""The grounds of actions that are directed against a pull request."""


def add(repository_id: int, event_id: int, action: Action, enforcement: str, now: datetime) -> None:
    """File an action once, by its key."""
    state = ActionState.OBSERVED if action.observed else ActionState.SCHEDULED
    due_at = now + timedelta(seconds=action.delay_seconds)
    OutboxRow.insert(
        key=action.key,
        repository_id=repository_id,
        number=action.number,
        event_id=event_id,
        account_id=action.account_id,
        kind=action.kind.value,
        basis=action.basis.value,
        after_key=action.after_key,
        target_id=action.target_id,
        body=action.body,
        state=state.value,
        enforcement=enforcement,
        decided_at=now,
        not_before_at=due_at,
        next_attempt_at=due_at,
        settled_at=now if action.observed else None,
    ).on_conflict_ignore().execute()


def due(now: datetime, limit: int) -> list[OutboxRow]:
    """Scheduled actions whose time has come and whose forerunner is settled, oldest first.

    While one action about a thread is ambiguous, later ones about the same thread wait for its outcome.
    """
    forerunner = OutboxRow.alias()
    unsettled = forerunner.select().where(
        (forerunner.key == OutboxRow.after_key) & (forerunner.state == ActionState.SCHEDULED.value)
    )
    other = OutboxRow.alias()
    ambiguous = other.select().where(
        (other.repository_id == OutboxRow.repository_id)
        & (other.number == OutboxRow.number)
        & (other.id < OutboxRow.id)
        & (other.state == ActionState.SCHEDULED.value)
        & other.attempted_at.is_null(False)
    )
    return list(
        OutboxRow.select()
        .where(
            (OutboxRow.state == ActionState.SCHEDULED.value)
            & (OutboxRow.next_attempt_at <= now)
            & ~fn.EXISTS(unsettled)
            & ~fn.EXISTS(ambiguous)
        )
        .order_by(OutboxRow.next_attempt_at, OutboxRow.id)
        .limit(limit)
    )


def closings(repository_id: int, since: datetime) -> Closings:
    """What the gate closed, or announced to close, since then; attempts without an answer count."""
    about = (OutboxRow.repository_id == repository_id) & OutboxRow.basis.in_(GATE)
    recent = about & (OutboxRow.attempted_at > since)
    sent = _threads(recent & (OutboxRow.kind == ActionKind.CLOSE.value))
    told = _threads(recent & (OutboxRow.kind == ActionKind.COMMENT.value))
    unsent = _threads(
        about & (OutboxRow.kind == ActionKind.CLOSE.value) & (OutboxRow.state == ActionState.SCHEDULED.value)
    )
    return Closings(sent, (told & unsent) - sent)


def _threads(which: Any) -> frozenset[Closing]:
    """The pull requests that actions are about, and the events that decided them."""
    rows: Any = OutboxRow.select(OutboxRow.number, OutboxRow.event_id).where(which).tuples()
    return frozenset(rows)


def is_part_of_closing(row: OutboxRow) -> bool:
    """Whether this is the gate's close, or the message that announces one."""
    if row.basis not in GATE or row.kind not in (ActionKind.CLOSE.value, ActionKind.COMMENT.value):
        return False
    closes = {
        row.kind,
        *(other.kind for other in companions(row) if other.state == ActionState.SCHEDULED.value),
    }
    return ActionKind.CLOSE.value in closes


def next_due_at() -> datetime | None:
    """When the next scheduled action is due."""
    row = (
        OutboxRow.select(OutboxRow.next_attempt_at)
        .where(OutboxRow.state == ActionState.SCHEDULED.value)
        .order_by(OutboxRow.next_attempt_at)
        .first()
    )
    return row.next_attempt_at if row else None


def find(action_id: int) -> OutboxRow | None:
    """The row, or None."""
    return OutboxRow.get_or_none(OutboxRow.id == action_id)


def view(row: OutboxRow) -> ActionView:
    """The value a row stands for."""
    attempted = row.attempted_at is not None
    return ActionView(row.id, ActionKind(row.kind), row.number, ActionState(row.state), attempted)


def companions(row: OutboxRow) -> list[OutboxRow]:
    """The other actions of the same ground that the same event decided about the same thread."""
    return list(
        OutboxRow.select()
        .where(
            (OutboxRow.repository_id == row.repository_id)
            & (OutboxRow.number == row.number)
            & (OutboxRow.event_id == row.event_id)
            & (OutboxRow.basis == row.basis)
            & (OutboxRow.id != row.id)
        )
        .order_by(OutboxRow.id)
    )


def cancel(action_id: int, reason: str, now: datetime) -> None:
    """A maintainer does not want it; what was attempted is out of reach."""
    OutboxRow.update(state=ActionState.CANCELLED.value, settled_at=now, reason=reason).where(
        (OutboxRow.id == action_id)
        & (OutboxRow.state == ActionState.SCHEDULED.value)
        & OutboxRow.attempted_at.is_null()
    ).execute()


def explain(repository_id: int, reason: str) -> None:
    """Say of everything that is scheduled in a repository why it waits."""
    OutboxRow.update(reason=reason).where(
        (OutboxRow.repository_id == repository_id) & (OutboxRow.state == ActionState.SCHEDULED.value)
    ).execute()


def hurry(repository_id: int, reason: str, now: datetime) -> None:
    """What waited for this reason need not wait any more; nothing is due before its own time."""
    waiting = (
        (OutboxRow.repository_id == repository_id)
        & (OutboxRow.state == ActionState.SCHEDULED.value)
        & (OutboxRow.reason == reason)
    )
    OutboxRow.update(next_attempt_at=OutboxRow.not_before_at, reason="").where(
        waiting & (OutboxRow.not_before_at > now)
    ).execute()
    OutboxRow.update(next_attempt_at=now, reason="").where(
        waiting & (OutboxRow.not_before_at <= now)
    ).execute()


def explain_all(reason: str) -> int:
    """Say of everything that is scheduled anywhere, and has no reason to wait yet, why it does; returns how many."""
    return int(
        OutboxRow.update(reason=reason)
        .where((OutboxRow.state == ActionState.SCHEDULED.value) & (OutboxRow.reason == ""))
        .execute()
    )


def hurry_all(reason: str, now: datetime) -> int:
    """What waited anywhere for this reason need not wait any more; returns how many that were."""
    waiting = OutboxRow.select(OutboxRow.repository_id).where(
        (OutboxRow.state == ActionState.SCHEDULED.value) & (OutboxRow.reason == reason)
    )
    found = [row.repository_id for row in waiting]
    for repository_id in set(found):
        hurry(repository_id, reason, now)
    return len(found)


def mark_attempted(action_id: int, *, before_event_id: int | None, now: datetime) -> bool:
    """Commit to an attempt; False when the action is not scheduled any more."""
    return bool(
        OutboxRow.update(attempted_at=now, before_event_id=before_event_id, attempts=OutboxRow.attempts + 1)
        .where((OutboxRow.id == action_id) & (OutboxRow.state == ActionState.SCHEDULED.value))
        .execute()
    )


def settle(
    action_id: int, state: ActionState, *, now: datetime, reason: str = "", github_id: int | None = None
) -> None:
    """The action's story ends here."""
    OutboxRow.update(state=state.value, settled_at=now, reason=reason, github_id=github_id).where(
        (OutboxRow.id == action_id) & (OutboxRow.state == ActionState.SCHEDULED.value)
    ).execute()


def postpone(action_id: int, *, until: datetime, reason: str, forget_attempt: bool = False) -> None:
    """Try again later; `forget_attempt` when the attempt certainly changed nothing on GitHub."""
    values: dict[str, object] = {"next_attempt_at": until, "reason": reason}
    if forget_attempt:
        values["attempted_at"] = None
    OutboxRow.update(**values).where(
        (OutboxRow.id == action_id) & (OutboxRow.state == ActionState.SCHEDULED.value)
    ).execute()


def supersede_gate_actions(repository_id: int, number: int, reason: str, now: datetime) -> int:
    """Withdraw what the gate scheduled about a pull request, unless an attempt is already under way."""
    return int(
        OutboxRow.update(state=ActionState.SUPERSEDED.value, settled_at=now, reason=reason)
        .where(
            (OutboxRow.repository_id == repository_id)
            & (OutboxRow.number == number)
            & (OutboxRow.state == ActionState.SCHEDULED.value)
            & OutboxRow.attempted_at.is_null()
            & OutboxRow.basis.in_(GATE)
        )
        .execute()
    )


def counts() -> Mapping[str, int]:
    """Actions per state."""
    return states.count(OutboxRow)


def status_answers_on(repository_id: int, account_id: int, since: datetime) -> int:
    """How many answers to `/credit status` this person was given since then."""
    return int(
        OutboxRow.select(fn.COUNT(OutboxRow.id))
        .where(
            (OutboxRow.repository_id == repository_id)
            & (OutboxRow.account_id == account_id)
            & (OutboxRow.key.endswith("/status"))
            & (OutboxRow.decided_at >= since)
        )
        .scalar()
    )


def last_event_before_our_close(repository_id: int, number: int) -> int | None:
    """The newest issue event that was there before our last delivered close; None when we closed nothing.

    Events without a `closed` after it are older than what we did.
    """
    row = (
        OutboxRow.select(OutboxRow.before_event_id)
        .where(
            (OutboxRow.repository_id == repository_id)
            & (OutboxRow.number == number)
            & (OutboxRow.kind == ActionKind.CLOSE.value)
            & (OutboxRow.state == ActionState.DELIVERED.value)
        )
        .order_by(OutboxRow.id.desc())
        .first()
    )
    return None if row is None else row.before_event_id or 0


def was_attempted(repository_id: int, number: int, kind: ActionKind) -> bool:
    """Whether we ever tried this kind of action on this thread."""
    return bool(
        OutboxRow.select()
        .where(
            (OutboxRow.repository_id == repository_id)
            & (OutboxRow.number == number)
            & (OutboxRow.kind == kind.value)
            & OutboxRow.attempted_at.is_null(False)
        )
        .exists()
    )
