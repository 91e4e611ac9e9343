"""The state of the simulated GitHub, and what people do to it.

A daemon is judged by what it does on a real day, and a real day is made of people: they open, edit, close,
reopen, merge, rename and vanish. This module holds such a day as plain objects, with one method for each
thing people do, and moves fields, stamps and issue events as GitHub does. `meritocrab.demo.github` serves
it over HTTP.

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

import base64
import copy
import functools
import hashlib
import itertools
import threading
import time
from collections import deque
from collections.abc import Callable, Container, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Concatenate, Literal, ParamSpec, TypeVar

from meritocrab.demo.faults import Faults

GHOST_ID = 10137
FIRST_ID = 5_400_000_001
ROLES = ("read", "triage", "write", "maintain", "admin")
ALL_PERMISSIONS = {
    "metadata": "read",
    "contents": "read",
    "issues": "write",
    "pull_requests": "write",
    "statuses": "write",
}

P = ParamSpec("P")
R = TypeVar("R")
Hook = Callable[[str, str, int], None]
ChangedFile = tuple[str, int, int, str | None]


def whole_second(at: datetime) -> datetime:
    """The moment as GitHub stamps it: UTC, without fractions."""
    return at.astimezone(UTC).replace(microsecond=0)


def stamp(at: datetime) -> str:
    """The moment as GitHub writes it."""
    return at.astimezone(UTC).isoformat()[:19] + "Z"


def node_id(prefix: str, number: int) -> str:
    """A global id of the kind that GraphQL takes."""
    return f"{prefix}_{base64.urlsafe_b64encode(number.to_bytes(9, 'big')).decode()}"


@dataclass(eq=False, slots=True)
class Account:
    """A user, bot, organization or mannequin. What it wrote outlives it."""

    id: int
    login: str
    type: str = "User"
    name: str | None = None
    node_id: str = ""
    created_at: datetime = datetime(2015, 1, 1, tzinfo=UTC)
    deleted: Literal["", "ghost", "null"] = ""


@dataclass(eq=False, slots=True)
class App:
    """A GitHub App and the bot account it writes as."""

    id: int
    slug: str
    public_key: str
    owner: Account
    bot: Account

    @property
    def client_id(self) -> str:
        """The other name under which an App may prove itself."""
        return f"Iv1.{self.id:016x}"


@dataclass(eq=False, slots=True)
class Reaction:
    """One emoji by one account."""

    id: int
    user: Account | None
    content: str
    created_at: datetime


@dataclass(eq=False, slots=True)
class Comment:
    """A conversation comment on an issue or a pull request."""

    id: int
    number: int
    author: Account | None
    body: str
    created_at: datetime
    updated_at: datetime
    node_id: str = ""
    association: str | None = None
    app: App | None = None
    editor: Account | None = None
    last_edited_at: datetime | None = None
    reactions: list[Reaction] = field(default_factory=list)


@dataclass(eq=False, slots=True)
class Review:
    """A review of a pull request; a reply to a line comment is one too, COMMENTED and without a body."""

    id: int
    author: Account | None
    state: str
    body: str | None
    submitted_at: datetime | None
    commit_id: str | None
    node_id: str = ""
    association: str | None = None


@dataclass(eq=False, slots=True)
class IssueEvent:
    """A transition in a thread, as `/issues/{n}/events` lists it."""

    id: int
    event: str
    actor: Account | None
    created_at: datetime
    extra: dict[str, Any] = field(default_factory=dict)
    app: App | None = None
    node_id: str = ""


@dataclass(eq=False, slots=True)
class PullFile:
    """One changed file; the patch is None for binaries and for what is too big."""

    filename: str
    additions: int
    deletions: int
    patch: str | None


@dataclass(eq=False, slots=True)
class Pull:
    """What a pull request has beyond an issue."""

    id: int
    head_sha: str
    head_ref: str
    base_ref: str
    updated_at: datetime
    node_id: str = ""
    draft: bool = False
    merged_at: datetime | None = None
    merged_by: Account | None = None
    merge_commit_sha: str | None = None
    files: list[PullFile] = field(default_factory=list)
    totals: tuple[int, int, int] | None = None
    commits: int = 1
    reviews: list[Review] = field(default_factory=list)
    reviewers: list[Account] = field(default_factory=list)
    cannot_reopen: bool = False

    @property
    def changes(self) -> tuple[int, int, int]:
        """Additions, deletions, changed files."""
        if self.totals is not None:
            return self.totals
        files = self.files
        return sum(f.additions for f in files), sum(f.deletions for f in files), len(files)


@dataclass(eq=False, slots=True)
class Thread:
    """An issue, or a pull request with its `pull`."""

    id: int
    number: int
    title: str
    body: str | None
    author: Account | None
    created_at: datetime
    updated_at: datetime
    node_id: str = ""
    pull: Pull | None = None
    state: str = "open"
    state_reason: str | None = None
    closed_at: datetime | None = None
    closed_by: Account | None = None
    labels: list[str] = field(default_factory=list)
    assignees: list[Account] = field(default_factory=list)
    locked: bool = False
    lock_reason: str | None = None
    association: str | None = None
    comment_ids: list[int] = field(default_factory=list)
    events: list[IssueEvent] = field(default_factory=list)
    reactions: list[Reaction] = field(default_factory=list)

    def moved(self, at: datetime, *, issue: bool = True) -> None:
        """Note that something happened; a review alone leaves the issue's own stamp alone."""
        if issue:
            self.updated_at = max(self.updated_at, at)
        if self.pull is not None:
            self.pull.updated_at = max(self.pull.updated_at, at)

    def copy(self) -> Thread:
        """As it stands now, safe from later changes."""
        twin = copy.copy(self)
        twin.labels, twin.assignees = list(self.labels), list(self.assignees)
        twin.comment_ids, twin.events = list(self.comment_ids), list(self.events)
        if self.pull is not None:
            twin.pull = copy.copy(self.pull)
            twin.pull.reviews = [copy.copy(review) for review in self.pull.reviews]
        return twin


@dataclass(eq=False, slots=True)
class Status:
    """One commit status."""

    id: int
    state: str
    context: str
    description: str | None
    target_url: str | None
    creator: Account | None
    created_at: datetime


@dataclass(eq=False, slots=True)
class FeedEntry:
    """One item of the Events API."""

    id: int
    kind: str
    actor: Account | None
    created_at: datetime
    number: int
    action: str
    object_id: int | None


@dataclass(eq=False, slots=True)
class Repository:
    """A repository and all that was said in it."""

    id: int
    owner: Account
    name: str
    created_at: datetime
    private: bool = False
    archived: bool = False
    deleted: bool = False
    has_issues: bool = True
    stars: int = 0
    description: str | None = None
    default_branch: str = "main"
    node_id: str = ""
    next_number: int = 1
    roles: dict[int, str] = field(default_factory=dict)
    hidden_members: set[int] = field(default_factory=set)
    contributors: set[int] = field(default_factory=set)
    files: dict[str, bytes] = field(default_factory=dict)
    threads: dict[int, Thread] = field(default_factory=dict)
    comments: dict[int, Comment] = field(default_factory=dict)
    labels: dict[str, int] = field(default_factory=dict)
    shas: set[str] = field(default_factory=set)
    statuses: dict[str, list[Status]] = field(default_factory=dict)
    gone: set[int] = field(default_factory=set)
    feed: deque[FeedEntry] = field(default_factory=lambda: deque(maxlen=300))
    past: list[tuple[datetime, Repository]] = field(default_factory=list)

    @property
    def full_name(self) -> str:
        """`owner/name`, as of today."""
        return f"{self.owner.login}/{self.name}"

    def role_of(self, account: Account | None) -> str | None:
        """The role somebody holds here, if any."""
        if account is None:
            return None
        if account.id == self.owner.id:
            return "admin"
        return self.roles.get(account.id)

    def association(self, account: Account | None, *, opener: bool = False) -> str:
        """How GitHub labels the author today; hidden members look like anybody else."""
        if account is None:
            return "NONE"
        if account.id == self.owner.id:
            return "OWNER"
        if account.id in self.roles and account.id not in self.hidden_members:
            return "MEMBER" if self.owner.type == "Organization" else "COLLABORATOR"
        if account.id in self.contributors:
            return "CONTRIBUTOR"
        return "FIRST_TIME_CONTRIBUTOR" if opener else "NONE"

    def as_of(self, moment: datetime) -> Repository:
        """The state at an earlier moment, as far as it was kept."""
        return next((before for at, before in self.past if at > moment), self)

    def copy(self) -> Repository:
        """As it stands now, safe from later changes."""
        twin = copy.copy(self)
        twin.threads = {number: thread.copy() for number, thread in self.threads.items()}
        twin.comments = {id_: copy.copy(comment) for id_, comment in self.comments.items()}
        twin.files, twin.roles = dict(self.files), dict(self.roles)
        twin.statuses = {sha: list(found) for sha, found in self.statuses.items()}
        twin.past = []
        return twin


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
    """A personal token, or an installation's for an hour."""

    value: str
    account: Account
    scopes: tuple[str, ...] = ("repo",)
    installation: Installation | None = None
    expires_at: datetime | None = None
    revoked: bool = False


@dataclass(eq=False, slots=True)
class Quota:
    """One hour's allowance of one token or installation."""

    limit: int
    used: int = 0
    resets_at: datetime | None = None

    @property
    def remaining(self) -> int:
        """What is left of the hour."""
        return max(0, self.limit - self.used)

    def roll(self, now: datetime) -> None:
        """Start a new hour when the old one is over."""
        if self.resets_at is None or now >= self.resets_at:
            self.used, self.resets_at = 0, whole_second(now) + timedelta(hours=1)


@dataclass(slots=True)
class SecondaryLimits:
    """GitHub's limits on bursts, per token; `retry_after` is seconds, "date" for an HTTP date, or nothing."""

    points_per_minute: int = 900
    content_per_minute: int = 80
    content_per_hour: int = 500
    status: int = 403
    retry_after: int | Literal["date"] | None = 60


@dataclass(slots=True)
class RequestRecord:
    """One request as the server saw it. Status 0 means that no answer was sent."""

    n: int
    method: str
    path: str
    query: dict[str, str]
    status: int
    counted_against_quota: bool
    token: str | None
    quota_key: str
    conditional: bool
    points: int
    content_creating: bool
    at: datetime
    monotonic: float
    body: Any = None
    fault: str | None = None
    applied: bool = True


@dataclass(frozen=True, slots=True)
class Change:
    """What an API write changed, for scripted people who react to it."""

    kind: str
    repository: str
    number: int
    actor: str | None
    object_id: int | None = None
    text: str = ""


def _locked(method: Callable[Concatenate[World, P], R]) -> Callable[Concatenate[World, P], R]:
    @functools.wraps(method)
    def held(self: World, /, *args: P.args, **kwargs: P.kwargs) -> R:
        with self.lock:
            return method(self, *args, **kwargs)

    return held


class World:
    """Everything there is: accounts, repositories, tokens, limits, and a log of who asked for what."""

    def __init__(self, start: datetime | None = None) -> None:
        self.lock = threading.RLock()
        self.faults = Faults()
        self.accounts: dict[int, Account] = {}
        self.repositories: dict[int, Repository] = {}
        self.apps: dict[int, App] = {}
        self.installations: dict[int, Installation] = {}
        self.tokens: dict[str, Token] = {}
        self.quotas: dict[str, Quota] = {}
        self.requests: list[RequestRecord] = []
        self.reviews_touch_issue = False
        self.rate_limit = 5000
        self.anonymous_rate_limit = 60
        self.installation_token_minutes = 60
        self.secondary_limits: SecondaryLimits | None = None
        self.before_request: Hook | None = None
        self.after_apply: Hook | None = None
        self.after_response: Hook | None = None
        self._frozen = whole_second(start) if start is not None else None
        self._offset = timedelta(0)
        self._last_id = FIRST_ID
        self._serial = itertools.count()
        self._logins: dict[str, Account] = {}
        self._names: dict[str, Repository] = {}
        self._moved: dict[str, int] = {}
        self._nodes: dict[str, tuple[Repository, Comment]] = {}
        self._reactions: list[tuple[str, Callable[[Change], None]]] = []
        self._pending: list[Change] | None = None
        self._app: App | None = None
        self._request_number = 0
        self.ghost = self.add_user("ghost", id=GHOST_ID)

    # ---- clock -----------------------------------------------------------------------------------

    def now(self) -> datetime:
        """GitHub's time, which need not be ours."""
        return self._frozen if self._frozen is not None else datetime.now(UTC) + self._offset

    @_locked
    def set_time(self, at: datetime) -> None:
        """Freeze the clock at a moment."""
        self._frozen = at.astimezone(UTC)

    @_locked
    def advance(
        self, seconds: float = 0, *, minutes: float = 0, hours: float = 0, days: float = 0
    ) -> datetime:
        """Move the clock forward, frozen or running, and return the new time."""
        step = timedelta(seconds=seconds, minutes=minutes, hours=hours, days=days)
        if self._frozen is not None:
            self._frozen += step
        else:
            self._offset += step
        return self.now()

    @_locked
    def follow_real_time(self, offset: timedelta = timedelta(0)) -> None:
        """Let the clock run, this far ahead of the real one."""
        self._frozen, self._offset = None, offset

    def _second(self) -> datetime:
        return whole_second(self.now())

    @_locked
    def next_id(self) -> int:
        """A fresh id; ids grow, with gaps, across all kinds of objects."""
        self._last_id += 1 + self._last_id % 7
        return self._last_id

    def _fresh_number(self, taken: Container[int], base: int) -> int:
        number = base + 37 * next(self._serial)
        return number if number not in taken else self._fresh_number(taken, base)

    # ---- accounts --------------------------------------------------------------------------------

    @_locked
    def add_user(
        self,
        login: str,
        id: int | None = None,  # noqa: A002
        type: str = "User",  # noqa: A002
        name: str | None = None,
    ) -> Account:
        """Create an account; `type` is User, Bot, Organization or Mannequin."""
        if login.lower() in self._logins:
            raise ValueError(f"the login {login} is taken")
        number = id if id is not None else self._fresh_number(self.accounts, 20_000_000)
        if number in self.accounts:
            raise ValueError(f"the account id {number} is taken")
        account = Account(number, login, type, name, node_id("U", number))
        self.accounts[number] = self._logins[login.lower()] = account
        return account

    @_locked
    def ensure_user(self, login: str) -> Account:
        """The account of this login, created when there is none."""
        return self._logins.get(login.lower()) or self.add_user(login)

    @_locked
    def import_account(self, id: int, login: str, type: str = "User", node: str = "") -> Account:  # noqa: A002
        """An account from elsewhere under its own id; a login that is taken stays with its present owner."""
        known = self.accounts.get(id)
        if known is None:
            known = self.accounts[id] = Account(id, login, type, None, node or node_id("U", id))
            self._logins.setdefault(login.lower(), known)
        return known

    @_locked
    def find_account(self, login: str) -> Account | None:
        """Today's owner of a login, if any."""
        return self._logins.get(login.lower())

    @_locked
    def account(self, login: str) -> Account:
        """Today's owner of a login."""
        found = self._logins.get(login.lower())
        if found is None:
            raise KeyError(f"nobody is called {login}")
        return found

    @_locked
    def rename_user(self, login: str, new_login: str) -> None:
        """Give an account another login; the old one is free at once."""
        account = self.account(login)
        if self._logins.get(new_login.lower(), account) is not account:
            raise ValueError(f"the login {new_login} is taken")
        for repository in self.repositories.values():
            if repository.owner is account:
                self._forward(repository, f"{new_login}/{repository.name}")
        del self._logins[login.lower()]
        account.login = new_login
        self._logins[new_login.lower()] = account

    @_locked
    def delete_user(self, login: str, shown: Literal["ghost", "null"] = "ghost") -> None:
        """Delete an account; its texts stay, by `ghost` or by nobody."""
        account = self._logins.pop(login.lower())
        account.deleted = shown

    def _someone(self, login: str | None) -> Account | None:
        return None if login is None else self.ensure_user(login)

    # ---- repositories ----------------------------------------------------------------------------

    @_locked
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

    @_locked
    def find_repository(self, full_name: str) -> Repository | None:
        """The repository that bears this name today, if any."""
        return self._names.get(full_name.lower())

    @_locked
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

    @_locked
    def rename_repository(self, full_name: str, new_name: str) -> None:
        """Rename within the owner; the old name answers with a redirect until somebody takes it."""
        repository = self._edit(full_name)
        self._forward(repository, f"{repository.owner.login}/{new_name}")
        repository.name = new_name

    @_locked
    def transfer_repository(self, full_name: str, new_owner: str) -> None:
        """Move to another owner; the old name answers with a redirect until somebody takes it."""
        repository = self._edit(full_name)
        owner = self.ensure_user(new_owner)
        self._forward(repository, f"{owner.login}/{repository.name}")
        repository.owner = owner

    @_locked
    def archive(self, full_name: str) -> None:
        """Make the repository read-only."""
        self._edit(full_name).archived = True

    @_locked
    def unarchive(self, full_name: str) -> None:
        """Make the repository writable again."""
        self._edit(full_name).archived = False

    @_locked
    def delete_repository(self, full_name: str) -> None:
        """Delete the repository; its name answers 404."""
        repository = self._edit(full_name)
        repository.deleted = True
        del self._names[full_name.lower()]
        del self.repositories[repository.id]

    @_locked
    def replace_repository(self, full_name: str, id: int | None = None) -> Repository:  # noqa: A002
        """Delete the repository and create another one of the same name."""
        old = self.repository(full_name)
        self.delete_repository(full_name)
        return self.add_repository(full_name, id if id is not None else old.id + 77_000_007)

    @_locked
    def set_stars(self, full_name: str, stars: int) -> None:
        """Set the star count, which changes each listing that embeds the repository."""
        self._edit(full_name).stars = stars

    @_locked
    def set_issues_enabled(self, full_name: str, enabled: bool) -> None:
        """Turn the issues of the repository on or off."""
        self._edit(full_name).has_issues = enabled

    @_locked
    def set_private(self, full_name: str, private: bool) -> None:
        """Hide the repository, or show it."""
        self._edit(full_name).private = private

    @_locked
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

    @_locked
    def set_file(self, full_name: str, path: str, content: bytes | str | None) -> None:
        """Put a file on the default branch, or remove it."""
        repository = self._edit(full_name)
        repository.files.pop(path, None)
        if content is not None:
            repository.files[path] = content.encode() if isinstance(content, str) else content

    # ---- threads ---------------------------------------------------------------------------------

    def _new_thread(self, repository: Repository, author: str | None, title: str, body: str | None) -> Thread:
        number, id_, now = repository.next_number, self.next_id(), self._second()
        repository.next_number = number + 1
        thread = Thread(id_, number, title, body, self._someone(author), now, now, node_id("I", id_))
        repository.threads[number] = thread
        return thread

    @_locked
    def open_issue(
        self, repo: str, author: str | None, title: str = "An issue", body: str | None = "It does not work."
    ) -> int:
        """Open an issue and return its number."""
        repository = self._edit(repo)
        thread = self._new_thread(repository, author, title, body)
        self._announce("opened", repository, thread, thread.author)
        return thread.number

    @_locked
    def open_pull(
        self,
        repo: str,
        author: str | None,
        title: str = "A change",
        body: str | None = "It makes things better.",
        *,
        draft: bool = False,
        files: Iterable[ChangedFile] = (("README.md", 1, 0, "@@ -1 +1,2 @@\n title\n+line"),),
        head_sha: str | None = None,
        head_ref: str = "patch-1",
    ) -> int:
        """Open a pull request and return its number; `files` are (name, additions, deletions, patch)."""
        repository = self._edit(repo)
        thread = self._new_thread(repository, author, title, body)
        sha = head_sha or self._fresh_sha(repository, thread.number)
        thread.pull = Pull(
            self.next_id(), sha, head_ref, repository.default_branch, thread.updated_at, draft=draft
        )
        thread.pull.node_id = node_id("PR", thread.pull.id)
        thread.pull.files = [PullFile(*changed) for changed in files]
        repository.shas.add(sha)
        self._announce("opened", repository, thread, thread.author)
        return thread.number

    def _fresh_sha(self, repository: Repository, number: int) -> str:
        text = f"{repository.id}/{number}/{self.next_id()}"
        return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()

    @_locked
    def thread(self, repo: str, number: int) -> Thread:
        """The issue or pull request of this number."""
        found = self.repository(repo).threads.get(number)
        if found is None:
            raise KeyError(f"{repo} has no issue or pull request {number}")
        return found

    def _open_for_edit(self, repo: str, number: int) -> tuple[Repository, Thread]:
        thread = self.thread(repo, number)
        return self._edit(repo), thread

    def _pull_for_edit(self, repo: str, number: int) -> tuple[Repository, Thread, Pull]:
        repository, thread = self._open_for_edit(repo, number)
        if thread.pull is None:
            raise ValueError(f"{repo}#{number} is an issue")
        return repository, thread, thread.pull

    def _event(self, thread: Thread, event: str, actor: Account | None, **extra: Any) -> IssueEvent:
        now, id_ = self._second(), self.next_id()
        happened = IssueEvent(id_, event, actor, now, extra, self._app, node_id("EV", id_))
        thread.events.append(happened)
        thread.moved(now)
        return happened

    @_locked
    def comment(self, repo: str, number: int, author: str | None, body: str) -> int:
        """Comment on an issue or pull request and return the comment's id."""
        repository, thread = self._open_for_edit(repo, number)
        now, id_ = self._second(), self.next_id()
        account = self._someone(author)
        comment = Comment(id_, number, account, body, now, now, node_id("IC", id_), app=self._app)
        self.import_comment(repository, comment)
        thread.moved(now)
        self._announce("commented", repository, thread, account, comment.id, body)
        return id_

    def import_comment(self, repository: Repository, comment: Comment) -> None:
        """File a comment under its thread and its node id; later ids will be greater than its own."""
        self._last_id = max(self._last_id, comment.id)
        repository.comments[comment.id] = comment
        repository.threads[comment.number].comment_ids.append(comment.id)
        self._nodes[comment.node_id] = (repository, comment)

    @_locked
    def comments(self, repo: str, number: int) -> list[Comment]:
        """The comments of a thread in the order they were made."""
        repository = self.repository(repo)
        return [repository.comments[id_] for id_ in self.thread(repo, number).comment_ids]

    def find_node(self, node: str) -> tuple[Repository, Comment] | None:
        """The comment with this global id, if it still exists."""
        return self._nodes.get(node)

    @_locked
    def edit_comment(self, repo: str, comment_id: int, body: str, editor: str | None = None) -> None:
        """Change a comment's text, by its author unless `editor` says otherwise."""
        repository = self._edit(repo)
        comment = repository.comments[comment_id]
        comment.editor = self._someone(editor) if editor is not None else comment.author
        comment.body = body
        comment.updated_at = comment.last_edited_at = self._second()
        thread = repository.threads[comment.number]
        thread.moved(comment.updated_at)
        self._announce("comment_edited", repository, thread, comment.editor, comment_id, body)

    @_locked
    def delete_comment(self, repo: str, comment_id: int, actor: str | None = None) -> None:
        """Delete a comment; only an issue event tells of it."""
        repository = self._edit(repo)
        comment = repository.comments.pop(comment_id)
        self._nodes.pop(comment.node_id, None)
        thread = repository.threads[comment.number]
        thread.comment_ids.remove(comment_id)
        by = self._someone(actor) if actor is not None else comment.author
        self._event(thread, "comment_deleted", by)
        self._announce("comment_deleted", repository, thread, by, comment_id)

    @_locked
    def review(
        self, repo: str, number: int, author: str | None, state: str = "APPROVED", body: str = ""
    ) -> int:
        """Submit a review and return its id; state is APPROVED, CHANGES_REQUESTED, COMMENTED or PENDING."""
        repository, thread, pull = self._pull_for_edit(repo, number)
        now, id_, account = self._second(), self.next_id(), self._someone(author)
        submitted = None if state == "PENDING" else now
        review = Review(id_, account, state, body, submitted, pull.head_sha, node_id("PRR", id_))
        pull.reviews.append(review)
        if submitted is not None:
            thread.moved(now, issue=self.reviews_touch_issue)
            self._announce("reviewed", repository, thread, account, id_, body)
        return id_

    @_locked
    def dismiss_review(
        self, repo: str, number: int, review_id: int, actor: str | None, message: str = ""
    ) -> None:
        """Dismiss a review."""
        _, thread, pull = self._pull_for_edit(repo, number)
        review = next(review for review in pull.reviews if review.id == review_id)
        told = {"state": review.state.lower(), "review_id": review_id, "dismissal_message": message}
        review.state = "DISMISSED"
        self._event(thread, "review_dismissed", self._someone(actor), dismissed_review=told)

    @_locked
    def close(self, repo: str, number: int, actor: str | None, reason: str | None = None) -> None:
        """Close an issue or pull request; closing a closed one does nothing."""
        repository, thread = self._open_for_edit(repo, number)
        if thread.state == "open":
            self._close(repository, thread, self._someone(actor), reason)

    def _close(
        self, repository: Repository, thread: Thread, actor: Account | None, reason: str | None = None
    ) -> None:
        thread.state, thread.closed_at, thread.closed_by = "closed", self._second(), actor
        extra: dict[str, Any] = {}
        if thread.pull is None:
            thread.state_reason = extra["state_reason"] = reason or "completed"
        self._event(thread, "closed", actor, **extra)
        self._announce("closed", repository, thread, actor)

    @_locked
    def reopen(self, repo: str, number: int, actor: str | None) -> None:
        """Reopen; refused for merged pull requests and for those force-pushed while closed."""
        repository, thread = self._open_for_edit(repo, number)
        if thread.state == "open":
            return
        if thread.pull is not None and (thread.pull.merged_at is not None or thread.pull.cannot_reopen):
            raise ValueError(f"{repo}#{number} cannot be reopened")
        account = self._someone(actor)
        thread.state, thread.closed_at, thread.closed_by = "open", None, None
        thread.state_reason = "reopened" if thread.pull is None else None
        self._event(thread, "reopened", account)
        self._announce("reopened", repository, thread, account)

    @_locked
    def merge(self, repo: str, number: int, actor: str | None) -> None:
        """Merge an open pull request, which also closes it."""
        repository, thread, pull = self._pull_for_edit(repo, number)
        if thread.state != "open":
            raise ValueError(f"{repo}#{number} is closed")
        account = self._someone(actor)
        pull.merged_at, pull.merged_by = self._second(), account
        pull.merge_commit_sha = self._fresh_sha(repository, number)
        if thread.author is not None:
            repository.contributors.add(thread.author.id)
        self._event(thread, "merged", account, commit_id=pull.merge_commit_sha)
        self._close(repository, thread, account)
        self._announce("merged", repository, thread, account)

    @_locked
    def ready_for_review(self, repo: str, number: int, actor: str | None = None) -> None:
        """Turn a draft into a pull request proper, by its author unless `actor` says otherwise."""
        _, thread, pull = self._pull_for_edit(repo, number)
        if pull.draft:
            pull.draft = False
            self._event(thread, "ready_for_review", self._actor_or_author(actor, thread))

    @_locked
    def convert_to_draft(self, repo: str, number: int, actor: str | None = None) -> None:
        """Turn a pull request into a draft, by its author unless `actor` says otherwise."""
        _, thread, pull = self._pull_for_edit(repo, number)
        if not pull.draft:
            pull.draft = True
            self._event(thread, "convert_to_draft", self._actor_or_author(actor, thread))

    def _actor_or_author(self, actor: str | None, thread: Thread) -> Account | None:
        return thread.author if actor is None else self._someone(actor)

    @_locked
    def push(
        self, repo: str, number: int, head_sha: str | None = None, files: Iterable[ChangedFile] | None = None
    ) -> str:
        """Add a commit and return the new head; a closed pull request keeps its old one."""
        repository, thread, pull = self._pull_for_edit(repo, number)
        sha = head_sha or self._fresh_sha(repository, number)
        repository.shas.add(sha)
        if thread.state == "open":
            pull.head_sha = sha
            pull.commits += 1
            if files is not None:
                pull.files = [PullFile(*changed) for changed in files]
            thread.moved(self._second())
        return sha

    @_locked
    def force_push(
        self, repo: str, number: int, head_sha: str | None = None, actor: str | None = None
    ) -> str:
        """Rewrite the branch and return the new head; done while closed, it rules out reopening."""
        repository, thread, pull = self._pull_for_edit(repo, number)
        sha = head_sha or self._fresh_sha(repository, number)
        repository.shas.add(sha)
        if thread.state == "open":
            pull.head_sha = sha
        else:
            pull.cannot_reopen = True
        self._event(thread, "head_ref_force_pushed", self._actor_or_author(actor, thread), commit_id=sha)
        return sha

    @_locked
    def assign(self, repo: str, number: int, assignee: str, actor: str | None = None) -> None:
        """Assign somebody, who does so themselves unless `actor` says otherwise."""
        _, thread = self._open_for_edit(repo, number)
        account, by = self.ensure_user(assignee), self.ensure_user(actor or assignee)
        if account not in thread.assignees:
            thread.assignees.append(account)
            self._event(thread, "assigned", by, assignee=account, assigner=by)

    @_locked
    def unassign(self, repo: str, number: int, assignee: str, actor: str | None = None) -> None:
        """Take somebody off a thread."""
        _, thread = self._open_for_edit(repo, number)
        account, by = self.ensure_user(assignee), self.ensure_user(actor or assignee)
        if account in thread.assignees:
            thread.assignees.remove(account)
            self._event(thread, "unassigned", by, assignee=account, assigner=by)

    @_locked
    def request_review(self, repo: str, number: int, reviewer: str, actor: str | None = None) -> None:
        """Ask somebody for a review."""
        _, thread, pull = self._pull_for_edit(repo, number)
        account, by = self.ensure_user(reviewer), self._actor_or_author(actor, thread)
        pull.reviewers.append(account)
        self._event(thread, "review_requested", by, requested_reviewer=account, review_requester=by)

    @_locked
    def label(self, repo: str, number: int, name: str, actor: str | None) -> None:
        """Add a label, creating it in the repository when it is new there."""
        repository, thread = self._open_for_edit(repo, number)
        if name.lower() in (label.lower() for label in thread.labels):
            return
        account = self._someone(actor)
        repository.labels.setdefault(name, self.next_id())
        thread.labels.append(name)
        self._event(thread, "labeled", account, label={"name": name, "color": "ededed"})
        self._announce("labeled", repository, thread, account, text=name)

    @_locked
    def unlabel(self, repo: str, number: int, name: str, actor: str | None) -> None:
        """Remove a label."""
        repository, thread = self._open_for_edit(repo, number)
        kept = [label for label in thread.labels if label.lower() != name.lower()]
        if len(kept) == len(thread.labels):
            raise KeyError(f"{repo}#{number} has no label {name}")
        account = self._someone(actor)
        thread.labels = kept
        self._event(thread, "unlabeled", account, label={"name": name, "color": "ededed"})
        self._announce("unlabeled", repository, thread, account, text=name)

    @_locked
    def lock_thread(self, repo: str, number: int, actor: str | None, reason: str | None = None) -> None:
        """Lock the conversation."""
        _, thread = self._open_for_edit(repo, number)
        thread.locked, thread.lock_reason = True, reason
        self._event(thread, "locked", self._someone(actor), lock_reason=reason)

    @_locked
    def unlock_thread(self, repo: str, number: int, actor: str | None) -> None:
        """Unlock the conversation."""
        _, thread = self._open_for_edit(repo, number)
        thread.locked, thread.lock_reason = False, None
        self._event(thread, "unlocked", self._someone(actor))

    @_locked
    def edit_title(self, repo: str, number: int, title: str, actor: str | None = None) -> None:
        """Change the title, by the author unless `actor` says otherwise."""
        repository, thread = self._open_for_edit(repo, number)
        renamed = {"from": thread.title, "to": title}
        thread.title = title
        account = self._actor_or_author(actor, thread)
        self._event(thread, "renamed", account, rename=renamed)
        self._announce("edited", repository, thread, account, text=title)

    @_locked
    def edit_body(self, repo: str, number: int, body: str | None) -> None:
        """Change the opening text."""
        _, thread = self._open_for_edit(repo, number)
        thread.body = body
        thread.moved(self._second())

    @_locked
    def delete_issue(self, repo: str, number: int) -> None:
        """Delete an issue, which then answers 410."""
        repository, thread = self._open_for_edit(repo, number)
        for id_ in thread.comment_ids:
            self._nodes.pop(repository.comments.pop(id_).node_id, None)
        del repository.threads[number]
        repository.gone.add(number)

    @_locked
    def set_status(
        self,
        repo: str,
        sha: str,
        state: str,
        context: str = "default",
        description: str | None = None,
        creator: str | None = None,
        target_url: str | None = None,
    ) -> Status:
        """Set a commit status."""
        repository = self._edit(repo)
        account = self._someone(creator)
        status = Status(self.next_id(), state, context, description, target_url, account, self._second())
        repository.statuses.setdefault(sha, []).append(status)
        on = next((t for t in repository.threads.values() if t.pull and t.pull.head_sha == sha), None)
        if on is not None:
            self._announce("status", repository, on, account, status.id, state)
        return status

    @_locked
    def react(
        self, repo: str, author: str | None, content: str, *, comment_id: int | None = None, number: int = 0
    ) -> tuple[Reaction, bool]:
        """React to a comment, or to a thread; returns the reaction and whether it is new."""
        repository = self._edit(repo)
        comment = repository.comments[comment_id] if comment_id is not None else None
        thread = self.thread(repo, comment.number if comment is not None else number)
        holder, account = comment or thread, self._someone(author)
        for known in holder.reactions:
            if known.user is account and known.content == content:
                return known, False
        reaction = Reaction(self.next_id(), account, content, self._second())
        holder.reactions = [*holder.reactions, reaction]
        self._announce("reacted", repository, thread, account, comment_id, content)
        return reaction, True

    # ---- looking ---------------------------------------------------------------------------------

    @_locked
    def statuses(self, repo: str, sha: str) -> list[Status]:
        """The statuses of a commit, oldest first."""
        return list(self.repository(repo).statuses.get(sha, []))

    @_locked
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

    # ---- tokens, apps, limits --------------------------------------------------------------------

    @_locked
    def add_token(self, value: str, owner: str, *scopes: str, expires_at: datetime | None = None) -> Token:
        """A personal token of somebody; without scopes it has `repo`."""
        token = Token(value, self.ensure_user(owner), scopes or ("repo",), None, expires_at)
        self.tokens[value] = token
        return token

    @_locked
    def revoke_token(self, value: str) -> None:
        """Make a token answer 401 from now on."""
        self.tokens[value].revoked = True

    @_locked
    def add_app(self, app_id: int, slug: str, public_key_pem: str | bytes, owner: str = "app-owner") -> App:
        """A GitHub App and its bot account `slug[bot]`."""
        key = public_key_pem.decode() if isinstance(public_key_pem, bytes) else public_key_pem
        bot = self.add_user(f"{slug}[bot]", type="Bot")
        app = self.apps[app_id] = App(app_id, slug, key, self.ensure_user(owner), bot)
        return app

    @_locked
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

    @_locked
    def installed_repositories(self, installation: Installation) -> list[Repository]:
        """The repositories an installation reaches today."""
        owned = (r for r in self.repositories.values() if r.owner is installation.account)
        chosen = installation.repositories
        return [r for r in owned if chosen is None or r.id in chosen]

    @_locked
    def add_to_installation(self, installation_id: int, full_name: str) -> None:
        """Let an installation reach one more repository."""
        chosen = self.installations[installation_id].repositories
        if chosen is not None:
            chosen.add(self.repository(full_name).id)

    @_locked
    def remove_from_installation(self, installation_id: int, full_name: str) -> None:
        """Take a repository from an installation, which then reaches named repositories only."""
        installation = self.installations[installation_id]
        reached = {repository.id for repository in self.installed_repositories(installation)}
        installation.repositories = reached - {self.repository(full_name).id}

    @_locked
    def suspend(self, installation_id: int) -> None:
        """Suspend an installation: everything answers 403."""
        self.installations[installation_id].suspended_at = self._second()

    @_locked
    def unsuspend(self, installation_id: int) -> None:
        """Lift the suspension."""
        self.installations[installation_id].suspended_at = None

    @_locked
    def uninstall(self, installation_id: int) -> None:
        """Remove an installation: 404 for new tokens, 401 for old ones."""
        self.installations.pop(installation_id).removed = True

    @_locked
    def issue_token(self, installation: Installation) -> Token:
        """A fresh installation token."""
        installation.tokens_issued += 1
        value = f"ghs_{installation.id:x}x{installation.tokens_issued:08x}"
        expires_at = whole_second(self.now()) + timedelta(minutes=self.installation_token_minutes)
        token = self.tokens[value] = Token(value, installation.app.bot, (), installation, expires_at)
        return token

    def quota_key(self, token: str | None) -> str:
        """Whose quota a token draws on: its user's, its installation's, or that of all without a token."""
        known = self.tokens.get(token) if token is not None else None
        if known is None:
            return "anonymous"
        if known.installation is not None:
            return f"installation:{known.installation.id}"
        return f"user:{known.account.id}"

    @_locked
    def quota(self, key: str) -> Quota:
        """The allowance behind a quota key, rolled on to the present hour."""
        if key not in self.quotas:
            self.quotas[key] = Quota(self.anonymous_rate_limit if key == "anonymous" else self.rate_limit)
        quota = self.quotas[key]
        quota.roll(self.now())
        return quota

    @_locked
    def set_rate_limit(self, limit: int, token: str | None = None) -> None:
        """Change the hourly limit of a token's owner, or of anonymous callers."""
        self.quota(self.quota_key(token)).limit = limit

    @_locked
    def exhaust(self, token: str | None = None, *, leave: int = 0) -> None:
        """Use up what is left of this hour's allowance."""
        quota = self.quota(self.quota_key(token))
        quota.used = quota.limit - leave

    # ---- people who react ------------------------------------------------------------------------

    @_locked
    def on(self, kind: str, callback: Callable[[Change], None]) -> None:
        """Call back after each change of this kind that is made through the API (`*` for every kind)."""
        self._reactions.append((kind, callback))

    def _announce(
        self,
        kind: str,
        repository: Repository,
        thread: Thread,
        actor: Account | None,
        object_id: int | None = None,
        text: str = "",
    ) -> None:
        self._feed(kind, repository, thread, actor, object_id)
        if self._pending is not None:
            login = actor.login if actor is not None else None
            self._pending.append(Change(kind, repository.full_name, thread.number, login, object_id, text))

    def _feed(
        self, kind: str, repository: Repository, thread: Thread, actor: Account | None, object_id: int | None
    ) -> None:
        fed = {
            "commented": ("IssueCommentEvent", "created"),
            "reviewed": ("PullRequestReviewEvent", "created"),
        }
        if kind in ("opened", "closed", "reopened"):
            fed[kind] = ("PullRequestEvent" if thread.pull is not None else "IssuesEvent", kind)
        if kind in fed:
            name, action = fed[kind]
            entry = FeedEntry(self.next_id(), name, actor, self._second(), thread.number, action, object_id)
            repository.feed.append(entry)

    @contextmanager
    def api_write(self, app: App | None) -> Iterator[None]:
        """What happens inside is done through the API, by this App if any; afterwards people may react."""
        with self.lock:
            self._pending, self._app = [], app
            try:
                yield
            finally:
                changes, self._pending, self._app = self._pending, None, None
            for change in changes:
                self._tell(change)

    def _tell(self, change: Change) -> None:
        for kind, callback in list(self._reactions):
            if kind in ("*", change.kind):
                callback(change)

    # ---- the log ---------------------------------------------------------------------------------

    @_locked
    def next_request(self) -> int:
        """Number a request that arrived."""
        self._request_number += 1
        return self._request_number

    @_locked
    def log(self, record: RequestRecord) -> None:
        """Note a request and its answer."""
        self.requests.append(record)

    @property
    def writes(self) -> list[RequestRecord]:
        """The requests that were meant to change a repository, with their monotonic stamps."""
        with self.lock:
            return [r for r in self.requests if r.method != "GET" and r.path.startswith("/repo")]

    def mark(self) -> int:
        """The present end of the log."""
        return len(self.requests)

    @_locked
    def requests_since(
        self,
        mark: int = 0,
        *,
        method: str | None = None,
        path: str = "",
        status: int | None = None,
        counted: bool | None = None,
        token: str | None = None,
    ) -> list[RequestRecord]:
        """The log from a mark on, filtered; `path` is a part of the path."""
        return [
            record
            for record in self.requests[mark:]
            if (method is None or record.method == method)
            and path in record.path
            and (status is None or record.status == status)
            and (counted is None or record.counted_against_quota == counted)
            and (token is None or record.token == token)
        ]

    def count(self, mark: int = 0, **filters: Any) -> int:
        """How many requests `requests_since` finds."""
        return len(self.requests_since(mark, **filters))

    @_locked
    def peak_points_per_minute(self, key: str | None = None, clock: Literal["world", "real"] = "real") -> int:
        """The most secondary-limit points in any 60 seconds, of one quota key or of the busiest."""
        keys = {key} if key is not None else {record.quota_key for record in self.requests}
        return max((self._peak(one, clock) for one in keys), default=0)

    def _peak(self, key: str, clock: str) -> int:
        window: deque[tuple[float, int]] = deque()
        total = peak = 0
        for record in self.requests:
            if record.quota_key != key:
                continue
            at = record.monotonic if clock == "real" else record.at.timestamp()
            window.append((at, record.points))
            total += record.points
            while window[0][0] <= at - 60:
                total -= window.popleft()[1]
            peak = max(peak, total)
        return peak

    @_locked
    def recent(self, key: str, seconds: float) -> list[RequestRecord]:
        """The requests of one quota key in the last seconds of GitHub's time."""
        horizon, found = self.now() - timedelta(seconds=seconds), []
        for record in reversed(self.requests):
            if record.at <= horizon:
                break
            if record.quota_key == key:
                found.append(record)
        return found

    @staticmethod
    def monotonic() -> float:
        """The clock of the log's `monotonic` stamps."""
        return time.monotonic()


def shown_login(account: Account | None) -> str | None:
    """The login under which somebody's texts appear today."""
    if account is None or account.deleted == "null":
        return None
    return "ghost" if account.deleted else account.login
