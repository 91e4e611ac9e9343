"""Stories about the gate: who passes, who is turned away, and how."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.e2e.conftest import MakeDay
from tests.e2e.world_of_people import BOT, REPO, Day

GENERIC = "We are not going to take this change forward"


async def test_a_newcomer_with_enough_credit_is_let_in(day_on_both: Day) -> None:
    day = day_on_both
    number = day.pull("newt")
    await day.settle()
    assert day.is_open(number)
    assert day.gate(number) == "admitted"
    assert day.credit("newt") == 100
    assert day.writes() == []


async def test_low_credit_is_told_score_threshold_and_the_way_up_and_then_closed(day_on_both: Day) -> None:
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
    assert [path.rpartition("/")[2] for _, path in day.writes()] == ["comments", str(number)]
    assert day.fates(number) == [("comment", "delivered"), ("close", "delivered")]


async def test_credit_at_the_threshold_passes(day: Day) -> None:
    await day.give_credit("newt", 50)
    number = day.pull("newt")
    await day.settle()
    assert day.gate(number) == "admitted"


@pytest.mark.parametrize("login", ["ada", "mia", "wes"])
async def test_people_with_a_role_pass_whatever_their_credit(day: Day, login: str) -> None:
    await day.operate("blacklist", login)
    number = day.pull(login)
    await day.settle()
    assert day.is_open(number)
    assert day.gate(number) == "privileged"
    assert day.judged(login) == []


async def test_triage_is_a_role_only_where_the_policy_says_so(make_day: MakeDay) -> None:
    day = make_day()
    await day.begin()
    await day.give_credit("tom", 10)
    first = day.pull("tom")
    await day.settle()
    assert day.gate(first) == "denied"
    day.world.set_file(REPO, ".meritocrab.toml", '[roles]\nprivileged = ["admin", "write", "triage"]\n')
    second = day.pull("tom", "Another")
    await day.settle()
    assert day.gate(second) == "privileged"
    assert day.is_open(second)


async def test_listed_apps_pass_by_their_id(day: Day) -> None:
    day.world.add_user("dependabot[bot]", id=49_699_333, type="Bot")
    number = day.pull("dependabot[bot]", "Bump left-pad")
    await day.settle()
    assert day.gate(number) == "exempt"
    assert day.is_open(number)
    assert day.judged("dependabot[bot]") == []


async def test_a_listed_user_passes_and_is_not_scored(make_day: MakeDay) -> None:
    day = make_day()
    friend = day.world.account("nora").id
    day.world.set_file(REPO, ".meritocrab.toml", f"[exempt]\nusers = [{friend}]\n")
    await day.begin()
    number = day.pull("nora")
    day.judge.says("A change", "spam")
    await day.settle()
    assert day.gate(number) == "exempt"
    assert day.judged("nora") == []
    assert day.credit("nora") is None


async def test_an_unlisted_bot_waits_in_the_queue_and_is_never_closed(day: Day) -> None:
    day.world.add_user("sell-bot[bot]", type="Bot")
    number = day.pull("sell-bot[bot]", "Buy this")
    await day.settle()
    assert day.is_open(number)
    assert day.gate(number) == "bot"
    (item,) = day.judged("sell-bot[bot]")
    assert (item.state, item.reason) == ("pending", "bot")
    assert day.credit("sell-bot[bot]") is None
    assert day.judge.questions == []


async def test_a_bot_that_took_a_known_login_is_not_exempt(day: Day) -> None:
    day.world.add_user("dependabot[bot]", type="Bot")
    number = day.pull("dependabot[bot]")
    await day.settle()
    assert day.gate(number) == "bot"


async def test_a_deleted_account_is_never_gated(day: Day) -> None:
    number = day.pull("zoe")
    day.world.delete_user("zoe")
    other = day.pull(None, "By nobody")
    await day.settle()
    assert day.gate(number) == "not_gated"
    assert day.gate(other) == "not_gated"
    assert day.writes() == []


async def test_a_draft_waits_until_it_is_ready(day: Day) -> None:
    await day.give_credit("newt", 20)
    number = day.pull("newt", draft=True)
    await day.settle()
    assert day.is_open(number)
    assert day.gate(number) == "draft"
    assert day.judged("newt") == []
    day.world.ready_for_review(REPO, number)
    await day.settle()
    assert not day.is_open(number)
    assert len(day.said(number)) == 1
    assert len(day.judged("newt")) == 1


async def test_ready_and_draft_again_is_left_alone_and_decided_when_it_is_ready_at_last(day: Day) -> None:
    await day.give_credit("newt", 20)
    number = day.pull("newt")
    await day.decide()
    day.world.convert_to_draft(REPO, number)
    await day.settle()
    assert day.is_open(number)
    assert day.said(number) == []
    assert day.gate(number) == "draft"
    assert "decided again: draft" in day.action(number, "close").reason
    day.world.ready_for_review(REPO, number)
    await day.settle()
    assert not day.is_open(number)
    assert len(day.said(number)) == 1


async def test_closed_by_us_and_reopened_by_the_author_is_closed_again_without_a_word(day: Day) -> None:
    await day.give_credit("newt", 20)
    number = day.pull("newt")
    await day.settle()
    day.world.reopen(REPO, number, "newt")
    await day.settle()
    day.world.reopen(REPO, number, "newt")
    await day.settle()
    assert not day.is_open(number)
    assert len(day.said(number)) == 1
    assert day.transitions(number) == [("closed", BOT), ("reopened", "newt")] * 2 + [("closed", BOT)]


async def test_closed_by_us_and_reopened_by_an_author_with_new_credit_stays_open(day: Day) -> None:
    await day.give_credit("newt", 20)
    number = day.pull("newt")
    await day.settle()
    day.world.review(REPO, day.pull("nora"), "newt", "COMMENTED", "I tried it: it breaks the build.")
    day.world.set_file(REPO, ".meritocrab.toml", "pr_threshold = 25\n")
    await day.settle()
    day.later(minutes=11)
    await day.settle()
    assert day.credit("newt") == 25
    day.world.reopen(REPO, number, "newt")
    await day.settle()
    assert day.is_open(number)
    assert day.gate(number) == "admitted"


async def test_a_maintainers_reopen_is_final(day: Day) -> None:
    await day.give_credit("newt", 20)
    number = day.pull("newt")
    await day.settle()
    day.world.reopen(REPO, number, "wes")
    await day.settle()
    assert day.is_open(number)
    assert day.gate(number) == "released"
    day.world.close(REPO, number, "newt")
    await day.settle()
    day.world.reopen(REPO, number, "newt")
    await day.settle()
    assert day.is_open(number)
    assert len(day.said(number)) == 1


async def test_a_denied_pull_request_closed_by_its_author_at_once_is_closed_when_reopened(day: Day) -> None:
    await day.give_credit("newt", 20)
    number = day.pull("newt")
    day.world.advance(1)
    day.world.close(REPO, number, "newt")
    await day.settle()
    assert day.said(number) == []
    day.world.reopen(REPO, number, "newt")
    await day.settle()
    assert not day.is_open(number)
    assert len(day.said(number)) == 1


async def test_blacklisted_people_are_closed_after_a_random_delay_with_no_hint(day_on_both: Day) -> None:
    day = day_on_both
    await day.operate("blacklist", "newt")
    number = day.pull("newt")
    await day.settle()
    close = day.action(number, "close")
    wait = (close.not_before_at - close.decided_at).total_seconds()
    assert 30 <= wait <= 120
    assert day.is_open(number)
    assert day.said(number) == []
    day.later(seconds=121)
    await day.settle()
    assert not day.is_open(number)
    (message,) = day.said(number)
    assert GENERIC in message
    assert "credit" not in message
    assert "blacklist" not in message.lower()


async def test_delays_differ_from_one_pull_request_to_the_next(day: Day) -> None:
    await day.operate("blacklist", "newt")
    numbers = [day.pull("newt", f"Try {i}") for i in range(4)]
    await day.settle()
    closes = [day.action(number, "close") for number in numbers]
    assert len({close.not_before_at - close.decided_at for close in closes}) == 4


async def test_a_blacklisted_draft_is_closed_too(day: Day) -> None:
    await day.operate("blacklist", "newt")
    number = day.pull("newt", draft=True)
    await day.settle()
    day.later(seconds=121)
    await day.settle()
    assert not day.is_open(number)
    assert GENERIC in day.said(number)[0]


async def test_an_admitted_pull_request_reopened_by_somebody_blacklisted_meanwhile_is_closed(
    day: Day,
) -> None:
    number = day.pull("newt")
    await day.settle()
    await day.operate("blacklist", "newt")
    day.world.close(REPO, number, "newt")
    await day.settle()
    day.world.reopen(REPO, number, "newt")
    await day.settle()
    day.later(seconds=121)
    await day.settle()
    assert not day.is_open(number)


async def test_an_admitted_pull_request_is_not_gated_again_when_its_author_reopens_it(day: Day) -> None:
    number = day.pull("newt")
    await day.settle()
    await day.give_credit("newt", 10)
    day.world.close(REPO, number, "newt")
    await day.settle()
    day.world.reopen(REPO, number, "newt")
    await day.settle()
    assert day.is_open(number)
    assert day.writes() == []


async def test_observe_writes_nothing_and_records_what_it_would_have_done(make_day: MakeDay) -> None:
    day = make_day(enforcement="observe", answer_commands=False)
    await day.begin()
    await day.give_credit("newt", 20)
    await day.operate("blacklist", "zoe")
    numbers = [day.pull("newt"), day.pull("zoe")]
    day.command(numbers[0], "ada", "/credit check @newt")
    day.judge.says("A change", "low")
    await day.settle()
    day.later(minutes=5)
    await day.settle()
    assert day.writes() == []
    assert all(day.is_open(number) for number in numbers)
    assert day.fates(numbers[0]) == [
        (kind, "observed") for kind in ("comment", "close", "reaction", "comment")
    ]
    assert day.fates(numbers[1]) == [("comment", "observed"), ("close", "observed")]
    assert {row.enforcement for row in day.ledger_rows("newt")} == {"observe"}


async def test_what_was_observed_is_not_delivered_when_enforcement_is_switched_on(make_day: MakeDay) -> None:
    day = make_day(enforcement="observe")
    await day.begin()
    await day.give_credit("newt", 20)
    number = day.pull("newt")
    await day.settle()
    await day.restart(replace(day.setup, enforcement="close"))
    await day.settle()
    assert day.is_open(number)
    assert day.writes() == []


async def test_label_mode_labels_explains_and_leaves_open(make_day: MakeDay) -> None:
    day = make_day(enforcement="label")
    await day.begin()
    await day.give_credit("newt", 20)
    await day.operate("blacklist", "zoe")
    number, shadowed = day.pull("newt"), day.pull("zoe")
    await day.settle()
    thread = day.world.thread(REPO, number)
    assert (thread.state, thread.labels) == ("open", ["meritocrab:held"])
    assert "on hold" in day.said(number)[0]
    assert day.world.thread(REPO, shadowed).labels == []
    day.later(seconds=121)
    await day.settle()
    assert day.world.thread(REPO, shadowed).labels == ["meritocrab:held"]
    assert day.said(shadowed) == []
    assert day.is_open(shadowed)


async def test_hold_mode_sets_a_pending_status_besides(make_day: MakeDay) -> None:
    day = make_day(enforcement="hold")
    await day.begin()
    await day.give_credit("newt", 20)
    number = day.pull("newt")
    await day.settle()
    seen = day.world.public_state(REPO)[number]
    assert seen["state"] == "open"
    assert seen["labels"] == ["meritocrab:held"]
    assert seen["statuses"]["meritocrab/credit"][0] == "pending"


async def test_where_roles_cannot_be_read_that_is_a_named_state_and_nobody_is_gated(
    day: Day, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "meritocrab")
    await day.give_credit("newt", 20)
    day.world.faults.add(
        "status", "/permission", status=403, message="Must have push access to view collaborator permission."
    )
    number = day.pull("newt")
    await day.settle()
    assert day.is_open(number)
    assert day.gate(number) == "not_gated"
    assert day.row().state == "roles_unreadable"
    assert "ok -> roles_unreadable" in caplog.text
    day.world.faults.clear()
    other = day.pull("newt", "Another")
    await day.settle()
    assert day.row().state == "ok"
    assert not day.is_open(other)
    assert day.is_open(number)


@pytest.mark.parametrize("fault", [{"kind": "status", "status": 502}, {"kind": "cut"}, {"kind": "html"}])
async def test_a_failed_role_look_up_makes_the_event_wait_and_gates_nobody(day: Day, fault: dict) -> None:
    await day.give_credit("newt", 20)
    rule = day.world.faults.add(match="/permission", **fault)
    number = day.pull("newt")
    await day.settle()
    assert day.is_open(number)
    (opened,) = day.events(number=number)
    assert opened.state == "waiting"
    assert opened.attempts == 0
    assert opened.last_error
    day.world.faults.remove(rule)
    day.later(minutes=1)
    await day.settle()
    assert not day.is_open(number)


async def test_the_role_answer_of_another_account_is_not_believed(day: Day) -> None:
    await day.give_credit("newt", 20)
    number = day.pull("newt")
    other = {"id": day.world.account("nora").id, "login": "newt"}
    rule = day.world.faults.add("bogus", "/permission", change=lambda answer: answer | {"user": other})
    await day.settle()
    assert day.events(number=number)[0].state == "waiting"
    assert day.is_open(number)
    day.world.faults.remove(rule)
    day.later(minutes=1)
    await day.settle()
    assert not day.is_open(number)


async def test_a_pull_request_from_before_the_first_look_is_never_gated(make_day: MakeDay) -> None:
    day = make_day()
    old, draft = day.pull("newt"), day.pull("newt", "A draft", draft=True)
    await day.begin()
    await day.give_credit("newt", 20)
    await day.operate("blacklist", "nora")
    comment = day.command(old, "newt", "Any news?")
    day.world.edit_body(REPO, draft, "Touched.")
    await day.settle()
    assert day.is_open(old)
    assert day.writes() == []
    assert comment
    assert [row.state for row in day.events(number=draft)] == ["recorded"]


async def test_an_old_draft_made_ready_today_is_news(make_day: MakeDay) -> None:
    day = make_day()
    number = day.pull("newt", draft=True)
    await day.begin()
    await day.give_credit("newt", 20)
    day.world.ready_for_review(REPO, number)
    await day.settle()
    assert not day.is_open(number)
