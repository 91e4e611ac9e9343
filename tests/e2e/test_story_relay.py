"""Stories about delivery: each effect once, as seen by people, whatever became of the answer."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.conftest import MakeDay
from tests.e2e.world_of_people import BOT, REPO, Day

LOST: dict[str, dict[str, Any]] = {
    "cut": {"kind": "cut", "when": "after"},
    "502": {"kind": "status", "status": 502, "when": "after"},
    "html": {"kind": "html"},
    "truncated": {"kind": "truncated"},
}

WRITES = {"message": "^POST .*/comments$", "close": "^PATCH .*/pulls/"}


async def denied(day: Day) -> int:
    """A pull request that is to be closed."""
    await day.give_credit("newt", 20)
    return day.pull("newt")


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("how", LOST)
async def test_done_but_the_answer_was_lost(day: Day, write: str, how: str) -> None:
    number = await denied(day)
    fault = day.world.faults.add(match=WRITES[write], times=1, **LOST[how])
    await day.settle()
    assert fault.fired == 1
    waiting = day.action(number, "comment" if write == "message" else "close")
    assert waiting.state == "scheduled"
    assert waiting.attempted_at is not None
    assert waiting.reason
    day.later(seconds=70)
    await day.settle()
    assert len(day.said(number)) == 1
    assert day.transitions(number) == [("closed", BOT)]
    assert day.fates(number) == [("comment", "delivered"), ("close", "delivered")]


@pytest.mark.parametrize("write", WRITES)
async def test_not_done_and_the_answer_was_lost(day: Day, write: str) -> None:
    number = await denied(day)
    day.world.faults.add("cut", WRITES[write], times=1, when="before")
    await day.settle()
    day.later(seconds=70)
    await day.settle()
    assert len(day.said(number)) == 1
    assert day.transitions(number) == [("closed", BOT)]


async def test_a_time_out_after_the_comment_was_posted(make_day: MakeDay) -> None:
    day = make_day(timeout=1)
    await day.begin()
    number = await denied(day)
    day.world.faults.add("hold", WRITES["message"], when="after", seconds=2.5, times=1)
    await day.settle()
    day.later(seconds=70)
    await day.settle()
    assert len(day.said(number)) == 1
    assert not day.is_open(number)


async def test_an_ambiguous_write_is_not_looked_up_before_reads_have_caught_up(day: Day) -> None:
    number = await denied(day)
    day.world.faults.add("cut", WRITES["message"], times=1, when="after")
    day.world.faults.add("stale", r"^GET .*/comments", seconds=45)
    await day.settle()
    mark = day.world.mark()
    day.later(seconds=40)
    await day.settle(rounds=1)
    assert day.writes(mark) == []
    day.later(seconds=20)
    await day.settle()
    assert len(day.said(number)) == 1
    assert not day.is_open(number)


async def test_the_close_waits_until_its_message_is_settled(day: Day) -> None:
    number = await denied(day)
    fault = day.world.faults.add("status", WRITES["message"], status=502)
    await day.settle()
    assert day.is_open(number)
    day.later(seconds=70)
    await day.settle()
    assert day.is_open(number)
    day.world.faults.remove(fault)
    day.later(seconds=70)
    await day.settle()
    assert not day.is_open(number)
    assert len(day.said(number)) == 1


async def test_a_restart_in_the_middle_of_an_attempt(day_on_both: Day) -> None:
    day = day_on_both
    number = await denied(day)
    day.world.faults.add("cut", WRITES["message"], times=1, when="after")
    await day.settle()
    await day.restart()
    day.later(seconds=70)
    await day.settle()
    assert len(day.said(number)) == 1
    assert not day.is_open(number)


async def test_a_restored_backup_repeats_nothing(day: Day) -> None:
    await day.give_credit("newt", 20)
    backup = await day.backup()
    number = day.pull("newt")
    issue = day.world.open_issue(REPO, "nora")
    command = day.command(issue, "ada", '/credit override @zoe +5 "kind"')
    await day.settle()
    assert len(day.said(number)) == len(day.said(issue)) == 1
    before = day.world.public_state(REPO)
    await day.restore(backup)
    await day.settle()
    assert day.world.public_state(REPO) == before
    assert day.credit("zoe") == 105
    assert day.reactions(command) == ["+1"]
    assert ("comment", "delivered") in day.fates(issue)


async def test_a_restored_backup_does_not_close_what_a_maintainer_reopened(day: Day) -> None:
    await day.give_credit("newt", 20)
    backup = await day.backup()
    number = day.pull("newt")
    await day.settle()
    day.world.reopen(REPO, number, "mia")
    await day.settle()
    await day.restore(backup)
    await day.settle()
    assert day.is_open(number)
    assert len(day.said(number)) == 1


async def test_closed_by_us_and_reopened_by_its_author_before_we_saw_the_answer(day: Day) -> None:
    number = await denied(day)

    def reopen(*_: object) -> None:
        if not day.is_open(number):
            day.world.reopen(REPO, number, "newt")

    day.world.faults.add("cut", WRITES["close"], times=1, when="after")
    await day.settle(rounds=1)
    reopen()
    await day.settle()
    assert day.action(number, "close").attempts == 0
    day.later(seconds=70)
    await day.settle(rounds=3)
    assert not day.is_open(number)
    assert len(day.said(number)) == 1
    assert day.transitions(number) == [("closed", BOT), ("reopened", "newt"), ("closed", BOT)]
    assert [state for kind, state in day.fates(number) if kind == "close"] == ["delivered", "delivered"]


async def test_the_reopening_is_filed_before_the_close_is_found_and_handled_after_it(day: Day) -> None:
    number = await denied(day)
    day.world.faults.add("cut", WRITES["close"], times=1, when="after")
    await day.settle(rounds=1)
    day.later(seconds=65)
    day.world.reopen(REPO, number, "newt")
    day.later(seconds=5)
    await day.poll()
    await day.service.relay.step()
    await day.work()
    await day.settle()
    assert not day.is_open(number)
    assert len(day.said(number)) == 1


async def test_closed_by_us_and_reopened_by_a_maintainer_before_we_saw_the_answer(day: Day) -> None:
    number = await denied(day)
    day.world.faults.add("cut", WRITES["close"], times=1, when="after")
    await day.settle(rounds=1)
    day.world.reopen(REPO, number, "wes")
    day.later(seconds=70)
    await day.settle(rounds=3)
    assert day.is_open(number)
    assert day.action(number, "close").state == "delivered"
    assert day.gate(number) == "released"


@pytest.mark.parametrize(
    "limit",
    [
        {"kind": "secondary", "status": 403, "retry_after": 60},
        {"kind": "secondary", "status": 429},
        {"kind": "primary", "seconds": 60},
    ],
)
async def test_a_limited_write_certainly_did_not_happen_and_is_sent_later(
    day: Day, limit: dict[str, Any]
) -> None:
    number = await denied(day)
    day.world.faults.add(match="^POST", times=1, **limit)
    await day.settle()
    action = day.action(number, "comment")
    assert (action.state, action.attempted_at) == ("scheduled", None)
    day.later(seconds=90)
    await day.settle()
    assert len(day.said(number)) == 1
    assert not day.is_open(number)


async def test_a_strangers_copy_of_the_marker_does_not_count_as_ours(day: Day) -> None:
    number = await denied(day)
    day.world.faults.add("cut", WRITES["message"], times=1, when="after")
    await day.settle(rounds=1)
    (ours,) = day.world.comments(REPO, number)
    day.world.comment(REPO, number, "newt", ours.body or "")
    day.world.delete_comment(REPO, ours.id, "ada")
    day.later(seconds=70)
    await day.settle()
    posted = [c.author.login for c in day.world.comments(REPO, number) if c.author]
    assert posted == ["newt", BOT]
    day.world.delete_comment(REPO, day.world.comments(REPO, number)[0].id)


async def closed(day: Day) -> int:
    """A pull request of somebody blacklisted, closed by us."""
    await day.operate("blacklist", "newt")
    number = day.pull("newt")
    await day.settle()
    day.later(seconds=125)
    await day.settle()
    assert not day.is_open(number)
    return number


async def test_unblacklist_reopens_what_we_closed_lately(day_on_both: Day) -> None:
    day = day_on_both
    number = await closed(day)
    day.later(days=13)
    await day.operate("unblacklist", "newt")
    await day.settle()
    assert day.is_open(number)
    assert day.gate(number) == "released"
    assert day.action(number, "reopen").state == "delivered"
    await day.settle()
    assert day.is_open(number)


async def test_unblacklist_leaves_closed_what_is_older_than_fourteen_days(day: Day) -> None:
    number = await closed(day)
    day.later(days=15)
    await day.operate("unblacklist", "newt")
    await day.settle()
    assert not day.is_open(number)


async def test_unblacklist_by_a_comment_reopens_too(day: Day) -> None:
    number = await closed(day)
    day.command(day.world.open_issue(REPO, "nora"), "ada", "/credit unblacklist @newt")
    await day.settle()
    assert day.is_open(number)


async def test_a_refused_reopening_is_shown(day: Day) -> None:
    number = await closed(day)
    day.world.force_push(REPO, number)
    await day.operate("unblacklist", "newt")
    await day.settle()
    assert not day.is_open(number)
    action = day.action(number, "reopen")
    assert action.state == "refused"
    assert "422" in action.reason or "cannot be reopened" in action.reason.lower()


async def test_what_its_author_closed_meanwhile_is_not_reopened(day: Day) -> None:
    await day.give_credit("newt", 20)
    number = day.pull("newt")
    await day.settle()
    day.world.reopen(REPO, number, "ada")
    day.world.advance(2)
    day.world.close(REPO, number, "newt")
    await day.settle()
    await day.give_credit("newt", 90)
    await day.settle()
    assert not day.is_open(number)


async def test_undo_of_a_blacklisting_reopens(day: Day) -> None:
    number = await closed(day)
    row = day.ledger_rows("newt")[-1]
    await day.operate("undo", "newt", ledger_id=row.id)
    await day.settle()
    assert not day.is_blacklisted("newt")
    assert day.is_open(number)


@pytest.mark.parametrize("mode", ["label", "hold"])
async def test_lifted_over_the_threshold_label_and_status_are_cleared(make_day: MakeDay, mode: str) -> None:
    day = make_day(enforcement=mode)
    await day.begin()
    number = await denied(day)
    await day.settle()
    await day.give_credit("newt", 80)
    await day.settle()
    seen = day.world.public_state(REPO)[number]
    assert seen["labels"] == []
    if mode == "hold":
        assert seen["statuses"]["meritocrab/credit"][0] == "success"
    assert seen["state"] == "open"


async def test_a_push_to_a_held_pull_request_and_its_release(make_day: MakeDay) -> None:
    day = make_day(enforcement="hold")
    await day.begin()
    number = await denied(day)
    await day.settle()
    old = day.world.public_state(REPO)[number]["statuses"]
    day.world.push(REPO, number)
    await day.settle()
    await day.give_credit("newt", 80)
    await day.settle()
    assert old["meritocrab/credit"][0] == "pending"
    assert day.world.public_state(REPO)[number]["statuses"]["meritocrab/credit"][0] == "success"


async def test_a_reopening_whose_answer_was_lost(day: Day) -> None:
    number = await closed(day)
    day.world.faults.add("cut", WRITES["close"], times=1, when="after")
    await day.operate("unblacklist", "newt")
    await day.settle()
    day.later(seconds=70)
    await day.settle()
    assert day.is_open(number)
    assert day.transitions(number) == [("closed", BOT), ("reopened", BOT)]
    assert day.action(number, "reopen").state == "delivered"


async def test_released_while_the_close_is_ambiguous(day: Day) -> None:
    number = await denied(day)
    day.world.faults.add("cut", WRITES["close"], times=1, when="after")
    await day.settle()
    assert not day.is_open(number)
    await day.give_credit("newt", 90)
    day.later(seconds=70)
    await day.settle(rounds=3)
    assert day.is_open(number)


async def test_a_second_blacklisting_after_a_release_counts_for_new_pull_requests_only(day: Day) -> None:
    number = await closed(day)
    await day.operate("unblacklist", "newt")
    await day.settle()
    await day.operate("blacklist", "newt")
    other = day.pull("newt", "Another")
    await day.settle()
    day.later(seconds=125)
    await day.settle()
    assert day.is_open(number)
    assert not day.is_open(other)


async def test_a_view_older_than_the_reopen_does_not_call_the_close_off(day: Day) -> None:
    await day.give_credit("newt", 20)
    number = day.pull("newt")
    await day.settle()
    assert not day.is_open(number)
    stale = day.world.faults.add("stale", f"GET .*/pulls/{number}$", seconds=600)
    day.later(minutes=5)
    day.world.reopen(REPO, number, "newt")
    await day.settle()
    assert day.is_open(number)
    day.world.faults.remove(stale)
    day.later(minutes=1)
    await day.settle()
    assert not day.is_open(number)
