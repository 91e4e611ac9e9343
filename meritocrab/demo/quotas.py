"""How much may be asked: the hourly quota of each caller, and the limits on bursts.

A quota belongs to a person, an installation or everybody without a token, never to the token itself, and
begins anew by GitHub's clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from meritocrab.demo.access import Access
from meritocrab.demo.foundation import locked
from meritocrab.demo.objects import whole_second


@dataclass(eq=False, slots=True)
class Quota:
    """One hour's allowance of one token or installation."""

    limit: int
    used: int = 0
    resets_at: datetime | None = None

    @property
    def remaining(self) -> int:
        """What is left of the hour."""
        return max(0, self.limit - self.used)

    def roll(self, now: datetime) -> None:
        """Start a new hour when the old one is over."""
        if self.resets_at is None or now >= self.resets_at:
            self.used, self.resets_at = 0, whole_second(now) + timedelta(hours=1)


@dataclass(slots=True)
class SecondaryLimits:
    """GitHub's limits on bursts, per token; `retry_after` is seconds, "date" for an HTTP date, or nothing."""

    points_per_minute: int = 900
    content_per_minute: int = 80
    content_per_hour: int = 500
    status: int = 403
    retry_after: int | Literal["date"] | None = 60


class Quotas(Access):
    """What is left for whom."""

    def __init__(self, start: datetime | None = None) -> None:
        super().__init__(start)
        self.quotas: dict[str, Quota] = {}
        self.rate_limit = 5000
        self.anonymous_rate_limit = 60
        self.secondary_limits: SecondaryLimits | None = None

    def quota_key(self, token: str | None) -> str:
        """Whose quota a token draws on: its user's, its installation's, or that of all without a token."""
        known = self.tokens.get(token) if token is not None else None
        if known is None:
            return "anonymous"
        if known.installation is not None:
            return f"installation:{known.installation.id}"
        return f"user:{known.account.id}"

    @locked
    def quota(self, key: str) -> Quota:
        """The allowance behind a quota key, rolled on to the present hour."""
        if key not in self.quotas:
            self.quotas[key] = Quota(self.anonymous_rate_limit if key == "anonymous" else self.rate_limit)
        quota = self.quotas[key]
        quota.roll(self.now())
        return quota

    @locked
    def set_rate_limit(self, limit: int, token: str | None = None) -> None:
        """Change the hourly limit of a token's owner, or of anonymous callers."""
        self.quota(self.quota_key(token)).limit = limit

    @locked
    def exhaust(self, token: str | None = None, *, leave: int = 0) -> None:
        """Use up what is left of this hour's allowance."""
        quota = self.quota(self.quota_key(token))
        quota.used = quota.limit - leave
