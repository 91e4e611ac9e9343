"""Pull requests as last seen, and what the gate and the relay made of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from meritocrab.core.actions import PullRequestChange
from meritocrab.core.events import Account
from meritocrab.core.names import ActionKind, ActionState, GateOutcome
from meritocrab.core.situation import PullRequest
from meritocrab.store import accounts, statements
from meritocrab.store.models import OutboxRow, PullRequestRow
from meritocrab.store.statements import find_all, find_one

HELD = (GateOutcome.DENIED.value, GateOutcome.BLACKLISTED.value)


@dataclass(frozen=True, slots=True)
class Seen:
    """What a list item or a single read tells about a pull request; None: not told there."""

    number: int
    author: Account | None
    title: str
    state: str
    draft: bool
    merged_at: datetime | None
    created_at: datetime
    updated_at: datetime
    github_id: int | None = None
    fingerprint: str | None = None
    head_sha: str | None = None
    additions: int | None = None
    deletions: int | None = None
    changed_files: int | None = None


def store(repository_id: int, seen: Seen, now: datetime) -> None:
    """Keep what was seen; what was not told stays as it was, and an older view never replaces a newer one."""
    accounts.remember((seen.author,), now)
    known = find_row(repository_id, seen.number)
    if known is not None and seen.updated_at < known.updated_at:
        if seen.fingerprint is not None:
            update(repository_id, seen.number, fingerprint=seen.fingerprint)
        return
    row = known or PullRequestRow(repository_id=repository_id, number=seen.number, created_at=seen.created_at)
    row.author_id = seen.author.id if seen.author else row.author_id
    row.title = "" if accounts.is_forgotten(seen.author) else seen.title
    row.state, row.draft = seen.state, seen.draft
    row.merged_at = seen.merged_at or row.merged_at
    row.updated_at = seen.updated_at
    for name in ("github_id", "fingerprint", "head_sha", "additions", "deletions", "changed_files"):
        value = getattr(seen, name)
        if value is not None:
            setattr(row, name, value)
    row.save(force_insert=known is None)


def find_row(repository_id: int, number: int | None) -> PullRequestRow | None:
    """The row, or None when this pull request was never seen (or the number is an issue's)."""
    return find_one(PullRequestRow, repository_id=repository_id, number=number)


def find(repository_id: int, number: int | None, full_name: str) -> PullRequest | None:
    """The pull request as a value, or None."""
    row = find_row(repository_id, number)
    return to_value(row, full_name) if row is not None else None


def to_value(row: PullRequestRow, full_name: str) -> PullRequest:
    """The value a row stands for."""
    attempted = _attempted(row)
    return PullRequest(
        number=row.number,
        author=accounts.find(row.author_id),
        state=row.state,
        merged=row.merged_at is not None,
        gate=GateOutcome(row.gate) if row.gate else None,
        created_at=row.created_at,
        link=f"{full_name}#{row.number}",
        title=row.title,
        close_attempted=ActionKind.CLOSE in attempted,
        message_attempted=ActionKind.COMMENT in attempted,
        closed_by_us_at=row.closed_by_us_at,
        labelled=row.labelled or ActionKind.LABEL in attempted,
        has_status=row.status_sha is not None or ActionKind.STATUS in attempted,
        touched_by_maintainer=row.touched_by_maintainer,
        withdrawn=row.withdrawn,
    )


def _attempted(row: PullRequestRow) -> set[ActionKind]:
    """The gate's actions that the relay tried, with success or with an outcome yet unknown."""
    states = (ActionState.SCHEDULED.value, ActionState.DELIVERED.value)
    return {
        ActionKind(action.kind)
        for action in find_all(OutboxRow, repository_id=row.repository_id, number=row.number)
        if action.basis in HELD and action.attempted_at is not None and action.state in states
    }


def held_of(repository_id: int, account_id: int, full_name: str) -> tuple[PullRequest, ...]:
    """What the gate denied or shadowed of this person (or would have, had it been open) and no human released."""
    rows = (
        PullRequestRow.select()
        .where(
            (PullRequestRow.repository_id == repository_id)
            & (PullRequestRow.author_id == account_id)
            & PullRequestRow.gate.in_([*HELD, GateOutcome.MOOT.value])
        )
        .order_by(PullRequestRow.number)
    )
    return tuple(to_value(row, full_name) for row in rows)


def change(repository_id: int, wanted: PullRequestChange, now: datetime) -> None:
    """Apply a decided change."""
    values: dict[str, object] = {}
    if wanted.gate is not None:
        values |= {"gate": wanted.gate.value, "gate_at": now}
    if wanted.touched_by_maintainer is not None:
        values["touched_by_maintainer"] = wanted.touched_by_maintainer
    if wanted.withdrawn is not None:
        values["withdrawn"] = wanted.withdrawn
    if values:
        update(repository_id, wanted.number, **values)


def update(repository_id: int, number: int, **values: object) -> None:
    """Set columns of one pull request."""
    statements.update(PullRequestRow, values, repository_id=repository_id, number=number)
