"""The words of the local API: every request, answer and error as a value. Pure: no socket, no database.

Server, client, terminal UI and OpenAPI document share these models, and `routes` ties them to paths. Answers may grow
keys, so a reader ignores those it does not know; a request with an unknown key is refused. Times are aware UTC,
durations are seconds. Logins and texts are GitHub's and untrusted: escape them before they reach a terminal.
"""

from __future__ import annotations

import unicodedata
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Generic, TypeVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from meritocrab.core.names import (
    ActionBasis,
    ActionKind,
    ActionState,
    ActorKind,
    Classification,
    CreditReason,
    Enforcement,
    EvaluationState,
    EventKind,
    EventState,
    GateOutcome,
    RepositoryState,
    Role,
)

MAX_BODY_BYTES = 64 * 1024
LARGEST_PAGE = 200
LARGEST_DELTA = 10_000
LARGEST_PATCH = 20_000
REQUEST_ID = r"^[A-Za-z0-9._:-]{1,100}$"
IDEMPOTENCY_HEADER = "Idempotency-Key"


class Answer(BaseModel):
    """What the daemon says."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Body(BaseModel):
    """What the daemon is told: unknown keys are mistakes."""

    model_config = ConfigDict(frozen=True, extra="forbid")


# ---- errors


class ErrorCode(StrEnum):
    """Why a request was not carried out."""

    BAD_REQUEST = "bad_request"
    BAD_CURSOR = "bad_cursor"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    REQUEST_TIMEOUT = "request_timeout"
    CONFLICT = "conflict"
    AMBIGUOUS = "ambiguous"
    REQUEST_ID_REUSED = "request_id_reused"
    NOT_READY = "not_ready"
    TOO_LARGE = "too_large"
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    INVALID = "invalid"
    INTERNAL = "internal"
    UNAVAILABLE = "unavailable"


STATUS: dict[ErrorCode, int] = {
    ErrorCode.BAD_REQUEST: 400,
    ErrorCode.BAD_CURSOR: 400,
    ErrorCode.FORBIDDEN: 403,
    ErrorCode.NOT_FOUND: 404,
    ErrorCode.METHOD_NOT_ALLOWED: 405,
    ErrorCode.REQUEST_TIMEOUT: 408,
    ErrorCode.CONFLICT: 409,
    ErrorCode.AMBIGUOUS: 409,
    ErrorCode.REQUEST_ID_REUSED: 409,
    ErrorCode.NOT_READY: 409,
    ErrorCode.TOO_LARGE: 413,
    ErrorCode.UNSUPPORTED_MEDIA_TYPE: 415,
    ErrorCode.INVALID: 422,
    ErrorCode.INTERNAL: 500,
    ErrorCode.UNAVAILABLE: 503,
}


class ErrorDetail(Answer):
    """A code for programs, a sentence for people."""

    code: str
    message: str


class ErrorAnswer(Answer):
    """Every answer that is not a success."""

    error: ErrorDetail


def problems(error: ValidationError) -> str:
    """What a model says about a value, in one line."""
    found = []
    for each in error.errors(include_url=False, include_context=False):
        place = ".".join(str(part) for part in each["loc"])
        text = each["msg"].removeprefix("Value error, ")
        found.append(f"{place}: {text}" if place else text)
    return "; ".join(found)


# ---- parts


class Person(Answer):
    """A GitHub account; where no name was ever seen, `login` is `id:N`, which every path takes too."""

    id: int
    login: str


class ActorView(Answer):
    """Who stands behind a change; `words` is `system`, `@login` or `local:user`."""

    kind: ActorKind
    id: int | None = None
    words: str


class LedgerItem(Answer):
    """One row of the ledger; `words` says in a few words what it is for."""

    id: int
    repository: str
    account: Person
    reason: CreditReason
    words: str
    requested: int
    applied: int
    before: int
    after: int
    blacklisted: bool
    actor: ActorView
    text: str = ""
    number: int | None = None
    event_id: int | None = None
    evaluation_id: int | None = None
    reverses_id: int | None = None
    undone_by_id: int | None = None
    enforcement: Enforcement
    occurred_at: datetime
    appended_at: datetime


T = TypeVar("T")


class Page(Answer, Generic[T]):
    """Some of `total` rows; `next` is the cursor of the page behind this one, None on the last."""

    total: int
    items: tuple[T, ...]
    next: str | None = None


# ---- health


class HealthStatus(StrEnum):
    """`degraded`: works, and something needs a look. `unhealthy`: the database does not answer."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    UNHEALTHY = "unhealthy"


class DatabaseHealth(Answer):
    """Whether the database answers; `reason` says why not."""

    connected: bool
    driver: str
    reason: str = ""


class BudgetHealth(Answer):
    """What was asked of the provider since midnight UTC, and the limits; money is in the price table's currency.

    None is no limit. `calls` counts by outcome, answers that served once more (`cached`) among them.
    """

    requests: int
    tokens: int
    cost: float
    max_requests: int | None = None
    max_tokens: int | None = None
    max_cost: float | None = None
    calls: dict[str, int] = Field(default_factory=dict)


class LlmHealth(Answer):
    """The provider of verdicts; `reason` is its last trouble. `budget` is None for one that costs nothing."""

    provider: str
    model: str | None = None
    available: bool = True
    paused_until: datetime | None = None
    reason: str = ""
    budget: BudgetHealth | None = None


class Queues(Answer):
    """What waits: events to handle, questions to the provider, items for a maintainer, actions to deliver."""

    events_waiting: int = 0
    events_parked: int = 0
    evaluations_queued: int = 0
    review: int = 0
    outbox_scheduled: int = 0


class QuotaHealth(Answer):
    """One credential's hourly limit as GitHub told it last; None before its first answer."""

    credential: str
    limit: int | None = None
    remaining: int | None = None
    resets_at: datetime | None = None
    blocked_until: datetime | None = None


class PauseHealth(Answer):
    """Everything is paused: by whom (empty when the file was made by hand), since when, and why."""

    by: str = ""
    since: datetime | None = None
    reason: str = ""


class Health(Answer):
    """How the daemon is; `reasons` say in words what keeps it from being healthy."""

    status: HealthStatus
    reasons: tuple[str, ...] = ()
    version: str
    started_at: datetime
    uptime_seconds: float
    enforcement: Enforcement
    database: DatabaseHealth
    llm: LlmHealth
    repositories: dict[str, int] = Field(default_factory=dict)
    queues: Queues = Queues()
    quota: tuple[QuotaHealth, ...] = ()
    paused: PauseHealth | None = None


# ---- repositories


class RepositoryItem(Answer):
    """A repository and how it stands. `open_held` counts the open pull requests that the gate holds.

    `braked_at` is since when the breaker keeps it at `observe`, None while it does not.

    `enforcement` is the one in force; None while the repository's own policy was never read.
    """

    name: str
    id: int | None
    state: RepositoryState
    detail: str
    state_since: datetime | None
    watched: bool
    paused: bool
    credential: str
    enforcement: Enforcement | None
    default_branch: str | None
    archived: bool
    baseline_at: datetime | None
    last_poll_at: datetime | None
    next_poll_at: datetime | None
    last_news_at: datetime | None
    interval_seconds: float | None
    errors_in_row: int
    last_error: str
    last_error_at: datetime | None
    policy_error: str
    events_waiting: int
    reads_waiting: int
    review: int
    outbox_scheduled: int
    open_held: int
    contributors: int
    braked_at: datetime | None = None
    brake_reason: str = ""


class RepositoryList(Answer):
    """All repositories ever watched, those watched now first."""

    items: tuple[RepositoryItem, ...]


class PolicyAnswer(Answer):
    """The rules in force, and by dotted key who set each; `error` is what is wrong with `.meritocrab.toml`.

    `read_at` is None while the repository's own file was never read: then these are the daemon's own settings.
    """

    repository: str
    fingerprint: str
    rules: dict[str, Any]
    sources: dict[str, str]
    file: str | None
    read_at: datetime | None
    error: str


# ---- evaluations


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


# ---- contributors


class ContributorItem(Answer):
    """A person in a repository; `changes` counts the ledger rows after the opening balance."""

    account: Person
    repository: str
    credit: int
    blacklisted: bool
    blacklisted_at: datetime | None
    role: Role | None
    first_seen_at: datetime
    changes: int
    last_change_at: datetime | None


class PullRequestItem(Answer):
    """A pull request as last seen, and what the gate made of it."""

    number: int
    title: str
    state: str
    draft: bool
    merged: bool
    gate: GateOutcome | None
    created_at: datetime
    link: str
    closed_by_us_at: datetime | None
    touched_by_maintainer: bool
    withdrawn: bool


class ContributorDetail(ContributorItem):
    """All about one person in a repository; lists are the newest entries."""

    former_logins: tuple[str, ...]
    role_read_at: datetime | None
    pr_threshold: int | None
    blacklist_threshold: int | None
    pull_requests: tuple[PullRequestItem, ...]
    evaluations: tuple[EvaluationItem, ...]
    ledger: Page[LedgerItem]


# ---- inbox and outbox


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


# ---- acts


def _plain_text(text: str) -> str:
    """No control characters (a database refuses some, a terminal obeys others) but tabs and line breaks."""
    if any(unicodedata.category(char) in ("Cc", "Cs") and char not in "\t\n" for char in text):
        raise ValueError("must not hold control characters")
    return text


RequestId = Annotated[str, StringConstraints(pattern=REQUEST_ID)]
Reason = Annotated[
    str, StringConstraints(max_length=2000, strip_whitespace=True), AfterValidator(_plain_text)
]
Delta = Annotated[int, Field(strict=True, ge=-LARGEST_DELTA, le=LARGEST_DELTA)]


class ActBody(Body):
    """What every act may say: why, and an id under which repeating it is harmless."""

    reason: Reason = ""
    request_id: RequestId | None = None


class OverrideBody(ActBody):
    """Another verdict: by class or by number."""

    classification: Classification | None = None
    delta: Delta | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> OverrideBody:
        if (self.classification is None) == (self.delta is None):
            raise ValueError("give either classification or delta")
        return self


class AdjustBody(ActBody):
    """A change of credit by hand."""

    delta: Delta

    @model_validator(mode="after")
    def _not_nothing(self) -> AdjustBody:
        if self.delta == 0:
            raise ValueError("delta must not be 0")
        return self


class ActStatus(StrEnum):
    """`done`: handled, as told. `accepted`: in the inbox, handled as soon as possible."""

    DONE = "done"
    ACCEPTED = "accepted"


class ActAnswer(Answer):
    """What came of an act. `credit` and `blacklisted` are the person's after it, where it is about one."""

    status: ActStatus
    act: str
    event_id: int
    request_id: str
    repository: str
    actor: str
    note: str = ""
    account: Person | None = None
    credit: int | None = None
    blacklisted: bool | None = None
    ledger: tuple[LedgerItem, ...] = ()


class PauseAnswer(Answer):
    """How it stands with the pause of everything after an act. `changed` is False where it was so already.

    `at_rest` is False when a write that had begun before was still without an answer from GitHub.
    """

    paused: PauseHealth | None
    changed: bool
    at_rest: bool = True
    actor: str


# ---- report


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


# ---- questions


class Query(BaseModel):
    """What may stand behind the question mark of an address."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class NoQuery(Query):
    """Nothing may."""


class ReportQuery(Query):
    """From when on (with its zone; a week back without it), of one repository or all."""

    since: AwareDatetime | None = None
    repo: str | None = None


class PageQuery(Query):
    """Which page: `cursor` from the page before, `limit` rows at most."""

    cursor: str | None = None
    limit: int = Field(default=50, ge=1, le=LARGEST_PAGE)


class EvaluationSort(StrEnum):
    """By age."""

    OLDEST = "created"
    NEWEST = "-created"


class EvaluationQuery(PageQuery):
    """Evaluations of one status (all without it), oldest first."""

    status: EvaluationState | None = None
    sort: EvaluationSort = EvaluationSort.OLDEST


class ContributorSort(StrEnum):
    """A minus sign reverses the order."""

    LOGIN = "login"
    LOGIN_REVERSED = "-login"
    CREDIT = "credit"
    CREDIT_REVERSED = "-credit"
    SEEN = "seen"
    SEEN_REVERSED = "-seen"


class ContributorQuery(PageQuery):
    """Contributors whose login begins with `search` (in any case), or one by `id:N`."""

    search: str = Field(default="", max_length=100)
    sort: ContributorSort = ContributorSort.LOGIN
    blacklisted: bool | None = None


class EventQuery(PageQuery):
    """Events of one state (all without it), newest first."""

    state: EventState | None = None


class ActivityQuery(PageQuery):
    """Changes of credit, newest first, of one repository or all."""

    repo: str | None = None


class OutboxQuery(PageQuery):
    """Actions of one state (all without it), newest first, of one repository or all."""

    state: ActionState | None = None
    repo: str | None = None


# ---- the stream


class Topic(StrEnum):
    """What changed, and so what to ask for again."""

    REPOSITORIES = "repositories"
    EVALUATIONS = "evaluations"
    CONTRIBUTORS = "contributors"
    LEDGER = "ledger"
    OUTBOX = "outbox"
    HEALTH = "health"


class Changed(Answer):
    """Something changed; what exactly is there to be asked."""

    topics: tuple[Topic, ...]


class Bye(Answer):
    """The stream ends, and why: the daemon stops. A reader that is too slow is cut off without a word."""

    reason: str


STREAM_EVENTS: dict[str, type[Answer]] = {"hello": Health, "changed": Changed, "bye": Bye}
"""The events of `GET /api/stream` by name, with the JSON that each carries."""
