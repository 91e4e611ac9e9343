"""The ledger: the only place that changes credit or the blacklist flag, and the proof that both are right.

Every function runs inside a transaction of the store. Appending is keyed, so that trying again is harmless.
The contributor's row is locked before the ledger is read: on PostgreSQL another process may append at the
same time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from heapq import merge
from itertools import groupby
from typing import Any

from peewee import Tuple, fn

from meritocrab.core.ledger import LedgerEntry, apply, check, fold
from meritocrab.core.names import ActorKind, CreditReason, Enforcement
from meritocrab.store.errors import StoreError
from meritocrab.store.models import (
    EPOCH,
    AccountRow,
    ContributorRow,
    LedgerNote,
    LedgerRow,
    Repository,
    database,
)
from meritocrab.store.statements import find_one, insert, insert_new, update

BATCH = 1000
"""Rows per query while verifying."""

Person = tuple[int, int]
"""A contributor: repository id and account id."""


def open_contributor(
    repository_id: int,
    account_id: int,
    starting_credit: int,
    now: datetime,
    *,
    enforcement: Enforcement,
    occurred_at: datetime | None = None,
) -> ContributorRow:
    """The contributor's row; made on first sight, with the opening balance as the first row of the ledger.

    Args:
        starting_credit: points, 0 or more; only for somebody new.
        now: our clock.
        enforcement: what was in force.
        occurred_at: when the person was first seen, by GitHub's clock; `now` if unknown.
    """
    known = find_contributor(repository_id, account_id)
    if known is not None:
        return known
    made = insert_new(
        ContributorRow,
        repository_id=repository_id,
        account_id=account_id,
        credit=starting_credit,
        first_seen_at=now,
    )
    if made:
        _insert(
            key=f"{repository_id}/opening/{account_id}",
            repository_id=repository_id,
            account_id=account_id,
            reason=CreditReason.OPENING.value,
            requested=starting_credit,
            applied=starting_credit,
            before=0,
            after=starting_credit,
            blacklisted=False,
            actor_kind=ActorKind.SYSTEM.value,
            enforcement=enforcement.value,
            occurred_at=occurred_at or now,
            appended_at=now,
        )
    row = find_contributor(repository_id, account_id)
    assert row is not None  # noqa: S101 (the insert above saw to it)
    return row


def find_contributor(repository_id: int, account_id: int) -> ContributorRow | None:
    """The contributor's row, or None when there is none yet."""
    return find_one(ContributorRow, repository_id=repository_id, account_id=account_id)


def append(
    *,
    key: str,
    repository_id: int,
    account_id: int,
    requested: int,
    reason: CreditReason,
    now: datetime,
    occurred_at: datetime,
    enforcement: Enforcement,
    actor_kind: ActorKind,
    actor_id: int | None = None,
    actor_name: str = "",
    text: str = "",
    event_id: int | None = None,
    evaluation_id: int | None = None,
    reverses_id: int | None = None,
    number: int | None = None,
    cap: int | None = None,
    cap_day: int | None = None,
    set_blacklisted: bool | None = None,
) -> LedgerRow:
    """Append one row and move the contributor with it; a key that is there already changes nothing.

    Args:
        key: names this credit event for ever.
        requested: points wanted, signed; the row says how many applied.
        occurred_at: GitHub's time of the fact; its UTC day is the day of the cap.
        cap: the most that rows of that day may add up to, in points (None: not capped; ignored for a loss).
        cap_day: days since 1970, for a row that takes back a capped one and so makes room on that day.
        set_blacklisted: the flag after this row (None: as it was).
        actor_name, text: words of people; kept apart from the ledger, erasable.

    Returns:
        The new row, or the one that has this key.

    Raises:
        StoreError: the contributor has no opening balance yet, or the key belongs to somebody else.
    """
    person = _lock(repository_id, account_id)
    existing = find_by_key(key)
    if existing is not None:
        return _same(existing, repository_id, account_id)
    cap_left = None
    if cap is not None and requested >= 0:
        cap_day = day_of(occurred_at) if cap_day is None else cap_day
        cap_left = cap - earned_on(repository_id, account_id, cap_day)
    applied = apply(person.credit, requested, cap_left=cap_left)
    blacklisted = person.blacklisted if set_blacklisted is None else set_blacklisted
    row = _insert(
        key=key,
        repository_id=repository_id,
        account_id=account_id,
        event_id=event_id,
        evaluation_id=evaluation_id,
        reverses_id=reverses_id,
        reason=reason.value,
        requested=requested,
        applied=applied,
        before=person.credit,
        after=person.credit + applied,
        blacklisted=blacklisted,
        cap_day=cap_day,
        actor_kind=actor_kind.value,
        actor_id=actor_id,
        number=number,
        enforcement=enforcement.value,
        occurred_at=occurred_at,
        appended_at=now,
    )
    _move(person, row, now)
    if text or actor_name:
        LedgerNote.insert(ledger_id=row.id, actor_name=actor_name, text=text).execute()
    return row


def earned_on(repository_id: int, account_id: int, day: int) -> int:
    """The points that capped rows of this day (days since 1970, UTC) add up to."""
    query = LedgerRow.select(fn.COALESCE(fn.SUM(LedgerRow.applied), 0)).where(
        *_is(LedgerRow, repository_id, account_id), LedgerRow.cap_day == day
    )
    return int(query.scalar())


def rows_for(
    repository_id: int, account_id: int, limit: int | None = None, *, newest_first: bool = True
) -> list[LedgerRow]:
    """One person's rows; `limit` counts from the end that comes first."""
    order = LedgerRow.id.desc() if newest_first else LedgerRow.id.asc()
    query = LedgerRow.select().where(*_is(LedgerRow, repository_id, account_id)).order_by(order)
    return list(query.limit(limit))


def find(ledger_id: int) -> LedgerRow | None:
    """The row with this id, or None."""
    return find_one(LedgerRow, id=ledger_id)


def find_by_key(key: str) -> LedgerRow | None:
    """The row with this key, or None."""
    return find_one(LedgerRow, key=key)


def reversal_of(row: LedgerRow) -> LedgerRow | None:
    """The row that takes this one back, or None."""
    # by the person, whose rows have an index
    return find_one(LedgerRow, reverses_id=row.id, repository_id=row.repository_id, account_id=row.account_id)


def day_of(moment: datetime) -> int:
    """The UTC day of an aware time, as days since 1970."""
    return (moment - EPOCH).days


def entry(row: LedgerRow) -> LedgerEntry:
    """The row's numbers, for `core.ledger`."""
    return LedgerEntry(
        id=row.id,
        reason=CreditReason(row.reason),
        requested=row.requested,
        applied=row.applied,
        before=row.before,
        after=row.after,
        blacklisted=row.blacklisted,
        cap_day=row.cap_day,
        reverses_id=row.reverses_id,
    )


def _is(
    table: type[ContributorRow] | type[LedgerRow], repository_id: int, account_id: int
) -> tuple[Any, Any]:
    return (table.repository_id == repository_id), (table.account_id == account_id)


def _lock(repository_id: int, account_id: int) -> ContributorRow:
    """The contributor's row, kept from other writers until this transaction ends."""
    # SQLite has no row locks; its writers exclude each other altogether
    person = find_one(
        ContributorRow,
        for_update=bool(database.for_update),
        repository_id=repository_id,
        account_id=account_id,
    )
    if person is None:
        raise StoreError(f"account {account_id} has no opening balance in repository {repository_id} yet.")
    return person


def _same(row: LedgerRow, repository_id: int, account_id: int) -> LedgerRow:
    if (row.repository_id, row.account_id) != (repository_id, account_id):
        raise StoreError(
            f"the key {row.key!r} already names ledger row {row.id} of account {row.account_id}."
        )
    return row


def _insert(**values: Any) -> LedgerRow:
    return LedgerRow(id=insert(LedgerRow, **values), **values)


def _move(person: ContributorRow, row: LedgerRow, now: datetime) -> None:
    changes: dict[str, Any] = {"credit": row.after}
    if row.blacklisted != person.blacklisted:
        changes |= {"blacklisted": row.blacklisted, "blacklisted_at": now if row.blacklisted else None}
    update(ContributorRow, changes, repository_id=row.repository_id, account_id=row.account_id)


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What `verify` saw: how many contributors and rows, and every problem in words."""

    contributors: int
    rows: int
    problems: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """True when the ledger and the balances agree."""
        return not self.problems


def verify() -> VerifyReport:
    """Fold the whole ledger and compare it with every contributor's credit and flag.

    Streams: one person's rows are in memory at a time. Run it in one read, so that all of it is one snapshot.
    """
    contributors = rows = 0
    problems: list[str] = []
    for owner, person, entries in _people_with_entries():
        contributors += person is not None
        rows += len(entries)
        problems += [f"{_name(owner)}: {problem}" for problem in _faults(person, entries)]
    return VerifyReport(contributors, rows, tuple(problems))


def _people_with_entries() -> Iterator[tuple[Person, ContributorRow | None, list[LedgerEntry]]]:
    """Everybody who is a contributor or has ledger rows, with both, in order of their ids."""
    people = _walk(ContributorRow, ("repository_id", "account_id"))
    ledger = _walk(LedgerRow, ("repository_id", "account_id", "id"))
    for owner, rows in groupby(merge(people, ledger, key=_owner), key=_owner):
        person: ContributorRow | None = None
        entries: list[LedgerEntry] = []
        for row in rows:
            if isinstance(row, ContributorRow):
                person = row
            else:
                entries.append(entry(row))
        yield owner, person, entries


def _faults(person: ContributorRow | None, entries: list[LedgerEntry]) -> Iterator[str]:
    if not entries:
        yield "has no row in the ledger"
        return
    yield from check(entries)
    if person is None:
        yield "has rows in the ledger but is no contributor"
        return
    credit = fold(entries)
    if person.credit != credit:
        yield f"is stored with {person.credit} credit, but the ledger adds up to {credit}"
    if person.blacklisted != entries[-1].blacklisted:
        stored, last = _flag(person.blacklisted), _flag(entries[-1].blacklisted)
        yield f"is stored as {stored}, but by the ledger is {last}"


def _name(owner: Person) -> str:
    """Words for a contributor; both may be unknown, as a damaged database may hold anything."""
    repository = Repository.get_or_none(Repository.github_id == owner[0])
    account = AccountRow.get_or_none(AccountRow.id == owner[1])
    where = repository.full_name if repository else f"repository {owner[0]}"
    return f"{where}, {account.login} (id {owner[1]})" if account else f"{where}, account {owner[1]}"


def _flag(blacklisted: bool) -> str:
    return "blacklisted" if blacklisted else "not blacklisted"


def _owner(row: ContributorRow | LedgerRow) -> Person:
    return row.repository_id, row.account_id


def _walk(table: Any, names: tuple[str, ...]) -> Iterator[Any]:
    """Every row in the order of these columns (a unique key that an index has), by batches."""
    columns = [getattr(table, name) for name in names]
    query = table.select().order_by(*columns).limit(BATCH)
    batch: list[Any] = list(query)
    while batch:
        yield from batch
        last = batch[-1]
        after = Tuple(*(getattr(last, name) for name in names))
        batch = list(query.where(Tuple(*columns) > after))
