"""Everything said and done on one pull request, as GitHub shows it now: what the relay looks at before it acts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from meritocrab.core.commands import is_command_comment
from meritocrab.core.comments import has_any_marker
from meritocrab.core.events import Account
from meritocrab.github.client import GitHubClient
from meritocrab.github.payloads import CommentItem, IssueEventItem, ReviewItem

BY_HAND = {
    "assigned": "somebody was assigned to it",
    "reopened": "it was reopened by somebody other than its author",
    "milestoned": "it was given a milestone",
    "review_requested": "a review was requested",
}
"""Issue events that only people with a role in the repository can cause on another person's pull request."""


@dataclass(frozen=True, slots=True)
class Thread:
    """One pull request's issue events, comments and reviews, each oldest first."""

    events: tuple[IssueEventItem, ...]
    comments: tuple[CommentItem, ...]
    reviews: tuple[ReviewItem, ...]

    @property
    def last_event_id(self) -> int:
        """The newest issue event's id; 0 when there is none."""
        return max((event.id for event in self.events), default=0)

    def taken_up_by_hand(self, author: Account | None, own_reopener: int | None) -> str:
        """What a human other than the author did with it, in words; empty when nobody did.

        `own_reopener` is our account if it was us who reopened it: with a personal token we and the owner are one.
        """
        for event in self.events:
            actor = event.actor
            if event.event not in BY_HAND or actor is None or actor.is_bot:
                continue
            if event.event == "reopened" and actor.id == own_reopener:
                continue
            if author is None or actor.id != author.id:
                return BY_HAND[event.event]
        return ""

    def speakers(self, author: Account | None, own_id: int) -> Iterator[Account]:
        """The people other than the author who reviewed it or commented on it, each once.

        A comment that is only a `/credit` command, and our own marked ones, say nothing about the pull request.
        """
        seen = {author.id} if author is not None else set()
        for account in (*self._commenters(own_id), *(review.author for review in self.reviews)):
            if account is not None and account.holds_credit and account.id not in seen:
                seen.add(account.id)
                yield account

    def _commenters(self, own_id: int) -> Iterator[Account | None]:
        for comment in self.comments:
            ours = comment.author is not None and comment.author.id == own_id and has_any_marker(comment.body)
            if not ours and not is_command_comment(comment.body):
                yield comment.author


async def fetch_thread(client: GitHubClient, full_name: str, number: int) -> Thread:
    """Read all of it; three requests for a thread of ordinary length."""
    events = await client.fetch_issue_events(full_name, number)
    comments = await client.fetch_thread_comments(full_name, number)
    reviews = await client.fetch_reviews(full_name, number)
    return Thread(events.items, comments.items, reviews.items)
