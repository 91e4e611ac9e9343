"""A list over pages of the local API: it asks for what is seen, keeps a few pages, and follows changes in place."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Sequence
from datetime import datetime
from typing import Any, TypeVar

from textual.message import Message

from meritocrab.localapi.client import LocalApiError
from meritocrab.localapi.protocol import Page
from meritocrab.tui.asking import Asking
from meritocrab.tui.book import Ask, Book
from meritocrab.tui.columns import Column
from meritocrab.tui.widgets.rows import Cells, RowList

T = TypeVar("T")
Fetch = Callable[[Ask, int], Awaitable[Page[T]]]


class PagedList(RowList[T]):
    """A `RowList` whose rows come page by page.

    Args:
        fetch: asks for a page of this many rows; backwards ones in reversed order.
        both_ends: can it be read backwards?
    """

    class Failed(Message):
        """A page could not be had, and why."""

        def __init__(self, error: LocalApiError) -> None:
            super().__init__()
            self.error = error

    class Counted(Message):
        """How many rows there are in all is known now, or has changed."""

        def __init__(self, rows: PagedList[Any]) -> None:
            super().__init__()
            self.rows = rows

        @property
        def control(self) -> PagedList[Any]:
            """The list."""
            return self.rows

    def __init__(
        self,
        columns: Sequence[Column],
        cells: Cells[T],
        key: Callable[[T], Hashable],
        fetch: Fetch[T],
        *,
        empty: str,
        both_ends: bool = False,
        newest_first: bool = False,
        id: str | None = None,  # noqa: A002 - Textual's name
    ) -> None:
        super().__init__(columns, cells, key, empty=empty, newest_first=newest_first, id=id)
        self._fetch, self._both_ends = fetch, both_ends
        self._book: Book[T] = Book(both_ends=both_ends)
        self._loading = Asking(self, self._load)
        self._wanted_key: Hashable | None = None

    @property
    def total(self) -> int | None:
        """How many rows the listing has; None before the first answer."""
        return self._book.total

    @property
    def count(self) -> int:
        """How many rows there are."""
        return self._book.total or 0

    def row_at(self, index: int) -> T | None:
        """The row at this place, if its page is here."""
        return self._book.row(index) if 0 <= index < self.count else None

    def loaded(self) -> list[tuple[int, T]]:
        """All rows that are here, with their places."""
        return self._book.loaded()

    def restart(self, now: datetime) -> None:
        """Another listing: another search, order or filter."""
        self.now = now
        self._book = Book(both_ends=self._both_ends)
        self._wanted_key = None
        self._measure()
        self.set_reactive(RowList.cursor, 0)
        self.scroll_to(y=0, animate=False, force=True, immediate=True)
        self.redraw()
        self.load()

    def renew(self, now: datetime) -> None:
        """Something changed in this listing."""
        self.now = now
        self._wanted_key = self.current_key
        self._book.renew(self._window[0])
        self.load()

    @property
    def _window(self) -> tuple[int, int]:
        top = round(self.scroll_y)
        return top, top + self._shown - 1

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Other rows are seen: they may have to be asked for."""
        super().watch_scroll_y(old_value, new_value)
        if round(old_value) != round(new_value):
            self.load()

    def load(self) -> None:
        """Ask for what is seen and not here; one request at a time."""
        if self._book.step(*self._window) is not None:
            self._loading.begin()

    async def _load(self) -> None:
        try:
            while (ask := self._book.step(*self._window)) is not None:
                book = self._book
                page = await self._fetch(ask, book.size)
                if book is self._book:
                    self._take(ask, page)
        except LocalApiError as error:
            self.post_message(self.Failed(error))

    def _take(self, ask: Ask, page: Page[T]) -> None:
        total, before, place = self._book.total, self.current, self._place
        wanted = self._wanted_key if self._wanted_key is not None else self._key_of(before)
        self._book.put(ask, page.total, page.items, page.next)
        found = place.cursor
        if wanted is not None and not place.follows and self.current_key != wanted:
            found = next((at for at, row in self._book.loaded() if self._key(row) == wanted), found)
        found = max(0, min(found, self.count - 1))
        self._settle(found, place, changed=self.row_at(found) != before)
        if total != page.total:
            self.post_message(self.Counted(self))

    def watch_cursor(self, before: int, after: int) -> None:
        """Who moves on does not want to be led back to the row of the last change."""
        self._wanted_key = None
        super().watch_cursor(before, after)
