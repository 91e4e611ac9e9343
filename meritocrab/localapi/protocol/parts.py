"""What many answers are made of: people, actors, ledger rows, pages."""

from __future__ import annotations

from datetime import datetime
from typing import Generic, TypeVar

from meritocrab.core.names import ActorKind, CreditReason, Enforcement
from meritocrab.localapi.protocol.base import Answer


class Person(Answer):
    """A GitHub account; where no name was ever seen, `login` is `id:N`, which every path takes too."""

    id: int
    login: str


class ActorView(Answer):
    """Who stands behind a change; `words` is `system`, `@login` or `local:user`."""

    kind: ActorKind
    id: int | None = None
    words: str


class LedgerItem(Answer):
    """One row of the ledger; `words` says in a few words what it is for."""

    id: int
    repository: str
    account: Person
    reason: CreditReason
    words: str
    requested: int
    applied: int
    before: int
    after: int
    blacklisted: bool
    actor: ActorView
    text: str = ""
    number: int | None = None
    event_id: int | None = None
    evaluation_id: int | None = None
    reverses_id: int | None = None
    undone_by_id: int | None = None
    enforcement: Enforcement
    occurred_at: datetime
    appended_at: datetime


T = TypeVar("T")


class Page(Answer, Generic[T]):
    """Some of `total` rows; `next` is the cursor of the page behind this one, None on the last."""

    total: int
    items: tuple[T, ...]
    next: str | None = None
