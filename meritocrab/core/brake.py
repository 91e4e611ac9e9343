"""The breaker: how many pull requests the daemon may close in a repository within an hour. Pure.

A closing takes its place when the first of its writes is committed to, be it the message that announces it or the
close itself. So nobody is told of a close that the breaker then does not let happen: what was announced is carried out
before the breaker falls.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final

WINDOW: Final = timedelta(hours=1)

Closing = tuple[int, int]
"""A pull request's number, and the id of the event that decided to close it."""


class Verdict(StrEnum):
    """Whether a closing may go on."""

    GO = "go"
    WAIT = "wait"  # until those that were announced before are through
    TRIP = "trip"


@dataclass(frozen=True, slots=True)
class Closings:
    """The closings of one repository within the window: `sent` to GitHub, or `announced` and still to be sent."""

    sent: Set[Closing] = frozenset()
    announced: Set[Closing] = frozenset()


def judge(closing: Closing, known: Closings, limit: int) -> Verdict:
    """May this closing begin or go on, with at most `limit` within the window? 0 is no limit."""
    begun = known.sent | known.announced
    if limit == 0 or closing in begun or len(begun) < limit:
        return Verdict.GO
    return Verdict.WAIT if known.announced else Verdict.TRIP


def reason(limit: int) -> str:
    """Why a repository was braked."""
    closes = "1 close" if limit == 1 else f"{limit} closes"
    return f"the breaker fell: {closes} within an hour, and more were to come"
