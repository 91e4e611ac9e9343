"""What the daemon did, or would have done, beside what maintainers did with the same pull requests.

This is what somebody looks at before enforcement is raised, so it claims nothing that the rows do not show: who closed
a pull request counts only where GitHub's events said so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from peewee import fn

from meritocrab.core import upkeep
from meritocrab.core.names import (
    ActionKind,
    ActionState,
    CreditReason,
    EvaluationState,
    EventKind,
    GateOutcome,
)
from meritocrab.localapi import protocol as p
from meritocrab.localapi.errors import ApiError
from meritocrab.localapi.host import Host
from meritocrab.localapi.protocol import Fate
from meritocrab.localapi.views import parts, repositories
from meritocrab.localapi.views.figures import REVERSING
from meritocrab.store.models import EvaluationRow, EventRow, LedgerRow, OutboxRow, PullRequestRow, Repository
from meritocrab.store.outbox import GATE

USUALLY = timedelta(days=7)
AT_ONCE = 500
"""Pull requests that one query asks about."""

REASONS, DISAGREEMENTS = 10, 100
"""How many of each are named."""

AGAINST = (ActionKind.CLOSE.value, ActionKind.LABEL.value)
"""The actions that stand for stopping a pull request; a close counts before a label."""

ONLY_WANTED = (ActionState.OBSERVED.value, ActionState.SUPERSEDED.value)
"""The states of what would have been done and was not."""

DISAGREEING = (Fate.MERGED, Fate.REOPENED)


@dataclass(frozen=True, slots=True)
class _Span:
    """Rows of one repository since a time."""

    repository: Repository
    repository_id: int
    since: datetime

    def of(self, table: Any, column: Any) -> Any:
        return (table.repository_id == self.repository_id) & (column >= self.since)


def report(host: Host, query: p.ReportQuery) -> p.ReportAnswer:
    """The whole report.

    Raises:
        ApiError: there is no such repository, or the time has not come yet.
    """
    now = host.clock()
    since = query.since or now - USUALLY
    if since > now:
        raise ApiError(p.ErrorCode.INVALID, "since: lies in the future")
    if query.repo is not None:
        rows = [parts.find_repository(query.repo)]
    else:
        rows = list(Repository.select().where(Repository.watched).order_by(Repository.name_key))
    spans = (_Span(row, parts.github_id(row), since) for row in rows)
    return p.ReportAnswer(since=since, until=now, repositories=tuple(_one(host, span) for span in spans))


def _one(host: Host, span: _Span) -> p.RepositoryReport:
    in_force = repositories.rules(host, span.repository)
    stopped = _stopped(span)
    pulls = _pulls(span.repository_id, stopped)
    fates = _fates(span.repository_id, pulls)
    done = {number: row.state not in ONLY_WANTED for number, row in stopped.items()}
    return p.RepositoryReport(
        name=span.repository.full_name,
        enforcement=in_force.enforcement if in_force is not None else None,
        gate=_gate(span),
        actions=_actions(span),
        reasons=_reasons(span),
        verdicts=_verdicts(span),
        stopped=Counter(fates[number] for number in fates if done[number]),
        observed=Counter(fates[number] for number in fates if not done[number]),
        admitted=_admitted(span),
        reversals=_reversals(span) | {"reopen": sum(fate is Fate.REOPENED for fate in fates.values())},
        disagreements=tuple(islice(_disagreements(host, span, stopped, pulls, fates), DISAGREEMENTS)),
    )


# ---- what the daemon did


def _gate(span: _Span) -> dict[GateOutcome, int]:
    table = PullRequestRow
    which = span.of(table, table.gate_at) & table.gate.is_null(False)
    rows: Any = table.select(table.gate, fn.COUNT(table.number)).where(which).group_by(table.gate).tuples()
    return {GateOutcome(gate): count for gate, count in rows}


def _actions(span: _Span) -> dict[ActionKind, dict[ActionState, int]]:
    table = OutboxRow
    rows: Any = (
        table.select(table.kind, table.state, fn.COUNT(table.id))
        .where(span.of(table, table.decided_at))
        .group_by(table.kind, table.state)
        .order_by(table.kind, table.state)
        .tuples()
    )
    found: dict[ActionKind, dict[ActionState, int]] = {}
    for kind, state, count in rows:
        found.setdefault(ActionKind(kind), {})[ActionState(state)] = count
    return found


def _reasons(span: _Span) -> dict[str, int]:
    table = OutboxRow
    ended = (ActionState.SUPERSEDED.value, ActionState.REFUSED.value, ActionState.CANCELLED.value)
    number = fn.COUNT(table.id)
    rows: Any = (
        table.select(table.reason, number)
        .where(span.of(table, table.decided_at) & table.state.in_(ended))
        .group_by(table.reason)
        .order_by(number.desc(), table.reason)
        .limit(REASONS)
        .tuples()
    )
    return dict(rows)


def _verdicts(span: _Span) -> dict[str, dict[EvaluationState, int]]:
    table = EvaluationRow
    parts_of_key = (table.decided_classification, table.classification, table.state)
    rows: Any = (
        table.select(*parts_of_key, fn.COUNT(table.id))
        .where(span.of(table, table.created_at))
        .group_by(*parts_of_key)
        .tuples()
    )
    found: dict[str, Counter[EvaluationState]] = {}
    for decided, judged, state, count in rows:
        found.setdefault(decided or judged or "none", Counter())[EvaluationState(state)] += count
    return {name: dict(found[name]) for name in sorted(found)}


def _stopped(span: _Span) -> dict[int, OutboxRow]:
    """The pull requests that it stopped or would have, each with the action that stands for it.

    What was superseded is not among them, as it was not wanted any more when its time came, unless it was the
    breaker that kept it back.
    """
    table = OutboxRow
    rows = table.select().where(
        span.of(table, table.decided_at)
        & table.basis.in_(GATE)
        & table.kind.in_(AGAINST)
        & ((table.state != ActionState.SUPERSEDED.value) | (table.reason == upkeep.BRAKED))
    )
    # the close, and the newest, last: it is the one that stays
    in_order = sorted(rows, key=lambda row: (-AGAINST.index(row.kind), row.id))
    return {row.number: row for row in in_order}


# ---- what became of it


def _admitted(span: _Span) -> dict[Fate, int]:
    table = PullRequestRow
    which = span.of(table, table.gate_at) & (table.gate == GateOutcome.ADMITTED.value)
    pulls = {row.number: row for row in table.select().where(which)}
    return Counter(_fates(span.repository_id, pulls).values())


def _pulls(repository_id: int, numbers: Iterable[int]) -> dict[int, PullRequestRow]:
    table = PullRequestRow
    return {
        row.number: row
        for some in _chunks(numbers)
        for row in table.select().where((table.repository_id == repository_id) & table.number.in_(some))
    }


def _fates(repository_id: int, pulls: Mapping[int, PullRequestRow]) -> dict[int, Fate]:
    closed = [number for number, row in pulls.items() if row.state != "open" and row.merged_at is None]
    closers = _closers(repository_id, closed)
    return {number: _fate(row, closers.get(number)) for number, row in pulls.items()}


def _fate(row: PullRequestRow, closer: int | None) -> Fate:
    if row.merged_at is not None:
        return Fate.MERGED
    if row.state == "open":
        return Fate.REOPENED if row.gate == GateOutcome.RELEASED.value else Fate.OPEN
    if row.closed_by_us_at is not None:
        return Fate.LEFT_CLOSED
    if closer is None:
        return Fate.UNKNOWN
    return Fate.WITHDRAWN if closer == row.author_id else Fate.CLOSED


def _closers(repository_id: int, numbers: Iterable[int]) -> dict[int, int | None]:
    """Who closed each of these last, where that was seen."""
    table = EventRow
    about = (table.repository_id == repository_id) & (table.kind == EventKind.PULL_REQUEST_CLOSED.value)
    found: dict[int, int | None] = {}
    for some in _chunks(numbers):
        closes = table.select(table.number, table.actor_id).where(about & table.number.in_(some))
        rows: Any = closes.order_by(table.occurred_at, table.id).tuples()
        found |= dict(rows)
    return found


def _chunks(numbers: Iterable[int]) -> Iterator[list[int]]:
    wanted = sorted(numbers)
    for start in range(0, len(wanted), AT_ONCE):
        yield wanted[start : start + AT_ONCE]


def _disagreements(
    host: Host,
    span: _Span,
    stopped: Mapping[int, OutboxRow],
    pulls: Mapping[int, PullRequestRow],
    fates: Mapping[int, Fate],
) -> Iterator[p.Disagreement]:
    """Newest first."""
    name = span.repository.full_name
    for number in sorted(fates, key=lambda each: (stopped[each].decided_at, each), reverse=True):
        if fates[number] in DISAGREEING:
            yield p.Disagreement(
                repository=name,
                number=number,
                title=pulls[number].title,
                link=f"{host.web_url}/{name}/pull/{number}",
                done=ActionState(stopped[number].state),
                fate=fates[number],
                decided_at=stopped[number].decided_at,
            )


def _reversals(span: _Span) -> dict[str, int]:
    """By how maintainers did it, as the figures have it."""
    table = LedgerRow
    rows: Any = (
        table.select(table.reason, fn.COUNT(table.id))
        .where(span.of(table, table.appended_at) & table.reason.in_(list(REVERSING)))
        .group_by(table.reason)
        .tuples()
    )
    found = {REVERSING[CreditReason(reason).value]: count for reason, count in rows}
    overridden = span.of(EvaluationRow, EvaluationRow.decided_at) & (
        EvaluationRow.state == EvaluationState.OVERRIDDEN.value
    )
    cancelled = span.of(OutboxRow, OutboxRow.settled_at) & (OutboxRow.state == ActionState.CANCELLED.value)
    return {
        **dict.fromkeys(REVERSING.values(), 0),
        **found,
        "verdict": EvaluationRow.select().where(overridden).count(),
        "cancel": OutboxRow.select().where(cancelled).count(),
    }
