"""The credentials of this daemon and what each of them may see: one client per token, repositories discovered.

A repository row names its credential (`token`, `anonymous`, `installation:ID`); with an App, installs and removals
are followed by asking GitHub now and then.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta

from meritocrab.config import Config
from meritocrab.core.names import RepositoryState
from meritocrab.core.schedule import retry_delay
from meritocrab.errors import MeritocrabError
from meritocrab.github.auth import Anonymous, AppKey, PersonalToken
from meritocrab.github.client import GitHubClient
from meritocrab.github.connection import Options
from meritocrab.github.errors import GitHubError
from meritocrab.store import repositories
from meritocrab.store.database import Store
from meritocrab.store.models import Repository

log = logging.getLogger("meritocrab.access")


class AccessUnavailable(MeritocrabError):  # noqa: N818 - a state, not a fault
    """The credential of a repository is not there (an installation was removed or suspended)."""


class Accesses:
    """All clients of the daemon, by access name.

    Args:
        named: the configured repositories; with an App they narrow what it is installed on.
        plain: the client of a personal token, or of no token, under the name `plain_access`.
        app: the App's own client, when an App is configured; it takes the place of `plain`.
    """

    def __init__(
        self,
        store: Store,
        clock: Callable[[], datetime],
        *,
        named: tuple[str, ...] = (),
        plain: GitHubClient | None = None,
        plain_access: str = "anonymous",
        app: GitHubClient | None = None,
    ) -> None:
        self._store, self._clock = store, clock
        self._named, self._app = named, app
        self._clients: dict[str, GitHubClient] = {plain_access: plain} if plain is not None else {}
        self._plain_access = plain_access
        self._own: dict[str, int | None] = {"anonymous": None}
        self._failures_in_row = 0

    def go_on_from(self, former: Accesses) -> None:
        """Know of each credential that we share what `former` learned: its limits are GitHub's, not ours to forget."""
        if self._app is not None and former._app is not None and self._app.go_on_from(former._app):
            for access in former._clients:
                self.client(access).go_on_from(former._clients[access])
        for access, client in self._clients.items():
            before = former._clients.get(access)
            if before is not None and client.go_on_from(before) and access in former._own:
                self._own[access] = former._own[access]

    def client(self, access: str) -> GitHubClient:
        """The client for this access.

        Raises:
            AccessUnavailable: there is none now.
        """
        client = self._clients.get(access)
        if client is None and self._app is not None and access.startswith("installation:"):
            client = self._clients[access] = self._app.installation(int(access.partition(":")[2]))
        if client is None:
            raise AccessUnavailable(f"there is no credential for {access} in the configuration now")
        return client

    def default_access(self) -> str:
        """The credential for a repository that nobody configured.

        Raises:
            AccessUnavailable: with an App there is none: it must be installed there.
        """
        if self._app is not None:
            raise AccessUnavailable("the App is not installed on that repository: install it there first")
        return self._plain_access

    def clients(self) -> dict[str, GitHubClient]:
        """All clients in use, by access name."""
        return dict(self._clients)

    def requests(self) -> Counter[str]:
        """Requests since the start by outcome, all credentials together."""
        everybody = [*self._clients.values(), *([self._app] if self._app is not None else [])]
        return sum((client.counts.outcomes for client in everybody), Counter())

    async def own_account_id(self, access: str) -> int | None:
        """The account our writes appear under; None without a token. Asked once per credential.

        Raises:
            GitHubError: GitHub did not tell.
        """
        if access not in self._own:
            own = await self.client(access).fetch_self()
            self._own[access] = own.id if own is not None else None
        return self._own[access]

    async def step(self) -> datetime | None:
        """Bring the watched repositories in line with what is configured or installed.

        Returns when to ask again where GitHub did not tell all; None otherwise.
        """
        if self._app is None:
            await self._store.write(self._watch_named)
            return None
        if await self._follow_installations(self._app):
            self._failures_in_row = 0
            return None
        self._failures_in_row += 1
        delay = retry_delay(self._failures_in_row, base=5.0, maximum=300.0, fraction=0.5)
        return self._clock() + timedelta(seconds=delay)

    def _watch_named(self) -> None:
        now = self._clock()
        repositories.watch_only(
            [repositories.watch(name, self._plain_access, now).id for name in self._named]
        )

    async def _follow_installations(self, app: GitHubClient) -> bool:
        """Ask first, then write: a failed answer about one installation changes nothing of its repositories.

        Returns whether GitHub answered everything.
        """
        complete = True
        try:
            installations = await app.fetch_installations()
        except GitHubError as error:
            log.warning("the App's installations could not be read: %s", error)
            return False
        for installation in installations:
            access = f"installation:{installation.id}"
            if installation.suspended_at is not None:
                await self._store.write(self._suspend, access)
                continue
            try:
                found = await app.fetch_installation_repositories(installation.id)
            except GitHubError as error:
                log.warning("the repositories of %s could not be read: %s", access, error)
                complete = False
                continue
            await self._store.write(self._watch_found, access, [(item.id, item.full_name) for item in found])
        await self._store.write(self._drop_removed, {f"installation:{item.id}" for item in installations})
        return complete

    def _watch_found(self, access: str, found: list[tuple[int, str]]) -> None:
        now = self._clock()
        kept = [(github_id, name) for github_id, name in found if self._is_wanted(github_id, name)]
        for github_id, name in kept:
            row = repositories.watch(name, access, now, github_id)
            if row.github_id not in (None, github_id):
                self._give_up(row, github_id, now)
            elif row.state in (RepositoryState.REMOVED.value, RepositoryState.SUSPENDED.value):
                repositories.set_state(row.id, RepositoryState.NEW, "", now)
        ids = {github_id for github_id, _ in kept}
        for row in Repository.select().where((Repository.access == access) & Repository.watched):
            if row.github_id not in ids:
                self._remove(row, "the App was removed from it", now)

    def _is_wanted(self, github_id: int, full_name: str) -> bool:
        """Whether it is named in the configuration, by a former name perhaps; without names all are wanted."""
        row = repositories.find_by_id(github_id)
        names = [full_name, *(repositories.former_names(row.id) if row is not None else ())]
        wanted = {name.lower() for name in self._named}
        return not wanted or any(name.lower() in wanted for name in names)

    def _suspend(self, access: str) -> None:
        now = self._clock()
        for row in Repository.select().where((Repository.access == access) & Repository.watched):
            repositories.set_state(
                row.id, RepositoryState.SUSPENDED, "the App's installation is suspended on GitHub", now
            )

    def _drop_removed(self, accesses: set[str]) -> None:
        now = self._clock()
        for row in Repository.select().where(Repository.watched):
            if row.access not in accesses:
                self._remove(row, "the App is not installed there any more", now)

    def _give_up(self, row: Repository, github_id: int, now: datetime) -> None:
        detail = f"the name belongs to another repository now (id {github_id}); nothing is written there"
        repositories.set_state(row.id, RepositoryState.REPLACED, detail, now)
        repositories.update(row.id, watched=False)

    def _remove(self, row: Repository, detail: str, now: datetime) -> None:
        repositories.set_state(row.id, RepositoryState.REMOVED, detail, now)
        repositories.update(row.id, watched=False)
        log.warning("%s is not watched any more: %s", row.full_name, detail)

    async def aclose(self) -> None:
        """Close all connections."""
        for client in self._clients.values():
            await client.aclose()
        if self._app is not None:
            await self._app.aclose()


def build_accesses(config: Config, store: Store, clock: Callable[[], datetime]) -> Accesses:
    """The credentials of the configuration: an App, a personal token, or none."""
    github = config.github
    options = Options(
        api_url=github.api_url,
        timeout=github.timeout,
        write_spacing=config.relay.write_spacing,
        clock=clock,
    )
    named = tuple(github.repositories)
    if github.app_id is not None and github.private_key is not None:
        key = AppKey(str(github.app_id), github.private_key.get_secret_value())
        return Accesses(store, clock, named=named, app=GitHubClient(key, options))
    if github.token is not None:
        client = GitHubClient(PersonalToken(github.token.get_secret_value()), options)
        return Accesses(store, clock, named=named, plain=client, plain_access="token")
    return Accesses(store, clock, named=named, plain=GitHubClient(Anonymous(), options))
