"""The simulated GitHub's front door: the REST API over real HTTP, as far as a client like ours may use it.

Fakes that sit behind our own client prove little: they never send a redirect, half a body or a 304. This
one speaks HTTP from its own thread, to a daemon in this process or in another, and keeps to what the real
service does: paging by `Link`, ETags that belong to one token, quotas, App tokens that expire, refusals with
GitHub's words. This module opens the port and keeps the thread; `meritocrab.demo.connection` speaks HTTP on it,
and `meritocrab.demo.api` answers.

    world = World()
    with SimulatedGitHub(world) as github:
        ...  # github.url
"""

from __future__ import annotations

import asyncio
import threading
from functools import partial
from types import TracebackType

import h11

from meritocrab.demo.api import Api
from meritocrab.demo.connection import Connection
from meritocrab.demo.world import World


class SimulatedGitHub:
    """The world behind a port, served from a thread of its own."""

    def __init__(self, world: World, host: str = "127.0.0.1", port: int = 0) -> None:
        self.world = world
        self.errors: list[str] = []
        """Tracebacks of the server itself: a test may assert that there are none."""
        self._host, self._port = host, port
        self._ready = threading.Event()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._failure: OSError | None = None
        self._connections: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """The address to give to a client as the API's."""
        return f"http://{self._host}:{self._port}"

    def start(self) -> SimulatedGitHub:
        """Listen, on the same port as before when started again."""
        self._ready.clear()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="github", daemon=True)
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            raise self._failure
        return self

    def stop(self) -> None:
        """Cut all connections and stop listening."""
        if self._thread is None or self._loop is None or self._stopping is None:
            return
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()
        self._thread = None

    def __enter__(self) -> SimulatedGitHub:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    async def _run(self) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        try:
            server = await self._listen(self._stopping)
        except OSError as error:
            self._failure = error
            self._ready.set()
            return
        self._ready.set()
        await self._stopping.wait()
        server.close()
        for task in list(self._connections):
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _listen(self, stopping: asyncio.Event) -> asyncio.Server:
        """Bind first and listen then: answers hold our own address, so the port must be known before them."""
        server = await asyncio.start_server(
            partial(self._accept, stopping), self._host, self._port, backlog=512, start_serving=False
        )
        self._port = server.sockets[0].getsockname()[1]
        await server.start_serving()
        return server

    async def _accept(
        self, stopping: asyncio.Event, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._connections.add(task)
        try:
            api = Api(self.world, self.url)
            await Connection(api, reader, writer, self.errors, stopping).serve()
        except (ConnectionError, h11.RemoteProtocolError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()
            if task is not None:
                self._connections.discard(task)
