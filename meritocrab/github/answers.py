"""From answers to values: single objects, pages, whole listings and confirmed writes.

Between `connection`, which knows bytes and limits, and `client`, which knows what there is to ask: the few
shapes in which GitHub answers at all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Generic, TypeVar, overload

from meritocrab.github.connection import Connection, log
from meritocrab.github.errors import BadAnswer
from meritocrab.github.fields import Batch, Fields, Problem, read_batch
from meritocrab.github.sansio import (
    PER_PAGE,
    Answer,
    Request,
    format_stamp,
    has_next,
    read_date,
    read_json,
    target,
)

T = TypeVar("T")

PAGES_AT_MOST = 100
"""Pages of one listing that is read whole; more than 10,000 reviews or events of one thread are an error."""


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A listing, or a page of one, as read.

    Attributes:
        items: what could be read, in GitHub's order.
        problems: items that could not.
        stamps: id and update time of *all* items, when the listing is ordered by update.
        etag: names this answer, for the token of `token_generation`.
        date: GitHub's time when it answered (aware UTC).
        full: whether more may lie behind this page.
        counted: whether GitHub charged the request to the hourly limit.
    """

    items: tuple[T, ...]
    problems: tuple[Problem, ...]
    stamps: tuple[tuple[int, datetime], ...]
    etag: str | None
    token_generation: str
    date: datetime
    full: bool
    counted: bool


@dataclass(frozen=True, slots=True)
class NotModified:
    """GitHub answered 304: nothing changed since the ETag was given."""

    etag: str
    token_generation: str
    date: datetime
    counted: bool


class Asker(Connection):
    """A connection that reads its answers; see `client` for what is asked."""

    @overload
    async def _write(
        self, method: str, path: str, values: Mapping[str, Any] | None, parse: Callable[[Fields], T]
    ) -> T: ...
    @overload
    async def _write(self, method: str, path: str, values: Mapping[str, Any] | None = None) -> None: ...
    async def _write(
        self,
        method: str,
        path: str,
        values: Mapping[str, Any] | None = None,
        parse: Callable[[Fields], T] | None = None,
    ) -> T | None:
        request = Request(method, path, json=values, writes=True)
        answer = await self.ask(request)
        # read in any case: a page of HTML with status 200 comes from a proxy, not from GitHub
        data = None if answer.status == 204 else read_json(request, answer)
        return parse(Fields(data, request.label)) if parse else None

    # Reading answers

    async def _one(self, path: str, parse: Callable[[Fields], T]) -> T:
        request = Request("GET", path)
        answer = await self.ask(request)
        return parse(Fields(read_json(request, answer), request.label))

    async def _page(
        self, request: Request, parse: Callable[[Fields], T], *, stamp: str | None = None, rows: str = ""
    ) -> Page[T] | NotModified:
        answer = await self.ask(request)
        if answer.status == 304:
            return self._not_modified(request, answer)
        data = read_json(request, answer)
        listed = Fields(data, request.label).rows(rows) if rows else data
        batch = read_batch(listed, request.label, parse, stamp)
        for problem in batch.problems:
            log.warning("item %d is set aside: %s", problem.id, problem.reason)
        more = has_next(answer.headers)
        return self._to_page(answer, batch, full=len(listed) >= PER_PAGE if more is None else more)

    async def _all_pages(
        self,
        path: str,
        parse: Callable[[Fields], T],
        *,
        since: datetime | None = None,
        stamp: str | None = None,
        rows: str = "",
    ) -> Page[T]:
        pages: list[Page[T]] = []
        stamped = None if since is None else format_stamp(since)
        while not pages or pages[-1].full:
            if len(pages) == PAGES_AT_MOST:
                raise BadAnswer(f"GET {path}: more than {PAGES_AT_MOST * PER_PAGE} items; not read.")
            number = len(pages) + 1
            query = target(path, per_page=PER_PAGE, since=stamped, page=number if number > 1 else None)
            request = Request("GET", query)
            page = await self._page(request, parse, stamp=stamp, rows=rows)
            pages.append(as_page(request, page))
        return _joined(pages)

    def _to_page(self, answer: Answer, batch: Batch[T], *, full: bool) -> Page[T]:
        return Page(
            items=batch.items,
            problems=batch.problems,
            stamps=batch.stamps,
            etag=answer.headers.get("etag"),
            token_generation=self.token_generation,
            date=read_date(answer.headers) or self.github_now(),
            full=full,
            counted=self._charged(answer),
        )

    def _not_modified(self, request: Request, answer: Answer) -> NotModified:
        return NotModified(
            etag=request.etag or answer.headers.get("etag", ""),
            token_generation=self.token_generation,
            date=read_date(answer.headers) or self.github_now(),
            counted=self._charged(answer),
        )


def as_page(request: Request, found: Page[T] | NotModified) -> Page[T]:
    """The page, where no ETag was sent and a 304 makes no sense."""
    if isinstance(found, NotModified):
        raise BadAnswer(f"{request.label}: GitHub answered 304 to a request without an ETag.")
    return found


def _joined(pages: list[Page[T]]) -> Page[T]:
    """Pages of one listing as one; an item that slipped to the next page while paging is listed once."""
    last = pages[-1]
    return replace(
        last,
        items=tuple(dict.fromkeys(item for page in pages for item in page.items)),
        problems=tuple(dict.fromkeys(problem for page in pages for problem in page.problems)),
        stamps=tuple(dict.fromkeys(stamp for page in pages for stamp in page.stamps)),
        etag=None,
    )
