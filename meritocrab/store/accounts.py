"""People as GitHub shows them: accounts by id, the names they go by, their roles as last looked up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from meritocrab.core.events import Account
from meritocrab.core.names import AccountType, Role
from meritocrab.store.models import AccountRow, EventRow, FormerLogin, RoleRow, Tombstone
from meritocrab.store.statements import find_one


def remember(accounts: Iterable[Account | None], now: datetime) -> None:
    """Keep today's name of each account; earlier names stay known. Of a forgotten one nothing is kept."""
    for account in {a.id: a for a in accounts if a is not None}.values():
        known = find_one(AccountRow, id=account.id)
        if known is not None and known.login == account.login and known.type == account.type:
            continue
        if is_forgotten(account):
            continue
        values = {
            "login": account.login,
            "login_key": account.login.lower(),
            "type": account.type.value,
            "seen_at": now,
        }
        AccountRow.insert(id=account.id, **values).on_conflict(
            conflict_target=[AccountRow.id], update=values
        ).execute()
        FormerLogin.insert(account_id=account.id, login_key=account.login.lower(), seen_at=now).on_conflict(
            conflict_target=[FormerLogin.account_id, FormerLogin.login_key], update={"seen_at": now}
        ).execute()


def is_forgotten(account: Account | None) -> bool:
    """Whether this account asked to be forgotten."""
    return account is not None and find_one(Tombstone, account_id=account.id) is not None


def as_kept(account: Account) -> Account:
    """What may be known of an account that GitHub shows: of a forgotten one no name."""
    return replace(account, login="") if is_forgotten(account) else account


def find(account_id: int | None) -> Account | None:
    """The account as last seen, or None."""
    row = find_one(AccountRow, id=account_id)
    return to_account(row) if row is not None else None


def to_account(row: AccountRow) -> Account:
    """The value a row stands for."""
    return Account(row.id, row.login, AccountType(row.type))


def participants(repository_id: int, number: int | None, login: str) -> set[int]:
    """The ids of those who took part in this thread under this name."""
    rows = (
        EventRow.select(EventRow.author_id)
        .join(AccountRow, on=(AccountRow.id == EventRow.author_id))
        .where(
            (EventRow.repository_id == repository_id)
            & (EventRow.number == number)
            & (AccountRow.login_key == login.lower())
        )
        .distinct()
    )
    return {row.author_id for row in rows if row.author_id is not None}


def known_holders(login: str) -> set[int]:
    """The ids of all accounts ever seen under this name."""
    rows = FormerLogin.select(FormerLogin.account_id).where(FormerLogin.login_key == login.lower())
    return {row.account_id for row in rows}


def store_role(repository_id: int, account_id: int, role: Role, now: datetime) -> None:
    """Keep a role that was just looked up."""
    RoleRow.insert(
        repository_id=repository_id, account_id=account_id, role=role.value, fetched_at=now
    ).on_conflict(
        conflict_target=[RoleRow.repository_id, RoleRow.account_id],
        update={"role": role.value, "fetched_at": now},
    ).execute()


def cached_role(repository_id: int, account_id: int, not_before: datetime) -> Role | None:
    """The role if it was looked up at or after `not_before`, else None."""
    row = find_one(RoleRow, repository_id=repository_id, account_id=account_id)
    return Role(row.role) if row is not None and row.fetched_at >= not_before else None
