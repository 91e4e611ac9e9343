"""How the daemon is, and what keeps it from being healthy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from peewee import fn

from meritocrab import __version__
from meritocrab.core.budget import MICROS
from meritocrab.core.names import SOUND, ActionState, EvaluationState, EventState
from meritocrab.localapi import protocol as p
from meritocrab.localapi.host import Host
from meritocrab.localapi.views import parts
from meritocrab.localapi.words import repository_state
from meritocrab.store import calls, evaluations, inbox, notifications, outbox, providers
from meritocrab.store.errors import StoreError
from meritocrab.store.models import Repository

NOTICE_TRIES = 3
"""So many failures, and a maintainer who waits for notifications should know."""

NAMED = 3
"""How many repositories a reason names."""


async def health(host: Host) -> p.Health:
    """The daemon's health; an unreachable database is an answer, too."""
    try:
        await host.store.ping()
        found = await host.store.read(_health, host)
    except StoreError as error:
        return _unhealthy(host, str(error))
    # a full disk still answers questions
    return _unhealthy(host, host.store.trouble) if host.store.trouble else found


def _health(host: Host) -> p.Health:
    queues, llm = _queues(), _llm(host)
    reasons = (
        *_brake_reasons(host),
        *host.concerns(),
        *_repository_reasons(),
        *_queue_reasons(queues),
        *_llm_reasons(llm),
        *_quota_reasons(host),
        *_notice_reasons(),
    )
    return p.Health(
        status=p.HealthStatus.DEGRADED if reasons else p.HealthStatus.HEALTHY,
        reasons=reasons,
        database=p.DatabaseHealth(connected=True, driver=host.store.driver),
        llm=llm,
        repositories=repository_states(),
        queues=queues,
        **_always(host),  # type: ignore[arg-type]
    )


def _unhealthy(host: Host, reason: str) -> p.Health:
    return p.Health(
        status=p.HealthStatus.UNHEALTHY,
        reasons=(reason, *host.concerns()),
        database=p.DatabaseHealth(connected=False, driver=host.store.driver, reason=reason),
        llm=p.LlmHealth(provider=host.provider, model=host.model),
        **_always(host),  # type: ignore[arg-type]
    )


def _always(host: Host) -> dict[str, object]:
    return {
        "version": __version__,
        "started_at": host.started_at,
        "uptime_seconds": uptime(host),
        "enforcement": host.enforcement,
        "quota": host.quotas(),
        "paused": pause_health(host),
    }


def pause_health(host: Host) -> p.PauseHealth | None:
    """The pause of everything, or None."""
    pause = host.find_pause()
    return None if pause is None else p.PauseHealth(by=pause.by, since=pause.since, reason=pause.reason)


def uptime(host: Host) -> float:
    """Seconds since the start."""
    return max(0.0, (host.clock() - host.started_at).total_seconds())


def repository_states() -> dict[str, int]:
    """Watched repositories per state."""
    rows: Any = (
        Repository.select(Repository.state, fn.COUNT(Repository.id))
        .where(Repository.watched)
        .group_by(Repository.state)
        .tuples()
    )
    return dict(rows)


def _queues() -> p.Queues:
    received, asked, actions = inbox.counts(), evaluations.counts(), outbox.counts()
    asking = (*evaluations.ASKABLE, EvaluationState.RUNNING.value, EvaluationState.JUDGED.value)
    return p.Queues(
        events_waiting=received.get(EventState.WAITING.value, 0),
        events_parked=received.get(EventState.PARKED.value, 0),
        evaluations_queued=sum(asked.get(state, 0) for state in asking),
        review=asked.get(EvaluationState.PENDING.value, 0),
        outbox_scheduled=actions.get(ActionState.SCHEDULED.value, 0),
    )


def _llm(host: Host) -> p.LlmHealth:
    row = providers.find(host.provider)
    paused = row.paused_until_at if row is not None else None
    is_paused = paused is not None and paused > host.clock()
    return p.LlmHealth(
        provider=host.provider,
        model=host.model,
        available=not is_paused,
        paused_until=paused if is_paused else None,
        reason=row.reason if row is not None else "",
        budget=budget(host),
    )


def budget(host: Host) -> p.BudgetHealth | None:
    """Today's books against the limits; None where nothing costs anything."""
    limits = host.budget
    if limits is None:
        return None
    now = host.clock()
    spent, here = calls.spent_today(now), calls.spent_by_repository(now)
    names, ceiling = parts.repository_names(here), limits.author_per_hour
    return p.BudgetHealth(
        requests=spent.requests,
        tokens=spent.tokens,
        cost=spent.cost / MICROS,
        max_requests=limits.requests,
        max_tokens=limits.tokens,
        max_cost=_money(limits.cost),
        calls=dict(calls.outcomes_today(now)),
        repositories={
            names[key]: p.RepositoryBudget(
                requests=used.requests, tokens=used.repository_tokens, cost=used.repository_cost / MICROS
            )
            for key, used in here.items()
        },
        max_tokens_per_repository=limits.repository_tokens,
        max_cost_per_repository=_money(limits.repository_cost),
        authors_at_ceiling=0 if ceiling is None else calls.authors_at(ceiling, now),
        max_per_author=ceiling,
    )


def _money(micros: int | None) -> float | None:
    return None if micros is None else micros / MICROS


def _brake_reasons(host: Host) -> Iterator[str]:
    pause = host.find_pause()
    if pause is not None:
        by = f" by {pause.by}" if pause.by else ""
        why = f": {pause.reason}" if pause.reason else ""
        yield f"everything is paused{by}, and nothing is written to GitHub{why}"
    braked = Repository.select().where(Repository.watched & Repository.braked_at.is_null(False))
    names = [row.full_name for row in braked.order_by(Repository.name_key)]
    if names:
        yield f"the breaker keeps at observe: {_some(names)}; `meritocrab repo release` ends that"


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{', '.join(names[:NAMED])}{more}"


def _notice_reasons() -> Iterator[str]:
    error = notifications.trouble(NOTICE_TRIES)
    if error:
        yield f"notifications do not arrive: {error}"


def _repository_reasons() -> Iterator[str]:
    rows = Repository.select().where(
        Repository.watched & Repository.state.not_in([state.value for state in SOUND])
    )
    troubled = [
        f"{row.full_name} ({repository_state(row.state)})" for row in rows.order_by(Repository.name_key)
    ]
    if troubled:
        yield f"repositories in trouble: {_some(troubled)}"


def _queue_reasons(queues: p.Queues) -> Iterator[str]:
    if queues.events_parked:
        yield f"{queues.events_parked} events failed by our own fault; the log says more"


def _llm_reasons(llm: p.LlmHealth) -> Iterator[str]:
    if not llm.available:
        yield f"the provider {llm.provider} is paused: {llm.reason or 'it failed several times'}"
    if llm.budget is not None and (spent := _spent(llm.budget)):
        yield f"today's budget of {llm.provider} is spent ({spent}): contributions wait for a human"


def _spent(used: p.BudgetHealth) -> str:
    pairs = (
        ("requests", used.requests, used.max_requests),
        ("tokens", used.tokens, used.max_tokens),
        ("money", used.cost, used.max_cost),
    )
    return ", ".join(name for name, value, limit in pairs if limit is not None and value >= limit)


def _quota_reasons(host: Host) -> Iterator[str]:
    now = host.clock()
    for quota in host.quotas():
        if quota.blocked_until is not None and quota.blocked_until > now:
            until = quota.blocked_until.strftime("%H:%M:%S")
            yield f"GitHub's limit holds the credential {quota.credential} back until {until} UTC"
