"""Evaluations: the review queue, and what deciding an item would do."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from meritocrab.core import ledger, review, standing
from meritocrab.core.actions import Actor, Decision, EvaluationRequest
from meritocrab.core.budget import MICROS
from meritocrab.core.names import ActorKind, Classification, EvaluationState, GateOutcome, Role
from meritocrab.core.permissions import is_privileged
from meritocrab.core.policy import Policy
from meritocrab.core.scoring import can_move
from meritocrab.core.situation import Contributor, EvaluationView
from meritocrab.localapi import protocol as p
from meritocrab.localapi.errors import not_found
from meritocrab.localapi.host import Host
from meritocrab.localapi.views import deciding, parts, repositories
from meritocrab.store import accounts, calls, evaluations, pull_requests
from meritocrab.store import ledger as ledger_rows
from meritocrab.store import repositories as repository_rows
from meritocrab.store.models import EPOCH, CallRow, EvaluationRow, Repository

HISTORY = 20
SOMEBODY = Actor(ActorKind.LOCAL, 0, "")


def listing(host: Host, full_name: str | None, query: p.EvaluationQuery) -> p.Page[p.EvaluationItem]:
    """One page, of one repository or of all."""
    rows = EvaluationRow.select()
    if full_name is not None:
        row = parts.find_repository(full_name)
        rows = rows.where(EvaluationRow.repository_id == parts.github_id(row))
    if query.status is not None:
        rows = rows.where(EvaluationRow.state == query.status.value)
    oldest = query.sort is p.EvaluationSort.OLDEST
    name = f"evaluations/{query.sort}/{query.status}/{full_name}"
    shown, following = parts.newest_first(rows, EvaluationRow, name, query, oldest=oldest)
    return p.Page(total=parts.count(rows), items=items(host, shown), next=following)


def items(host: Host, rows: list[EvaluationRow]) -> tuple[p.EvaluationItem, ...]:
    """Rows as answers."""
    ids = {row.repository_id for row in rows}
    found = Repository.select().where(Repository.github_id.in_(sorted(ids)))
    starts = {row.github_id: repositories.assumed_rules(host, row).starting_credit for row in found}
    return parts.evaluation_items(rows, starts)


def find(full_name: str, evaluation_id: int) -> tuple[Repository, EvaluationRow]:
    """An evaluation of this repository.

    Raises:
        ApiError: there is no such one.
    """
    repository = parts.find_repository(full_name)
    row = evaluations.find(evaluation_id)
    if row is None or row.repository_id != repository.github_id:
        raise not_found(f"there is no evaluation {evaluation_id} in {repository.full_name}")
    return repository, row


def _find_anywhere(evaluation_id: int) -> tuple[Repository, EvaluationRow]:
    """The evaluation with this id, of whichever repository: no two of any have the same."""
    row = evaluations.find(evaluation_id)
    repository = repository_rows.find_by_id(row.repository_id) if row is not None else None
    if row is None or repository is None:
        raise not_found(f"there is no evaluation {evaluation_id}")
    return repository, row


def one(host: Host, full_name: str | None, evaluation_id: int) -> p.EvaluationDetail:
    """All about one evaluation, of this repository or of whichever has it."""
    repository, row = _find_anywhere(evaluation_id) if full_name is None else find(full_name, evaluation_id)
    policy = repositories.assumed_rules(host, repository)
    person = _person(repository, row, policy)
    view, now = evaluations.view(row), host.github_now(repository.access)
    names = {row.repository_id: repository.full_name}
    people = parts.People([row.account_id])
    history = ledger_rows.rows_for(row.repository_id, row.account_id, HISTORY)
    reason = deciding.reasons([row]).get(row.id, "")
    return p.EvaluationDetail(
        **parts.evaluation_fields(row, names, people, (person.credit, person.blacklisted), reason),
        text=row.text,
        role=accounts.cached_role(row.repository_id, row.account_id, EPOCH),
        pr_threshold=policy.pr_threshold,
        blacklist_threshold=policy.blacklist_threshold,
        moves_credit=can_move(person, policy),
        approve=_approval(view, person, policy, now),
        forecasts=_forecasts(view, person, policy, now),
        folded=parts.count(EvaluationRow.select().where(EvaluationRow.folded_into == row.id)),
        calls=tuple(_call(each) for each in calls.of_evaluation(row.id)),
        earlier=evaluations.earlier_by(row.repository_id, row.account_id, row.id),
        history=parts.ledger_items(history),
    )


def _call(row: CallRow) -> p.CallItem:
    return p.CallItem(
        asked_at=row.asked_at,
        opinion=row.opinion,
        provider=row.provider,
        model=row.model,
        prompt_version=row.prompt_version,
        outcome=row.outcome,
        classification=Classification(row.classification) if row.classification else None,
        confidence=row.confidence,
        reasoning=row.reasoning,
        raw_answer=row.raw_answer,
        input_tokens=row.input_tokens,
        output_tokens=row.output_tokens,
        cost=None if row.cost_micros is None else row.cost_micros / MICROS,
        latency_seconds=None if row.latency_ms is None else row.latency_ms / 1000,
    )


def _person(repository: Repository, row: EvaluationRow, policy: Policy) -> Contributor:
    account = accounts.find(row.account_id)
    assert account is not None  # noqa: S101 - accounts are remembered with the first event that names them
    known = ledger_rows.find_contributor(row.repository_id, row.account_id)
    return Contributor(
        account=account,
        role=accounts.cached_role(row.repository_id, row.account_id, EPOCH) or Role.NONE,
        credit=known.credit if known else policy.starting_credit,
        blacklisted=bool(known and known.blacklisted),
        held=pull_requests.held_of(row.repository_id, row.account_id, repository.full_name),
    )


def _approval(view: EvaluationView, person: Contributor, policy: Policy, now: datetime) -> p.Forecast | None:
    if view.state is not EvaluationState.PENDING:
        return None
    if view.subject == standing.BLACKLIST_PROPOSAL:
        blacklists = not person.blacklisted and not is_privileged(person.role, policy)
        return _result(person, policy, 0, 0, person.credit, Decision(), blacklists=blacklists)
    return _forecast(view, person, policy, now, view.proposed_delta or 0)


def _forecasts(
    view: EvaluationView, person: Contributor, policy: Policy, now: datetime
) -> dict[Classification, p.Forecast]:
    if view.state is not EvaluationState.PENDING or view.subject == standing.BLACKLIST_PROPOSAL:
        return {}
    return {name: _forecast(view, person, policy, now, delta) for name, delta in view.deltas.items()}


def _forecast(
    view: EvaluationView, person: Contributor, policy: Policy, now: datetime, delta: int
) -> p.Forecast:
    """Decided as it would be, on what is known now, and then only shown."""
    if not delta or not can_move(person, policy):
        return _result(person, policy, delta, 0, person.credit, Decision())
    event = review.verdict_credit(view, delta, SOMEBODY)
    applied = ledger.apply(person.credit, delta, cap_left=_cap_left(event.capped, person, view, policy, now))
    event = review.verdict_credit(view, applied, SOMEBODY)
    after, decision = standing.change(person, event, policy, now)
    blacklists = after.blacklisted and not person.blacklisted
    return _result(person, policy, delta, applied, after.credit, decision, blacklists=blacklists)


def _cap_left(
    capped: bool, person: Contributor, view: EvaluationView, policy: Policy, now: datetime
) -> int | None:
    if not capped:
        return None
    row = evaluations.find(view.id)
    assert row is not None  # noqa: S101 - the view is this row's
    return policy.earn_daily_cap - ledger_rows.earned_on(
        row.repository_id, person.account.id, ledger_rows.day_of(now)
    )


def _result(
    person: Contributor,
    policy: Policy,
    delta: int,
    applied: int,
    after: int,
    decision: Decision,
    *,
    blacklists: bool = False,
) -> p.Forecast:
    released = [change.number for change in decision.pull_requests if change.gate is GateOutcome.RELEASED]
    proposals: list[Any] = [step for step in decision.evaluations if isinstance(step, EvaluationRequest)]
    return p.Forecast(
        delta=delta,
        applied=applied,
        credit_after=after,
        blacklists=blacklists,
        proposes_blacklist=bool(proposals),
        below_threshold=after < policy.pr_threshold and can_move(person, policy),
        reopens=tuple(released),
    )
