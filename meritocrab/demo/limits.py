"""Refusals for asking too much: the hour's quota, and GitHub's limits on bursts.

Tells what a request costs, refuses it when that is too much, and writes the headers from which a client can
know beforehand.
"""

from __future__ import annotations

from datetime import timedelta
from email.utils import format_datetime

from meritocrab.demo.auth import Principal
from meritocrab.demo.messages import JSON, HttpError, Request
from meritocrab.demo.quotas import Quota
from meritocrab.demo.world import World

SECONDARY_MESSAGE = (
    "You have exceeded a secondary rate limit. Please wait a few minutes before you try again. "
    "If you reach out to GitHub Support for help, please include the request ID."
)
_LIMIT_ADVICE = "If you reach out to GitHub Support for help, please include the request ID and timestamp."


class Limits:
    """The limits in force in one world."""

    def __init__(self, world: World) -> None:
        self.world = world

    def check_quota(self, key: str) -> None:
        """Refuse when the hour's allowance is used up."""
        if self.world.quota(key).remaining <= 0:
            raise HttpError(403, used_up(key))

    def check_bursts(self, key: str, request: Request) -> None:
        """Refuse what comes too fast; GraphQL and REST add up."""
        limits = self.world.secondary_limits
        if limits is None:
            return
        points = sum(record.points for record in self.world.recent(key, 60)) + cost(request)
        crowded = creates_content(request) and (
            self._written(key, 60) >= limits.content_per_minute
            or self._written(key, 3600) >= limits.content_per_hour
        )
        if points > limits.points_per_minute or crowded:
            raise self.secondary(limits.status, limits.retry_after)

    def _written(self, key: str, seconds: float) -> int:
        return sum(record.content_creating for record in self.world.recent(key, seconds))

    def secondary(self, status: int, retry_after: int | str | None, message: str = "") -> HttpError:
        """The answer to a burst, with or without advice on how long to wait."""
        headers = {}
        if retry_after == "date":
            until = self.world.now().replace(microsecond=0) + timedelta(minutes=1)
            headers["retry-after"] = format_datetime(until, usegmt=True)
        elif retry_after is not None:
            headers["retry-after"] = str(retry_after)
        return HttpError(status, message or SECONDARY_MESSAGE, headers=headers)

    def charge(self, key: str, counted: bool) -> bool:
        """Take one request off the hour's allowance if it counts; whether there was one to take."""
        quota = self.world.quota(key)
        if not counted or quota.remaining <= 0:
            return False
        quota.used += 1
        return True

    def headers(self, key: str) -> dict[str, str]:
        """What is left of the hour, as every answer tells it."""
        told = quota_payload(self.world.quota(key))
        resource = {"x-ratelimit-resource": "graphql" if key.startswith("graphql:") else "core"}
        return resource | {f"x-ratelimit-{name}": str(value) for name, value in told.items()}


def used_up(key: str) -> str:
    """How GitHub says that the hour's quota is used up."""
    return f"API rate limit exceeded for {key}. {_LIMIT_ADVICE}"


def quota_key(request: Request, principal: Principal) -> str:
    """The quota that a request draws on; GraphQL has its own."""
    return f"graphql:{principal.key}" if request.path == "/graphql" else principal.key


def quota_payload(quota: Quota) -> JSON:
    """A quota as GitHub shows it."""
    reset = int(quota.resets_at.timestamp()) if quota.resets_at is not None else 0
    return {"limit": quota.limit, "used": quota.used, "remaining": quota.remaining, "reset": reset}


def cost(request: Request) -> int:
    """The points of a request towards the limits on bursts."""
    return 1 if request.reads or request.path == "/graphql" else 5


def creates_content(request: Request) -> bool:
    """Whether a request makes something that people are notified of."""
    return request.method == "POST" and request.path.endswith("/comments")
