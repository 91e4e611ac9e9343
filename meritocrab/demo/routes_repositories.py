"""Addresses of a repository itself: what it is, who may do what in it, its files and its feed."""

from __future__ import annotations

import base64
import hashlib

from meritocrab.demo.listings import paged
from meritocrab.demo.messages import JSON, HttpError, Reply, not_found
from meritocrab.demo.payloads_base import WEB
from meritocrab.demo.rights import NOT_FOR_APPS, app_of, flags, reaches
from meritocrab.demo.routing import Call, Routes

routes = Routes()


@routes.on("GET", "")
def get_repository(call: Call) -> Reply:
    """The repository, with what the caller may do there."""
    payload = call.render.repo(call.repo) | {"network_count": 0, "subscribers_count": 0}
    if call.principal.account is not None:
        payload["permissions"] = flags(call.repo.role_of(call.principal.account) or "read")
    return Reply(payload)


@routes.on("GET", "collaborators/{name}/permission")
def get_permission(call: Call) -> Reply:
    """Somebody's role; only for callers who may push."""
    viewer = call.principal
    if viewer.anonymous:
        raise HttpError(401, "Requires authentication")
    if viewer.installation is None and call.repo.role_of(viewer.account) not in (
        "write",
        "maintain",
        "admin",
    ):
        raise HttpError(403, "Must have push access to view collaborator permission.")
    if viewer.installation is not None and not reaches(call.world, viewer.installation, call.repo):
        raise HttpError(403, NOT_FOR_APPS)
    account = call.world.find_account(call.args[0])
    if account is None or account.type in ("Bot", "Organization"):
        raise HttpError(404, f"{call.args[0]} is not a user")
    role = call.repo.role_of(account) or ("none" if call.repo.private else "read")
    folded = {"maintain": "write", "triage": "read"}.get(role, role)
    user = (call.render.user(account) or {}) | {"permissions": flags(role), "role_name": role}
    return Reply({"permission": folded, "user": user, "role_name": role})


@routes.on("GET", "contents/{path}")
def get_contents(call: Call) -> Reply:
    """A file of the default branch, as JSON or raw, or a folder."""
    installation = call.principal.installation
    if installation is not None and "contents" not in installation.permissions:
        raise HttpError(403, NOT_FOR_APPS)
    path = call.args[0].strip("/")
    content = call.repo.files.get(path)
    if content is None:
        return _folder(call, path)
    if ".raw" in call.request.headers.get("accept", ""):
        return Reply(raw=content, content_type="application/vnd.github.raw+json; charset=utf-8")
    encoded = base64.encodebytes(content).decode()
    return Reply(_entry(call, path, content) | {"encoding": "base64", "content": encoded})


def _entry(call: Call, path: str, content: bytes) -> JSON:
    blob = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
    url = f"{call.render.repo_url(call.repo)}/contents/{path}?ref={call.repo.default_branch}"
    page = f"{WEB}/{call.repo.full_name}/blob/{call.repo.default_branch}/{path}"
    git_url = f"{call.render.repo_url(call.repo)}/git/blobs/{blob}"
    return {
        "type": "file",
        "size": len(content),
        "name": path.rpartition("/")[2],
        "path": path,
        "sha": blob,
        "url": url,
        "git_url": git_url,
        "html_url": page,
        "download_url": f"https://raw.githubusercontent.com/{call.repo.full_name}/main/{path}",
        "_links": {"self": url, "git": git_url, "html": page},
    }


def _folder(call: Call, path: str) -> Reply:
    below = f"{path}/" if path else ""
    inside = {name: content for name, content in call.repo.files.items() if name.startswith(below)}
    if not inside:
        raise not_found()
    return Reply([_entry(call, name, content) for name, content in sorted(inside.items())])


@routes.on("GET", "events")
def list_feed(call: Call) -> Reply:
    """The Events API, newest first, with its own pace."""
    reply = paged(
        call, list(reversed(call.repo.feed)), lambda entry: call.render.feed_entry(call.repo, entry)
    )
    reply.headers["x-poll-interval"] = "60"
    return reply


@routes.on("GET", "installation")
def get_repository_installation(call: Call) -> Reply:
    """The App's installation that reaches this repository."""
    app = app_of(call)
    for installation in call.world.installations.values():
        if installation.app is app and reaches(call.world, installation, call.repo):
            return Reply(call.render.installation(installation))
    raise not_found()
