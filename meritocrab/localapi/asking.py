"""Reads requests: parts of the path, query, body and request id, each checked before anything looks at it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from secrets import token_hex
from typing import Any

from pydantic import ValidationError
from starlette.requests import Request

from meritocrab.localapi import protocol as p
from meritocrab.localapi.errors import ApiError
from meritocrab.localapi.httpd import CONNECTION, Connection
from meritocrab.localapi.protocol import ErrorCode
from meritocrab.localapi.routes import Format, Route

LARGEST_ID = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Call:
    """One request, checked: parts of the path, the query, the body of an act, and who asks."""

    route: Route
    parts: Mapping[str, str]
    query: Any
    body: Any
    connection: Connection
    request_id: str

    @property
    def repository(self) -> str:
        """The repository that the path names."""
        return f"{self.parts['owner']}/{self.parts['repo']}"

    def number(self, name: str = "id") -> int:
        """A part of the path that is a number.

        Raises:
            ApiError: it is none.
        """
        text = self.parts[name]
        if not re.fullmatch(r"[1-9][0-9]{0,18}", text) or int(text) > LARGEST_ID:
            raise ApiError(ErrorCode.INVALID, f"{name} must be a positive number")
        return int(text)


async def read_call(route: Route, request: Request) -> Call:
    connection = request.scope[CONNECTION]
    parts = {name: _storable(name, value) for name, value in request.path_params.items()}
    query = _checked(route.query, _query_values(request))
    body, request_id = None, ""
    if route.body is not None:
        body = await _read_body(route.body, request)
        request_id = _request_id(request, body)
    return Call(route, parts, query, body, connection, request_id)


def _query_values(request: Request) -> dict[str, str]:
    values = request.query_params.multi_items()
    names = [name for name, _ in values]
    repeated = next((name for name in names if names.count(name) > 1), None)
    if repeated is not None:
        raise ApiError(ErrorCode.INVALID, f"{repeated}: is given more than once")
    return {name: _storable(name, value) for name, value in values}


def _storable(name: str, value: str) -> str:
    """No database takes a NUL, and no name or word holds a control character."""
    if any(ord(char) < 32 or ord(char) == 127 for char in value):
        raise ApiError(ErrorCode.INVALID, f"{name}: must not hold control characters")
    return value


async def _read_body(model: type[p.Body], request: Request) -> Any:
    raw = await _read_bytes(request)
    if not raw:
        return _checked(model, {})
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != Format.JSON.value:
        text = "send the body as JSON, with the header Content-Type: application/json"
        raise ApiError(ErrorCode.UNSUPPORTED_MEDIA_TYPE, text, {"connection": "close"})
    try:
        values = json.loads(raw)
    except (ValueError, RecursionError):
        raise ApiError(ErrorCode.BAD_REQUEST, "the body is not JSON") from None
    if not isinstance(values, dict):
        raise ApiError(ErrorCode.BAD_REQUEST, "the body must be a JSON object")
    return _checked(model, values)


async def _read_bytes(request: Request) -> bytes:
    """The body, never more of it than is allowed."""
    announced = request.headers.get("content-length", "0")
    raw = bytearray()
    if announced.isdigit() and int(announced) <= p.MAX_BODY_BYTES:
        async for chunk in request.stream():
            raw += chunk
            if len(raw) > p.MAX_BODY_BYTES:
                break
        else:
            return bytes(raw)
    text = f"the body must not be longer than {p.MAX_BODY_BYTES} bytes"
    raise ApiError(ErrorCode.TOO_LARGE, text, {"connection": "close"})


def _checked(model: type[Any], values: Mapping[str, Any]) -> Any:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise ApiError(ErrorCode.INVALID, p.problems(error)) from None


def _request_id(request: Request, body: Any) -> str:
    header = request.headers.get(p.IDEMPOTENCY_HEADER)
    if header is not None and not re.fullmatch(p.REQUEST_ID, header):
        text = f"{p.IDEMPOTENCY_HEADER}: up to 100 letters, digits and ._:- are taken"
        raise ApiError(ErrorCode.INVALID, text)
    if header is not None and body.request_id not in (None, header):
        raise ApiError(ErrorCode.INVALID, f"request_id differs from the header {p.IDEMPOTENCY_HEADER}")
    return header or body.request_id or token_hex(16)
