"""uvicorn as the daemon needs it: no signals, no log of its own, no clock, and it says who is at the other end."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from meritocrab.localapi.errors import SocketUnusable
from meritocrab.localapi.sockets import Peer, peer_of

CONNECTION = "meritocrab"
"""Where the ASGI scope holds what we know of the connection."""

STOP_WITHIN_SECONDS = 1


@dataclass(frozen=True, slots=True)
class Connection:
    """Who asks, and how to cut them off."""

    peer: Peer | None
    abort: Callable[[], None]


class HttpServer(uvicorn.Server):
    """One listening socket's server; `ready` is set once it listens."""

    def __init__(self, application: Any) -> None:
        super().__init__(
            uvicorn.Config(
                application,
                http=_Protocol,
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
    """Adds to each request who is at the other end."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        connected = transport.get_extra_info("socket")
        peer = peer_of(connected) if connected is not None else None
        connection, inner = Connection(peer, transport.abort), self.app

        async def known(scope: Any, receive: Any, send: Any) -> None:
            scope[CONNECTION] = connection
            await inner(scope, receive, send)

        self.app = known


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
