"""Repositories and their rules."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from meritocrab.core.names import Enforcement, RepositoryState
from meritocrab.localapi.protocol.base import Answer


class RepositoryItem(Answer):
    """A repository and how it stands. `open_held` counts the open pull requests that the gate holds.

    `braked_at` is since when the breaker keeps it at `observe`, None while it does not.

    `enforcement` is the one in force; None while the repository's own policy was never read.
    """

    name: str
    id: int | None
    state: RepositoryState
    detail: str
    state_since: datetime | None
    watched: bool
    paused: bool
    credential: str
    enforcement: Enforcement | None
    default_branch: str | None
    archived: bool
    baseline_at: datetime | None
    last_poll_at: datetime | None
    next_poll_at: datetime | None
    last_news_at: datetime | None
    interval_seconds: float | None
    errors_in_row: int
    last_error: str
    last_error_at: datetime | None
    policy_error: str
    events_waiting: int
    reads_waiting: int
    review: int
    outbox_scheduled: int
    open_held: int
    contributors: int
    braked_at: datetime | None = None
    brake_reason: str = ""


class RepositoryList(Answer):
    """All repositories ever watched, those watched now first."""

    items: tuple[RepositoryItem, ...]


class PolicyAnswer(Answer):
    """The rules in force, and by dotted key who set each; `error` is what is wrong with `.meritocrab.toml`.

    `read_at` is None while the repository's own file was never read: then these are the daemon's own settings.
    """

    repository: str
    fingerprint: str
    rules: dict[str, Any]
    sources: dict[str, str]
    file: str | None
    read_at: datetime | None
    error: str
