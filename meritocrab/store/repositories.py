"""Repositories and how far each was read: poll state, feeds, and the pending reads of single pull requests."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from datetime import datetime

from peewee import fn

from meritocrab.core.brake import reason as brake_reason
from meritocrab.core.names import RepositoryState
from meritocrab.store import notifications, settings
from meritocrab.store.models import Feed, Read, Repository
from meritocrab.store.statements import find_one

log = logging.getLogger("meritocrab.repositories")

READ_KINDS = ("pull", "reviews", "issue_events")


def watch(full_name: str, access: str, now: datetime, github_id: int | None = None) -> Repository:
    """The row of a repository, made on first sight; by GitHub's id where known, so that renames keep the row."""
    row = find(full_name) if github_id is None else find_by_id(github_id) or _bearing(full_name)
    if row is None:
        return Repository.create(
            github_id=github_id,
            full_name=full_name,
            name_key=full_name.lower(),
            access=access,
            next_poll_at=now,
            state_since_at=now,
        )
    if not row.watched or row.access != access:
        row.watched, row.access, row.next_poll_at = True, access, now
        row.save()
    if github_id is not None and row.github_id == github_id:
        rename(row, full_name)
    return row


def watch_only(row_ids: Iterable[int]) -> None:
    """Stop watching all others; rows and history stay."""
    Repository.update(watched=False).where(Repository.id.not_in([0, *row_ids])).execute()


def rename(row: Repository, full_name: str) -> None:
    """Follow a renamed repository; whoever stood under the new name before is not it any more."""
    if row.full_name == full_name:
        return
    squatter = _bearing(full_name)
    if squatter is not None and squatter.id != row.id:
        _give_up_name(squatter)
    if row.name_key != full_name.lower():
        _remember_name(row)
    row.full_name, row.name_key = full_name, full_name.lower()
    row.save()


def merge(row: Repository, known: Repository) -> None:
    """Two names were configured that mean one repository: the row that is new gives its name to the other."""
    settings.put(_alias(row.name_key), str(known.id))
    settings.put(_former(known.id), json.dumps([row.full_name, *former_names(known.id)]))
    _give_up_name(row)


def _give_up_name(row: Repository) -> None:
    row.name_key = f"{row.name_key}?{row.id}"
    row.watched = False
    row.save()


def _remember_name(row: Repository) -> None:
    """The configuration may go on using the name that a repository had when it was written."""
    settings.put(_alias(row.name_key), str(row.id))
    settings.put(_former(row.id), json.dumps([row.full_name, *former_names(row.id)]))


def former_names(row_id: int) -> tuple[str, ...]:
    """The names that a repository had before, last one first."""
    return tuple(json.loads(settings.get(_former(row_id)) or "[]"))


def _alias(name_key: str) -> str:
    return f"repository_named:{name_key}"


def _former(row_id: int) -> str:
    return f"former_names:{row_id}"


def forget_unseen(row_id: int) -> None:
    """Drop a repository that nobody watches and GitHub never answered for: most likely a typing error."""
    Repository.delete().where(
        (Repository.id == row_id) & ~Repository.watched & Repository.github_id.is_null()
    ).execute()


def find(full_name: str) -> Repository | None:
    """By name, in any case; by a former name while no other watched repository bears it."""
    found = _bearing(full_name)
    if found is None and (row_id := settings.get(_alias(full_name.lower()))) is not None:
        found = find_one(Repository, id=int(row_id))
    return found


def _bearing(full_name: str) -> Repository | None:
    return find_one(Repository, name_key=full_name.lower())


def find_by_id(github_id: int | None) -> Repository | None:
    """By GitHub's id."""
    return find_one(Repository, github_id=github_id)


def get(row_id: int) -> Repository:
    """By our own row id.

    Raises:
        Repository.DoesNotExist: there is no such row.
    """
    return Repository.get_by_id(row_id)


def due(now: datetime, limit: int) -> list[Repository]:
    """Watched repositories whose poll is due, longest overdue first.

    A last poll that lies ahead of us was stamped by a clock that has been set back since: it bars nothing.
    """
    return list(
        Repository.select()
        .where(
            Repository.watched
            & ~Repository.paused
            & (
                Repository.next_poll_at.is_null()
                | (Repository.next_poll_at <= now)
                | (Repository.last_poll_at > now)
            )
        )
        .order_by(Repository.next_poll_at)
        .limit(limit)
    )


def next_due_at() -> datetime | None:
    """When the next poll is due."""
    value = (
        Repository.select(Repository.next_poll_at)
        .where(Repository.watched & ~Repository.paused)
        .order_by(Repository.next_poll_at)
        .first()
    )
    return value.next_poll_at if value else None


def bring_forward(latest: datetime) -> None:
    """Let no repository that answers wait longer than until then; what failed keeps its own pace."""
    Repository.update(next_poll_at=latest).where(
        Repository.watched & (Repository.next_poll_at > latest) & (Repository.errors_in_row == 0)
    ).execute()


def watched_count(access: str) -> int:
    """How many repositories share a credential."""
    query = Repository.select(fn.COUNT(Repository.id)).where(
        Repository.watched & (Repository.access == access)
    )
    return int(query.scalar())


def set_state(row_id: int, state: RepositoryState, detail: str, now: datetime) -> bool:
    """Name how the repository stands, and log it if that changed; returns whether it did."""
    row = Repository.get_by_id(row_id)
    changed = bool(row.state != state.value)
    if changed:
        notifications.repository_stands(row, row.state, state.value, now)
        row.state_since_at = now
        log.info("%s: %s -> %s%s", row.full_name, row.state, state.value, f" ({detail})" if detail else "")
    row.state, row.detail = state.value, detail
    row.save()
    return changed


def brake(row: Repository, limit: int, now: datetime) -> None:
    """The breaker falls after `limit` closes: the repository is at `observe` until somebody releases it."""
    reason = brake_reason(limit)
    update(row.id, braked_at=now, brake_reason=reason)
    notifications.breaker_fell(row, limit, now)
    log.warning(
        "%s: %s; it observes until `meritocrab repo release %s`", row.full_name, reason, row.full_name
    )


def release(row_id: int, now: datetime) -> None:
    """The breaker is set again: closes from before do not count any more."""
    update(row_id, braked_at=None, brake_reason="", brake_released_at=now)


def update(row_id: int, **values: object) -> None:
    """Set columns of one repository."""
    Repository.update(**values).where(Repository.id == row_id).execute()


def feed(repository_id: int, name: str) -> Feed:
    """How far a feed was read; one that was never read starts at the beginning."""
    row = find_one(Feed, repository_id=repository_id, name=name)
    return row or Feed(repository_id=repository_id, name=name)


def save_feed(
    repository_id: int,
    name: str,
    *,
    cursor_at: datetime | None,
    finished: bool,
    etag: str | None,
    etag_token: str | None,
) -> None:
    """Advance a feed, in the transaction that files what was read."""
    values = {"cursor_at": cursor_at, "finished": finished, "etag": etag, "etag_token": etag_token}
    Feed.insert(repository_id=repository_id, name=name, **values).on_conflict(
        conflict_target=[Feed.repository_id, Feed.name], update=values
    ).execute()


def want_reads(
    repository_id: int, number: int, kinds: Iterable[str], *, wanted_at: datetime, source: str, now: datetime
) -> None:
    """Ask for reads of one pull request; an open request is renewed, not doubled."""
    for kind in kinds:
        renewed = {"wanted_at": wanted_at, "next_attempt_at": now, "attempts": 0}
        Read.insert(
            repository_id=repository_id,
            number=number,
            kind=kind,
            source=source,
            wanted_at=wanted_at,
            next_attempt_at=now,
        ).on_conflict(
            conflict_target=[Read.repository_id, Read.number, Read.kind, Read.source], update=renewed
        ).execute()


def due_reads(repository_id: int, source: str, now: datetime, limit: int) -> list[Read]:
    """Reads whose time has come, oldest first."""
    return list(
        Read.select()
        .where(
            (Read.repository_id == repository_id) & (Read.source == source) & (Read.next_attempt_at <= now)
        )
        .order_by(Read.id)
        .limit(limit)
    )


def next_read_at(repository_id: int, source: str) -> datetime | None:
    """When the next read of this repository is due."""
    row = (
        Read.select(Read.next_attempt_at)
        .where((Read.repository_id == repository_id) & (Read.source == source))
        .order_by(Read.next_attempt_at)
        .first()
    )
    return row.next_attempt_at if row else None


def read_done(read: Read) -> None:
    """The read's answer is filed; a newer wish that came meanwhile stays."""
    Read.delete().where((Read.id == read.id) & (Read.wanted_at <= read.wanted_at)).execute()


def read_failed(read: Read, *, until: datetime, error: str) -> None:
    """Try this read again later; the others go on."""
    Read.update(next_attempt_at=until, attempts=Read.attempts + 1, last_error=error).where(
        Read.id == read.id
    ).execute()


def hurry_reads(repository_id: int, source: str, now: datetime) -> None:
    """Make failed reads due at once: somebody asks for them."""
    Read.update(next_attempt_at=now).where(
        (Read.repository_id == repository_id) & (Read.source == source)
    ).execute()


def pending_reads(repository_id: int, source: str) -> int:
    """How many reads are outstanding."""
    query = Read.select(fn.COUNT(Read.id)).where(
        (Read.repository_id == repository_id) & (Read.source == source)
    )
    return int(query.scalar())
