"""The gate's rule and the actions that follow from it, as tables."""

from __future__ import annotations

import pytest

from meritocrab.core import gate
from meritocrab.core.comments import LABEL
from meritocrab.core.events import GHOST_ID, Account
from meritocrab.core.names import AccountType, ActionBasis, ActionKind, Enforcement, GateOutcome, Role
from meritocrab.core.policy import BlacklistRules, ExemptRules, Policy, RoleRules
from meritocrab.core.situation import Contributor

NEWT = Account(7, "newt")
DEPENDABOT = Account(49_699_333, "dependabot[bot]", AccountType.BOT)
SELLBOT = Account(8, "sell-bot[bot]", AccountType.BOT)
GHOST = Account(GHOST_ID, "ghost")
IMPORTED = Account(9, "imported", AccountType.MANNEQUIN)
COMPANY = Account(10, "company", AccountType.ORGANIZATION)


def person(
    account: Account = NEWT, role: Role = Role.NONE, credit: int = 100, blacklisted: bool = False
) -> Contributor:
    return Contributor(account, role, credit, blacklisted)


TABLE = [
    (person(), False, GateOutcome.ADMITTED),
    (person(credit=50), False, GateOutcome.ADMITTED),
    (person(credit=49), False, GateOutcome.DENIED),
    (person(credit=49), True, GateOutcome.DRAFT),
    (person(), True, GateOutcome.DRAFT),
    (person(blacklisted=True), False, GateOutcome.BLACKLISTED),
    (person(blacklisted=True), True, GateOutcome.BLACKLISTED),
    (person(role=Role.READ, credit=0), False, GateOutcome.DENIED),
    (person(role=Role.TRIAGE, credit=0), False, GateOutcome.DENIED),
    (person(role=Role.WRITE, credit=0), False, GateOutcome.PRIVILEGED),
    (person(role=Role.MAINTAIN, blacklisted=True), False, GateOutcome.PRIVILEGED),
    (person(role=Role.ADMIN, credit=0, blacklisted=True), True, GateOutcome.PRIVILEGED),
    (person(role=Role.UNREADABLE, credit=0), False, GateOutcome.NOT_GATED),
    (person(role=Role.UNREADABLE, blacklisted=True), False, GateOutcome.NOT_GATED),
    (person(DEPENDABOT, credit=0), False, GateOutcome.EXEMPT),
    (person(SELLBOT, credit=0), False, GateOutcome.BOT),
    (person(SELLBOT, credit=0), True, GateOutcome.BOT),
    (person(GHOST, credit=0), False, GateOutcome.NOT_GATED),
    (person(IMPORTED, credit=0), False, GateOutcome.NOT_GATED),
    (person(COMPANY, credit=0), False, GateOutcome.NOT_GATED),
    (None, False, GateOutcome.NOT_GATED),
]


@pytest.mark.parametrize(("author", "draft", "outcome"), TABLE)
def test_decide(author: Contributor | None, draft: bool, outcome: GateOutcome) -> None:
    assert gate.decide(author, draft=draft, policy=Policy()) is outcome


def test_roles_and_exemptions_come_from_the_policy() -> None:
    policy = Policy(roles=RoleRules(privileged=(Role.TRIAGE,)), exempt=ExemptRules(users=(7,), apps=()))
    assert (
        gate.decide(person(role=Role.TRIAGE, credit=0), draft=False, policy=policy) is GateOutcome.PRIVILEGED
    )
    assert gate.decide(person(role=Role.WRITE, credit=0), draft=False, policy=policy) is GateOutcome.EXEMPT
    assert gate.decide(person(DEPENDABOT), draft=False, policy=policy) is GateOutcome.BOT


def planned(
    outcome: GateOutcome, enforcement: Enforcement, *, silent: bool = False, fraction: float = 0.5
) -> list[tuple[ActionKind, str]]:
    actions = gate.actions(
        outcome,
        person(credit=20),
        event_key="1/opened/5",
        number=5,
        policy=Policy(enforcement=enforcement),
        fraction=fraction,
        silent=silent,
    )
    return [(action.kind, action.body) for action in actions]


@pytest.mark.parametrize("outcome", sorted(set(GateOutcome) - set(gate.ACTING)))
@pytest.mark.parametrize("enforcement", Enforcement)
def test_nothing_follows_from_other_outcomes(outcome: GateOutcome, enforcement: Enforcement) -> None:
    assert planned(outcome, enforcement) == []


KINDS = {
    (GateOutcome.DENIED, Enforcement.OBSERVE): [ActionKind.COMMENT, ActionKind.CLOSE],
    (GateOutcome.DENIED, Enforcement.LABEL): [ActionKind.LABEL, ActionKind.COMMENT],
    (GateOutcome.DENIED, Enforcement.HOLD): [ActionKind.LABEL, ActionKind.STATUS, ActionKind.COMMENT],
    (GateOutcome.DENIED, Enforcement.CLOSE): [ActionKind.COMMENT, ActionKind.CLOSE],
    (GateOutcome.BLACKLISTED, Enforcement.OBSERVE): [ActionKind.COMMENT, ActionKind.CLOSE],
    (GateOutcome.BLACKLISTED, Enforcement.LABEL): [ActionKind.LABEL],
    (GateOutcome.BLACKLISTED, Enforcement.HOLD): [ActionKind.LABEL, ActionKind.STATUS],
    (GateOutcome.BLACKLISTED, Enforcement.CLOSE): [ActionKind.COMMENT, ActionKind.CLOSE],
}


@pytest.mark.parametrize(("outcome", "enforcement"), KINDS)
def test_actions_by_outcome_and_enforcement(outcome: GateOutcome, enforcement: Enforcement) -> None:
    assert [kind for kind, _ in planned(outcome, enforcement)] == KINDS[outcome, enforcement]
    spoken = {ActionKind.COMMENT}
    silent = [kind for kind, _ in planned(outcome, enforcement, silent=True)]
    assert silent == [kind for kind in KINDS[outcome, enforcement] if kind not in spoken]


def test_the_close_waits_for_its_message_and_keys_derive_from_the_event() -> None:
    comment, close = gate.actions(
        GateOutcome.DENIED,
        person(credit=20),
        event_key="1/opened/5",
        number=5,
        policy=Policy(enforcement=Enforcement.CLOSE),
        fraction=0.5,
    )
    assert (comment.key, close.key) == ("1/opened/5/comment", "1/opened/5/close")
    assert close.after_key == comment.key
    assert (comment.delay_seconds, close.delay_seconds) == (0, 0)
    assert not comment.observed
    assert comment.basis is ActionBasis.DENIED


@pytest.mark.parametrize(("fraction", "delay"), [(0.0, 30), (0.5, 75), (1 - 2**-48, 120)])
def test_a_shadow_close_waits_within_the_policys_bounds(fraction: float, delay: float) -> None:
    actions = gate.actions(
        GateOutcome.BLACKLISTED,
        person(blacklisted=True),
        event_key="k",
        number=5,
        policy=Policy(enforcement=Enforcement.CLOSE, blacklist=BlacklistRules(delay=(30, 120))),
        fraction=fraction,
    )
    assert [action.delay_seconds for action in actions] == [pytest.approx(delay)] * 2


def test_observe_marks_every_action() -> None:
    actions = gate.actions(
        GateOutcome.DENIED, person(), event_key="k", number=5, policy=Policy(), fraction=0.0
    )
    assert all(action.observed for action in actions)


def test_the_label_is_the_same_for_the_poor_and_the_blacklisted() -> None:
    bodies = {
        body
        for outcome in gate.ACTING
        for kind, body in planned(outcome, Enforcement.LABEL)
        if kind is ActionKind.LABEL
    }
    assert bodies == {LABEL}
