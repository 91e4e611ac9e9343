"""How fast one token may go: GitHub's secondary limits, kept from our side so that they are never met.

Limits are per minute and per hour, so they are windows over the recent past. Pure: time comes in as seconds
of a clock that never jumps.

Source: "Rate limits for the REST API", about secondary rate limits: at most 900 points a minute (a read
costs 1, a write 5), 80 content-creating requests a minute and 500 an hour; "Best practices for using the
REST API": at least one second between writes.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

MINUTE = 60.0
HOUR = 3600.0
READ_POINTS = 1
WRITE_POINTS = 5


@dataclass
class Pace:
    """What one token has sent lately.

    Attributes:
        write_spacing: seconds between the end of a write and the next one.
        points_per_minute: how much of GitHub's 900 points we use.
        writes_per_hour: how many of GitHub's 500 we use.
    """

    write_spacing: float = 1.0
    points_per_minute: int = 800
    writes_per_hour: int = 450
    _points: deque[tuple[float, int]] = field(default_factory=deque, init=False, repr=False)
    _writes: deque[float] = field(default_factory=deque, init=False, repr=False)

    def remember(self, other: Pace) -> None:
        """Count what was sent under another pace as sent under this one."""
        self._points, self._writes = other._points.copy(), other._writes.copy()

    def delay(self, now: float, *, writes: bool) -> float:
        """Seconds to wait before a request may leave; 0 when it may leave at once."""
        wait = self._points_delay(now, WRITE_POINTS if writes else READ_POINTS)
        if writes and self._writes:
            wait = max(wait, self._writes[-1] + self.write_spacing - now)
        return max(0.0, wait)

    def hour_delay(self, now: float) -> float:
        """Seconds until the hour has room for another write; 0 when it has."""
        while self._writes and self._writes[0] <= now - HOUR:
            self._writes.popleft()
        if len(self._writes) < self.writes_per_hour:
            return 0.0
        return self._writes[-self.writes_per_hour] + HOUR - now

    def note(self, now: float, *, writes: bool) -> None:
        """Remember a request that has just ended."""
        self._points.append((now, WRITE_POINTS if writes else READ_POINTS))
        if writes:
            self._writes.append(now)

    def _points_delay(self, now: float, cost: int) -> float:
        while self._points and self._points[0][0] <= now - MINUTE:
            self._points.popleft()
        excess = sum(points for _, points in self._points) + cost - self.points_per_minute
        for moment, points in self._points:
            if excess <= 0:
                break
            excess -= points
            if excess <= 0:
                return moment + MINUTE - now
        return 0.0
