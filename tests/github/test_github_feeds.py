"""Walks along a listing that shifts while it is read, against a model of GitHub's listings."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meritocrab.github.feeds import OVERLAP, FeedWalk, Turn

T0 = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
Stamp = tuple[int, datetime]


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


@dataclass
class Listing:
    """Items with stamps, listed as GitHub does: by stamp, ties by id or by a shuffled but steady order."""

    page_size: int
    exclusive: bool = False
    shuffled: bool = False
    now: int = 0
    items: dict[int, int] = field(default_factory=dict)

    def touch(self, identity: int, *, step: int = 1) -> None:
        """Create or update an item: it moves to the end."""
        self.now += step
        self.items[identity] = self.now

    def page(self, turn: Turn) -> tuple[list[Stamp], bool]:
        rows = [
            (identity, at(seconds))
            for identity, seconds in sorted(self.items.items(), key=self._order)
            if turn.since is None
            or at(seconds) > turn.since
            or (at(seconds) == turn.since and not self.exclusive)
        ]
        start = (turn.page - 1) * self.page_size
        found = rows[start : start + self.page_size]
        return found, len(found) == self.page_size

    def _order(self, row: tuple[int, int]) -> tuple[int, int]:
        identity, seconds = row
        return seconds, (identity * 7919) % 101 if self.shuffled else identity


def run(
    walk: FeedWalk, listing: Listing, between: Callable[[], None] = lambda: None, limit: int = 3000
) -> set[Stamp]:
    """Walk to the end, with changes to the list between any two pages."""
    seen: set[Stamp] = set()
    while turn := walk.next():
        stamps, full = listing.page(turn)
        seen.update(stamps)
        before = walk.cursor
        walk.read(stamps, full=full, date=at(listing.now))
        assert before is None or (walk.cursor is not None and walk.cursor >= before)
        between()
        limit -= 1
        assert limit, "the walk does not end"
    return seen


LISTS = st.builds(
    Listing,
    page_size=st.integers(1, 5),
    exclusive=st.booleans(),
    shuffled=st.booleans(),
)


def fill(listing: Listing, gaps: list[int]) -> None:
    """Items with many equal stamps: a gap of 0 shares the last one."""
    seconds = 0
    for identity, gap in enumerate(gaps):
        seconds += gap
        listing.items[identity] = seconds
    listing.now = seconds


GAPS = st.lists(st.sampled_from([0, 0, 0, 0, 1, 1, 2, 5, 200]), max_size=30)


@given(LISTS, GAPS)
def test_a_quiet_list_is_read_whole(listing: Listing, gaps: list[int]) -> None:
    fill(listing, gaps)
    walk = FeedWalk(None, page_cap=None)
    seen = run(walk, listing)
    assert {identity for identity, _ in seen} == set(listing.items)
    assert walk.finished
    assert walk.cursor == (at(listing.now) if gaps else None)


@settings(max_examples=400)
@given(LISTS, GAPS, st.lists(st.lists(st.integers(0, 34), max_size=3), max_size=40), st.integers(0, 5))
def test_nothing_is_missed_while_the_list_shifts(
    listing: Listing, gaps: list[int], changes: list[list[int]], late: int
) -> None:
    """Unchanged items are seen in this walk, changed ones in their last version in this or the next."""
    fill(listing, gaps)
    at_start = dict(listing.items)
    listing.now += late
    plan = list(changes)

    def shift() -> None:
        for identity in plan.pop() if plan else []:
            listing.touch(identity)

    walk = FeedWalk(None, page_cap=None)
    seen = run(walk, listing, shift)
    for identity, seconds in at_start.items():
        if listing.items[identity] == seconds:
            assert (identity, at(seconds)) in seen

    seen |= run(FeedWalk(walk.cursor, page_cap=None), listing)
    assert seen >= {(identity, at(seconds)) for identity, seconds in listing.items.items()}


@settings(max_examples=200)
@given(LISTS, GAPS, st.lists(st.lists(st.integers(0, 34), max_size=3), max_size=40))
def test_changes_within_the_present_second_are_seen_by_the_next_walk(
    listing: Listing, gaps: list[int], changes: list[list[int]]
) -> None:
    fill(listing, gaps)
    plan = list(changes)

    def shift() -> None:
        for identity in plan.pop() if plan else []:
            listing.touch(identity, step=0)

    walk = FeedWalk(None, page_cap=None)
    seen = run(walk, listing, shift)
    seen |= run(FeedWalk(walk.cursor, page_cap=None), listing)
    assert seen >= {(identity, at(seconds)) for identity, seconds in listing.items.items()}


@settings(max_examples=200)
@given(
    LISTS, GAPS, st.integers(1, 3), st.lists(st.integers(0, 34), max_size=30), st.sampled_from([0, 1, 120])
)
def test_capped_walks_get_ahead_and_lose_nothing(
    listing: Listing, gaps: list[int], cap: int, changes: list[int], overlap: int
) -> None:
    fill(listing, gaps)
    plan = list(changes)
    cursor: datetime | None = None
    seen: set[Stamp] = set()
    for _ in range(300):
        walk = FeedWalk(cursor, page_cap=cap, overlap=timedelta(seconds=overlap))
        if plan:
            listing.touch(plan.pop())
        seen |= run(walk, listing)
        if walk.finished and not plan and walk.cursor == cursor:
            break
        cursor = walk.cursor
    else:
        pytest.fail("the walks do not get ahead")
    assert seen >= {(identity, at(seconds)) for identity, seconds in listing.items.items()}


@given(LISTS, GAPS, st.integers(0, 60))
def test_a_walk_that_is_broken_off_is_taken_up_where_it_was(
    listing: Listing, gaps: list[int], pages: int
) -> None:
    fill(listing, gaps)
    walk = FeedWalk(None, page_cap=None)
    seen: set[Stamp] = set()
    for _ in range(pages):
        turn = walk.next()
        if turn is None:
            break
        stamps, full = listing.page(turn)
        seen.update(stamps)
        walk.read(stamps, full=full)
    seen |= run(FeedWalk(walk.cursor, page_cap=None), listing)
    assert {identity for identity, _ in seen} == set(listing.items)


@given(LISTS, GAPS, st.integers(0, 1000))
def test_an_idle_list_comes_to_cost_one_request_whose_etag_is_kept(
    listing: Listing, gaps: list[int], seed: int
) -> None:
    """After a quiet time polling repeats one URL for ever, and that URL's only page tells all news."""
    fill(listing, gaps)
    walk = FeedWalk(T0, page_cap=None)
    run(walk, listing)
    listing.now += 1000
    for _ in range(4):
        walk = FeedWalk(walk.cursor, page_cap=None)
        run(walk, listing)
    assert walk.etag_fits

    idle = FeedWalk(walk.cursor, page_cap=None).next()
    assert idle is not None
    assert idle.use_etag
    again = FeedWalk(walk.cursor, page_cap=None)
    again.not_modified()
    assert again.etag_fits
    assert again.finished
    assert again.cursor == walk.cursor

    before = listing.page(idle)
    listing.touch(random.Random(seed).randrange(40))
    assert listing.page(idle) != before
    news = FeedWalk(walk.cursor, page_cap=None)
    seen = run(news, listing)
    assert max(stamp for _, stamp in seen) == at(listing.now)
    assert not news.etag_fits


def test_the_first_request_of_an_idle_feed_is_always_the_same() -> None:
    first = FeedWalk(T0).next()
    assert first == FeedWalk(T0).next() == Turn(T0 - OVERLAP, 1, use_etag=True)
    assert FeedWalk(None).next() == Turn(None, 1, use_etag=True)


@pytest.mark.parametrize(("quiet_seconds", "cursor"), [(119, 0), (120, 0), (121, 119)])
def test_looking_back_is_shortened_only_when_late_items_have_shown_up(
    quiet_seconds: int, cursor: int
) -> None:
    walk = FeedWalk(at(0))
    walk.read([(1, at(-5)), (2, at(-3))], full=True)
    walk.read([(2, at(-3))], full=False, date=at(quiet_seconds))
    assert (walk.finished, walk.cursor, walk.etag_fits) == (True, at(cursor), False)
    walk = FeedWalk(at(0))
    walk.read([(1, at(-5)), (2, at(-3))], full=True)
    walk.read([(2, at(-3)), (3, at(1))], full=False, date=at(1000))
    assert walk.cursor == at(1)


def test_an_etag_is_not_kept_when_the_cursor_moved() -> None:
    walk = FeedWalk(T0)
    walk.read([(1, at(5))], full=False)
    assert (walk.finished, walk.cursor, walk.etag_fits) == (True, at(5), False)
    walk = FeedWalk(at(5))
    walk.read([(1, at(5))], full=False)
    assert walk.etag_fits


def test_a_cap_never_breaks_off_a_block() -> None:
    listing = Listing(page_size=2)
    for identity in range(9):
        listing.items[identity] = 50
    listing.items[9] = 60
    walk = FeedWalk(at(50), page_cap=1, overlap=timedelta(0))
    seen = run(walk, listing)
    assert len(seen) == 10
    assert (walk.finished, walk.cursor) == (False, at(60))


def test_a_full_page_of_overlap_does_not_count_as_news() -> None:
    listing = Listing(page_size=2)
    for identity in range(20):
        listing.items[identity] = -100 + 5 * identity
    listing.items[20] = 7
    walk = FeedWalk(at(0), page_cap=1)
    seen = run(walk, listing)
    assert (20, at(7)) in seen
