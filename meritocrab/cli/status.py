"""`meritocrab status`: how the running daemon is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from meritocrab.cli.attach import ask, operator_command, show

if TYPE_CHECKING:
    from meritocrab.localapi.protocol import BudgetHealth, Health, QuotaHealth


@click.command()
@operator_command
@click.pass_context
def status(ctx: click.Context) -> None:
    """How the daemon is: its database, GitHub, the provider of verdicts, and what waits.

    Exits with 0 when it is healthy or degraded (the reasons are shown), with 1 when it is unhealthy.
    """
    health = ask(ctx, lambda client: client.health())
    show(ctx, health, lambda: _lines(health))
    ctx.exit(1 if health.status == "unhealthy" else 0)


def _lines(health: Health) -> Iterator[str]:
    from meritocrab.cli.tables import moment
    from meritocrab.localapi.words import repository_state
    from meritocrab.logs import escaped

    up = timedelta(seconds=round(health.uptime_seconds))
    yield f"{health.status}: meritocrab {health.version}, up {up}, since {moment(health.started_at)}"
    for reason in health.reasons:
        yield f"  ! {escaped(reason)}"
    database = "answers" if health.database.connected else "does not answer"
    yield f"database      {health.database.driver}, {database}"
    yield f"provider      {_provider(health)}"
    if health.llm.budget is not None:
        yield f"asked today   {_budget(health.llm.budget)}"
    states = ", ".join(
        f"{count} {repository_state(state)}" for state, count in sorted(health.repositories.items())
    )
    yield f"repositories  {states or 'none'}; enforcement {health.enforcement}"
    for quota in health.quota:
        yield f"quota         {escaped(quota.credential)}: {_quota(quota)}"
    queues = health.queues
    yield (
        f"waiting       {queues.review} to review, {queues.events_waiting} events,"
        f" {queues.evaluations_queued} questions, {queues.outbox_scheduled} actions"
    )


def _provider(health: Health) -> str:
    from meritocrab.cli.tables import moment
    from meritocrab.logs import escaped

    name = f"{health.llm.provider} ({health.llm.model})" if health.llm.model else health.llm.provider
    if health.llm.available:
        return escaped(name)
    return escaped(f"{name}, paused until {moment(health.llm.paused_until)}: {health.llm.reason}")


def _budget(budget: BudgetHealth) -> str:
    parts = [
        f"{budget.requests:,}{_of(budget.max_requests)} questions",
        f"{budget.tokens:,}{_of(budget.max_tokens)} tokens",
    ]
    if budget.cost or budget.max_cost is not None:
        limit = "" if budget.max_cost is None else f" of {budget.max_cost:.2f}"
        parts.append(f"cost {budget.cost:.2f}{limit}")
    if budget.authors_at_ceiling:
        parts.append(f"{budget.authors_at_ceiling} people at their hour's ceiling of {budget.max_per_author}")
    return ", ".join(parts)


def _of(limit: int | None) -> str:
    return "" if limit is None else f" of {limit:,}"


def _quota(quota: QuotaHealth) -> str:
    from meritocrab.cli.tables import moment

    if quota.remaining is None:
        return "not known yet"
    again = "" if quota.resets_at is None else f", full again at {moment(quota.resets_at)}"
    return f"{quota.remaining} of {quota.limit} left{again}"
