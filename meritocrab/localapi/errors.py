"""What a request may run into, as an error with a code for programs and a sentence for people."""

from __future__ import annotations

from meritocrab.errors import MeritocrabError
from meritocrab.localapi.protocol import STATUS, ErrorAnswer, ErrorCode, ErrorDetail


class ApiError(MeritocrabError):
    """A request that is not carried out; the text is a message for whoever sent it."""

    def __init__(self, code: ErrorCode, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.headers = headers or {}

    @property
    def status(self) -> int:
        """HTTP's status for it."""
        return STATUS[self.code]

    def answer(self) -> ErrorAnswer:
        """The body that says so."""
        return ErrorAnswer(error=ErrorDetail(code=self.code.value, message=str(self)))


def not_found(what: str) -> ApiError:
    """There is no such thing."""
    return ApiError(ErrorCode.NOT_FOUND, what)


class SocketUnusable(MeritocrabError):  # noqa: N818 - a state
    """The local API cannot listen where it should; the message says why and what to do."""
