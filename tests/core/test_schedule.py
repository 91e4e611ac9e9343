"""Poll intervals and pauses: within the user's bounds, within GitHub's limits, never in step."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meritocrab.core.schedule import jittered, next_interval, retry_delay

USUAL: dict[str, Any] = {
    "base": 60.0,
    "minimum": 15.0,
    "maximum": 900.0,
    "idle_for_seconds": 1800.0,
    "had_news": False,
    "errors_in_row": 0,
    "repositories_on_token": 1,
    "authorised": True,
    "quota_limit": 5000,
    "quota_remaining": 5000,
    "quota_resets_in": 3600.0,
    "fraction": 0.5,
}


def interval(**changes: Any) -> float:
    return next_interval(**{**USUAL, **changes})


@pytest.mark.parametrize(
    ("changes", "seconds"),
    [
        ({"had_news": True}, 15),
        ({"idle_for_seconds": 60}, 30),
        ({}, 60),
        ({"idle_for_seconds": 2 * 3600}, 120),
        ({"idle_for_seconds": 12 * 3600}, 240),
        ({"idle_for_seconds": 3 * 86_400}, 480),
        ({"idle_for_seconds": 30 * 86_400}, 900),
        ({"idle_for_seconds": math.inf}, 900),
        ({"errors_in_row": 1}, 60),
        ({"errors_in_row": 2}, 120),
        ({"errors_in_row": 4}, 480),
        ({"errors_in_row": 5}, 900),
        ({"errors_in_row": 10_000}, 900),
        ({"errors_in_row": 1, "had_news": True}, 60),
    ],
)
def test_news_make_it_quick_silence_slow(changes: dict[str, Any], seconds: float) -> None:
    assert interval(**changes) == pytest.approx(seconds)


def test_a_second_is_a_second_when_the_user_says_so() -> None:
    second = {"base": 1.0, "minimum": 1.0, "maximum": 1.0}
    for idle in (0.0, 3600.0, 1e9, math.inf):
        for fraction in (0.0, 0.5, 0.999):
            assert 1 <= interval(**second, idle_for_seconds=idle, fraction=fraction) <= 1.1
    assert interval(**second, had_news=True) == pytest.approx(1)
    assert interval(**second, quota_remaining=3000) == pytest.approx(1)
    assert interval(**second, quota_limit=None, quota_remaining=None, quota_resets_in=None) == pytest.approx(
        1
    )


def test_jitter_is_symmetric_and_keeps_the_minimum() -> None:
    assert interval(fraction=0.0) == pytest.approx(54)
    assert interval(fraction=1 - 1e-12) == pytest.approx(66)
    assert interval(had_news=True, fraction=0.0) == 15
    mean = sum(jittered(100, step / 1000) for step in range(1000)) / 1000
    assert mean == pytest.approx(100, rel=1e-3)


def test_without_a_token_polls_fit_into_sixty_an_hour() -> None:
    seconds = interval(authorised=False, quota_limit=60, quota_remaining=60, fraction=0.0)
    assert 2 * 3600 / seconds <= 60
    assert interval(authorised=False, quota_limit=None, quota_remaining=None, fraction=0.0) == seconds
    five = interval(
        authorised=False, quota_limit=60, quota_remaining=60, repositories_on_token=5, fraction=0.0
    )
    assert five == pytest.approx(5 * seconds)
    assert 5 * 2 * 3600 / five <= 60


def test_the_budget_goes_beyond_the_maximum() -> None:
    assert interval(authorised=False, quota_limit=60, quota_remaining=60, maximum=60.0) > 100


def test_idle_polls_with_a_token_cost_nothing_until_nothing_is_left() -> None:
    assert interval(quota_remaining=1) == pytest.approx(60)
    assert interval(quota_remaining=0, quota_resets_in=1234.0, fraction=0.0) == pytest.approx(1234)


def test_a_busy_token_spends_freely_down_to_half_and_then_paces_itself() -> None:
    assert interval(had_news=True, quota_remaining=2500) == pytest.approx(15)
    paced = interval(had_news=True, quota_remaining=100, fraction=0.0)
    assert paced * 100 >= 6 * 3600
    assert interval(had_news=True, quota_remaining=100, quota_resets_in=-5.0) == pytest.approx(15)


@pytest.mark.parametrize("repositories", [1, 10, 100, 1000])
def test_half_of_the_points_per_minute_is_never_exceeded(repositories: int) -> None:
    seconds = interval(base=1.0, minimum=1.0, maximum=1.0, repositories_on_token=repositories, fraction=0.0)
    assert repositories * 2 * 60 / seconds <= 450 + 1e-6


@given(
    st.fixed_dictionaries(
        {
            "base": st.floats(0.1, 1e4),
            "minimum": st.floats(0.1, 100),
            "maximum": st.floats(100, 1e5),
            "idle_for_seconds": st.floats(0, 1e9),
            "had_news": st.booleans(),
            "errors_in_row": st.integers(0, 10**6),
            "repositories_on_token": st.integers(0, 2000),
            "authorised": st.booleans(),
            "quota_limit": st.none() | st.integers(0, 15_000),
            "quota_remaining": st.none() | st.integers(0, 15_000),
            "quota_resets_in": st.none() | st.floats(-100, 4000),
            "fraction": st.floats(0, 1, exclude_max=True),
        }
    )
)
def test_an_interval_is_finite_and_not_below_the_minimum(values: dict[str, Any]) -> None:
    seconds = next_interval(**values)
    assert math.isfinite(seconds)
    assert seconds >= values["minimum"]


@pytest.mark.parametrize(
    "changes",
    [
        {"minimum": 0.0},
        {"minimum": 1000.0},
        {"base": 0.0},
        {"maximum": math.inf},
        {"fraction": 1.0},
        {"fraction": -0.1},
    ],
)
def test_nonsense_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        interval(**changes)


def test_retries_double_up_to_the_maximum() -> None:
    delays = [retry_delay(n, base=10, maximum=100, fraction=0.5) for n in (1, 2, 3, 4, 5, 5000)]
    assert delays == pytest.approx([10, 20, 40, 80, 100, 100])
    assert retry_delay(9, base=10, maximum=100, fraction=0.99) == 100
    assert retry_delay(0, base=10, maximum=100, fraction=0.0) == pytest.approx(9)
    with pytest.raises(ValueError):
        retry_delay(1, base=10, maximum=5, fraction=0.5)
