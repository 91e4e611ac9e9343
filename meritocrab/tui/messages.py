"""What the connection tells the application."""

from __future__ import annotations

from enum import StrEnum

from textual.message import Message

from meritocrab.localapi.protocol import Health, Topic


class LinkState(StrEnum):
    """How the connection to the daemon is."""

    CONNECTING = "connecting"
    LIVE = "live"
    NO_DAEMON = "no daemon"
    NO_PERMISSION = "no permission"
    NOT_UNDERSTOOD = "not understood"


class Connected(Message):
    """The stream of changes began; what happened before it must be asked for."""

    def __init__(self, health: Health) -> None:
        super().__init__()
        self.health = health


class Changed(Message):
    """Something changed in the daemon."""

    def __init__(self, topics: frozenset[Topic]) -> None:
        super().__init__()
        self.topics = topics


class Disconnected(Message):
    """The daemon cannot be reached, and why; it is tried again."""

    def __init__(self, state: LinkState, reason: str) -> None:
        super().__init__()
        self.state, self.reason = state, reason
