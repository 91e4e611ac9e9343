"""The review queue: contributions, verdicts, and what deciding would do."""

from __future__ import annotations

from datetime import datetime

from meritocrab.core.names import Classification, EvaluationState, Role
from meritocrab.localapi.protocol.base import Answer
from meritocrab.localapi.protocol.parts import LedgerItem, Person


class EvaluationItem(Answer):
    """One question about a contribution, with its verdict and what became of it. `excerpt` begins the text.

    `proposed_delta` is what approving changes; `credit` is the author's now. `flags` say what looked like deceit.
    `decided_reason` is what a maintainer gave for deciding so. `policy` is the fingerprint of the rules whose `deltas`
    count: those in force when the contribution was made.
    """

    id: int
    repository: str
    number: int
    subject: str
    status: EvaluationState
    reason: str
    spam_only: bool
    author: Person
    title: str
    excerpt: str
    link: str
    created_at: datetime
    provider: str
    model: str
    classification: Classification | None
    confidence: float | None
    reasoning: str
    flags: tuple[str, ...] = ()
    deltas: dict[Classification, int]
    policy: str = ""
    proposed_delta: int | None
    decided_classification: Classification | None
    decided_by: str
    decided_at: datetime | None
    decided_reason: str = ""
    last_error: str
    credit: int
    blacklisted: bool


class Forecast(Answer):
    """What deciding for this class would do: `applied` is `delta` within floor and daily cap.

    `below_threshold`: the gate would stop the author's next pull request. `reopens` are pull requests that would be
    reopened or freed.
    """

    delta: int
    applied: int
    credit_after: int
    blacklists: bool
    proposes_blacklist: bool
    below_threshold: bool
    reopens: tuple[int, ...] = ()


class CallItem(Answer):
    """One question to a provider that costs something, and what came back; `opinion` 2 is a second opinion.

    While `outcome` is `asked`, tokens and cost are an estimate. `cost` is None where the price is not known.
    """

    asked_at: datetime
    opinion: int
    provider: str
    model: str
    prompt_version: str
    outcome: str
    classification: Classification | None
    confidence: float | None
    reasoning: str
    raw_answer: str
    input_tokens: int | None
    output_tokens: int | None
    cost: float | None
    latency_seconds: float | None


class EvaluationDetail(EvaluationItem):
    """All about one evaluation. `approve` is what approving would do, `forecasts` what each class would; None and
    empty while there is nothing to decide, and a blacklist proposal has no classes.

    `moves_credit` is False for authors who neither earn nor lose. `folded` counts items that wait behind this one.
    """

    text: str
    role: Role | None
    pr_threshold: int | None
    blacklist_threshold: int | None
    moves_credit: bool
    approve: Forecast | None
    forecasts: dict[Classification, Forecast]
    folded: int
    calls: tuple[CallItem, ...] = ()
    earlier: int
    history: tuple[LedgerItem, ...]


class FileItem(Answer):
    """A changed file; `patch` is GitHub's, empty for binaries, cut at `LARGEST_PATCH` characters."""

    path: str
    status: str
    additions: int
    deletions: int
    patch: str


class FileList(Answer):
    """The first hundred files of a pull request, as GitHub shows them now."""

    items: tuple[FileItem, ...]
