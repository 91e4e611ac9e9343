"""A day with the local API on a real socket; acts are handled as the running daemon would, as soon as they come."""

from __future__ import annotations

import asyncio
import os
import pwd
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any

import httpx2
import pytest

from meritocrab.localapi.client import LocalClient
from meritocrab.localapi.server import LocalApi
from meritocrab.localapi.stream import Pace
from tests.e2e.conftest import day, day_on_both, either_url, github, make_day, world
from tests.e2e.world_of_people import Day

__all__ = ["day", "day_on_both", "either_url", "github", "make_day", "world"]

ME = f"local:{pwd.getpwuid(os.getuid()).pw_name}"
QUICK = Pace(gather=0.0, heartbeat=0.05, send_within=5.0)


@dataclass
class Served:
    """A day, its local API, a client, and the bare connection for what a client would never send.

    `handling` is False for a daemon that is busy elsewhere: acts stay in the inbox.
    """

    day: Day
    handling: bool = True
    woken: list[str] = field(default_factory=list)
    tasks: set[asyncio.Task[Any]] = field(default_factory=set)

    def build(self, **more: Any) -> LocalApi:
        """The daemon's own local API, in the day's folder."""
        host = replace(self.day.service._host(), wake=self._wake, started_at=self.day.now())
        path = self.day.folder / "run" / "api.sock"
        self.api = LocalApi(host, self.day.service.hub, path, **({"pace": QUICK} | more))
        self.client = LocalClient(path)
        self.http = httpx2.AsyncClient(
            transport=httpx2.AsyncHTTPTransport(uds=str(path)), base_url="http://localhost", timeout=30
        )
        return self.api

    def _wake(self, name: str) -> None:
        self.woken.append(name)
        if name == "act" and self.handling:
            task = asyncio.create_task(self.day.service.processor.act())
            self.tasks.add(task)

    async def ask(self, method: str, path: str, **what: Any) -> tuple[int, Any]:
        """Status and JSON of one request."""
        response = await self.http.request(method, path, **what)
        assert response.headers["content-type"] == "application/json"
        return response.status_code, response.json()

    async def refusal(self, method: str, path: str, **what: Any) -> tuple[int, str, str]:
        """Status, code and message of a request that is refused."""
        status, answer = await self.ask(method, path, **what)
        assert set(answer) == {"error"}
        assert set(answer["error"]) == {"code", "message"}
        assert "Traceback" not in answer["error"]["message"]
        return status, answer["error"]["code"], answer["error"]["message"]

    async def close(self) -> None:
        await self.client.aclose()
        await self.http.aclose()
        await self.api.stop()
        await asyncio.gather(*self.tasks)


Serve = Callable[..., Awaitable[Served]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Starts the local API of a day; keyword arguments are those of `LocalApi`."""
    opened: list[Served] = []

    async def start(served_day: Day, **more: Any) -> Served:
        served = Served(served_day)
        await served.build(**more).start()
        opened.append(served)
        return served

    yield start
    for served in opened:
        await served.close()


@pytest.fixture
async def served(day: Day, serve: Serve) -> Served:
    """The local API of a usual day."""
    return await serve(day)


@pytest.fixture
async def served_on_both(day_on_both: Day, serve: Serve) -> Served:
    """The same, once on either database."""
    return await serve(day_on_both)


async def doubtful(day: Day, title: str = "Doubtful", verdict: str = "low", by: str = "newt") -> int:
    """An item in the review queue; returns its id."""
    day.judge.says(title, verdict, 0.5)
    day.pull(by, title)
    await day.settle()
    return int(next(row for row in day.judged(by) if row.title == title).id)
