"""What was done or would have been done, beside what maintainers did."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from meritocrab.core.names import ActionKind, ActionState, Enforcement, EvaluationState, GateOutcome
from meritocrab.localapi.protocol.base import Answer


class Fate(StrEnum):
    """What became of a pull request that the daemon decided about."""

    MERGED = "merged"
    REOPENED = "reopened"  # on a maintainer's word, and open since
    CLOSED = "closed"  # by somebody who is neither its author nor us
    LEFT_CLOSED = "left_closed"  # by us, and nobody objected
    WITHDRAWN = "withdrawn"  # closed by its author
    UNKNOWN = "unknown"  # closed, and by whom was never seen
    OPEN = "open"


class Disagreement(Answer):
    """A pull request that the daemon stopped, or would have, and that maintainers took up all the same."""

    repository: str
    number: int
    title: str
    link: str
    done: ActionState
    fate: Fate
    decided_at: datetime


class RepositoryReport(Answer):
    """One repository within the time asked for.

    Attributes:
        gate: pull requests by the gate's decision as it stands now.
        actions: effects on GitHub by kind, and by what became of them.
        reasons: why actions were superseded, refused or cancelled, the most frequent first.
        verdicts: by class, and by what became of them; `none` is no class.
        stopped: what became of the pull requests that it closed, labelled or held, or was about to.
        observed: what became of those that it would have closed.
        admitted: what became of those that were let in.
        reversals: how often maintainers took back or corrected something.
    """

    name: str
    enforcement: Enforcement | None
    gate: dict[GateOutcome, int]
    actions: dict[ActionKind, dict[ActionState, int]]
    reasons: dict[str, int]
    verdicts: dict[str, dict[EvaluationState, int]]
    stopped: dict[Fate, int]
    observed: dict[Fate, int]
    admitted: dict[Fate, int]
    reversals: dict[str, int]
    disagreements: tuple[Disagreement, ...] = ()


class ReportAnswer(Answer):
    """What the daemon did, or would have done, beside what maintainers did, from `since` until `until`."""

    since: datetime
    until: datetime
    repositories: tuple[RepositoryReport, ...]
