"""Stories about the gate: who passes, who is turned away, and how."""

from __future__ import annotations

from tests.e2e.world_of_people import REPO, Day


async def test_a_newcomer_with_enough_credit_is_let_in(day_on_both: Day) -> None:
    day = day_on_both
    number = day.pull("newt")
    await day.settle()
    assert day.is_open(number)
    assert day.gate(number) == "admitted"
    assert day.credit("newt") == 100
    assert day.writes() == []


async def test_low_credit_is_told_why_and_then_closed(day_on_both: Day) -> None:
    day = day_on_both
    await day.give_credit("newt", 20)
    number = day.pull("newt")
    await day.settle()
    assert not day.is_open(number)
    (message,) = day.said(number)
    assert "@newt" in message
    assert "**20**" in message
    assert "**50**" in message
    assert "How to raise it" in message
    kinds = [event.event for event in day.world.thread(REPO, number).events]
    assert kinds == ["closed"]
    assert day.fates(number) == [("comment", "delivered"), ("close", "delivered")]
