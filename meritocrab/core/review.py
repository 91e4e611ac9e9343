"""What a maintainer decides in the review queue: approve, override, and think again."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from meritocrab.core import standing
from meritocrab.core.actions import Actor, CreditEvent, Decision, EvaluationChange, refuse
from meritocrab.core.events import Event, OperatorFacts
from meritocrab.core.names import Classification, CreditReason, EvaluationState
from meritocrab.core.policy import Policy
from meritocrab.core.scoring import can_move
from meritocrab.core.situation import Contributor, EvaluationView, Situation

ACTS = frozenset({"approve", "override", "reconsider"})

BY_HAND = frozenset({EvaluationState.APPROVED, EvaluationState.OVERRIDDEN})

REASON_OF_SUBJECT = {"pull_request": CreditReason.PULL_REQUEST, "comment": CreditReason.COMMENT}


def verdict_credit(
    evaluation: EvaluationView, delta: int, actor: Actor | None = None, text: str = ""
) -> CreditEvent:
    """The credit event of a settled evaluation; its key allows one, whoever settles it, until it is taken back."""
    again = f"/{evaluation.moves}" if evaluation.moves else ""
    event = CreditEvent(
        key=f"{evaluation.key}/credit{again}",
        account_id=evaluation.account_id,
        requested=delta,
        reason=REASON_OF_SUBJECT[evaluation.subject],
        number=evaluation.number,
        # talk alone must not lift anybody over the threshold in an afternoon
        capped=evaluation.subject == "comment" and delta > 0,
        evaluation_id=evaluation.id,
        text=text,
    )
    return event if actor is None else replace(event, actor=actor)


def decide(
    event: Event,
    facts: OperatorFacts,
    situation: Situation,
    policy: Policy,
    now: datetime,
    actor: Actor,
) -> Decision:
    """Carry out one of `ACTS`; what came too late is refused."""
    evaluation, person = situation.evaluation, situation.author
    if evaluation is None or person is None or evaluation.account_id != person.account.id:
        return refuse(f"{facts.act}: there is no such evaluation")
    if facts.act == "reconsider":
        return _reconsider(evaluation, person, facts, situation, policy, now, actor)
    if evaluation.state is not EvaluationState.PENDING:
        return refuse(f"{facts.act}: came too late, the evaluation is {evaluation.state}")
    if evaluation.subject == standing.BLACKLIST_PROPOSAL:
        return _settle_proposal(event, facts, evaluation, person, actor)
    classification = facts.classification or evaluation.classification
    delta = _wanted_delta(facts, evaluation, classification) if can_move(person, policy) else 0
    state = EvaluationState.APPROVED if facts.act == "approve" else EvaluationState.OVERRIDDEN
    change = EvaluationChange(
        evaluation.id, state=state, classification=classification, delta=delta, decided_by=facts.user
    )
    decision = Decision(evaluations=(change,))
    if not delta:
        return decision
    credit = verdict_credit(evaluation, delta, actor, facts.reason)
    return decision + standing.change(person, credit, policy, now)[1]


def _wanted_delta(
    facts: OperatorFacts, evaluation: EvaluationView, classification: Classification | None
) -> int:
    if facts.act == "override" and facts.delta is not None:
        return facts.delta
    if facts.act == "approve":
        return evaluation.proposed_delta or 0
    if classification is None:
        return 0
    return evaluation.deltas.get(classification, 0)


def _settle_proposal(
    event: Event, facts: OperatorFacts, evaluation: EvaluationView, person: Contributor, actor: Actor
) -> Decision:
    approved = facts.act == "approve"
    if not approved and not _leaves_it(facts):
        return refuse(
            "a blacklist proposal has no class and no number: approve it to blacklist, or override it with the class"
            f" {Classification.ACCEPTABLE} to leave it"
        )
    state = EvaluationState.APPROVED if approved else EvaluationState.OVERRIDDEN
    change = Decision(evaluations=(EvaluationChange(evaluation.id, state=state, decided_by=facts.user),))
    if not approved:
        return change
    key = f"{event.key}/blacklist"
    return change + standing.blacklist(person, key, actor, event.number, facts.reason, evaluation.id)


def _leaves_it(facts: OperatorFacts) -> bool:
    return facts.classification is Classification.ACCEPTABLE and facts.delta is None


def _reconsider(
    evaluation: EvaluationView,
    person: Contributor,
    facts: OperatorFacts,
    situation: Situation,
    policy: Policy,
    now: datetime,
    actor: Actor,
) -> Decision:
    """The item waits again, as it did before a maintainer decided; what that changed is taken back."""
    if evaluation.state not in BY_HAND:
        return refuse(f"reconsider: no maintainer has decided, the evaluation is {evaluation.state}")
    change = EvaluationChange(
        evaluation.id, state=EvaluationState.PENDING, delta=_proposed(evaluation), undecided=True
    )
    decision = Decision(evaluations=(change,))
    if situation.undone is None:
        return decision
    return decision + standing.take_back(
        situation.undone, person, actor, evaluation.number, policy, now, facts.reason
    )


def _proposed(evaluation: EvaluationView) -> int | None:
    """What the provider's verdict proposes to change; None when there is none."""
    if evaluation.judged is None:
        return None
    counts = not evaluation.spam_only or evaluation.judged is Classification.SPAM
    return evaluation.deltas.get(evaluation.judged, 0) if counts else 0
