"""Stories about everything that goes wrong between home and GitHub: each is a row state, none is a loss."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from meritocrab.core.names import EventKind
from tests.e2e.conftest import MakeDay
from tests.e2e.world_of_people import BOT, REPO, TOKEN, Day

OTHER = "octo/orchard"

TROUBLE: dict[str, tuple[dict[str, Any], str]] = {
    "500": ({"kind": "status", "status": 500}, "github_error"),
    "502": ({"kind": "status", "status": 502}, "github_error"),
    "cut": ({"kind": "cut"}, "unreachable"),
    "truncated": ({"kind": "truncated"}, "bad_answer"),
    "html": ({"kind": "html"}, "bad_answer"),
    "401": ({"kind": "unauthorized"}, "unauthorized"),
    "burst limit with advice": ({"kind": "secondary", "status": 429, "retry_after": 90}, "rate_limited"),
    "burst limit without advice": ({"kind": "secondary"}, "rate_limited"),
    "hourly limit": ({"kind": "primary", "seconds": 600}, "rate_limited"),
    "not a list": ({"kind": "bogus", "change": lambda _: {"message": "?"}}, "bad_answer"),
}


@pytest.mark.parametrize("what", TROUBLE)
async def test_trouble_is_named_on_the_row_and_everything_is_there_afterwards(day: Day, what: str) -> None:
    fault, state = TROUBLE[what]
    await day.give_credit("newt", 20)
    rule = day.world.faults.add(match="^GET ", **fault)
    number = day.pull("newt")
    await day.settle()
    row = day.row()
    assert row.state == state
    assert row.detail
    assert row.last_error == row.detail
    assert row.errors_in_row >= 1
    assert row.last_error_at is not None
    assert day.is_open(number)
    day.world.faults.remove(rule)
    day.later(minutes=20)
    await day.settle()
    row = day.row()
    assert (row.state, row.errors_in_row, row.last_error) == ("ok", 0, "")
    assert not day.is_open(number)
    assert len(day.said(number)) == 1


async def test_a_time_out_is_named_too(make_day: MakeDay) -> None:
    day = make_day(timeout=1)
    await day.begin()
    day.world.faults.add("hold", f"GET /repos/{REPO}/issues$", seconds=3, times=1)
    number = day.pull("newt")
    day.later(seconds=5)
    await day.poll()
    assert day.row().state == "unreachable"
    await day.settle()
    assert day.gate(number) == "admitted"


async def test_during_a_limit_nothing_is_sent_with_that_token(day: Day) -> None:
    day.world.faults.add("secondary", "^GET ", times=1, status=403, retry_after=120)
    day.pull("newt")
    await day.settle()
    mark = day.world.mark()
    day.later(seconds=60)
    await day.settle()
    assert day.world.requests_since(mark) == []
    day.later(seconds=60)
    await day.settle()
    assert day.world.count(mark) > 0
    assert day.row().state == "ok"


async def test_an_exhausted_quota_is_waited_out(day: Day) -> None:
    day.pull("newt")
    day.world.exhaust(TOKEN)
    await day.settle()
    assert day.row().state == "rate_limited"
    mark = day.world.mark()
    day.later(minutes=20)
    await day.settle()
    assert day.world.requests_since(mark) == []
    day.later(minutes=45)
    await day.settle()
    assert day.row().state == "ok"
    assert day.credit("newt") == 100


async def test_two_hours_without_a_network_lose_nothing(day_on_both: Day) -> None:
    day = day_on_both
    await day.give_credit("newt", 20)
    day.world.faults.offline = True
    number, merged = day.pull("newt"), day.pull("nora", "To be merged")
    day.command(number, "ada", "/credit check @newt")
    for _ in range(12):
        day.later(minutes=10)
        await day.settle(rounds=1)
    day.world.merge(REPO, merged, "wes")
    assert day.row().state == "unreachable"
    day.world.faults.offline = False
    day.later(minutes=16)
    await day.settle(rounds=3)
    assert not day.is_open(number)
    assert len(day.said(number)) == 2
    assert day.ledger("nora") == [("merged", 20)]


async def test_one_failing_repository_does_not_stop_the_other(make_day: MakeDay) -> None:
    day = make_day()
    day.world.add_repository(OTHER)
    day.world.set_role(OTHER, BOT, "admin")
    credentials = f'token = "{TOKEN}"\nrepositories = ["{REPO}", "{OTHER}"]'
    await day.restart(replace(day.setup, credentials=credentials))
    await day.settle()
    day.world.faults.add("status", f"/repos/{REPO}/", status=502)
    day.pull("newt")
    day.world.open_pull(OTHER, "nora")
    await day.settle()
    assert day.row(OTHER).state == "ok"
    assert day.row().state == "github_error"
    assert day.credit("nora") == 100
    assert day.credit("newt") is None


@pytest.mark.parametrize("what", ["reviews", "events", "pull"])
async def test_one_failing_read_neither_blocks_nor_loses_the_others(day: Day, what: str) -> None:
    await day.give_credit("newt", 20)
    number, other = day.pull("nora"), day.pull("zoe", "Other")
    await day.settle()
    pattern = {"reviews": f"/pulls/{number}/reviews", "events": f"/issues/{number}/events"}
    fault = day.world.faults.add("status", pattern.get(what, f"GET .*/pulls/{number}$"), status=500)
    for each in (number, other):
        day.world.review(REPO, each, "newt", "CHANGES_REQUESTED", "No.")
        day.world.merge(REPO, each, "wes")
    await day.settle()
    assert ("merged", 20) in day.ledger("zoe")
    assert ("review", 5) in day.ledger("newt")
    assert [read.number for read in day.open_reads()] == [number]
    assert "500" in day.open_reads()[0].last_error
    assert day.row().state == "ok"
    day.world.faults.remove(fault)
    day.later(minutes=16)
    await day.settle()
    assert day.ledger("nora") == [("merged", 20)]
    assert [reason for reason, _ in day.ledger("newt")].count("review") == 2
    assert day.open_reads() == []


async def test_an_item_that_cannot_be_read_is_not_lost_and_stops_nothing(day: Day) -> None:
    await day.give_credit("newt", 20)
    number = day.pull("nora")
    odd = day.world.comment(REPO, number, "ada", '/credit override @zoe +7 "odd"')

    def spoil(page: Any) -> Any:
        return [item | {"html_url": 7} if item["id"] == odd else item for item in page]

    fault = day.world.faults.add("bogus", "/issues/comments[?]", change=spoil)
    day.later(minutes=5)
    day.world.comment(REPO, number, "ada", '/credit override @zoe +5 "even"')
    await day.settle()
    assert day.row().state == "bad_answer"
    assert "html_url" in day.row().detail
    assert day.ledger("zoe") == [("override", 5)]
    day.world.faults.remove(fault)
    day.later(minutes=20)
    await day.settle()
    assert day.row().state == "ok"
    assert day.ledger("zoe") == [("override", 5), ("override", 7)]


async def test_a_renamed_repository_is_followed(day_on_both: Day) -> None:
    day = day_on_both
    await day.give_credit("newt", 20)
    day.world.rename_repository(REPO, "meadow")
    number = day.world.open_pull("octo/meadow", "newt")
    await day.settle(rounds=3)
    row = day.row("octo/meadow")
    assert (row.state, row.watched) == ("ok", True)
    assert day.world.thread("octo/meadow", number).state == "closed"
    assert len(day.said(number, "octo/meadow")) == 1


async def test_a_renamed_repository_is_still_followed_when_the_configuration_says_the_old_name(
    day: Day,
) -> None:
    day.world.rename_repository(REPO, "meadow")
    await day.settle(rounds=3)
    await day.follow()
    await day.restart()
    number = day.world.open_pull("octo/meadow", "newt")
    await day.settle(rounds=3)
    row = day.row("octo/meadow")
    assert (row.state, row.watched) == ("ok", True)
    assert day.gate(number) == "admitted"
    assert day.look(lambda: len(list(type(row).select()))) == 1


async def test_renamed_before_the_first_look(make_day: MakeDay) -> None:
    day = make_day()
    day.world.rename_repository(REPO, "meadow")
    await day.begin()
    number = day.world.open_pull("octo/meadow", "newt")
    await day.follow()
    await day.settle(rounds=3)
    assert day.row("octo/meadow").state == "ok"
    assert day.gate(number) == "admitted"


async def test_rules_for_the_old_name_stay_in_force_after_a_rename(make_day: MakeDay) -> None:
    day = make_day(tables=f'[repository."{REPO}"]\nenforcement = "observe"\n')
    await day.begin()
    await day.give_credit("newt", 20)
    day.world.rename_repository(REPO, "meadow")
    number = day.world.open_pull("octo/meadow", "newt")
    await day.settle(rounds=3)
    assert day.writes() == []
    assert day.fates(number) == [("comment", "observed"), ("close", "observed")]


async def test_both_names_of_a_repository_in_the_configuration_are_one(make_day: MakeDay) -> None:
    day = make_day()
    day.world.rename_repository(REPO, "meadow")
    names = f'token = "{TOKEN}"\nrepositories = ["octo/meadow", "{REPO}"]'
    await day.restart(replace(day.setup, credentials=names))
    await day.settle()
    await day.restart()
    number = day.world.open_pull("octo/meadow", "newt")
    await day.settle()
    assert day.gate(number) == "admitted"
    assert len(day.events(EventKind.PULL_REQUEST_OPENED, number)) == 1
    assert day.row("octo/meadow").id == day.row(REPO).id


async def test_a_transferred_repository_is_followed(day: Day) -> None:
    day.world.transfer_repository(REPO, "new-owner")
    number = day.world.open_pull("new-owner/garden", "newt")
    await day.settle(rounds=3)
    assert day.row("new-owner/garden").state == "ok"
    assert day.gate(number) == "admitted"


async def test_actions_decided_before_a_rename_are_delivered_after_it(day: Day) -> None:
    await day.give_credit("newt", 20)
    number = day.pull("newt")
    await day.decide()
    day.world.rename_repository(REPO, "meadow")
    await day.work()
    await day.settle()
    day.later(minutes=2)
    await day.settle()
    assert day.world.thread("octo/meadow", number).state == "closed"
    assert len(day.said(number, "octo/meadow")) == 1


async def test_a_name_that_means_another_repository_is_replaced_and_nothing_is_written_there(
    day: Day,
) -> None:
    await day.give_credit("newt", 20)
    number = day.pull("newt")
    await day.decide()
    day.world.replace_repository(REPO)
    day.world.set_role(REPO, "garden-bot", "admin")
    twin = day.world.open_pull(REPO, "newt")
    assert twin == number
    mark = day.world.mark()
    await day.work()
    await day.settle(rounds=3)
    assert day.row().state == "replaced"
    assert "nothing is written there" in day.row().detail
    assert day.writes(mark) == []
    assert day.is_open(twin)
    assert {state for _, state in day.fates(number)} == {"superseded"}


async def test_a_deleted_repository_is_not_found_and_comes_back(day: Day) -> None:
    fault = day.world.faults.add("status", f"/repos/{REPO}", status=404)
    number = day.pull("newt")
    await day.settle()
    assert day.row().state == "not_found"
    day.world.faults.remove(fault)
    day.later(minutes=16)
    await day.settle()
    assert day.row().state == "ok"
    assert day.gate(number) == "admitted"


async def test_a_role_look_up_that_is_404_counts_only_while_the_repository_answers(day: Day) -> None:
    await day.give_credit("newt", 20)
    day.world.faults.add("status", "/permission", status=404)
    fault = day.world.faults.add("status", f"GET /repos/{REPO}$", status=404, skip=2)
    number = day.pull("newt")
    await day.settle(rounds=1)
    assert day.is_open(number)
    assert day.events(EventKind.PULL_REQUEST_OPENED, number)[0].state == "waiting"
    day.world.faults.remove(fault)
    day.later(minutes=16)
    await day.settle(rounds=3)
    assert not day.is_open(number)


async def test_a_revoked_token_is_named_and_a_new_one_goes_on(day: Day) -> None:
    day.world.revoke_token(TOKEN)
    number = day.pull("newt")
    await day.settle()
    assert day.row().state == "unauthorized"
    day.world.add_token("ghp_a_new_token", "garden-bot")
    credentials = day.setup.credentials.replace(TOKEN, "ghp_a_new_token")
    await day.restart(replace(day.setup, credentials=credentials))
    day.later(minutes=16)
    await day.settle()
    assert day.row().state == "ok"
    assert day.gate(number) == "admitted"


async def test_a_disabled_issue_tracker_and_an_archived_repository_are_states(day: Day) -> None:
    day.world.set_issues_enabled(REPO, False)
    await day.settle()
    disabled = day.row().state
    day.world.set_issues_enabled(REPO, True)
    day.world.archive(REPO)
    day.later(minutes=16)
    await day.settle()
    day.pull("newt")
    await day.settle()
    assert day.row().state == "archived"
    assert disabled in ("ok", "not_found")


async def test_in_an_archived_repository_nothing_is_written(day: Day) -> None:
    await day.give_credit("newt", 20)
    number = day.pull("newt")
    day.world.archive(REPO)
    await day.settle()
    assert day.row().state == "archived"
    assert day.writes() == []
    assert {state for _, state in day.fates(number)} == {"superseded"}
    day.world.unarchive(REPO)
    other = day.pull("newt", "After it")
    await day.settle()
    assert not day.is_open(other)


async def test_a_clock_that_is_set_back_does_not_stop_the_polls(make_day: MakeDay) -> None:
    day = make_day(skew=timedelta(hours=9))
    await day.begin()
    await day.settle()
    day.skew = timedelta(0)
    number = day.pull("newt")
    await day.settle()
    assert len(day.events(EventKind.PULL_REQUEST_OPENED, number)) == 1


async def test_a_clock_that_jumps_forward_does_not_break_anything(day: Day) -> None:
    day.pull("newt")
    await day.settle()
    day.skew = timedelta(hours=30)
    await day.give_credit("newt", 20)
    number = day.pull("newt", "After the jump")
    await day.settle()
    assert not day.is_open(number)
