"""GitHub's JSON, frozen at the door: past this module nobody sees a raw dictionary.

Only the fields the program uses are read, and each is checked, so that a change of GitHub's shapes is an
error with a field's name and never a strange decision.

Sources, by the titles of GitHub's documentation pages: "REST API endpoints for issues", "… for issue
comments", "… for issue events", "… for pull requests", "… for pull request reviews", "… for collaborators",
"… for GitHub Apps", "… for repositories", "… for repository contents", "Issue event types"; GraphQL:
"Objects" (IssueComment).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, Final

from meritocrab.core.events import Account
from meritocrab.core.names import AccountType, Role
from meritocrab.github.fields import Fields, account_type, digest


class Unknown(Enum):
    """The answer to a question that GitHub could not answer; never to be read as yes or no."""

    UNKNOWN = "unknown"


UNKNOWN: Final = Unknown.UNKNOWN


@dataclass(frozen=True, slots=True)
class RepositoryItem:
    """A repository; `permissions` are the token's own (admin, maintain, push, triage, pull), if told."""

    id: int
    full_name: str
    default_branch: str
    archived: bool
    private: bool
    permissions: frozenset[str]


@dataclass(frozen=True, slots=True)
class AppItem:
    """The App itself; `permissions` are what it asks of installations, written `scope:level`."""

    slug: str
    permissions: frozenset[str]


@dataclass(frozen=True, slots=True)
class TokenItem:
    """A personal token: whose it is, until when it is good, and its scopes.

    `scopes` is None for a fine-grained token, whose permissions GitHub lists nowhere.
    """

    owner: Account
    scopes: frozenset[str] | None
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class InstallationItem:
    """An installation of the App; `permissions` are written `scope:level`, e.g. `issues:write`."""

    id: int
    account: Account | None
    suspended_at: datetime | None
    permissions: frozenset[str]


@dataclass(frozen=True, slots=True)
class IssueItem:
    """An issue or pull request as the issues listing shows it; `id` is the issue's (a pull request has two).

    `fingerprint` digests what would make us read again.
    """

    id: int
    number: int
    is_pull_request: bool
    title: str
    body: str
    link: str
    author: Account | None
    state: str
    draft: bool
    merged_at: datetime | None
    locked: bool
    comments: int
    created_at: datetime
    updated_at: datetime
    closed_at: datetime | None
    fingerprint: str


@dataclass(frozen=True, slots=True)
class CommentItem:
    """A conversation comment; `edited` means changed after it was written, `app_id` is the posting App's.

    `node_id` is empty where GitHub names none: an old Enterprise server.
    """

    id: int
    node_id: str
    number: int
    on_pull_request: bool
    body: str
    link: str
    author: Account | None
    created_at: datetime
    updated_at: datetime
    edited: bool
    app_id: int | None


@dataclass(frozen=True, slots=True)
class PullItem:
    """A pull request; items of the listing lack `merged_by` and the three counts (None)."""

    id: int
    number: int
    repository_id: int
    title: str
    body: str
    link: str
    author: Account | None
    state: str
    draft: bool
    locked: bool
    merged_at: datetime | None
    merged_by: Account | None
    head_sha: str
    additions: int | None
    deletions: int | None
    changed_files: int | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class ReviewItem:
    """A review; `state` is GitHub's in upper case, `submitted_at` is None while it is pending."""

    id: int
    state: str
    body: str
    link: str
    author: Account | None
    submitted_at: datetime | None


@dataclass(frozen=True, slots=True)
class IssueEventItem:
    """A transition in an issue's or pull request's life; `actor` did it (for assignments: who assigned).

    `app_id` is set when an App did it on the actor's behalf, `label` for labeled and unlabeled.
    """

    id: int
    event: str
    actor: Account | None
    created_at: datetime
    app_id: int | None = None
    label: str = ""


@dataclass(frozen=True, slots=True)
class FileItem:
    """A file changed by a pull request; `patch` is empty for binaries and very large changes."""

    path: str
    status: str
    additions: int
    deletions: int
    patch: str


@dataclass(frozen=True, slots=True)
class Permission:
    """A role as looked up, and whose it is (None: not told): the caller compares the id with the one asked for."""

    account_id: int | None
    role: Role


def parse_repository(fields: Fields) -> RepositoryItem:
    """A repository. Raises `BadAnswer`."""
    return RepositoryItem(
        id=fields.integer("id"),
        full_name=fields.text("full_name"),
        default_branch=fields.optional_text("default_branch"),
        archived=fields.flag("archived"),
        private=fields.flag("private"),
        permissions=fields.flags("permissions"),
    )


def parse_installation(fields: Fields) -> InstallationItem:
    """An installation of the App. Raises `BadAnswer`."""
    return InstallationItem(
        id=fields.integer("id"),
        account=fields.account("account"),
        suspended_at=fields.optional_stamp("suspended_at"),
        permissions=_granted(fields),
    )


def parse_app(fields: Fields) -> AppItem:
    """The App itself. Raises `BadAnswer`."""
    return AppItem(fields.text("slug"), _granted(fields))


def _granted(fields: Fields) -> frozenset[str]:
    return frozenset(f"{scope}:{level}" for scope, level in fields.texts("permissions").items())


def parse_account(fields: Fields) -> Account:
    """An account. Raises `BadAnswer`."""
    return fields.as_account()


def parse_issue(fields: Fields) -> IssueItem:
    """An item of the issues listing. Raises `BadAnswer`."""
    pull = fields.optional_inner("pull_request")
    merged_at = pull.optional_stamp("merged_at") if pull else None
    title, body = fields.text("title"), fields.optional_text("body")
    state, draft, locked = fields.text("state"), fields.flag("draft"), fields.flag("locked")
    comments = fields.optional_integer("comments") or 0
    updated_at, closed_at = fields.stamp("updated_at"), fields.optional_stamp("closed_at")
    return IssueItem(
        id=fields.integer("id"),
        number=fields.integer("number"),
        is_pull_request=pull is not None,
        title=title,
        body=body,
        link=fields.text("html_url"),
        author=fields.account("user"),
        state=state,
        draft=draft,
        merged_at=merged_at,
        locked=locked,
        comments=comments,
        created_at=fields.stamp("created_at"),
        updated_at=updated_at,
        closed_at=closed_at,
        fingerprint=digest((updated_at, state, draft, merged_at, closed_at, comments, locked, title, body)),
    )


def parse_comment(fields: Fields) -> CommentItem:
    """A conversation comment on an issue or a pull request. Raises `BadAnswer`."""
    link = fields.text("html_url")
    created_at, updated_at = fields.stamp("created_at"), fields.stamp("updated_at")
    return CommentItem(
        id=fields.integer("id"),
        node_id=fields.optional_text("node_id"),
        number=fields.number_in("issue_url"),
        on_pull_request="/pull/" in link,
        body=fields.optional_text("body"),
        link=link,
        author=fields.account("user"),
        created_at=created_at,
        updated_at=updated_at,
        edited=updated_at > created_at,
        app_id=_app_id(fields),
    )


def parse_pull(fields: Fields) -> PullItem:
    """A pull request, single or from a listing. Raises `BadAnswer`."""
    return PullItem(
        id=fields.integer("id"),
        number=fields.integer("number"),
        repository_id=fields.inner("base").inner("repo").integer("id"),
        title=fields.text("title"),
        body=fields.optional_text("body"),
        link=fields.text("html_url"),
        author=fields.account("user"),
        state=fields.text("state"),
        draft=fields.flag("draft"),
        locked=fields.flag("locked"),
        merged_at=fields.optional_stamp("merged_at"),
        merged_by=fields.account("merged_by"),
        head_sha=fields.inner("head").text("sha"),
        additions=fields.optional_integer("additions"),
        deletions=fields.optional_integer("deletions"),
        changed_files=fields.optional_integer("changed_files"),
        created_at=fields.stamp("created_at"),
        updated_at=fields.stamp("updated_at"),
    )


def parse_review(fields: Fields) -> ReviewItem:
    """A review of a pull request. Raises `BadAnswer`."""
    return ReviewItem(
        id=fields.integer("id"),
        state=fields.text("state").upper(),
        body=fields.optional_text("body"),
        link=fields.optional_text("html_url"),
        author=fields.account("user"),
        submitted_at=fields.optional_stamp("submitted_at"),
    )


def parse_issue_event(fields: Fields) -> IssueEventItem:
    """An issue event. Raises `BadAnswer`.

    For `assigned` and `unassigned` GitHub names the person who did it in `assigner` ("Issue event types").
    """
    label = fields.optional_inner("label")
    return IssueEventItem(
        id=fields.integer("id"),
        event=fields.text("event"),
        actor=fields.account("assigner") or fields.account("actor"),
        created_at=fields.stamp("created_at"),
        app_id=_app_id(fields),
        label=label.optional_text("name") if label else "",
    )


def parse_file(fields: Fields) -> FileItem:
    """A file of a pull request. Raises `BadAnswer`."""
    return FileItem(
        path=fields.text("filename"),
        status=fields.text("status"),
        additions=fields.integer("additions"),
        deletions=fields.integer("deletions"),
        patch=fields.optional_text("patch"),
    )


def parse_permission(fields: Fields) -> Permission:
    """A role, by GitHub's `role_name`; `read` and `none` mean no role. Raises `BadAnswer`.

    On a public repository a stranger is answered with `read`. The old `permission` field folds maintain
    into write and triage into read, so it is asked last; a custom role has a name of its own, and the flags
    tell its base.
    """
    user = fields.optional_inner("user")  # documented as nullable
    if user is None:
        return Permission(None, _role(fields, frozenset()))
    return Permission(user.integer("id"), _role(fields, user.flags("permissions")))


def parse_content(fields: Fields) -> bytes:
    """A file's bytes from the contents API. Raises `BadAnswer` also for directories and files over 1 MB."""
    kind, encoding = fields.optional_text("type") or "file", fields.optional_text("encoding")
    if kind != "file" or encoding != "base64":
        found = f"{kind}, encoding {encoding or 'none'}"
        raise fields.wrong("content", f"a file of at most 1 MB (this is {found})")
    try:
        return base64.b64decode("".join(fields.text("content").split()), validate=True)
    except (binascii.Error, ValueError):
        raise fields.wrong("content", "base64") from None


def parse_editor(data: Any, where: str) -> Account | Unknown | None:
    """Who edited a comment last, from the GraphQL answer: None when nobody did. Raises `BadAnswer`.

    Unknown when the comment is not shown or its editor has no account any more.
    """
    node = Fields(data, where).inner("data").optional_inner("node")
    if node is None:
        return UNKNOWN
    editor = node.optional_inner("editor")
    if editor is None:
        return UNKNOWN if node.has("lastEditedAt") else None
    identity = editor.optional_integer("databaseId")
    if identity is None:
        return UNKNOWN
    login, kind = editor.text("login"), account_type(editor.text("__typename"))
    if kind is AccountType.BOT:  # GraphQL names a bot without the suffix that REST gives it
        login = f"{login.removesuffix('[bot]')}[bot]"
    return Account(identity, login, kind)


def _app_id(fields: Fields) -> int | None:
    app = fields.optional_inner("performed_via_github_app")
    return app.optional_integer("id") if app else None


_ROLES: Final[Mapping[str, Role]] = {
    "admin": Role.ADMIN,
    "maintain": Role.MAINTAIN,
    "write": Role.WRITE,
    "push": Role.WRITE,
    "triage": Role.TRIAGE,
    "read": Role.NONE,
    "pull": Role.NONE,
    "none": Role.NONE,
}
_FLAGS: Final = ("admin", "maintain", "push", "triage", "pull")


def _role(fields: Fields, flags: frozenset[str]) -> Role:
    named = _ROLES.get(fields.optional_text("role_name").lower())
    if named is not None:
        return named
    for flag in _FLAGS:
        if flag in flags:
            return _ROLES[flag]
    folded = _ROLES.get(fields.text("permission").lower())
    if folded is None:
        raise fields.wrong("role_name", "a role, or flags that tell one")
    return folded
