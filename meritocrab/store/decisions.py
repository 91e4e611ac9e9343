"""Applies a decision: every change it names, in the transaction that also marks the event handled."""

from __future__ import annotations

from datetime import datetime

from meritocrab.core import upkeep
from meritocrab.core.actions import CreditEvent, Decision, EvaluationRequest, RepositoryChange
from meritocrab.core.events import CommentFacts, Event
from meritocrab.core.names import EventKind
from meritocrab.core.scoring import can_move
from meritocrab.core.situation import Contributor
from meritocrab.store import evaluations, inbox, ledger, outbox, pull_requests, repositories
from meritocrab.store.situations import Subject


def open_author(about: Subject, author: Contributor | None, now: datetime) -> None:
    """Everyone whose credit can move gets a ledger with their first contribution: the opening balance."""
    event = about.event
    if event.author is None or not can_move(author, about.policy) or not _is_contribution(event):
        return
    ledger.open_contributor(
        event.repository_id,
        event.author.id,
        about.policy.starting_credit,
        now,
        enforcement=about.policy.enforcement,
        occurred_at=event.occurred_at,
    )


def _is_contribution(event: Event) -> bool:
    if isinstance(event.facts, CommentFacts):
        return event.facts.on_pull_request
    return event.kind not in (EventKind.VERDICT_REACHED, EventKind.OPERATOR_ACTED)


def apply(about: Subject, decision: Decision, now: datetime) -> None:
    """Write the decision and finish its event."""
    event, row, policy = about.event, about.row, about.policy
    for credit in decision.credit_events:
        _append(about, credit, now)
    for step in decision.evaluations:
        if isinstance(step, EvaluationRequest):
            evaluations.request(event.repository_id, row.id, step, now)
        else:
            evaluations.change(step, now)
    for change in decision.pull_requests:
        pull_requests.change(event.repository_id, change, now)
    for cancellation in decision.cancellations:
        outbox.supersede_gate_actions(event.repository_id, cancellation.number, cancellation.reason, now)
    for action in decision.actions:
        outbox.add(event.repository_id, row.id, action, policy.enforcement.value, now)
    for unwanted in decision.cancelled_actions:
        outbox.cancel(unwanted.action_id, unwanted.reason, now)
    for wish in decision.repositories:
        _change_repository(about, wish, now)
    words = "; ".join(decision.notes)
    noted = f"{inbox.REFUSED}{words}" if decision.refused else words
    inbox.finish(row.id, enforcement=policy.enforcement.value, note=noted, now=now)


def _change_repository(about: Subject, wish: RepositoryChange, now: datetime) -> None:
    """A resumed repository is polled at once, and what waited for that goes on."""
    repository, github_id = about.repository, about.event.repository_id
    if wish.paused is not None:
        repositories.update(repository.id, paused=wish.paused)
    if wish.paused:
        outbox.explain(github_id, upkeep.PAUSED)
    if wish.paused is False:
        outbox.hurry(github_id, upkeep.PAUSED, now)
    if wish.released:
        repositories.release(repository.id, now)
    if wish.poll_now or wish.paused is False:
        repositories.update(repository.id, next_poll_at=now)
        repositories.hurry_reads(github_id, "poll", now)
        inbox.hurry(github_id, now)


def _append(about: Subject, credit: CreditEvent, now: datetime) -> None:
    event, policy = about.event, about.policy
    ledger.open_contributor(
        event.repository_id,
        credit.account_id,
        policy.starting_credit,
        now,
        enforcement=policy.enforcement,
        occurred_at=event.occurred_at,
    )
    ledger.append(
        key=credit.key,
        repository_id=event.repository_id,
        account_id=credit.account_id,
        requested=credit.requested,
        reason=credit.reason,
        now=now,
        occurred_at=event.occurred_at,
        enforcement=policy.enforcement,
        event_id=about.row.id,
        evaluation_id=credit.evaluation_id,
        reverses_id=credit.reverses_id,
        number=credit.number,
        cap=policy.earn_daily_cap if credit.capped else None,
        cap_day=credit.cap_day,
        set_blacklisted=credit.set_blacklisted,
        actor_kind=credit.actor.kind,
        actor_id=credit.actor.id,
        actor_name=credit.actor.name if credit.actor.id is None or credit.actor.kind == "local" else "",
        text=credit.text,
    )
