"""From items to events: keys, times, and what is news."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from meritocrab.core.events import (
    Account,
    CommentFacts,
    PullRequestFacts,
    ReviewFacts,
    facts_from_json,
    facts_to_json,
)
from meritocrab.core.names import EventKind
from meritocrab.github import feeds
from meritocrab.github.payloads import CommentItem, IssueEventItem, IssueItem, PullItem, ReviewItem

T0 = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
BEFORE, AFTER = T0 - timedelta(seconds=1), T0 + timedelta(seconds=1)
ANN, OWNER = Account(5, "ann"), Account(1, "owner")
REPO = 77

ISSUE = IssueItem(
    id=100,
    number=12,
    is_pull_request=True,
    title="t",
    body="b",
    link="l",
    author=ANN,
    state="open",
    draft=True,
    merged_at=None,
    locked=False,
    comments=0,
    created_at=T0,
    updated_at=T0,
    closed_at=None,
    fingerprint="f",
)
PULL = PullItem(
    id=200,
    number=12,
    repository_id=REPO,
    title="t",
    body="b",
    link="l",
    author=ANN,
    state="closed",
    draft=False,
    locked=False,
    merged_at=T0,
    merged_by=OWNER,
    head_sha="s",
    additions=1,
    deletions=1,
    changed_files=1,
    created_at=T0,
    updated_at=T0,
)
COMMENT = CommentItem(
    id=300,
    node_id="IC",
    number=12,
    on_pull_request=True,
    body="b",
    link="l",
    author=ANN,
    created_at=T0,
    updated_at=AFTER,
    edited=True,
    app_id=None,
)


def happened(identity: int, event: str, seconds: int = 0) -> IssueEventItem:
    return IssueEventItem(identity, event, OWNER, T0 + timedelta(seconds=seconds))


def kinds(*events: IssueEventItem, pull: PullItem | IssueItem = ISSUE) -> list[tuple[EventKind, int | None]]:
    found = feeds.transition_events(REPO, pull, events, BEFORE)
    return [(event.kind, event.github_id) for event in found]


def test_an_opened_pull_request_has_one_key_in_both_listings() -> None:
    event = feeds.opened_event(REPO, ISSUE, BEFORE)
    assert event.key == "77/pull_request_opened/12" == feeds.opened_event(REPO, PULL, BEFORE).key
    assert event.facts == PullRequestFacts("t", "b", "l", draft=True)
    assert (event.number, event.author, event.occurred_at) == (12, ANN, T0)
    assert facts_from_json(event.kind, facts_to_json(event.facts)) == event.facts


def test_an_issue_is_no_pull_request() -> None:
    with pytest.raises(ValueError, match="issue"):
        feeds.opened_event(REPO, replace(ISSUE, is_pull_request=False), BEFORE)


@pytest.mark.parametrize(("baseline", "history"), [(BEFORE, False), (T0, True), (AFTER, True)])
def test_only_what_is_later_than_the_baseline_is_news(baseline: datetime, history: bool) -> None:
    review = ReviewItem(1, "APPROVED", "", "l", ANN, T0)
    merged = feeds.merged_event(REPO, PULL, baseline)
    assert merged is not None
    for event in (
        feeds.opened_event(REPO, ISSUE, baseline),
        feeds.comment_event(REPO, COMMENT, baseline),
        merged,
        *feeds.review_events(REPO, 12, [review], baseline),
        *feeds.transition_events(REPO, ISSUE, [happened(1, "reopened")], baseline),
    ):
        assert event.is_history is history


def test_comments_are_keyed_by_id() -> None:
    event = feeds.comment_event(REPO, COMMENT, BEFORE)
    assert event.key == "77/comment_created/300"
    assert event.facts == CommentFacts("b", "l", "IC", on_pull_request=True, edited=True)


def test_pending_reviews_are_passed_over() -> None:
    reviews = [
        ReviewItem(1, "PENDING", "x", "l", ANN, None),
        ReviewItem(2, "APPROVED", "", "l", OWNER, T0),
        ReviewItem(3, "COMMENTED", "", "l", None, T0),
    ]
    first, second = feeds.review_events(REPO, 12, reviews, BEFORE)
    assert (first.key, first.author, first.number) == ("77/review_submitted/2", OWNER, 12)
    assert first.facts == ReviewFacts("APPROVED", "", "l")
    assert second.author is None


def test_transitions_in_order() -> None:
    found = kinds(
        happened(4, "reopened", 9),
        happened(1, "labeled"),
        happened(2, "ready_for_review", 1),
        happened(3, "closed", 5),
        happened(5, "closed", 12),
    )
    assert found == [
        (EventKind.PULL_REQUEST_READY, 2),
        (EventKind.PULL_REQUEST_CLOSED, 3),
        (EventKind.PULL_REQUEST_REOPENED, 4),
        (EventKind.PULL_REQUEST_CLOSED, 5),
    ]


@pytest.mark.parametrize("order", [("merged", "closed"), ("closed", "merged")])
def test_the_close_of_a_merge_is_none(order: tuple[str, str]) -> None:
    found = kinds(
        happened(1, "closed", 1),
        happened(2, "reopened", 5),
        happened(3, order[0], 5),
        happened(4, order[1], 5),
    )
    assert [kind for kind, _ in found] == [
        EventKind.PULL_REQUEST_CLOSED,
        EventKind.PULL_REQUEST_REOPENED,
        EventKind.PULL_REQUEST_MERGED,
    ]


def test_a_merge_that_the_events_do_not_show_yet() -> None:
    assert kinds(happened(1, "closed"), pull=PULL) == []
    assert kinds(happened(1, "closed"), happened(2, "reopened", 1), pull=PULL)[0][1] == 1


def test_a_merge_has_one_key_wherever_it_is_seen() -> None:
    (by_event,) = feeds.transition_events(REPO, PULL, [happened(9, "merged")], BEFORE)
    by_pull = feeds.merged_event(REPO, PULL, BEFORE)
    by_issue = feeds.merged_event(REPO, replace(ISSUE, merged_at=T0), BEFORE)
    assert by_pull is not None
    assert by_issue is not None
    assert by_event.key == by_pull.key == by_issue.key == "77/pull_request_merged/12"
    assert by_event.occurred_at == by_pull.occurred_at == by_issue.occurred_at
    assert (by_event.author, by_event.actor, by_pull.actor, by_issue.actor) == (ANN, OWNER, OWNER, None)
    assert feeds.merged_event(REPO, ISSUE, BEFORE) is None
