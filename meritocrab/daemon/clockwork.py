"""Keeps up with the local clock: notes it once a minute, and sees to it that nobody waits out a clock set back."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

from meritocrab.store import clocks
from meritocrab.store.database import Store

log = logging.getLogger("meritocrab.daemon")

STAMP_SECONDS = 60.0


class Clockwork:
    """The worker; a jump back is noticed also when it happened while nothing ran."""

    def __init__(self, store: Store, clock: Callable[[], datetime]) -> None:
        self._store, self._clock = store, clock

    async def step(self) -> datetime | None:
        """Note the time, and take the waits back with it where it went back."""
        back = await self._store.write(clocks.keep_up, self._clock())
        if back:
            log.warning(
                "the local clock is %.0f s behind what it was: waits are shortened by that",
                back.total_seconds(),
            )
        return None
