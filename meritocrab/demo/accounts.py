"""Accounts: who there is, and how people rename themselves or vanish.

A login is lent, an id is kept: whoever stores a login learns here that it may belong to somebody else the
next day, and that texts outlive their authors.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from meritocrab.demo.foundation import Foundation, locked
from meritocrab.demo.objects import GHOST_ID, Account, node_id


class Accounts(Foundation):
    """Everybody by id, and by today's login."""

    def __init__(self, start: datetime | None = None) -> None:
        super().__init__(start)
        self.accounts: dict[int, Account] = {}
        self._logins: dict[str, Account] = {}
        self.add_user("ghost", id=GHOST_ID)

    @locked
    def add_user(
        self,
        login: str,
        id: int | None = None,  # noqa: A002
        type: str = "User",  # noqa: A002
        name: str | None = None,
    ) -> Account:
        """Create an account; `type` is User, Bot, Organization or Mannequin."""
        if login.lower() in self._logins:
            raise ValueError(f"the login {login} is taken")
        number = id if id is not None else self._fresh_number(self.accounts, 20_000_000)
        if number in self.accounts:
            raise ValueError(f"the account id {number} is taken")
        account = Account(number, login, type, name, node_id("U", number))
        self.accounts[number] = self._logins[login.lower()] = account
        return account

    @locked
    def ensure_user(self, login: str) -> Account:
        """The account of this login, created when there is none."""
        return self._logins.get(login.lower()) or self.add_user(login)

    @locked
    def import_account(self, id: int, login: str, type: str = "User", node: str = "") -> Account:  # noqa: A002
        """An account from elsewhere under its own id; a login that is taken stays with its present owner."""
        known = self.accounts.get(id)
        if known is None:
            known = self.accounts[id] = Account(id, login, type, None, node or node_id("U", id))
            self._logins.setdefault(login.lower(), known)
        return known

    @locked
    def find_account(self, login: str) -> Account | None:
        """Today's owner of a login, if any."""
        return self._logins.get(login.lower())

    @locked
    def account(self, login: str) -> Account:
        """Today's owner of a login."""
        found = self._logins.get(login.lower())
        if found is None:
            raise KeyError(f"nobody is called {login}")
        return found

    @locked
    def rename_user(self, login: str, new_login: str) -> None:
        """Give an account another login; the old one is free at once."""
        account = self.account(login)
        if self._logins.get(new_login.lower(), account) is not account:
            raise ValueError(f"the login {new_login} is taken")
        self._before_renaming(account, new_login)
        del self._logins[login.lower()]
        account.login = new_login
        self._logins[new_login.lower()] = account

    def _before_renaming(self, account: Account, new_login: str) -> None:
        """For what bears the login in its own name."""

    @locked
    def delete_user(self, login: str, shown: Literal["ghost", "null"] = "ghost") -> None:
        """Delete an account; its texts stay, by `ghost` or by nobody."""
        account = self._logins.pop(login.lower())
        account.deleted = shown

    def _someone(self, login: str | None) -> Account | None:
        return None if login is None else self.ensure_user(login)
