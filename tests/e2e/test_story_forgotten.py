"""Who was forgotten goes on contributing: nothing of it is kept or scored, and a ban still holds."""

from __future__ import annotations

import json

from meritocrab.store import ledger, people
from meritocrab.store.models import TABLES
from tests.e2e.world_of_people import Day


def _everything() -> str:
    return json.dumps([list(table.select().tuples()) for table in TABLES], default=str)


async def _forget(day: Day, login: str) -> None:
    await day.store.write(people.forget, day.account(login).id, day.now())


async def test_a_ban_holds_for_the_forgotten(day_on_both: Day) -> None:
    day = day_on_both
    day.pull("newt", "Buy gold now")
    await day.settle()
    await day.operate("blacklist", "newt")
    await _forget(day, "newt")
    assert "newt" not in day.look(_everything)

    number = day.pull("newt", "Buy silver now", "Cheaper.")
    await day.settle()
    day.later(minutes=3)
    await day.settle()
    assert not day.is_open(number)
    assert len(day.said(number)) == 1
    kept = day.look(_everything)
    assert "newt" not in kept
    assert "silver" not in kept
    assert day.look(ledger.verify).ok


async def test_the_forgotten_are_neither_gated_nor_scored(day_on_both: Day) -> None:
    day = day_on_both
    await day.give_credit("newt", 20)
    await _forget(day, "newt")
    rows = len(day.ledger_rows("newt"))

    number = day.pull("newt", "Something useful")
    await day.settle()
    day.command(number, "newt", "Please look. /credit status")
    await day.settle()
    day.world.merge(day.row().full_name, number, "mia")
    await day.settle()
    assert day.gate(number) == "not_gated"
    assert day.said(number) == []
    assert day.judged("newt") == []
    assert len(day.ledger_rows("newt")) == rows
    kept = day.look(_everything)
    assert "newt" not in kept
    assert "useful" not in kept


async def test_a_maintainer_can_still_ban_by_id(day: Day) -> None:
    await day.give_credit("newt", 90)
    await _forget(day, "newt")
    await day.operate("blacklist", "newt")
    assert day.is_blacklisted("newt")
    await day.operate("unblacklist", "newt")
    assert not day.is_blacklisted("newt")


async def test_a_message_under_way_is_dropped_for_the_forgotten(day: Day) -> None:
    await day.give_credit("newt", 20)
    number = day.pull("newt", "Not yet told")
    await day.decide()
    await _forget(day, "newt")
    await day.settle()
    assert day.is_open(number)
    assert day.said(number) == []
    assert {state for _, state in day.fates(number)} == {"superseded"}
