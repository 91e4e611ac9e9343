"""Why a request was not carried out: a code for programs, a sentence for people."""

from __future__ import annotations

from enum import StrEnum

from pydantic import ValidationError

from meritocrab.localapi.protocol.base import Answer


class ErrorCode(StrEnum):
    """Why a request was not carried out."""

    BAD_REQUEST = "bad_request"
    BAD_CURSOR = "bad_cursor"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    REQUEST_TIMEOUT = "request_timeout"
    CONFLICT = "conflict"
    AMBIGUOUS = "ambiguous"
    REQUEST_ID_REUSED = "request_id_reused"
    NOT_READY = "not_ready"
    TOO_LARGE = "too_large"
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    INVALID = "invalid"
    INTERNAL = "internal"
    UNAVAILABLE = "unavailable"


STATUS: dict[ErrorCode, int] = {
    ErrorCode.BAD_REQUEST: 400,
    ErrorCode.BAD_CURSOR: 400,
    ErrorCode.FORBIDDEN: 403,
    ErrorCode.NOT_FOUND: 404,
    ErrorCode.METHOD_NOT_ALLOWED: 405,
    ErrorCode.REQUEST_TIMEOUT: 408,
    ErrorCode.CONFLICT: 409,
    ErrorCode.AMBIGUOUS: 409,
    ErrorCode.REQUEST_ID_REUSED: 409,
    ErrorCode.NOT_READY: 409,
    ErrorCode.TOO_LARGE: 413,
    ErrorCode.UNSUPPORTED_MEDIA_TYPE: 415,
    ErrorCode.INVALID: 422,
    ErrorCode.INTERNAL: 500,
    ErrorCode.UNAVAILABLE: 503,
}


class ErrorDetail(Answer):
    """A code for programs, a sentence for people."""

    code: str
    message: str


class ErrorAnswer(Answer):
    """Every answer that is not a success."""

    error: ErrorDetail


def problems(error: ValidationError) -> str:
    """What a model says about a value, in one line."""
    found = []
    for each in error.errors(include_url=False, include_context=False):
        place = ".".join(str(part) for part in each["loc"])
        text = each["msg"].removeprefix("Value error, ")
        found.append(f"{place}: {text}" if place else text)
    return "; ".join(found)
