"""JSON shapes that others embed: accounts, Apps, repositories, labels and reactions.

The payloads are as wide as the real ones, because a client that was only ever fed the fields it reads has not
been tested on what it will get. Only `Render` in `meritocrab.demo.payloads` is meant for use.
"""

from __future__ import annotations

from collections.abc import Iterable

from meritocrab.demo.access import Installation
from meritocrab.demo.messages import JSON
from meritocrab.demo.objects import GHOST_ID, Account, App, Reaction, Repository, node_id, stamp

WEB = "https://github.com"
REACTIONS = ("+1", "-1", "laugh", "confused", "heart", "hooray", "rocket", "eyes")

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


def selection(installation: Installation) -> str:
    """Whether an installation reaches all repositories or chosen ones."""
    return "all" if installation.repositories is None else "selected"


class BaseRender:
    """Accounts and repositories as GitHub's JSON."""

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
            "permissions": app.permissions,
            "events": [],
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

    def reaction(self, reaction: Reaction) -> JSON:
        """One emoji."""
        return {
            "id": reaction.id,
            "node_id": node_id("REA", reaction.id),
            "user": self.user(reaction.user),
            "content": reaction.content,
            "created_at": stamp(reaction.created_at),
        }
