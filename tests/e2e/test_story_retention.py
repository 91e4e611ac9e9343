"""The daemon erases by age, and goes on with what it erased."""

from __future__ import annotations

import json

from meritocrab.daemon.retention import Retention
from meritocrab.store import ledger
from meritocrab.store.models import TABLES
from tests.e2e.conftest import MakeDay
from tests.e2e.world_of_people import REPO, Day

KEEP = "[retention]\nevent_payloads_days = 30\ntexts_days = 30\nnotes_days = 30\nmessages_days = 30\n"


def _everything() -> str:
    return json.dumps([list(table.select().tuples()) for table in TABLES], default=str, ensure_ascii=False)


async def _erase(day: Day) -> None:
    worker = Retention(day.store, day.config.retention.keep, day.now)
    while (wanted := await worker.step()) is not None and (wanted - day.now()).days < 1:
        pass


async def test_an_erased_thread_can_still_go_on(either_url: str, make_day: MakeDay) -> None:
    day = make_day(either_url, tables=KEEP)
    assert "retention" in day.service.loops._loops
    await day.begin()
    day.judge.says("Zebra", "acceptable")
    number = day.pull("newt", "A Zebra crossing", "With a Giraffe beside it.")
    await day.settle()
    asked = day.pull("nora", "An Okapi", "Still open, never judged.")
    await day.settle()
    day.world.close(REPO, number, "newt")
    await day.settle()
    day.later(days=31)
    await _erase(day)
    kept = day.look(_everything)
    assert "Giraffe" not in kept
    assert "Still open, never judged." in kept

    day.world.reopen(REPO, number, "mia")
    await day.settle()
    day.command(number, "newt", "Here again, with a Zebra.")
    await day.settle()
    day.world.merge(REPO, number, "mia")
    day.world.merge(REPO, asked, "mia")
    await day.settle()
    assert ("merged", 20) in day.ledger("newt")
    assert day.look(ledger.verify).ok
    assert [row.last_error for row in day.events() if row.state != "handled"] == []
