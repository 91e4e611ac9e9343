"""Which pages of a long listing are known, and which to ask for next, when the API has cursors and no page numbers.

A listing of a hundred thousand rows is never held: a few pages are, and the cursors of those seen. From either end a
page is reached by following cursors; a listing that can also be read backwards is walked from its nearer end. Pure.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")

PAGE_SIZE = 100
PAGES_KEPT = 12


class Ask(NamedTuple):
    """The page to ask for: the `number`th from the beginning, or from the end of the listing.

    `edition` tells answers that were asked for before a `renew` from those behind it.
    """

    backwards: bool
    number: int
    cursor: str | None
    edition: int = 0


@dataclass
class _Chain:
    """The pages from one end on: the cursor of each that can be asked for, and which are up to date."""

    cursors: list[str | None] = field(default_factory=lambda: [None])
    fresh: set[int] = field(default_factory=set)

    def forget_behind(self, number: int) -> None:
        """Pages may have shifted: what was known from `number` on must be asked for again."""
        del self.cursors[number + 1 :]
        self.fresh.clear()


class Book(Generic[T]):
    """Rows of a listing by their place in it."""

    def __init__(self, *, both_ends: bool = False, size: int = PAGE_SIZE, kept: int = PAGES_KEPT) -> None:
        self.size, self.both_ends = size, both_ends
        self.total: int | None = None
        self._kept, self._edition = kept, 0
        self._rows: OrderedDict[tuple[bool, int], tuple[int, tuple[T, ...]]] = OrderedDict()
        self._chains = {False: _Chain(), True: _Chain()}

    def row(self, index: int) -> T | None:
        """The row at this place, if its page is here."""
        for at in self._pages_of(index):
            if at in self._rows:
                start, rows = self._rows[at]
                if start <= index < start + len(rows):
                    self._rows.move_to_end(at)
                    return rows[index - start]
        return None

    def _pages_of(self, index: int) -> list[tuple[bool, int]]:
        forwards = (False, index // self.size)
        if not self.both_ends or self.total is None:
            return [forwards]
        return [forwards, (True, (self.total - 1 - index) // self.size)]

    def loaded(self) -> list[tuple[int, T]]:
        """All rows that are here, with their places."""
        return [(start + at, row) for start, rows in self._rows.values() for at, row in enumerate(rows)]

    def step(self, first: int, last: int) -> Ask | None:
        """What to ask for next so that rows `first` to `last` can be shown; None when they can."""
        if not self.total:
            # an empty listing is a page, too: it is asked for again when something changed
            return None if 0 in self._chains[False].fresh else Ask(False, 0, None, self._edition)
        for index in range(max(0, first), min(last + 1, self.total)):
            if not self._is_fresh(index):
                return self._towards(index)
        return None

    def _is_fresh(self, index: int) -> bool:
        return any(
            at in self._rows and at[1] in self._chains[at[0]].fresh and self.row(index) is not None
            for at in self._pages_of(index)
        )

    def _towards(self, index: int) -> Ask:
        """The page itself, or the furthest known one on the way there, from the nearer end."""
        ways = []
        for backwards, number in self._pages_of(index):
            chain = self._chains[backwards]
            reached = min(number, len(chain.cursors) - 1)
            ways.append((number - reached, Ask(backwards, reached, chain.cursors[reached], self._edition)))
        return min(ways, key=lambda way: way[0])[1]

    def put(self, asked: Ask, total: int, rows: Sequence[T], following: str | None) -> None:
        """The answer to `asked`; backwards pages come with the last row of the listing first.

        What was asked for before something changed is shown, and asked for once more.
        """
        self.total = total
        start = asked.number * self.size
        shown = tuple(rows)
        if asked.backwards:
            start = total - start - len(shown)
            shown = shown[::-1]
        chain = self._chains[asked.backwards]
        self._rows[asked.backwards, asked.number] = (start, shown)
        self._rows.move_to_end((asked.backwards, asked.number))
        if asked.edition == self._edition:
            chain.fresh.add(asked.number)
            if asked.number + 1 == len(chain.cursors) and following is not None:
                chain.cursors.append(following)
        while len(self._rows) > self._kept:
            gone, _ = self._rows.popitem(last=False)
            self._chains[gone[0]].fresh.discard(gone[1])

    def renew(self, first: int) -> None:
        """Something changed: what is shown from `first` on is asked for again, and shown until the answer is here."""
        self._edition += 1
        self._chains[False].forget_behind(first // self.size)
        if self.total is not None:
            self._chains[True].forget_behind(max(0, self.total - 1 - first) // self.size)
