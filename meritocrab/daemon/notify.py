"""Tells a maintainer elsewhere what has happened, from the rows that say so, and never holds anything else up.

A message that one channel took and the other did not is sent again to that other one only. After a crash between
sending and noting it, it is sent once more, under the same id.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta

from meritocrab.core import notices
from meritocrab.core.names import NoticeKind
from meritocrab.logs import log_context
from meritocrab.notify.base import Channel, NotDelivered
from meritocrab.store import notifications
from meritocrab.store.database import Store
from meritocrab.store.notifications import Batch

log = logging.getLogger("meritocrab.notify")


class Notifier:
    """The worker.

    Args:
        channels: the ways out by name; without any nothing is told.
        wanted: what is told.
        min_interval: the shortest time between two messages of a kind; what comes meanwhile is summed up.
        web_url: where the repositories are for people.
        titles: whether titles of pull requests may leave the house.
    """

    def __init__(
        self,
        store: Store,
        channels: Mapping[str, Channel],
        clock: Callable[[], datetime],
        *,
        wanted: Collection[NoticeKind],
        min_interval: timedelta,
        web_url: str,
        titles: bool,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self._store, self._channels, self._clock = store, channels, clock
        self._wanted = tuple(wanted) if channels else ()
        self._min_interval, self._web_url, self._titles = min_interval, web_url, titles
        self._stopping = stopping

    async def step(self) -> datetime | None:
        """Send every message that is due; when the next one is, the idle pace finds out."""
        if not await self._store.read(notifications.is_any_waiting):
            return None
        dropped = await self._store.write(notifications.tidy, self._wanted, self._clock())
        if dropped:
            log.warning("%d notifications could not be delivered for a day and are dropped", dropped)
        while not self._stopping():
            batch = await self._store.write(
                notifications.claim, tuple(self._channels), self._min_interval, self._clock()
            )
            if batch is None:
                break
            await self._send(batch)
        return None

    async def _send(self, batch: Batch) -> None:
        items = await self._store.read(notifications.items, batch, self._web_url, titles=self._titles)
        message = notices.compose(batch.message, batch.kind, items, batch.total)
        missed = [name for name in batch.missing if not await self._hand_over(name, message)]
        if not missed:
            await self._store.write(notifications.finish, batch.message, self._clock())

    async def _hand_over(self, name: str, message: notices.Message) -> bool:
        with log_context(notification=message.id):
            try:
                answer = await self._channels[name].send(message)
            except NotDelivered as error:
                log.warning("a notification was not delivered: %s", error)
                await self._store.write(notifications.failed, message.id, str(error))
                return False
            await self._store.write(notifications.taken, message.id, name, self._clock())
            log.info("told about %d of %s: %s", message.count, message.kind, answer)
            return True
