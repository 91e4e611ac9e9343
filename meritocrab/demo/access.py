"""Who may come in: personal tokens, Apps, their installations and the tokens these are given.

Tokens expire and are revoked, installations are suspended, narrowed and removed, and each of it shows to a
client as another answer.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from meritocrab.demo.foundation import locked
from meritocrab.demo.objects import Account, App, Repository, whole_second
from meritocrab.demo.repositories import Repositories

ALL_PERMISSIONS = {
    "metadata": "read",
    "contents": "read",
    "issues": "write",
    "pull_requests": "write",
    "statuses": "write",
}


@dataclass(eq=False, slots=True)
class Installation:
    """An App on an account: on all its repositories, or on chosen ones."""

    id: int
    app: App
    account: Account
    repositories: set[int] | None
    permissions: dict[str, str]
    created_at: datetime
    suspended_at: datetime | None = None
    removed: bool = False
    tokens_issued: int = 0


@dataclass(eq=False, slots=True)
class Token:
    """A personal token, or an installation's for an hour.

    A fine-grained one has `permissions`, which GitHub enforces and shows nowhere; a classic one has `scopes`.
    """

    value: str
    account: Account
    scopes: tuple[str, ...] = ("repo",)
    installation: Installation | None = None
    expires_at: datetime | None = None
    revoked: bool = False
    permissions: dict[str, str] | None = None


class Access(Repositories):
    """Tokens, Apps and installations."""

    def __init__(self, start: datetime | None = None) -> None:
        super().__init__(start)
        self.apps: dict[int, App] = {}
        self.installations: dict[int, Installation] = {}
        self.tokens: dict[str, Token] = {}
        self.installation_token_minutes = 60

    @locked
    def add_token(
        self,
        value: str,
        owner: str,
        *scopes: str,
        expires_at: datetime | None = None,
        permissions: dict[str, str] | None = None,
    ) -> Token:
        """A personal token of somebody: classic, without scopes named with `repo`, or fine-grained by permissions."""
        given = () if permissions is not None else scopes or ("repo",)
        token = Token(value, self.ensure_user(owner), given, None, expires_at, permissions=permissions)
        self.tokens[value] = token
        return token

    @locked
    def revoke_token(self, value: str) -> None:
        """Make a token answer 401 from now on."""
        self.tokens[value].revoked = True

    @locked
    def add_app(self, app_id: int, slug: str, public_key_pem: str | bytes, owner: str = "app-owner") -> App:
        """A GitHub App and its bot account `slug[bot]`."""
        key = public_key_pem.decode() if isinstance(public_key_pem, bytes) else public_key_pem
        bot = self.add_user(f"{slug}[bot]", type="Bot")
        permissions = dict(ALL_PERMISSIONS)
        app = self.apps[app_id] = App(app_id, slug, key, self.ensure_user(owner), bot, permissions)
        return app

    @locked
    def install(
        self,
        app_id: int,
        account: str,
        repos: Iterable[str] | None = None,
        id: int | None = None,  # noqa: A002
        *,
        permissions: dict[str, str] | None = None,
    ) -> Installation:
        """Install an App on an account: on the repositories named, or on all that it has and will have."""
        number = id if id is not None else self._fresh_number(self.installations, 50_000_000)
        chosen = None if repos is None else {self.repository(name).id for name in repos}
        granted = dict(ALL_PERMISSIONS if permissions is None else permissions)
        installation = Installation(
            number, self.apps[app_id], self.ensure_user(account), chosen, granted, self._second()
        )
        self.installations[number] = installation
        return installation

    @locked
    def installed_repositories(self, installation: Installation) -> list[Repository]:
        """The repositories an installation reaches today."""
        owned = (r for r in self.repositories.values() if r.owner is installation.account)
        chosen = installation.repositories
        return [r for r in owned if chosen is None or r.id in chosen]

    @locked
    def add_to_installation(self, installation_id: int, full_name: str) -> None:
        """Let an installation reach one more repository."""
        chosen = self.installations[installation_id].repositories
        if chosen is not None:
            chosen.add(self.repository(full_name).id)

    @locked
    def remove_from_installation(self, installation_id: int, full_name: str) -> None:
        """Take a repository from an installation, which then reaches named repositories only."""
        installation = self.installations[installation_id]
        reached = {repository.id for repository in self.installed_repositories(installation)}
        installation.repositories = reached - {self.repository(full_name).id}

    @locked
    def suspend(self, installation_id: int) -> None:
        """Suspend an installation: everything answers 403."""
        self.installations[installation_id].suspended_at = self._second()

    @locked
    def unsuspend(self, installation_id: int) -> None:
        """Lift the suspension."""
        self.installations[installation_id].suspended_at = None

    @locked
    def uninstall(self, installation_id: int) -> None:
        """Remove an installation: 404 for new tokens, 401 for old ones."""
        self.installations.pop(installation_id).removed = True

    @locked
    def issue_token(self, installation: Installation) -> Token:
        """A fresh installation token."""
        installation.tokens_issued += 1
        value = f"ghs_{installation.id:x}x{installation.tokens_issued:08x}"
        expires_at = whole_second(self.now()) + timedelta(minutes=self.installation_token_minutes)
        token = self.tokens[value] = Token(value, installation.app.bot, (), installation, expires_at)
        return token
