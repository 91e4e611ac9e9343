"""What happened and what is to happen: inbox, outbox, and the chain of one decision."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from meritocrab.core.names import ActionBasis, ActionKind, ActionState, Enforcement, EventKind, EventState
from meritocrab.localapi.protocol.base import Answer
from meritocrab.localapi.protocol.evaluations import EvaluationItem
from meritocrab.localapi.protocol.parts import LedgerItem, Person
from meritocrab.localapi.protocol.people import ContributorItem, PullRequestItem


class EventItem(Answer):
    """An event of the inbox; `note` says what was decided, `last_error` what it waits for.

    A maintainer's act has its name in `act`, who did it in `by`, and what was given for it in `reason`.
    """

    id: int
    repository: str
    kind: EventKind
    number: int | None
    author: Person | None
    actor: Person | None
    occurred_at: datetime
    received_at: datetime
    is_history: bool
    source: str
    state: EventState
    attempts: int
    next_attempt_at: datetime
    last_error: str
    handled_at: datetime | None
    enforcement: Enforcement | None
    note: str
    act: str = ""
    by: str = ""
    reason: str = ""


class ActionItem(Answer):
    """An action of the outbox; `cancellable` while it is scheduled and was never attempted.

    `reason` says why it waits, was superseded, cancelled or refused.
    """

    id: int
    repository: str
    number: int
    kind: ActionKind
    basis: ActionBasis
    state: ActionState
    account: Person | None
    body: str
    enforcement: Enforcement
    decided_at: datetime
    not_before_at: datetime
    next_attempt_at: datetime
    attempts: int
    attempted_at: datetime | None
    settled_at: datetime | None
    reason: str
    cancellable: bool


class PolicyValue(Answer):
    """One rule that matters now, and who set it."""

    key: str
    value: Any
    source: str


class WhyAnswer(Answer):
    """The chain of decisions about one issue or pull request, each part oldest first.

    `policy` holds the rules now, `fingerprint` is theirs: where that of an evaluation differs, they changed since.
    """

    repository: str
    number: int
    pull_request: PullRequestItem | None
    author: ContributorItem | None
    gate_at: datetime | None
    policy: tuple[PolicyValue, ...]
    fingerprint: str = ""
    events: tuple[EventItem, ...]
    evaluations: tuple[EvaluationItem, ...]
    ledger: tuple[LedgerItem, ...]
    actions: tuple[ActionItem, ...]
