"""Clients that send half a request, take no answer, come in hundreds, or speak something else than HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from meritocrab.localapi import protocol as p
from meritocrab.localapi.client import Unavailable
from meritocrab.localapi.httpd import Limits
from meritocrab.localapi.stream import Pace
from tests.e2e.world_of_people import REPO, Day
from tests.localapi.conftest import Serve, Served

HASTY, PATIENT = 0.05, 3600.0
BEGINNING = b"GET /health HTTP/1.1\r\nHost: loc"
STREAM = b"GET /api/stream HTTP/1.1\r\nHost: localhost\r\n\r\n"
BODY = (
    f"POST /api/repos/{REPO}/poll HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    'Content-Length: 100\r\n\r\n{"reason": "'
).encode()


@asynccontextmanager
async def connected(path: Path, sent: bytes = b"") -> AsyncIterator[asyncio.StreamReader]:
    """A bare connection that has sent this much."""
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(sent)
    try:
        yield reader
    finally:
        writer.close()


async def answer(reader: asyncio.StreamReader) -> tuple[int, str, dict[str, Any]]:
    """Status, kind and JSON of all that comes until the other end hangs up."""
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    first, *headers = head.decode().lower().split("\r\n")
    (kind,) = [line.partition(": ")[2] for line in headers if line.startswith("content-type")]
    return int(first.split()[1]), kind, json.loads(body)["error"]


def connections(served: Served) -> set[Any]:
    (server,) = served.api._servers
    return server.server_state.connections


async def until(condition: Any) -> None:
    """Let the loop go on until this holds; the test run's own limit is the only one."""
    while not condition():
        await asyncio.sleep(0.005)


@pytest.mark.parametrize("sent", [b"", b"G", BEGINNING, BODY])
async def test_a_request_that_never_comes_is_given_up(day: Day, serve: Serve, sent: bytes) -> None:
    served = await serve(day, limits=Limits(seconds=HASTY))
    async with connected(served.api.path, sent) as reader:
        status, kind, error = await answer(reader)
    assert (status, kind, error["code"]) == (408, "application/json", "request_timeout")
    await until(lambda: not connections(served))
    assert not served.api._servers[0].server_state.tasks


async def test_a_stream_behind_half_a_body_is_given_up_too(day: Day, serve: Serve) -> None:
    served = await serve(day, pace=Pace(), limits=Limits(seconds=HASTY))
    half = STREAM.replace(b"\r\n\r\n", b"\r\nContent-Length: 9\r\n\r\nhalf")
    async with connected(served.api.path, half) as reader:
        with contextlib.suppress(ConnectionError):
            await reader.read()
    await until(lambda: day.service.hub.readers == 0)


async def test_a_stream_outlives_the_time_for_requests(day: Day, serve: Serve) -> None:
    served = await serve(day, limits=Limits(seconds=HASTY))
    async with connected(served.api.path, STREAM) as reader:
        for _ in range(5):
            await reader.readuntil(b": still here\n\n")


@pytest.mark.parametrize("before", [0, 1, 2, 3, 4, 200])
async def test_an_answer_that_nobody_takes_is_given_up(day: Day, serve: Serve, before: int) -> None:
    served = await serve(day, limits=Limits(seconds=HASTY))
    greedy = socket.socket(socket.AF_UNIX)
    greedy.connect(str(served.api.path))
    asking = b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n"
    last = asking.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    greedy.sendall(asking * before + last)
    await until(lambda: served.api._servers[0].server_state.total_requests)
    await until(lambda: not connections(served))
    greedy.close()


async def test_hundreds_of_half_requests_leave_room_for_a_whole_one(day: Day, serve: Serve) -> None:
    served = await serve(day, limits=Limits(seconds=PATIENT, connections=20))
    async with contextlib.AsyncExitStack() as stack:
        first, *_ = [
            await stack.enter_async_context(connected(served.api.path, BEGINNING)) for _ in range(300)
        ]
        assert (await served.client.health()).version
        assert (await served.client.repositories()).items
        assert len(connections(served)) <= 20
        status, kind, error = await answer(first)
    assert (status, kind, error["code"]) == (503, "application/json", "unavailable")


async def test_where_streams_take_all_places_the_daemon_still_says_how_it_is(day: Day, serve: Serve) -> None:
    served = await serve(day, pace=Pace(), limits=Limits(seconds=PATIENT, connections=3, reserve=2))
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(3):
            stream = await stack.enter_async_context(connected(served.api.path, STREAM))
            await stream.readuntil(b"event: hello")
        assert (await served.client.health()).status is p.HealthStatus.HEALTHY
        assert "meritocrab_uptime_seconds" in await served.client.metrics()
        async with connected(served.api.path, STREAM) as more:
            assert (await answer(more))[2]["message"].startswith("too many are connected at once")
        with pytest.raises(Unavailable, match="too many are connected at once"):
            await served.client.repositories()
        assert day.service.hub.readers == 3
    await until(lambda: not connections(served))
    assert (await served.client.repositories()).items


async def test_beyond_the_reserve_nobody_is_let_in(day: Day, serve: Serve) -> None:
    served = await serve(day, pace=Pace(), limits=Limits(seconds=PATIENT, connections=2, reserve=0))
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(2):
            stream = await stack.enter_async_context(connected(served.api.path, STREAM))
            await stream.readuntil(b"event: hello")
        more = await stack.enter_async_context(connected(served.api.path))
        assert (await answer(more))[0] == 503


@pytest.mark.parametrize(
    "sent", [b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", b"HELO garden\r\n\r\n", b"\r\n" * 9 + b"?"]
)
async def test_what_is_not_http_is_answered_as_everything_else(served: Served, sent: bytes) -> None:
    async with connected(served.api.path, sent + b" \r\n\r\n") as reader:
        status, kind, error = await answer(reader)
    assert (status, kind, error) == (
        400,
        "application/json",
        {"code": "bad_request", "message": "this is not HTTP"},
    )


async def test_noise_behind_a_stream_ends_it_without_a_stack_trace(day: Day, serve: Serve) -> None:
    served = await serve(day, pace=Pace())
    chunked = STREAM.replace(b"\r\n\r\n", b"\r\nTransfer-Encoding: chunked\r\n\r\nnoise\r\n\r\n")
    async with connected(served.api.path, chunked) as reader:
        with contextlib.suppress(ConnectionError):
            await reader.read()
    await until(lambda: day.service.hub.readers == 0)


async def test_a_web_socket_is_not_offered(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    headers = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    assert (await served.ask("GET", "/health", headers=headers))[0] == 200
    assert "pip install" not in caplog.text
