"""Speaks HTTP over the Unix socket, in the daemon's own event loop: reads requests, calls views and acts, answers.

Starlette finds the route, uvicorn speaks the protocol. Neither may do more: we bind the socket, we keep the signals,
our log is the log, and whatever goes wrong is answered as JSON in words.
"""

from __future__ import annotations

import asyncio
import functools
import json
import logging
import os
import socket
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route as StarletteRoute

from meritocrab.errors import MeritocrabError
from meritocrab.localapi import acts, openapi, routes
from meritocrab.localapi import protocol as p
from meritocrab.localapi.acts import Acts, Order
from meritocrab.localapi.asking import Call, read_call
from meritocrab.localapi.errors import ApiError
from meritocrab.localapi.host import Host
from meritocrab.localapi.httpd import CONNECTION, TOO_MANY, HttpServer, Limits, bind_loopback
from meritocrab.localapi.metrics import metrics
from meritocrab.localapi.protocol import ErrorCode
from meritocrab.localapi.routes import ROUTES, Format, Route
from meritocrab.localapi.sockets import Peer, bind_socket, is_in_place, passed_socket, remove_socket
from meritocrab.localapi.stream import EventStream, Hub, Pace
from meritocrab.localapi.views import contributors, evaluations, records, report, repositories
from meritocrab.localapi.views.health import health, pause_health
from meritocrab.logs import log_context
from meritocrab.pausing import PauseFailed
from meritocrab.store.errors import StoreError

log = logging.getLogger("meritocrab.localapi")

Handler = Callable[[Call], Awaitable[Any]]


class LocalApi:
    """The local API of one daemon. `start`, and `stop` before anything else of the daemon ends.

    Args:
        socket: where to listen, unless systemd hands a socket over.
        listen: a loopback address for `/health` and `/metrics` besides, or None.
        environ: where systemd's variables are looked for.
    """

    def __init__(
        self,
        host: Host,
        hub: Hub,
        path: Path,
        listen: tuple[str, int] | None = None,
        *,
        pace: Pace | None = None,
        limits: Limits | None = None,
        act_seconds: float = acts.WAIT_SECONDS,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self.host, self.hub, self.path = host, hub, path
        self._listen, self._environ = listen, environ
        self._pace, self._limits = pace or Pace(), limits or Limits()
        self._acts = Acts(host, hub, act_seconds)
        self._handlers = self._all_handlers()
        self._servers: list[HttpServer] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._bound: os.stat_result | None = None
        self._at_path: HttpServer | None = None

    async def start(self) -> None:
        """Listen from now on.

        Raises:
            SocketUnusable: somebody else listens there, or nobody may.
        """
        passed = passed_socket(self._environ, os.getpid())
        if passed is not None:
            await self._serve(passed, ROUTES)
        else:
            await self._listen_at_path()
        if self._listen is not None:
            public = tuple(route for route in ROUTES if route.public)
            await self._serve(bind_loopback(*self._listen), public)
        log.info("the local API listens at %s", passed.getsockname() if passed else self.path)

    async def _listen_at_path(self) -> None:
        listening = bind_socket(self.path)
        self._bound = self.path.stat()
        self._at_path = await self._serve(listening, ROUTES)

    async def watch_socket(self) -> None:
        """Where our socket was taken away, with its directory perhaps, make it anew; connections there are end with it.

        Raises:
            SocketUnusable: that cannot be done now.
        """
        if self._bound is None or self._at_path is None or is_in_place(self.path, self._bound):
            return
        unseen = self._at_path
        await self._listen_at_path()
        self._servers.remove(unseen)
        unseen.end()
        log.warning("the socket %s had been taken away; it is there again", self.path)

    def use(self, host: Host) -> None:
        """Answer from now on for a daemon whose settings changed; open connections stay."""
        self.host = host
        self._acts.use(host)

    async def stop(self) -> None:
        """Say goodbye to the streams, answer what is in hand, listen no more. Harmless when repeated."""
        self.hub.close()
        for server in self._servers:
            server.end()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._servers, self._tasks = [], set()
        remove_socket(self.path, self._bound)

    async def _serve(self, listening: socket.socket, served: tuple[Route, ...]) -> HttpServer:
        server = HttpServer(self._application(served), self._limits)
        self._servers.append(server)
        task = asyncio.create_task(server.serve(sockets=[listening]))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        await server.ready.wait()
        return server

    def _application(self, served: tuple[Route, ...]) -> Starlette:
        found = [
            StarletteRoute(route.path, functools.partial(self._endpoint, route), methods=[route.method])
            for route in served
        ]
        application = Starlette(routes=found, exception_handlers={HTTPException: _no_such_path})
        application.router.redirect_slashes = False
        return application

    # ---- one request

    async def _endpoint(self, route: Route, request: Request) -> Any:
        with log_context(request=route.name):
            try:
                _make_sure_of_room(route, request)
                call = await read_call(route, request)
                return self._written(route, await self._handlers[route.name](call))
            except ApiError as error:
                return _refusal(error)
            except StoreError as error:
                return _refusal(ApiError(ErrorCode.UNAVAILABLE, str(error)))
            except ClientDisconnect:
                return Response(status_code=400)
            except Exception:
                log.exception("%s %s failed by our own fault", route.method, route.path)
                text = "a fault of the daemon kept it from answering; its log says more"
                return _refusal(ApiError(ErrorCode.INTERNAL, text))

    def _written(self, route: Route, answer: Any) -> Any:
        if route.format is Format.STREAM:
            return answer
        if isinstance(answer, bytes):
            return Response(answer, media_type=route.format.value)
        content = answer.model_dump_json() if isinstance(answer, BaseModel) else json.dumps(answer)
        return Response(content, status_code=_status(answer), media_type=Format.JSON.value)

    # ---- what each route does

    def _all_handlers(self) -> dict[str, Handler]:
        return {
            routes.HEALTH.name: lambda _: health(self.host),
            routes.METRICS.name: lambda _: metrics(self.host),
            routes.OPENAPI.name: _openapi,
            routes.STREAM.name: self._stream,
            routes.EVALUATION_FILES.name: self._files,
            **self._reads(),
            **{route.name: self._act for route in ROUTES if route.is_act},
            routes.PAUSE_ALL.name: self._pause_all,
            routes.RESUME_ALL.name: self._pause_all,
        }

    def _reads(self) -> dict[str, Handler]:
        def view(route: Route, fn: Callable[..., Any], *wanted: str) -> tuple[str, Handler]:
            return route.name, functools.partial(self._read, fn, wanted)

        return dict(
            (
                view(routes.REPOSITORIES, repositories.everything),
                view(routes.REPOSITORY_ONE, repositories.one, "repository"),
                view(routes.POLICY, repositories.policy, "repository"),
                view(routes.ALL_EVALUATIONS, evaluations.listing, "everywhere", "query"),
                view(routes.ANY_EVALUATION, evaluations.one, "everywhere", "id"),
                view(routes.EVALUATIONS, evaluations.listing, "repository", "query"),
                view(routes.EVALUATION, evaluations.one, "repository", "id"),
                view(routes.CONTRIBUTORS, contributors.listing, "repository", "query"),
                view(routes.CONTRIBUTOR, contributors.one, "repository", "user"),
                view(routes.CONTRIBUTOR_LEDGER, contributors.ledger, "repository", "user", "query"),
                view(routes.EVENTS, records.events, "repository", "query"),
                view(routes.ACTIVITY, records.activity, "query"),
                view(routes.OUTBOX, records.outbox, "query"),
                view(routes.WHY, records.why, "repository", "number"),
                view(routes.REPORT, report.report, "query"),
            )
        )

    async def _read(self, fn: Callable[..., Any], wanted: tuple[str, ...], call: Call) -> Any:
        arguments = [_argument(call, name) for name in wanted]
        return await self.host.store.read(fn, self.host, *arguments)

    async def _files(self, call: Call) -> p.FileList:
        wanted = (_argument(call, "repository"), _argument(call, "id"))
        repository, row = await self.host.store.read(evaluations.find, *wanted)
        try:
            files = await self.host.changed_files(repository.access, repository.full_name, row.number)
        except MeritocrabError as error:
            raise ApiError(ErrorCode.UNAVAILABLE, str(error)) from None
        return p.FileList(
            items=tuple(
                p.FileItem(
                    path=file.path,
                    status=file.status,
                    additions=file.additions,
                    deletions=file.deletions,
                    patch=file.patch[: p.LARGEST_PATCH],
                )
                for file in files
            )
        )

    async def _stream(self, call: Call) -> EventStream:
        return EventStream(self.hub, self._pace, await health(self.host), call.connection.abort)

    async def _act(self, call: Call) -> p.ActAnswer:
        return await self._acts.perform(
            Order(call.route.name, _peer(call), call.body, call.request_id, _target(call))
        )

    async def _pause_all(self, call: Call) -> p.PauseAnswer:
        """No event of the inbox: the file is the truth, and making it twice is harmless."""
        actor, reason, at_rest = _peer(call).actor, call.body.reason, True
        try:
            if call.route is routes.PAUSE_ALL:
                changed, at_rest = await self.host.pause_all(actor, reason)
            else:
                changed = await self.host.resume_all(actor, reason)
        except PauseFailed as error:
            raise ApiError(ErrorCode.UNAVAILABLE, str(error)) from None
        found = pause_health(self.host)
        return p.PauseAnswer(paused=found, changed=changed, at_rest=at_rest, actor=actor)


def _make_sure_of_room(route: Route, request: Request) -> None:
    """Where all places are taken, only questions about the daemon itself are answered."""
    if request.scope[CONNECTION].crowded and not route.public:
        raise ApiError(ErrorCode.UNAVAILABLE, TOO_MANY, {"connection": "close"})


def _peer(call: Call) -> Peer:
    if call.connection.peer is None:
        text = "this system does not tell who asks, so that nobody could answer for the act"
        raise ApiError(ErrorCode.FORBIDDEN, text)
    return call.connection.peer


def _argument(call: Call, name: str) -> Any:
    match name:
        case "everywhere":
            return None
        case "repository":
            return call.repository
        case "query":
            return call.query
        case "id" | "number":
            return call.number(name)
    return call.parts[name]


def _target(call: Call) -> Callable[[], acts.Target]:
    """What the act of this request is about, by the parts of its path."""
    match call.route:
        case routes.CANCEL:
            return acts.on_action(call.number())
        case routes.UNDO:
            return acts.on_ledger_row(call.repository, call.number())
        case routes.APPROVE | routes.OVERRIDE | routes.RECONSIDER:
            return acts.on_evaluation(call.repository, call.number())
        case routes.ADJUST | routes.BLACKLIST | routes.UNBLACKLIST:
            return acts.on_person(call.repository, call.parts["user"])
    return acts.on_repository(call.repository)


async def _openapi(_: Call) -> dict[str, Any]:
    return openapi.document()


def _status(answer: Any) -> int:
    if isinstance(answer, p.ActAnswer) and answer.status is p.ActStatus.ACCEPTED:
        return 202
    if isinstance(answer, p.Health) and answer.status is p.HealthStatus.UNHEALTHY:
        return 503
    return 200


# ---- answers that say no


def _refusal(error: ApiError) -> Response:
    content = error.answer().model_dump_json()
    return Response(content, error.status, headers=error.headers, media_type=Format.JSON.value)


async def _no_such_path(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for these
    if error.status_code == 405:
        allowed = dict(error.headers or {})
        text = f"{request.method} is not possible here, only {allowed.get('Allow', 'another method')}"
        return _refusal(ApiError(ErrorCode.METHOD_NOT_ALLOWED, text, allowed))
    text = "there is no such path; `GET /openapi.json` describes those that there are"
    return _refusal(ApiError(ErrorCode.NOT_FOUND, text))
