"""What the live stream says."""

from __future__ import annotations

from enum import StrEnum

from meritocrab.localapi.protocol.base import Answer
from meritocrab.localapi.protocol.health import Health


class Topic(StrEnum):
    """What changed, and so what to ask for again."""

    REPOSITORIES = "repositories"
    EVALUATIONS = "evaluations"
    CONTRIBUTORS = "contributors"
    LEDGER = "ledger"
    OUTBOX = "outbox"
    HEALTH = "health"


class Changed(Answer):
    """Something changed; what exactly is there to be asked."""

    topics: tuple[Topic, ...]


class Bye(Answer):
    """The stream ends, and why: the daemon stops. A reader that is too slow is cut off without a word."""

    reason: str


STREAM_EVENTS: dict[str, type[Answer]] = {"hello": Health, "changed": Changed, "bye": Bye}
"""The events of `GET /api/stream` by name, with the JSON that each carries."""
