"""When to ask again: poll intervals, retries and pauses as pure functions, so that tests can simulate days.

The numbers about GitHub's limits come from its documentation, "Rate limits for the REST API"
(https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api) and "Best practices for
using the REST API" (…/best-practices-for-using-the-rest-api). Chance comes in as `fraction`, in [0, 1).
"""

from __future__ import annotations

import math
from typing import Final

HOUR: Final = 3600.0
MINUTE: Final = 60.0

PRIMARY_LIMIT: Final = 5000
"""Requests an hour with a personal token; an App's installation has at least as many."""

ANONYMOUS_LIMIT: Final = 60
"""Requests an hour without a token, per address."""

POINTS_PER_MINUTE: Final = 900
"""The secondary limit for REST requests; a GET costs one point, a write five."""

LIMIT_PAUSE: Final = 60.0
"""Seconds to wait after a limit that names no time: at least a minute, then exponentially longer."""

MAX_LIMIT_PAUSE: Final = HOUR

READS_WHEN_IDLE: Final = 2
"""The two listings of a poll. Unchanged ones (304) do not count against the hourly limit when authorised."""

READS_WITH_NEWS: Final = 6
"""A poll that brings news: both listings in full and, on average, the details of one or two pull requests."""

JITTER: Final = 0.1
"""An interval is spread by this part of it to either side, so that repositories do not poll in step."""

# How long without news, in seconds, and by which factor the interval is then stretched.
_IDLE_STEPS: Final = (
    (5 * MINUTE, 0.5),
    (HOUR, 1.0),
    (6 * HOUR, 2.0),
    (24 * HOUR, 4.0),
    (7 * 24 * HOUR, 8.0),
)

_POINTS_SHARE: Final = 0.5  # leaves half of each minute to deliveries, role look-ups and the terminal
_QUOTA_SHARE: Final = 0.9  # leaves a tenth of what is left this hour to the same
_FREE_SHARE: Final = 0.5  # above this part of the hour's quota a token spends as it likes
_MAX_DOUBLINGS: Final = 40


def next_interval(
    *,
    base: float,
    minimum: float,
    maximum: float,
    idle_for_seconds: float,
    had_news: bool,
    errors_in_row: int,
    repositories_on_token: int,
    authorised: bool,
    quota_limit: int | None,
    quota_remaining: int | None,
    quota_resets_in: float | None,
    fraction: float,
) -> float:
    """Seconds until a repository's next poll.

    News make it quick, silence slow, errors slower; all of it within `minimum` and `maximum`. The budget of
    the token may stretch the result beyond `maximum`, because going over a limit can get an App banned.

    Args:
        base: the interval in seconds while there is news now and then.
        minimum, maximum: the bounds in seconds that the user set.
        idle_for_seconds: since the last news of this repository (infinity: never any).
        had_news: whether this poll brought news.
        errors_in_row: polls that failed one after the other, 0 after a success.
        repositories_on_token: how many share the token's budget, this one included.
        authorised: whether there is a token at all; without one even a 304 is counted.
        quota_limit, quota_remaining, quota_resets_in: as GitHub last told (seconds); None when it did not.
        fraction: in [0, 1), spreads the result by ±10 %.

    Raises:
        ValueError: the bounds are not 0 < minimum <= maximum, or `fraction` lies outside [0, 1).
    """
    _require_bounds(base, minimum, maximum)
    if errors_in_row > 0:
        wanted = _doubled(max(base, minimum), errors_in_row - 1)
    elif had_news:
        wanted = minimum
    else:
        wanted = _idle_interval(base, maximum, idle_for_seconds)
    wanted = min(max(wanted, minimum), maximum)
    budget = _budget_interval(
        reads=READS_WITH_NEWS if had_news else READS_WHEN_IDLE,
        counted=READS_WITH_NEWS if had_news else (0 if authorised else READS_WHEN_IDLE),
        repositories=max(1, repositories_on_token),
        authorised=authorised,
        quota_limit=quota_limit,
        quota_remaining=quota_remaining,
        quota_resets_in=quota_resets_in,
    )
    # The budget is spread upwards only: before a reset there is nothing to be had.
    return max(minimum, jittered(wanted, fraction), budget * (1 + JITTER * fraction))


def retry_delay(attempts: int, *, base: float, maximum: float, fraction: float) -> float:
    """Seconds until something that failed `attempts` times (1 or more) is tried again: doubling, ±10 %.

    Raises:
        ValueError: not 0 < base <= maximum, or `fraction` lies outside [0, 1).
    """
    _require_bounds(base, base, maximum)
    return min(maximum, jittered(min(maximum, _doubled(base, attempts - 1)), fraction))


def jittered(seconds: float, fraction: float) -> float:
    """The duration spread evenly by ±10 % with a fraction in [0, 1).

    Raises:
        ValueError: `fraction` lies outside [0, 1).
    """
    _require_fraction(fraction)
    return seconds * (1 - JITTER + 2 * JITTER * fraction)


def _idle_interval(base: float, maximum: float, idle_for_seconds: float) -> float:
    for until, factor in _IDLE_STEPS:
        if idle_for_seconds < until:
            return base * factor
    return maximum


def _budget_interval(
    *,
    reads: int,
    counted: int,
    repositories: int,
    authorised: bool,
    quota_limit: int | None,
    quota_remaining: int | None,
    quota_resets_in: float | None,
) -> float:
    """The shortest interval at which all repositories of the token stay within its budgets."""
    per_minute = repositories * reads * MINUTE / (POINTS_PER_MINUTE * _POINTS_SHARE)
    limit = quota_limit or (PRIMARY_LIMIT if authorised else ANONYMOUS_LIMIT)
    remaining, resets_in = _quota(limit, quota_remaining, quota_resets_in)
    if remaining <= 0:
        return max(per_minute, resets_in)
    if authorised and remaining >= limit * _FREE_SHARE:
        return per_minute
    per_hour = repositories * counted * resets_in / (remaining * _QUOTA_SHARE)
    return max(per_minute, per_hour)


def _quota(limit: int, remaining: int | None, resets_in: float | None) -> tuple[int, float]:
    """What is left and for how long; a full hour when GitHub has not said or the reset is past."""
    if remaining is None or resets_in is None or resets_in <= 0:
        return limit, HOUR
    return remaining, resets_in


def _doubled(seconds: float, times: int) -> float:
    return seconds * float(2 ** min(max(times, 0), _MAX_DOUBLINGS))


def _require_bounds(base: float, minimum: float, maximum: float) -> None:
    if not (base > 0 and 0 < minimum <= maximum and math.isfinite(maximum)):
        raise ValueError(f"not a usable range of seconds: {base}, {minimum} to {maximum}")


def _require_fraction(fraction: float) -> None:
    if not 0 <= fraction < 1:
        raise ValueError(f"fraction must lie in [0, 1), not {fraction}")
