"""What there is to see on the simulated GitHub: accounts, threads, and the repositories that hold them.

Plain objects without a lock or a clock, so that a repository can be copied as it stood at a moment and so
that history can be loaded into it from files. What people may do to them, and in which order GitHub moves
fields, stamps and events, is for the modules that build the `World`.
"""

from __future__ import annotations

import base64
import copy
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

GHOST_ID = 10137


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


def shown_login(account: Account | None) -> str | None:
    """The login under which somebody's texts appear today."""
    if account is None or account.deleted == "null":
        return None
    return "ghost" if account.deleted else account.login


@dataclass(eq=False, slots=True)
class App:
    """A GitHub App and the bot account it writes as."""

    id: int
    slug: str
    public_key: str
    owner: Account
    bot: Account
    permissions: dict[str, str]

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
