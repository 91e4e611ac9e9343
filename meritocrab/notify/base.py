"""What every way out has in common."""

from __future__ import annotations

from typing import ClassVar, Protocol

from meritocrab.core.notices import Message
from meritocrab.errors import MeritocrabError


class NotDelivered(MeritocrabError):  # noqa: N818 (a state, as of the store's errors)
    """The message was not taken, as far as we know; the text says why and holds no secret."""

    exit_status: ClassVar[int] = 1


class Channel(Protocol):
    """One way out."""

    async def send(self, message: Message) -> str:
        """Hand the message over; returns in a few words what came back.

        Raises:
            NotDelivered: it was not taken.
        """
        ...
