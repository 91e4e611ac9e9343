"""Contributors: pages that stay quick with a hundred thousand of them, and one person with their ledger."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from peewee import Tuple, fn

from meritocrab.core.events import Account
from meritocrab.core.names import Role
from meritocrab.localapi import protocol as p
from meritocrab.localapi.errors import ApiError, not_found
from meritocrab.localapi.host import Host
from meritocrab.localapi.pages import decode_cursor, encode_cursor
from meritocrab.localapi.views import evaluations, parts, repositories
from meritocrab.store import accounts
from meritocrab.store.models import (
    AccountRow,
    ContributorRow,
    EvaluationRow,
    FormerLogin,
    LedgerRow,
    PullRequestRow,
    Repository,
    RoleRow,
)

NEWEST = 20
"""How many of a person's pull requests, evaluations and ledger rows are shown with them."""


@dataclass(frozen=True, slots=True)
class _Order:
    """One way to sort: the column, what a cursor holds of it, and whether it is on the accounts' table."""

    column: Any
    kind: type[int] | type[str]
    by_account: bool = False


ORDERS = {
    "login": _Order(AccountRow.login_key, str, by_account=True),
    "credit": _Order(ContributorRow.credit, int),
    "seen": _Order(ContributorRow.first_seen_at, int),
}


def listing(host: Host, full_name: str, query: p.ContributorQuery) -> p.Page[p.ContributorItem]:
    """One page of a repository's people."""
    repository = parts.find_repository(full_name)
    matching = _matching(host, repository, query)
    order = ORDERS[query.sort.removeprefix("-")]
    descending = query.sort.startswith("-")
    name = (
        f"contributors/{query.sort}/{query.search.lower()}/{query.blacklisted}/{parts.github_id(repository)}"
    )
    key = (order.column, ContributorRow.account_id)
    columns = (*_COLUMNS, order.column.alias("sorted_by"))
    rows = _joined(matching, query, order).select(*columns)
    if query.cursor is not None:
        last = Tuple(*decode_cursor(name, query.cursor, (order.kind, int)))
        rows = rows.where(Tuple(*key) < last if descending else Tuple(*key) > last)
    ordered = rows.order_by(*(column.desc() if descending else column.asc() for column in key))
    found = list(ordered.limit(query.limit + 1).dicts())
    shown = found[: query.limit]
    following = None
    if len(found) > query.limit:
        following = encode_cursor(name, [_stored(shown[-1]["sorted_by"]), shown[-1]["account_id"]])
    total = parts.count(_joined(matching, query, None))
    return p.Page(total=total, items=_items(repository, shown), next=following)


_COLUMNS = (
    ContributorRow.account_id,
    ContributorRow.credit,
    ContributorRow.blacklisted,
    ContributorRow.blacklisted_at,
    ContributorRow.first_seen_at,
)


def _stored(value: Any) -> int | str:
    return value if isinstance(value, int | str) else parts.millis(value)


def _matching(host: Host, repository: Repository, query: p.ContributorQuery) -> Any:
    """The condition on rows; logins are compared in lower case."""
    condition = ContributorRow.repository_id == parts.github_id(repository)
    if query.blacklisted is not None:
        condition &= ContributorRow.blacklisted == query.blacklisted
    if query.search:
        condition &= _found_by(query.search.strip(), host.store.driver)
    return condition


def _found_by(search: str, driver: str) -> Any:
    by_id = _id_in(search)
    if by_id is not None:
        return ContributorRow.account_id == by_id
    prefix = search.removeprefix("@").lower()
    if driver == "sqlite":
        # a range over the index; SQLite compares text byte by byte
        return (AccountRow.login_key >= prefix) & (AccountRow.login_key < prefix + "\U0010ffff")
    return fn.STARTS_WITH(AccountRow.login_key, prefix)


def _joined(condition: Any, query: p.ContributorQuery, order: _Order | None) -> Any:
    rows = ContributorRow.select().where(condition)
    if query.search or (order is not None and order.by_account):
        rows = rows.join(AccountRow, on=(AccountRow.id == ContributorRow.account_id))
    return rows


def _items(repository: Repository, rows: Sequence[dict[str, Any]]) -> tuple[p.ContributorItem, ...]:
    ids = [row["account_id"] for row in rows]
    people, repository_id = parts.People(ids), parts.github_id(repository)
    roles = _roles(repository_id, ids)
    changes = _changes(repository_id, ids)
    return tuple(
        p.ContributorItem(
            account=people.get(row["account_id"]),
            repository=repository.full_name,
            credit=row["credit"],
            blacklisted=row["blacklisted"],
            blacklisted_at=row["blacklisted_at"],
            role=roles.get(row["account_id"]),
            first_seen_at=row["first_seen_at"],
            changes=changes.get(row["account_id"], (1, None))[0] - 1,
            last_change_at=changes.get(row["account_id"], (1, None))[1],
        )
        for row in rows
    )


def _roles(repository_id: int, ids: Sequence[int]) -> dict[int, Role]:
    rows = RoleRow.select().where((RoleRow.repository_id == repository_id) & RoleRow.account_id.in_(ids))
    return {row.account_id: Role(row.role) for row in rows}


def _changes(repository_id: int, ids: Sequence[int]) -> dict[int, tuple[int, Any]]:
    """How many ledger rows each person has, the opening balance included, and when the last one came."""
    table = LedgerRow
    rows = (
        table.select(table.account_id, fn.COUNT(table.id), fn.MAX(table.appended_at).converter(_moment))
        .where((table.repository_id == repository_id) & table.account_id.in_(ids))
        .group_by(table.account_id)
        .tuples()
    )
    found: Any = rows  # Peewee's stubs take tuples for rows
    return {account_id: (number, last) for account_id, number, last in found}


def _moment(value: Any) -> Any:
    return LedgerRow.appended_at.python_value(value)


# ---- one person


def _id_in(user: str) -> int | None:
    """The id that `id:123` names."""
    digits = user.removeprefix("id:") if user.startswith("id:") else ""
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= 18 else None


def resolve(user: str) -> Account:
    """The account that a login or `id:N` names: by today's name as last seen, else by a former one.

    Raises:
        ApiError: nobody, or several: a freed name may have been taken by somebody else.
    """
    by_id = _id_in(user)
    ids = [by_id] if by_id is not None else _named(user.removeprefix("@").lower())
    if len(ids) > 1:
        known = ", ".join(f"id:{account_id}" for account_id in ids)
        raise ApiError(
            p.ErrorCode.AMBIGUOUS, f"{user} is or was the name of several accounts: use one of {known}"
        )
    account = accounts.find(ids[0]) if ids else None
    if account is None:
        raise not_found(f"nobody called {user} was ever seen here; write a login, or id:N")
    return account


def _named(key: str) -> list[int]:
    today = [row.id for row in AccountRow.select(AccountRow.id).where(AccountRow.login_key == key)]
    return sorted(today or accounts.known_holders(key))


def find(full_name: str, user: str) -> tuple[Repository, Account, dict[str, Any]]:
    """A contributor of this repository.

    Raises:
        ApiError: there is no such one.
    """
    repository, account = parts.find_repository(full_name), resolve(user)
    rows = ContributorRow.select(*_COLUMNS).where(
        (ContributorRow.repository_id == parts.github_id(repository))
        & (ContributorRow.account_id == account.id)
    )
    found: list[Any] = list(rows.dicts())
    if not found:
        raise not_found(f"{account.login} (id {account.id}) has no credit in {repository.full_name} yet")
    return repository, account, found[0]


def one(host: Host, full_name: str, user: str) -> p.ContributorDetail:
    """All about one person."""
    repository, account, row = find(full_name, user)
    (item,) = _items(repository, [row])
    policy = repositories.assumed_rules(host, repository)
    repository_id = parts.github_id(repository)
    role = RoleRow.get_or_none((RoleRow.repository_id == repository_id) & (RoleRow.account_id == account.id))
    former = (
        FormerLogin.select().where(FormerLogin.account_id == account.id).order_by(FormerLogin.seen_at.desc())
    )
    return p.ContributorDetail(
        **dict(item),
        former_logins=tuple(name.login_key for name in former if name.login_key != account.login.lower()),
        role_read_at=role.fetched_at if role is not None else None,
        pr_threshold=policy.pr_threshold,
        blacklist_threshold=policy.blacklist_threshold,
        pull_requests=_pull_requests(repository, account.id),
        evaluations=evaluations.items(host, _evaluations(repository_id, account.id)),
        ledger=_ledger_page(repository_id, account.id, p.PageQuery(limit=NEWEST)),
    )


def _pull_requests(repository: Repository, account_id: int) -> tuple[p.PullRequestItem, ...]:
    table = PullRequestRow
    rows = (
        table.select()
        .where((table.repository_id == parts.github_id(repository)) & (table.author_id == account_id))
        .order_by(table.number.desc())
        .limit(NEWEST)
    )
    return tuple(parts.pull_request_item(row, repository.full_name) for row in rows)


def _evaluations(repository_id: int, account_id: int) -> list[EvaluationRow]:
    table = EvaluationRow
    mine = (table.repository_id == repository_id) & (table.account_id == account_id)
    return list(table.select().where(mine).order_by(table.id.desc()).limit(NEWEST))


def ledger(_host: Host, full_name: str, user: str, query: p.PageQuery) -> p.Page[p.LedgerItem]:
    """One page of a person's ledger, newest first."""
    repository, account, _ = find(full_name, user)
    return _ledger_page(parts.github_id(repository), account.id, query)


def _ledger_page(repository_id: int, account_id: int, query: p.PageQuery) -> p.Page[p.LedgerItem]:
    rows = LedgerRow.select().where(
        (LedgerRow.repository_id == repository_id) & (LedgerRow.account_id == account_id)
    )
    name = f"ledger/{repository_id}/{account_id}"
    shown, following = parts.newest_first(rows, LedgerRow, name, query)
    return p.Page(total=parts.count(rows), items=parts.ledger_items(shown), next=following)


def contributor_item(repository: Repository, account_id: int) -> p.ContributorItem | None:
    """One person in short; None while they have no credit here."""
    rows = ContributorRow.select(*_COLUMNS).where(
        (ContributorRow.repository_id == parts.github_id(repository))
        & (ContributorRow.account_id == account_id)
    )
    found: list[Any] = list(rows.dicts())
    return _items(repository, found)[0] if found else None
