"""The only door to GitHub: one method for each thing the program reads or writes there.

A `GitHubClient` stands for one credential. With an App there is one for the App itself (it lists
installations) and one per installation (`client.installation(id)`), which share the App's key; with a
personal token, or without any, there is one. Methods return frozen values or raise a `GitHubError`; none of
them repeats a write.

Sources are the pages of GitHub's REST documentation named after the objects ("REST API endpoints for
issues", …).
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar

from meritocrab.core.events import Account
from meritocrab.core.names import Role
from meritocrab.github.answers import Asker, NotModified, Page
from meritocrab.github.auth import Anonymous, AppKey, Credential, Installation
from meritocrab.github.connection import Options
from meritocrab.github.errors import BadAnswer, Forbidden, NotFound, RateLimited, Unauthorized
from meritocrab.github.fields import Fields
from meritocrab.github.payloads import (
    UNKNOWN,
    AppItem,
    CommentItem,
    FileItem,
    InstallationItem,
    IssueEventItem,
    IssueItem,
    Permission,
    PullItem,
    RepositoryItem,
    ReviewItem,
    TokenItem,
    Unknown,
    parse_account,
    parse_app,
    parse_comment,
    parse_content,
    parse_editor,
    parse_file,
    parse_installation,
    parse_issue,
    parse_issue_event,
    parse_permission,
    parse_pull,
    parse_repository,
    parse_review,
)
from meritocrab.github.sansio import (
    LIMIT_WAIT,
    PER_PAGE,
    Quota,
    Request,
    one_line,
    read_expiry,
    read_json,
    read_scopes,
    repository_path,
    segment,
    since_target,
    target,
)

__all__ = ["FileContent", "GitHubClient", "NotModified", "Page"]

FILE_PAGES = 10
"""Pages of a giant pull request's files that are read: a thousand files tell what it is."""

T = TypeVar("T")

_DESCRIPTION_LENGTH = 140  # of a commit status ("REST API endpoints for commit statuses")
_EDITOR_QUERY = """\
query($id: ID!) { node(id: $id) { ... on IssueComment { lastEditedAt editor { __typename login
... on User { databaseId } ... on Bot { databaseId } ... on Mannequin { databaseId }
... on Organization { databaseId } } } } }"""


@dataclass(frozen=True, slots=True)
class FileContent:
    """A file of a repository, and the ETag of this version."""

    content: bytes
    etag: str | None
    token_generation: str


class GitHubClient(Asker):
    """GitHub as one credential sees it. Use it in `async with`, or call `aclose()` at the end.

    Every method raises `GitHubError` (see `errors`); `RateLimited` also before anything is sent.
    """

    def __init__(
        self, credential: Credential, options: Options | None = None, *, app: GitHubClient | None = None
    ) -> None:
        super().__init__(credential, options or Options(), app)
        self._installations: dict[int, GitHubClient] = {}

    async def __aenter__(self) -> GitHubClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections, also those of the App's installations."""
        for client in self._installations.values():
            await client.aclose()
        await super().aclose()

    # The App and its installations

    def installation(self, identity: int) -> GitHubClient:
        """The client of one installation; always the same one, because limits belong to it.

        Raises:
            ValueError: this client is not an App's.
        """
        if not isinstance(self.credential, AppKey):
            raise ValueError("only a GitHub App has installations")
        known = self._installations.get(identity)
        if known is None:
            known = GitHubClient(Installation(identity), self.options, app=self)
            self._installations[identity] = known
        return known

    async def fetch_installations(self) -> tuple[InstallationItem, ...]:
        """Where the App is installed, suspended ones included. With the App's client only."""
        return (await self._all_pages("/app/installations", parse_installation)).items

    async def fetch_installation_repositories(self, identity: int) -> tuple[RepositoryItem, ...]:
        """What an installation gives access to, archived repositories included."""
        client = self.installation(identity)
        page = await client._all_pages("/installation/repositories", parse_repository, rows="repositories")
        return page.items

    async def fetch_app(self) -> AppItem:
        """The App itself. With the App's client only."""
        return await self._one("/app", parse_app)

    async def fetch_token(self) -> TokenItem:
        """Whose the personal token is, and what GitHub tells of it. With a personal token only."""
        request = Request("GET", "/user")
        answer = await self.ask(request)
        owner = parse_account(Fields(read_json(request, answer), request.label))
        return TokenItem(owner, read_scopes(answer.headers), read_expiry(answer.headers))

    async def fetch_quota(self) -> Quota | None:
        """What is left of the hour; asking costs nothing. None where there is no limit (an Enterprise server)."""
        try:
            await self.ask(Request("GET", "/rate_limit"))
        except NotFound:
            return None
        except RateLimited:
            if self.quota is None:
                raise
        return self.quota

    async def fetch_self(self) -> Account | None:
        """The account under which our writes appear; None without a credential.

        A personal token's is its owner; an App's is its bot account.
        """
        match self.credential:
            case Anonymous():
                return None
            case AppKey():
                return await self._fetch_bot()
            case Installation():
                return await self._bot_account(await self._the_app()._fetch_slug())
        return await self._one("/user", parse_account)

    def _the_app(self) -> GitHubClient:
        assert isinstance(self._app, GitHubClient)  # noqa: S101  (checked on construction)
        return self._app

    async def _fetch_bot(self) -> Account:
        # the App's own signature opens the App's pages only; people are read by an installation or by nobody
        slug = await self._fetch_slug()
        for item in await self.fetch_installations():
            if item.suspended_at is None:
                return await self.installation(item.id)._bot_account(slug)
        async with GitHubClient(Anonymous(), self.options) as stranger:
            return await stranger._bot_account(slug)

    async def _fetch_slug(self) -> str:
        return (await self.fetch_app()).slug

    async def _bot_account(self, slug: str) -> Account:
        return await self._one(f"/users/{segment(f'{slug}[bot]')}", parse_account)

    # Repositories and files

    async def fetch_repository(self, full_name: str) -> RepositoryItem:
        """A repository by name. Raises `Moved` when it was renamed or transferred."""
        return await self._one(repository_path(full_name), parse_repository)

    async def fetch_repository_by_id(self, identity: int) -> RepositoryItem:
        """A repository by its id, whatever its name is today."""
        return await self._one(f"/repositories/{identity}", parse_repository)

    async def may_read(self, full_name: str, part: str) -> bool:
        """Whether this credential may read a listing of a repository, such as `issues` or `pulls`.

        True on a public repository whatever the token's permissions: there everybody may.
        """
        try:
            await self.ask(Request("GET", target(f"{repository_path(full_name)}/{part}", per_page=1)))
        except (Forbidden, NotFound):
            return False
        return True

    async def fetch_file(
        self, full_name: str, path: str, etag: str | None = None
    ) -> FileContent | NotModified | None:
        """A file on the default branch; None when it certainly does not exist.

        A 404 alone is no proof, since it is also what a token sees that lost its access: the repository
        itself must still answer. Raises `BadAnswer` for a directory and for files over 1 MB.
        """
        location = "/".join(segment(part) for part in path.split("/"))
        request = Request("GET", f"{repository_path(full_name)}/contents/{location}", etag=etag)
        try:
            answer = await self.ask(request)
        except NotFound:
            await self.fetch_repository(full_name)
            return None
        if answer.status == 304:
            return self._not_modified(request, answer)
        content = parse_content(Fields(read_json(request, answer), request.label))
        return FileContent(content, answer.headers.get("etag"), self.token_generation)

    # The polled listings

    async def fetch_issues(
        self, full_name: str, since: datetime | None, *, page: int = 1, etag: str | None = None
    ) -> Page[IssueItem] | NotModified:
        """Issues and pull requests updated at or after `since` (None: all), oldest update first.

        Equal arguments ask the very same URL, so that its ETag holds.
        """
        path = f"{repository_path(full_name)}/issues"
        request = Request("GET", since_target(path, since, page, state="all"), etag=etag)
        return await self._page(request, parse_issue, stamp="updated_at")

    async def fetch_comments(
        self, full_name: str, since: datetime | None, *, page: int = 1, etag: str | None = None
    ) -> Page[CommentItem] | NotModified:
        """Conversation comments of all threads updated at or after `since`, oldest update first."""
        path = f"{repository_path(full_name)}/issues/comments"
        request = Request("GET", since_target(path, since, page), etag=etag)
        return await self._page(request, parse_comment, stamp="updated_at")

    async def fetch_pulls_by_update(
        self, full_name: str, page: int = 1, etag: str | None = None
    ) -> Page[PullItem] | NotModified:
        """Pull requests in every state, newest update first: the net for what the issues listing missed."""
        path = f"{repository_path(full_name)}/pulls"
        order: dict[str, str | int] = {"state": "all", "sort": "updated", "direction": "desc"}
        where = target(path, **order, per_page=PER_PAGE, page=page if page > 1 else None)
        return await self._page(Request("GET", where, etag=etag), parse_pull, stamp="updated_at")

    # One thread

    async def fetch_issue(self, full_name: str, number: int) -> IssueItem:
        """An issue or pull request, as the issues listing shows it."""
        return await self._one(f"{repository_path(full_name)}/issues/{number}", parse_issue)

    async def fetch_pull(self, full_name: str, number: int) -> PullItem:
        """A pull request with its counts and who merged it."""
        return await self._one(f"{repository_path(full_name)}/pulls/{number}", parse_pull)

    async def fetch_reviews(self, full_name: str, number: int) -> Page[ReviewItem]:
        """All reviews of a pull request, oldest first, our own pending ones included."""
        return await self._all_pages(f"{repository_path(full_name)}/pulls/{number}/reviews", parse_review)

    async def fetch_issue_events(self, full_name: str, number: int) -> Page[IssueEventItem]:
        """All events of an issue or pull request, oldest first."""
        path = f"{repository_path(full_name)}/issues/{number}/events"
        return await self._all_pages(path, parse_issue_event)

    async def fetch_thread_comments(
        self, full_name: str, number: int, since: datetime | None = None
    ) -> Page[CommentItem]:
        """All comments of one thread updated at or after `since`, oldest first."""
        path = f"{repository_path(full_name)}/issues/{number}/comments"
        return await self._all_pages(path, parse_comment, since=since, stamp="updated_at")

    async def fetch_pull_files(self, full_name: str, number: int) -> tuple[FileItem, ...]:
        """The files of a pull request with their patches; of a giant one the first `FILE_PAGES` hundred."""
        path = f"{repository_path(full_name)}/pulls/{number}/files"
        found: list[FileItem] = []
        for page in range(1, FILE_PAGES + 1):
            request = Request("GET", target(path, per_page=PER_PAGE, page=page if page > 1 else None))
            answer = await self.ask(request)
            rows = Fields({"files": read_json(request, answer)}, request.label).rows("files")
            found += (parse_file(Fields(row, request.label)) for row in rows)
            if len(rows) < PER_PAGE:
                break
        return tuple(found)

    async def fetch_comment_editor(self, node_id: str) -> Account | Unknown | None:
        """Who edited a conversation comment last: None when nobody did, `UNKNOWN` when GitHub does not tell.

        Only GraphQL knows this, and it wants a credential.
        """
        if self.is_anonymous or not node_id:
            return UNKNOWN
        query = {"query": _EDITOR_QUERY, "variables": {"id": node_id}}
        request = Request("POST", "/graphql", json=query, resource="graphql")
        try:
            data = read_json(request, await self.ask(request))
        except (NotFound, Forbidden):
            return UNKNOWN  # no GraphQL here, or not for us; asking again would not help
        kinds = _graphql_errors(data)
        if "RATE_LIMITED" in kinds:
            raise RateLimited(
                f"{request.label}: GitHub's GraphQL limit is reached.",
                retry_at=self.resource_blocked_until("graphql") or self.options.clock() + LIMIT_WAIT,
            )
        if kinds & {"NOT_FOUND", "FORBIDDEN"}:
            return UNKNOWN
        if kinds:
            raise BadAnswer(
                f"{request.label}: GitHub could not answer ({one_line(', '.join(sorted(kinds)))})."
            )
        return parse_editor(data, request.label)

    # People

    async def fetch_account(self, login: str) -> Account | None:
        """Today's owner of a login, or None."""
        try:
            return await self._one(f"/users/{segment(login)}", parse_account)
        except NotFound:
            return None

    async def fetch_account_by_id(self, identity: int) -> Account | None:
        """An account by its id, under today's login, or None when it was deleted."""
        try:
            return await self._one(f"/user/{identity}", parse_account)
        except NotFound:
            return None

    async def fetch_permission(self, full_name: str, account: Account) -> Role:
        """A person's role, looked up now: `NONE` for a stranger, `UNREADABLE` when our token may not look.

        Errors are errors and never a role. The look-up goes by login, so the answer must be about the
        account's id; when the person was renamed meanwhile, it is asked again under today's login. A 404
        means "no role" only while the repository itself answers and nobody was renamed. An account without a
        login (a forgotten one) is looked up by its id, and its name is not kept.

        Raises:
            BadAnswer: the answer is about somebody else.
        """
        permission = await self._permission(full_name, account.login) if account.login else None
        if permission is None or permission.account_id not in (account.id, _NOBODY):
            current = await self.fetch_account_by_id(account.id)
            if current is None:
                permission = None
            elif current.login.lower() != account.login.lower():
                permission = await self._permission(full_name, current.login)
        if permission is None:
            await self.fetch_repository(full_name)
            return Role.NONE
        if permission.account_id not in (account.id, _NOBODY):
            raise BadAnswer(
                f"{repository_path(full_name)}: GitHub told the role of account {permission.account_id}, "
                f"asked for {account.id} ({account.login})."
            )
        return permission.role

    async def _permission(self, full_name: str, login: str) -> Permission | None:
        path = f"{repository_path(full_name)}/collaborators/{segment(login)}/permission"
        try:
            found = await self._one(path, parse_permission)
            if found.account_id is not None:
                return found
            owner = await self.fetch_account(login)
            return None if owner is None else replace(found, account_id=owner.id)
        except NotFound:
            return None
        except Forbidden:
            return _UNREADABLE
        except Unauthorized:
            if self.is_anonymous:
                return _UNREADABLE
            raise

    # Writes; none is ever repeated here

    async def post_comment(self, full_name: str, number: int, body: str) -> int:
        """Post a conversation comment and return its id."""
        path = f"{repository_path(full_name)}/issues/{number}/comments"
        return await self._write("POST", path, {"body": body}, lambda fields: fields.integer("id"))

    async def close_pull(self, full_name: str, number: int) -> None:
        """Close a pull request; closing a closed one changes nothing."""
        await self._set_state(full_name, number, "closed")

    async def reopen_pull(self, full_name: str, number: int) -> None:
        """Reopen a pull request. Raises `Refused` when its branch is gone or was force-pushed."""
        await self._set_state(full_name, number, "open")

    async def add_label(self, full_name: str, number: int, label: str) -> None:
        """Put a label on an issue or pull request; GitHub creates one of that name if there is none."""
        path = f"{repository_path(full_name)}/issues/{number}/labels"
        await self._write("POST", path, {"labels": [label]})

    async def remove_label(self, full_name: str, number: int, label: str) -> None:
        """Take a label off; fine if it is not there."""
        path = f"{repository_path(full_name)}/issues/{number}/labels/{segment(label)}"
        with contextlib.suppress(NotFound):
            await self._write("DELETE", path)

    async def set_status(
        self, full_name: str, sha: str, *, state: str, context: str, description: str
    ) -> None:
        """Set a commit status: error, failure, pending or success. The description is cut to fit."""
        path = f"{repository_path(full_name)}/statuses/{segment(sha)}"
        values = {"state": state, "context": context, "description": description[:_DESCRIPTION_LENGTH]}
        await self._write("POST", path, values)

    async def add_reaction(self, full_name: str, comment_id: int, content: str) -> None:
        """React to a conversation comment (`+1`, `eyes`, …); the same reaction twice counts once."""
        path = f"{repository_path(full_name)}/issues/comments/{comment_id}/reactions"
        await self._write("POST", path, {"content": content})

    async def _set_state(self, full_name: str, number: int, state: str) -> None:
        request_path = f"{repository_path(full_name)}/pulls/{number}"
        found = await self._write(
            "PATCH", request_path, {"state": state}, lambda fields: fields.text("state")
        )
        if found != state:
            raise BadAnswer(
                f"PATCH {request_path}: GitHub accepted the change, but the pull request is {found}.",
                applied=None,
            )


_NOBODY = 0  # no account has this id
_UNREADABLE = Permission(_NOBODY, Role.UNREADABLE)


def _graphql_errors(data: Any) -> set[str]:
    """The types of the errors in a GraphQL answer, which come with status 200."""
    errors = data.get("errors") if isinstance(data, dict) else None
    if not isinstance(errors, list):
        return set()
    return {str(error.get("type", "error")) if isinstance(error, dict) else "error" for error in errors}
