"""Live changes: one hub in the daemon, one stream per reader, and no reader that can slow the daemon down.

A change is a set of topics, not a message: what a reader has not heard yet is merged into what comes next, so that a
slow one costs no memory. One that takes nothing for a while is cut off.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from meritocrab.localapi.protocol import Answer, Bye, Changed, Topic

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class Pace:
    """How a stream behaves, in seconds: changes are gathered, silence is filled, a reader must take what is sent."""

    gather: float = 0.3
    heartbeat: float = 15.0
    send_within: float = 10.0


@dataclass(eq=False)
class Subscription:
    """What one reader has not heard yet."""

    topics: set[Topic] = field(default_factory=set)
    ended: bool = False
    ready: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, topics: Iterable[Topic]) -> None:
        """Something changed."""
        self.topics.update(topics)
        self.ready.set()

    def take(self) -> tuple[Topic, ...]:
        """What changed since the last time."""
        taken, self.topics = sorted(self.topics), set()
        if not self.ended:
            self.ready.clear()
        return tuple(taken)

    def end(self) -> None:
        """There is nothing more to hear."""
        self.ended = True
        self.ready.set()


class Hub:
    """Tells every reader what changed. All methods belong on the daemon's event loop."""

    def __init__(self) -> None:
        self.closing = False
        self._subscriptions: set[Subscription] = set()
        self._next = asyncio.Event()

    @property
    def readers(self) -> int:
        """How many streams are open."""
        return len(self._subscriptions)

    def changed(self, *topics: Topic) -> None:
        """Something changed: tell it to all, now or with the next news."""
        for subscription in self._subscriptions:
            subscription.add(topics)
        self._turn()

    def next_change(self) -> asyncio.Event:
        """Set at the next change, or when the hub closes."""
        return self._next

    def close(self) -> None:
        """Every stream says goodbye; nobody waits for a change any more."""
        self.closing = True
        for subscription in self._subscriptions:
            subscription.end()
        self._turn()

    @contextmanager
    def subscribed(self) -> Iterator[Subscription]:
        """One more reader, for the length of the block."""
        subscription = Subscription()
        if self.closing:
            subscription.end()
        self._subscriptions.add(subscription)
        try:
            yield subscription
        finally:
            self._subscriptions.discard(subscription)

    def _turn(self) -> None:
        self._next.set()
        self._next = asyncio.Event()


class EventStream:
    """The answer to `GET /api/stream`, as an ASGI application.

    Args:
        hello: what the stream begins with.
        abort: cuts the connection.
    """

    def __init__(self, hub: Hub, pace: Pace, hello: Answer, abort: Callable[[], None]) -> None:
        self._hub, self._pace, self._hello, self._abort = hub, pace, hello, abort

    async def __call__(self, _: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Serve one reader until it goes, is too slow, or the daemon stops."""
        with self._hub.subscribed() as subscription:
            gone = asyncio.create_task(_until_gone(receive))
            gone.add_done_callback(lambda _: subscription.end())
            try:
                await self._begin(send)
                await self._tell(subscription, send)
                if self._hub.closing:
                    await self._say(send, "bye", Bye(reason="stopping"))
                await self._send(send, b"", more=False)
            except TimeoutError:
                self._abort()
            finally:
                gone.cancel()

    async def _begin(self, send: Send) -> None:
        headers = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-store")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await self._say(send, "hello", self._hello)

    async def _tell(self, subscription: Subscription, send: Send) -> None:
        while not subscription.ended:
            try:
                async with asyncio.timeout(self._pace.heartbeat):
                    await subscription.ready.wait()
            except TimeoutError:
                await self._send(send, b": still here\n\n")
                continue
            await asyncio.sleep(0 if subscription.ended else self._pace.gather)
            topics = subscription.take()
            if topics:
                await self._say(send, "changed", Changed(topics=topics))

    async def _say(self, send: Send, event: str, data: Answer) -> None:
        await self._send(send, f"event: {event}\ndata: {data.model_dump_json()}\n\n".encode())

    async def _send(self, send: Send, text: bytes, *, more: bool = True) -> None:
        async with asyncio.timeout(self._pace.send_within):
            await send({"type": "http.response.body", "body": text, "more_body": more})


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue
