"""How things of the daemon look as rows: the same change of credit looks the same on every screen. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from textual.content import Content

from meritocrab.localapi.protocol import (
    ActionItem,
    ContributorItem,
    EvaluationItem,
    LedgerItem,
    PullRequestItem,
)
from meritocrab.tui import words
from meritocrab.tui.columns import Column
from meritocrab.tui.text import plain


def login(name: str) -> Content:
    """An account as people write it; apps keep their `[bot]`."""
    return plain(name if name.startswith("id:") else f"@{name}", 60)


def change(number: int) -> Content:
    """A change of credit, its sign in words and colour."""
    return Content.styled(
        words.signed(number), "$success" if number > 0 else "$error" if number < 0 else "dim"
    )


def rule(name: str) -> Content:
    """Where a part of a text begins."""
    return Content.styled(f"── {name} " + "─" * 24, "dim")


def ledger_columns(*, person: bool = True) -> tuple[Column, ...]:
    """The columns of `ledger_cells`; without the person where all rows are one's."""
    who = (Column("who", 16, grow=1), Column("repository", 14, grow=1, rank=3)) if person else ()
    return (
        Column("when", 4, right=True),
        *who,
        Column("change", 6, right=True),
        Column("credit", 6, right=True),
        Column("what for", 20, grow=3),
        Column("by", 12, grow=1, rank=1),
    )


def ledger_cells(item: LedgerItem, now: datetime) -> list[Content]:
    """A change of credit with its person."""
    when, *rest = own_ledger_cells(item, now)
    return [when, login(item.account.login), plain(item.repository), *rest]


def own_ledger_cells(item: LedgerItem, now: datetime) -> list[Content]:
    """A change of credit without its person."""
    cut = f" ({words.signed(item.requested)} asked)" if item.requested != item.applied else ""
    why = plain(f"{item.words}{cut}" + (f": {item.text}" if item.text else ""))
    if item.undone_by_id is not None:
        why = Content.assemble(("undone ", "$warning"), why.stylize("strike dim"))
    return [
        Content.styled(words.age(item.occurred_at, now), "dim"),
        change(item.applied),
        Content.styled(f"{item.after:,}", "$error" if item.blacklisted else ""),
        why,
        plain(item.actor.words),
    ]


def queue_columns(*, several: bool) -> tuple[Column, ...]:
    """The columns of `queue_cells`; where `several` repositories are watched, each item says whose it is."""
    repository = (Column("repository", 10),) if several else ()
    return (
        Column("age", 4, right=True),
        Column("#", 6, right=True),
        Column("author", 10, grow=1),
        Column("verdict", 13),
        Column("would", 5, right=True, rank=1),
        Column("title", 10, grow=4),
        *repository,
    )


def short_names(names: Sequence[str]) -> dict[str, str]:
    """Repositories without their owner, where that leaves no doubt which one is meant."""
    short = Counter(name.rpartition("/")[2] for name in names)
    return {name: last if short[last := name.rpartition("/")[2]] == 1 else name for name in names}


def queue_cells(item: EvaluationItem, now: datetime, repository: str, *, blind: bool) -> list[Content]:
    """An item of the review queue, in a repository that is called so."""
    blind = blind and not is_proposal(item)
    look = words.verdict(item.classification)
    hidden = Content.styled("· · ·", "dim")
    label = Content.styled(f"{look.label}", look.style)
    if item.confidence is not None:
        short = "accept." if look.word == "acceptable" else look.word
        label = Content.styled(f"{look.symbol} {short} {item.confidence * 100:.0f}%", look.style)
    subject, title = words.subject(item.subject), item.title or item.excerpt
    if item.subject != "pull_request":
        title = f"{subject}: {title}" if title else subject
    flags = Content.styled("⚑ ", "$error bold") if item.flags else Content("")
    return [
        Content.styled(words.age(item.created_at, now), "dim"),
        Content.styled(f"#{item.number}", "dim"),
        login(item.author.login),
        hidden if blind else label,
        hidden if blind else (Content("–") if item.proposed_delta is None else change(item.proposed_delta)),
        flags + plain(title),
        plain(repository),
    ]


def is_proposal(item: EvaluationItem) -> bool:
    """Is it a question whether to blacklist? No provider thought about it, so there is nothing to hide."""
    return item.subject == "blacklist"


CONTRIBUTOR_COLUMNS = (
    Column("login", 20, grow=3),
    Column("credit", 7, right=True),
    Column("state", 13),
    Column("role", 10, rank=1),
    Column("changes", 7, right=True, rank=2),
    Column("last change", 11, grow=1),
    Column("first seen", 11, grow=1, rank=3),
)


def contributor_cells(item: ContributorItem, now: datetime) -> list[Content]:
    """A person in a repository."""
    banned = Content.styled("✗ blacklisted", "$error") if item.blacklisted else Content.styled("–", "dim")
    return [
        login(item.account.login),
        Content.styled(f"{item.credit:,}", "bold"),
        banned,
        Content.styled("–", "dim") if item.role is None or item.role == "none" else Content(str(item.role)),
        Content.styled(f"{item.changes:,}", "" if item.changes else "dim"),
        Content(words.ago(item.last_change_at, now)),
        Content(words.ago(item.first_seen_at, now)),
    ]


ACTION_COLUMNS = (
    Column("decided", 7, right=True),
    Column("repository", 14, grow=1, rank=3),
    Column("#", 6, right=True),
    Column("what", 14),
    Column("state", 12),
    Column("when", 10),
    Column("about", 12, grow=1, rank=1),
    Column("why", 12, grow=3),
)


def action_cells(item: ActionItem, now: datetime) -> list[Content]:
    """An action of the outbox."""
    look = words.action_state(item.state)
    due = (
        words.until(item.next_attempt_at, now) if item.settled_at is None else words.ago(item.settled_at, now)
    )
    return [
        Content.styled(words.age(item.decided_at, now), "dim"),
        plain(item.repository),
        Content(f"#{item.number}"),
        Content(words.action_kind(item.kind)),
        Content.styled(look.label, look.style),
        Content(due),
        login(item.account.login) if item.account is not None else Content("–"),
        plain(item.reason or f"{item.basis}"),
    ]


PULL_COLUMNS = (
    Column("age", 4, right=True),
    Column("#", 6, right=True),
    Column("state", 8),
    Column("gate", 14),
    Column("title", 20, grow=1),
)


def pull_cells(item: PullRequestItem, now: datetime) -> list[Content]:
    """A pull request of somebody."""
    look = words.gate(item.gate)
    state = "merged" if item.merged else "draft" if item.draft and item.state == "open" else item.state
    return [
        Content.styled(words.age(item.created_at, now), "dim"),
        Content(f"#{item.number}"),
        plain(state),
        Content.styled(look.label, look.style),
        plain(item.title),
    ]
