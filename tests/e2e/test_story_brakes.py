"""Stories about brakes: a pause of everything, and the breaker that falls by itself."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from meritocrab.core.names import Enforcement
from meritocrab.core.upkeep import ALL_PAUSED, BRAKED
from meritocrab.pausing import PauseFailed
from meritocrab.store import policies
from tests.e2e.conftest import MakeDay
from tests.e2e.world_of_people import REPO, Day, Setup

ROOT = Path(__file__).parents[2]
THREE = "[breaker]\ncloses_per_hour = 3"


async def denied(day: Day, count: int = 1, by: str = "newt") -> list[int]:
    """Pull requests that are to be closed."""
    if day.credit(by) != 20:
        await day.give_credit(by, 20)
    return [day.pull(by, f"Change {number}") for number in range(count)]


def closed(day: Day, numbers: list[int]) -> list[int]:
    return [number for number in numbers if not day.is_open(number)]


# ---- everything


async def test_a_pause_of_everything_lets_nothing_out_and_all_else_go_on(day_on_both: Day) -> None:
    day = day_on_both
    assert await day.service.pausing.pause("local:ada", "holidays") == (True, True)
    mark = day.world.mark()
    (number,) = await denied(day)
    day.judge.says("casino", "spam")
    day.pull("nora", "casino")
    await day.settle()
    assert day.writes(mark) == []
    assert day.gate(number) == "denied"
    assert day.ledger("nora") == [("pull_request", -25)]
    assert {row.reason for row in day.actions(number)} == {ALL_PAUSED}
    assert await day.service.pausing.resume("local:ada", "")
    await day.settle()
    assert not day.is_open(number)
    assert len(day.said(number)) == 1


async def test_a_file_made_and_removed_by_hand_does_the_same(
    day: Day, caplog: pytest.LogCaptureFixture
) -> None:
    (day.folder / "paused").touch()
    (number,) = await denied(day)
    await day.settle()
    assert day.is_open(number)
    (day.folder / "paused").unlink()
    await day.service.relay.step()
    assert day.said(number)
    assert caplog.text.count("everything is paused: nothing is sent from now on") == 1
    assert caplog.text.count("everything goes on: 2 actions waited for that") == 1
    await day.settle()
    assert not day.is_open(number)


async def test_a_pause_survives_a_restart_and_a_restored_database(day: Day) -> None:
    backup = await day.backup()
    await day.service.pausing.pause("local:ada", "")
    await day.restore(backup)
    (number,) = await denied(day)
    await day.settle()
    await day.restart()
    await day.settle()
    assert day.is_open(number)
    (day.folder / "paused").unlink()
    await day.restart()
    await day.settle()
    assert not day.is_open(number)


async def test_what_waited_for_more_than_a_day_is_dropped(day: Day) -> None:
    await day.service.pausing.pause("local:ada", "")
    (number,) = await denied(day)
    await day.settle()
    day.later(hours=25)
    await day.service.pausing.resume("local:ada", "")
    await day.settle()
    assert day.is_open(number)
    assert {row.reason for row in day.actions(number)} == {"decided more than 24 hours ago"}


async def test_pulled_between_the_look_and_the_write(day: Day, monkeypatch: pytest.MonkeyPatch) -> None:
    (number,) = await denied(day)
    await day.decide()
    relay = day.service.relay
    commit = relay._commit_to

    def pulled(*arguments):  # type: ignore[no-untyped-def]
        (day.folder / "paused").touch()
        return commit(*arguments)

    monkeypatch.setattr(relay, "_commit_to", pulled)
    mark = day.world.mark()
    await day.work()
    assert day.writes(mark) == []
    assert day.action(number, "comment").attempted_at is None
    assert day.action(number, "comment").reason == ALL_PAUSED


async def test_a_pause_is_confirmed_when_the_write_on_its_way_has_arrived(day: Day) -> None:
    (number,) = await denied(day)
    await day.decide()
    day.world.faults.add("hold", "^POST .*/comments$", when="before", seconds=0.5, times=1)
    working = asyncio.create_task(day.service.relay.step())
    while not day.service.relay._writes:
        await asyncio.sleep(0.01)
    assert await day.service.pausing.pause("local:ada", "") == (True, True)
    mark = day.world.mark()
    assert len(day.said(number)) == 1
    await working
    await day.settle()
    assert day.writes(mark) == []
    assert day.is_open(number)


async def test_a_pause_that_cannot_be_written_is_said_so(day: Day, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(day.service.pausing, "_folder", day.folder / "gone")
    with pytest.raises(PauseFailed, match="cannot be written"):
        await day.service.pausing.pause("local:ada", "")


# ---- the breaker


async def test_the_breaker_falls_before_one_close_too_many(either_url: str, make_day: MakeDay) -> None:
    day = make_day(either_url, tables=THREE)
    await day.begin()
    numbers = await denied(day, 5)
    await day.settle(rounds=4)
    assert closed(day, numbers) == numbers[:3]
    assert [len(day.said(number)) for number in numbers] == [1, 1, 1, 0, 0]
    row = day.row()
    assert row.braked_at is not None
    assert row.brake_reason == "the breaker fell: 3 closes within an hour, and more were to come"
    reasons = [action.reason for number in numbers[3:] for action in day.actions(number)]
    assert set(reasons) == {BRAKED}
    policy = day.look(lambda: policies.in_force(row, day.config.policy_for))
    assert policy is not None
    assert policy.enforcement is Enforcement.OBSERVE
    assert policy.sources()["enforcement"] == "breaker"
    (later,) = await denied(day)
    await day.settle()
    assert {state for _, state in day.fates(later)} == {"observed"}


async def test_it_holds_until_somebody_releases_it_and_then_counts_afresh(make_day: MakeDay) -> None:
    day = make_day(tables=THREE)
    await day.begin()
    await denied(day, 4)
    await day.settle(rounds=4)
    day.later(hours=3)
    await day.restart()
    held = await denied(day)
    await day.settle()
    assert closed(day, held) == []
    done = await day.operate("release", reason="it was right")
    assert done.note == "the breaker was released by ada: it was right"
    again = await day.operate("release")
    assert "the breaker has not fallen" in again.note
    fresh = await denied(day, 3)
    await day.settle(rounds=3)
    assert closed(day, fresh) == fresh
    assert closed(day, held) == []
    assert day.row().braked_at is None


async def test_closes_of_an_hour_ago_do_not_count(make_day: MakeDay) -> None:
    day = make_day(tables=THREE)
    await day.begin()
    first = await denied(day, 3)
    await day.settle(rounds=3)
    day.later(minutes=61)
    second = await denied(day, 3)
    await day.settle(rounds=3)
    assert closed(day, first + second) == first + second
    assert day.row().braked_at is None


async def test_a_close_whose_answer_was_lost_counts_once(make_day: MakeDay) -> None:
    day = make_day(tables=THREE)
    await day.begin()
    day.world.faults.add("cut", "^PATCH .*/pulls/", times=2, when="after")
    numbers = await denied(day, 3)
    await day.settle(rounds=2)
    day.later(seconds=70)
    await day.settle(rounds=2)
    assert closed(day, numbers) == numbers
    assert day.row().braked_at is None


async def test_a_restart_does_not_make_the_breaker_forget(make_day: MakeDay) -> None:
    day = make_day(tables=THREE)
    await day.begin()
    numbers = []
    for _ in range(5):
        numbers += await denied(day)
        await day.settle()
        await day.restart()
    assert closed(day, numbers) == numbers[:3]


KILLED = """
import asyncio, os, signal, sys
from datetime import datetime
from pathlib import Path
from meritocrab.config import load_config
from meritocrab.daemon.relay import Committed
from meritocrab.daemon.service import Service
from meritocrab.store.database import Store

write = Store.write

async def deadly(self, fn, *arguments, **more):
    found = await write(self, fn, *arguments, **more)
    if found is Committed.BRAKED:
        os.kill(os.getpid(), signal.SIGKILL)
    return found

async def live():
    config = load_config(Path(sys.argv[1]), {"STATE_DIRECTORY": str(Path(sys.argv[1]).parent)})
    now = datetime.fromisoformat(sys.argv[2])
    service = Service(config, Store.open(config.database_url), clock=lambda: now)
    await service.accesses.step()
    while True:
        await service.relay.step()

Store.write = deadly
asyncio.run(live())
"""


async def test_killed_right_after_the_breaker_fell(make_day: MakeDay) -> None:
    day = make_day(tables=THREE)
    await day.begin()
    numbers = await denied(day, 3)
    await day.settle(rounds=3)
    numbers += await denied(day, 2)
    await day.decide()
    await day.close()
    config = str(day.folder / "meritocrab.toml")
    command = [sys.executable, "-c", KILLED, config, day.now().isoformat()]
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stderr=subprocess.DEVNULL)
    assert await asyncio.wait_for(process.wait(), 60) == -signal.SIGKILL
    await day._reopen()
    assert day.row().braked_at is not None
    assert day.fates(numbers[3]) == [("comment", "scheduled"), ("close", "scheduled")]
    await day.settle(rounds=3)
    assert closed(day, numbers) == numbers[:3]
    assert day.said(numbers[3]) == []
    assert {row.reason for row in day.actions(numbers[4])} == {BRAKED}


async def test_zero_never_breaks_and_a_repository_may_only_lower(make_day: MakeDay) -> None:
    day = make_day(tables="[breaker]\ncloses_per_hour = 0")
    day.world.set_file(REPO, ".meritocrab.toml", "[breaker]\ncloses_per_hour = 1\n")
    await day.begin()
    numbers = await denied(day, 2)
    await day.settle(rounds=3)
    assert closed(day, numbers) == numbers[:1]
    await day.restart(Setup(tables=f'[repository."{REPO}".breaker]\ncloses_per_hour = 0'))
    day.world.set_file(REPO, ".meritocrab.toml", "")
    await day.poll_afresh()
    await day.operate("release")
    many = await denied(day, 12)
    await day.settle(rounds=3)
    assert closed(day, many) == many


@pytest.mark.parametrize("mode", ["label", "hold"])
async def test_where_nothing_is_closed_nothing_breaks(make_day: MakeDay, mode: str) -> None:
    day = make_day(enforcement=mode, tables="[breaker]\ncloses_per_hour = 1")
    await day.begin()
    numbers = await denied(day, 3)
    await day.settle()
    assert all(("label", "delivered") in day.fates(number) for number in numbers)
    assert day.row().braked_at is None
