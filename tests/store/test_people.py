"""Forgetting somebody: no word is left, every number is, and a kill in the middle changes nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from meritocrab.core.events import Account, CommentFacts, Event, PullRequestFacts
from meritocrab.core.names import EventKind
from meritocrab.store import accounts, calls, inbox, ledger, models, people
from meritocrab.store.database import Store
from meritocrab.store.people import PersonUnknown
from tests.store import dying
from tests.store.everything import NOW, REPO, ROSA, TIL, add_event, everything, fill


@pytest.fixture
def filled(store: Store) -> Store:
    store.write_now(fill)
    return store


def _mention() -> None:
    """What others wrote about Rosa, and what we noted with her name in it."""
    said = '{"body": "@Rosa and @rosary, see rosa", "link": "l", "node_id": "n", "on_pull_request": true}'
    add_event(TIL, "mention", kind="comment_created", facts=said, note="obeyed 1 command(s) of rosa")
    add_event(None, "waiting", kind="comment_created", facts=said, state="waiting", note="")


def _texts(rows: dict[str, list[Any]]) -> str:
    return json.dumps(rows, default=str, ensure_ascii=False)


def test_no_word_is_left_and_every_number_is(filled: Store) -> None:
    before = filled.read_now(everything)
    done = filled.write_now(people.forget, ROSA, NOW)
    after = filled.read_now(everything)
    assert done.under_way == 0
    assert "rosa" in _texts(before)
    assert "rosa" not in _texts(after)
    assert "Thank you, til" in _texts(after)
    assert after["ledger"] == before["ledger"]
    assert after["contributors"] == before["contributors"]
    assert [row[1] for row in after["events"]] == [row[1] for row in before["events"]]
    assert filled.read_now(ledger.verify).ok


def test_events_of_the_forgotten_can_still_be_read(filled: Store) -> None:
    filled.write_now(people.forget, ROSA, NOW)
    events = filled.read_now(lambda: [inbox.to_event(row) for row in models.EventRow.select()])
    (event,) = (each for each in events if each.number == ROSA)
    assert event.facts == PullRequestFacts("", "", "")
    assert event.author == Account(ROSA, "")
    assert event.author.is_forgotten


def test_mentions_go_and_other_peoples_words_stay(filled: Store) -> None:
    filled.write_now(_mention)
    filled.write_now(people.forget, ROSA, NOW)
    mention, waiting = filled.read_now(lambda: [inbox.find("mention"), inbox.find("waiting")])
    assert mention is not None
    assert json.loads(mention.facts)["body"] == "[forgotten] and @rosary, see rosa"
    assert mention.note == "obeyed 1 command(s) of [forgotten]"
    assert waiting is not None
    assert "@Rosa" in waiting.facts  # it may be a command that is still to be obeyed


def test_forgetting_again_is_harmless(filled: Store) -> None:
    filled.write_now(people.forget, ROSA, NOW)
    once = filled.read_now(everything)
    assert filled.write_now(people.forget, ROSA, NOW).erased == {}
    assert filled.read_now(everything) == once
    assert filled.read_now(people.resolve, f"id:{ROSA}") == ROSA


def test_what_waits_is_settled_and_a_ban_goes_on(filled: Store) -> None:
    def prepare() -> None:
        models.EvaluationRow.update(state="pending").execute()
        row = models.OutboxRow.get(models.OutboxRow.account_id == ROSA)
        values = row.__data__ | {"state": "scheduled", "attempted_at": None, "settled_at": None}
        del values["id"]
        for key, basis, kind, attempted_at in (
            ("a", "denied", "comment", None),
            ("b", "denied", "close", None),
            ("c", "blacklisted", "comment", None),
            ("d", "blacklisted", "close", None),
            ("e", "release", "reopen", None),
            ("f", "command", "comment", NOW),
        ):
            changes = {"key": key, "basis": basis, "kind": kind, "attempted_at": attempted_at}
            models.OutboxRow.create(**(values | changes))

    filled.write_now(prepare)
    assert filled.write_now(people.forget, ROSA, NOW).under_way == 1
    rows = filled.read_now(lambda: {row.key: row for row in models.OutboxRow.select()})
    states = {key: row.state for key, row in rows.items() if len(key) == 1}
    assert states == {
        "a": "superseded",
        "b": "superseded",
        "c": "scheduled",
        "d": "scheduled",
        "e": "scheduled",
        "f": "scheduled",
    }
    assert rows["a"].body == ""
    judged = filled.read_now(lambda: {row.account_id: row.state for row in models.EvaluationRow.select()})
    assert judged == {ROSA: "voided", TIL: "pending"}


def test_who_is_forgotten_is_not_taken_in_again(filled: Store) -> None:
    filled.write_now(people.forget, ROSA, NOW)
    rosa, til = Account(ROSA, "rosa"), Account(TIL, "til")

    def event(key: str, author: Account) -> Event:
        facts = CommentFacts("my words", "https://github.example/2", "node", on_pull_request=True)
        return Event(key, REPO, EventKind.COMMENT_CREATED, NOW, facts, number=5, author=author, actor=author)

    filled.write_now(inbox.receive, [event("r", rosa), event("t", til)], source="poll", now=NOW)
    filled.write_now(accounts.remember, [Account(ROSA, "rosa-renamed")], NOW)
    found = filled.read_now(lambda: [inbox.to_event(inbox.find(key)) for key in ("r", "t")])  # type: ignore[arg-type]
    assert [each.facts.body for each in found if isinstance(each.facts, CommentFacts)] == ["", "my words"]
    assert "rosa" not in _texts(filled.read_now(everything))


def test_an_answer_that_arrives_too_late_is_not_kept(filled: Store) -> None:
    filled.write_now(people.forget, ROSA, NOW)
    (call,) = filled.read_now(lambda: list(models.CallRow.select().where(models.CallRow.account_id == ROSA)))
    filled.write_now(
        calls.close_call, call.id, calls.Given("answered", reasoning="about rosa", raw_answer="rosa")
    )
    assert "rosa" not in _texts(filled.read_now(everything))


def test_nothing_is_left_in_the_files(sqlite_store: Store, sqlite_url: str) -> None:
    sqlite_store.write_now(fill)
    sqlite_store.write_now(people.forget, ROSA, NOW)
    assert sqlite_store.settle_erasure_now()
    path = Path(sqlite_url.removeprefix("sqlite://"))
    files = [each for each in path.parent.iterdir() if each.is_file()]
    assert path in files
    assert [each.name for each in files if b"rosa" in each.read_bytes()] == []


def test_everything_held_about_a_person(filled: Store) -> None:
    found = filled.read_now(lambda: people.records(people.resolve("@Rosa")))
    assert json.loads(json.dumps(found)) == found
    assert {table: len(rows) for table, rows in found.items()} == {
        "accounts": 1,
        "logins": 1,
        "tombstones": 0,
        "roles": 1,
        "contributors": 1,
        "ledger": 3,
        "ledger_notes": 2,
        "pull_requests": 1,
        "events": 1,
        "evaluations": 1,
        "calls": 1,
        "outbox": 1,
    }
    assert found["events"][0]["facts"]["body"] == "Hello"
    assert found["accounts"][0]["seen_at"] == "2026-03-01T12:00:00.123Z"
    assert "til" not in _texts(found).replace("until", "")


@pytest.mark.parametrize("who", ["@nobody", "id:12345", "id:x", ""])
def test_an_unknown_person(filled: Store, who: str) -> None:
    with pytest.raises(PersonUnknown, match="nothing is held about"):
        filled.read_now(people.resolve, who)


def test_a_name_that_two_had_is_not_guessed(filled: Store) -> None:
    filled.write_now(lambda: models.FormerLogin.create(account_id=TIL, login_key="rosa", seen_at=NOW))
    with pytest.raises(PersonUnknown, match=f"use one of id:{TIL}, id:{ROSA}"):
        filled.read_now(people.resolve, "@rosa")


FORGET = """
from datetime import datetime, UTC
from meritocrab.store import people
from meritocrab.store.database import Store
store = Store.open(sys.argv[2])
count()
store.write_now(people.forget, int(sys.argv[3]), datetime(2026, 3, 1, tzinfo=UTC))
os._exit(0)
"""


@pytest.mark.crash
def test_a_kill_forgets_all_or_nothing(filled: Store, database_url: str) -> None:
    before = filled.read_now(everything)
    for step in (1, 2, 5, 10, 15, 20, 25, 30, 1000):
        ended = dying.run(FORGET, step, database_url, str(ROSA))
        found = filled.read_now(everything)
        if ended is None:
            assert found == before, step
    assert ended == 0
    assert "rosa" not in _texts(found)
