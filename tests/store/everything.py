"""Rows of invented people in every table, for what works on whole databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from meritocrab.core.names import ActorKind, CreditReason, Enforcement
from meritocrab.store import ledger, settings
from meritocrab.store.models import (
    AccountRow,
    CallRow,
    EvaluationRow,
    EventRow,
    Feed,
    FormerLogin,
    NotificationRow,
    OutboxRow,
    ProviderRow,
    PullRequestRow,
    Read,
    Repository,
    RoleRow,
    Tombstone,
)

NOW = datetime(2026, 3, 1, 12, 0, 0, 123_000, tzinfo=UTC)
REPO = 5_350_000_001
ROSA, TIL = 7_000_000_007, 8
BODY = "Grüße – 漢字 🦀 'quoted' \"twice\""


def fill() -> None:
    """Two people in one repository; runs inside a transaction."""
    settings.put("seed", "00ff")
    Repository.create(
        github_id=REPO,
        full_name="octo/garden",
        name_key="octo/garden",
        access="token",
        braked_at=NOW,
        brake_reason="the breaker fell",
    )
    NotificationRow.create(
        key="close/1",
        kind="close",
        code="",
        repository_row_id=1,
        number=1,
        created_at=NOW,
        state="sent",
        message="close-1",
        next_attempt_at=NOW,
        url_at=NOW,
        settled_at=NOW,
    )
    Feed.create(repository_id=REPO, name="issues", cursor_at=NOW, finished=True)
    Feed.create(repository_id=REPO, name="Comments", etag='W/"1"')
    for number in (1, 2):
        Read.create(
            repository_id=REPO,
            number=number,
            kind="pull",
            source="poll",
            wanted_at=NOW,
            next_attempt_at=NOW,
        )
    Read.delete().where(Read.number == 2).execute()  # its id must never come back
    ProviderRow.create(name="claude", failures_in_row=1)
    ProviderRow.create(name="Zed", failures_in_row=0)
    Tombstone.create(account_id=9, forgotten_at=NOW)
    for account, login in ((ROSA, "rosa"), (TIL, "til")):
        _person(account, login)


def _person(account: int, login: str) -> None:
    AccountRow.create(id=account, login=login, login_key=login, type="User", seen_at=NOW)
    FormerLogin.create(account_id=account, login_key=login, seen_at=NOW)
    RoleRow.create(repository_id=REPO, account_id=account, role="none", fetched_at=NOW)
    PullRequestRow.create(
        repository_id=REPO,
        number=account,
        author_id=account,
        title=f"{login}'s change",
        state="closed",
        created_at=NOW,
        updated_at=NOW,
        draft=True,
    )
    event = add_event(account, f"{REPO}/pull_request_opened/{account}", title=f"{login}'s change")
    evaluation = EvaluationRow.create(
        key=f"{event.key}/evaluation",
        repository_id=REPO,
        event_id=event.id,
        account_id=account,
        number=account,
        subject="pull_request",
        state="auto_applied",
        digest=f"digest of {login}",
        title=f"{login}'s change",
        text=BODY,
        link="https://github.example/octo/garden/pull/1",
        deltas='{"high": 15}',
        created_at=NOW,
        waits_since_at=NOW,
        next_attempt_at=NOW,
        confidence=0.1 + 0.2,
        reasoning=f"{login} knows",
        decided_at=NOW,
    )
    CallRow.create(
        evaluation_id=evaluation.id,
        repository_id=REPO,
        account_id=account,
        opinion=1,
        provider="claude",
        model="m",
        prompt_version="1",
        digest=f"digest of {login}",
        asked_at=NOW,
        outcome="answered",
        raw_answer=f"raw about {login}",
        reasoning=f"{login} knows",
    )
    OutboxRow.create(
        key=f"{event.key}/comment",
        repository_id=REPO,
        number=account,
        event_id=event.id,
        account_id=account,
        kind="comment",
        basis="denied",
        body=f"Thank you, {login}.",
        state="delivered",
        enforcement="close",
        decided_at=NOW,
        not_before_at=NOW,
        next_attempt_at=NOW,
        attempted_at=NOW,
        settled_at=NOW,
    )
    credit(account, event.id, evaluation.id, text=f"because of {login}")


def add_event(author: int | None, key: str, *, title: str = "A change", **values: Any) -> EventRow:
    """A handled event about an opened pull request."""
    given = {
        "lane": f"{REPO}#{author}",
        "repository_id": REPO,
        "kind": "pull_request_opened",
        "number": author,
        "author_id": author,
        "actor_id": author,
        "occurred_at": NOW,
        "received_at": NOW,
        "source": "poll",
        "facts": '{"title": "'
        + title
        + '", "body": "Hello", "link": "https://github.example/1", "draft": false}',
        "state": "handled",
        "next_attempt_at": NOW,
        "handled_at": NOW,
        "note": "gate: admitted",
    }
    return EventRow.create(key=key, **(given | values))


def credit(account: int, event_id: int, evaluation_id: int | None = None, *, text: str = "") -> None:
    """An opening balance and two changes, one of which falls to the floor and blacklists."""
    ledger.open_contributor(REPO, account, 100, NOW, enforcement=Enforcement.OBSERVE)
    for number, requested in enumerate((15, -500)):
        ledger.append(
            key=f"{REPO}/test/{account}/{number}",
            repository_id=REPO,
            account_id=account,
            requested=requested,
            reason=CreditReason.OVERRIDE if requested > 0 else CreditReason.BLACKLISTED,
            now=NOW + timedelta(seconds=number),
            occurred_at=NOW,
            enforcement=Enforcement.CLOSE,
            actor_kind=ActorKind.LOCAL,
            actor_id=1000,
            actor_name="ada",
            text=text,
            event_id=event_id,
            evaluation_id=evaluation_id,
            set_blacklisted=requested < 0,
        )


def everything() -> dict[str, list[Any]]:
    """All rows of all tables, as plain values."""
    from meritocrab.store.models import TABLES

    return {table._meta.table_name: sorted(table.select().tuples(), key=repr) for table in TABLES}
