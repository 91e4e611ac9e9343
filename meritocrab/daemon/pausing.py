"""Pauses everything and ends that, on a maintainer's word: the file is the truth, this is who made it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path

from meritocrab import pausing
from meritocrab.pausing import Pause

log = logging.getLogger("meritocrab.daemon")

AT_REST_WITHIN_SECONDS = 5.0


class Pausing:
    """The brake for everything.

    Args:
        at_rest: waits so many seconds until no write is on its way; False when one still is.
        turned: told whenever it was pulled or released.
    """

    def __init__(
        self,
        state_dir: Path,
        clock: Callable[[], datetime],
        at_rest: Callable[[float], Awaitable[bool]],
        turned: Callable[[], None],
    ) -> None:
        self._folder, self._clock = state_dir, clock
        self._at_rest, self._turned = at_rest, turned

    def find(self) -> Pause | None:
        """The pause in force, or None."""
        return pausing.find(self._folder)

    async def pause(self, by: str, reason: str) -> tuple[bool, bool]:
        """Pull it, and wait until nothing is on its way to GitHub any more.

        Returns:
            Whether it was not pulled before; whether all is at rest.

        Raises:
            PauseFailed: the file cannot be written.
        """
        made = await asyncio.to_thread(pausing.pause, self._folder, Pause(by, self._clock(), reason))
        if made:
            log.warning("everything is paused by %s%s", by, f": {reason}" if reason else "")
            self._turned()
        return made, await self._at_rest(AT_REST_WITHIN_SECONDS)

    async def resume(self, by: str, reason: str) -> bool:
        """Release it; False when it was not pulled.

        Raises:
            PauseFailed: the file cannot be removed.
        """
        gone = await asyncio.to_thread(pausing.resume, self._folder)
        if gone:
            log.warning("everything goes on, resumed by %s%s", by, f": {reason}" if reason else "")
            self._turned()
        return gone
