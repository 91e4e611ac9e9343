"""All that the screens show in common. The application owns the only one and is the only one to change it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from meritocrab.localapi.protocol import EvaluationItem, Health, LedgerItem, RepositoryItem
from meritocrab.tui.messages import LinkState

SNOOZED_FOR = timedelta(hours=1)


@dataclass
class Board:
    """What is known of the daemon.

    Attributes:
        queue: what waits for a maintainer, oldest first; `queue_total` counts it where not all of it is here.
        deciding: ids of items whose decision is on its way; they are out of the list already.
        snoozed: until when an item is hidden. It is this session's own and ends with it.
        decisions: the steps of this session that can be undone, the last at the end; what was decided at once is one.
    """

    link: LinkState = LinkState.CONNECTING
    reason: str = ""
    health: Health | None = None
    repositories: tuple[RepositoryItem, ...] = ()
    queue: tuple[EvaluationItem, ...] = ()
    queue_total: int = 0
    recent: tuple[LedgerItem, ...] = ()
    deciding: set[int] = field(default_factory=set)
    snoozed: dict[int, datetime] = field(default_factory=dict)
    decisions: list[tuple[Decided, ...]] = field(default_factory=list)

    def waiting(self, now: datetime, *, snoozed: bool = False) -> list[EvaluationItem]:
        """The queue as it is shown: without what is decided, and without (or only) what is snoozed."""
        return [
            item
            for item in self.queue
            if item.id not in self.deciding and self.is_snoozed(item.id, now) == snoozed
        ]

    def is_snoozed(self, evaluation_id: int, now: datetime) -> bool:
        """Is this item hidden for now?"""
        until = self.snoozed.get(evaluation_id)
        return until is not None and until > now

    def snooze(self, evaluation_id: int, now: datetime) -> None:
        """Hide an item for an hour."""
        self.snoozed[evaluation_id] = now + SNOOZED_FOR

    def queue_changed(self, queue: tuple[EvaluationItem, ...], total: int) -> None:
        """This is the queue now; what has left it needs no remembering."""
        self.queue, self.queue_total = queue, total
        known = {item.id for item in queue}
        self.deciding &= known
        self.snoozed = {key: until for key, until in self.snoozed.items() if key in known}


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision of this session, in words, and the item it was about."""

    repository: str
    what: str
    evaluation_id: int
