"""Repositories: how they come, are renamed, moved, archived and replaced, and who holds which role.

A repository's name may move to another owner or be taken by a newcomer, so names are kept apart from ids,
and old names remember where to redirect. While stale reads are in force, every change first puts aside how
the repository stood.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from meritocrab.demo.accounts import Accounts
from meritocrab.demo.faults import Faults
from meritocrab.demo.foundation import locked
from meritocrab.demo.objects import Account, Repository, node_id, whole_second

ROLES = ("read", "triage", "write", "maintain", "admin")


class Repositories(Accounts):
    """Every repository by id, and by today's name."""

    def __init__(self, start: datetime | None = None) -> None:
        super().__init__(start)
        self.faults = Faults()
        self.repositories: dict[int, Repository] = {}
        self._names: dict[str, Repository] = {}
        self._moved: dict[str, int] = {}

    @locked
    def add_repository(
        self,
        full_name: str,
        id: int | None = None,  # noqa: A002
        *,
        private: bool = False,
        stars: int = 0,
        description: str | None = None,
        default_branch: str = "main",
        has_issues: bool = True,
        owner_type: str = "Organization",
        created_at: datetime | None = None,
    ) -> Repository:
        """Create a repository; the owner is created as `owner_type` when unknown."""
        login, _, name = full_name.partition("/")
        if full_name.lower() in self._names:
            raise ValueError(f"the repository {full_name} exists")
        owner = self.find_account(login) or self.add_user(login, type=owner_type)
        number = id if id is not None else self._fresh_number(self.repositories, 900_000_000)
        repository = Repository(
            id=number,
            owner=owner,
            name=name,
            created_at=whole_second(created_at or self.now()),
            private=private,
            stars=stars,
            description=description,
            default_branch=default_branch,
            has_issues=has_issues,
            node_id=node_id("R", number),
        )
        self.repositories[number] = self._names[full_name.lower()] = repository
        self._moved.pop(full_name.lower(), None)
        return repository

    @locked
    def find_repository(self, full_name: str) -> Repository | None:
        """The repository that bears this name today, if any."""
        return self._names.get(full_name.lower())

    @locked
    def repository(self, full_name: str) -> Repository:
        """The repository that bears this name today."""
        found = self._names.get(full_name.lower())
        if found is None:
            raise KeyError(f"there is no repository {full_name}")
        return found

    def moved_to(self, full_name: str) -> Repository | None:
        """The repository that bore this name before it was renamed or moved."""
        number = self._moved.get(full_name.lower())
        return None if number is None else self.repositories.get(number)

    @contextmanager
    def editing(self, full_name: str) -> Iterator[Repository]:
        """The repository, locked, for changes to its objects that no method below makes."""
        with self.lock:
            yield self._edit(full_name)

    def _edit(self, full_name: str) -> Repository:
        repository = self.repository(full_name)
        if self.faults.keeps_the_past():
            self._keep_past(repository)
        return repository

    def _keep_past(self, repository: Repository) -> None:
        now = self.now()
        horizon = now - timedelta(seconds=self.faults.longest_lag())
        repository.past = [(at, before) for at, before in repository.past if at > horizon]
        repository.past.append((now, repository.copy()))

    def _forward(self, repository: Repository, new_name: str) -> None:
        old_name = repository.full_name.lower()
        if self._names.get(new_name.lower(), repository) is not repository:
            raise ValueError(f"the repository {new_name} exists")
        del self._names[old_name]
        self._moved[old_name] = repository.id
        self._moved.pop(new_name.lower(), None)
        self._names[new_name.lower()] = repository

    def _before_renaming(self, account: Account, new_login: str) -> None:
        for repository in self.repositories.values():
            if repository.owner is account:
                self._forward(repository, f"{new_login}/{repository.name}")

    @locked
    def rename_repository(self, full_name: str, new_name: str) -> None:
        """Rename within the owner; the old name answers with a redirect until somebody takes it."""
        repository = self._edit(full_name)
        self._forward(repository, f"{repository.owner.login}/{new_name}")
        repository.name = new_name

    @locked
    def transfer_repository(self, full_name: str, new_owner: str) -> None:
        """Move to another owner; the old name answers with a redirect until somebody takes it."""
        repository = self._edit(full_name)
        owner = self.ensure_user(new_owner)
        self._forward(repository, f"{owner.login}/{repository.name}")
        repository.owner = owner

    @locked
    def archive(self, full_name: str) -> None:
        """Make the repository read-only."""
        self._edit(full_name).archived = True

    @locked
    def unarchive(self, full_name: str) -> None:
        """Make the repository writable again."""
        self._edit(full_name).archived = False

    @locked
    def delete_repository(self, full_name: str) -> None:
        """Delete the repository; its name answers 404."""
        repository = self._edit(full_name)
        del self._names[full_name.lower()]
        del self.repositories[repository.id]

    @locked
    def replace_repository(self, full_name: str, id: int | None = None) -> Repository:  # noqa: A002
        """Delete the repository and create another one of the same name."""
        old = self.repository(full_name)
        self.delete_repository(full_name)
        return self.add_repository(full_name, id if id is not None else old.id + 77_000_007)

    @locked
    def set_stars(self, full_name: str, stars: int) -> None:
        """Set the star count, which changes each listing that embeds the repository."""
        self._edit(full_name).stars = stars

    @locked
    def set_issues_enabled(self, full_name: str, enabled: bool) -> None:
        """Turn the issues of the repository on or off."""
        self._edit(full_name).has_issues = enabled

    @locked
    def set_private(self, full_name: str, private: bool) -> None:
        """Hide the repository, or show it."""
        self._edit(full_name).private = private

    @locked
    def set_role(self, full_name: str, login: str, role: str | None, *, hidden: bool = False) -> None:
        """Give somebody a role, or none; a hidden membership does not show in `author_association`."""
        if role is not None and role not in ROLES:
            raise ValueError(f"{role} is no role; there are {', '.join(ROLES)}")
        repository, account = self._edit(full_name), self.ensure_user(login)
        repository.roles.pop(account.id, None)
        repository.hidden_members.discard(account.id)
        if role is not None:
            repository.roles[account.id] = role
        if hidden:
            repository.hidden_members.add(account.id)

    @locked
    def set_file(self, full_name: str, path: str, content: bytes | str | None) -> None:
        """Put a file on the default branch, or remove it."""
        repository = self._edit(full_name)
        repository.files.pop(path, None)
        if content is not None:
            repository.files[path] = content.encode() if isinstance(content, str) else content
