"""What asking the daemon costs: a page of fifty rows over its socket, beside a greeting from the same server."""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from meritocrab.core.names import Enforcement
from meritocrab.demo.github import SimulatedGitHub
from meritocrab.localapi.server import LocalApi
from meritocrab.localapi.stream import Hub
from meritocrab.store import ledger
from meritocrab.store.models import AccountRow, Repository
from tests.benchmarks.workshop import Parts, new_world
from tests.e2e.history_support import Installation

REPO = "octo/plot-0"
HELLO, PAGE = "/hello", f"/api/repos/{REPO}/contributors?limit=50"

CLIENT = """
import http.client, json, socket, sys, time
path, target, times = sys.argv[1], sys.argv[2], int(sys.argv[3])
line = http.client.HTTPConnection("localhost")
line.sock = socket.socket(socket.AF_UNIX)
line.sock.connect(path)
taken = []
for _ in range(times + times // 10):
    began = time.perf_counter()
    line.request("GET", target)
    answer = line.getresponse()
    body = answer.read()
    taken.append((time.perf_counter() - began) * 1e6)
    assert answer.status == 200, (answer.status, body)
print(json.dumps({"taken": taken[times // 10:], "bytes": len(body)}))
"""
"""In a process of its own, so that it does not share the daemon's interpreter; the first tenth warms up."""


class _Greeting(LocalApi):
    """The local API, and a path that answers without doing anything."""

    def _application(self, *served: Any) -> Starlette:
        application = super()._application(*served)
        application.router.routes.append(Route(HELLO, _hello))
        return application


async def _hello(_: Request) -> PlainTextResponse:
    return PlainTextResponse("hello")


async def local_api(folder: Path, people: int, times: int) -> list[str]:
    """Half and almost all of the answers come within these times."""
    world = new_world([REPO])
    with SimulatedGitHub(world) as github:
        parts = Parts(world, Installation(folder / "asking").configure(github, [REPO]))
        await parts.begin()
        await parts.store.write(_fill, people)
        service = parts.service
        api = _Greeting(service._host(), Hub(), folder / "api.sock")
        await api.start()
        try:
            page, size = await _ask(api.path, PAGE, times)
            hello, _ = await _ask(api.path, HELLO, times)
        finally:
            await api.stop()
            await parts.end()
    return [
        f"50 of {people} contributors ({size / 1024:.1f} kB): {_shown(page)}; a bare greeting: {_shown(hello)};"
        f" {statistics.median(page) / statistics.median(hello):.1f} times as long"
    ]


async def _ask(path: Path, target: str, times: int) -> tuple[list[float], int]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CLIENT, str(path), target, str(times), stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    found = json.loads(out)
    return found["taken"], found["bytes"]


def _shown(taken: list[float]) -> str:
    ordered = sorted(taken)
    return f"p50 {statistics.median(ordered):.0f} µs, p99 {ordered[int(len(ordered) * 0.99)]:.0f} µs"


def _fill(people: int) -> None:
    repository = Repository.get(Repository.full_name == REPO).github_id
    now = datetime(2026, 3, 1, tzinfo=UTC)
    for index in range(people):
        login = f"gardener-{index:05}"
        AccountRow.create(id=10**6 + index, login=login, login_key=login, type="User", seen_at=now)
        ledger.open_contributor(repository, 10**6 + index, 100, now, enforcement=Enforcement.OBSERVE)
