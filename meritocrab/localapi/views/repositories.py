"""Repositories and their rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from peewee import fn

from meritocrab.core.names import ActionState, EvaluationState, EventState
from meritocrab.core.policy import POLICY_FILE_NAME, Policy
from meritocrab.errors import PolicyError
from meritocrab.localapi import protocol as p
from meritocrab.localapi.host import Host
from meritocrab.localapi.views import parts
from meritocrab.store import policies
from meritocrab.store.models import (
    ContributorRow,
    EvaluationRow,
    EventRow,
    OutboxRow,
    PullRequestRow,
    Read,
    Repository,
)
from meritocrab.store.pull_requests import HELD


def everything(host: Host) -> p.RepositoryList:
    """All repositories: those watched now first, by name."""
    rows = list(Repository.select().order_by(Repository.watched.desc(), Repository.name_key))
    return p.RepositoryList(items=_items(host, rows))


def one(host: Host, full_name: str) -> p.RepositoryItem:
    """One repository."""
    return _items(host, [parts.find_repository(full_name)])[0]


def _items(host: Host, rows: list[Repository]) -> tuple[p.RepositoryItem, ...]:
    ids = [row.github_id for row in rows if row.github_id is not None]
    counts = {
        "events_waiting": _count(EventRow, ids, EventRow.state == EventState.WAITING.value),
        "reads_waiting": _count(Read, ids, Read.source == "poll"),
        "review": _count(EvaluationRow, ids, EvaluationRow.state == EvaluationState.PENDING.value),
        "outbox_scheduled": _count(OutboxRow, ids, OutboxRow.state == ActionState.SCHEDULED.value),
        "open_held": _count(PullRequestRow, ids, _is_held()),
        "contributors": _count(ContributorRow, ids, None),
    }
    return tuple(_item(host, row, counts) for row in rows)


def _item(host: Host, row: Repository, counts: Mapping[str, dict[int, int]]) -> p.RepositoryItem:
    in_force = rules(host, row)
    fields = parts.repository_fields(row)
    fields |= {name: found.get(parts.github_id(row), 0) for name, found in counts.items()}
    return p.RepositoryItem(**fields, enforcement=in_force.enforcement if in_force is not None else None)


def _is_held() -> Any:
    table = PullRequestRow
    return (table.state == "open") & table.merged_at.is_null() & table.gate.in_(HELD)


def _count(table: Any, ids: Iterable[int], condition: Any) -> dict[int, int]:
    """How many rows each repository has, of those that meet the condition."""
    query = table.select(table.repository_id, fn.COUNT(table.repository_id)).where(
        table.repository_id.in_(list(ids))
    )
    if condition is not None:
        query = query.where(condition)
    return dict(query.group_by(table.repository_id).tuples())


def rules(host: Host, row: Repository) -> Policy | None:
    """The rules in force; None while the repository's own file was never read or does not fit the settings."""
    try:
        return policies.in_force(row, host.base_policy)
    except PolicyError:
        return None


def assumed_rules(host: Host, row: Repository) -> Policy:
    """The rules in force; the daemon's own settings while there are no others."""
    return rules(host, row) or policies.braked(policies.own_settings(row, host.base_policy), row)


def policy(host: Host, full_name: str) -> p.PolicyAnswer:
    """The rules in force, with their sources."""
    row = parts.find_repository(full_name)
    error = row.policy_error
    try:
        found = policies.in_force(row, host.base_policy)
    except PolicyError as problem:
        found, error = None, str(problem)
    in_force = found or policies.braked(policies.own_settings(row, host.base_policy), row)
    return p.PolicyAnswer(
        repository=row.full_name,
        fingerprint=in_force.fingerprint(),
        rules=in_force.rules(),
        sources=in_force.sources(),
        file=POLICY_FILE_NAME if row.policy_text is not None else None,
        read_at=row.policy_read_at if found is not None else None,
        error=error,
    )
