"""Real history for the simulated world: a backup of a repository, replayed as far as a moment.

People who write for tests are tidy; people on GitHub are not. A backup of a real repository (one JSON file
for each issue and pull request, with its timeline) brings deleted accounts, bots, edits years later, locks
and reopenings. The player puts them into a `World` under their own ids and stamps, all at once or step by
step, so that a daemon can be shown the same years in fifty polls. Titles, texts and `author_association` are
as of the backup; state, drafts, merges and `updated_at` are as of the moment played to.

Expected counts are taken from the files alone, so that they can be held against what went through HTTP.
"""

from __future__ import annotations

import json
import tarfile
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path, PurePath
from typing import Any

from meritocrab.demo.objects import (
    Account,
    Comment,
    IssueEvent,
    Pull,
    Repository,
    Review,
    Thread,
    node_id,
)
from meritocrab.demo.world import World

JSON = dict[str, Any]

_NOT_EVENTS = ("commented", "reviewed", "committed")
_QUIET = ("mentioned", "subscribed", "unsubscribed", "referenced", "head_ref_deleted", "head_ref_restored")
_EXTRAS = (
    "label",
    "rename",
    "assignee",
    "lock_reason",
    "milestone",
    "requested_reviewer",
    "review_requester",
    "dismissed_review",
    "commit_id",
    "commit_url",
    "state_reason",
)


@dataclass(frozen=True, slots=True)
class HistoryCounts:
    """How much happened up to a moment."""

    issues: int
    pulls: int
    issue_comments: int
    pull_comments: int
    reviews: int
    merges: int


@dataclass(frozen=True, slots=True)
class Moment:
    """One thing that happened, and how to make it happen again."""

    at: datetime
    apply: Callable[[World, Repository], None]


def load_history(
    world: World, archive: Path, repository: str | None = None, until: datetime | None = None
) -> HistoryPlayer:
    """Play a whole backup, or the part up to `until`, into the world. The world's clock is left alone."""
    player = HistoryPlayer(archive, repository)
    player.advance(world, to=until if until is not None else player.last_at)
    return player


class HistoryPlayer:
    """A backup and how far it has been played into one world.

    `archive` is a `.tar.xz` or a folder with `issues/N.json` and `pulls/N.json`; `repository` is the name to
    give to what it holds, by default its own.
    """

    def __init__(self, archive: Path, repository: str | None = None) -> None:
        self._records = list(_read(archive))
        if not self._records:
            raise ValueError(f"{archive} holds no issues/N.json or pulls/N.json")
        self._origin = next((_origin(record) for record in self._records if record["type"] == "pull"), {})
        self.repository = repository or self._origin.get("full_name") or "history/repository"
        self._moments = sorted(
            (moment for record in self._records for moment in _moments(record)), key=lambda moment: moment.at
        )
        self._played = 0

    @property
    def first_at(self) -> datetime:
        """When the first thing happened."""
        return self._moments[0].at

    @property
    def last_at(self) -> datetime:
        """When the last thing happened."""
        return self._moments[-1].at

    def cuts(self, count: int) -> list[datetime]:
        """Moments that divide the history into `count` parts of equal size; the last one is its end."""
        total = len(self._moments)
        return [self._moments[max(0, part * total // count - 1)].at for part in range(1, count + 1)]

    def advance(self, world: World, *, to: datetime) -> int:
        """Make happen what happened up to and including `to`; returns how many things that were."""
        with world.lock:
            if world.find_repository(self.repository) is None:
                self._create(world)
            until = bisect_right(self._moments, to, key=lambda moment: moment.at)
            due = self._moments[self._played : until]
            if due:
                with world.editing(self.repository) as repository:
                    for moment in due:
                        moment.apply(world, repository)
            self._played = max(self._played, until)
            return len(due)

    def _create(self, world: World) -> None:
        world.add_repository(
            self.repository,
            self._origin.get("id"),
            stars=self._origin.get("stargazers_count") or 0,
            description=self._origin.get("description"),
            default_branch=self._origin.get("default_branch") or "main",
            created_at=self.first_at,
        )

    def expected(self, until: datetime | None = None) -> HistoryCounts:
        """What there must be by `until`, counted from the files alone."""
        limit = until if until is not None else self.last_at
        seen = [record for record in self._records if _time(_object(record)["created_at"]) <= limit]
        pulls = [record for record in seen if record["type"] == "pull"]
        issues = [record for record in seen if record["type"] != "pull"]
        return HistoryCounts(
            issues=len(issues),
            pulls=len(pulls),
            issue_comments=sum(_count(record, "commented", "created_at", limit) for record in issues),
            pull_comments=sum(_count(record, "commented", "created_at", limit) for record in pulls),
            reviews=sum(_count(record, "reviewed", "submitted_at", limit) for record in pulls),
            merges=sum(_time(_object(r)["merged_at"]) <= limit for r in pulls if _object(r).get("merged_at")),
        )


def _read(archive: Path) -> Iterator[JSON]:
    if archive.is_dir():
        for path in sorted(archive.rglob("*.json")):
            if _is_record(path):
                yield json.loads(path.read_bytes())
        return
    with tarfile.open(archive) as tar:
        for member in tar:
            file = tar.extractfile(member) if _is_record(PurePath(member.name)) else None
            if file is not None:
                yield json.loads(file.read())


def _is_record(path: PurePath) -> bool:
    return path.suffix == ".json" and path.parent.name in ("issues", "pulls")


def _object(record: JSON) -> JSON:
    found: JSON = record["pull"] if record["type"] == "pull" else record["issue"]
    return found


def _origin(record: JSON) -> JSON:
    return ((record["pull"].get("base") or {}).get("repo")) or {}


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _count(record: JSON, event: str, stamped: str, limit: datetime) -> int:
    entries = [entry for entry in record["events"] if entry.get("event") == event]
    opened = _object(record)["created_at"]
    return sum(_time(entry.get(stamped) or opened) <= limit for entry in entries)


# ---- from files to moments ------------------------------------------------------------------------


def _moments(record: JSON) -> Iterator[Moment]:
    """What happened in one thread; nothing before it was opened."""
    item, number = _object(record), _object(record)["number"]
    opened = _time(item["created_at"])
    yield Moment(opened, partial(_open, record))
    last = opened
    for entry in record["events"]:
        for moment in _entry_moments(number, entry, opened):
            at = max(moment.at, opened)
            last = max(last, at)
            yield Moment(at, moment.apply)
    yield from _silent_moments(record, opened)
    touched = _time(item.get("updated_at") or item["created_at"])
    if touched > last:
        yield Moment(touched, partial(_touch, number, touched))


def _entry_moments(number: int, entry: JSON, opened: datetime) -> Iterator[Moment]:
    kind = entry.get("event")
    if kind == "commented":
        created = _time(entry["created_at"]) if entry.get("created_at") else opened
        yield Moment(created, partial(_comment, number, entry, created))
        edited = _time(entry["updated_at"]) if entry.get("updated_at") else created
        if edited > created:
            yield Moment(edited, partial(_edit, number, entry["id"], edited))
    elif kind == "reviewed":
        submitted = _time(entry["submitted_at"]) if entry.get("submitted_at") else None
        yield Moment(submitted or opened, partial(_review, number, entry, submitted))
    elif kind not in _NOT_EVENTS and entry.get("id") is not None and entry.get("created_at"):
        at = _time(entry["created_at"])
        yield Moment(at, partial(_event, number, entry, at))


def _silent_moments(record: JSON, opened: datetime) -> Iterator[Moment]:
    """Closings, merges and locks that the timeline does not tell of."""
    item, kinds = _object(record), {entry.get("event") for entry in record["events"]}
    number = item["number"]
    if item.get("merged_at") and "merged" not in kinds:
        at = _time(item["merged_at"])
        yield Moment(at, partial(_merge_now, number, item.get("merged_by"), at))
    if item["state"] == "closed" and item.get("closed_at") and not {"closed", "merged"} & kinds:
        at = _time(item["closed_at"])
        yield Moment(at, partial(_close_now, number, None, at))
    if item.get("locked") and "locked" not in kinds:
        yield Moment(opened, partial(_lock_now, number))


def _starts_as_draft(record: JSON) -> bool:
    for entry in record["events"]:
        if entry.get("event") in ("ready_for_review", "convert_to_draft"):
            return bool(entry["event"] == "ready_for_review")
    return bool(_object(record).get("draft"))


# ---- from moments to the world --------------------------------------------------------------------


def _account(world: World, user: Any) -> Account | None:
    if not isinstance(user, dict) or user.get("id") is None or not user.get("login"):
        return None
    kind, node = user.get("type") or "User", user.get("node_id") or ""
    return world.import_account(user["id"], user["login"], kind, node)


def _open(record: JSON, world: World, repository: Repository) -> None:
    item, at = _object(record), _time(_object(record)["created_at"])
    is_pull = record["type"] == "pull"
    id_ = world.next_id() if is_pull else item["id"]
    thread = Thread(
        id=id_,
        number=item["number"],
        title=item.get("title") or "",
        body=item.get("body"),
        author=_account(world, item.get("user")),
        created_at=at,
        updated_at=at,
        node_id=node_id("I", id_) if is_pull else item.get("node_id") or node_id("I", id_),
        association=item.get("author_association"),
    )
    if is_pull:
        thread.pull = _pull(record, at)
        repository.shas.add(thread.pull.head_sha)
    repository.threads[thread.number] = thread
    repository.next_number = max(repository.next_number, thread.number + 1)


def _pull(record: JSON, at: datetime) -> Pull:
    item = _object(record)
    head, base = item.get("head") or {}, item.get("base") or {}
    return Pull(
        id=item["id"],
        head_sha=head.get("sha") or "0" * 40,
        head_ref=head.get("ref") or "unknown",
        base_ref=base.get("ref") or "main",
        updated_at=at,
        node_id=item.get("node_id") or node_id("PR", item["id"]),
        draft=_starts_as_draft(record),
        totals=(item.get("additions") or 0, item.get("deletions") or 0, item.get("changed_files") or 0),
        commits=item.get("commits") or 1,
    )


def _comment(number: int, entry: JSON, at: datetime, world: World, repository: Repository) -> None:
    comment = Comment(
        id=entry["id"],
        number=number,
        author=_account(world, entry.get("user") or entry.get("actor")),
        body=entry.get("body") or "",
        created_at=at,
        updated_at=at,
        node_id=entry.get("node_id") or node_id("IC", entry["id"]),
        association=entry.get("author_association"),
    )
    world.import_comment(repository, comment)
    repository.threads[number].moved(at)


def _edit(number: int, comment_id: int, at: datetime, world: World, repository: Repository) -> None:
    del world
    comment = repository.comments.get(comment_id)
    if comment is not None:
        comment.updated_at = comment.last_edited_at = at
        comment.editor = comment.author
        repository.threads[number].moved(at)


def _review(number: int, entry: JSON, at: datetime | None, world: World, repository: Repository) -> None:
    thread = repository.threads[number]
    if thread.pull is None:
        return
    review = Review(
        id=entry["id"],
        author=_account(world, entry.get("user")),
        state=(entry.get("state") or "COMMENTED").upper(),
        body=entry.get("body"),
        submitted_at=at,
        commit_id=entry.get("commit_id"),
        node_id=entry.get("node_id") or node_id("PRR", entry["id"]),
        association=entry.get("author_association"),
    )
    thread.pull.reviews.append(review)
    if at is not None:
        thread.moved(at, issue=world.reviews_touch_issue)


def _event(number: int, entry: JSON, at: datetime, world: World, repository: Repository) -> None:
    thread, kind = repository.threads[number], entry["event"]
    actor = _account(world, entry.get("actor"))
    extra = {name: _extra(world, entry[name]) for name in _EXTRAS if entry.get(name) is not None}
    node = entry.get("node_id") or node_id("EV", entry["id"])
    thread.events.append(IssueEvent(entry["id"], kind, actor, at, extra, None, node))
    change = _CHANGES.get(kind)
    if change is not None:
        change(repository, thread, actor, at, extra)
    if kind not in _QUIET:
        thread.moved(at)


def _extra(world: World, value: Any) -> Any:
    return _account(world, value) if isinstance(value, dict) and "login" in value else value


def _touch(number: int, at: datetime, world: World, repository: Repository) -> None:
    del world
    repository.threads[number].moved(at)


def _merge_now(number: int, by: Any, at: datetime, world: World, repository: Repository) -> None:
    _merged(repository, repository.threads[number], _account(world, by), at, {})
    repository.threads[number].moved(at)


def _close_now(number: int, by: Any, at: datetime, world: World, repository: Repository) -> None:
    _closed(repository, repository.threads[number], _account(world, by), at, {})
    repository.threads[number].moved(at)


def _lock_now(number: int, world: World, repository: Repository) -> None:
    del world
    repository.threads[number].locked = True


Change = Callable[[Repository, Thread, Account | None, datetime, JSON], None]


def _closed(_: Repository, thread: Thread, actor: Account | None, at: datetime, extra: JSON) -> None:
    if thread.state == "open" or thread.closed_by is None:
        thread.closed_by = actor
    if thread.state == "open":
        thread.state, thread.closed_at = "closed", at
        thread.state_reason = extra.get("state_reason") or ("completed" if thread.pull is None else None)


def _reopened(_: Repository, thread: Thread, __: Account | None, ___: datetime, ____: JSON) -> None:
    thread.state, thread.closed_at, thread.closed_by = "open", None, None
    thread.state_reason = "reopened" if thread.pull is None else None


def _merged(repository: Repository, thread: Thread, actor: Account | None, at: datetime, extra: JSON) -> None:
    if thread.pull is None:
        return
    thread.pull.merged_at, thread.pull.merged_by = at, actor
    thread.pull.merge_commit_sha = extra.get("commit_id")
    thread.state, thread.closed_at, thread.closed_by = "closed", at, actor
    if thread.author is not None:
        repository.contributors.add(thread.author.id)


def _ready(_: Repository, thread: Thread, __: Account | None, ___: datetime, ____: JSON) -> None:
    if thread.pull is not None:
        thread.pull.draft = False


def _drafted(_: Repository, thread: Thread, __: Account | None, ___: datetime, ____: JSON) -> None:
    if thread.pull is not None:
        thread.pull.draft = True


def _locked(_: Repository, thread: Thread, __: Account | None, ___: datetime, extra: JSON) -> None:
    thread.locked, thread.lock_reason = True, extra.get("lock_reason")


def _unlocked(_: Repository, thread: Thread, __: Account | None, ___: datetime, ____: JSON) -> None:
    thread.locked, thread.lock_reason = False, None


def _labeled(_: Repository, thread: Thread, __: Account | None, ___: datetime, extra: JSON) -> None:
    name = (extra.get("label") or {}).get("name")
    if name and name not in thread.labels:
        thread.labels.append(name)


def _unlabeled(_: Repository, thread: Thread, __: Account | None, ___: datetime, extra: JSON) -> None:
    name = (extra.get("label") or {}).get("name")
    thread.labels = [label for label in thread.labels if label != name]


def _assigned(_: Repository, thread: Thread, __: Account | None, ___: datetime, extra: JSON) -> None:
    if extra.get("assignee") is not None and extra["assignee"] not in thread.assignees:
        thread.assignees.append(extra["assignee"])


def _unassigned(_: Repository, thread: Thread, __: Account | None, ___: datetime, extra: JSON) -> None:
    thread.assignees = [account for account in thread.assignees if account is not extra.get("assignee")]


def _pushed(_: Repository, thread: Thread, __: Account | None, ___: datetime, ____: JSON) -> None:
    if thread.pull is not None and thread.state == "closed":
        thread.pull.cannot_reopen = True


_CHANGES: dict[str, Change] = {
    "closed": _closed,
    "reopened": _reopened,
    "merged": _merged,
    "ready_for_review": _ready,
    "convert_to_draft": _drafted,
    "locked": _locked,
    "unlocked": _unlocked,
    "labeled": _labeled,
    "unlabeled": _unlabeled,
    "assigned": _assigned,
    "unassigned": _unassigned,
    "head_ref_force_pushed": _pushed,
}
