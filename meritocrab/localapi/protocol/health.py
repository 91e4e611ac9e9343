"""How the daemon is: its database, provider, queues and quotas."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from meritocrab.core.names import Enforcement
from meritocrab.localapi.protocol.base import Answer


class HealthStatus(StrEnum):
    """`degraded`: works, and something needs a look. `unhealthy`: the database does not answer."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    UNHEALTHY = "unhealthy"


class DatabaseHealth(Answer):
    """Whether the database answers; `reason` says why not."""

    connected: bool
    driver: str
    reason: str = ""


class RepositoryBudget(Answer):
    """What was asked of the provider for one repository since midnight UTC."""

    requests: int
    tokens: int
    cost: float


class BudgetHealth(Answer):
    """What was asked of the provider since midnight UTC, and the limits; money is in the price table's currency.

    None is no limit. `calls` counts by outcome, answers that served once more (`cached`) among them.
    `authors_at_ceiling` are people who had `max_per_author` contributions asked about within the hour.
    """

    requests: int
    tokens: int
    cost: float
    max_requests: int | None = None
    max_tokens: int | None = None
    max_cost: float | None = None
    calls: dict[str, int] = Field(default_factory=dict)
    repositories: dict[str, RepositoryBudget] = Field(default_factory=dict)
    max_tokens_per_repository: int | None = None
    max_cost_per_repository: float | None = None
    authors_at_ceiling: int = 0
    max_per_author: int | None = None


class LlmHealth(Answer):
    """The provider of verdicts; `reason` is its last trouble. `budget` is None for one that costs nothing."""

    provider: str
    model: str | None = None
    available: bool = True
    paused_until: datetime | None = None
    reason: str = ""
    budget: BudgetHealth | None = None


class Queues(Answer):
    """What waits: events to handle, questions to the provider, items for a maintainer, actions to deliver."""

    events_waiting: int = 0
    events_parked: int = 0
    evaluations_queued: int = 0
    review: int = 0
    outbox_scheduled: int = 0


class QuotaHealth(Answer):
    """One credential's hourly limit as GitHub told it last; None before its first answer."""

    credential: str
    limit: int | None = None
    remaining: int | None = None
    resets_at: datetime | None = None
    blocked_until: datetime | None = None


class PauseHealth(Answer):
    """Everything is paused: by whom (empty when the file was made by hand), since when, and why."""

    by: str = ""
    since: datetime | None = None
    reason: str = ""


class Health(Answer):
    """How the daemon is; `reasons` say in words what keeps it from being healthy."""

    status: HealthStatus
    reasons: tuple[str, ...] = ()
    version: str
    started_at: datetime
    uptime_seconds: float
    enforcement: Enforcement
    database: DatabaseHealth
    llm: LlmHealth
    repositories: dict[str, int] = Field(default_factory=dict)
    queues: Queues = Queues()
    quota: tuple[QuotaHealth, ...] = ()
    paused: PauseHealth | None = None
