"""The log of all requests: what tests hold against promises about traffic.

Whether a client wrote twice, asked too often or paid for what it could have had for nothing is not to be
seen in its answers, only here. The limits on bursts are reckoned from the same log.
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from meritocrab.demo.foundation import Foundation, locked


@dataclass(slots=True)
class RequestRecord:
    """One request as the server saw it. Status 0 means that no answer was sent."""

    n: int
    method: str
    path: str
    query: dict[str, str]
    status: int
    counted_against_quota: bool
    token: str | None
    quota_key: str
    conditional: bool
    points: int
    content_creating: bool
    at: datetime
    monotonic: float
    body: Any = None
    fault: str | None = None
    applied: bool = True


class RequestLog(Foundation):
    """Who asked for what, in the order in which answers were decided."""

    def __init__(self, start: datetime | None = None) -> None:
        super().__init__(start)
        self.requests: list[RequestRecord] = []
        self._request_number = 0

    @locked
    def next_request(self) -> int:
        """Number a request that arrived."""
        self._request_number += 1
        return self._request_number

    @locked
    def log(self, record: RequestRecord) -> None:
        """Note a request and its answer."""
        self.requests.append(record)

    @property
    def writes(self) -> list[RequestRecord]:
        """The requests that were meant to change a repository, with their monotonic stamps."""
        with self.lock:
            return [r for r in self.requests if r.method != "GET" and r.path.startswith("/repo")]

    def mark(self) -> int:
        """The present end of the log."""
        return len(self.requests)

    @locked
    def requests_since(
        self,
        mark: int = 0,
        *,
        method: str | None = None,
        path: str = "",
        status: int | None = None,
        counted: bool | None = None,
        token: str | None = None,
    ) -> list[RequestRecord]:
        """The log from a mark on, filtered; `path` is a part of the path."""
        return [
            record
            for record in self.requests[mark:]
            if (method is None or record.method == method)
            and path in record.path
            and (status is None or record.status == status)
            and (counted is None or record.counted_against_quota == counted)
            and (token is None or record.token == token)
        ]

    def count(self, mark: int = 0, **filters: Any) -> int:
        """How many requests `requests_since` finds."""
        return len(self.requests_since(mark, **filters))

    @locked
    def peak_points_per_minute(self, key: str | None = None, clock: Literal["world", "real"] = "real") -> int:
        """The most secondary-limit points in any 60 seconds, of one quota key or of the busiest."""
        keys = {key} if key is not None else {record.quota_key for record in self.requests}
        return max((self._peak(one, clock) for one in keys), default=0)

    def _peak(self, key: str, clock: str) -> int:
        window: deque[tuple[float, int]] = deque()
        total = peak = 0
        for record in self.requests:
            if record.quota_key != key:
                continue
            at = record.monotonic if clock == "real" else record.at.timestamp()
            window.append((at, record.points))
            total += record.points
            while window[0][0] <= at - 60:
                total -= window.popleft()[1]
            peak = max(peak, total)
        return peak

    @locked
    def recent(self, key: str, seconds: float) -> list[RequestRecord]:
        """The requests of one quota key in the last seconds of GitHub's time."""
        horizon, found = self.now() - timedelta(seconds=seconds), []
        for record in reversed(self.requests):
            if record.at <= horizon:
                break
            if record.quota_key == key:
                found.append(record)
        return found

    @staticmethod
    def monotonic() -> float:
        """The clock of the log's `monotonic` stamps."""
        return time.monotonic()
