"""A few words for what codes stand for, so that every reader shows the same. Pure."""

from __future__ import annotations

from meritocrab.core.names import ActorKind, Classification, CreditReason

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
