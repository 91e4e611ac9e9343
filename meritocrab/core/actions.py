"""What a handler may want: inert values that can be stored, shown and compared before anything happens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from meritocrab.core.names import (
    ActionBasis,
    ActionKind,
    ActorKind,
    Classification,
    CreditReason,
    EvaluationState,
    GateOutcome,
)


@dataclass(frozen=True, slots=True)
class Actor:
    """Who stands behind a change: the system itself, a GitHub account (id) or a local user (uid)."""

    kind: ActorKind
    id: int | None = None
    name: str = ""


SYSTEM = Actor(ActorKind.SYSTEM)


@dataclass(frozen=True, slots=True)
class CreditEvent:
    """One wanted change of credit; the ledger applies the floor and, if `capped`, the daily cap.

    `set_blacklisted` changes the flag together with the row.
    """

    key: str
    account_id: int
    requested: int
    reason: CreditReason
    actor: Actor = SYSTEM
    number: int | None = None
    capped: bool = False
    cap_day: int | None = None
    set_blacklisted: bool | None = None
    evaluation_id: int | None = None
    reverses_id: int | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class EvaluationRequest:
    """A new question about a contribution (or, as `pending` from the start, an item for a human).

    `deltas` are by the policy in force when the contribution was made; `policy` is that one's fingerprint.
    """

    key: str
    account_id: int
    number: int
    subject: str
    state: EvaluationState
    title: str
    text: str
    link: str
    digest: str
    deltas: Mapping[Classification, int]
    spam_only: bool = False
    reason: str = ""
    policy: str = ""


@dataclass(frozen=True, slots=True)
class EvaluationChange:
    """A step in the life of an evaluation; None leaves a value as it is.

    `undecided` empties what a maintainer decided: who, when and which class; `delta` is the proposal again, None too.
    """

    evaluation_id: int
    state: EvaluationState | None = None
    reason: str | None = None
    spam_only: bool | None = None
    classification: Classification | None = None
    delta: int | None = None
    decided_by: str = ""
    undecided: bool = False


@dataclass(frozen=True, slots=True)
class Action:
    """One intended effect on GitHub. `delay_seconds` counts from the decision.

    `observed` actions are recorded for the maintainer to read and never delivered.
    """

    key: str
    kind: ActionKind
    basis: ActionBasis
    number: int
    account_id: int | None = None
    body: str = ""
    after_key: str | None = None
    target_id: int | None = None
    delay_seconds: float = 0.0
    observed: bool = False


@dataclass(frozen=True, slots=True)
class Cancellation:
    """Scheduled actions of the gate about this pull request are not wanted any more."""

    number: int
    reason: str


@dataclass(frozen=True, slots=True)
class CancelAction:
    """One scheduled action is not wanted any more: a maintainer says so."""

    action_id: int
    reason: str


@dataclass(frozen=True, slots=True)
class RepositoryChange:
    """What a maintainer wants of the event's repository; None leaves a value as it is.

    `released` ends what the breaker did.
    """

    paused: bool | None = None
    poll_now: bool = False
    released: bool = False


@dataclass(frozen=True, slots=True)
class PullRequestChange:
    """What becomes known about a pull request; None leaves a value as it is."""

    number: int
    gate: GateOutcome | None = None
    touched_by_maintainer: bool | None = None
    withdrawn: bool | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """All that handling one event changes; applied in one transaction with the event's own state.

    `refused` marks a maintainer's act that changes nothing, for the reason in the notes.
    """

    credit_events: tuple[CreditEvent, ...] = ()
    evaluations: tuple[EvaluationRequest | EvaluationChange, ...] = ()
    pull_requests: tuple[PullRequestChange, ...] = ()
    cancellations: tuple[Cancellation, ...] = ()
    actions: tuple[Action, ...] = ()
    notes: tuple[str, ...] = field(default=())
    repositories: tuple[RepositoryChange, ...] = ()
    cancelled_actions: tuple[CancelAction, ...] = ()
    refused: bool = False

    def __add__(self, other: Decision) -> Decision:
        """Both decisions, this one's parts first."""
        return Decision(
            self.credit_events + other.credit_events,
            self.evaluations + other.evaluations,
            self.pull_requests + other.pull_requests,
            self.cancellations + other.cancellations,
            self.actions + other.actions,
            self.notes + other.notes,
            self.repositories + other.repositories,
            self.cancelled_actions + other.cancelled_actions,
            self.refused or other.refused,
        )

    def observed(self) -> Decision:
        """The same decision with every action only recorded."""
        return replace(self, actions=tuple(replace(action, observed=True) for action in self.actions))


def note(text: str) -> Decision:
    """A decision that changes nothing and says why."""
    return Decision(notes=(text,))


def refuse(text: str) -> Decision:
    """The answer to a maintainer's act that cannot be done (any more), and why."""
    return Decision(notes=(text,), refused=True)
