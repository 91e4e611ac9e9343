"""How long words are kept: which are too old at a given time, and when the next look at them is due. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

BATCH: Final = 200
"""Rows that one step looks at: erasing never holds up a poll or a verdict."""

BETWEEN_STEPS: Final = timedelta(seconds=1)
BETWEEN_PASSES: Final = timedelta(days=1)


class Erasable(StrEnum):
    """What may be erased by age."""

    EVENT_PAYLOADS = "event_payloads"
    TEXTS = "texts"
    NOTES = "notes"
    MESSAGES = "messages"


@dataclass(frozen=True, slots=True)
class Keep:
    """For how many days each is kept; 0 is for ever."""

    event_payloads: int = 0
    texts: int = 0
    notes: int = 0
    messages: int = 0

    def cutoffs(self, now: datetime) -> Mapping[Erasable, datetime]:
        """What may go: everything of each kind from before this time; what is kept for ever is not in it."""
        days = {kind: int(getattr(self, kind.value)) for kind in Erasable}
        return {kind: now - timedelta(days=number) for kind, number in days.items() if number}


def next_step_at(now: datetime, *, finished: bool) -> datetime:
    """When to go on: soon in the middle of a pass, a day later after its end."""
    return now + (BETWEEN_PASSES if finished else BETWEEN_STEPS)
