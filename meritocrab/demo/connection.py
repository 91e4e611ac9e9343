"""One keep-alive connection: h11 on asyncio streams, able to break off an answer at any byte.

Faults and the hooks of the world strike here, between what the API has done and what the client gets to hear
of it, because that is where real connections fail.
"""

from __future__ import annotations

import asyncio
import json
import logging
import traceback
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import h11

from meritocrab.demo.api import Api
from meritocrab.demo.faults import ConnectionCutError, Fault
from meritocrab.demo.limits import cost, creates_content
from meritocrab.demo.messages import Request, Response
from meritocrab.demo.request_log import RequestRecord
from meritocrab.demo.world import Hook

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Exchange:
    """One request on its way to an answer."""

    n: int
    request: Request
    fault: Fault | None = None
    lag: float = 0.0
    response: Response | None = None
    applied: bool = False
    cut: bool = False


class Connection:
    """One connection. `errors` takes tracebacks of our own failures; `stopping` ends an answer that is held."""

    def __init__(
        self,
        api: Api,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        errors: list[str],
        stopping: asyncio.Event,
    ) -> None:
        self._api, self._world = api, api.world
        self._reader, self._writer = reader, writer
        self._errors, self._stopping = errors, stopping
        self._http = h11.Connection(h11.SERVER)

    async def serve(self) -> None:
        """Answer requests until one side has had enough."""
        while not self._world.faults.offline:
            request = await self._read()
            if request is None or self._world.faults.offline:
                return
            await self._exchange(request)
            if self._http.our_state is not h11.DONE or self._http.their_state is not h11.DONE:
                await self._goodbye()
                return
            self._http.start_next_cycle()

    async def _goodbye(self) -> None:
        self._writer.close()
        await self._writer.wait_closed()

    async def _event(self) -> Any:
        while (event := self._http.next_event()) is h11.NEED_DATA:
            self._http.receive_data(await self._reader.read(65536))
        return event

    async def _read(self) -> Request | None:
        head, body = await self._event(), b""
        if not isinstance(head, h11.Request):
            return None
        if self._http.they_are_waiting_for_100_continue:
            go_on = h11.InformationalResponse(status_code=100, headers=[])
            self._writer.write(self._http.send(go_on) or b"")
        while isinstance(part := await self._event(), h11.Data):
            body += part.data
        url = urlsplit(head.target.decode("latin-1"))
        headers = {name.decode().lower(): value.decode("latin-1") for name, value in head.headers}
        query = dict(parse_qsl(url.query, keep_blank_values=True))
        return Request(head.method.decode(), url.path, query, url.query, headers, body)

    async def _exchange(self, request: Request) -> None:
        exchange = Exchange(self._world.next_request(), request)
        try:
            await self._answer(exchange)
        except ConnectionCutError:
            exchange.cut = True
            self._log(exchange)
        except ConnectionError:
            raise
        except Exception:
            logger.exception("the simulated GitHub failed at %s %s", request.method, request.path)
            self._errors.append(traceback.format_exc())
            exchange.cut = True
        if exchange.cut or self._world.faults.offline:
            raise ConnectionResetError
        self._hook(self._world.after_response, exchange, loud=False)

    async def _answer(self, exchange: Exchange) -> None:
        request = exchange.request
        self._hook(self._world.before_request, exchange)
        exchange.fault, alongside = self._world.faults.pick(request.method, request.target)
        self._alongside(exchange, alongside)
        await self._decide(exchange)
        self._hook(self._world.after_apply, exchange)
        self._log(exchange)
        if not exchange.cut:
            await self._send(exchange)

    def _hook(self, hook: Hook | None, exchange: Exchange, *, loud: bool = True) -> None:
        if hook is None:
            return
        try:
            hook(exchange.request.method, exchange.request.path, exchange.n)
        except ConnectionCutError:
            if loud:
                raise
            raise ConnectionResetError from None

    @staticmethod
    def _alongside(exchange: Exchange, faults: list[Fault]) -> None:
        for fault in faults:
            if fault.kind == "stale":
                exchange.lag = max(exchange.lag, fault.seconds)
            elif fault.call is not None:
                fault.call(exchange.request.method, exchange.request.path)

    async def _decide(self, exchange: Exchange) -> None:
        fault = exchange.fault
        early = fault is not None and fault.when == "before"
        if fault is not None and fault.kind == "hold" and early:
            await self._hold(fault.seconds)
            early = False
        if fault is None or not early:
            exchange.response = self._api.answer(exchange.request, exchange.lag)
            exchange.applied = True
        if fault is not None:
            await self._apply(exchange, fault)

    async def _apply(self, exchange: Exchange, fault: Fault) -> None:
        response = exchange.response
        if fault.kind == "cut":
            exchange.cut = True
        elif fault.kind == "hold":
            if fault.when == "after":
                await self._hold(fault.seconds)
        elif response is not None and fault.kind in ("html", "bogus", "truncated"):
            _spoil(response, fault)
        else:
            exchange.response = self._api.faulty(exchange.request, fault)

    async def _hold(self, seconds: float) -> None:
        """Let an answer wait, unless the server stops."""
        waiting = asyncio.ensure_future(self._stopping.wait())
        await asyncio.wait([waiting], timeout=seconds)
        waiting.cancel()

    async def _send(self, exchange: Exchange) -> None:
        response, fault = exchange.response, exchange.fault
        if response is None or self._world.faults.offline:
            return
        body = response.body if exchange.request.method != "HEAD" else b""
        truncated = fault is not None and fault.kind == "truncated"
        if truncated:
            body = body[: len(body) // 2]
        self._put(h11.Response(status_code=response.status, headers=_headers(exchange.n, response)))
        if body:
            self._put(h11.Data(data=body))
        if truncated:
            await self._writer.drain()
            await self._goodbye()
            raise ConnectionResetError
        self._put(h11.EndOfMessage())
        await self._writer.drain()

    def _put(self, event: Any) -> None:
        self._writer.write(self._http.send(event) or b"")

    def _log(self, exchange: Exchange) -> None:
        request, response, fault = exchange.request, exchange.response, exchange.fault
        answered = response is not None and not exchange.cut
        self._world.log(
            RequestRecord(
                n=exchange.n,
                method=request.method,
                path=request.path,
                query=request.query,
                status=response.status if response is not None and answered else 0,
                counted_against_quota=response is not None and response.counted,
                token=request.token,
                quota_key=self._api.key_of(request),
                conditional="if-none-match" in request.headers,
                points=cost(request),
                content_creating=creates_content(request),
                at=self._world.now(),
                monotonic=self._world.monotonic(),
                body=_body(request),
                fault=fault.kind if fault is not None else None,
                applied=exchange.applied,
            )
        )


def _headers(n: int, response: Response) -> list[tuple[str, str]]:
    headers = [*response.headers.items(), ("x-github-request-id", f"SIM:{n:08X}")]
    if response.status not in (204, 304):
        headers.append(("content-length", str(len(response.body))))
    return headers


def _body(request: Request) -> Any:
    """The body as the log shows it: JSON where it is JSON."""
    if not request.body:
        return None
    try:
        return json.loads(request.body)
    except ValueError:
        return request.body


def _spoil(response: Response, fault: Fault) -> None:
    """Turn a good answer into one that a client must not trust."""
    if fault.kind == "bogus" and fault.change is not None and response.body:
        changed = fault.change(json.loads(response.body))
        response.body = json.dumps(changed, separators=(",", ":")).encode()
        response.headers.pop("etag", None)
    if fault.kind == "html":
        response.status = fault.status or 200
        response.body = b"<!DOCTYPE html><html><body><h1>Unicorn!</h1></body></html>"
        response.headers = {"content-type": "text/html; charset=utf-8", "date": response.headers["date"]}
