"""uvicorn as the daemon needs it: no signals, no log of its own, no clock, and it says who is at the other end.

Nobody there can keep others from being answered: a request has to come, and its answer to be taken, within some
seconds; where too many are connected at once, those who have not asked anything yet make room.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import socket
from collections.abc import Callable, Iterator, MutableMapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from meritocrab.localapi.errors import ApiError, SocketUnusable
from meritocrab.localapi.protocol import ErrorCode
from meritocrab.localapi.sockets import Peer, peer_of

CONNECTION = "meritocrab"
"""Where the ASGI scope holds what we know of the connection."""

STOP_WITHIN_SECONDS = 1

BACKLOG = 128
"""So many are let in at once before anybody looks at them: few enough to have descriptors for."""

TOO_MANY = "too many are connected at once; try again in a moment"


@dataclass(frozen=True, slots=True)
class Limits:
    """What one listening socket bears.

    Attributes:
        seconds: how long a request may take to come, and each part of its answer to be taken.
        connections: how many may be connected at once, streams among them.
        reserve: how many more are let in while all of those are being answered; they may only ask how the daemon is.
    """

    seconds: float = 10.0
    connections: int = 200
    reserve: int = 20


@dataclass(frozen=True, slots=True)
class Connection:
    """Who asks, how to cut them off, and whether there is no room for them but in the reserve."""

    peer: Peer | None
    abort: Callable[[], None]
    crowded: bool = False


class HttpServer(uvicorn.Server):
    """One listening socket's server; `ready` is set once it listens."""

    def __init__(self, application: Any, limits: Limits) -> None:
        super().__init__(
            uvicorn.Config(
                application,
                http=functools.partial(_Protocol, limits),  # type: ignore[arg-type]
                backlog=BACKLOG,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                date_header=False,
                timeout_graceful_shutdown=STOP_WITHIN_SECONDS,
            )
        )
        self.ready = asyncio.Event()
        self._ended = asyncio.Event()

    def end(self) -> None:
        """Listen no more; what is in hand is answered."""
        self.should_exit = True
        self._ended.set()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()

    async def main_loop(self) -> None:
        await self._ended.wait()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class _Protocol(H11Protocol):
    """One connection: adds to each request who is at the other end, and keeps it within the limits."""

    def __init__(self, limits: Limits, **given: Any) -> None:
        super().__init__(**given)
        self._limits = limits
        self._deadline: asyncio.TimerHandle | None = None
        self._made_at = self.loop.time()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_request()
        connected = transport.get_extra_info("socket")
        peer = peer_of(connected) if connected is not None else None
        connection, inner = Connection(peer, transport.abort, not self._finds_room()), self.app

        async def known(scope: Any, receive: Any, send: Any) -> None:
            scope[CONNECTION] = connection
            await inner(scope, receive, functools.partial(self._send_in_time, send))

        self.app = known

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._await_request()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._await_request()
        if self.transport.get_write_buffer_size():
            self.loop.call_later(self._limits.seconds, self._cut_off)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._stop_waiting()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's words are ours
        self._turn_away(ApiError(ErrorCode.BAD_REQUEST, "this is not HTTP"))

    def _unsupported_upgrade_warning(self) -> None:
        """Nothing to warn of: there are no web sockets here, and nobody should install any."""

    # ---- how long

    def _await_request(self) -> None:
        """Start the time for a request that has begun, or never was; end it when it is there."""
        begun = self.conn.their_state is h11.SEND_BODY or (
            self.conn.their_state is h11.IDLE and (self.cycle is None or bool(self.conn.trailing_data[0]))
        )
        if not begun:
            self._stop_waiting()
        elif self._deadline is None:
            self._deadline = self.loop.call_later(self._limits.seconds, self._give_up)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        text = f"the request was not there after {self._limits.seconds:g} seconds"
        self._turn_away(ApiError(ErrorCode.REQUEST_TIMEOUT, text))

    async def _send_in_time(self, send: Any, message: MutableMapping[str, Any]) -> None:
        try:
            async with asyncio.timeout(self._limits.seconds):
                await send(message)
        except TimeoutError:
            self.transport.abort()

    def _cut_off(self) -> None:
        """Only closing would wait for ever for whoever does not take the last answer."""
        if self.transport.get_write_buffer_size():
            self.transport.abort()

    # ---- how many

    @property
    def _is_waiting(self) -> bool:
        """Has it asked nothing that is being answered?"""
        return self.cycle is None or self.cycle.response_complete or self.conn.their_state is h11.SEND_BODY

    def _finds_room(self) -> bool:
        """Whether this connection has a place, perhaps that of who has waited longest; else it is in the reserve."""
        present = [each for each in self.connections if isinstance(each, _Protocol) and each._is_there]
        if len(present) <= self._limits.connections:
            return True
        waiting = [each for each in present if each is not self and each._is_waiting]
        if waiting:
            min(waiting, key=lambda each: each._made_at)._turn_away(ApiError(ErrorCode.UNAVAILABLE, TOO_MANY))
        elif len(present) > self._limits.connections + self._limits.reserve:
            self._turn_away(ApiError(ErrorCode.UNAVAILABLE, TOO_MANY))
        return bool(waiting) and len(present) - 1 <= self._limits.connections

    @property
    def _is_there(self) -> bool:
        """Is it neither gone nor going?"""
        return not self.transport.is_closing()

    def _turn_away(self, error: ApiError) -> None:
        """Say why, as all answers do, and hang up; where an answer was begun already, only hang up."""
        if self.transport.is_closing():
            return
        if self.conn.our_state not in (h11.IDLE, h11.SEND_RESPONSE) or self.transport.get_write_buffer_size():
            self.transport.abort()
            return
        if self.cycle is not None:
            self.cycle.disconnected = True  # whoever works at it must not answer, too
        for event in _written(error):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()


def _written(error: ApiError) -> tuple[h11.Event, ...]:
    body = error.answer().model_dump_json().encode()
    headers = [
        ("content-type", "application/json"),
        ("content-length", str(len(body))),
        ("connection", "close"),
    ]
    begin = h11.Response(status_code=error.status, headers=headers, reason=HTTPStatus(error.status).phrase)
    return begin, h11.Data(data=body), h11.EndOfMessage()


def bind_loopback(address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((address, port))
        bound.setblocking(False)
    except OSError as error:
        bound.close()
        text = f"cannot listen at {address} port {port}: {error.strerror}; set `[api] listen` to another port"
        raise SocketUnusable(text) from None
    return bound
