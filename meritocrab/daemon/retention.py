"""Erases by age what the configuration does not keep: slowly, a few rows at a time, beside everything else."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from meritocrab.core import retention as rules
from meritocrab.store import retention
from meritocrab.store.database import Store

log = logging.getLogger("meritocrab.retention")


UNSURE = timedelta(minutes=1)
"""How long to wait where the time is not sure."""


class Retention:
    """The worker. How far a pass has come is not kept: after a restart it begins again, which is harmless.

    Args:
        age_clock: the time by which the age of texts is reckoned, None while nobody can be sure of it.
    """

    def __init__(
        self,
        store: Store,
        keep: rules.Keep,
        clock: Callable[[], datetime],
        *,
        age_clock: Callable[[], datetime | None] | None = None,
    ) -> None:
        self._store, self._keep, self._clock = store, keep, clock
        self._age_clock = age_clock or clock
        self._place = retention.Place()
        self._erased = 0

    async def step(self) -> datetime | None:
        """Look at the next few rows; returns when to go on."""
        now, age_now = self._clock(), self._age_clock()
        if age_now is None:
            return now + UNSURE
        done = await self._store.write(retention.step, self._keep.cutoffs(age_now), self._place, rules.BATCH)
        self._erased += done.erased
        if done.place is None and self._erased:
            log.info("erased the texts of %d rows that are older than they are to be kept", self._erased)
            self._erased = 0
        self._place = done.place or retention.Place()
        return rules.next_step_at(now, finished=done.place is None)
