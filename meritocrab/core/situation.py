"""What a handler may look at besides the event and the policy: a snapshot of what we know, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from meritocrab.core.events import Account, PullRequestFacts
from meritocrab.core.names import (
    ActionKind,
    ActionState,
    Classification,
    EvaluationState,
    GateOutcome,
    Role,
)


@dataclass(frozen=True, slots=True)
class PullRequest:
    """A pull request as last seen.

    `close_attempted` is true once the relay has tried to close it, whether or not the answer arrived;
    `message_attempted` says the same of the gate's message.
    """

    number: int
    author: Account | None
    state: str
    merged: bool
    gate: GateOutcome | None
    created_at: datetime
    link: str = ""
    title: str = ""
    close_attempted: bool = False
    message_attempted: bool = False
    closed_by_us_at: datetime | None = None
    labelled: bool = False
    has_status: bool = False
    touched_by_maintainer: bool = False
    withdrawn: bool = False

    @property
    def is_open(self) -> bool:
        """True while neither closed nor merged."""
        return self.state == "open" and not self.merged


@dataclass(frozen=True, slots=True)
class LedgerLine:
    """A ledger row as a reply shows it."""

    id: int
    reason: str
    applied: int
    after: int
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class Contributor:
    """A person in this repository. `held` are the pull requests that the gate denied or shadowed."""

    account: Account
    role: Role
    credit: int
    blacklisted: bool = False
    held: tuple[PullRequest, ...] = ()
    latest: tuple[LedgerLine, ...] = ()


@dataclass(frozen=True, slots=True)
class EvaluationView:
    """An evaluation as the handlers need it.

    `classification` is the one that counts, `judged` the provider's own. `ledger_id` is the row by which it moves
    credit now (None when it moves none, or that was taken back), `applied` what that row really changed, `moves` how
    many such rows there have been.
    """

    id: int
    key: str
    account_id: int
    number: int
    subject: str
    state: EvaluationState
    reason: str
    spam_only: bool
    classification: Classification | None
    proposed_delta: int | None
    deltas: Mapping[Classification, int]
    judged: Classification | None = None
    ledger_id: int | None = None
    applied: int = 0
    moves: int = 0


@dataclass(frozen=True, slots=True)
class ActionView:
    """An action of the outbox as the handlers need it; `attempted`: sent at least once, whatever the answer."""

    id: int
    kind: ActionKind
    number: int
    state: ActionState
    attempted: bool


@dataclass(frozen=True, slots=True)
class UndoneRow:
    """A ledger row that a maintainer wants undone.

    `blacklisting_id` is the automatic blacklisting that followed from this row, `flagged_by_id` the row that the
    person's blacklist flag stands on now; None where there is none.
    """

    id: int
    key: str
    account_id: int
    applied: int
    cap_day: int | None
    blacklisted_before: bool
    blacklisted_after: bool
    undone: bool
    blacklisting_id: int | None = None
    flagged_by_id: int | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """Whom a command names: exactly one account, several candidates, or nobody (`problem` says which)."""

    contributor: Contributor | None = None
    candidates: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Situation:
    """Everything a handler may look at.

    `companions` are the other actions that were decided together with `action`. `paused` and `braked` (by the
    breaker) are the repository's. `fraction` in [0, 1) spreads random delays: it derives from the event's key and the
    installation's own seed, so that a repeated handling chooses alike and an outsider cannot foresee it.
    """

    author: Contributor | None = None
    actor: Contributor | None = None
    own_account_id: int | None = None
    own_reopen: bool = False
    pull_request: PullRequest | None = None
    opened: PullRequestFacts | None = None
    targets: Mapping[str, Target] = field(default_factory=dict)
    edited_by_other: bool = False
    status_answers_today: int = 0
    repeated_text: bool = False
    evaluation: EvaluationView | None = None
    pull_request_evaluations: tuple[EvaluationView, ...] = ()
    undone: UndoneRow | None = None
    action: ActionView | None = None
    companions: tuple[ActionView, ...] = ()
    paused: bool = False
    braked: bool = False
    fraction: float = 0.5
