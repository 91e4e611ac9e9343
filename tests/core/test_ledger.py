"""Credit arithmetic: the floor, the cap, and what a sound ledger looks like."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meritocrab.core.ledger import LedgerEntry, apply, check, fold
from meritocrab.core.names import CreditReason

CREDIT = st.integers(0, 10_000)


@pytest.mark.parametrize(
    ("credit", "requested", "cap_left", "applied"),
    [
        (100, 15, None, 15),
        (100, -25, None, -25),
        (10, -25, None, -10),
        (0, -25, None, 0),
        (100, 3, 10, 3),
        (100, 3, 2, 2),
        (100, 3, 0, 0),
        (100, 3, -5, 0),  # a policy with a lower cap than what was earned already
        (100, -10, 0, -10),
        (100, 0, 10, 0),
    ],
)
def test_what_applies(credit: int, requested: int, cap_left: int | None, applied: int) -> None:
    assert apply(credit, requested, cap_left=cap_left) == applied


@given(CREDIT, st.integers(-10_000, 10_000), st.none() | st.integers(-100, 100))
def test_a_change_is_never_more_than_wanted_and_never_below_the_floor(
    credit: int, requested: int, cap_left: int | None
) -> None:
    applied = apply(credit, requested, cap_left=cap_left)
    assert credit + applied >= 0
    assert min(requested, 0) <= applied <= max(requested, 0)


def _rows(*changes: int) -> list[LedgerEntry]:
    """A sound ledger: the opening balance, then these changes."""
    rows = [LedgerEntry(1, CreditReason.OPENING, changes[0], changes[0], 0, changes[0])]
    for requested in changes[1:]:
        before = rows[-1].after
        applied = apply(before, requested, cap_left=None)
        row = LedgerEntry(
            rows[-1].id + 1, CreditReason.PULL_REQUEST, requested, applied, before, before + applied
        )
        rows.append(row)
    return rows


@given(CREDIT, st.lists(st.integers(-200, 200)))
def test_a_sound_ledger_has_no_problems_and_folds_to_its_end(opening: int, changes: list[int]) -> None:
    rows = _rows(opening, *changes)
    assert check(rows) == []
    assert fold(rows) == rows[-1].after


def test_nothing_folds_to_nothing() -> None:
    assert fold([]) == 0
    assert check([]) == []


def _broken(index: int, **changes: object) -> list[LedgerEntry]:
    rows = _rows(100, 15, -25)
    rows[index] = replace(rows[index], **changes)  # type: ignore[arg-type]
    return rows


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (_rows(100, 15)[1:], "row 2 is the first one and is not the opening balance but pull_request"),
        (_broken(0, before=5, after=105), "row 1 opens with 5 points before it"),
        (_broken(1, reason=CreditReason.OPENING), "row 2 is a second opening balance"),
        (_broken(2, before=116, after=91), "row 3 starts from 116, but row 2 ended at 115"),
        (_broken(2, after=91), "row 3 says 115 -25 = 91"),
        (_broken(2, applied=-116, after=-1, requested=-116), "row 3 ends below zero, at -1"),
        (_broken(2, applied=-20, after=95), "row 3 applies -20 of -25, where -25 was due"),
        (_broken(1, applied=10, after=110), "row 2 applies +10 of +15, where +15 was due"),
        (_broken(1, applied=20, after=120, cap_day=1), "row 2 applies +20 of +15"),
        (_broken(2, blacklisted=True), "row 3 changes the blacklist flag, which pull_request may not"),
        (_broken(0, blacklisted=True), "row 1 changes the blacklist flag, which opening may not"),
    ],
)
def test_every_fault_is_named(rows: list[LedgerEntry], words: str) -> None:
    assert words in check(rows)


def test_what_the_cap_left_is_no_fault() -> None:
    assert check([*_rows(100), LedgerEntry(2, CreditReason.COMMENT, 3, 1, 100, 101, cap_day=20_000)]) == []


@pytest.mark.parametrize("reason", [CreditReason.BLACKLISTED, CreditReason.UNBLACKLISTED, CreditReason.UNDO])
def test_the_rows_that_may_change_the_flag(reason: CreditReason) -> None:
    assert check([*_rows(100), LedgerEntry(2, reason, 0, 0, 100, 100, blacklisted=True)]) == []


def test_a_row_is_taken_back_once() -> None:
    rows = _rows(100, 15, -15, -15)
    rows[2:] = [replace(row, reason=CreditReason.UNDO, reverses_id=2) for row in rows[2:]]
    assert check(rows) == ["row 4 takes back row 2, which row 3 had taken back already"]
