"""The breaker's rule: who may begin, who waits, and when it falls."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from meritocrab.core.brake import Closings, Verdict, judge, reason

THREADS = st.tuples(st.integers(1, 30), st.integers(1, 3))


def test_a_closing_takes_its_place_once() -> None:
    known = Closings(sent=frozenset({(1, 1)}), announced=frozenset({(2, 1)}))
    assert judge((2, 1), known, 2) is Verdict.GO
    assert judge((1, 1), known, 2) is Verdict.GO
    assert judge((3, 1), known, 3) is Verdict.GO


def test_what_was_announced_goes_before_the_breaker_falls() -> None:
    full = Closings(sent=frozenset({(1, 1)}), announced=frozenset({(2, 1)}))
    assert judge((3, 1), full, 2) is Verdict.WAIT
    assert judge((3, 1), Closings(sent=frozenset({(1, 1), (2, 1)})), 2) is Verdict.TRIP


def test_zero_is_no_limit() -> None:
    many = Closings(sent=frozenset((number, 1) for number in range(100)))
    assert judge((200, 1), many, 0) is Verdict.GO


@given(wanted=st.lists(THREADS, max_size=60), limit=st.integers(1, 10))
def test_never_more_than_the_limit_whatever_is_wanted(wanted: list[tuple[int, int]], limit: int) -> None:
    sent: frozenset[tuple[int, int]] = frozenset()
    announced: frozenset[tuple[int, int]] = frozenset()
    for closing in wanted:
        match judge(closing, Closings(sent, announced), limit):
            case Verdict.GO:
                announced |= {closing}
            case Verdict.WAIT:
                sent, announced = sent | announced, frozenset()
            case Verdict.TRIP:
                break
        assert len(sent | announced) <= limit


def test_the_reason_says_how_many() -> None:
    assert "1 close within" in reason(1)
    assert "10 closes within" in reason(10)
