"""`handle`: one event, what we know, the rules and the time in; a decision out. Nothing else decides.

Beside the event, the policy and the time it takes a `Situation`, which holds the contributor and whatever else the
event touches, as values loaded in the same transaction.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from meritocrab.core import acts, gate, review, scoring, standing
from meritocrab.core.actions import (
    CreditEvent,
    Decision,
    EvaluationChange,
    PullRequestChange,
    note,
)
from meritocrab.core.budget import UNASKED
from meritocrab.core.commands import parse_commands
from meritocrab.core.comments import has_any_marker
from meritocrab.core.evaluation import Limits, settle
from meritocrab.core.events import (
    CommentFacts,
    Event,
    OperatorFacts,
    PullRequestFacts,
    ReviewFacts,
    VerdictFacts,
)
from meritocrab.core.names import (
    Classification,
    CreditReason,
    EvaluationState,
    EventKind,
    GateOutcome,
    Role,
)
from meritocrab.core.permissions import is_privileged
from meritocrab.core.policy import Policy
from meritocrab.core.situation import Contributor, EvaluationView, PullRequest, Situation


def handle(event: Event, situation: Situation, policy: Policy, now: datetime) -> Decision:
    """Decide everything that follows from one event.

    Args:
        event: the fact.
        situation: a snapshot of what we know, loaded for this event.
        policy: the rules in force in the event's repository.
        now: GitHub's time as far as we know it.
    """
    return HANDLERS[event.kind](event, situation, policy, now)


def _opened(event: Event, situation: Situation, policy: Policy, now: datetime) -> Decision:
    facts = event.facts
    assert isinstance(facts, PullRequestFacts)  # noqa: S101 - FACTS ties kinds to facts
    if event.is_history:
        return scoring.evaluate_pull_request(event, facts, None, situation, policy)
    return _gate(event, facts, facts.draft, situation, policy)


def _ready(event: Event, situation: Situation, policy: Policy, now: datetime) -> Decision:
    pull_request = situation.pull_request
    if event.is_history or pull_request is None:
        return note("history")
    if pull_request.gate not in (None, GateOutcome.DRAFT):
        return note(f"the gate decided before: {pull_request.gate}")
    facts = situation.opened or PullRequestFacts(pull_request.title, "", pull_request.link)
    return _gate(event, facts, False, situation, policy)


def _gate(
    event: Event, facts: PullRequestFacts, draft: bool, situation: Situation, policy: Policy
) -> Decision:
    number = event.number or 0
    outcome = gate.decide(situation.author, draft=draft, policy=policy)
    decision = Decision(
        pull_requests=(PullRequestChange(number, gate=_lasting(outcome, situation)),),
        notes=(_explain(outcome, situation, policy),),
    )
    decision += _gate_actions(event, outcome, situation, policy)
    if outcome is GateOutcome.DRAFT:
        return decision
    return decision + scoring.evaluate_pull_request(event, facts, outcome, situation, policy)


def _lasting(outcome: GateOutcome, situation: Situation) -> GateOutcome:
    """What is kept: against a pull request that is closed already nothing is done, until it is reopened."""
    pull_request = situation.pull_request
    is_closed = pull_request is not None and not pull_request.is_open
    return GateOutcome.MOOT if is_closed and outcome in gate.ACTING else outcome


def _gate_actions(
    event: Event, outcome: GateOutcome, situation: Situation, policy: Policy, *, silent: bool = False
) -> Decision:
    pull_request, author = situation.pull_request, situation.author
    if author is None or pull_request is None or pull_request.merged:
        return Decision()
    # GitHub's list may lag behind its events: what was just reopened counts as open, and the relay looks again
    if not pull_request.is_open and event.kind is not EventKind.PULL_REQUEST_REOPENED:
        return Decision()
    planned = gate.actions(
        outcome,
        author,
        event_key=event.key,
        number=pull_request.number,
        policy=policy,
        fraction=situation.fraction,
        silent=silent,
    )
    return Decision(actions=planned)


def _explain(outcome: GateOutcome, situation: Situation, policy: Policy) -> str:
    author = situation.author
    if outcome in (GateOutcome.DENIED, GateOutcome.ADMITTED) and author is not None:
        return f"gate: {outcome} (credit {author.credit}, threshold {policy.pr_threshold})"
    return f"gate: {outcome}"


def _reopened(event: Event, situation: Situation, policy: Policy, now: datetime) -> Decision:
    pull_request = situation.pull_request
    if event.is_history or pull_request is None:
        return note("history")
    if situation.own_reopen:
        return note("reopened by us")
    if not _is_by_author(event) or _is_privileged(situation.author, policy):
        return _freed(event, pull_request, policy, now)
    if pull_request.gate is GateOutcome.RELEASED:
        return note("a maintainer's reopen is final")
    return _reopened_by_author(event, pull_request, situation, policy)


def _freed(event: Event, pull_request: PullRequest, policy: Policy, now: datetime) -> Decision:
    author_id = event.author.id if event.author else 0
    freed = standing.release_one(pull_request, author_id, event.key, policy, now)
    return freed + note("reopened by a human other than its author: final")


def _reopened_by_author(
    event: Event, pull_request: PullRequest, situation: Situation, policy: Policy
) -> Decision:
    outcome = gate.decide(situation.author, draft=False, policy=policy)
    was_ours = pull_request.close_attempted or pull_request.closed_by_us_at is not None
    # who closes before we do and reopens has not got past the gate
    is_due = was_ours or pull_request.gate is GateOutcome.MOOT
    if outcome is GateOutcome.BLACKLISTED or (outcome is GateOutcome.DENIED and is_due):
        change = Decision(pull_requests=(PullRequestChange(pull_request.number, gate=outcome),))
        silent = was_ours or pull_request.message_attempted
        return change + _gate_actions(event, outcome, situation, policy, silent=silent)
    if is_due and outcome is GateOutcome.ADMITTED:
        return Decision(pull_requests=(PullRequestChange(pull_request.number, gate=outcome),))
    return note("reopened by its author: decided before")


def _closed(event: Event, situation: Situation, policy: Policy, now: datetime) -> Decision:
    pull_request = situation.pull_request
    if event.is_history or pull_request is None or pull_request.merged:
        return note("closed")
    if (
        not _is_by_author(event)
        or _is_privileged(situation.author, policy)
        or pull_request.touched_by_maintainer
    ):
        return note("closed")
    decision = Decision(
        pull_requests=(PullRequestChange(pull_request.number, withdrawn=True),),
        notes=("withdrawn by its author before a maintainer touched it",),
    )
    for evaluation in situation.pull_request_evaluations:
        decision += _withdraw(evaluation, event)
    return decision


def _withdraw(evaluation: EvaluationView, event: Event) -> Decision:
    """Nothing but spam counts of what its author took back."""
    if evaluation.subject != scoring.PULL_REQUEST or evaluation.classification is Classification.SPAM:
        return Decision()
    if evaluation.state in scoring.OPEN:
        return Decision(evaluations=(EvaluationChange(evaluation.id, spam_only=True),))
    if evaluation.state in scoring.WAITING and evaluation.reason != "bot":
        voided = EvaluationChange(evaluation.id, state=EvaluationState.VOIDED, reason="withdrawn")
        return Decision(evaluations=(voided,))
    if evaluation.state not in scoring.SETTLED or evaluation.ledger_id is None or not evaluation.applied:
        return Decision()
    taken_back = CreditEvent(
        key=f"{event.key}/withdrawn/{evaluation.id}",
        account_id=evaluation.account_id,
        requested=-evaluation.applied,
        reason=CreditReason.WITHDRAWN,
        number=event.number,
        evaluation_id=evaluation.id,
        reverses_id=evaluation.ledger_id,
    )
    return Decision(credit_events=(taken_back,))


def _merged(event: Event, situation: Situation, policy: Policy, now: datetime) -> Decision:
    voided = tuple(
        EvaluationChange(evaluation.id, state=EvaluationState.VOIDED, reason="merged")
        for evaluation in situation.pull_request_evaluations
        if evaluation.subject == scoring.PULL_REQUEST
        and evaluation.state in scoring.WAITING
        and ((evaluation.proposed_delta or 0) < 0 or evaluation.reason in UNASKED)
    )
    return Decision(evaluations=voided) + scoring.credit_merge(event, situation, policy)


def _commented(event: Event, situation: Situation, policy: Policy, now: datetime) -> Decision:
    facts = event.facts
    assert isinstance(facts, CommentFacts)  # noqa: S101
    if _is_own_post(event, facts, situation):
        return note("our own comment")
    commands = parse_commands(facts.body)
    decision = _touch(event, situation, policy) if facts.on_pull_request else Decision()
    if commands and not event.is_history:
        decision += acts.obey(event, commands, situation, policy, now)
    return decision + scoring.evaluate_comment(
        event, facts, is_command=bool(commands), situation=situation, policy=policy
    )


def _is_own_post(event: Event, facts: CommentFacts, situation: Situation) -> bool:
    own = situation.own_account_id
    return event.author is not None and event.author.id == own and has_any_marker(facts.body)


def _touch(event: Event, situation: Situation, policy: Policy) -> Decision:
    pull_request, author = situation.pull_request, situation.author
    if pull_request is None or author is None or scoring.is_own(pull_request, author):
        return Decision()
    if not is_privileged(author.role, policy):
        return Decision()
    return Decision(pull_requests=(PullRequestChange(pull_request.number, touched_by_maintainer=True),))


def _reviewed(event: Event, situation: Situation, policy: Policy, now: datetime) -> Decision:
    facts = event.facts
    assert isinstance(facts, ReviewFacts)  # noqa: S101
    return _touch(event, situation, policy) + scoring.credit_review(event, facts, situation, policy)


def _judged(event: Event, situation: Situation, policy: Policy, now: datetime) -> Decision:
    facts, evaluation, person = event.facts, situation.evaluation, situation.author
    assert isinstance(facts, VerdictFacts)  # noqa: S101
    if evaluation is None or person is None or evaluation.state is not EvaluationState.JUDGED:
        return note("the evaluation is settled already")
    if not scoring.can_earn(person, policy):
        voided = EvaluationChange(
            evaluation.id, state=EvaluationState.VOIDED, reason="neither earns nor loses"
        )
        return Decision(evaluations=(voided,))
    outcome = settle(
        _limits_of(evaluation, person, situation.pull_request, policy),
        classification=facts.classification,
        confidence=facts.confidence,
        advisory=facts.advisory,
        flagged=facts.flagged,
        confirmed=facts.confirmed,
    )
    change = EvaluationChange(
        evaluation.id,
        state=outcome.state,
        reason=outcome.reason,
        classification=facts.classification,
        delta=outcome.delta,
        decided_by="policy" if outcome.state is EvaluationState.AUTO_APPLIED else "",
    )
    decision = Decision(evaluations=(change,))
    if outcome.state is not EvaluationState.AUTO_APPLIED or outcome.delta == 0:
        return decision
    credit = review.verdict_credit(evaluation, outcome.delta)
    return decision + standing.change(person, credit, policy, now)[1]


def _limits_of(
    evaluation: EvaluationView, person: Contributor, pull_request: PullRequest | None, policy: Policy
) -> Limits:
    """How far a verdict on this contribution may go by itself."""
    about_pull_request = evaluation.subject == scoring.PULL_REQUEST
    missing = policy.pr_threshold - person.credit
    return Limits(
        threshold=policy.llm.confidence,
        deltas=evaluation.deltas,
        spam_only=evaluation.spam_only,
        merged=about_pull_request and pull_request is not None and pull_request.merged,
        negative_auto_allowed=person.role is not Role.UNREADABLE,
        confirm_negative=policy.llm.confirm_negative,
        to_gate=missing if missing > 0 else None,
    )


def _operated(event: Event, situation: Situation, policy: Policy, now: datetime) -> Decision:
    facts = event.facts
    assert isinstance(facts, OperatorFacts)  # noqa: S101
    return acts.operate(event, facts, situation, policy, now)


def _is_by_author(event: Event) -> bool:
    return event.author is not None and event.actor is not None and event.author.id == event.actor.id


def _is_privileged(person: Contributor | None, policy: Policy) -> bool:
    return person is not None and is_privileged(person.role, policy)


Handler = Callable[[Event, Situation, Policy, datetime], Decision]

HANDLERS: dict[EventKind, Handler] = {
    EventKind.PULL_REQUEST_OPENED: _opened,
    EventKind.PULL_REQUEST_READY: _ready,
    EventKind.PULL_REQUEST_REOPENED: _reopened,
    EventKind.PULL_REQUEST_CLOSED: _closed,
    EventKind.PULL_REQUEST_MERGED: _merged,
    EventKind.COMMENT_CREATED: _commented,
    EventKind.REVIEW_SUBMITTED: _reviewed,
    EventKind.VERDICT_REACHED: _judged,
    EventKind.OPERATOR_ACTED: _operated,
}
