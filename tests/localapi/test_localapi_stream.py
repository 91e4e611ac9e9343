"""The live stream: what it says, to how many, to the slow and to the gone, and how it ends."""

from __future__ import annotations

import asyncio
import socket

import httpx2
import pytest

from meritocrab.localapi import protocol as p
from meritocrab.localapi.client import Lost, StreamEvent
from meritocrab.localapi.stream import Hub, Pace, Subscription
from tests.e2e.world_of_people import REPO, Day
from tests.localapi.conftest import QUICK, Serve, Served


async def until(condition: object) -> None:
    """Let the loop go on until this holds; the test run's own limit is the only one."""
    while not condition():  # type: ignore[operator]
        await asyncio.sleep(0.005)


async def test_it_begins_with_the_daemons_health_and_tells_what_changes(served: Served) -> None:
    events = served.client.events()
    hello = await anext(events)
    assert isinstance(hello, p.Health)
    assert hello.repositories == {"ok": 1}
    await served.day.operate("adjust", "newt", delta=1)
    changed = await anext(events)
    assert isinstance(changed, p.Changed)
    assert {p.Topic.LEDGER, p.Topic.CONTRIBUTORS, p.Topic.HEALTH} <= set(changed.topics)
    await events.aclose()


async def test_polls_deliveries_and_acts_are_all_told(day: Day, serve: Serve) -> None:
    await day.operate("adjust", "newt", delta=1)
    served = await serve(day)
    events = served.client.events()
    await anext(events)
    heard: set[p.Topic] = set()

    async def listen() -> None:
        async for event in events:
            assert isinstance(event, p.Changed)
            heard.update(event.topics)

    listening = asyncio.create_task(listen())
    await day.settle()
    await until(lambda: p.Topic.REPOSITORIES in heard)
    heard.clear()
    await served.client.adjust(REPO, "newt", 1)
    await until(lambda: p.Topic.LEDGER in heard)
    listening.cancel()


async def test_changes_that_come_together_are_told_together(day: Day, serve: Serve) -> None:
    served = await serve(day, pace=Pace(gather=0.2, heartbeat=15, send_within=5))
    events = served.client.events()
    await anext(events)
    for _ in range(100):
        day.service.hub.changed(p.Topic.LEDGER)
        day.service.hub.changed(p.Topic.OUTBOX)
    assert await anext(events) == p.Changed(topics=(p.Topic.LEDGER, p.Topic.OUTBOX))
    day.service.hub.changed(p.Topic.HEALTH)
    assert await anext(events) == p.Changed(topics=(p.Topic.HEALTH,))
    await events.aclose()


async def test_silence_is_filled_so_that_a_dead_line_shows(served: Served) -> None:
    async with served.http.stream("GET", "/api/stream") as response:
        assert response.headers["content-type"] == "text/event-stream"
        text = ""
        async for chunk in response.aiter_text():
            text += chunk
            if text.count(": still here\n\n") >= 3:
                break
    assert text.startswith("event: hello\ndata: {")
    await until(lambda: served.day.service.hub.readers == 0)


async def test_a_stop_says_goodbye_with_streams_open(day: Day, serve: Serve) -> None:
    served = await serve(day, pace=Pace())
    streams = [served.client.events() for _ in range(3)]
    for events in streams:
        assert isinstance(await anext(events), p.Health)
    stopping = asyncio.create_task(served.api.stop())
    for events in streams:
        assert await anext(events) == p.Bye(reason="stopping")
        assert await anext(events) == Lost("the daemon ended the stream")
        await events.aclose()
    await stopping
    assert day.service.hub.readers == 0


async def test_a_stream_that_is_asked_for_while_it_stops_is_short(day: Day, serve: Serve) -> None:
    served = await serve(day)
    day.service.hub.close()
    events = served.client.events()
    assert isinstance(await anext(events), p.Health)
    assert await anext(events) == p.Bye(reason="stopping")
    await events.aclose()


async def test_the_client_comes_back_by_itself(day: Day, serve: Serve) -> None:
    served = await serve(day)
    events = served.client.events(retry_seconds=0.01)
    assert isinstance(await anext(events), p.Health)
    await served.api.stop()
    heard: list[StreamEvent] = [await anext(events) for _ in range(3)]
    assert heard[0] == p.Bye(reason="stopping")
    assert isinstance(heard[2], Lost)
    assert "no daemon is running" in heard[2].reason
    day.service.hub = Hub()
    again = await serve(day)
    while not isinstance(event := await anext(events), p.Health):
        assert isinstance(event, Lost)
    assert event.version == (await again.client.health()).version
    await events.aclose()


async def test_the_client_notices_a_daemon_that_hangs(day: Day, serve: Serve) -> None:
    served = await serve(day, pace=Pace(heartbeat=3600))
    events = served.client.events(silence_seconds=1.5)
    assert isinstance(await anext(events), p.Health)
    lost = await anext(events)
    assert isinstance(lost, Lost)
    assert "does not answer" in lost.reason
    await events.aclose()


async def test_a_reader_that_takes_nothing_is_cut_off_and_slows_nobody(day: Day, serve: Serve) -> None:
    served = await serve(day, pace=Pace(gather=0, heartbeat=15, send_within=0.2))
    slow = socket.socket(socket.AF_UNIX)
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    slow.connect(str(served.api.path))
    slow.sendall(b"GET /api/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
    hub = day.service.hub
    await until(lambda: hub.readers == 1)
    quick = served.client.events()
    assert isinstance(await anext(quick), p.Health)
    while hub.readers == 2:
        hub.changed(*p.Topic)
        assert isinstance(await anext(quick), p.Changed)
    assert hub.readers == 1
    hub.changed(p.Topic.OUTBOX)
    assert await anext(quick) == p.Changed(topics=(p.Topic.OUTBOX,))
    await quick.aclose()
    slow.close()


async def test_a_reader_that_goes_is_forgotten_at_once(day: Day, serve: Serve) -> None:
    served = await serve(day, pace=Pace(heartbeat=3600))
    for _ in range(5):
        async with served.http.stream("GET", "/api/stream") as response:
            await anext(response.aiter_text())
            assert day.service.hub.readers == 1
        await until(lambda: day.service.hub.readers == 0)


async def test_fifty_readers_and_fifty_who_ask_at_once(served: Served) -> None:
    await served.day.operate("adjust", "newt", delta=1)
    path = str(served.api.path)

    async def one(number: int) -> int:
        transport = httpx2.AsyncHTTPTransport(uds=path)
        async with (
            httpx2.AsyncClient(transport=transport, base_url="http://localhost", timeout=60) as http,
            http.stream("GET", "/api/stream") as stream,
        ):
            heard = stream.aiter_text()
            assert (await anext(heard)).startswith("event: hello")
            for _ in range(5):
                assert (await http.get("/api/activity")).status_code == 200
            body = {"delta": 1, "request_id": f"reader-{number}"}
            answer = await http.post(f"/api/repos/{REPO}/contributors/newt/adjust", json=body)
            assert answer.status_code == 200
            text = ""
            while "event: changed" not in text:
                text += await anext(heard)
        return number

    assert sorted(await asyncio.gather(*(one(number) for number in range(50)))) == list(range(50))
    assert served.day.credit("newt") == 151


async def test_a_subscription_holds_topics_not_messages() -> None:
    hub = Hub()
    with hub.subscribed() as subscription:
        for _ in range(100_000):
            hub.changed(p.Topic.LEDGER)
        assert subscription.topics == {p.Topic.LEDGER}
        assert subscription.take() == (p.Topic.LEDGER,)
        assert not subscription.ready.is_set()
        hub.close()
        assert subscription.ended
        assert subscription.ready.is_set()
    assert hub.readers == 0
    ended = Subscription()
    ended.end()
    ended.take()
    assert ended.ready.is_set()


@pytest.mark.parametrize("times", [1, 2])
async def test_waiting_for_a_change_ends_with_the_next_one(times: int) -> None:
    hub = Hub()
    waiting = [hub.next_change() for _ in range(times)]
    hub.changed(p.Topic.OUTBOX)
    assert all(event.is_set() for event in waiting)
    assert not hub.next_change().is_set()
    assert QUICK.gather == 0
