"""What really goes over the wire, noted below the vendors' SDKs, where nothing is added or left out any more.

Only while somebody listens, as `meritocrab evaluate --explain` does; the daemon keeps none of it. No header is noted
and nothing of an address but host and path: that is where keys stand.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Final


@dataclass(slots=True)
class Exchange:
    """One request as it left and what came back: `status` is None where nothing did, or not in time."""

    method: str
    address: str
    dialect: str
    request: Mapping[str, Any]
    status: int | None = None
    answer: str = ""


@dataclass(slots=True)
class _Notes:
    exchanges: list[Exchange] = field(default_factory=list)
    dialect: str = ""


_notes: ContextVar[_Notes | None] = ContextVar("meritocrab_exchanges", default=None)


@contextmanager
def noting() -> Iterator[list[Exchange]]:
    """Note all exchanges of this task with models, one question at a time, in the list that is returned."""
    notes = _Notes()
    token = _notes.set(notes)
    try:
        yield notes.exchanges
    finally:
        _notes.reset(token)


def note_dialect(name: str) -> None:
    """The next request is in this dialect."""
    notes = _notes.get()
    if notes is not None:
        notes.dialect = name


async def _note_request(request: Any) -> None:
    notes = _notes.get()
    if notes is not None:
        address = f"{request.url.scheme}://{request.url.netloc.decode()}{request.url.path}"
        body = json.loads(request.content or b"{}")
        notes.exchanges.append(Exchange(request.method, address, notes.dialect, body))


async def _note_response(response: Any) -> None:
    notes = _notes.get()
    if notes is not None:
        exchange = notes.exchanges[-1]
        exchange.status = response.status_code
        await response.aread()
        exchange.answer = response.text


HOOKS: Final[Mapping[str, list[Callable[[Any], Any]]]] = {
    "request": [_note_request],
    "response": [_note_response],
}
"""For the HTTP client that an SDK is given."""
