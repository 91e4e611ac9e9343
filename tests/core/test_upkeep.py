"""A maintainer's acts about the daemon's own work, and which blacklisting an undo lifts: decided without a daemon."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from meritocrab.core.actions import CancelAction, Decision, RepositoryChange, refuse
from meritocrab.core.events import Account, Event, OperatorFacts
from meritocrab.core.handlers import handle
from meritocrab.core.names import ActionKind, ActionState, EventKind, Role
from meritocrab.core.permissions import role_needs
from meritocrab.core.policy import Policy
from meritocrab.core.situation import ActionView, Contributor, Situation, UndoneRow

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
NEWT = Account(1, "newt")


def operate(act: str, where: Situation, policy: Policy | None = None, **facts: Any) -> Decision:
    event = Event(
        key="1/operator_acted/r",
        repository_id=1,
        kind=EventKind.OPERATOR_ACTED,
        occurred_at=NOW,
        facts=OperatorFacts(act, "ada", 1000, **facts),
        author=NEWT,
    )
    assert role_needs(event, is_command=False) == ()
    return handle(event, where, policy or Policy(), NOW)


def action(number: int = 5, **more: Any) -> ActionView:
    values: dict[str, Any] = {"id": 1, "kind": ActionKind.CLOSE, "state": ActionState.SCHEDULED}
    return ActionView(number=number, **({"attempted": False} | values | more))


def test_pause_and_resume() -> None:
    paused = operate("pause", Situation(), reason="holidays")
    assert paused == Decision(
        repositories=(RepositoryChange(paused=True),), notes=("paused by ada: holidays",)
    )
    resumed = operate("resume", Situation(paused=True))
    assert resumed == Decision(repositories=(RepositoryChange(paused=False),), notes=("resumed by ada",))


@pytest.mark.parametrize(("act", "is_paused"), [("pause", True), ("resume", False), ("poll", True)])
def test_what_is_so_already_is_refused(act: str, is_paused: bool) -> None:
    decision = operate(act, Situation(paused=is_paused))
    assert decision.refused
    assert decision == refuse(decision.notes[0])


def test_a_poll_on_request() -> None:
    assert operate("poll", Situation()).repositories == (RepositoryChange(poll_now=True),)


def test_a_cancelled_action_takes_along_what_belongs_to_it_and_was_not_sent() -> None:
    others = (
        action(id=2, kind=ActionKind.COMMENT),
        action(id=3, kind=ActionKind.LABEL, attempted=True),
        action(id=4, kind=ActionKind.STATUS, state=ActionState.DELIVERED),
    )
    decision = operate("cancel", Situation(action=action(), companions=others), reason="a friend")
    reason = "cancelled by ada: a friend"
    assert decision.cancelled_actions == (CancelAction(1, reason), CancelAction(2, reason))
    assert decision.notes == ("cancelled: close, comment of #5",)


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (None, "there is no such action"),
        (action(attempted=True), "it was sent already"),
        *((action(state=state), f"the action is {state}") for state in ActionState if state != "scheduled"),
    ],
)
def test_what_cannot_be_cancelled(found: ActionView | None, words: str) -> None:
    decision = operate("cancel", Situation(action=found, companions=(action(id=2),)))
    assert decision.refused
    assert decision.cancelled_actions == ()
    assert words in decision.notes[0]


def test_a_decision_that_is_refused_stays_so_when_others_are_added() -> None:
    change = Decision(repositories=(RepositoryChange(),), cancelled_actions=(CancelAction(1, ""),))
    both = refuse("no") + change
    assert both.refused
    assert (both.repositories, both.cancelled_actions) == (change.repositories, change.cancelled_actions)
    assert not (change + Decision()).refused


def undo(credit: int, *, blacklisted: bool = True, policy: Policy | None = None, **row: Any) -> bool | None:
    """The flag that an undo of a fall sets."""
    values: dict[str, Any] = {"id": 3, "key": "k", "account_id": 1, "applied": -20, "cap_day": None}
    values |= {"blacklisted_before": False, "blacklisted_after": False, "undone": False}
    values |= {"blacklisting_id": 4, "flagged_by_id": 4}
    person = Contributor(NEWT, Role.NONE, credit, blacklisted)
    decision = operate(
        "undo", Situation(author=person, undone=UndoneRow(**(values | row))), policy, ledger_id=3
    )
    return decision.credit_events[0].set_blacklisted


@pytest.mark.parametrize(
    ("flag", "expected"),
    [
        ({"credit": 0}, False),
        ({"credit": 0, "applied": 0}, None),
        ({"credit": 0, "blacklisting_id": None}, None),
        ({"credit": 0, "flagged_by_id": 9}, None),
        ({"credit": 0, "blacklisting_id": None, "flagged_by_id": None}, None),
        ({"credit": 70, "blacklisted": False}, None),
        ({"credit": 0, "policy": Policy(blacklist_threshold=20)}, None),
        ({"credit": 1, "policy": Policy(blacklist_threshold=20)}, False),
        ({"credit": 0, "blacklisted_after": True}, False),
    ],
)
def test_an_automatic_blacklisting_goes_with_the_row_that_caused_it_unless_something_keeps_it(
    flag: dict[str, Any], expected: bool | None
) -> None:
    assert undo(**flag) is expected


def test_lifting_a_blacklisting_by_undo_frees_what_it_held_only_above_the_gates_threshold() -> None:
    row = UndoneRow(3, "k", 1, -60, None, False, False, False, 4, 4)
    person = Contributor(NEWT, Role.NONE, 0, True)
    decision = operate("undo", Situation(author=person, undone=row), ledger_id=3)
    assert decision.credit_events[0].requested == 60
    assert decision.credit_events[0].set_blacklisted is False
