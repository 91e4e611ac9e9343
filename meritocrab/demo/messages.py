"""Requests, answers and refusals: what passes between the sockets and the API.

Neither side needs to know the other: the connection makes a `Request` and sends a `Response`, a handler
returns a `Reply` or raises an `HttpError` in GitHub's words.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

JSON = dict[str, Any]

DOCS = "https://docs.github.com/rest"


@dataclass(slots=True)
class Request:
    """One request as it came in."""

    method: str
    path: str
    query: dict[str, str]
    raw_query: str
    headers: dict[str, str]
    body: bytes = b""

    @property
    def target(self) -> str:
        """The path with its query."""
        return f"{self.path}?{self.raw_query}" if self.raw_query else self.path

    @property
    def token(self) -> str | None:
        """The credential, without its scheme."""
        scheme, _, value = self.headers.get("authorization", "").partition(" ")
        return (value.strip() if scheme.lower() in ("bearer", "token") else scheme) or None

    @property
    def reads(self) -> bool:
        """Whether the request changes nothing."""
        return self.method in ("GET", "HEAD")

    def json(self) -> Any:
        """The body as JSON; an empty one is an empty object."""
        if not self.body:
            return {}
        try:
            return json.loads(self.body)
        except ValueError:
            raise HttpError(400, "Problems parsing JSON") from None


@dataclass(slots=True)
class Response:
    """One answer, ready to be sent."""

    status: int
    body: bytes
    headers: dict[str, str]
    counted: bool = False


@dataclass(slots=True)
class Reply:
    """What a handler answers; the rest of the response is the same for all."""

    payload: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    content_type: str = "application/json; charset=utf-8"


class HttpError(Exception):
    """An answer other than success, in GitHub's words."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        errors: list[Any] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.errors, self.headers = status, message, errors, headers or {}

    def reply(self) -> Reply:
        """The error as GitHub writes it."""
        payload: JSON = {"message": self.message, "documentation_url": DOCS, "status": str(self.status)}
        if self.errors is not None:
            payload["errors"] = self.errors
        return Reply(payload, self.status, self.headers)


def not_found() -> HttpError:
    """The answer for what is not there, and for what one may not see."""
    return HttpError(404, "Not Found")


def invalid(resource: str, field_name: str, message: str, code: str = "custom") -> HttpError:
    """The answer to a well-formed request that makes no sense."""
    errors = [{"resource": resource, "code": code, "field": field_name, "message": message}]
    return HttpError(422, "Validation Failed", errors=errors)


def issues_disabled() -> HttpError:
    """The answer where a repository has no issues."""
    return HttpError(410, "Issues has been disabled in this repository.")
