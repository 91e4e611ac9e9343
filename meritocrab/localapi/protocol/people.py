"""Contributors and their pull requests."""

from __future__ import annotations

from datetime import datetime

from meritocrab.core.names import GateOutcome, Role
from meritocrab.localapi.protocol.base import Answer
from meritocrab.localapi.protocol.evaluations import EvaluationItem
from meritocrab.localapi.protocol.parts import LedgerItem, Page, Person


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
