"""Names and a clock that the tests of this folder share."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from meritocrab.github.client import GitHubClient

REPO = "octo/hello"
TOKEN = "ghp_secretsecretsecret"
APP_ID = 4711
START = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


class Clock:
    """A local clock that the test moves; sleeping moves it too, so no test waits."""

    def __init__(self, now: datetime = START) -> None:
        self.now = now
        self.ticks = 1000.0
        self.slept: list[float] = []

    def __call__(self) -> datetime:
        return self.now

    def monotonic(self) -> float:
        return self.ticks

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self.ticks += seconds

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.advance(seconds)


Connect = Callable[..., GitHubClient]
