"""The words the whole program shares (enumerations), so that a misspelt state is a type error.

Every value is stored in the database and shown in exports: a released value is never renamed.
"""

from __future__ import annotations

from enum import StrEnum


class EventKind(StrEnum):
    """What happened, in the past tense."""

    PULL_REQUEST_OPENED = "pull_request_opened"
    PULL_REQUEST_READY = "pull_request_ready_for_review"
    PULL_REQUEST_REOPENED = "pull_request_reopened"
    PULL_REQUEST_CLOSED = "pull_request_closed"
    PULL_REQUEST_MERGED = "pull_request_merged"
    COMMENT_CREATED = "comment_created"
    REVIEW_SUBMITTED = "review_submitted"
    VERDICT_REACHED = "verdict_reached"
    OPERATOR_ACTED = "operator_acted"


class EventState(StrEnum):
    """Where an event stands in the inbox."""

    WAITING = "waiting"
    HANDLED = "handled"
    PARKED = "parked"  # failed five times by our own fault; visible, can be tried again
    RECORDED = "recorded"  # history: kept, not scored unless `sync` takes it up


class AccountType(StrEnum):
    """GitHub's own account types."""

    USER = "User"
    BOT = "Bot"
    ORGANIZATION = "Organization"
    MANNEQUIN = "Mannequin"


class Role(StrEnum):
    """A person's role in one repository, by GitHub's role names.

    `NONE` is a stranger. `UNREADABLE` means GitHub refuses to tell (our token may not look): such people are
    neither gated nor penalised. A look-up that merely failed has no role at all: the event waits.
    """

    ADMIN = "admin"
    MAINTAIN = "maintain"
    WRITE = "write"
    TRIAGE = "triage"
    READ = "read"
    NONE = "none"
    UNREADABLE = "unreadable"


class Enforcement(StrEnum):
    """How far the daemon may go in a repository; ordered by `rank`."""

    OBSERVE = "observe"
    LABEL = "label"
    HOLD = "hold"
    CLOSE = "close"

    @property
    def rank(self) -> int:
        """0 for `observe` up to 3 for `close`."""
        return list(Enforcement).index(self)


class Classification(StrEnum):
    """The four classes of a verdict."""

    SPAM = "spam"
    LOW = "low"
    ACCEPTABLE = "acceptable"
    HIGH = "high"


class GateOutcome(StrEnum):
    """What the gate decided about one pull request."""

    PRIVILEGED = "privileged"
    EXEMPT = "exempt"
    BOT = "bot"  # an app that is not listed: a human looks at it, it is never closed
    BLACKLISTED = "blacklisted"
    DRAFT = "draft"  # decided when it becomes ready for review
    DENIED = "denied"  # credit below the threshold
    ADMITTED = "admitted"
    NOT_GATED = "not_gated"  # roles cannot be read here, or the author has no account any more
    MOOT = "moot"  # already closed or merged when the decision was due
    RELEASED = "released"  # a human reopened or released it: final


class EvaluationState(StrEnum):
    """The life of one evaluation."""

    DEFERRED = "deferred"  # from `sync`: recorded, evaluated only on request
    QUEUED = "queued"
    RUNNING = "running"  # claimed by an evaluator under a lease
    FAILED = "failed"  # asked without an answer: the row says why, and when it is asked again
    JUDGED = "judged"  # the verdict is in the inbox
    PENDING = "pending"  # waits for a maintainer
    FOLDED = "folded"  # waits behind another item of the same author, so that a flood is one item
    AUTO_APPLIED = "auto_applied"
    APPROVED = "approved"
    OVERRIDDEN = "overridden"
    UNJUDGED = "unjudged"  # the provider had nothing to say that counts
    VOIDED = "voided"  # overtaken by events; the note says by which
    EXPIRED = "expired"  # nobody decided in time: changes nothing


class CreditReason(StrEnum):
    """Why a ledger row exists."""

    OPENING = "opening"
    PULL_REQUEST = "pull_request"
    COMMENT = "comment"
    MERGED = "merged"
    REVIEW = "review"
    OVERRIDE = "override"
    WITHDRAWN = "withdrawn"  # the author closed the pull request before a maintainer touched it
    UNDO = "undo"
    BLACKLISTED = "blacklisted"  # changes the flag, not the credit
    UNBLACKLISTED = "unblacklisted"  # changes the flag; lifts credit to the threshold


class ActorKind(StrEnum):
    """Who stands behind a credit event."""

    SYSTEM = "system"
    GITHUB = "github"
    LOCAL = "local"


class ActionKind(StrEnum):
    """One effect on GitHub."""

    COMMENT = "comment"
    CLOSE = "close"
    REOPEN = "reopen"
    LABEL = "label"
    UNLABEL = "unlabel"
    STATUS = "status"
    REACTION = "reaction"


class ActionBasis(StrEnum):
    """On what ground an action was decided: what must still hold when it is delivered."""

    DENIED = "denied"
    BLACKLISTED = "blacklisted"
    COMMAND = "command"
    RELEASE = "release"


class ActionState(StrEnum):
    """Where an action stands in the outbox."""

    SCHEDULED = "scheduled"
    DELIVERED = "delivered"
    SUPERSEDED = "superseded"
    CANCELLED = "cancelled"
    REFUSED = "refused"  # GitHub said no for good
    OBSERVED = "observed"  # what would have been done; never delivered


class NoticeKind(StrEnum):
    """What a maintainer may be told elsewhere."""

    QUEUE = "queue"  # something waits for a decision
    CLOSE = "close"  # a pull request was closed by us
    ERROR = "error"  # something is broken, or well again
    BREAKER = "breaker"  # a repository fell to observe


class NoticeState(StrEnum):
    """Where a notification stands."""

    WAITING = "waiting"
    SENT = "sent"
    DROPPED = "dropped"  # too old to be of use


class RepositoryState(StrEnum):
    """How a repository stands with us, as shown to the maintainer."""

    NEW = "new"
    OK = "ok"
    ROLES_UNREADABLE = "roles_unreadable"
    POLICY_BROKEN = "policy_broken"
    ARCHIVED = "archived"
    RENAMED = "renamed"
    REPLACED = "replaced"
    NOT_FOUND = "not_found"
    FORBIDDEN = "forbidden"
    UNAUTHORIZED = "unauthorized"
    SUSPENDED = "suspended"
    REMOVED = "removed"
    RATE_LIMITED = "rate_limited"
    GITHUB_ERROR = "github_error"
    BAD_ANSWER = "bad_answer"
    UNREACHABLE = "unreachable"


SOUND = frozenset({RepositoryState.NEW, RepositoryState.OK, RepositoryState.ARCHIVED})
"""States of a repository that need nobody's attention."""
