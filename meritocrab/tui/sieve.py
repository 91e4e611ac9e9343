"""Changes of credit by whom they are about or who made them, found among the newest; the API filters by neither."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator

from meritocrab.core.names import ActorKind
from meritocrab.localapi.protocol import LedgerItem, Page

NEWEST_SIFTED = 1000
BY_PEOPLE, BY_SYSTEM = "by people", "by the system"

Read = Callable[[str | None], Awaitable[Page[LedgerItem]]]
"""Asks for the page behind this cursor."""


class Sieve:
    """What is let through; the rows found are kept while one pages through them.

    Args:
        read: asks for the listing.
    """

    def __init__(self, read: Read) -> None:
        self._read = read
        self._rows: tuple[LedgerItem, ...] = ()
        self.wanted = ""
        self.is_partial = False

    def fits(self, item: LedgerItem) -> bool:
        """Is it let through?"""
        by_system = item.actor.kind is ActorKind.SYSTEM
        return {"": True, BY_PEOPLE: not by_system, BY_SYSTEM: by_system}.get(
            self.wanted, self.wanted == about(item)
        )

    async def page(self, cursor: str | None, limit: int) -> Page[LedgerItem]:
        """A page of what fits."""
        start = int(cursor or 0)
        if start == 0:
            self._rows = await self._sift()
        end = start + limit
        following = str(end) if end < len(self._rows) else None
        return Page(total=len(self._rows), items=self._rows[start:end], next=following)

    async def _sift(self) -> tuple[LedgerItem, ...]:
        page = await self._read(None)
        rows = list(page.items)
        while page.next is not None and len(rows) < NEWEST_SIFTED:
            page = await self._read(page.next)
            rows += page.items
        self.is_partial = page.next is not None
        return tuple(item for item in rows if self.fits(item))


def about(item: LedgerItem) -> str:
    """The choice of this row's person."""
    return f"about @{item.account.login}"


def choices(seen: Iterable[LedgerItem]) -> Iterator[tuple[str, str]]:
    """What one can choose: everything, who made the change, and the people seen."""
    yield "", "everything"
    yield BY_PEOPLE, BY_PEOPLE
    yield BY_SYSTEM, BY_SYSTEM
    yield from ((name, name) for name in dict.fromkeys(about(item) for item in seen))
