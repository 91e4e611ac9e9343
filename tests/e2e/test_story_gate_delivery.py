"""Stories about the time between a decision and its delivery: people and rules may change their minds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.e2e.conftest import MakeDay
from tests.e2e.world_of_people import BOT, REPO, TOKEN, Day


async def denied(day: Day, title: str = "A change") -> int:
    """A pull request that is to be closed, decided and not delivered yet."""
    await day.give_credit("newt", 20)
    number = day.pull("newt", title)
    await day.decide()
    assert day.fates(number) == [("comment", "scheduled"), ("close", "scheduled")]
    return number


def assert_untouched(day: Day, number: int) -> None:
    """Nothing was said or done, and the reason is on record."""
    assert day.said(number) == []
    assert (BOT, "closed") not in day.transitions(number)
    for action in day.actions(number):
        assert action.state == "superseded", action.kind
        assert action.reason


MEANWHILE: dict[str, Callable[[Day, int], object]] = {
    "merged": lambda day, n: day.world.merge(REPO, n, "wes"),
    "closed by its author": lambda day, n: day.world.close(REPO, n, "newt"),
    "closed by a maintainer": lambda day, n: day.world.close(REPO, n, "mia"),
    "commented by a maintainer": lambda day, n: day.world.comment(REPO, n, "wes", "Let me have a look."),
    "reviewed by a maintainer": lambda day, n: day.world.review(REPO, n, "mia", "COMMENTED", "Nice."),
    "approved without a word": lambda day, n: day.world.review(REPO, n, "wes", "APPROVED"),
    "assigned": lambda day, n: day.world.assign(REPO, n, "wes"),
    "review requested": lambda day, n: day.world.request_review(REPO, n, "wes", "mia"),
    "closed and reopened by a maintainer": lambda day, n: (
        day.world.close(REPO, n, "newt"),
        day.world.reopen(REPO, n, "wes"),
    ),
    "given a role": lambda day, n: day.world.set_role(REPO, "newt", "write"),
    "author deleted": lambda day, n: day.world.delete_user("newt"),
}


@pytest.mark.parametrize("what", MEANWHILE)
async def test_what_happened_meanwhile_supersedes_message_and_close(day: Day, what: str) -> None:
    number = await denied(day)
    MEANWHILE[what](day, number)
    await day.work()
    await day.settle()
    assert_untouched(day, number)


async def test_a_strangers_comment_and_a_maintainers_command_supersede_nothing(day: Day) -> None:
    number = await denied(day)
    day.world.comment(REPO, number, "nora", "Me too!")
    day.world.review(REPO, number, "nora", "APPROVED")
    day.command(number, "mia", "/credit check @newt")
    await day.settle()
    assert not day.is_open(number)


async def test_credit_that_rose_between_decision_and_delivery(day: Day) -> None:
    number = await denied(day)
    await day.give_credit("newt", 60)
    await day.settle()
    assert_untouched(day, number)
    assert day.gate(number) == "released"


async def test_a_threshold_lowered_between_decision_and_delivery(day: Day) -> None:
    number = await denied(day)
    day.world.set_file(REPO, ".meritocrab.toml", "pr_threshold = 10\n")
    await day.poll_afresh()
    await day.work()
    assert_untouched(day, number)
    assert day.gate(number) == "admitted"


@pytest.mark.parametrize("lower", ["observe", "label", "hold"])
async def test_enforcement_lowered_between_decision_and_delivery(day: Day, lower: str) -> None:
    number = await denied(day)
    day.world.set_file(REPO, ".meritocrab.toml", f'enforcement = "{lower}"\n')
    await day.poll_afresh()
    await day.work()
    assert_untouched(day, number)
    assert day.writes() == []


async def test_enforcement_lowered_in_the_daemons_own_file(day: Day) -> None:
    number = await denied(day)
    await day.restart(replace(day.setup, enforcement="observe"))
    await day.settle()
    assert_untouched(day, number)


async def test_a_decision_older_than_a_day_is_not_carried_out(day: Day) -> None:
    number = await denied(day)
    day.world.faults.offline = True
    day.later(hours=25)
    await day.work()
    day.world.faults.offline = False
    day.later(minutes=10)
    await day.settle()
    assert_untouched(day, number)
    assert day.is_open(number)
    assert "24 hours" in day.action(number, "close").reason


async def test_a_locked_thread_gets_no_comment_and_is_closed(day: Day) -> None:
    number = await denied(day)
    day.world.lock_thread(REPO, number, "newt")
    await day.settle()
    assert day.said(number) == []
    assert not day.is_open(number)
    assert day.fates(number) == [("comment", "superseded"), ("close", "delivered")]


async def test_a_lock_that_comes_with_the_write_is_a_refusal_and_the_close_still_goes_out(day: Day) -> None:
    number = await denied(day)
    day.world.faults.add(
        "call", "^POST .*/comments", times=1, call=lambda *_: day.world.lock_thread(REPO, number, "nora")
    )
    await day.settle()
    assert not day.is_open(number)
    assert day.fates(number) == [("comment", "refused"), ("close", "delivered")]
    assert day.action(number, "comment").reason


async def test_archived_between_look_and_write_is_refused_without_a_stack_trace(day: Day) -> None:
    number = await denied(day)
    day.world.faults.add("call", "^POST .*/comments", times=1, call=lambda *_: day.world.archive(REPO))
    await day.settle()
    assert day.is_open(number)
    assert {state for _, state in day.fates(number)} <= {"refused", "superseded"}
    assert day.row().state == "archived"


async def test_a_token_that_may_not_write_keeps_the_actions_and_says_so(day: Day) -> None:
    number = await denied(day)
    day.world.faults.add("status", "^(POST|PATCH)", status=403, message="Resource not accessible")
    await day.settle()
    action = day.action(number, "comment")
    assert action.state == "scheduled"
    assert "403" in action.reason or "not accessible" in action.reason
    day.world.faults.clear()
    day.later(minutes=6)
    await day.settle()
    assert not day.is_open(number)
    assert len(day.said(number)) == 1


async def test_unblacklisted_before_the_shadow_close(day: Day) -> None:
    await day.operate("blacklist", "newt")
    number = day.pull("newt")
    await day.settle()
    await day.operate("unblacklist", "newt")
    day.later(minutes=3)
    await day.settle()
    assert_untouched(day, number)
    assert day.gate(number) == "released"


async def test_denied_and_blacklisted_for_the_same_pull_request_is_no_less_denied(day: Day) -> None:
    await day.give_credit("newt", 20)
    number = day.pull("newt", "Casino")
    day.judge.says("Casino", "spam")
    await day.decide()
    await day.service.evaluation.step()
    await day.service.processor.step()
    assert day.is_blacklisted("newt")
    await day.work()
    assert not day.is_open(number)


async def test_the_owner_of_a_personal_token_is_a_human_too(make_day: MakeDay) -> None:
    day = make_day()
    day.world.revoke_token(TOKEN)
    day.world.add_token("ghp_adas_own_token", "ada")
    day.setup = replace(day.setup, credentials=day.setup.credentials.replace(TOKEN, "ghp_adas_own_token"))
    await day.restart()
    await day.settle()
    number = await denied(day)
    day.world.comment(REPO, number, "ada", "I take this one.")
    await day.settle()
    assert_untouched(day, number)


async def test_the_owner_of_a_personal_token_reopens_what_the_daemon_closed(make_day: MakeDay) -> None:
    day = make_day()
    day.world.add_token("ghp_adas_own_token", "ada")
    day.setup = replace(day.setup, credentials=day.setup.credentials.replace(TOKEN, "ghp_adas_own_token"))
    await day.restart()
    await day.settle()
    number = await denied(day)
    await day.settle()
    day.world.reopen(REPO, number, "ada")
    await day.settle()
    assert day.is_open(number)
    assert day.gate(number) == "released"
