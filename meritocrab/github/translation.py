"""From what GitHub shows to what happened: frozen items become events of the core, keyed by GitHub's ids.

The same fact is often seen twice and in different listings (a merge in the issues list, in the pull request
and among its issue events). Its key is made of what all of them know, so that filing it again is harmless.

A fact is news only when its own time is later than the repository's baseline; all else is history.

Source: "Issue event types" of GitHub's documentation.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Protocol

from meritocrab.core.events import (
    Account,
    CommentFacts,
    Event,
    PullRequestFacts,
    ReviewFacts,
    TransitionFacts,
    event_key,
)
from meritocrab.core.names import EventKind
from meritocrab.github.payloads import CommentItem, IssueEventItem, IssueItem, PullItem, ReviewItem


class PullLike(Protocol):
    """What must be known of a pull request to tell its transitions."""

    @property
    def number(self) -> int: ...
    @property
    def author(self) -> Account | None: ...
    @property
    def link(self) -> str: ...
    @property
    def merged_at(self) -> datetime | None: ...


_TRANSITIONS = {
    "ready_for_review": EventKind.PULL_REQUEST_READY,
    "reopened": EventKind.PULL_REQUEST_REOPENED,
    "closed": EventKind.PULL_REQUEST_CLOSED,
}


def opened_event(repository_id: int, item: IssueItem | PullItem, baseline: datetime) -> Event:
    """A pull request was opened. Keyed by its number: the two listings know it under different ids.

    Raises:
        ValueError: the item is an issue.
    """
    if isinstance(item, IssueItem) and not item.is_pull_request:
        raise ValueError(f"#{item.number} is an issue, not a pull request")
    kind = EventKind.PULL_REQUEST_OPENED
    return Event(
        key=event_key(repository_id, kind, item.number),
        repository_id=repository_id,
        kind=kind,
        occurred_at=item.created_at,
        facts=PullRequestFacts(item.title, item.body, item.link, item.draft),
        number=item.number,
        github_id=item.id,
        author=item.author,
        actor=item.author,
        is_history=item.created_at <= baseline,
    )


def comment_event(repository_id: int, item: CommentItem, baseline: datetime) -> Event:
    """A conversation comment was written; an edit of it is not another event."""
    kind = EventKind.COMMENT_CREATED
    return Event(
        key=event_key(repository_id, kind, item.id),
        repository_id=repository_id,
        kind=kind,
        occurred_at=item.created_at,
        facts=CommentFacts(item.body, item.link, item.node_id, item.on_pull_request, item.edited),
        number=item.number,
        github_id=item.id,
        author=item.author,
        actor=item.author,
        is_history=item.created_at <= baseline,
    )


def review_events(
    repository_id: int, number: int, reviews: Iterable[ReviewItem], baseline: datetime
) -> tuple[Event, ...]:
    """The submitted reviews of one pull request; pending ones are nobody's business yet."""
    kind = EventKind.REVIEW_SUBMITTED
    return tuple(
        Event(
            key=event_key(repository_id, kind, review.id),
            repository_id=repository_id,
            kind=kind,
            occurred_at=review.submitted_at,
            facts=ReviewFacts(review.state, review.body, review.link),
            number=number,
            github_id=review.id,
            author=review.author,
            actor=review.author,
            is_history=review.submitted_at <= baseline,
        )
        for review in reviews
        if review.state != "PENDING" and review.submitted_at is not None
    )


def transition_events(
    repository_id: int, pull: PullLike, events: Sequence[IssueEventItem], baseline: datetime
) -> tuple[Event, ...]:
    """What happened to a pull request, in order: ready for review, closed, reopened, merged.

    GitHub files a `closed` beside each `merged`; that one is no closing of its own. A merged pull request
    cannot be reopened, so it is the last `closed`, whichever of the two comes first in the list.
    """
    ordered = sorted(events, key=lambda item: (item.created_at, item.id))
    merged = pull.merged_at is not None or any(item.event == "merged" for item in ordered)
    by_merge = _last_close(ordered) if merged else None
    found: list[Event] = []
    for item in ordered:
        if item.event == "merged":
            found.append(_merged(repository_id, pull, item.created_at, item.actor, item.id, baseline))
        elif item.event in _TRANSITIONS and item is not by_merge:
            found.append(_transition(repository_id, pull, item, baseline))
    return tuple(found)


def merged_event(repository_id: int, pull: PullItem | IssueItem, baseline: datetime) -> Event | None:
    """A pull request was merged, or None if it was not. The key is that of the merge among its issue events.

    Only the single pull request names who merged it; from a listing the actor is None. Without its issue event the
    merge goes by the item's id.
    """
    if pull.merged_at is None:
        return None
    actor = pull.merged_by if isinstance(pull, PullItem) else None
    return _merged(repository_id, pull, pull.merged_at, actor, pull.id, baseline)


def _last_close(ordered: Sequence[IssueEventItem]) -> IssueEventItem | None:
    """The last `closed`, unless the pull request was reopened after it."""
    for item in reversed(ordered):
        if item.event == "reopened":
            return None
        if item.event == "closed":
            return item
    return None


def _transition(repository_id: int, pull: PullLike, item: IssueEventItem, baseline: datetime) -> Event:
    kind = _TRANSITIONS[item.event]
    return Event(
        key=event_key(repository_id, kind, item.id),
        repository_id=repository_id,
        kind=kind,
        occurred_at=item.created_at,
        facts=TransitionFacts(pull.link),
        number=pull.number,
        github_id=item.id,
        author=pull.author,
        actor=item.actor,
        is_history=item.created_at <= baseline,
    )


def _merged(
    repository_id: int,
    pull: PullLike,
    at: datetime,
    actor: Account | None,
    github_id: int,
    baseline: datetime,
) -> Event:
    kind = EventKind.PULL_REQUEST_MERGED
    return Event(
        key=event_key(repository_id, kind, pull.number),
        repository_id=repository_id,
        kind=kind,
        occurred_at=at,
        facts=TransitionFacts(pull.link),
        number=pull.number,
        github_id=github_id,
        author=pull.author,
        actor=actor,
        is_history=at <= baseline,
    )
