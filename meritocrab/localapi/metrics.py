"""Figures for Prometheus, read from the rows when they are asked for; nothing is global.

Only what no row holds (polls since the start, how quickly event loop and database answer) is counted by the daemon.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric, SummaryMetricFamily
from prometheus_client.registry import Collector

from meritocrab import __version__
from meritocrab.localapi.host import Host, Timing, Vitals
from meritocrab.localapi.protocol import BudgetHealth, QuotaHealth
from meritocrab.localapi.views import figures as rows
from meritocrab.localapi.views import health
from meritocrab.store import evaluations, inbox, notifications
from meritocrab.store.errors import StoreError
from meritocrab.store.models import Repository

POLL_OUTCOMES = ("news", "quiet", "error", "fault")
"""What a poll comes to: something new, nothing new, no good answer from GitHub, or a fault of ours."""
REQUEST_OUTCOMES = ("ok", "not_modified", "limited", "refused", "error", "unanswered")
"""What a request to GitHub comes to; `refused` is another 4xx, `error` its own trouble or no real answer."""


@dataclass(frozen=True, slots=True)
class Figures:
    """All that is shown, as values."""

    uptime_seconds: float
    quotas: tuple[QuotaHealth, ...]
    vitals: Vitals
    paused: bool
    database_up: bool = False
    braked: tuple[tuple[str, bool], ...] = ()
    notifications: Mapping[str, int] = field(default_factory=dict)
    repositories: Mapping[str, int] = field(default_factory=dict)
    events: Mapping[str, int] = field(default_factory=dict)
    evaluations: Mapping[str, int] = field(default_factory=dict)
    gate: Mapping[str, int] = field(default_factory=dict)
    actions: Mapping[tuple[str, str], int] = field(default_factory=dict)
    reversals: Mapping[str, int] = field(default_factory=dict)
    waiting: Mapping[str, float] = field(default_factory=dict)
    polls: tuple[tuple[str, int, datetime | None], ...] = ()
    budget: BudgetHealth | None = None


async def metrics(host: Host) -> bytes:
    """The figures in Prometheus' text format; without a database those that need none."""
    try:
        figures = await host.store.read(_read, host)
    except StoreError:
        figures = Figures(health.uptime(host), host.quotas(), host.vitals(), host.find_pause() is not None)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Figures(figures))
    return generate_latest(registry)


def _read(host: Host) -> Figures:
    watched = Repository.select().where(Repository.watched).order_by(Repository.name_key)
    return Figures(
        uptime_seconds=health.uptime(host),
        quotas=host.quotas(),
        vitals=host.vitals(),
        paused=host.find_pause() is not None,
        database_up=True,
        braked=tuple((row.full_name, row.braked_at is not None) for row in watched),
        notifications=notifications.counts(),
        repositories=health.repository_states(),
        events=inbox.counts(),
        evaluations=evaluations.counts(),
        gate=rows.gate_decisions(),
        actions=rows.actions(),
        reversals=rows.reversals(),
        waiting=rows.waiting_seconds(host.clock()),
        budget=health.budget(host),
        polls=tuple((row.full_name, row.errors_in_row, row.last_poll_at) for row in watched),
    )


class _Figures(Collector):
    """Values in the shape that the library writes out."""

    def __init__(self, figures: Figures) -> None:
        self._figures = figures

    def collect(self) -> Iterator[Metric]:
        """Every family once."""
        figures = self._figures
        yield _labelled("meritocrab_info", "The running version", "version", [(__version__, 1)])
        yield _single("meritocrab_uptime_seconds", "Seconds since the start", figures.uptime_seconds)
        yield _single("meritocrab_database_up", "1 when the database answers", int(figures.database_up))
        yield _single(
            "meritocrab_paused",
            "1 while everything is paused: nothing is written to GitHub",
            int(figures.paused),
        )
        yield from _vital_families(figures.vitals)
        yield from _quota_families(figures.quotas)
        if figures.database_up:
            yield from _row_families(figures)
        if figures.budget is not None:
            yield from _budget_families(figures.budget)


def _budget_families(budget: BudgetHealth) -> Iterator[GaugeMetricFamily]:
    """Since midnight UTC; a limit that is not set has no line."""
    yield _labelled(
        "meritocrab_provider_calls_today",
        "Questions to the provider by outcome",
        "outcome",
        budget.calls.items(),
    )
    used = (("requests", budget.requests), ("tokens", budget.tokens), ("cost", budget.cost))
    yield _labelled("meritocrab_provider_used_today", "What the provider was used for", "what", used)
    limits = (("requests", budget.max_requests), ("tokens", budget.max_tokens), ("cost", budget.max_cost))
    yield _labelled(
        "meritocrab_provider_limit_per_day",
        "How much of it there may be",
        "what",
        [(what, limit) for what, limit in limits if limit is not None],
    )
    yield from _repository_budget_families(budget)
    yield _single(
        "meritocrab_authors_at_ceiling",
        "People about whom no more contributions are judged within this hour",
        budget.authors_at_ceiling,
    )


def _repository_budget_families(budget: BudgetHealth) -> Iterator[GaugeMetricFamily]:
    used = GaugeMetricFamily(
        "meritocrab_provider_repository_used_today",
        "What the provider was used for in each repository",
        labels=["repository", "what"],
    )
    for name, each in budget.repositories.items():
        for what, value in each:
            used.add_metric([name, what], value)
    yield used
    limits = (("tokens", budget.max_tokens_per_repository), ("cost", budget.max_cost_per_repository))
    yield _labelled(
        "meritocrab_provider_repository_limit_per_day",
        "How much of it there may be in one repository",
        "what",
        [(what, limit) for what, limit in limits if limit is not None],
    )


def _row_families(figures: Figures) -> Iterator[GaugeMetricFamily]:
    for name, text, counts in (
        ("meritocrab_repositories", "Watched repositories by state", figures.repositories),
        ("meritocrab_events", "Events of the inbox by state", figures.events),
        ("meritocrab_evaluations", "Evaluations by state", figures.evaluations),
        ("meritocrab_notifications", "Notifications of the last week by state", figures.notifications),
    ):
        yield _labelled(name, text, "state", counts.items())
    yield from _decision_families(figures)
    yield _labelled(
        "meritocrab_repository_braked",
        "1 while the breaker keeps the repository at observe",
        "repository",
        figures.braked,
    )
    failed = sum(1 for _, errors, _ in figures.polls if errors)
    polled = sum(1 for _, errors, at in figures.polls if at is not None and not errors)
    yield _labelled(
        "meritocrab_last_polls",
        "Watched repositories by the outcome of their last poll",
        "outcome",
        [("ok", polled), ("error", failed), ("none", len(figures.polls) - polled - failed)],
    )
    yield _labelled(
        "meritocrab_poll_errors_in_row",
        "Failed polls in a row",
        "repository",
        [(name, errors) for name, errors, _ in figures.polls],
    )
    yield _labelled(
        "meritocrab_last_poll_timestamp_seconds",
        "When each repository was polled last",
        "repository",
        [(name, at.timestamp()) for name, _, at in figures.polls if at is not None],
    )


def _decision_families(figures: Figures) -> Iterator[GaugeMetricFamily]:
    yield _labelled(
        "meritocrab_gate_decisions", "Pull requests by the gate's decision", "outcome", figures.gate.items()
    )
    actions = GaugeMetricFamily(
        "meritocrab_outbox_actions", "Actions of the outbox by kind and state", labels=["kind", "state"]
    )
    for labels, count in figures.actions.items():
        actions.add_metric(labels, count)
    yield actions
    yield _labelled(
        "meritocrab_reversals",
        "How often maintainers took back or corrected what the daemon did",
        "kind",
        figures.reversals.items(),
    )
    yield _labelled(
        "meritocrab_queue_oldest_seconds", "How long the oldest has waited", "queue", figures.waiting.items()
    )


def _vital_families(vitals: Vitals) -> Iterator[Metric]:
    for name, text, outcomes, counts in (
        ("meritocrab_polls", "Polls since the start by outcome", POLL_OUTCOMES, vitals.polls),
        ("meritocrab_github_requests", "Requests to GitHub by outcome", REQUEST_OUTCOMES, vitals.requests),
    ):
        family = CounterMetricFamily(name, text, labels=["outcome"])
        for outcome in outcomes:
            family.add_metric([outcome], counts.get(outcome, 0))
        yield family
    yield from _timing("meritocrab_event_loop_lag", "How late the event loop wakes sleepers", vitals.loop_lag)
    yield from _timing("meritocrab_database", "How long the database takes to answer", vitals.database)


def _timing(name: str, text: str, timing: Timing) -> Iterator[Metric]:
    yield SummaryMetricFamily(f"{name}_seconds", text, count_value=timing.count, sum_value=timing.total)
    yield _single(f"{name}_worst_seconds", f"{text}, at worst in the last minutes", timing.worst)


def _quota_families(quotas: Iterable[QuotaHealth]) -> Iterator[GaugeMetricFamily]:
    known = [quota for quota in quotas if quota.remaining is not None]
    for name, text, value in (
        ("meritocrab_github_quota_limit", "GitHub's hourly limit", "limit"),
        ("meritocrab_github_quota_remaining", "What is left of it", "remaining"),
    ):
        yield _labelled(name, text, "credential", [(q.credential, getattr(q, value)) for q in known])
    resets = [(q.credential, q.resets_at.timestamp()) for q in known if q.resets_at is not None]
    yield _labelled(
        "meritocrab_github_quota_reset_timestamp_seconds", "When it is full again", "credential", resets
    )


def _single(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, value=value)


def _labelled(name: str, text: str, label: str, values: Iterable[tuple[str, float]]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, text, labels=[label])
    for key, value in values:
        family.add_metric([key], value)
    return family
