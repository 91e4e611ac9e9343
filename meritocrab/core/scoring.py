"""What a contribution is asked and what it earns: evaluations requested, merges and reviews credited."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from meritocrab.core.actions import CreditEvent, Decision, EvaluationRequest, note
from meritocrab.core.evaluation import excerpt, text_digest
from meritocrab.core.events import CommentFacts, Event, PullRequestFacts, ReviewFacts
from meritocrab.core.names import (
    Classification,
    CreditReason,
    EvaluationState,
    GateOutcome,
)
from meritocrab.core.permissions import is_exempt, is_privileged
from meritocrab.core.policy import Policy, ScoreTable
from meritocrab.core.situation import Contributor, EvaluationView, PullRequest, Situation

PULL_REQUEST = "pull_request"
COMMENT = "comment"

SETTLED = frozenset({EvaluationState.AUTO_APPLIED, EvaluationState.APPROVED, EvaluationState.OVERRIDDEN})
WAITING = frozenset({EvaluationState.PENDING, EvaluationState.FOLDED})
OPEN = frozenset(
    {
        EvaluationState.DEFERRED,
        EvaluationState.QUEUED,
        EvaluationState.RUNNING,
        EvaluationState.FAILED,
        EvaluationState.JUDGED,
    }
)


def can_move(person: Contributor | None, policy: Policy) -> bool:
    """Whether this person's credit moves at all: no bots, no ghosts, nobody privileged, exempt or forgotten."""
    return (
        person is not None
        and person.account.holds_credit
        and not person.account.is_forgotten
        and not is_privileged(person.role, policy)
        and not is_exempt(person.account, policy)
    )


def can_earn(person: Contributor | None, policy: Policy) -> bool:
    """Like `can_move`, and not blacklisted: blacklisted people earn nothing."""
    return person is not None and can_move(person, policy) and not person.blacklisted


def deltas_of(table: ScoreTable) -> Mapping[Classification, int]:
    """A policy table as numbers per class."""
    return {name: table.for_class(name) for name in Classification}


def evaluate_pull_request(
    event: Event, facts: PullRequestFacts, outcome: GateOutcome | None, situation: Situation, policy: Policy
) -> Decision:
    """The question about an opened pull request; `outcome` None stands for history."""
    author = situation.author
    if author is None:
        return Decision()
    if outcome is GateOutcome.BOT:
        request = _request(event, PULL_REQUEST, facts.title, facts.body, facts.link, policy, situation)
        return _with(request, EvaluationState.PENDING, "bot")
    asked = {None, GateOutcome.DENIED, GateOutcome.ADMITTED, GateOutcome.NOT_GATED}
    if outcome not in asked or not can_earn(author, policy):
        return Decision()
    request = _request(event, PULL_REQUEST, facts.title, facts.body, facts.link, policy, situation)
    withdrawn = situation.pull_request is not None and situation.pull_request.withdrawn
    return _ask(event, request, spam_only=withdrawn or outcome is GateOutcome.DENIED, situation=situation)


def evaluate_comment(
    event: Event, facts: CommentFacts, *, is_command: bool, situation: Situation, policy: Policy
) -> Decision:
    """The question about a comment on a pull request; own threads and commands count only as spam."""
    if not facts.on_pull_request or not facts.body.strip() or not can_earn(situation.author, policy):
        return Decision()
    pull_request = situation.pull_request
    title = pull_request.title if pull_request else ""
    request = _request(event, COMMENT, title, facts.body, facts.link, policy, situation)
    own = pull_request is not None and pull_request.author is not None and pull_request.author == event.author
    return _ask(event, request, spam_only=own or is_command, situation=situation)


def _request(
    event: Event, subject: str, title: str, text: str, link: str, policy: Policy, situation: Situation
) -> EvaluationRequest:
    assert situation.author is not None  # noqa: S101 - the callers checked
    table = policy.pr_opened if subject == PULL_REQUEST else policy.comment
    digested = text_digest(title, text) if subject == PULL_REQUEST else text_digest("", text)
    return EvaluationRequest(
        key=f"{event.key}/evaluation",
        account_id=situation.author.account.id,
        number=event.number or 0,
        subject=subject,
        state=EvaluationState.QUEUED,
        title=title,
        text=excerpt(text),
        link=link,
        digest=digested,
        deltas=deltas_of(table),
        policy=policy.fingerprint(),
    )


def _ask(event: Event, request: EvaluationRequest, *, spam_only: bool, situation: Situation) -> Decision:
    if situation.repeated_text:
        return _with(request, EvaluationState.VOIDED, "repeated_text")
    state = EvaluationState.DEFERRED if event.is_history else EvaluationState.QUEUED
    return _with(request, state, "", spam_only=spam_only)


def _with(
    request: EvaluationRequest, state: EvaluationState, reason: str, *, spam_only: bool = False
) -> Decision:
    return Decision(evaluations=(replace(request, state=state, reason=reason, spam_only=spam_only),))


def credit_merge(event: Event, situation: Situation, policy: Policy) -> Decision:
    """The merge bonus of the pull request's author, once per pull request."""
    author = situation.author
    if author is None or not can_earn(author, policy):
        return note("merged: its author neither earns nor loses")
    judged = _class_of(situation.pull_request_evaluations)
    delta = policy.pr_merged.high if judged is Classification.HIGH else policy.pr_merged.acceptable
    credit = CreditEvent(
        key=f"{event.key}/credit",
        account_id=author.account.id,
        requested=delta,
        reason=CreditReason.MERGED,
        number=event.number,
    )
    return Decision(credit_events=(credit,))


def _class_of(evaluations: tuple[EvaluationView, ...]) -> Classification | None:
    settled = [e for e in evaluations if e.subject == PULL_REQUEST and e.state in SETTLED]
    return settled[-1].classification if settled else None


def credit_review(event: Event, facts: ReviewFacts, situation: Situation, policy: Policy) -> Decision:
    """The bonus for a review that says something, of another person's pull request, once per person."""
    author, pull_request = situation.author, situation.pull_request
    if author is None or not can_earn(author, policy):
        return note("review: its author neither earns nor loses")
    if not says_something(facts):
        return note("review without a word")
    if is_own(pull_request, author):
        return note("review of one's own pull request")
    credit = CreditEvent(
        # by pull request and person, not by review: a second review finds the row already there
        key=f"{event.repository_id}/review/{event.number}/{author.account.id}",
        account_id=author.account.id,
        requested=policy.review_submitted.acceptable,
        reason=CreditReason.REVIEW,
        number=event.number,
        capped=True,
    )
    return Decision(credit_events=(credit,))


def says_something(facts: ReviewFacts) -> bool:
    """GitHub files an empty COMMENTED review for every reply to a line comment: those say nothing."""
    if facts.state in ("APPROVED", "CHANGES_REQUESTED"):
        return True
    return facts.state in ("COMMENTED", "DISMISSED") and bool(facts.body.strip())


def is_own(pull_request: PullRequest | None, person: Contributor) -> bool:
    """Whether the pull request is this person's own."""
    author = pull_request.author if pull_request else None
    return author is not None and author.id == person.account.id
