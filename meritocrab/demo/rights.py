"""What the caller may do: roles, App permissions, private repositories and archived ones."""

from __future__ import annotations

from meritocrab.demo.access import Installation
from meritocrab.demo.auth import Principal
from meritocrab.demo.messages import HttpError
from meritocrab.demo.objects import Account, App, Repository, Thread
from meritocrab.demo.routing import Call
from meritocrab.demo.world import World

NOT_FOR_APPS = "Resource not accessible by integration"
NOT_FOR_TOKENS = "Resource not accessible by personal access token"

_READS = (
    ("contents", ("contents",)),
    ("issues", ("issues", "pull_requests")),
    ("pulls", ("pull_requests",)),
    ("commits", ("statuses", "contents")),
)
"""The permissions of which a read of an address asks for one ("Permissions required for fine-grained personal access
tokens", "Permissions required for GitHub Apps")."""


def flags(role: str) -> dict[str, bool]:
    """A role as the flags that GitHub shows."""
    order = ("none", "read", "triage", "write", "maintain", "admin")
    rank = order.index(role)
    names = ("pull", "triage", "push", "maintain", "admin")
    return {name: rank >= needed for needed, name in enumerate(names, start=1)}


def reaches(world: World, installation: Installation, repo: Repository) -> bool:
    """Whether an installation covers a repository."""
    return any(covered.id == repo.id for covered in world.installed_repositories(installation))


def readable(world: World, principal: Principal, repo: Repository) -> bool:
    """Whether the caller may see a repository at all."""
    if not repo.private:
        return True
    if principal.installation is not None:
        return reaches(world, principal.installation, repo)
    may_look = "repo" in principal.scopes or principal.permissions is not None
    return repo.role_of(principal.account) is not None and may_look


def check_read(principal: Principal, repo: Repository, rest: str) -> None:
    """Refuse to show a part of a private repository to a fine-grained token without the permission for it."""
    if principal.permissions is None or principal.installation is not None or not repo.private:
        return
    needed = next((names for first, names in _READS if rest.split("/")[0] == first), ())
    if needed and not set(needed) & set(principal.permissions):
        raise HttpError(403, NOT_FOR_TOKENS)


def may_write(
    call: Call, permissions: tuple[str, ...], least: str | None = None, author: Account | None = None
) -> None:
    """Refuse a write without the right; a role below `least` will do for what is the author's own."""
    principal, repo, actor = call.principal, call.repo, call.actor
    granted = [name for name, level in (principal.permissions or {}).items() if level == "write"]
    if principal.installation is not None:
        if not set(permissions) & set(granted) or not reaches(call.world, principal.installation, repo):
            raise HttpError(403, NOT_FOR_APPS)
    elif not {"repo", "public_repo"} & set(principal.scopes) and not set(permissions) & set(granted):
        raise HttpError(403, NOT_FOR_TOKENS)
    elif least is not None and actor is not author and not flags(repo.role_of(actor) or "read")[least]:
        raise HttpError(403, "Must have admin rights to Repository.")
    if repo.archived:
        raise HttpError(403, "Repository was archived so is read-only.")


def kind_of(thread: Thread) -> tuple[str, ...]:
    """The App permissions of which a thread asks for one."""
    return ("issues",) if thread.pull is None else ("issues", "pull_requests")


def app_of(call: Call) -> App:
    """The App that proves itself by its key."""
    if call.principal.app is None or call.principal.installation is not None:
        raise HttpError(401, "A JSON web token could not be decoded")
    return call.principal.app
