"""Facts, frozen at the door: what the poller files, the inbox stores and the handlers read.

An event's key is (repository, kind, GitHub object), and for repeatable kinds the fact's own id, so that filing it
twice is harmless.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from typing import Any

from meritocrab.core.names import AccountType, Classification, EventKind

GHOST_ID = 10137
"""The account GitHub shows in place of a deleted one (`ghost`)."""


@dataclass(frozen=True, slots=True)
class Account:
    """One GitHub account; the id is the identity, the login is only today's name."""

    id: int
    login: str
    type: AccountType = AccountType.USER

    @property
    def is_forgotten(self) -> bool:
        """True for whoever asked to be forgotten: no name is kept."""
        return not self.login

    @property
    def is_bot(self) -> bool:
        """True for apps' bot accounts."""
        return self.type is AccountType.BOT

    @property
    def holds_credit(self) -> bool:
        """False for bots, organizations, mannequins and the ghost."""
        return self.type is AccountType.USER and self.id != GHOST_ID


@dataclass(frozen=True, slots=True)
class PullRequestFacts:
    """What an opened pull request says; `body` is the text as first seen."""

    title: str
    body: str
    link: str
    draft: bool = False


@dataclass(frozen=True, slots=True)
class TransitionFacts:
    """A change of a pull request's state; `link` leads to the pull request."""

    link: str


@dataclass(frozen=True, slots=True)
class CommentFacts:
    """A conversation comment. `edited` means: already edited when first seen."""

    body: str
    link: str
    node_id: str
    on_pull_request: bool
    edited: bool = False


@dataclass(frozen=True, slots=True)
class ReviewFacts:
    """A submitted review; `state` is GitHub's (APPROVED, CHANGES_REQUESTED, COMMENTED, DISMISSED)."""

    state: str
    body: str
    link: str


@dataclass(frozen=True, slots=True)
class VerdictFacts:
    """A provider's answer to one evaluation. `advisory` verdicts are never applied by themselves.

    `classification` is None when the provider had nothing to say. `flagged`: the contribution holds what may have
    steered a model. `confirmed` says whether a second opinion agreed; None when there was none.
    """

    evaluation_id: int
    provider: str
    classification: Classification | None
    confidence: float
    reasoning: str
    advisory: bool = False
    flagged: bool = False
    confirmed: bool | None = None


@dataclass(frozen=True, slots=True)
class OperatorFacts:
    """An act of a maintainer at the terminal: `act` with its arguments, by a local user."""

    act: str
    user: str
    uid: int
    account_id: int | None = None
    evaluation_id: int | None = None
    ledger_id: int | None = None
    action_id: int | None = None
    classification: Classification | None = None
    delta: int | None = None
    reason: str = ""


Facts = PullRequestFacts | TransitionFacts | CommentFacts | ReviewFacts | VerdictFacts | OperatorFacts

FACTS: Mapping[EventKind, type[Facts]] = {
    EventKind.PULL_REQUEST_OPENED: PullRequestFacts,
    EventKind.PULL_REQUEST_READY: TransitionFacts,
    EventKind.PULL_REQUEST_REOPENED: TransitionFacts,
    EventKind.PULL_REQUEST_CLOSED: TransitionFacts,
    EventKind.PULL_REQUEST_MERGED: TransitionFacts,
    EventKind.COMMENT_CREATED: CommentFacts,
    EventKind.REVIEW_SUBMITTED: ReviewFacts,
    EventKind.VERDICT_REACHED: VerdictFacts,
    EventKind.OPERATOR_ACTED: OperatorFacts,
}


TEXTS = frozenset({"title", "body", "link", "reasoning", "reason"})
"""The fields of facts that hold words of people, or lead to them."""


def without_texts(facts: Facts) -> Facts:
    """The same facts with every text empty; numbers, codes and flags stay, so that they can still be read."""
    texts = {each.name: "" for each in fields(facts) if each.name in TEXTS}
    return replace(facts, **texts)  # type: ignore[arg-type]  # every text is a string


def is_erased(facts: Facts) -> bool:
    """Whether the texts were erased: GitHub gives everything a link."""
    return "link" in {each.name for each in fields(facts)} and not getattr(facts, "link", "")


@dataclass(frozen=True, slots=True)
class Event:
    """One fact. `author` wrote the thing it is about; `actor` did it (both may be the same person).

    `is_history` marks facts from before the repository's baseline: never gated, obeyed or answered.
    Times are aware UTC and GitHub's own.
    """

    key: str
    repository_id: int
    kind: EventKind
    occurred_at: datetime
    facts: Facts
    number: int | None = None
    github_id: int | None = None
    author: Account | None = None
    actor: Account | None = None
    is_history: bool = False

    @property
    def lane(self) -> str:
        """Events of one lane are handled in order; a waiting one holds back only its own lane."""
        if self.number is not None:
            return f"{self.repository_id}#{self.number}"
        return f"{self.repository_id}/{self.key}"


def event_key(repository_id: int, kind: EventKind, object_id: int | str) -> str:
    """The key of a fact; `object_id` is GitHub's id of the object or, for repeatable kinds, of the fact."""
    return f"{repository_id}/{kind}/{object_id}"


def facts_to_json(facts: Facts) -> dict[str, Any]:
    """A plain dictionary that `facts_from_json` turns back into the same facts."""
    return asdict(facts)


def facts_from_json(kind: EventKind, data: Mapping[str, Any]) -> Facts:
    """The facts of an event of this kind; unknown keys (from a newer version) are dropped.

    Raises:
        TypeError: a required key is missing.
    """
    cls = FACTS[kind]
    known = {f.name for f in fields(cls)}
    values = {name: value for name, value in data.items() if name in known}
    if values.get("classification") is not None:
        values["classification"] = Classification(values["classification"])
    return cls(**values)
