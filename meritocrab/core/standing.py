"""How a person's standing moves: one credit event with all that follows from it, whoever caused it.

A poll, a `/credit` comment, a verdict and a key in the terminal UI all pass through here, so that crossing the
blacklist threshold or coming back over the gate's threshold means the same everywhere.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from meritocrab.core import comments
from meritocrab.core.actions import (
    Action,
    Actor,
    Cancellation,
    CreditEvent,
    Decision,
    EvaluationRequest,
    PullRequestChange,
)
from meritocrab.core.ledger import apply
from meritocrab.core.names import (
    ActionBasis,
    ActionKind,
    ActorKind,
    CreditReason,
    Enforcement,
    EvaluationState,
    GateOutcome,
)
from meritocrab.core.permissions import is_privileged
from meritocrab.core.policy import Policy
from meritocrab.core.situation import Contributor, PullRequest, UndoneRow

REOPEN_WITHIN = timedelta(days=14)
"""A lifted person gets back what the daemon closed in this time; older ones are better opened anew."""

BLACKLIST_PROPOSAL = "blacklist"
"""The subject of a queue item that proposes a blacklisting (`automatic = "confirm"`)."""


def change(
    person: Contributor, event: CreditEvent, policy: Policy, now: datetime
) -> tuple[Contributor, Decision]:
    """The person after this credit event, and the decision with everything that follows from it.

    Only a maintainer's act releases pull requests; crossing the blacklist threshold blacklists whoever crosses it.
    """
    after = person.credit + apply(person.credit, event.requested, cap_left=None)
    moved = replace(person, credit=after)
    if event.set_blacklisted is not None:
        moved = replace(moved, blacklisted=event.set_blacklisted)
    decision = Decision(credit_events=(event,))
    if _crosses(person, moved, policy):
        moved, consequence = _cross(moved, event, policy)
        return moved, decision + consequence
    if event.actor.kind is not ActorKind.SYSTEM and _is_lifted(person, moved, policy):
        decision += release(moved, event.key, policy, now)
    return moved, decision


def _crosses(before: Contributor, after: Contributor, policy: Policy) -> bool:
    crossing = before.credit > policy.blacklist_threshold >= after.credit
    return crossing and not after.blacklisted and not is_privileged(after.role, policy)


def _cross(person: Contributor, event: CreditEvent, policy: Policy) -> tuple[Contributor, Decision]:
    key = blacklisting_key(event.key)
    if policy.blacklist.automatic == "confirm":
        return person, Decision(evaluations=(_proposal(key, person, event),))
    row = CreditEvent(
        key=key,
        account_id=person.account.id,
        requested=0,
        reason=CreditReason.BLACKLISTED,
        number=event.number,
        set_blacklisted=True,
        evaluation_id=event.evaluation_id,
    )
    return replace(person, blacklisted=True), Decision(credit_events=(row,), notes=("blacklisted by credit",))


def blacklisting_key(key: str) -> str:
    """The key of the automatic blacklisting (or of its proposal) that follows from the credit event of this key."""
    return f"{key}/blacklisted"


def _proposal(key: str, person: Contributor, event: CreditEvent) -> EvaluationRequest:
    return EvaluationRequest(
        key=key,
        account_id=person.account.id,
        number=event.number or 0,
        subject=BLACKLIST_PROPOSAL,
        state=EvaluationState.PENDING,
        title="",
        text="",
        link="",
        digest="",
        deltas={},
        reason="blacklist_proposed",
    )


def _is_lifted(before: Contributor, after: Contributor, policy: Policy) -> bool:
    def free(person: Contributor) -> bool:
        return not person.blacklisted and person.credit >= policy.pr_threshold

    return free(after) and not free(before)


def blacklist(
    person: Contributor,
    key: str,
    actor: Actor,
    number: int | None,
    text: str = "",
    evaluation_id: int | None = None,
) -> Decision:
    """The manual blacklisting of a person; nothing if the flag is already set.

    `evaluation_id` is that of the proposal it follows, if one was made.
    """
    if person.blacklisted:
        return Decision(notes=("already blacklisted",))
    row = CreditEvent(
        key=key,
        account_id=person.account.id,
        requested=0,
        reason=CreditReason.BLACKLISTED,
        actor=actor,
        number=number,
        set_blacklisted=True,
        evaluation_id=evaluation_id,
        text=text,
    )
    return Decision(credit_events=(row,))


def unblacklist(
    person: Contributor,
    key: str,
    actor: Actor,
    number: int | None,
    policy: Policy,
    now: datetime,
    text: str = "",
) -> tuple[Contributor, Decision]:
    """Clear the flag and lift credit to the gate's threshold; releases what was closed for it."""
    if not person.blacklisted:
        return person, Decision(notes=("not blacklisted",))
    row = CreditEvent(
        key=key,
        account_id=person.account.id,
        requested=max(0, policy.pr_threshold - person.credit),
        reason=CreditReason.UNBLACKLISTED,
        actor=actor,
        number=number,
        set_blacklisted=False,
        text=text,
    )
    return change(person, row, policy, now)


def take_back(
    row: UndoneRow,
    person: Contributor,
    actor: Actor,
    number: int | None,
    policy: Policy,
    now: datetime,
    text: str = "",
) -> Decision:
    """Append the opposite of a ledger row, and restore the blacklist flag as it was without it."""
    credit = CreditEvent(
        key=f"{row.key}/undo",
        account_id=person.account.id,
        requested=-row.applied,
        reason=CreditReason.UNDO,
        actor=actor,
        number=number,
        # the undo of an undo earns again: within that day's cap, too
        capped=row.cap_day is not None,
        cap_day=row.cap_day,
        set_blacklisted=_flag_without(row, person, policy),
        reverses_id=row.id,
        text=text,
    )
    return change(person, credit, policy, now)[1]


def _flag_without(row: UndoneRow, person: Contributor, policy: Policy) -> bool | None:
    """The blacklist flag that taking this row back restores; None leaves it as it is.

    An automatic blacklisting goes with the row that caused it, unless a later row set the flag anew or the credit
    would keep it.
    """
    if row.blacklisted_before != row.blacklisted_after:
        return row.blacklisted_before
    caused = row.blacklisting_id is not None and row.blacklisting_id == row.flagged_by_id
    if not caused or not person.blacklisted:
        return None
    after = person.credit + apply(person.credit, -row.applied, cap_left=None)
    return False if after > policy.blacklist_threshold else None


def release(person: Contributor, key: str, policy: Policy, now: datetime) -> Decision:
    """Cancel what is scheduled against this person, clear our marks, reopen what we closed lately."""
    decision = Decision()
    for pull_request in person.held:
        decision += release_one(pull_request, person.account.id, key, policy, now)
    return decision


def release_one(
    pull_request: PullRequest, account_id: int, key: str, policy: Policy, now: datetime
) -> Decision:
    """Let one pull request go: final, whatever the author's credit does later."""
    kinds: list[tuple[ActionKind, str]] = []
    if pull_request.labelled:
        kinds.append((ActionKind.UNLABEL, comments.LABEL))
    if pull_request.has_status:
        kinds.append((ActionKind.STATUS, "success"))
    if _is_ours_to_reopen(pull_request, now):
        kinds.append((ActionKind.REOPEN, ""))
    actions = tuple(
        Action(
            key=f"{key}/{kind}/{pull_request.number}",
            kind=kind,
            basis=ActionBasis.RELEASE,
            number=pull_request.number,
            account_id=account_id,
            body=body,
            observed=policy.enforcement is Enforcement.OBSERVE,
        )
        for kind, body in kinds
    )
    return Decision(
        pull_requests=(PullRequestChange(pull_request.number, gate=GateOutcome.RELEASED),),
        cancellations=(Cancellation(pull_request.number, "released by a maintainer"),),
        actions=actions,
    )


def _is_ours_to_reopen(pull_request: PullRequest, now: datetime) -> bool:
    if pull_request.merged:
        return False
    closed_at = pull_request.closed_by_us_at
    # without an answer to our close, reopening waits for it to be settled and finds out
    return pull_request.close_attempted if closed_at is None else now - closed_at <= REOPEN_WITHIN
