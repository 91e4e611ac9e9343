"""A maintainer's acts: each becomes an event of the inbox and is handled like all others.

The request id is part of the event's key, so that a repeated request finds the first one and gets its answer. Whether
an act is possible is decided by the core alone; here it is only checked that what it names exists.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from meritocrab.core.events import Account, Event, OperatorFacts, event_key
from meritocrab.core.names import EventKind, EventState
from meritocrab.localapi import protocol as p
from meritocrab.localapi.errors import ApiError, not_found
from meritocrab.localapi.host import Host
from meritocrab.localapi.sockets import Peer
from meritocrab.localapi.stream import Hub
from meritocrab.localapi.views import contributors, evaluations, parts
from meritocrab.store import accounts, inbox, ledger, outbox
from meritocrab.store.models import EventRow, LedgerRow, Repository

WAIT_SECONDS = 5.0
"""How long an act waits to be handled before it is only accepted."""

WOKEN_BY_ACTS = ("poll", "relay", "evaluate")


@dataclass(frozen=True, slots=True)
class Target:
    """What an act is about: a repository, and in it perhaps a person and a row."""

    repository: Repository
    account: Account | None = None
    ids: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Order:
    """One act to be done: who, what, with which arguments, under which id. `find` says what it is about."""

    act: str
    peer: Peer
    body: p.ActBody
    request_id: str
    find: Callable[[], Target]


class Acts:
    """Files acts and waits for what becomes of them."""

    def __init__(self, host: Host, hub: Hub, wait_seconds: float = WAIT_SECONDS) -> None:
        self._host, self._hub, self._wait = host, hub, wait_seconds

    def use(self, host: Host) -> None:
        """Acts go to this daemon from now on."""
        self._host = host

    async def perform(self, order: Order) -> p.ActAnswer:
        """Have an act done once, however often it is ordered.

        Raises:
            ApiError: what it names does not exist, it cannot be done (any more), or its id was used for another act.
        """
        event_id = await self._host.store.write(self._file, order)
        self._host.wake("act")
        await self._until_handled(event_id)
        for worker in WOKEN_BY_ACTS:
            self._host.wake(worker)
        return await self._host.store.read(_answer, event_id, order)

    def _file(self, order: Order) -> int:
        now = self._host.clock()
        target = order.find()
        event = _event(order, target, self._host.github_now(target.repository.access))
        inbox.receive([event], source="local", now=now)
        row = inbox.find(event.key)
        assert row is not None  # noqa: S101 - filed just now, or before
        if not _is_same(inbox.to_event(row), event):
            raise ApiError(
                p.ErrorCode.REQUEST_ID_REUSED,
                f"the request id {order.request_id} was used for another act; every act needs its own",
            )
        return int(row.id)

    async def _until_handled(self, event_id: int) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._wait
        while not self._hub.closing:
            change = self._hub.next_change()
            if await self._host.store.read(_is_handled, event_id):
                return
            try:
                async with asyncio.timeout_at(deadline):
                    await change.wait()
            except TimeoutError:
                return


def _event(order: Order, target: Target, now: datetime) -> Event:
    repository_id = target.repository.github_id
    if repository_id is None:
        raise ApiError(
            p.ErrorCode.NOT_READY,
            f"GitHub has not answered for {target.repository.full_name} yet: {target.repository.last_error or 'wait'}",
        )
    arguments: dict[str, Any] = dict(target.ids)
    for name in ("classification", "delta"):
        arguments[name] = getattr(order.body, name, None)
    facts = OperatorFacts(
        act=order.act,
        user=order.peer.user,
        uid=order.peer.uid,
        account_id=target.account.id if target.account is not None else None,
        reason=order.body.reason,
        **arguments,
    )
    return Event(
        key=event_key(repository_id, EventKind.OPERATOR_ACTED, order.request_id),
        repository_id=repository_id,
        kind=EventKind.OPERATOR_ACTED,
        occurred_at=now,
        facts=facts,
        author=target.account,
    )


def _is_same(first: Event, second: Event) -> bool:
    return first.facts == second.facts


def _is_handled(event_id: int) -> bool:
    row = inbox.find_by_id(event_id)
    return row is None or row.state == EventState.HANDLED.value


def _answer(event_id: int, order: Order) -> p.ActAnswer:
    row = inbox.find_by_id(event_id)
    assert row is not None  # noqa: S101 - keys of events are never purged
    handled = row.state == EventState.HANDLED.value
    if handled and row.note.startswith(inbox.REFUSED):
        raise ApiError(p.ErrorCode.CONFLICT, row.note.removeprefix(inbox.REFUSED))
    repository = parts.repository_names([row.repository_id])[row.repository_id]
    moved = _moved_by(row)
    return p.ActAnswer(
        status=p.ActStatus.DONE if handled else p.ActStatus.ACCEPTED,
        act=order.act,
        event_id=event_id,
        request_id=order.request_id,
        repository=repository,
        actor=order.peer.actor,
        note=row.note if handled else row.last_error,
        account=parts.People([row.author_id]).find(row.author_id),
        credit=moved[-1].after if moved else None,
        blacklisted=moved[-1].blacklisted if moved else None,
        ledger=parts.ledger_items(moved),
    )


def _moved_by(row: EventRow) -> list[LedgerRow]:
    """The ledger rows of an act, oldest first; asked by person, whose rows have an index."""
    if row.author_id is None:
        return []
    theirs = (LedgerRow.repository_id == row.repository_id) & (LedgerRow.account_id == row.author_id)
    return list(LedgerRow.select().where(theirs & (LedgerRow.event_id == row.id)).order_by(LedgerRow.id))


# ---- what an act may be about


def on_repository(full_name: str) -> Callable[[], Target]:
    """The repository itself."""
    return lambda: Target(parts.find_repository(full_name))


def on_evaluation(full_name: str, evaluation_id: int) -> Callable[[], Target]:
    """An item of the review queue."""

    def find() -> Target:
        repository, row = evaluations.find(full_name, evaluation_id)
        return Target(repository, accounts.find(row.account_id), (("evaluation_id", evaluation_id),))

    return find


def on_person(full_name: str, user: str) -> Callable[[], Target]:
    """A person, who need not have any credit there yet."""
    return lambda: Target(parts.find_repository(full_name), contributors.resolve(user))


def on_ledger_row(full_name: str, ledger_id: int) -> Callable[[], Target]:
    """A row of the ledger."""

    def find() -> Target:
        repository, row = parts.find_repository(full_name), ledger.find(ledger_id)
        if row is None or row.repository_id != repository.github_id:
            raise not_found(f"there is no ledger row {ledger_id} in {repository.full_name}")
        return Target(repository, accounts.find(row.account_id), (("ledger_id", ledger_id),))

    return find


def on_action(action_id: int) -> Callable[[], Target]:
    """An action of the outbox, of whatever repository."""

    def find() -> Target:
        row = outbox.find(action_id)
        names = parts.repository_names([row.repository_id]) if row is not None else {}
        if row is None:
            raise not_found(f"there is no action {action_id}")
        return Target(parts.find_repository(names[row.repository_id]), None, (("action_id", action_id),))

    return find
