"""What the local API needs of the daemon around it, as values and functions: the daemon is above and not imported."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from meritocrab.core.budget import Budget
from meritocrab.core.names import Enforcement
from meritocrab.core.question import ChangedFile
from meritocrab.localapi.protocol import QuotaHealth
from meritocrab.pausing import Pause
from meritocrab.store.database import Store
from meritocrab.store.policies import BasePolicy


@dataclass(frozen=True, slots=True)
class Timing:
    """How long something took since the start, in seconds; `worst` is of the last minutes only."""

    count: int = 0
    total: float = 0.0
    worst: float = 0.0


@dataclass(frozen=True, slots=True)
class Vitals:
    """What only the running process knows of itself.

    Attributes:
        loop_lag: how late the event loop wakes those who sleep.
        database: how long the writer thread takes to ask its database something.
        polls: polls since the start by outcome.
        requests: requests to GitHub since the start by outcome.
    """

    loop_lag: Timing = Timing()
    database: Timing = Timing()
    polls: Mapping[str, int] = field(default_factory=dict)
    requests: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Host:
    """The daemon, as the local API sees it.

    Attributes:
        budget: the provider's limits; None for one that costs nothing.
        base_policy: the daemon's own settings for a repository.
        enforcement: the daemon's own, which repositories may lower.
        clock: the local time (aware UTC); `github_now` is GitHub's, as one credential knows it.
        quotas: what GitHub told each credential about its limit.
        changed_files: asks GitHub for the files of a pull request, by credential, repository and number.
        vitals: what the process measured of itself.
        wake: makes a worker run soon, by name.
        web_url: where people look at repositories.
        find_pause: whether everything is paused; `pause_all` and `resume_all` change that, by actor and reason.
        concerns: what is wrong with the running daemon besides, each in words.
    """

    store: Store
    base_policy: BasePolicy
    enforcement: Enforcement
    provider: str
    model: str | None
    budget: Budget | None
    started_at: datetime
    clock: Callable[[], datetime]
    github_now: Callable[[str], datetime]
    quotas: Callable[[], tuple[QuotaHealth, ...]]
    changed_files: Callable[[str, str, int], Awaitable[tuple[ChangedFile, ...]]]
    vitals: Callable[[], Vitals]
    wake: Callable[[str], None]
    web_url: str
    find_pause: Callable[[], Pause | None]
    pause_all: Callable[[str, str], Awaitable[tuple[bool, bool]]]
    resume_all: Callable[[str, str], Awaitable[bool]]
    concerns: Callable[[], tuple[str, ...]] = tuple
