"""Stories about a maintainer's acts at the terminal, and about events that fail by our own fault."""

from __future__ import annotations

import logging

import pytest

from meritocrab.core.names import Classification, EventKind
from meritocrab.daemon import processor
from meritocrab.store import inbox
from tests.e2e.world_of_people import REPO, Day


async def pending(day: Day, verdict: str = "low", title: str = "Doubtful") -> int:
    """An evaluation in the review queue; returns its id."""
    day.judge.says(title, verdict, 0.5)
    day.pull("newt", title)
    await day.settle()
    (evaluation,) = [row for row in day.judged("newt") if row.title == title]
    assert evaluation.state == "pending"
    return evaluation.id


async def test_approve_applies_what_was_proposed(day_on_both: Day) -> None:
    day = day_on_both
    evaluation = await pending(day)
    await day.operate("approve", "newt", evaluation_id=evaluation)
    assert day.ledger("newt") == [("pull_request", -5)]
    (row,) = day.judged("newt")
    assert (row.state, row.decided_by) == ("approved", "ada")
    last = day.ledger_rows("newt")[-1]
    assert (last.actor_kind, last.actor_id) == ("local", 1000)


async def test_override_with_another_class(day: Day) -> None:
    evaluation = await pending(day)
    await day.operate("override", "newt", evaluation_id=evaluation, classification=Classification.HIGH)
    assert day.ledger("newt") == [("pull_request", 15)]
    assert day.states("newt") == [("pull_request", "overridden")]


async def test_override_with_a_number(day: Day) -> None:
    evaluation = await pending(day)
    await day.operate("override", "newt", evaluation_id=evaluation, delta=-1, reason="only a typo")
    assert day.ledger("newt") == [("pull_request", -1)]


async def test_an_act_done_twice_counts_once(day: Day) -> None:
    evaluation = await pending(day)
    await day.operate("approve", "newt", request="same", evaluation_id=evaluation)
    await day.operate("approve", "newt", request="same", evaluation_id=evaluation)
    late = await day.operate("override", "newt", evaluation_id=evaluation, delta=50)
    assert "came too late" in late.note
    assert day.ledger("newt") == [("pull_request", -5)]
    await day.operate("adjust", "newt", request="again", delta=7)
    await day.operate("adjust", "newt", request="again", delta=7)
    assert day.credit("newt") == 102


async def test_an_act_on_what_was_voided_meanwhile_comes_too_late(day: Day) -> None:
    evaluation = await pending(day)
    day.world.merge(REPO, 1, "wes")
    await day.settle()
    late = await day.operate("approve", "newt", evaluation_id=evaluation)
    assert "came too late" in late.note
    assert day.ledger("newt") == [("merged", 20)]


async def test_approving_spam_triggers_the_blacklist(day: Day) -> None:
    await day.give_credit("newt", 20)
    evaluation = await pending(day, "spam")
    await day.operate("approve", "newt", evaluation_id=evaluation)
    assert day.is_blacklisted("newt")


async def test_approving_a_comments_praise_keeps_to_the_daily_cap(day: Day) -> None:
    day.judge.says("praise", "high", 0.5)
    number = day.pull("nora")
    for i in range(5):
        day.world.comment(REPO, number, "newt", f"praise {i}")
    await day.settle()
    for row in day.judged("newt"):
        await day.operate("approve", "newt", evaluation_id=row.id)
    assert day.credit("newt") == 110


async def test_undo_takes_back_what_was_applied_once(day_on_both: Day) -> None:
    day = day_on_both
    await day.give_credit("newt", 10)
    day.judge.says("casino", "spam")
    day.pull("newt", "casino")
    await day.settle()
    row = next(row for row in day.ledger_rows("newt") if row.reason == "pull_request")
    await day.operate("undo", "newt", ledger_id=row.id)
    assert day.credit("newt") == 10
    again = await day.operate("undo", "newt", ledger_id=row.id)
    assert "undone before" in again.note
    assert day.credit("newt") == 10


async def test_undo_of_a_capped_row_makes_room_that_day(day: Day) -> None:
    day.judge.says("finding", "high")
    number = day.pull("nora")
    for i in range(4):
        day.world.comment(REPO, number, "newt", f"finding {i}")
    await day.settle()
    await day.operate("undo", "newt", ledger_id=day.ledger_rows("newt")[1].id)
    day.world.comment(REPO, number, "newt", "finding once more")
    await day.settle()
    assert day.credit("newt") == 110


async def test_undo_of_an_undo_and_of_nothing(day: Day) -> None:
    await day.operate("adjust", "newt", delta=-10)
    row = day.ledger_rows("newt")[-1]
    await day.operate("undo", "newt", ledger_id=row.id)
    await day.operate("undo", "newt", ledger_id=day.ledger_rows("newt")[-1].id)
    assert day.credit("newt") == 90
    nothing = await day.operate("undo", "newt", ledger_id=10_000)
    assert "no such ledger row" in nothing.note


async def test_what_a_maintainer_thinks_again_about_waits_as_before(day_on_both: Day) -> None:
    day = day_on_both
    evaluation = await pending(day)
    await day.operate("override", "newt", evaluation_id=evaluation, classification=Classification.SPAM)
    await day.operate("reconsider", "newt", evaluation_id=evaluation)
    assert day.credit("newt") == 100
    (row,) = day.judged("newt")
    assert (row.state, row.proposed_delta, row.decided_by, row.decided_at) == ("pending", -5, "", None)
    twice = await day.operate("reconsider", "newt", evaluation_id=evaluation)
    assert "no maintainer has decided" in twice.note
    await day.operate("approve", "newt", evaluation_id=evaluation)
    assert day.ledger("newt") == [("pull_request", -25), ("undo", 25), ("pull_request", -5)]
    await day.operate("reconsider", "newt", evaluation_id=evaluation)
    await day.operate("override", "newt", evaluation_id=evaluation, classification=Classification.HIGH)
    assert (day.credit("newt"), day.judged("newt")[0].state) == (115, "overridden")


async def test_thinking_again_lifts_the_blacklisting_that_followed(day: Day) -> None:
    await day.give_credit("newt", 20)
    evaluation = await pending(day, "spam")
    await day.operate("approve", "newt", evaluation_id=evaluation)
    await day.operate("reconsider", "newt", evaluation_id=evaluation)
    assert (day.credit("newt"), day.is_blacklisted("newt")) == (20, False)
    await day.operate("approve", "newt", evaluation_id=evaluation)
    assert day.is_blacklisted("newt")


async def test_thinking_again_takes_back_only_what_still_counts(day: Day) -> None:
    evaluation = await pending(day)
    await day.operate("approve", "newt", evaluation_id=evaluation)
    await day.operate("undo", "newt", ledger_id=day.ledger_rows("newt")[-1].id)
    await day.operate("reconsider", "newt", evaluation_id=evaluation)
    assert day.ledger("newt") == [("pull_request", -5), ("undo", 5)]
    await day.operate("undo", "newt", ledger_id=day.ledger_rows("newt")[-1].id)
    await day.operate("override", "newt", evaluation_id=evaluation, delta=0)
    assert day.credit("newt") == 95
    await day.operate("reconsider", "newt", evaluation_id=evaluation)
    assert day.credit("newt") == 100


async def test_what_the_policy_applied_is_not_reconsidered(day: Day) -> None:
    day.judge.says("casino", "spam")
    day.pull("newt", "casino")
    await day.settle()
    (row,) = day.judged("newt")
    answer = await day.operate("reconsider", "newt", evaluation_id=row.id)
    assert "no maintainer has decided, the evaluation is auto_applied" in answer.note
    assert day.credit("newt") == 75


async def test_blacklist_and_unblacklist_twice_change_nothing_more(day: Day) -> None:
    await day.operate("blacklist", "newt")
    again = await day.operate("blacklist", "newt")
    assert "already blacklisted" in again.note
    await day.operate("unblacklist", "newt")
    again = await day.operate("unblacklist", "newt")
    assert "not blacklisted" in again.note
    assert [reason for reason, _ in day.ledger("newt")] == ["blacklisted", "unblacklisted"]


async def test_adjusting_below_the_blacklist_threshold_blacklists(day: Day) -> None:
    await day.operate("adjust", "newt", delta=-100)
    assert day.is_blacklisted("newt")


async def test_credit_given_to_a_blacklisted_person_does_not_clear_the_flag(day: Day) -> None:
    await day.operate("blacklist", "newt")
    await day.operate("adjust", "newt", delta=500)
    assert day.is_blacklisted("newt")


@pytest.mark.parametrize("act", ["adjust", "blacklist"])
async def test_an_act_on_an_app_changes_nothing(day: Day, act: str) -> None:
    day.world.add_user("some-app[bot]", type="Bot")
    done = await day.operate(act, "some-app[bot]", delta=-5)
    assert "holds no credit" in done.note
    assert day.credit("some-app[bot]") is None


async def test_a_bots_queue_item_can_be_cleared_without_any_credit(day: Day) -> None:
    day.world.add_user("some-app[bot]", type="Bot")
    day.pull("some-app[bot]")
    await day.settle()
    (item,) = day.judged("some-app[bot]")
    await day.operate("override", "some-app[bot]", evaluation_id=item.id, delta=-5)
    assert day.judged("some-app[bot]")[0].state == "overridden"
    assert day.credit("some-app[bot]") is None


async def test_undo_of_a_foreign_row_is_refused(day: Day) -> None:
    await day.operate("adjust", "newt", delta=-10)
    done = await day.operate("undo", "nora", ledger_id=day.ledger_rows("newt")[-1].id)
    assert day.credit("newt") == 90
    assert day.credit("nora") in (None, 100)
    assert done.note


async def test_an_act_waits_for_github_only_as_long_as_it_must(day: Day) -> None:
    await day.give_credit("newt", 80)
    day.world.faults.offline = True
    done = await day.operate("adjust", "newt", delta=5)
    assert done.state == "handled"
    assert day.credit("newt") == 85
    day.world.faults.offline = False


async def test_an_event_that_fails_by_our_fault_holds_back_only_its_own_pull_request(
    day: Day, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    broken, fine = day.pull("newt", "Breaks"), day.pull("nora", "Works")
    real = processor.handle
    failing = True

    def handle(event, *rest):  # type: ignore[no-untyped-def]
        if failing and event.number == broken and event.kind is EventKind.PULL_REQUEST_OPENED:
            raise ZeroDivisionError("a bug")
        return real(event, *rest)

    monkeypatch.setattr(processor, "handle", handle)
    day.world.comment(REPO, broken, "zoe", "On the broken one.")
    await day.settle(rounds=1)
    assert day.gate(fine) == "admitted"
    assert [event.state for event in day.events(number=broken)] == ["waiting", "waiting"]
    for _ in range(6):
        day.later(minutes=5)
        await day.settle(rounds=1)
    opened = day.events(EventKind.PULL_REQUEST_OPENED, broken)[0]
    assert (opened.state, opened.attempts) == ("parked", 5)
    assert opened.last_error == "ZeroDivisionError: a bug"
    assert day.events(EventKind.COMMENT_CREATED, broken)[0].state == "handled"
    assert any(
        record.levelno >= logging.ERROR and "parked" in record.getMessage() for record in caplog.records
    )
    caplog.clear()
    failing = False
    await day.store.write(inbox.retry_parked, day.now())
    await day.settle()
    assert day.gate(broken) == "admitted"


async def test_a_bug_writes_nothing_of_a_half_made_decision(
    day: Day, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await day.give_credit("newt", 20)
    real = processor.decisions.apply

    def apply(about, decision, now):  # type: ignore[no-untyped-def]
        real(about, decision, now)
        raise ZeroDivisionError("after everything was written")

    monkeypatch.setattr(processor.decisions, "apply", apply)
    number = day.pull("newt")
    await day.settle(rounds=1)
    assert day.actions(number) == []
    assert day.judged("newt") == []
    caplog.clear()
    monkeypatch.setattr(processor.decisions, "apply", real)
    day.later(minutes=1)
    await day.settle()
    assert not day.is_open(number)
