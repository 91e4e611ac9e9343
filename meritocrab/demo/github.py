"""The simulated GitHub's front door: the REST API over real HTTP, as far as a client like ours may use it.

Fakes that sit behind our own client prove little: they never send a redirect, half a body or a 304. This
one speaks HTTP from its own thread, to a daemon in this process or in another, and keeps to what the real
service does: paging by `Link`, ETags that belong to one token, quotas, App tokens that expire, refusals with
GitHub's words. It is written on asyncio streams and h11, because it must be able to break off an answer at
any byte.

    world = World()
    with SimulatedGitHub(world) as github:
        ...  # github.url
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import logging
import re
import threading
import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from types import TracebackType
from typing import Any, TypeVar
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

import h11
import jwt

from meritocrab.demo.faults import ConnectionCutError, Fault
from meritocrab.demo.world import (
    GHOST_ID,
    Account,
    App,
    Comment,
    FeedEntry,
    Installation,
    IssueEvent,
    PullFile,
    Quota,
    Reaction,
    Repository,
    RequestRecord,
    Review,
    Status,
    Thread,
    Token,
    World,
    node_id,
    stamp,
)

logger = logging.getLogger(__name__)

JSON = dict[str, Any]
T = TypeVar("T")

WEB = "https://github.com"
DOCS = "https://docs.github.com/rest"
API_VERSIONS = ("2022-11-28", "2026-03-10")
MAX_BODY = 65536
REACTIONS = ("+1", "-1", "laugh", "confused", "heart", "hooray", "rocket", "eyes")
STATUS_STATES = ("error", "failure", "pending", "success")
SECONDARY_MESSAGE = (
    "You have exceeded a secondary rate limit. Please wait a few minutes before you try again. "
    "If you reach out to GitHub Support for help, please include the request ID."
)
NOT_FOR_APPS = "Resource not accessible by integration"


# ---- requests and answers ------------------------------------------------------------------------


@dataclass(slots=True)
class Request:
    """One request as it came in."""

    method: str
    path: str
    query: dict[str, str]
    raw_query: str
    headers: dict[str, str]
    body: bytes = b""

    @property
    def target(self) -> str:
        """The path with its query."""
        return f"{self.path}?{self.raw_query}" if self.raw_query else self.path

    @property
    def token(self) -> str | None:
        """The credential, without its scheme."""
        scheme, _, value = self.headers.get("authorization", "").partition(" ")
        return (value.strip() if scheme.lower() in ("bearer", "token") else scheme) or None

    @property
    def reads(self) -> bool:
        """Whether the request changes nothing."""
        return self.method in ("GET", "HEAD")

    def json(self) -> Any:
        """The body as JSON; an empty one is an empty object."""
        if not self.body:
            return {}
        try:
            return json.loads(self.body)
        except ValueError:
            raise HttpError(400, "Problems parsing JSON") from None


@dataclass(slots=True)
class Response:
    """One answer, ready to be sent."""

    status: int
    body: bytes
    headers: dict[str, str]
    counted: bool = False


@dataclass(slots=True)
class Reply:
    """What a handler answers; the rest of the response is the same for all."""

    payload: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    content_type: str = "application/json; charset=utf-8"


class HttpError(Exception):
    """An answer other than success, in GitHub's words."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        errors: list[Any] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.errors, self.headers = status, message, errors, headers or {}

    def reply(self) -> Reply:
        """The error as GitHub writes it."""
        payload: JSON = {"message": self.message, "documentation_url": DOCS, "status": str(self.status)}
        if self.errors is not None:
            payload["errors"] = self.errors
        return Reply(payload, self.status, self.headers)


def not_found() -> HttpError:
    """The answer for what is not there, and for what one may not see."""
    return HttpError(404, "Not Found")


def invalid(resource: str, field_name: str, message: str, code: str = "custom") -> HttpError:
    """The answer to a well-formed request that makes no sense."""
    errors = [{"resource": resource, "code": code, "field": field_name, "message": message}]
    return HttpError(422, "Validation Failed", errors=errors)


@dataclass(slots=True)
class Principal:
    """Who asks, and on whose quota."""

    key: str
    token: str | None = None
    account: Account | None = None
    scopes: tuple[str, ...] = ()
    installation: Installation | None = None
    app: App | None = None

    @property
    def anonymous(self) -> bool:
        """Whether nobody in particular asks."""
        return self.token is None


@dataclass(slots=True)
class Call:
    """What a handler works with. `repo` is only there on routes below a repository."""

    world: World
    render: Render
    request: Request
    principal: Principal
    live: Repository | None = None
    shown: Repository | None = None
    args: tuple[str, ...] = ()
    base: str = ""

    @property
    def repo(self) -> Repository:
        """The repository as this request sees it, which may lag behind."""
        if self.shown is None:
            raise not_found()
        return self.shown

    @property
    def name(self) -> str:
        """The repository's name as of today."""
        return self.repo.full_name if self.live is None else self.live.full_name

    @property
    def number(self) -> int:
        """The first number in the path."""
        return int(self.args[0])

    @property
    def actor(self) -> Account:
        """The account that writes."""
        if self.principal.account is None:
            raise HttpError(401, "Requires authentication")
        return self.principal.account

    def thread(self, *, pull: bool = False) -> Thread:
        """The issue or pull request that the path names."""
        repo, number = self.repo, self.number
        if number in repo.gone and not pull:
            raise HttpError(410, "This issue was deleted")
        thread = repo.threads.get(number)
        if thread is None or (pull and thread.pull is None):
            raise not_found()
        if thread.pull is None and not repo.has_issues:
            raise issues_disabled()
        return thread


def issues_disabled() -> HttpError:
    """The answer where a repository has no issues."""
    return HttpError(410, "Issues has been disabled in this repository.")


# ---- payloads ------------------------------------------------------------------------------------


_USER_URLS = {
    "followers_url": "/followers",
    "following_url": "/following{/other_user}",
    "gists_url": "/gists{/gist_id}",
    "starred_url": "/starred{/owner}{/repo}",
    "subscriptions_url": "/subscriptions",
    "organizations_url": "/orgs",
    "repos_url": "/repos",
    "events_url": "/events{/privacy}",
    "received_events_url": "/received_events",
}
_REPO_URLS = {
    "archive_url": "/{archive_format}{/ref}",
    "assignees_url": "/assignees{/user}",
    "blobs_url": "/git/blobs{/sha}",
    "branches_url": "/branches{/branch}",
    "collaborators_url": "/collaborators{/collaborator}",
    "comments_url": "/comments{/number}",
    "commits_url": "/commits{/sha}",
    "compare_url": "/compare/{base}...{head}",
    "contents_url": "/contents/{+path}",
    "contributors_url": "/contributors",
    "deployments_url": "/deployments",
    "downloads_url": "/downloads",
    "events_url": "/events",
    "forks_url": "/forks",
    "git_commits_url": "/git/commits{/sha}",
    "git_refs_url": "/git/refs{/sha}",
    "git_tags_url": "/git/tags{/sha}",
    "hooks_url": "/hooks",
    "issue_comment_url": "/issues/comments{/number}",
    "issue_events_url": "/issues/events{/number}",
    "issues_url": "/issues{/number}",
    "keys_url": "/keys{/key_id}",
    "labels_url": "/labels{/name}",
    "languages_url": "/languages",
    "merges_url": "/merges",
    "milestones_url": "/milestones{/number}",
    "notifications_url": "/notifications{?since,all,participating}",
    "pulls_url": "/pulls{/number}",
    "releases_url": "/releases{/id}",
    "stargazers_url": "/stargazers",
    "statuses_url": "/statuses/{sha}",
    "subscribers_url": "/subscribers",
    "subscription_url": "/subscription",
    "tags_url": "/tags",
    "teams_url": "/teams",
    "trees_url": "/git/trees{/sha}",
}


def _clone_urls(repo: Repository) -> JSON:
    path = f"{repo.full_name}.git"
    return {
        "clone_url": f"{WEB}/{path}",
        "git_url": f"git://github.com/{path}",
        "ssh_url": f"git@github.com:{path}",
        "svn_url": f"{WEB}/{repo.full_name}",
    }


class Render:
    """Objects of the world as GitHub's JSON."""

    def __init__(self, base: str) -> None:
        self.base = base

    def user(self, account: Account | None) -> JSON | None:
        """An account; deleted ones show as ghost or not at all."""
        if account is None or account.deleted == "null":
            return None
        id_, login, kind = account.id, account.login, account.type
        if account.deleted:
            id_, login, kind = GHOST_ID, "ghost", "User"
        url = f"{self.base}/users/{login}"
        return {
            "login": login,
            "id": id_,
            "node_id": node_id("U", id_) if account.deleted else account.node_id,
            "avatar_url": f"https://avatars.githubusercontent.com/u/{id_}?v=4",
            "gravatar_id": "",
            "url": url,
            "html_url": f"{WEB}/apps/{login[:-5]}" if login.endswith("[bot]") else f"{WEB}/{login}",
            **{name: url + rest for name, rest in _USER_URLS.items()},
            "type": kind,
            "user_view_type": "public",
            "site_admin": False,
        }

    def full_user(self, account: Account) -> JSON:
        """An account with its profile."""
        created = stamp(account.created_at)
        user = self.user(account) or {}
        empty = dict.fromkeys(("bio", "blog", "company", "email", "hireable", "location"))
        counts = dict.fromkeys(("followers", "following", "public_gists", "public_repos"), 0)
        dates = {"created_at": created, "updated_at": created}
        return {**user, "name": account.name, **empty, **counts, **dates}

    def app(self, app: App | None) -> JSON | None:
        """An App, as comments and events name it."""
        if app is None:
            return None
        return {
            "id": app.id,
            "slug": app.slug,
            "client_id": app.client_id,
            "node_id": node_id("A", app.id),
            "owner": self.user(app.owner),
            "name": app.slug,
            "description": "",
            "external_url": "https://example.org",
            "html_url": f"{WEB}/apps/{app.slug}",
            "permissions": {},
            "events": [],
        }

    def repo_url(self, repo: Repository) -> str:
        """The API address of a repository."""
        return f"{self.base}/repos/{repo.full_name}"

    def repo(self, repo: Repository) -> JSON:
        """A repository, with the counters that make its listings restless."""
        url = self.repo_url(repo)
        still_open = sum(thread.state == "open" for thread in repo.threads.values())
        return {
            "id": repo.id,
            "node_id": repo.node_id,
            "name": repo.name,
            "full_name": repo.full_name,
            "private": repo.private,
            "owner": self.user(repo.owner),
            "html_url": f"{WEB}/{repo.full_name}",
            "description": repo.description,
            "fork": False,
            "url": url,
            **{name: url + rest for name, rest in _REPO_URLS.items()},
            **_clone_urls(repo),
            "created_at": stamp(repo.created_at),
            "updated_at": stamp(repo.created_at),
            "pushed_at": stamp(repo.created_at),
            "size": 108,
            "stargazers_count": repo.stars,
            "watchers_count": repo.stars,
            "watchers": repo.stars,
            "language": None,
            "homepage": None,
            "license": None,
            "mirror_url": None,
            "topics": [],
            "has_issues": repo.has_issues,
            "has_projects": True,
            "has_wiki": True,
            "has_pages": False,
            "has_downloads": True,
            "has_discussions": False,
            "allow_forking": True,
            "is_template": False,
            "web_commit_signoff_required": False,
            "forks_count": 0,
            "forks": 0,
            "archived": repo.archived,
            "disabled": False,
            "open_issues_count": still_open,
            "open_issues": still_open,
            "visibility": "private" if repo.private else "public",
            "default_branch": repo.default_branch,
        }

    def label(self, repo: Repository, name: str) -> JSON:
        """A label of the repository."""
        id_ = repo.labels.get(name, 1)
        return {
            "id": id_,
            "node_id": node_id("LA", id_),
            "url": f"{self.repo_url(repo)}/labels/{name}",
            "name": name,
            "color": "ededed",
            "default": False,
            "description": None,
            "archived_at": None,
            "archived_by": None,
        }

    def rollup(self, url: str, reactions: Iterable[Reaction]) -> JSON:
        """How often each emoji was used."""
        counts = dict.fromkeys(REACTIONS, 0)
        for reaction in reactions:
            counts[reaction.content] += 1
        return {"url": f"{url}/reactions", "total_count": sum(counts.values()), **counts}

    def _common(self, repo: Repository, thread: Thread) -> JSON:
        """What issues and pull requests show alike."""
        association = thread.association or repo.association(thread.author, opener=thread.pull is not None)
        assignees = [self.user(account) for account in thread.assignees]
        return {
            "number": thread.number,
            "state": thread.state,
            "locked": thread.locked,
            "active_lock_reason": thread.lock_reason,
            "title": thread.title,
            "user": self.user(thread.author),
            "body": thread.body,
            "labels": [self.label(repo, name) for name in thread.labels],
            "milestone": None,
            "assignee": assignees[0] if assignees else None,
            "assignees": assignees,
            "created_at": stamp(thread.created_at),
            "closed_at": stamp(thread.closed_at) if thread.closed_at is not None else None,
            "author_association": association,
        }

    def issue(self, repo: Repository, thread: Thread, *, single: bool = False) -> JSON:
        """An issue, or the issue side of a pull request."""
        root = self.repo_url(repo)
        url, kind = f"{root}/issues/{thread.number}", "issues" if thread.pull is None else "pull"
        payload = self._common(repo, thread) | {
            "id": thread.id,
            "node_id": thread.node_id if thread.pull is None else thread.pull.node_id,
            "url": url,
            "repository_url": root,
            "labels_url": f"{url}/labels{{/name}}",
            "comments_url": f"{url}/comments",
            "events_url": f"{url}/events",
            "html_url": f"{WEB}/{repo.full_name}/{kind}/{thread.number}",
            "comments": len(thread.comment_ids),
            "updated_at": stamp(thread.updated_at),
            "reactions": self.rollup(url, thread.reactions),
            "timeline_url": f"{url}/timeline",
            "performed_via_github_app": None,
            "state_reason": thread.state_reason,
        }
        if thread.pull is not None:
            payload["draft"] = thread.pull.draft
            payload["pull_request"] = self._pull_link(root, repo, thread)
        if single:
            payload["closed_by"] = self.user(thread.closed_by)
        return payload

    def _pull_link(self, root: str, repo: Repository, thread: Thread) -> JSON:
        page = f"{WEB}/{repo.full_name}/pull/{thread.number}"
        merged_at = thread.pull.merged_at if thread.pull is not None else None
        return {
            "url": f"{root}/pulls/{thread.number}",
            "html_url": page,
            "diff_url": f"{page}.diff",
            "patch_url": f"{page}.patch",
            "merged_at": stamp(merged_at) if merged_at is not None else None,
        }

    def pull(self, repo: Repository, thread: Thread, repo_payload: JSON) -> JSON:
        """A pull request as the list shows it; each one embeds the repository."""
        pull, root = thread.pull, self.repo_url(repo)
        if pull is None:
            raise not_found()
        url, issue_url = f"{root}/pulls/{thread.number}", f"{root}/issues/{thread.number}"
        page = f"{WEB}/{repo.full_name}/pull/{thread.number}"
        return self._common(repo, thread) | {
            "id": pull.id,
            "node_id": pull.node_id,
            "url": url,
            "html_url": page,
            "diff_url": f"{page}.diff",
            "patch_url": f"{page}.patch",
            "issue_url": issue_url,
            "commits_url": f"{url}/commits",
            "review_comments_url": f"{url}/comments",
            "review_comment_url": f"{root}/pulls/comments{{/number}}",
            "comments_url": f"{issue_url}/comments",
            "statuses_url": f"{root}/statuses/{pull.head_sha}",
            "updated_at": stamp(pull.updated_at),
            "merged_at": stamp(pull.merged_at) if pull.merged_at is not None else None,
            "merge_commit_sha": pull.merge_commit_sha,
            "requested_reviewers": [self.user(account) for account in pull.reviewers],
            "requested_teams": [],
            "draft": pull.draft,
            "head": self._head(repo, thread.author, pull.head_ref, pull.head_sha),
            "base": {
                "label": f"{repo.owner.login}:{pull.base_ref}",
                "ref": pull.base_ref,
                "sha": hashlib.sha1(repo.full_name.encode(), usedforsecurity=False).hexdigest(),
                "user": self.user(repo.owner),
                "repo": repo_payload,
            },
            "_links": {
                name: {"href": address} for name, address in self._pull_addresses(repo, thread).items()
            },
            "auto_merge": None,
        }

    def _pull_addresses(self, repo: Repository, thread: Thread) -> dict[str, str]:
        root, sha = self.repo_url(repo), thread.pull.head_sha if thread.pull is not None else ""
        url, issue_url = f"{root}/pulls/{thread.number}", f"{root}/issues/{thread.number}"
        return {
            "self": url,
            "html": f"{WEB}/{repo.full_name}/pull/{thread.number}",
            "issue": issue_url,
            "comments": f"{issue_url}/comments",
            "review_comments": f"{url}/comments",
            "review_comment": f"{root}/pulls/comments{{/number}}",
            "commits": f"{url}/commits",
            "statuses": f"{root}/statuses/{sha}",
        }

    def _head(self, repo: Repository, author: Account | None, ref: str, sha: str) -> JSON:
        user = self.user(author)
        if author is None or user is None or author.deleted:
            return {"label": f"unknown repository:{ref}", "ref": ref, "sha": sha, "user": user, "repo": None}
        twin = Repository(repo.id + author.id, author, repo.name, repo.created_at, node_id=repo.node_id)
        twin.default_branch = repo.default_branch
        fork = self.repo(twin) | {"fork": True}
        return {"label": f"{author.login}:{ref}", "ref": ref, "sha": sha, "user": user, "repo": fork}

    def single_pull(self, repo: Repository, thread: Thread) -> JSON:
        """A pull request with what only its own address tells."""
        payload, pull = self.pull(repo, thread, self.repo(repo)), thread.pull
        if pull is None:
            raise not_found()
        additions, deletions, changed = pull.changes
        return payload | {
            "merged": pull.merged_at is not None,
            "mergeable": None if thread.state == "closed" else True,
            "rebaseable": None if thread.state == "closed" else True,
            "mergeable_state": "unknown" if thread.state == "closed" else "clean",
            "merged_by": self.user(pull.merged_by),
            "comments": len(thread.comment_ids),
            "review_comments": 0,
            "maintainer_can_modify": False,
            "commits": pull.commits,
            "additions": additions,
            "deletions": deletions,
            "changed_files": changed,
        }

    def comment(self, repo: Repository, comment: Comment) -> JSON:
        """A conversation comment."""
        root = self.repo_url(repo)
        thread = repo.threads.get(comment.number)
        kind = "pull" if thread is not None and thread.pull is not None else "issues"
        url = f"{root}/issues/comments/{comment.id}"
        return {
            "url": url,
            "html_url": f"{WEB}/{repo.full_name}/{kind}/{comment.number}#issuecomment-{comment.id}",
            "issue_url": f"{root}/issues/{comment.number}",
            "id": comment.id,
            "node_id": comment.node_id,
            "user": self.user(comment.author),
            "created_at": stamp(comment.created_at),
            "updated_at": stamp(comment.updated_at),
            "author_association": comment.association or repo.association(comment.author),
            "body": comment.body,
            "reactions": self.rollup(url, comment.reactions),
            "performed_via_github_app": self.app(comment.app),
        }

    def review(self, repo: Repository, number: int, review: Review) -> JSON:
        """A review; a pending one has no `submitted_at`."""
        url = f"{self.repo_url(repo)}/pulls/{number}"
        page = f"{WEB}/{repo.full_name}/pull/{number}#pullrequestreview-{review.id}"
        payload = {
            "id": review.id,
            "node_id": review.node_id,
            "user": self.user(review.author),
            "body": review.body,
            "state": review.state,
            "html_url": page,
            "pull_request_url": url,
            "author_association": review.association or repo.association(review.author),
            "_links": {"html": {"href": page}, "pull_request": {"href": url}},
            "commit_id": review.commit_id,
        }
        if review.submitted_at is not None:
            payload["submitted_at"] = stamp(review.submitted_at)
        return payload

    def event(self, repo: Repository, event: IssueEvent) -> JSON:
        """A transition in a thread."""
        extra = {key: self.user(v) if isinstance(v, Account) else v for key, v in event.extra.items()}
        commit = extra.get("commit_id")
        return {
            "id": event.id,
            "node_id": event.node_id,
            "url": f"{self.repo_url(repo)}/issues/events/{event.id}",
            "actor": self.user(event.actor),
            "event": event.event,
            "commit_id": None,
            "commit_url": f"{self.repo_url(repo)}/commits/{commit}" if commit else None,
            "created_at": stamp(event.created_at),
            "performed_via_github_app": self.app(event.app),
            **extra,
        }

    def file(self, repo: Repository, sha: str, changed: PullFile) -> JSON:
        """A changed file; binaries have no patch."""
        blob = hashlib.sha1(f"{sha}{changed.filename}".encode(), usedforsecurity=False).hexdigest()
        payload: JSON = {
            "sha": blob,
            "filename": changed.filename,
            "status": "modified" if changed.deletions else "added",
            "additions": changed.additions,
            "deletions": changed.deletions,
            "changes": changed.additions + changed.deletions,
            "blob_url": f"{WEB}/{repo.full_name}/blob/{sha}/{changed.filename}",
            "raw_url": f"{WEB}/{repo.full_name}/raw/{sha}/{changed.filename}",
            "contents_url": f"{self.repo_url(repo)}/contents/{changed.filename}?ref={sha}",
        }
        if changed.patch is not None:
            payload["patch"] = changed.patch
        return payload

    def status(self, repo: Repository, sha: str, status: Status) -> JSON:
        """A commit status."""
        return {
            "url": f"{self.repo_url(repo)}/statuses/{sha}",
            "id": status.id,
            "node_id": node_id("SC", status.id),
            "state": status.state,
            "description": status.description,
            "target_url": status.target_url,
            "context": status.context,
            "created_at": stamp(status.created_at),
            "updated_at": stamp(status.created_at),
            "creator": (creator := self.user(status.creator)),
            "avatar_url": creator["avatar_url"] if creator is not None else None,
        }

    def reaction(self, reaction: Reaction) -> JSON:
        """One emoji."""
        return {
            "id": reaction.id,
            "node_id": node_id("REA", reaction.id),
            "user": self.user(reaction.user),
            "content": reaction.content,
            "created_at": stamp(reaction.created_at),
        }

    def feed_entry(self, repo: Repository, entry: FeedEntry) -> JSON:
        """An item of the Events API."""
        thread = repo.threads.get(entry.number)
        payload: JSON = {"action": entry.action, "number": entry.number}
        if thread is not None:
            payload["issue"] = self.issue(repo, thread)
        if entry.kind == "IssueCommentEvent" and entry.object_id in repo.comments:
            payload["comment"] = self.comment(repo, repo.comments[entry.object_id])
        return {
            "id": str(entry.id),
            "type": entry.kind,
            "actor": self.user(entry.actor),
            "repo": {"id": repo.id, "name": repo.full_name, "url": self.repo_url(repo)},
            "payload": payload,
            "public": not repo.private,
            "created_at": stamp(entry.created_at),
        }

    def installation(self, installation: Installation) -> JSON:
        """An App's installation on an account."""
        url = f"{self.base}/app/installations/{installation.id}"
        suspended = installation.suspended_at
        return {
            "id": installation.id,
            "account": self.user(installation.account),
            "repository_selection": selection(installation),
            "access_tokens_url": f"{url}/access_tokens",
            "repositories_url": f"{self.base}/installation/repositories",
            "html_url": f"{WEB}/settings/installations/{installation.id}",
            "app_id": installation.app.id,
            "app_slug": installation.app.slug,
            "target_id": installation.account.id,
            "target_type": installation.account.type,
            "permissions": installation.permissions,
            "events": [],
            "created_at": stamp(installation.created_at),
            "updated_at": stamp(installation.created_at),
            "single_file_name": None,
            "suspended_at": stamp(suspended) if suspended is not None else None,
            "suspended_by": self.user(installation.account) if suspended is not None else None,
        }

    def node_actor(self, account: Account | None) -> JSON | None:
        """An account as GraphQL shows it: bots without their suffix."""
        user = self.user(account)
        if user is None:
            return None
        return {
            "__typename": user["type"],
            "login": user["login"].removesuffix("[bot]"),
            "databaseId": user["id"],
            "id": user["node_id"],
        }

    def node_comment(self, repo: Repository, comment: Comment) -> JSON:
        """A comment as GraphQL shows it."""
        edited = comment.last_edited_at
        return {
            "__typename": "IssueComment",
            "id": comment.node_id,
            "databaseId": comment.id,
            "fullDatabaseId": str(comment.id),
            "author": self.node_actor(comment.author),
            "editor": self.node_actor(comment.editor),
            "lastEditedAt": stamp(edited) if edited is not None else None,
            "includesCreatedEdit": False,
            "body": comment.body,
            "createdAt": stamp(comment.created_at),
            "updatedAt": stamp(comment.updated_at),
            "url": self.comment(repo, comment)["html_url"],
        }


def selection(installation: Installation) -> str:
    """Whether an installation reaches all repositories or chosen ones."""
    return "all" if installation.repositories is None else "selected"


# ---- routes --------------------------------------------------------------------------------------

Handler = Callable[[Call], Reply]
REPO_ROUTES: list[tuple[str, re.Pattern[str], Handler]] = []
ROOT_ROUTES: list[tuple[str, re.Pattern[str], Handler]] = []
_PLACES = {"number": r"(\d+)", "name": r"([^/]+)", "path": r"(.*)"}


def _pattern(template: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{(\w+)\}", lambda place: _PLACES[place[1]], template.replace(".", r"\.")))


def repo_route(method: str, template: str) -> Callable[[Handler], Handler]:
    """Serve an address below a repository."""

    def register(handler: Handler) -> Handler:
        REPO_ROUTES.append((method, _pattern(template), handler))
        return handler

    return register


def root_route(method: str, template: str) -> Callable[[Handler], Handler]:
    """Serve an address below the root."""

    def register(handler: Handler) -> Handler:
        ROOT_ROUTES.append((method, _pattern(template), handler))
        return handler

    return register


def find_handler(
    routes: Sequence[tuple[str, re.Pattern[str], Handler]], method: str, path: str
) -> tuple[Handler, tuple[str, ...]]:
    """The handler of an address and what its places hold."""
    for known, pattern, handler in routes:
        if known == method and (match := pattern.fullmatch(path)):
            return handler, tuple(unquote(part) for part in match.groups())
    raise not_found()


def positive(text: str | None, default: int, most: int) -> int:
    """A number from a query; nonsense counts as absent, as on GitHub."""
    try:
        number = int(text or default)
    except ValueError:
        return default
    return min(number, most) if number > 0 else default


def paged(call: Call, items: Sequence[T], render: Callable[[T], Any], wrap: str | None = None) -> Reply:
    """One page of a list with its `Link`; with `wrap` it stands inside an object beside its total."""
    query = call.request.query
    size, page = positive(query.get("per_page"), 30, 100), positive(query.get("page"), 1, 10**6)
    last = max(1, -(-len(items) // size))
    shown = [render(item) for item in items[(page - 1) * size : page * size]]
    headers = {"link": links} if (links := _links(call, page, last)) else {}
    return Reply({"total_count": len(items), wrap: shown} if wrap else shown, headers=headers)


def _links(call: Call, page: int, last: int) -> str:
    places = {"prev": page - 1, "next": page + 1, "last": last, "first": 1}
    if page <= 1:
        del places["prev"], places["first"]
    if page >= last:
        places = {rel: number for rel, number in places.items() if rel in ("prev", "first")}
    others = {key: value for key, value in call.request.query.items() if key != "page"}
    return ", ".join(
        f'<{call.base}?{urlencode({**others, "page": number})}>; rel="{rel}"'
        for rel, number in places.items()
    )


def since(call: Call) -> datetime | None:
    """The `since` of a listing."""
    text = call.request.query.get("since")
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise HttpError(422, f"Invalid value for since: {text}") from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def in_state(call: Call, threads: Iterable[Thread]) -> list[Thread]:
    """The threads in the state that a listing asks for; open ones unless it says otherwise."""
    state = call.request.query.get("state", "open")
    return [thread for thread in threads if state in ("all", thread.state)]


# ---- repositories --------------------------------------------------------------------------------


@repo_route("GET", "")
def get_repository(call: Call) -> Reply:
    """The repository, with what the caller may do there."""
    payload = call.render.repo(call.repo) | {"network_count": 0, "subscribers_count": 0}
    if call.principal.account is not None:
        payload["permissions"] = flags(call.repo.role_of(call.principal.account) or "read")
    return Reply(payload)


def flags(role: str) -> dict[str, bool]:
    """A role as the flags that GitHub shows."""
    order = ("none", "read", "triage", "write", "maintain", "admin")
    rank = order.index(role)
    names = ("pull", "triage", "push", "maintain", "admin")
    return {name: rank >= needed for needed, name in enumerate(names, start=1)}


@repo_route("GET", "collaborators/{name}/permission")
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


@repo_route("GET", "contents/{path}")
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


@repo_route("GET", "events")
def list_feed(call: Call) -> Reply:
    """The Events API, newest first, with its own pace."""
    reply = paged(
        call, list(reversed(call.repo.feed)), lambda entry: call.render.feed_entry(call.repo, entry)
    )
    reply.headers["x-poll-interval"] = "60"
    return reply


@repo_route("GET", "installation")
def get_repository_installation(call: Call) -> Reply:
    """The App's installation that reaches this repository."""
    app = app_of(call)
    for installation in call.world.installations.values():
        if installation.app is app and reaches(call.world, installation, call.repo):
            return Reply(call.render.installation(installation))
    raise not_found()


# ---- issues --------------------------------------------------------------------------------------


def need_issues(call: Call) -> None:
    """Refuse where issues are turned off."""
    if not call.repo.has_issues:
        raise issues_disabled()


@repo_route("GET", "issues")
def list_issues(call: Call) -> Reply:
    """Issues and pull requests; `since` goes by the last update."""
    need_issues(call)
    query, start = call.request.query, since(call)
    found = in_state(call, call.repo.threads.values())
    if start is not None:
        found = [thread for thread in found if thread.updated_at >= start]
    for name in filter(None, query.get("labels", "").split(",")):
        found = [thread for thread in found if name.lower() in map(str.lower, thread.labels)]
    if "creator" in query:
        found = [
            t for t in found if t.author is not None and t.author.login.lower() == query["creator"].lower()
        ]
    found.sort(key=_issue_order(query.get("sort", "created")), reverse=query.get("direction") != "asc")
    return paged(call, found, lambda thread: call.render.issue(call.repo, thread))


def _issue_order(sort: str) -> Callable[[Thread], Any]:
    if sort == "updated":
        return lambda thread: (thread.updated_at, thread.number)
    if sort == "comments":
        return lambda thread: (len(thread.comment_ids), thread.number)
    return lambda thread: (thread.created_at, thread.number)


@repo_route("GET", "issues/comments")
def list_repository_comments(call: Call) -> Reply:
    """The comments of all threads; `direction` counts only beside `sort`."""
    need_issues(call)
    query, start = call.request.query, since(call)
    found = [c for c in call.repo.comments.values() if start is None or c.updated_at >= start]
    by_update = query.get("sort") == "updated"
    found.sort(
        key=lambda comment: (comment.updated_at if by_update else comment.created_at, comment.id),
        reverse="sort" in query and query.get("direction", "desc") == "desc",
    )
    return paged(call, found, lambda comment: call.render.comment(call.repo, comment))


@repo_route("GET", "issues/{number}")
def get_issue(call: Call) -> Reply:
    """One issue, or the issue side of a pull request."""
    return Reply(call.render.issue(call.repo, call.thread(), single=True))


@repo_route("GET", "issues/{number}/comments")
def list_thread_comments(call: Call) -> Reply:
    """The comments of one thread, oldest first."""
    start = since(call)
    found = [call.repo.comments[id_] for id_ in call.thread().comment_ids]
    found = sorted((c for c in found if start is None or c.updated_at >= start), key=lambda c: c.id)
    return paged(call, found, lambda comment: call.render.comment(call.repo, comment))


def one_comment(call: Call) -> Comment:
    """The comment that the path names."""
    comment = call.repo.comments.get(call.number)
    if comment is None:
        raise not_found()
    return comment


@repo_route("GET", "issues/comments/{number}")
def get_comment(call: Call) -> Reply:
    """One comment."""
    return Reply(call.render.comment(call.repo, one_comment(call)))


@repo_route("GET", "issues/{number}/events")
def list_events(call: Call) -> Reply:
    """The transitions of a thread, oldest first."""
    return paged(call, call.thread().events, lambda event: call.render.event(call.repo, event))


@repo_route("GET", "issues/{number}/timeline")
def list_timeline(call: Call) -> Reply:
    """Transitions, comments and reviews of a thread in one list."""
    thread, repo, render = call.thread(), call.repo, call.render
    items = [(event.created_at, render.event(repo, event)) for event in thread.events]
    for comment in (repo.comments[id_] for id_ in thread.comment_ids):
        told = render.comment(repo, comment)
        items.append((comment.created_at, told | {"event": "commented", "actor": told["user"]}))
    for review in thread.pull.reviews if thread.pull is not None else ():
        if review.submitted_at is not None:
            told = render.review(repo, thread.number, review)
            items.append((review.submitted_at, told | {"event": "reviewed"}))
    return paged(call, sorted(items, key=lambda item: item[0]), lambda item: item[1])


@repo_route("GET", "issues/{number}/labels")
def list_labels(call: Call) -> Reply:
    """The labels of a thread."""
    return paged(call, call.thread().labels, lambda name: call.render.label(call.repo, name))


# ---- pull requests -------------------------------------------------------------------------------


@repo_route("GET", "pulls")
def list_pulls(call: Call) -> Reply:
    """Pull requests. There is no `since` here, and none is refused."""
    query = call.request.query
    sort = query.get("sort", "created")
    found = in_state(call, (thread for thread in call.repo.threads.values() if thread.pull is not None))
    direction = query.get("direction", "desc" if sort == "created" else "asc")
    found.sort(key=_pull_order(sort), reverse=direction == "desc")
    embedded = call.render.repo(call.repo)
    return paged(call, found, lambda thread: call.render.pull(call.repo, thread, embedded))


def _pull_order(sort: str) -> Callable[[Thread], Any]:
    if sort == "updated":
        return lambda thread: (thread.pull.updated_at if thread.pull else thread.updated_at, thread.number)
    return _issue_order("comments" if sort == "popularity" else "created")


@repo_route("GET", "pulls/{number}")
def get_pull(call: Call) -> Reply:
    """One pull request with its counts."""
    return Reply(call.render.single_pull(call.repo, call.thread(pull=True)))


@repo_route("GET", "pulls/{number}/reviews")
def list_reviews(call: Call) -> Reply:
    """The reviews of a pull request, oldest first; a pending one shows to its author only."""
    thread = call.thread(pull=True)
    reviews = thread.pull.reviews if thread.pull is not None else []
    shown = [r for r in reviews if r.state != "PENDING" or r.author is call.principal.account]
    return paged(call, shown, lambda review: call.render.review(call.repo, thread.number, review))


@repo_route("GET", "pulls/{number}/files")
def list_files(call: Call) -> Reply:
    """The changed files with their patches."""
    pull = call.thread(pull=True).pull
    files, sha = (pull.files, pull.head_sha) if pull is not None else ([], "")
    return paged(call, files, lambda changed: call.render.file(call.repo, sha, changed))


# ---- writes --------------------------------------------------------------------------------------


def may_write(
    call: Call, permissions: tuple[str, ...], least: str | None = None, author: Account | None = None
) -> None:
    """Refuse a write without the right; a role below `least` will do for what is the author's own."""
    principal, repo, actor = call.principal, call.repo, call.actor
    if principal.installation is not None:
        granted = [name for name, level in principal.installation.permissions.items() if level == "write"]
        if not set(permissions) & set(granted) or not reaches(call.world, principal.installation, repo):
            raise HttpError(403, NOT_FOR_APPS)
    elif not {"repo", "public_repo"} & set(principal.scopes):
        raise HttpError(403, "Resource not accessible by personal access token")
    elif least is not None and actor is not author and not flags(repo.role_of(actor) or "read")[least]:
        raise HttpError(403, "Must have admin rights to Repository.")
    if repo.archived:
        raise HttpError(403, "Repository was archived so is read-only.")


def reaches(world: World, installation: Installation, repo: Repository) -> bool:
    """Whether an installation covers a repository."""
    return any(covered.id == repo.id for covered in world.installed_repositories(installation))


def kind_of(thread: Thread) -> tuple[str, ...]:
    """The App permissions of which a thread asks for one."""
    return ("issues",) if thread.pull is None else ("issues", "pull_requests")


def text_of(call: Call, resource: str) -> str:
    """The `body` of a comment that is being written."""
    data = call.request.json()
    body = data.get("body") if isinstance(data, dict) else None
    if not isinstance(body, str):
        raise HttpError(422, 'Invalid request.\n\n"body" wasn\'t supplied.')
    if not body.strip():
        raise invalid(resource, "body", "Body can't be blank", "missing_field")
    if len(body) > MAX_BODY:
        raise invalid(resource, "data", "Body is too long (maximum is 65536 characters)", "unprocessable")
    return body


@repo_route("POST", "issues/{number}/comments")
def create_comment(call: Call) -> Reply:
    """Comment on an issue or pull request."""
    thread = call.thread()
    may_write(call, kind_of(thread))
    if thread.locked:
        raise HttpError(403, "Unable to create comment because issue is locked.")
    body = text_of(call, "IssueComment")
    id_ = call.world.comment(call.name, thread.number, call.actor.login, body)
    payload = call.render.comment(call.repo, call.repo.comments[id_])
    return Reply(payload, 201, {"location": payload["url"]})


@repo_route("PATCH", "issues/comments/{number}")
def update_comment(call: Call) -> Reply:
    """Edit a comment."""
    comment = one_comment(call)
    may_write(call, kind_of(call.repo.threads[comment.number]), "push", comment.author)
    call.world.edit_comment(call.name, comment.id, text_of(call, "IssueComment"), call.actor.login)
    return Reply(call.render.comment(call.repo, comment))


@repo_route("DELETE", "issues/comments/{number}")
def remove_comment(call: Call) -> Reply:
    """Delete a comment."""
    comment = one_comment(call)
    may_write(call, kind_of(call.repo.threads[comment.number]), "push", comment.author)
    call.world.delete_comment(call.name, comment.id, call.actor.login)
    return Reply(status=204)


def change_thread(call: Call, thread: Thread, resource: str, permissions: tuple[str, ...]) -> None:
    """Apply the state, title and body of a PATCH."""
    data = call.request.json()
    may_write(call, permissions, "triage", thread.author)
    state, actor = data.get("state"), call.actor.login
    if state not in (None, "open", "closed"):
        raise invalid(resource, "state", f"{state} is not a valid state", "invalid")
    if state == "open":
        _reopen(call, thread)
    if state == "closed":
        call.world.close(call.name, thread.number, actor, data.get("state_reason"))
    if data.get("title"):
        call.world.edit_title(call.name, thread.number, data["title"], actor)
    if "body" in data:
        call.world.edit_body(call.name, thread.number, data["body"])


def _reopen(call: Call, thread: Thread) -> None:
    pull = thread.pull
    if pull is not None and thread.state == "closed":
        if pull.merged_at is not None:
            raise invalid(
                "PullRequest", "state", "state cannot be changed. The pull request is merged.", "invalid"
            )
        if pull.cannot_reopen:
            message = f"state cannot be changed. The {pull.head_ref} branch was force-pushed or recreated."
            raise invalid("PullRequest", "state", message, "invalid")
    call.world.reopen(call.name, thread.number, call.actor.login)


@repo_route("PATCH", "issues/{number}")
def update_issue(call: Call) -> Reply:
    """Close, reopen or reword an issue, or a pull request by its issue side."""
    thread = call.thread()
    change_thread(call, thread, "Issue", kind_of(thread))
    return Reply(call.render.issue(call.repo, thread, single=True))


@repo_route("PATCH", "pulls/{number}")
def update_pull(call: Call) -> Reply:
    """Close, reopen or reword a pull request."""
    thread = call.thread(pull=True)
    change_thread(call, thread, "PullRequest", ("pull_requests",))
    return Reply(call.render.single_pull(call.repo, thread))


@repo_route("POST", "issues/{number}/labels")
def add_labels(call: Call) -> Reply:
    """Add labels; new names become labels of the repository."""
    thread, data = call.thread(), call.request.json()
    names = data.get("labels") if isinstance(data, dict) else data
    may_write(call, kind_of(thread), "triage")
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise HttpError(422, 'Invalid request.\n\n"labels" wasn\'t supplied.')
    for name in names:
        if len(name) > 50:
            raise invalid("Label", "name", "name is too long (maximum is 50 characters)")
        call.world.label(call.name, thread.number, name, call.actor.login)
    return Reply([call.render.label(call.repo, name) for name in thread.labels])


@repo_route("DELETE", "issues/{number}/labels/{name}")
def remove_label(call: Call) -> Reply:
    """Remove one label."""
    thread, name = call.thread(), call.args[1]
    may_write(call, kind_of(thread), "triage")
    if name.lower() not in map(str.lower, thread.labels):
        raise HttpError(404, "Label does not exist")
    call.world.unlabel(call.name, thread.number, name, call.actor.login)
    return Reply([call.render.label(call.repo, name) for name in thread.labels])


@repo_route("POST", "statuses/{name}")
def create_status(call: Call) -> Reply:
    """Set a commit status."""
    may_write(call, ("statuses",), "push")
    sha, data = call.args[0], call.request.json()
    if sha not in call.repo.shas:
        raise HttpError(422, f"No commit found for SHA: {sha}")
    if data.get("state") not in STATUS_STATES:
        raise invalid("Status", "state", f"state must be one of {', '.join(STATUS_STATES)}", "invalid")
    description, context = data.get("description"), data.get("context", "default")
    if description is not None and len(description) > 140:
        raise invalid("Status", "description", "description is too long (maximum is 140 characters)")
    actor, url = call.actor.login, data.get("target_url")
    status = call.world.set_status(call.name, sha, data["state"], context, description, actor, url)
    return Reply(call.render.status(call.repo, sha, status), 201)


@repo_route("GET", "commits/{name}/statuses")
def list_statuses(call: Call) -> Reply:
    """All statuses of a commit, newest first."""
    sha = known_sha(call)
    found = list(reversed(call.repo.statuses.get(sha, [])))
    return paged(call, found, lambda status: call.render.status(call.repo, sha, status))


@repo_route("GET", "commits/{name}/status")
def combined_status(call: Call) -> Reply:
    """The latest status of each context, and what they add up to."""
    sha = known_sha(call)
    latest = {status.context: status for status in call.repo.statuses.get(sha, [])}
    states = {status.state for status in latest.values()}
    state = "failure" if states & {"error", "failure"} else "success" if states == {"success"} else "pending"
    shown = [call.render.status(call.repo, sha, status) for status in latest.values()]
    url = f"{call.render.repo_url(call.repo)}/commits/{sha}"
    repo = call.render.repo(call.repo)
    return Reply(
        {
            "state": state,
            "statuses": shown,
            "sha": sha,
            "total_count": len(shown),
            "repository": repo,
            "commit_url": url,
            "url": f"{url}/status",
        }
    )


def known_sha(call: Call) -> str:
    """The commit that the path names."""
    if call.args[0] not in call.repo.shas:
        raise HttpError(422, f"No commit found for SHA: {call.args[0]}")
    return call.args[0]


def react(call: Call, *, comment_id: int | None = None, number: int = 0) -> Reply:
    """React once; the same emoji again is the old one, with 200."""
    data = call.request.json()
    if data.get("content") not in REACTIONS:
        raise invalid("Reaction", "content", "content is not a reaction", "invalid")
    actor = call.actor.login
    reaction, new = call.world.react(call.name, actor, data["content"], comment_id=comment_id, number=number)
    return Reply(call.render.reaction(reaction), 201 if new else 200)


@repo_route("POST", "issues/comments/{number}/reactions")
def react_to_comment(call: Call) -> Reply:
    """React to a comment."""
    comment = one_comment(call)
    may_write(call, kind_of(call.repo.threads[comment.number]))
    return react(call, comment_id=comment.id)


@repo_route("POST", "issues/{number}/reactions")
def react_to_thread(call: Call) -> Reply:
    """React to an issue or pull request."""
    thread = call.thread()
    may_write(call, kind_of(thread))
    return react(call, number=thread.number)


@repo_route("GET", "issues/comments/{number}/reactions")
def list_comment_reactions(call: Call) -> Reply:
    """The reactions to a comment."""
    return paged(call, one_comment(call).reactions, call.render.reaction)


# ---- accounts, Apps, limits ----------------------------------------------------------------------


@root_route("GET", "/users/{name}")
def get_user(call: Call) -> Reply:
    """Today's owner of a login."""
    account = call.world.find_account(call.args[0])
    if account is None:
        raise not_found()
    return Reply(call.render.full_user(account))


@root_route("GET", "/user/{number}")
def get_user_by_id(call: Call) -> Reply:
    """The account with this id, whatever it is called today."""
    account = call.world.accounts.get(call.number)
    if account is None or account.deleted:
        raise not_found()
    return Reply(call.render.full_user(account))


@root_route("GET", "/user")
def get_own_user(call: Call) -> Reply:
    """The owner of a personal token."""
    if call.principal.installation is not None:
        raise HttpError(403, NOT_FOR_APPS)
    return Reply(call.render.full_user(call.actor))


def app_of(call: Call) -> App:
    """The App that proves itself by its key."""
    if call.principal.app is None or call.principal.installation is not None:
        raise HttpError(401, "A JSON web token could not be decoded")
    return call.principal.app


@root_route("GET", "/app")
def get_app(call: Call) -> Reply:
    """The App itself."""
    app = app_of(call)
    count = sum(installation.app is app for installation in call.world.installations.values())
    created = stamp(app.owner.created_at)
    dates = {"created_at": created, "updated_at": created}
    return Reply((call.render.app(app) or {}) | dates | {"installations_count": count})


@root_route("GET", "/app/installations")
def list_installations(call: Call) -> Reply:
    """Where the App is installed."""
    app = app_of(call)
    found = [installation for installation in call.world.installations.values() if installation.app is app]
    return paged(call, found, call.render.installation)


def one_installation(call: Call) -> Installation:
    """The App's installation that the path names."""
    app, found = app_of(call), call.world.installations.get(call.number)
    if found is None or found.app is not app:
        raise not_found()
    return found


@root_route("GET", "/app/installations/{number}")
def get_installation(call: Call) -> Reply:
    """One installation."""
    return Reply(call.render.installation(one_installation(call)))


@root_route("POST", "/app/installations/{number}/access_tokens")
def create_token(call: Call) -> Reply:
    """An installation token for an hour."""
    installation = one_installation(call)
    if installation.suspended_at is not None:
        raise HttpError(403, "This installation has been suspended")
    token = call.world.issue_token(installation)
    payload = {
        "token": token.value,
        "expires_at": stamp(token.expires_at or call.world.now()),
        "permissions": installation.permissions,
        "repository_selection": selection(installation),
    }
    return Reply(payload, 201)


@root_route("GET", "/installation/repositories")
def list_installed_repositories(call: Call) -> Reply:
    """The repositories that an installation reaches."""
    installation = call.principal.installation
    if installation is None:
        raise HttpError(
            403, "You must authenticate with an installation access token in order to list repositories."
        )
    found = call.world.installed_repositories(installation)
    reply = paged(call, found, call.render.repo, wrap="repositories")
    reply.payload["repository_selection"] = selection(installation)
    return reply


@root_route("GET", "/rate_limit")
def get_rate_limit(call: Call) -> Reply:
    """What is left of the hour; asking costs nothing."""
    core = call.world.quota(call.principal.key)
    graphql = call.world.quota(f"graphql:{call.principal.key}")
    resources = {"core": _quota(core), "graphql": _quota(graphql), "search": _quota(Quota(30))}
    return Reply({"resources": resources, "rate": resources["core"]})


def _quota(quota: Quota) -> JSON:
    reset = int(quota.resets_at.timestamp()) if quota.resets_at is not None else 0
    return {"limit": quota.limit, "used": quota.used, "remaining": quota.remaining, "reset": reset}


@root_route("POST", "/graphql")
def graphql(call: Call) -> Reply:
    """Comments by node id, with their last editor; nothing else is understood."""
    if call.principal.anonymous:
        raise HttpError(401, "Requires authentication")
    data = call.request.json()
    query, variables = str(data.get("query", "")), data.get("variables") or {}
    ids = re.findall(r'"([A-Za-z]+[_A-Za-z0-9=-]{6,})"', query) + _strings(variables)
    errors: list[JSON] = []
    nodes = [_node(call, id_, errors) for id_ in ids]
    if re.search(r"\bnodes\s*\(", query):
        payload: JSON = {"data": {"nodes": nodes}}
    else:
        payload = {"data": {"node": nodes[0] if nodes else None}}
    return Reply(payload | ({"errors": errors} if errors else {}))


def _strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for part in inner for text in _strings(part)]


def _node(call: Call, id_: str, errors: list[JSON]) -> JSON | None:
    found = call.world.find_node(id_)
    if found is not None and readable(call.world, call.principal, found[0]):
        return call.render.node_comment(*found)
    message = f"Could not resolve to a node with the global id of '{id_}'"
    errors.append({"type": "NOT_FOUND", "path": ["node"], "message": message})
    return None


# ---- who asks ------------------------------------------------------------------------------------


def readable(world: World, principal: Principal, repo: Repository) -> bool:
    """Whether the caller may see a repository at all."""
    if not repo.private:
        return True
    if principal.installation is not None:
        return reaches(world, principal.installation, repo)
    return repo.role_of(principal.account) is not None and "repo" in principal.scopes


def authenticate(world: World, token: str | None) -> Principal:
    """The caller behind a credential."""
    if token is None:
        return Principal("anonymous")
    if token.count(".") == 2:
        return _app_principal(world, token)
    known = world.tokens.get(token)
    if known is None or not _valid(world, known):
        raise HttpError(401, "Bad credentials")
    installation = known.installation
    if installation is not None and installation.suspended_at is not None:
        raise HttpError(403, "This installation has been suspended")
    app = installation.app if installation is not None else None
    return Principal(world.quota_key(token), token, known.account, known.scopes, installation, app)


def _valid(world: World, token: Token) -> bool:
    expired = token.expires_at is not None and world.now() >= token.expires_at
    removed = token.installation is not None and token.installation.removed
    return not (token.revoked or expired or removed or token.account.deleted)


def _app_principal(world: World, token: str) -> Principal:
    try:
        claims = jwt.decode(token, options={"verify_signature": False})
        app = _app_called(world, str(claims["iss"]))
    except (jwt.InvalidTokenError, KeyError):
        raise HttpError(401, "A JSON web token could not be decoded") from None
    if app is None:
        raise HttpError(404, "Integration not found")
    off = dict.fromkeys(("verify_exp", "verify_iat", "verify_nbf", "verify_aud", "verify_iss"), False)
    try:
        jwt.decode(token, app.public_key, algorithms=["RS256"], options=off)  # type: ignore[arg-type]
    except jwt.InvalidTokenError:
        raise HttpError(401, "A JSON web token could not be decoded") from None
    _check_claims(claims, world.now().timestamp())
    return Principal(f"app:{app.id}", token, None, (), None, app)


def _app_called(world: World, issuer: str) -> App | None:
    """The App behind an issuer, which is its id or its client id."""
    return next((app for app in world.apps.values() if issuer in (str(app.id), app.client_id)), None)


def _check_claims(claims: JSON, now: float) -> None:
    issued, expires = claims.get("iat"), claims.get("exp")
    if not isinstance(expires, int | float) or expires <= now:
        raise HttpError(
            401,
            "'Expiration time' claim ('exp') must be a numeric value representing "
            "the future time at which the assertion expires",
        )
    if expires > now + 600:
        raise HttpError(401, "'Expiration time' claim ('exp') is too far in the future")
    if not isinstance(issued, int | float) or issued > now + 60:
        raise HttpError(
            401,
            "'Issued at' claim ('iat') must be an Integer representing the time "
            "that the assertion was issued",
        )


# ---- the API -------------------------------------------------------------------------------------


class Api:
    """From request to response, without any socket."""

    def __init__(self, world: World, base: str) -> None:
        self.world = world
        self.render = Render(base)

    def answer(self, request: Request, lag: float = 0.0) -> Response:
        """Serve one request; reads show what was `lag` seconds ago."""
        with self.world.lock:
            key, counted = "anonymous", False
            try:
                principal = self._admit(request)
                key, counted = self._quota_key(request, principal), request.path != "/rate_limit"
                self._check_quota(key, counted)
                self._check_bursts(principal.key, request)
                reply = self._serve(request, principal, lag)
            except HttpError as error:
                reply = error.reply()
            return self._finish(request, reply, key, counted)

    def _admit(self, request: Request) -> Principal:
        if "user-agent" not in request.headers:
            raise HttpError(
                403,
                "Request forbidden by administrative rules. "
                "Please make sure your request has a User-Agent header.",
            )
        version = request.headers.get("x-github-api-version", API_VERSIONS[0])
        if version not in API_VERSIONS:
            raise HttpError(400, f"{version} is not a supported version")
        return authenticate(self.world, request.token)

    @staticmethod
    def _quota_key(request: Request, principal: Principal) -> str:
        return f"graphql:{principal.key}" if request.path == "/graphql" else principal.key

    def _check_quota(self, key: str, counted: bool) -> None:
        if counted and self.world.quota(key).remaining <= 0:
            raise HttpError(403, f"API rate limit exceeded for {key}. {_LIMIT_ADVICE}")

    def _check_bursts(self, key: str, request: Request) -> None:
        limits = self.world.secondary_limits
        if limits is None:
            return
        points = sum(record.points for record in self.world.recent(key, 60)) + cost(request)
        crowded = creates_content(request) and (
            self._written(key, 60) >= limits.content_per_minute
            or self._written(key, 3600) >= limits.content_per_hour
        )
        if points > limits.points_per_minute or crowded:
            raise self.secondary(limits.status, limits.retry_after)

    def _written(self, key: str, seconds: float) -> int:
        return sum(record.content_creating for record in self.world.recent(key, seconds))

    def secondary(self, status: int, retry_after: int | str | None, message: str = "") -> HttpError:
        """The answer to a burst, with or without advice on how long to wait."""
        headers = {}
        if retry_after == "date":
            until = self.world.now().replace(microsecond=0) + timedelta(minutes=1)
            headers["retry-after"] = format_datetime(until, usegmt=True)
        elif retry_after is not None:
            headers["retry-after"] = str(retry_after)
        return HttpError(status, message or SECONDARY_MESSAGE, headers=headers)

    def _serve(self, request: Request, principal: Principal, lag: float) -> Reply:
        call = Call(self.world, self.render, request, principal, base=self.render.base + request.path)
        routes, path = ROOT_ROUTES, request.path
        if request.path.startswith(("/repos/", "/repositories/")):
            routes, path = REPO_ROUTES, self._enter(call, lag)
        handler, call.args = find_handler(routes, "GET" if request.reads else request.method, path)
        if request.reads or routes is ROOT_ROUTES:
            return handler(call)
        with self.world.api_write(principal.app):
            return handler(call)

    def _enter(self, call: Call, lag: float) -> str:
        """Find the repository of a request and return the rest of the path."""
        repo, rest = self._locate(call)
        call.live = call.shown = repo
        if lag and call.request.reads:
            call.shown = repo.as_of(self.world.now() - timedelta(seconds=lag))
        call.base = f"{self.render.base}/repositories/{repo.id}" + (f"/{rest}" if rest else "")
        return rest

    def _locate(self, call: Call) -> tuple[Repository, str]:
        parts = call.request.path.strip("/").split("/")
        if parts[0] == "repositories":
            id_, rest = parts[1], "/".join(parts[2:])
            repo = self.world.repositories.get(int(id_)) if id_.isdecimal() else None
        else:
            name, rest = unquote("/".join(parts[1:3])), "/".join(parts[3:])
            repo = self.world.find_repository(name)
            if repo is None:
                self._redirect(call, self.world.moved_to(name), rest)
        if repo is None or not readable(self.world, call.principal, repo):
            raise not_found()
        return repo, rest

    def _redirect(self, call: Call, moved: Repository | None, rest: str) -> None:
        if moved is None or not readable(self.world, call.principal, moved):
            raise not_found()
        query = f"?{call.request.raw_query}" if call.request.raw_query else ""
        url = f"{self.render.base}/repositories/{moved.id}" + (f"/{rest}" if rest else "") + query
        if call.request.reads:
            raise HttpError(301, "Moved Permanently", headers={"location": url})
        raise HttpError(307, "Temporary Redirect", headers={"location": url})

    def _finish(self, request: Request, reply: Reply, key: str, counted: bool) -> Response:
        body = reply.raw if reply.raw is not None else encode(reply)
        headers = {"content-type": reply.content_type} if body else {}
        headers |= reply.headers
        status = reply.status
        if request.reads and status == 200:
            headers["etag"] = tag = etag(request, body)
            headers["cache-control"] = (
                "private, max-age=60, s-maxage=60" if request.token else "public, max-age=60"
            )
            if matches(request.headers.get("if-none-match", ""), tag):
                status, body, counted = 304, b"", counted and request.token is None
                headers.pop("content-type")
        quota = self.world.quota(key)
        if counted and quota.remaining > 0:
            quota.used += 1
        else:
            counted = False
        return Response(status, body, headers | self._common(request, key), counted)

    def _common(self, request: Request, key: str) -> dict[str, str]:
        quota = self.world.quota(key)
        token = self.world.tokens.get(request.token or "")
        headers = {
            "date": format_datetime(self.world.now().replace(microsecond=0), usegmt=True),
            "server": "github.com",
            "vary": "Accept, Authorization, Cookie, X-GitHub-OTP,Accept-Encoding, Accept, X-Requested-With",
            "x-github-media-type": "github.v3; format=json",
            "x-github-api-version-selected": request.headers.get("x-github-api-version", API_VERSIONS[0]),
            "x-ratelimit-resource": "graphql" if key.startswith("graphql:") else "core",
        }
        headers |= {f"x-ratelimit-{name}": str(value) for name, value in _quota(quota).items()}
        if token is not None and token.installation is None:
            headers["x-oauth-scopes"] = ", ".join(token.scopes)
        return headers

    def key_of(self, request: Request) -> str:
        """Whose quota a request draws on, as far as that can be told."""
        with self.world.lock:
            try:
                return authenticate(self.world, request.token).key
            except HttpError:
                return "anonymous"

    def faulty(self, request: Request, fault: Fault) -> Response:
        """The answer that a fault gives in place of the real one."""
        with self.world.lock:
            key = self.key_of(request)
            error = self._error_of(fault, key)
            response = self._finish(request, error.reply(), key, False)
            if fault.kind == "primary":
                reset = int(self.world.now().timestamp() + fault.seconds)
                response.headers |= {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(reset)}
            return response

    def _error_of(self, fault: Fault, key: str) -> HttpError:
        if fault.kind == "secondary":
            return self.secondary(fault.status or 403, fault.retry_after, fault.message)
        if fault.kind == "primary":
            advice = f"API rate limit exceeded for {key}. {_LIMIT_ADVICE}"
            return HttpError(fault.status or 403, fault.message or advice)
        if fault.kind == "unauthorized":
            return HttpError(401, fault.message or "Bad credentials")
        return HttpError(fault.status or 502, fault.message or "Server Error")


_LIMIT_ADVICE = "If you reach out to GitHub Support for help, please include the request ID and timestamp."


def encode(reply: Reply) -> bytes:
    """The body of an answer; 204 has none."""
    if reply.status == 204:
        return b""
    return json.dumps(reply.payload, separators=(",", ":")).encode()


def etag(request: Request, body: bytes) -> str:
    """The tag of a body at one address for one token and media type."""
    digest = hashlib.sha256(body)
    for part in (request.token or "", request.target, request.headers.get("accept", "")):
        digest.update(b"\0" + part.encode(errors="surrogateescape"))
    return f'W/"{digest.hexdigest()}"'


def matches(if_none_match: str, tag: str) -> bool:
    """Whether one of the client's tags is this one, weakly compared."""
    known = {part.strip().removeprefix("W/") for part in if_none_match.split(",")}
    return tag.removeprefix("W/") in known or "*" in known


def cost(request: Request) -> int:
    """The points of a request towards the limits on bursts."""
    return 1 if request.reads or request.path == "/graphql" else 5


def creates_content(request: Request) -> bool:
    """Whether a request makes something that people are notified of."""
    return request.method == "POST" and request.path.endswith("/comments")


# ---- the server ----------------------------------------------------------------------------------


class SimulatedGitHub:
    """The world behind a port, served from a thread of its own."""

    def __init__(self, world: World, host: str = "127.0.0.1", port: int = 0) -> None:
        self.world = world
        self.errors: list[str] = []
        """Tracebacks of the server itself: a test may assert that there are none."""
        self._host, self._port = host, port
        self._ready = threading.Event()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._failure: OSError | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._api = Api(world, "")

    @property
    def url(self) -> str:
        """The address to give to a client as the API's."""
        return f"http://{self._host}:{self._port}"

    def start(self) -> SimulatedGitHub:
        """Listen, on the same port as before when started again."""
        self._ready.clear()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="github", daemon=True)
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            raise self._failure
        return self

    def stop(self) -> None:
        """Cut all connections and stop listening."""
        if self._thread is None or self._loop is None or self._stopping is None:
            return
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()
        self._thread = None

    def __enter__(self) -> SimulatedGitHub:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    async def _run(self) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        try:
            server = await asyncio.start_server(self._accept, self._host, self._port, backlog=512)
        except OSError as error:
            self._failure = error
            self._ready.set()
            return
        self._port = server.sockets[0].getsockname()[1]
        self._api = Api(self.world, self.url)
        self._ready.set()
        await self._stopping.wait()
        server.close()
        for task in list(self._connections):
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._connections.add(task)
        try:
            await Connection(self, reader, writer).serve()
        except (ConnectionError, h11.RemoteProtocolError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()
            if task is not None:
                self._connections.discard(task)

    @property
    def api(self) -> Api:
        """The API behind the port."""
        return self._api

    async def hold(self, seconds: float) -> None:
        """Let an answer wait, unless the server stops."""
        if self._stopping is not None:
            waiting = asyncio.ensure_future(self._stopping.wait())
            await asyncio.wait([waiting], timeout=seconds)
            waiting.cancel()


@dataclass(slots=True)
class Exchange:
    """One request on its way to an answer."""

    n: int
    request: Request
    fault: Fault | None = None
    lag: float = 0.0
    response: Response | None = None
    applied: bool = False
    cut: bool = False


class Connection:
    """One keep-alive connection."""

    def __init__(
        self, server: SimulatedGitHub, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._server, self._world = server, server.world
        self._reader, self._writer = reader, writer
        self._http = h11.Connection(h11.SERVER)

    async def serve(self) -> None:
        """Answer requests until one side has had enough."""
        while not self._world.faults.offline:
            request = await self._read()
            if request is None or self._world.faults.offline:
                return
            await self._exchange(request)
            if self._http.our_state is not h11.DONE or self._http.their_state is not h11.DONE:
                await self._goodbye()
                return
            self._http.start_next_cycle()

    async def _goodbye(self) -> None:
        self._writer.close()
        await self._writer.wait_closed()

    async def _event(self) -> Any:
        while (event := self._http.next_event()) is h11.NEED_DATA:
            self._http.receive_data(await self._reader.read(65536))
        return event

    async def _read(self) -> Request | None:
        head, body = await self._event(), b""
        if not isinstance(head, h11.Request):
            return None
        if self._http.they_are_waiting_for_100_continue:
            go_on = h11.InformationalResponse(status_code=100, headers=[])
            self._writer.write(self._http.send(go_on) or b"")
        while isinstance(part := await self._event(), h11.Data):
            body += part.data
        url = urlsplit(head.target.decode("latin-1"))
        headers = {name.decode().lower(): value.decode("latin-1") for name, value in head.headers}
        query = dict(parse_qsl(url.query, keep_blank_values=True))
        return Request(head.method.decode(), url.path, query, url.query, headers, body)

    async def _exchange(self, request: Request) -> None:
        exchange = Exchange(self._world.next_request(), request)
        method, path = request.method, request.path
        try:
            self._hook(self._world.before_request, exchange)
            exchange.fault, alongside = self._world.faults.pick(method, request.target)
            self._alongside(exchange, alongside)
            await self._decide(exchange)
            self._hook(self._world.after_apply, exchange)
            self._log(exchange)
            if not exchange.cut:
                await self._send(exchange)
        except ConnectionCutError:
            exchange.cut = True
            self._log(exchange)
        except ConnectionError:
            raise
        except Exception:
            logger.exception("the simulated GitHub failed at %s %s", method, path)
            self._server.errors.append(traceback.format_exc())
            exchange.cut = True
        if exchange.cut or self._world.faults.offline:
            raise ConnectionResetError
        self._hook(self._world.after_response, exchange, loud=False)

    def _hook(
        self, hook: Callable[[str, str, int], None] | None, exchange: Exchange, *, loud: bool = True
    ) -> None:
        if hook is None:
            return
        try:
            hook(exchange.request.method, exchange.request.path, exchange.n)
        except ConnectionCutError:
            if loud:
                raise
            raise ConnectionResetError from None

    @staticmethod
    def _alongside(exchange: Exchange, faults: list[Fault]) -> None:
        for fault in faults:
            if fault.kind == "stale":
                exchange.lag = max(exchange.lag, fault.seconds)
            elif fault.call is not None:
                fault.call(exchange.request.method, exchange.request.path)

    async def _decide(self, exchange: Exchange) -> None:
        fault, api = exchange.fault, self._server.api
        early = fault is not None and fault.when == "before"
        if fault is not None and fault.kind == "hold" and early:
            await self._server.hold(fault.seconds)
            early = False
        if fault is None or not early:
            exchange.response = api.answer(exchange.request, exchange.lag)
            exchange.applied = True
        if fault is not None:
            await self._apply(exchange, fault)

    async def _apply(self, exchange: Exchange, fault: Fault) -> None:
        response = exchange.response
        if fault.kind == "cut":
            exchange.cut = True
        elif fault.kind == "hold":
            if fault.when == "after":
                await self._server.hold(fault.seconds)
        elif response is not None and fault.kind in ("html", "bogus", "truncated"):
            _spoil(response, fault)
        else:
            exchange.response = self._server.api.faulty(exchange.request, fault)

    async def _send(self, exchange: Exchange) -> None:
        response, fault = exchange.response, exchange.fault
        if response is None or self._world.faults.offline:
            return
        headers = [(name, value) for name, value in response.headers.items()]
        headers.append(("x-github-request-id", f"SIM:{exchange.n:08X}"))
        if response.status not in (204, 304):
            headers.append(("content-length", str(len(response.body))))
        body = response.body if exchange.request.method != "HEAD" else b""
        truncated = fault is not None and fault.kind == "truncated"
        if truncated:
            body = body[: len(body) // 2]
        self._put(h11.Response(status_code=response.status, headers=headers))
        if body:
            self._put(h11.Data(data=body))
        if truncated:
            await self._writer.drain()
            await self._goodbye()
            raise ConnectionResetError
        self._put(h11.EndOfMessage())
        await self._writer.drain()

    def _put(self, event: Any) -> None:
        self._writer.write(self._http.send(event) or b"")

    def _log(self, exchange: Exchange) -> None:
        request, response, fault = exchange.request, exchange.response, exchange.fault
        answered = response is not None and not exchange.cut
        body = None
        if request.body:
            try:
                body = json.loads(request.body)
            except ValueError:
                body = request.body
        self._world.log(
            RequestRecord(
                n=exchange.n,
                method=request.method,
                path=request.path,
                query=request.query,
                status=response.status if response is not None and answered else 0,
                counted_against_quota=response is not None and response.counted,
                token=request.token,
                quota_key=self._server.api.key_of(request),
                conditional="if-none-match" in request.headers,
                points=cost(request),
                content_creating=creates_content(request),
                at=self._world.now(),
                monotonic=self._world.monotonic(),
                body=body,
                fault=fault.kind if fault is not None else None,
                applied=exchange.applied,
            )
        )


def _spoil(response: Response, fault: Fault) -> None:
    """Turn a good answer into one that a client must not trust."""
    if fault.kind == "bogus" and fault.change is not None and response.body:
        changed = fault.change(json.loads(response.body))
        response.body = json.dumps(changed, separators=(",", ":")).encode()
        response.headers.pop("etag", None)
    if fault.kind == "html":
        response.status = fault.status or 200
        response.body = b"<!DOCTYPE html><html><body><h1>Unicorn!</h1></body></html>"
        response.headers = {"content-type": "text/html; charset=utf-8", "date": response.headers["date"]}
