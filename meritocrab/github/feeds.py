"""How far a polled listing has been read: which page to ask next, and what may be remembered afterwards.

A listing sorted by update shifts while it is being read: whatever changes moves to its end, and everything
behind it moves up by one. Turning pages by number would then skip an item. So a walk turns pages by moving
`since` to the last stamp it saw. Only when a whole page shares one stamp must it turn by number; it then
reads that block again from its last page back to its first. Items only ever move towards the front, so
reading against the shift meets every item that did not change: it cannot jump over a page that is still to
be read. (Only among items of the present second may one be pushed back; those the next walk meets, because
it looks further back than that.)

Pure: the walk says what to ask, is told what came, and can be stopped after any page; its cursor is then
true.

The bodies of the answers become events in `translation`, whose functions can be imported from here too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from meritocrab.github.translation import (
    comment_event,
    merged_event,
    opened_event,
    review_events,
    transition_events,
)

__all__ = [
    "OVERLAP",
    "FeedWalk",
    "Turn",
    "comment_event",
    "merged_event",
    "opened_event",
    "review_events",
    "transition_events",
]

Stamp = tuple[int, datetime]

OVERLAP: Final = timedelta(seconds=120)
"""How far a walk looks back: items may show up in a listing a little after the time they carry."""

MARGIN: Final = timedelta(seconds=1)
"""`since` is documented as "after" and works as "at or after"; a second less is right for both."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What to ask next. Only where `use_etag` is set does the stored ETag belong to this URL."""

    since: datetime | None
    page: int
    use_etag: bool


class FeedWalk:
    """One walk along a listing, from its cursor to its end or to the cap.

    Args:
        cursor: how far it was read before, GitHub's time; None reads from the beginning.
        overlap: how far to look back behind the cursor.
        page_cap: pages of news after which to stop for now. What lies in the overlap does not count, and
            neither
            is a block of equal stamps broken off, so that every walk gets ahead.

    Use: while `turn := walk.next()`, fetch that page and pass it to `read` (or call `not_modified`). The
        cursor may
    be stored after each page, together with what the page brought.
    """

    def __init__(
        self, cursor: datetime | None, *, overlap: timedelta = OVERLAP, page_cap: int | None = 10
    ) -> None:
        self._start = cursor
        self._cursor = cursor
        self._overlap = max(overlap, MARGIN)
        self._cap = page_cap
        self._since = None if cursor is None else cursor - self._overlap
        self._turns = 0
        self._news_pages = 0
        self._first_full = False
        self._finished = False
        self._stopped = False
        self._begin_block()

    def _begin_block(self) -> None:
        self._page = 1
        self._top: int | None = None  # set while reading back
        self._last: datetime | None = None
        self._at_end = False

    @property
    def cursor(self) -> datetime | None:
        """Everything before this has been read; true after every page.

        When an idle listing's newest items fill more than a page, it runs ahead of them by less than the
        overlap, so that the next walk's page is a short one whose ETag can be kept.
        """
        return self._cursor

    @property
    def finished(self) -> bool:
        """Whether the end of the listing was reached; False when the cap stopped the walk."""
        return self._finished

    @property
    def etag_fits(self) -> bool:
        """Whether the ETag of the only answer belongs to the URL that the next walk will ask first."""
        return self._finished and self._turns == 1 and self._cursor == self._start

    def next(self) -> Turn | None:
        """What to ask now, or None at the end."""
        if self._finished or self._stopped:
            return None
        return Turn(self._since, self._page, use_etag=self._turns == 0)

    def not_modified(self) -> None:
        """The first page has not changed since its ETag: nothing is new, and the ETag stays good."""
        self._turns += 1
        self._finished = True

    def read(self, stamps: Sequence[Stamp], *, full: bool, date: datetime | None = None) -> None:
        """Take in the page that `next` asked for.

        Args:
            stamps: id and update time of all its items, in order.
            full: whether more may lie behind it.
            date: GitHub's time of the answer.
        """
        self._turns += 1
        if self._turns == 1:
            self._first_full = full
        if self._top is None:
            self._read_forward(stamps, full)
        else:
            self._read_back(self._top)
        if self._finished and date is not None:
            self._shorten_overlap(date)

    def _read_forward(self, stamps: Sequence[Stamp], full: bool) -> None:
        last = stamps[-1][1] if stamps else None
        if full and not self._leads_on(last):
            self._page += 1
            return
        self._last, self._at_end = last, not full
        if self._page == 1:
            self._leave_block(1)
        else:
            self._top = self._page
            self._page -= 1

    def _read_back(self, top: int) -> None:
        if self._page > 1:
            self._page -= 1
        else:
            self._leave_block(top)

    def _leads_on(self, last: datetime | None) -> bool:
        return last is not None and (self._since is None or last - MARGIN > self._since)

    def _leave_block(self, pages: int) -> None:
        last = self._last
        if last is not None and (self._cursor is None or last > self._cursor):
            self._cursor = last
        if self._at_end or last is None:
            self._finished = True
            return
        if self._start is None or last > self._start:
            self._news_pages += pages
        self._stopped = self._cap is not None and self._news_pages >= self._cap
        self._since = last - MARGIN
        self._begin_block()

    def _shorten_overlap(self, date: datetime) -> None:
        """Look back less once that is safe, where looking back fills a page: its ETag would be of no use.

        Safe means that nothing is new and that GitHub's time has left the cursor behind by more than the
        overlap: what shows up late has shown up by then.
        """
        quiet = self._cursor is not None and self._cursor == self._start and self._first_full
        if quiet and self._cursor is not None and date - self._cursor > self._overlap:
            self._cursor += self._overlap - MARGIN
