"""Everything the database knows about events, the ledger and contributors, as plain rows for other programs.

Rows come in the order of their ids, a page at a time and each page in a read of its own: memory stays
constant, and a slow reader at the other end of a pipe never keeps a transaction open. Ids are ascending and
rows are not deleted, so that the last id of one export is where the next may begin.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from peewee import Tuple, fn

from meritocrab.core.names import EventKind
from meritocrab.store.database import Store
from meritocrab.store.errors import StoreError
from meritocrab.store.models import (
    AccountRow,
    ContributorRow,
    EventRow,
    LedgerNote,
    LedgerRow,
    Repository,
    RoleRow,
)

PAGE = 1000
"""Rows per read."""

Row = dict[str, Any]


class UnknownRepository(StoreError):  # noqa: N818 (a state, as all of the store's errors)
    """No repository of that name was ever watched; the message lists those that were."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which rows to export. `since` is inclusive, `until` is not; both are aware and compared with GitHub's
    time of the fact. None selects everything.
    """

    repository: str | None = None
    since: datetime | None = None
    until: datetime | None = None


def events(store: Store, selection: Selection) -> Iterator[Row]:
    """Every event of the inbox, by id.

    Raises:
        UnknownRepository: the selection names one that is not in the database.
        DatabaseUnavailable: the database cannot be read now.
    """
    yield from _export(store, selection, EventRow, _event_rows)


def ledger(store: Store, selection: Selection) -> Iterator[Row]:
    """Every row of the ledger with its words (empty where they were erased), by id.

    Raises:
        UnknownRepository: the selection names one that is not in the database.
        DatabaseUnavailable: the database cannot be read now.
    """
    yield from _export(store, selection, LedgerRow, _ledger_rows)


def contributors(store: Store, repository: str | None = None) -> Iterator[Row]:
    """Every contributor as they stand, by repository and account id.

    Raises:
        UnknownRepository: there is no repository of this name in the database.
        DatabaseUnavailable: the database cannot be read now.
    """
    names = store.read_now(_names_of, repository)
    query = ContributorRow.select()
    if repository is not None:
        query = query.where(ContributorRow.repository_id.in_(_ids(names)))
    key = (ContributorRow.repository_id, ContributorRow.account_id)
    for page in _pages(store, query, key):
        yield from store.read_now(_contributor_rows, page, names)


def _export(
    store: Store,
    selection: Selection,
    table: Any,
    rows_of: Callable[[list[Any], dict[int | None, str]], list[Row]],
) -> Iterator[Row]:
    names = store.read_now(_names_of, selection.repository)
    query = table.select()
    if selection.repository is not None:
        query = query.where(table.repository_id.in_(_ids(names)))
    if selection.since is not None:
        query = query.where(table.occurred_at >= selection.since)
    if selection.until is not None:
        query = query.where(table.occurred_at < selection.until)
    for page in _pages(store, query, (table.id,)):
        yield from store.read_now(rows_of, page, names)


def _pages(store: Store, query: Any, key: tuple[Any, ...]) -> Iterator[list[Any]]:
    """The rows of the query in the order of its unique key, by pages."""
    page_query = query.order_by(*key).limit(PAGE)
    page = store.read_now(list, page_query)
    while page:
        yield page
        last = Tuple(*(getattr(page[-1], column.name) for column in key))
        page = store.read_now(list, page_query.where(Tuple(*key) > last))


def _names_of(repository: str | None) -> dict[int | None, str]:
    """The names of all repositories by GitHub's id, or only of the one asked for (in any case).

    One that GitHub never answered for has no id yet, and no rows.
    """
    columns = (Repository.github_id, Repository.full_name)
    rows = list(Repository.select(*columns).order_by(Repository.name_key))
    if repository is None:
        return {row.github_id: row.full_name for row in rows}
    found = {row.github_id: row.full_name for row in rows if row.full_name.lower() == repository.lower()}
    if not found:
        known = ", ".join(row.full_name for row in rows) or "none yet"
        raise UnknownRepository(f"there is no repository {repository!r} in the database. Known are: {known}.")
    return found


def _ids(names: dict[int | None, str]) -> list[int]:
    return [github_id for github_id in names if github_id is not None]


def _logins(ids: Iterable[int | None]) -> dict[int | None, str]:
    wanted = sorted({account_id for account_id in ids if account_id is not None})
    rows = AccountRow.select(AccountRow.id, AccountRow.login).where(AccountRow.id.in_(wanted))
    return {row.id: row.login for row in rows}


def _event_rows(page: list[EventRow], names: dict[int | None, str]) -> list[Row]:
    logins = _logins(account_id for row in page for account_id in (row.author_id, row.actor_id))
    return [
        {
            "id": row.id,
            "key": row.key,
            "repo": names.get(row.repository_id),
            "kind": row.kind,
            "number": row.number,
            "github_id": row.github_id,
            "author_id": row.author_id,
            "author_login": logins.get(row.author_id),
            "actor_id": row.actor_id,
            "actor_login": logins.get(row.actor_id),
            "occurred_at": iso(row.occurred_at),
            "received_at": iso(row.received_at),
            "handled_at": iso(row.handled_at),
            "state": row.state,
            "is_history": row.is_history,
            "source": row.source,
            "enforcement": row.enforcement,
            "note": row.note,
            "on_pull_request": _is_on_pull_request(row),
        }
        for row in page
    ]


def _is_on_pull_request(row: EventRow) -> bool | None:
    """For comments: whether the thread is a pull request; None for others and where facts were erased."""
    if row.kind != EventKind.COMMENT_CREATED.value:
        return None
    try:
        value = json.loads(row.facts).get("on_pull_request")
    except (ValueError, AttributeError):
        return None
    return value if isinstance(value, bool) else None


def _ledger_rows(page: list[LedgerRow], names: dict[int | None, str]) -> list[Row]:
    logins = _logins(row.account_id for row in page)
    ids = [row.id for row in page]
    notes = {note.ledger_id: note for note in LedgerNote.select().where(LedgerNote.ledger_id.in_(ids))}
    return [
        {
            "id": row.id,
            "key": row.key,
            "repo": names.get(row.repository_id),
            "repository_id": row.repository_id,
            "account_id": row.account_id,
            "login": logins.get(row.account_id),
            "reason": row.reason,
            "requested": row.requested,
            "applied": row.applied,
            "before": row.before,
            "after": row.after,
            "blacklisted": row.blacklisted,
            "cap_day": row.cap_day,
            "number": row.number,
            "event_id": row.event_id,
            "evaluation_id": row.evaluation_id,
            "reverses_id": row.reverses_id,
            "actor_kind": row.actor_kind,
            "actor_id": row.actor_id,
            "actor_name": notes[row.id].actor_name if row.id in notes else "",
            "text": notes[row.id].text if row.id in notes else "",
            "enforcement": row.enforcement,
            "occurred_at": iso(row.occurred_at),
            "appended_at": iso(row.appended_at),
        }
        for row in page
    ]


def _contributor_rows(page: list[ContributorRow], names: dict[int | None, str]) -> list[Row]:
    logins = _logins(row.account_id for row in page)
    first, last = (Tuple(row.repository_id, row.account_id) for row in (page[0], page[-1]))
    roles = _by_person(RoleRow, RoleRow.role, first, last)
    counts = _by_person(LedgerRow, fn.COUNT(LedgerRow.id), first, last, group=True)
    return [
        {
            "repo": names.get(row.repository_id),
            "account_id": row.account_id,
            "login": logins.get(row.account_id),
            "credit": row.credit,
            "blacklisted": row.blacklisted,
            "blacklisted_at": iso(row.blacklisted_at),
            "role": roles.get((row.repository_id, row.account_id)),
            "first_seen_at": iso(row.first_seen_at),
            "rows": counts.get((row.repository_id, row.account_id), 0),
        }
        for row in page
    ]


def _by_person(
    table: Any, value: Any, first: Tuple, last: Tuple, *, group: bool = False
) -> dict[tuple[int, int], Any]:
    """One value per contributor, for all contributors from `first` to `last`."""
    person = (table.repository_id, table.account_id)
    query = table.select(*person, value).where((Tuple(*person) >= first) & (Tuple(*person) <= last))
    if group:
        query = query.group_by(*person)
    return {(repository_id, account_id): found for repository_id, account_id, found in query.tuples()}


def iso(moment: datetime | None) -> str | None:
    """ISO 8601 in UTC with a Z, as GitHub writes times; milliseconds only where there are any."""
    if moment is None:
        return None
    precision = "milliseconds" if moment.microsecond else "seconds"
    return moment.isoformat(timespec=precision).replace("+00:00", "Z")
