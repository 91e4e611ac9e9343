"""What everything in the world stands on: one lock, one clock and one sequence of ids.

Requests come from the server's thread and people act from the tests', so every method that looks at two
things or changes one holds the same lock. The clock is GitHub's and may stand still, which makes a day of
stamps repeatable.
"""

from __future__ import annotations

import functools
import itertools
import threading
from collections.abc import Callable, Container
from datetime import UTC, datetime, timedelta
from typing import Concatenate, ParamSpec, TypeVar

from meritocrab.demo.objects import whole_second

FIRST_ID = 5_400_000_001

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S", bound="Foundation")


def locked(method: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
    """Hold the world's lock while the method runs."""

    @functools.wraps(method)
    def held(self: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
        with self.lock:
            return method(self, *args, **kwargs)

    return held


class Foundation:
    """The lock, GitHub's clock and its ids."""

    def __init__(self, start: datetime | None = None) -> None:
        self.lock = threading.RLock()
        self._frozen = whole_second(start) if start is not None else None
        self._offset = timedelta(0)
        self._last_id = FIRST_ID
        self._serial = itertools.count()

    def now(self) -> datetime:
        """GitHub's time, which need not be ours."""
        return self._frozen if self._frozen is not None else datetime.now(UTC) + self._offset

    @locked
    def set_time(self, at: datetime) -> None:
        """Freeze the clock at a moment."""
        self._frozen = at.astimezone(UTC)

    @locked
    def advance(
        self, seconds: float = 0, *, minutes: float = 0, hours: float = 0, days: float = 0
    ) -> datetime:
        """Move the clock forward, frozen or running, and return the new time."""
        step = timedelta(seconds=seconds, minutes=minutes, hours=hours, days=days)
        if self._frozen is not None:
            self._frozen += step
        else:
            self._offset += step
        return self.now()

    @locked
    def follow_real_time(self, offset: timedelta = timedelta(0)) -> None:
        """Let the clock run, this far ahead of the real one."""
        self._frozen, self._offset = None, offset

    def _second(self) -> datetime:
        return whole_second(self.now())

    @locked
    def next_id(self) -> int:
        """A fresh id; ids grow, with gaps, across all kinds of objects."""
        self._last_id += 1 + self._last_id % 7
        return self._last_id

    def _fresh_number(self, taken: Container[int], base: int) -> int:
        number = base + 37 * next(self._serial)
        return number if number not in taken else self._fresh_number(taken, base)
