"""The day on which the local clock jumps: nothing is closed for it, lost in it, or waited out."""

from __future__ import annotations

from datetime import timedelta

from meritocrab.core.names import ActionKind
from meritocrab.store import clocks
from meritocrab.store.models import OutboxRow, Read, Repository
from tests.e2e.house import House
from tests.e2e.world_of_people import REPO, Day

HOUR, DAY = 3600, 86_400


def test_a_real_daemon_goes_on_whichever_way_it_jumps(house: House) -> None:
    house.start()
    for login, off, way in (("newt", DAY, "forward"), ("nora", -HOUR, "back")):
        mark = len(house.log)
        house.set_clock(off)
        house.says(f"the local clock was set {way}", mark)
        house.polls()
        house.distrust(login)
        house.closes(house.world.open_pull(REPO, login, f"By {login}", "It helps."))
    friendly = house.world.open_pull(REPO, "mia", "By somebody with a role", "It helps.")
    house.polls()
    mark = house.world.mark()
    house.polls()
    # one poll a second, of two lists each, now and then with a look at the pull requests
    assert house.world.count(mark) <= 30
    assert house.world.thread(REPO, friendly).state == "open"
    house.rests()
    assert house.end() == 0
    assert len(house.books()["ledger"]) == 4


async def test_what_waits_does_not_wait_out_a_clock_set_back(day: Day) -> None:
    await day.give_credit("newt", 20)
    day.world.faults.add("cut", "^POST .*/comments$", times=1, when="after")
    number = day.pull("newt")
    await day.settle()
    comment = day.action(number, ActionKind.COMMENT)
    assert comment.state == "scheduled"
    await day.store.write(clocks.keep_up, day.now())
    day.skew = timedelta(hours=-5)
    assert await day.store.write(clocks.keep_up, day.now()) == timedelta(hours=5)
    assert await day.store.write(clocks.keep_up, day.now()) == timedelta(0)
    day.later(seconds=70)
    await day.settle()
    assert not day.is_open(number)
    assert len(day.said(number)) == 1


async def test_nothing_ends_by_age_because_the_clock_is_wrong_by_months(day: Day) -> None:
    day.judge.says("Doubtful", "low", 0.5)
    day.pull("newt", "Doubtful")
    await day.settle()
    day.skew = timedelta(days=60)
    await day.service.evaluation.step()
    assert day.states("newt") == [("pull_request", "pending")]
    day.later(minutes=20)
    await day.settle()
    assert day.states("newt") == [("pull_request", "pending")]
    day.skew = timedelta(0)
    day.later(days=31)
    await day.settle()
    assert day.states("newt") == [("pull_request", "expired")]


async def test_every_time_that_somebody_waits_for_goes_back(day: Day) -> None:
    await day.give_credit("newt", 20)
    day.world.faults.add("status", "/pulls/[0-9]+/reviews", status=500)
    day.world.faults.add("status", "^POST .*/comments$", status=500)
    day.pull("newt")
    await day.settle()
    await day.store.write(clocks.keep_up, day.now())
    day.skew = timedelta(days=-3)
    await day.store.write(clocks.keep_up, day.now())
    latest = day.now() + timedelta(hours=1)
    assert day.look(lambda: _latest_wait()) <= latest


def _latest_wait() -> object:
    rows = [*Repository.select(), *Read.select(), *OutboxRow.select().where(OutboxRow.state == "scheduled")]
    columns = (
        "next_poll_at",
        "last_poll_at",
        "last_net_at",
        "next_attempt_at",
        "not_before_at",
        "attempted_at",
    )
    return max(value for row in rows for name in columns if (value := getattr(row, name, None)) is not None)
