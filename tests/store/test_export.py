"""Exports: every column a script may need, in a stable order, whatever the size."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from meritocrab.core.names import ActorKind, CreditReason, Enforcement
from meritocrab.store import export, ledger
from meritocrab.store.database import Store
from meritocrab.store.models import AccountRow, EventRow, LedgerNote, Repository, RoleRow

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ALICE, BOB = 5_000_000_001, 5_000_000_002
REPO_ID = 987_654_321


def _event(number: int, repository_id: int, **changes: Any) -> None:
    values: dict[str, Any] = {
        "key": f"{repository_id}/comment_created/{number}",
        "lane": f"{repository_id}#{number}",
        "repository_id": repository_id,
        "kind": "comment_created",
        "number": number,
        "github_id": 900 + number,
        "author_id": ALICE,
        "actor_id": BOB,
        "occurred_at": NOW + timedelta(hours=number),
        "received_at": NOW,
        "source": "poll",
        "facts": json.dumps({"body": "hello", "on_pull_request": number % 2 == 0}),
        "state": "waiting",
        "next_attempt_at": NOW,
    }
    EventRow.create(**values | changes)


def _fill() -> None:
    # GitHub never answered for the first one
    Repository.create(full_name="octo/new", name_key="octo/new", access="token")
    for github_id, name in ((REPO_ID, "octo/Repo"), (REPO_ID + 1, "octo/other")):
        Repository.create(github_id=github_id, full_name=name, name_key=name.lower(), access="token")
        for account_id, credit in ((ALICE, 100), (BOB, 50)):
            ledger.open_contributor(github_id, account_id, credit, NOW, enforcement=Enforcement.OBSERVE)
        for number in range(5):
            _event(number, github_id)
            ledger.append(
                key=f"{github_id}/{number}",
                repository_id=github_id,
                account_id=ALICE,
                requested=-30,
                reason=CreditReason.PULL_REQUEST,
                now=NOW + timedelta(seconds=0.25),
                occurred_at=NOW + timedelta(hours=number),
                enforcement=Enforcement.CLOSE,
                actor_kind=ActorKind.LOCAL,
                actor_id=0,
                actor_name="root",
                text="because",
            )
    AccountRow.create(id=ALICE, login="Alice", login_key="alice", type="User", seen_at=NOW)
    RoleRow.create(repository_id=REPO_ID, account_id=ALICE, role="read", fetched_at=NOW)


@pytest.fixture(autouse=True)
def _small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "PAGE", 3)


@pytest.fixture
def filled(store: Store) -> Store:
    store.write_now(_fill)
    return store


def test_an_event_with_everything(filled: Store) -> None:
    first, *rest = export.events(filled, export.Selection())
    assert first == {
        "id": 1,
        "key": f"{REPO_ID}/comment_created/0",
        "repo": "octo/Repo",
        "kind": "comment_created",
        "number": 0,
        "github_id": 900,
        "author_id": ALICE,
        "author_login": "Alice",
        "actor_id": BOB,
        "actor_login": None,
        "occurred_at": "2026-03-01T12:00:00Z",
        "received_at": "2026-03-01T12:00:00Z",
        "handled_at": None,
        "state": "waiting",
        "is_history": False,
        "source": "poll",
        "enforcement": None,
        "note": "",
        "on_pull_request": True,
    }
    assert [row["id"] for row in rest] == list(range(2, 11))
    assert rest[0]["on_pull_request"] is False


def test_erased_facts_and_other_kinds_say_nothing_about_the_thread(store: Store) -> None:
    def fill() -> None:
        for number, facts in enumerate(("", "{}", "[]", "null")):
            _event(number, 1, facts=facts)
        _event(9, 1, kind="pull_request_opened", facts='{"on_pull_request": true}')

    store.write_now(fill)
    rows = list(export.events(store, export.Selection()))
    assert [row["on_pull_request"] for row in rows] == [None] * 5
    assert rows[0]["repo"] is None


def test_a_ledger_row_with_everything(filled: Store) -> None:
    rows = list(export.ledger(filled, export.Selection()))
    assert [row["id"] for row in rows] == sorted(row["id"] for row in rows)
    assert rows[2] == {
        "id": 3,
        "key": f"{REPO_ID}/0",
        "repo": "octo/Repo",
        "repository_id": REPO_ID,
        "account_id": ALICE,
        "login": "Alice",
        "reason": "pull_request",
        "requested": -30,
        "applied": -30,
        "before": 100,
        "after": 70,
        "blacklisted": False,
        "cap_day": None,
        "number": None,
        "event_id": None,
        "evaluation_id": None,
        "reverses_id": None,
        "actor_kind": "local",
        "actor_id": 0,
        "actor_name": "root",
        "text": "because",
        "enforcement": "close",
        "occurred_at": "2026-03-01T12:00:00Z",
        "appended_at": "2026-03-01T12:00:00.250Z",
    }


def test_erased_words_are_empty(filled: Store) -> None:
    filled.write_now(lambda: LedgerNote.delete().execute())
    assert {row["text"] + row["actor_name"] for row in export.ledger(filled, export.Selection())} == {""}


def test_contributors_as_they_stand(filled: Store) -> None:
    rows = list(export.contributors(filled))
    assert [(row["repo"], row["account_id"]) for row in rows] == [
        ("octo/Repo", ALICE),
        ("octo/Repo", BOB),
        ("octo/other", ALICE),
        ("octo/other", BOB),
    ]
    assert rows[0] == {
        "repo": "octo/Repo",
        "account_id": ALICE,
        "login": "Alice",
        "credit": 0,
        "blacklisted": False,
        "blacklisted_at": None,
        "role": "read",
        "first_seen_at": "2026-03-01T12:00:00Z",
        "rows": 6,
    }
    assert (rows[1]["login"], rows[1]["role"], rows[1]["rows"]) == (None, None, 1)


def test_one_repository_in_any_case(filled: Store) -> None:
    selection = export.Selection("OCTO/repo")
    for rows in (
        export.events(filled, selection),
        export.ledger(filled, selection),
        export.contributors(filled, "OCTO/repo"),
    ):
        assert {row["repo"] for row in rows} == {"octo/Repo"}


def test_a_span_of_time(filled: Store) -> None:
    span = export.Selection("octo/Repo", since=NOW + timedelta(hours=1), until=NOW + timedelta(hours=3))
    assert [row["number"] for row in export.events(filled, span)] == [1, 2]
    assert [row["key"] for row in export.ledger(filled, span)] == [f"{REPO_ID}/1", f"{REPO_ID}/2"]


def test_an_unknown_repository_lists_the_known_ones(filled: Store) -> None:
    with pytest.raises(export.UnknownRepository, match=r"'octo/nope'.*: octo/new, octo/other, octo/Repo"):
        list(export.contributors(filled, "octo/nope"))


def test_rows_that_arrive_meanwhile_are_not_missed(filled: Store) -> None:
    rows = export.events(filled, export.Selection())
    next(rows)
    filled.write_now(_event, 99, 1)
    assert len(list(rows)) == 10


def test_an_empty_database_exports_nothing(store: Store) -> None:
    assert [*export.events(store, export.Selection()), *export.contributors(store)] == []
