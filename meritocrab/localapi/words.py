"""A few words for what codes stand for, so that every reader shows the same. Pure."""

from __future__ import annotations

from typing import Final

from meritocrab.core.names import ActorKind, Classification, CreditReason, RepositoryState

WORDS = {
    CreditReason.OPENING: "opening balance",
    CreditReason.PULL_REQUEST: "pull request {where}",
    CreditReason.COMMENT: "comment on {where}",
    CreditReason.MERGED: "pull request {where} merged",
    CreditReason.REVIEW: "review of {where}",
    CreditReason.OVERRIDE: "changed by hand",
    CreditReason.WITHDRAWN: "pull request {where} withdrawn by its author",
    CreditReason.UNDO: "undo of row {reverses}",
    CreditReason.BLACKLISTED: "blacklisted",
    CreditReason.UNBLACKLISTED: "off the blacklist",
}


def reason_words(
    reason: CreditReason,
    *,
    number: int | None,
    reverses_id: int | None,
    judged: Classification | None,
    automatic: bool,
) -> str:
    """What a ledger row is for."""
    words = WORDS[reason].format(where=f"#{number}" if number else "an unknown thread", reverses=reverses_id)
    if judged is not None and reason in (CreditReason.PULL_REQUEST, CreditReason.COMMENT):
        return f"{words} judged {judged}"
    if reason is CreditReason.BLACKLISTED and automatic:
        return f"{words}: credit fell to the threshold"
    return words


def actor_words(kind: ActorKind, login: str, local_name: str) -> str:
    """Who did it."""
    if kind is ActorKind.SYSTEM:
        return "system"
    return f"@{login}" if kind is ActorKind.GITHUB else f"local:{local_name}"


_QUEUE_REASONS: Final = {
    "low_confidence": "the confidence is too low to apply it",
    "flagged": "it holds what may have steered the model",
    "unconfirmed": "a second opinion is missing",
    "opinions_differ": "two opinions differ",
    "opens_gate": "it would lift the author over the threshold",
    "advisory": "this provider only advises",
    "only_spam_counts": "the gate stopped it, so only spam counts",
    "merged": "it was merged meanwhile",
    "role_unreadable": "the author's role cannot be read",
    "nothing_to_say": "the provider has nothing to say",
    "no_usable_answer": "the provider gave no usable answer",
    "unanswered": "the provider did not answer for too long",
    "author_ceiling": "too many questions about this author in an hour; not judged",
    "budget_requests": "the day's requests are used up; not judged",
    "budget_tokens": "the day's tokens are used up; not judged",
    "budget_cost": "the day's money is used up; not judged",
    "budget_repository": "this repository's budget is used up; not judged",
    "blacklist_proposed": "credit fell to the blacklist threshold",
    "bot": "an app that is not on the list of exempt ones",
}


def queue_reason(code: str) -> str:
    """Why an item waits for a maintainer."""
    return _QUEUE_REASONS.get(code, code.replace("_", " "))


_SUBJECTS: Final = {
    "pull_request": "pull request",
    "comment": "comment",
    "blacklist": "blacklist proposal",
    "blacklist_proposal": "blacklist proposal",
}


def subject(code: str) -> str:
    """What kind of contribution it is."""
    return _SUBJECTS.get(code, code.replace("_", " "))


def repository_state(state: RepositoryState | str) -> str:
    """How a repository stands."""
    return "GitHub error" if state == RepositoryState.GITHUB_ERROR else state.replace("_", " ")
