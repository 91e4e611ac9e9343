"""`handle` as a table of events and situations: what is decided without a clock, a network or a database."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from meritocrab.core.actions import CreditEvent, Decision, EvaluationChange, EvaluationRequest
from meritocrab.core.events import (
    Account,
    CommentFacts,
    Event,
    Facts,
    OperatorFacts,
    PullRequestFacts,
    ReviewFacts,
    TransitionFacts,
    VerdictFacts,
)
from meritocrab.core.handlers import HANDLERS, handle
from meritocrab.core.names import (
    ActionKind,
    Classification,
    CreditReason,
    Enforcement,
    EvaluationState,
    EventKind,
    GateOutcome,
    Role,
)
from meritocrab.core.permissions import role_needs
from meritocrab.core.policy import LlmRules, Policy
from meritocrab.core.situation import Contributor, EvaluationView, PullRequest, Situation, UndoneRow

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
NEWT, NORA, ADA, OURS = (Account(i, login) for i, login in enumerate(("newt", "nora", "ada", "bot"), 1))
CLOSING = Policy(enforcement=Enforcement.CLOSE)

OPENED = PullRequestFacts("A change", "It helps.", "octo/garden#5")
LINK = TransitionFacts("octo/garden#5")


def event(kind: EventKind, facts: Facts, author: Account | None = NEWT, **more: Any) -> Event:
    values: dict[str, Any] = {"key": f"1/{kind}/5", "repository_id": 1, "occurred_at": NOW, "number": 5}
    return Event(kind=kind, facts=facts, author=author, **({"actor": author} | values | more))


def person(account: Account = NEWT, role: Role = Role.NONE, credit: int = 100, **more: Any) -> Contributor:
    return Contributor(account, role, credit, **more)


def pull(**more: Any) -> PullRequest:
    values: dict[str, Any] = {"number": 5, "author": NEWT, "state": "open", "merged": False, "gate": None}
    return PullRequest(**(values | {"created_at": NOW} | more))


def situation(**more: Any) -> Situation:
    values: dict[str, Any] = {"author": person(), "pull_request": pull(), "own_account_id": OURS.id}
    return Situation(**(values | more))


def evaluation(**more: Any) -> EvaluationView:
    values: dict[str, Any] = {
        "id": 11,
        "key": "1/pull_request_opened/5/evaluation",
        "account_id": NEWT.id,
        "number": 5,
        "subject": "pull_request",
        "state": EvaluationState.JUDGED,
        "reason": "",
        "spam_only": False,
        "classification": None,
        "proposed_delta": None,
        "deltas": {Classification.SPAM: -25, Classification.LOW: -5, Classification.ACCEPTABLE: 5},
    }
    return EvaluationView(**(values | more))


def decide(what: Event, where: Situation | None = None, policy: Policy = CLOSING) -> Decision:
    return handle(what, where or situation(), policy, NOW)


def gates(decision: Decision) -> list[GateOutcome | None]:
    return [change.gate for change in decision.pull_requests]


def kinds(decision: Decision) -> list[ActionKind]:
    return [action.kind for action in decision.actions]


def changes(decision: Decision) -> list[tuple[EvaluationState | None, str | None]]:
    return [(step.state, step.reason) for step in decision.evaluations if isinstance(step, EvaluationChange)]


def credits_of(decision: Decision) -> list[tuple[CreditReason, int]]:
    return [(credit.reason, credit.requested) for credit in decision.credit_events]


def test_every_kind_of_event_has_a_handler() -> None:
    assert set(HANDLERS) == set(EventKind)


def test_the_same_question_gets_the_same_answer() -> None:
    what, where = event(EventKind.PULL_REQUEST_OPENED, OPENED), situation(author=person(credit=3))
    assert decide(what, where) == decide(what, where)


# ---- the gate over a pull request's life ----------------------------------------------------------


def test_a_denied_pull_request_is_asked_about_for_spam_only() -> None:
    decision = decide(event(EventKind.PULL_REQUEST_OPENED, OPENED), situation(author=person(credit=3)))
    assert gates(decision) == [GateOutcome.DENIED]
    assert kinds(decision) == [ActionKind.COMMENT, ActionKind.CLOSE]
    (request,) = decision.evaluations
    assert isinstance(request, EvaluationRequest)
    assert request.spam_only


@pytest.mark.parametrize("state", [{"state": "closed"}, {"state": "closed", "merged": True}])
def test_a_pull_request_closed_before_the_decision_is_moot(state: dict[str, Any]) -> None:
    where = situation(author=person(credit=3), pull_request=pull(**state))
    decision = decide(event(EventKind.PULL_REQUEST_OPENED, OPENED), where)
    assert gates(decision) == [GateOutcome.MOOT]
    assert decision.actions == ()


def test_history_is_recorded_and_neither_gated_nor_obeyed() -> None:
    opened = event(EventKind.PULL_REQUEST_OPENED, OPENED, is_history=True)
    decision = decide(opened, situation(author=person(credit=3)))
    assert (decision.actions, decision.pull_requests) == ((), ())
    (request,) = decision.evaluations
    assert isinstance(request, EvaluationRequest)
    assert request.state is EvaluationState.DEFERRED
    order = CommentFacts("/credit blacklist @nora", "l", "n", on_pull_request=False)
    told = event(EventKind.COMMENT_CREATED, order, ADA, is_history=True)
    assert decide(told, situation(author=person(ADA, Role.ADMIN))) == Decision()


@pytest.mark.parametrize(
    ("gate_before", "credit", "after"),
    [
        (GateOutcome.DRAFT, 3, [GateOutcome.DENIED]),
        (GateOutcome.DRAFT, 60, [GateOutcome.ADMITTED]),
        (None, 3, [GateOutcome.DENIED]),
        (GateOutcome.ADMITTED, 3, []),
        (GateOutcome.DENIED, 3, []),
        (GateOutcome.RELEASED, 3, []),
    ],
)
def test_ready_for_review(gate_before: GateOutcome | None, credit: int, after: list[GateOutcome]) -> None:
    where = situation(author=person(credit=credit), pull_request=pull(gate=gate_before), opened=OPENED)
    assert gates(decide(event(EventKind.PULL_REQUEST_READY, LINK), where)) == after


def test_a_reopen_is_answered_although_the_list_still_shows_it_closed() -> None:
    seen = pull(gate=GateOutcome.DENIED, state="closed", close_attempted=True)
    decision = decide(
        event(EventKind.PULL_REQUEST_REOPENED, LINK), situation(author=person(credit=3), pull_request=seen)
    )
    assert kinds(decision) == [ActionKind.CLOSE]


REOPENED = [
    # gate before, credit, blacklisted, what is known of our own close -> gate after, actions
    (GateOutcome.ADMITTED, 3, False, {}, [], []),
    (GateOutcome.ADMITTED, 3, True, {}, [GateOutcome.BLACKLISTED], [ActionKind.COMMENT, ActionKind.CLOSE]),
    (GateOutcome.DENIED, 3, False, {"closed_by_us_at": NOW}, [GateOutcome.DENIED], [ActionKind.CLOSE]),
    (GateOutcome.DENIED, 3, False, {"close_attempted": True}, [GateOutcome.DENIED], [ActionKind.CLOSE]),
    (GateOutcome.DENIED, 60, False, {"closed_by_us_at": NOW}, [GateOutcome.ADMITTED], []),
    (GateOutcome.DENIED, 3, False, {}, [], []),
    (GateOutcome.MOOT, 3, False, {}, [GateOutcome.DENIED], [ActionKind.COMMENT, ActionKind.CLOSE]),
    (GateOutcome.MOOT, 3, False, {"message_attempted": True}, [GateOutcome.DENIED], [ActionKind.CLOSE]),
    (GateOutcome.MOOT, 60, False, {}, [GateOutcome.ADMITTED], []),
    (GateOutcome.RELEASED, 3, True, {"closed_by_us_at": NOW}, [], []),
]


@pytest.mark.parametrize(("before", "credit", "blacklisted", "known", "after", "actions"), REOPENED)
def test_reopened_by_its_author(
    before: GateOutcome,
    credit: int,
    blacklisted: bool,
    known: dict[str, Any],
    after: list[GateOutcome],
    actions: list[ActionKind],
) -> None:
    author = person(credit=credit, blacklisted=blacklisted)
    where = situation(author=author, pull_request=pull(gate=before, **known))
    decision = decide(event(EventKind.PULL_REQUEST_REOPENED, LINK), where)
    assert gates(decision) == after
    assert kinds(decision) == actions


def test_reopened_by_somebody_else_is_final_and_withdraws_what_is_scheduled() -> None:
    where = situation(author=person(credit=3), pull_request=pull(gate=GateOutcome.DENIED))
    decision = decide(event(EventKind.PULL_REQUEST_REOPENED, LINK, actor=ADA), where)
    assert gates(decision) == [GateOutcome.RELEASED]
    assert [cancellation.number for cancellation in decision.cancellations] == [5]
    ours = decide(event(EventKind.PULL_REQUEST_REOPENED, LINK, actor=OURS), replace(where, own_reopen=True))
    assert gates(ours) == []


# ---- closing, merging, reviewing -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("actor", "role", "touched", "withdrawn"),
    [
        (NEWT, Role.NONE, False, True),
        (NEWT, Role.NONE, True, False),
        (NEWT, Role.WRITE, False, False),
        (ADA, Role.NONE, False, False),
    ],
)
def test_who_takes_a_pull_request_back(actor: Account, role: Role, touched: bool, withdrawn: bool) -> None:
    where = situation(author=person(role=role), pull_request=pull(touched_by_maintainer=touched))
    decision = decide(event(EventKind.PULL_REQUEST_CLOSED, LINK, actor=actor), where)
    assert any(change.withdrawn for change in decision.pull_requests) is withdrawn


@pytest.mark.parametrize(
    ("state", "classification", "steps", "credit"),
    [
        (EvaluationState.QUEUED, None, [(None, None)], []),
        (EvaluationState.PENDING, Classification.LOW, [(EvaluationState.VOIDED, "withdrawn")], []),
        (EvaluationState.PENDING, Classification.SPAM, [], []),
        (EvaluationState.AUTO_APPLIED, Classification.LOW, [], [(CreditReason.WITHDRAWN, 5)]),
        (EvaluationState.AUTO_APPLIED, Classification.SPAM, [], []),
        (EvaluationState.VOIDED, Classification.LOW, [], []),
    ],
)
def test_what_was_asked_about_a_pull_request_that_is_taken_back(
    state: EvaluationState, classification: Classification | None, steps: list[Any], credit: list[Any]
) -> None:
    asked = evaluation(state=state, classification=classification, ledger_id=3, applied=-5)
    where = situation(pull_request_evaluations=(asked,))
    decision = decide(event(EventKind.PULL_REQUEST_CLOSED, LINK), where)
    assert changes(decision) == steps
    assert credits_of(decision) == credit


def test_a_merge_voids_pending_negative_verdicts_on_the_pull_request_only() -> None:
    pending = EvaluationState.PENDING
    asked = (
        evaluation(id=1, state=pending, proposed_delta=-5),
        evaluation(id=2, state=pending, proposed_delta=5),
        evaluation(id=3, state=pending, proposed_delta=-2, subject="comment"),
        evaluation(id=4, state=pending, proposed_delta=None, reason="bot"),
    )
    decision = decide(event(EventKind.PULL_REQUEST_MERGED, LINK), situation(pull_request_evaluations=asked))
    assert changes(decision) == [(EvaluationState.VOIDED, "merged")]
    assert credits_of(decision) == [(CreditReason.MERGED, 20)]


def test_the_merge_bonus_of_a_contribution_judged_high() -> None:
    policy = Policy.model_validate({"pr_merged": {"acceptable": 20, "high": 30}})
    high = evaluation(state=EvaluationState.APPROVED, classification=Classification.HIGH)
    where = situation(pull_request_evaluations=(high,))
    decision = decide(event(EventKind.PULL_REQUEST_MERGED, LINK), where, policy)
    assert credits_of(decision) == [(CreditReason.MERGED, 30)]


@pytest.mark.parametrize(
    ("who", "earns"),
    [
        (person(NORA), True),
        (person(NORA, Role.READ), True),
        (person(NORA, Role.UNREADABLE), True),
        (person(NORA, Role.WRITE), False),
        (person(NORA, blacklisted=True), False),
        (person(NEWT), False),
        (None, False),
    ],
)
def test_who_earns_with_a_review(who: Contributor | None, earns: bool) -> None:
    reviewed = event(EventKind.REVIEW_SUBMITTED, ReviewFacts("APPROVED", "", "l"), who and who.account)
    decision = decide(reviewed, situation(author=who))
    assert credits_of(decision) == ([(CreditReason.REVIEW, 5)] if earns else [])
    assert all(credit.capped for credit in decision.credit_events)


def test_two_reviews_of_one_pull_request_have_one_key() -> None:
    first = event(EventKind.REVIEW_SUBMITTED, ReviewFacts("APPROVED", "", "l"), NORA, key="1/review/1")
    second = replace(first, key="1/review/2")
    where = situation(author=person(NORA))
    keys = {credit.key for each in (first, second) for credit in decide(each, where).credit_events}
    assert len(keys) == 1


# ---- verdicts ----------------------------------------------------------------------------------------


def verdict(
    classification: Classification | None,
    confidence: float = 0.95,
    *,
    confirmed: bool | None = True,
    **more: Any,
) -> Event:
    facts = VerdictFacts(11, "judge", classification, confidence, "because", confirmed=confirmed, **more)
    return event(EventKind.VERDICT_REACHED, facts)


APPLIED, PENDING = EvaluationState.AUTO_APPLIED, EvaluationState.PENDING
VOIDED, UNJUDGED = EvaluationState.VOIDED, EvaluationState.UNJUDGED

VERDICTS = [
    (verdict(Classification.LOW), {}, APPLIED, [-5]),
    (verdict(Classification.LOW, 0.85), {}, APPLIED, [-5]),
    (verdict(Classification.LOW, 0.849), {}, PENDING, []),
    (verdict(Classification.HIGH), {}, APPLIED, []),
    (verdict(Classification.LOW), {"spam_only": True}, VOIDED, []),
    (verdict(Classification.SPAM), {"spam_only": True}, APPLIED, [-25]),
    (verdict(Classification.SPAM, advisory=True), {}, PENDING, []),
    (verdict(Classification.ACCEPTABLE, advisory=True), {}, UNJUDGED, []),
    (verdict(None), {}, UNJUDGED, []),
    (verdict(Classification.ACCEPTABLE), {}, APPLIED, [5]),
    (verdict(Classification.ACCEPTABLE, flagged=True), {}, PENDING, []),
    (verdict(Classification.SPAM, flagged=True), {}, PENDING, []),
    (verdict(Classification.SPAM, confirmed=None), {}, PENDING, []),
    (verdict(Classification.SPAM, confirmed=False), {}, PENDING, []),
]


@pytest.mark.parametrize(("judged", "asked", "state", "deltas"), VERDICTS)
def test_verdicts(judged: Event, asked: dict[str, Any], state: EvaluationState, deltas: list[int]) -> None:
    decision = decide(judged, situation(evaluation=evaluation(**asked)))
    assert [step for step, _ in changes(decision)] == [state]
    assert [delta for _, delta in credits_of(decision)] == deltas


def test_a_model_alone_lets_nobody_past_the_gate_again() -> None:
    stopped = situation(author=person(credit=46), evaluation=evaluation())
    decision = decide(verdict(Classification.ACCEPTABLE), stopped)
    assert changes(decision) == [(PENDING, "opens_gate")]
    further_down = situation(author=person(credit=44), evaluation=evaluation())
    assert changes(decide(verdict(Classification.ACCEPTABLE), further_down)) == [(APPLIED, "confident")]


def test_without_confirmation_one_opinion_is_enough() -> None:
    policy = CLOSING.model_copy(update={"llm": LlmRules(confirm_negative=False)})
    decision = decide(
        verdict(Classification.SPAM, confirmed=None), situation(evaluation=evaluation()), policy
    )
    assert changes(decision) == [(APPLIED, "confident")]


@pytest.mark.parametrize("state", sorted(set(EvaluationState) - {EvaluationState.JUDGED}))
def test_a_verdict_on_what_is_settled_changes_nothing(state: EvaluationState) -> None:
    decision = decide(verdict(Classification.SPAM), situation(evaluation=evaluation(state=state)))
    assert decision == Decision(notes=decision.notes)


@pytest.mark.parametrize(("subject", "state"), [("pull_request", VOIDED), ("comment", APPLIED)])
def test_negative_verdicts_after_the_merge(subject: str, state: EvaluationState) -> None:
    merged = pull(merged=True, state="closed")
    where = situation(evaluation=evaluation(subject=subject), pull_request=merged)
    assert [step for step, _ in changes(decide(verdict(Classification.LOW), where))] == [state]


@pytest.mark.parametrize(
    ("automatic", "rows", "asked"),
    [
        ("on", [CreditReason.PULL_REQUEST, CreditReason.BLACKLISTED], 0),
        ("confirm", [CreditReason.PULL_REQUEST], 1),
    ],
)
def test_crossing_the_threshold(automatic: str, rows: list[CreditReason], asked: int) -> None:
    policy = Policy.model_validate({"blacklist": {"automatic": automatic}})
    where = situation(author=person(credit=25), evaluation=evaluation())
    decision = decide(verdict(Classification.SPAM), where, policy)
    assert [credit.reason for credit in decision.credit_events] == rows
    assert sum(isinstance(step, EvaluationRequest) for step in decision.evaluations) == asked


def test_who_is_below_the_threshold_already_does_not_cross_it_again() -> None:
    where = situation(author=person(credit=0), evaluation=evaluation())
    assert credits_of(decide(verdict(Classification.SPAM), where)) == [(CreditReason.PULL_REQUEST, -25)]


# ---- orders ------------------------------------------------------------------------------------------


def order(text: str, author: Account = ADA, **more: Any) -> Event:
    return event(
        EventKind.COMMENT_CREATED, CommentFacts(text, "l", "n", on_pull_request=False), author, **more
    )


@pytest.mark.parametrize("role", Role)
def test_who_is_obeyed(role: Role) -> None:
    decision = decide(order("/credit help"), situation(author=person(ADA, role), pull_request=None))
    answered = role in (Role.ADMIN, Role.MAINTAIN)
    assert kinds(decision) == ([ActionKind.REACTION, ActionKind.COMMENT] if answered else [])


@pytest.mark.parametrize(
    ("what", "where"),
    [
        (order("/credit help", occurred_at=NOW - timedelta(days=1, seconds=1)), {}),
        (order("/credit help"), {"edited_by_other": True}),
        (order("/credit help"), {"author": None}),
    ],
)
def test_orders_that_are_passed_over(what: Event, where: dict[str, Any]) -> None:
    decision = decide(what, situation(**({"author": person(ADA, Role.ADMIN), "pull_request": None} | where)))
    assert decision.actions == ()


def test_our_own_marked_post_says_nothing() -> None:
    text = f"/credit help\n\n<!-- meritocrab:{'0' * 32} -->"
    where = situation(author=person(OURS, Role.ADMIN), pull_request=None)
    assert decide(order(text, OURS), where).actions == ()


# ---- a maintainer at the terminal --------------------------------------------------------------------


def act(name: str, **more: Any) -> Event:
    return event(EventKind.OPERATOR_ACTED, OperatorFacts(name, "ada", 1000, **more), number=None, actor=None)


def test_a_release_cancels_clears_and_reopens_what_is_recent() -> None:
    held = (
        pull(number=1, gate=GateOutcome.DENIED, closed_by_us_at=NOW - timedelta(days=14), state="closed"),
        pull(number=2, gate=GateOutcome.DENIED, closed_by_us_at=NOW - timedelta(days=14, seconds=1)),
        pull(number=3, gate=GateOutcome.DENIED, labelled=True, has_status=True),
        pull(number=4, gate=GateOutcome.DENIED, closed_by_us_at=NOW, merged=True),
        pull(number=5, gate=GateOutcome.DENIED, close_attempted=True),
    )
    where = situation(author=person(credit=3, held=held), pull_request=None)
    decision = decide(act("adjust", delta=47), where)
    assert [(action.number, action.kind) for action in decision.actions] == [
        (1, ActionKind.REOPEN),
        (3, ActionKind.UNLABEL),
        (3, ActionKind.STATUS),
        (5, ActionKind.REOPEN),
    ]
    assert [cancellation.number for cancellation in decision.cancellations] == [1, 2, 3, 4, 5]
    assert set(gates(decision)) == {GateOutcome.RELEASED}


@pytest.mark.parametrize(("credit", "delta"), [(3, 46), (60, 5), (60, -20)])
def test_nothing_is_released_without_crossing_the_threshold_upwards(credit: int, delta: int) -> None:
    held = (pull(gate=GateOutcome.DENIED, closed_by_us_at=NOW),)
    decision = decide(act("adjust", delta=delta), situation(author=person(credit=credit, held=held)))
    assert decision.actions == ()


def undone(**more: Any) -> UndoneRow:
    values: dict[str, Any] = {
        "id": 3,
        "key": "k",
        "account_id": NEWT.id,
        "applied": -5,
        "cap_day": None,
        "blacklisted_before": False,
        "blacklisted_after": False,
        "undone": False,
    }
    return UndoneRow(**(values | more))


@pytest.mark.parametrize(
    ("row", "requested", "flag"),
    [
        (undone(), 5, None),
        (undone(applied=7), -7, None),
        (undone(applied=0, blacklisted_after=True), 0, False),
        (undone(applied=30, blacklisted_before=True), -30, True),
    ],
)
def test_undo_reverses_what_was_applied_and_the_flag(
    row: UndoneRow, requested: int, flag: bool | None
) -> None:
    (credit,) = decide(act("undo", ledger_id=3), situation(undone=row)).credit_events
    assert (credit.requested, credit.set_blacklisted, credit.reverses_id) == (requested, flag, 3)


@pytest.mark.parametrize("row", [None, undone(undone=True), undone(account_id=NORA.id)])
def test_what_cannot_be_undone(row: UndoneRow | None) -> None:
    decision = decide(act("undo", ledger_id=3), situation(undone=row))
    assert decision == Decision(notes=decision.notes, refused=True)
    assert decision.notes


@pytest.mark.parametrize("name", ["approve", "override"])
@pytest.mark.parametrize("asked", [None, evaluation(), evaluation(state=PENDING, account_id=NORA.id)])
def test_acts_on_evaluations_that_are_not_there_or_not_pending(
    name: str, asked: EvaluationView | None
) -> None:
    decision = decide(act(name, evaluation_id=11, delta=3), situation(evaluation=asked))
    assert decision == Decision(notes=decision.notes, refused=True)
    assert decision.notes


@pytest.mark.parametrize(
    ("what", "credit"),
    [
        (act("approve", evaluation_id=11), -5),
        (act("override", evaluation_id=11, delta=2), 2),
        (act("override", evaluation_id=11, classification=Classification.ACCEPTABLE), 5),
    ],
)
def test_settling_by_hand(what: Event, credit: int) -> None:
    asked = evaluation(state=PENDING, classification=Classification.LOW, proposed_delta=-5)
    decision = decide(what, situation(evaluation=asked))
    assert [credit.requested for credit in decision.credit_events] == [credit]
    assert [credit.key for credit in decision.credit_events] == [f"{asked.key}/credit"]


def test_all_ways_to_settle_an_evaluation_share_one_key() -> None:
    asked = evaluation()
    by_policy = decide(verdict(Classification.LOW), situation(evaluation=asked)).credit_events
    waiting = replace(asked, state=PENDING, classification=Classification.LOW)
    by_hand = decide(act("approve", evaluation_id=11), situation(evaluation=waiting)).credit_events
    assert {credit.key for credit in (*by_policy, *by_hand)} == {f"{asked.key}/credit"}


def test_an_unknown_act_changes_nothing() -> None:
    decision = decide(act("dance"))
    assert decision == Decision(notes=("unknown act: dance",), refused=True)


# ---- which roles must be known -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("what", "is_command", "fresh"),
    [
        (event(EventKind.PULL_REQUEST_OPENED, OPENED), False, [True]),
        (event(EventKind.PULL_REQUEST_OPENED, OPENED, is_history=True), False, [False]),
        (event(EventKind.PULL_REQUEST_REOPENED, LINK, actor=ADA), False, [True, True]),
        (event(EventKind.PULL_REQUEST_MERGED, LINK, actor=ADA), False, [False, False]),
        (order("hello"), False, []),
        (order("/credit help"), True, [True]),
        (verdict(Classification.LOW), False, [True]),
        (verdict(Classification.LOW, advisory=True), False, [False]),
        (event(EventKind.PULL_REQUEST_OPENED, OPENED, None), False, []),
    ],
)
def test_role_needs(what: Event, is_command: bool, fresh: list[bool]) -> None:
    assert [need.fresh for need in role_needs(what, is_command=is_command)] == fresh


def test_decisions_add_up_in_order() -> None:
    first = Decision(credit_events=(CreditEvent("a", 1, 1, CreditReason.MERGED),), notes=("a",))
    second = Decision(credit_events=(CreditEvent("b", 1, 1, CreditReason.MERGED),), notes=("b",))
    assert [credit.key for credit in (first + second).credit_events] == ["a", "b"]
    assert (first + second).notes == ("a", "b")
