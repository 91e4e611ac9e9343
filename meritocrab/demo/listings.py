"""What lists have in common: pages with their `Link`, `since`, and the state asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import urlencode

from meritocrab.demo.messages import HttpError, Reply
from meritocrab.demo.objects import Thread
from meritocrab.demo.routing import Call

T = TypeVar("T")


def paged(call: Call, items: Sequence[T], render: Callable[[T], Any], wrap: str | None = None) -> Reply:
    """One page of a list with its `Link`; with `wrap` it stands inside an object beside its total."""
    query = call.request.query
    size, page = positive(query.get("per_page"), 30, 100), positive(query.get("page"), 1, 10**6)
    last = max(1, -(-len(items) // size))
    shown = [render(item) for item in items[(page - 1) * size : page * size]]
    headers = {"link": links} if (links := _links(call, page, last)) else {}
    return Reply({"total_count": len(items), wrap: shown} if wrap else shown, headers=headers)


def positive(text: str | None, default: int, most: int) -> int:
    """A number from a query; nonsense counts as absent, as on GitHub."""
    try:
        number = int(text or default)
    except ValueError:
        return default
    return min(number, most) if number > 0 else default


def _links(call: Call, page: int, last: int) -> str:
    places = {"prev": page - 1, "next": page + 1, "last": last, "first": 1}
    if page <= 1:
        del places["prev"], places["first"]
    if page >= last:
        places = {rel: number for rel, number in places.items() if rel in ("prev", "first")}
    others = {key: value for key, value in call.request.query.items() if key != "page"}
    return ", ".join(
        f'<{call.base}?{urlencode({**others, "page": number})}>; rel="{rel}"'
        for rel, number in places.items()
    )


def since(call: Call) -> datetime | None:
    """The `since` of a listing."""
    text = call.request.query.get("since")
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise HttpError(422, f"Invalid value for since: {text}") from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def in_state(call: Call, threads: Iterable[Thread]) -> list[Thread]:
    """The threads in the state that a listing asks for; open ones unless it says otherwise."""
    state = call.request.query.get("state", "open")
    return [thread for thread in threads if state in ("all", thread.state)]
