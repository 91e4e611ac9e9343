"""Erasing by age: texts go, everything that is counted with or still to come stays."""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from meritocrab.core.retention import Erasable, Keep
from meritocrab.store import inbox, ledger, models, retention
from meritocrab.store.database import Store
from tests.store.everything import BODY, NOW, ROSA, TIL, add_event, everything, fill

OLD = NOW + timedelta(days=11)
ALL = Keep(10, 10, 10, 10)


@pytest.fixture
def filled(store: Store) -> Store:
    store.write_now(fill)
    return store


def _pass(store: Store, keep: Keep, now: Any, *, limit: int = 2, dry_run: bool = False) -> Counter[str]:
    erased: Counter[str] = Counter()
    place: retention.Place | None = retention.Place()
    run = store.read_now if dry_run else store.write_now
    while place is not None:
        done = run(retention.step, keep.cutoffs(now), place, limit, dry_run=dry_run)
        erased[str(done.kind)] += done.erased
        place = done.place
    return +erased


EVERYTHING = {"event_payloads": 2, "texts": 4, "notes": 4, "messages": 2}


def test_what_is_young_stays(filled: Store) -> None:
    before = filled.read_now(everything)
    assert _pass(filled, ALL, NOW + timedelta(days=9)) == {}
    assert filled.read_now(everything) == before


def test_texts_go_and_numbers_stay(filled: Store) -> None:
    before = filled.read_now(everything)
    assert _pass(filled, ALL, OLD, dry_run=True) == EVERYTHING
    assert filled.read_now(everything) == before
    assert _pass(filled, ALL, OLD) == EVERYTHING
    after = filled.read_now(everything)
    texts = json.dumps(after, default=str, ensure_ascii=False)
    for words in (BODY, "Hello", "knows", "raw about", "because of", "Thank you"):
        assert words not in texts
    assert after["ledger"] == before["ledger"]
    assert [row[1] for row in after["events"]] == [row[1] for row in before["events"]]
    assert filled.read_now(ledger.verify).ok
    assert _pass(filled, ALL, OLD) == {}
    events = filled.read_now(lambda: [inbox.to_event(row) for row in models.EventRow.select()])
    assert {each.facts.link for each in events if hasattr(each.facts, "link")} == {""}


@pytest.mark.parametrize("kind", list(Erasable))
def test_each_kind_goes_by_itself(filled: Store, kind: Erasable) -> None:
    assert _pass(filled, Keep(**{kind.value: 10}), OLD) == {kind.value: EVERYTHING[kind.value]}


def test_what_is_still_to_come_is_never_touched(filled: Store) -> None:
    def prepare() -> None:
        models.PullRequestRow.update(state="open").where(models.PullRequestRow.number == ROSA).execute()
        models.EvaluationRow.update(state="pending").where(models.EvaluationRow.number == TIL).execute()
        models.OutboxRow.update(state="scheduled").execute()
        add_event(None, "waiting", state="waiting")
        add_event(None, "parked", state="parked")
        add_event(None, "done")

    filled.write_now(prepare)
    assert _pass(filled, ALL, OLD) == {"event_payloads": 1, "texts": 2, "notes": 4}


def test_history_that_was_erased_is_read_anew_when_sync_takes_it_up(filled: Store) -> None:
    row = filled.write_now(lambda: add_event(None, "old", state="recorded", is_history=True))
    event = filled.read_now(lambda: inbox.to_event(models.EventRow.get_by_id(row.id)))
    _pass(filled, ALL, OLD)
    assert filled.write_now(inbox.receive, [event], source="sync", now=OLD) == 1
    found = filled.read_now(lambda: inbox.to_event(models.EventRow.get_by_id(row.id)))
    assert found.facts == event.facts
