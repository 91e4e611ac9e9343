"""The state of the simulated GitHub, and what people do to it.

A daemon is judged by what it does on a real day, and a real day is made of people: they open, edit, close,
reopen, merge, rename and vanish. The world holds such a day as plain objects, with one method for each thing
people do, and moves fields, stamps and issue events as GitHub does. It is put together from one class for each
kind of doing; this module joins them, and is the place to import from. `meritocrab.demo.github` serves it over
HTTP.

In short (all methods lock, so any thread may call them; `author`, `actor` are logins, or None for a
vanished account):

* Clock: `World(start)` is frozen at `start`, or follows real time without it. `now()`, `set_time(at)`,
  `advance(seconds=…)`, `follow_real_time(offset)`.
* Accounts: `add_user(login, id=, type=)`, `rename_user`, `delete_user(login, shown="ghost"|"null")`,
  `account(login)`.
* Repositories: `add_repository("owner/name", …)`, `rename_repository`, `transfer_repository`, `archive`,
  `unarchive`, `delete_repository`, `replace_repository`, `set_stars`, `set_role`, `set_file`,
  `set_issues_enabled`, `repository(name)`.
* Threads: `open_issue` and `open_pull` return the number; `comment` and `review` return the id;
  `edit_comment`, `delete_comment`, `dismiss_review`, `close`, `reopen`, `merge`, `ready_for_review`,
  `convert_to_draft`, `push`, `force_push`, `assign`, `unassign`, `request_review`, `label`, `unlabel`,
  `lock_thread`, `unlock_thread`, `edit_title`, `edit_body`, `delete_issue`, `set_status`, `react`.
* Anything else: change the objects inside `with editing(repo) as repository:`; ask nothing over HTTP
  meanwhile, because the server waits for the same lock.
* Looking: `thread(repo, number)`, `comments(repo, number)`, `statuses(repo, sha)`, `public_state(repo)`.
* Access: `add_token`, `revoke_token`, `add_app`, `install`, `add_to_installation`,
  `remove_from_installation`, `suspend`, `unsuspend`, `uninstall`, `set_rate_limit`, `exhaust`,
  `secondary_limits`.
* Reactions of people to the daemon: `on("closed", callback)`; called after a change made through the API,
  never after a direct call. Kinds: opened, edited, commented, comment_edited, comment_deleted, closed,
  reopened, merged, labeled, unlabeled, reviewed, status, reacted; `*` is all.
* The log: `requests`, `writes`, `mark()`, `requests_since(mark, …)`, `count(mark, …)`,
  `peak_points_per_minute()`.
* Failures: `faults` (see `meritocrab.demo.faults`), and the hooks `before_request`, `after_apply`,
  `after_response`, each a function of (method, path, n-th request) that may raise `ConnectionCutError`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from meritocrab.demo.access import Installation, Token
from meritocrab.demo.audience import Change
from meritocrab.demo.comments import Comments
from meritocrab.demo.foundation import FIRST_ID, locked
from meritocrab.demo.objects import (
    GHOST_ID,
    Account,
    App,
    Comment,
    FeedEntry,
    IssueEvent,
    Pull,
    PullFile,
    Reaction,
    Repository,
    Review,
    Status,
    Thread,
    shown_login,
)
from meritocrab.demo.pulls import Pulls
from meritocrab.demo.quotas import Quota, Quotas, SecondaryLimits
from meritocrab.demo.request_log import RequestLog, RequestRecord

__all__ = [
    "FIRST_ID",
    "GHOST_ID",
    "Account",
    "App",
    "Change",
    "Comment",
    "FeedEntry",
    "Installation",
    "IssueEvent",
    "Pull",
    "PullFile",
    "Quota",
    "Reaction",
    "Repository",
    "RequestRecord",
    "Review",
    "SecondaryLimits",
    "Status",
    "Thread",
    "Token",
    "World",
    "shown_login",
]

Hook = Callable[[str, str, int], None]


class World(Comments, Pulls, Quotas, RequestLog):
    """Everything there is: accounts, repositories, tokens, limits, and a log of who asked for what."""

    def __init__(self, start: datetime | None = None) -> None:
        super().__init__(start)
        self.before_request: Hook | None = None
        self.after_apply: Hook | None = None
        self.after_response: Hook | None = None

    @locked
    def public_state(self, repo: str) -> dict[int, dict[str, Any]]:
        """What a visitor sees of each thread, without ids and stamps: for comparing two worlds."""
        repository = self.repository(repo)
        return {number: self._seen(repository, thread) for number, thread in repository.threads.items()}

    def _seen(self, repository: Repository, thread: Thread) -> dict[str, Any]:
        comments = [repository.comments[id_] for id_ in thread.comment_ids]
        reactions = [*thread.reactions, *(r for comment in comments for r in comment.reactions)]
        seen: dict[str, Any] = {
            "kind": "issue" if thread.pull is None else "pull",
            "title": thread.title,
            "state": thread.state,
            "locked": thread.locked,
            "labels": sorted(thread.labels),
            "comments": [(shown_login(c.author), c.body) for c in comments],
            "reactions": sorted((shown_login(r.user) or "", r.content) for r in reactions),
        }
        if thread.pull is not None:
            statuses = repository.statuses.get(thread.pull.head_sha, [])
            seen["merged"] = thread.pull.merged_at is not None
            seen["draft"] = thread.pull.draft
            seen["statuses"] = {status.context: (status.state, status.description) for status in statuses}
        return seen
