"""Who hears of a change: the Events API, and scripted people who react to the daemon.

A test that lets people answer must not answer its own direct calls, so changes are told only when they were
made through the API, and only once the whole write is done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from meritocrab.demo.foundation import Foundation, locked
from meritocrab.demo.objects import Account, App, FeedEntry, Repository, Thread


@dataclass(frozen=True, slots=True)
class Change:
    """What an API write changed, for scripted people who react to it."""

    kind: str
    repository: str
    number: int
    actor: str | None
    object_id: int | None = None
    text: str = ""


class Audience(Foundation):
    """The feed of each repository, and the callbacks of people who react."""

    def __init__(self, start: datetime | None = None) -> None:
        super().__init__(start)
        self._reactions: list[tuple[str, Callable[[Change], None]]] = []
        self._pending: list[Change] | None = None
        self._app: App | None = None

    @locked
    def on(self, kind: str, callback: Callable[[Change], None]) -> None:
        """Call back after each change of this kind that is made through the API (`*` for every kind)."""
        self._reactions.append((kind, callback))

    def _announce(
        self,
        kind: str,
        repository: Repository,
        thread: Thread,
        actor: Account | None,
        object_id: int | None = None,
        text: str = "",
    ) -> None:
        self._feed(kind, repository, thread, actor, object_id)
        if self._pending is not None:
            login = actor.login if actor is not None else None
            self._pending.append(Change(kind, repository.full_name, thread.number, login, object_id, text))

    def _feed(
        self, kind: str, repository: Repository, thread: Thread, actor: Account | None, object_id: int | None
    ) -> None:
        fed = {
            "commented": ("IssueCommentEvent", "created"),
            "reviewed": ("PullRequestReviewEvent", "created"),
        }
        if kind in ("opened", "closed", "reopened"):
            fed[kind] = ("PullRequestEvent" if thread.pull is not None else "IssuesEvent", kind)
        if kind in fed:
            name, action = fed[kind]
            entry = FeedEntry(self.next_id(), name, actor, self._second(), thread.number, action, object_id)
            repository.feed.append(entry)

    @contextmanager
    def api_write(self, app: App | None) -> Iterator[None]:
        """What happens inside is done through the API, by this App if any; afterwards people may react."""
        with self.lock:
            self._pending, self._app = [], app
            try:
                yield
            finally:
                changes, self._pending, self._app = self._pending, None, None
            for change in changes:
                self._tell(change)

    def _tell(self, change: Change) -> None:
        for kind, callback in list(self._reactions):
            if kind in ("*", change.kind):
                callback(change)
