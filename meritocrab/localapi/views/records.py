"""What happened and what is to happen: inbox, activity, outbox, and the chain of one decision."""

from __future__ import annotations

from collections.abc import Iterable

from meritocrab.core.names import ActorKind, CreditReason, EventState
from meritocrab.core.policy import Policy
from meritocrab.localapi import protocol as p
from meritocrab.localapi.errors import not_found
from meritocrab.localapi.host import Host
from meritocrab.localapi.views import contributors, deciding, evaluations, parts, repositories
from meritocrab.store import pull_requests
from meritocrab.store.models import (
    ContributorRow,
    EvaluationRow,
    EventRow,
    LedgerRow,
    OutboxRow,
)

MATTERING = (
    "enforcement",
    "pr_threshold",
    "starting_credit",
    "blacklist_threshold",
    "blacklist.automatic",
    "llm.confidence",
    "earn_daily_cap",
    "roles.privileged",
)
"""The rules that decide about a pull request, besides the scores."""

SCORES = ("pr_opened", "comment", "pr_merged", "review_submitted")

AT_MOST = 500
"""Rows of each kind in one chain."""


def events(_host: Host, full_name: str, query: p.EventQuery) -> p.Page[p.EventItem]:
    """One page of a repository's inbox, newest first."""
    repository_id = parts.github_id(parts.find_repository(full_name))
    counted = EventRow.select().where(EventRow.repository_id == repository_id)
    # most events are of these states: a sum has no index, so that the newest are found by walking back over the ids
    common = query.state in (None, EventState.HANDLED, EventState.RECORDED)
    walked = EventRow.select().where((EventRow.repository_id + 0) == repository_id) if common else counted
    if query.state is not None:
        counted = counted.where(EventRow.state == query.state.value)
        walked = walked.where(EventRow.state == query.state.value)
    name = f"events/{query.state}/{repository_id}"
    shown, following = parts.newest_first(walked, EventRow, name, query)
    return p.Page(total=parts.count(counted), items=parts.event_items(shown), next=following)


def activity(_host: Host, query: p.ActivityQuery) -> p.Page[p.LedgerItem]:
    """One page of the changes of credit, newest first; opening balances change nothing and are left out."""
    rows = LedgerRow.select().where(LedgerRow.reason != CreditReason.OPENING.value)
    changes, people = LedgerRow.select(), ContributorRow.select()
    if query.repo is not None:
        repository_id = parts.github_id(parts.find_repository(query.repo))
        # a sum has no index, so that the newest are found by walking back over the ids, not by sorting all of them
        rows = rows.where((LedgerRow.repository_id + 0) == repository_id)
        changes = changes.where(LedgerRow.repository_id == repository_id)
        people = people.where(ContributorRow.repository_id == repository_id)
    shown, following = parts.newest_first(rows, LedgerRow, f"activity/{query.repo}", query)
    # everybody has one opening balance, so that both counts need an index only
    total = parts.count(changes) - parts.count(people)
    return p.Page(total=total, items=parts.ledger_items(shown), next=following)


def outbox(_host: Host, query: p.OutboxQuery) -> p.Page[p.ActionItem]:
    """One page of the outbox, newest first."""
    rows = OutboxRow.select()
    if query.repo is not None:
        repository_id = parts.github_id(parts.find_repository(query.repo))
        rows = rows.where(OutboxRow.repository_id == repository_id)
    if query.state is not None:
        rows = rows.where(OutboxRow.state == query.state.value)
    shown, following = parts.newest_first(rows, OutboxRow, f"outbox/{query.state}/{query.repo}", query)
    return p.Page(total=parts.count(rows), items=parts.action_items(shown), next=following)


# ---- why


def why(host: Host, full_name: str, number: int) -> p.WhyAnswer:
    """The chain of decisions about one thread.

    Raises:
        ApiError: nothing is known about it.
    """
    repository = parts.find_repository(full_name)
    repository_id = parts.github_id(repository)
    received = _about(EventRow, repository_id, number)
    judged = _about(EvaluationRow, repository_id, number)
    acted = _about(OutboxRow, repository_id, number)
    pull = pull_requests.find_row(repository_id, number)
    if pull is None and not received:
        raise not_found(f"nothing is known about {repository.full_name}#{number}")
    author_id = pull.author_id if pull is not None else None
    people = {author_id, *(row.author_id for row in received), *(row.account_id for row in judged)}
    credited = _ledger_about(repository_id, number, people)
    known = {row.id for row in received}
    rules = repositories.assumed_rules(host, repository)
    acts = {
        row.id: row for row in (*_acts_behind(credited), *deciding.acts_on(judged)) if row.id not in known
    }
    return p.WhyAnswer(
        repository=repository.full_name,
        number=number,
        pull_request=parts.pull_request_item(pull, repository.full_name) if pull is not None else None,
        author=contributors.contributor_item(repository, author_id) if author_id is not None else None,
        gate_at=pull.gate_at if pull is not None else None,
        policy=_mattering(rules),
        fingerprint=rules.fingerprint(),
        events=parts.event_items(sorted([*received, *acts.values()], key=lambda row: int(row.id))),
        evaluations=evaluations.items(host, judged),
        ledger=parts.ledger_items(credited),
        actions=parts.action_items(acted),
    )


def _about(table: type, repository_id: int, number: int) -> list:  # type: ignore[type-arg]
    rows = table.select().where((table.repository_id == repository_id) & (table.number == number))  # type: ignore[attr-defined]
    return list(rows.order_by(table.id).limit(AT_MOST))  # type: ignore[attr-defined]


def _ledger_about(repository_id: int, number: int, people: Iterable[int | None]) -> list[LedgerRow]:
    """Rows about this thread and what took them back; asked by person, whose rows have an index."""
    wanted = sorted({account_id for account_id in people if account_id is not None})
    theirs = LedgerRow.select().where(
        (LedgerRow.repository_id == repository_id) & LedgerRow.account_id.in_(wanted)
    )
    rows = list(theirs.where(LedgerRow.number == number).limit(AT_MOST))
    reversals = list(theirs.where(LedgerRow.reverses_id.in_([row.id for row in rows])).limit(AT_MOST))
    return sorted({row.id: row for row in (*rows, *reversals)}.values(), key=lambda row: int(row.id))


def _acts_behind(rows: Iterable[LedgerRow]) -> list[EventRow]:
    """The maintainers' acts that led to these rows: they name no thread of their own."""
    ids = [row.event_id for row in rows if row.actor_kind == ActorKind.LOCAL.value]
    return list(EventRow.select().where(EventRow.id.in_(ids)))


def _mattering(policy: Policy) -> tuple[p.PolicyValue, ...]:
    sources, values = policy.sources(), policy.rules()
    found = []
    for key in (*MATTERING, *(key for key in sources if key.split(".")[0] in SCORES)):
        value = values
        for part in key.split("."):
            value = value[part]
        found.append(p.PolicyValue(key=key, value=value, source=sources.get(key, "default")))
    return tuple(found)
