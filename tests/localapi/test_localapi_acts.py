"""A maintainer's acts over the socket: done once, by name, in order, whatever GitHub does meanwhile."""

from __future__ import annotations

import asyncio
import os
import threading
from datetime import timedelta
from typing import Any

import pytest

from meritocrab.core.names import ActionState, Classification
from meritocrab.localapi import protocol as p
from meritocrab.localapi.client import Refused
from meritocrab.store import inbox
from meritocrab.store.models import Repository
from tests.e2e.conftest import MakeDay
from tests.e2e.world_of_people import REPO, Day, Setup
from tests.localapi.conftest import ME, Serve, Served, doubtful


async def test_approving_moves_credit_in_the_name_of_the_local_user(served_on_both: Served) -> None:
    day, client = served_on_both.day, served_on_both.client
    evaluation = await doubtful(day)
    done = await client.approve(REPO, evaluation, reason="seen it")
    assert (done.status, done.act, done.actor, done.credit) == (p.ActStatus.DONE, "approve", ME, 95)
    (row,) = done.ledger
    assert (row.applied, row.before, row.after, row.text) == (-5, 100, 95, "seen it")
    assert (row.actor.words, row.actor.id) == (ME, os.getuid())
    assert day.ledger("newt") == [("pull_request", -5)]
    assert (await client.evaluation(REPO, evaluation)).decided_by == ME.removeprefix("local:")


async def test_overriding_by_class_and_by_number(served: Served) -> None:
    day, client = served.day, served.client
    first, second = await doubtful(day, "Doubtful"), await doubtful(day, "Strange")
    assert (await client.override(REPO, first, classification=Classification.HIGH)).credit == 115
    done = await client.override(REPO, second, delta=-7, reason="so so")
    assert (done.credit, done.ledger[0].text) == (108, "so so")
    page = await client.evaluations(REPO)
    assert {item.status for item in page.items} == {"overridden"}


async def test_an_override_without_any_effect_is_done_all_the_same(served: Served) -> None:
    evaluation = await doubtful(served.day)
    done = await served.client.override(REPO, evaluation, delta=0, reason="neither good nor bad")
    assert (done.status, done.ledger, done.credit) == (p.ActStatus.DONE, (), None)


async def test_a_decision_that_moves_no_credit_keeps_its_reason(served_on_both: Served) -> None:
    day, client = served_on_both.day, served_on_both.client
    day.world.add_user("some-app[bot]", type="Bot")
    number = day.pull("some-app[bot]", "Doubtful")
    await day.settle()
    (waiting,) = (await client.evaluations(REPO)).items
    assert waiting.decided_reason == ""
    await client.approve(REPO, waiting.id, reason="first thought")
    await client.reconsider(REPO, waiting.id, reason="wait")
    assert (await client.evaluation(REPO, waiting.id)).decided_reason == ""
    await client.override(REPO, waiting.id, classification=Classification.LOW, reason="an app of ours")
    with pytest.raises(Refused, match="came too late"):
        await client.approve(REPO, waiting.id, reason="too late")
    assert day.ledger("some-app[bot]") == []
    decided = await client.evaluation(REPO, waiting.id)
    assert (decided.decided_by, decided.decided_reason) == (ME.removeprefix("local:"), "an app of ours")
    why = await client.why(REPO, number)
    assert [item.decided_reason for item in why.evaluations] == ["an app of ours"]
    acts = [(event.act, event.by, event.reason) for event in why.events if event.act]
    assert acts == [
        ("approve", ME, "first thought"),
        ("reconsider", ME, "wait"),
        ("override", ME, "an app of ours"),
    ]


@pytest.mark.parametrize(
    "other",
    [
        {"classification": Classification.SPAM},
        {"classification": Classification.LOW},
        {"classification": Classification.HIGH},
        {"delta": -5},
        {"delta": 0},
    ],
)
async def test_a_blacklist_proposal_is_approved_or_left_and_nothing_else(
    make_day: MakeDay, serve: Serve, other: dict[str, Any]
) -> None:
    day = make_day(tables='[blacklist]\nautomatic = "confirm"\n')
    await day.begin()
    await day.give_credit("newt", 20)
    await day.operate("adjust", "newt", delta=-20)
    client = (await serve(day)).client
    (proposal,) = (await client.evaluations(REPO)).items
    assert proposal.subject == "blacklist"
    with pytest.raises(
        Refused, match="approve it to blacklist, or override it with the class acceptable"
    ) as no:
        await client.override(REPO, proposal.id, **other)
    assert (no.value.status, no.value.code) == (409, "conflict")
    assert (await client.evaluation(REPO, proposal.id)).status == "pending"
    left = await client.override(REPO, proposal.id, classification=Classification.ACCEPTABLE)
    assert (left.status, left.ledger) == (p.ActStatus.DONE, ())
    await client.reconsider(REPO, proposal.id)
    assert (await client.approve(REPO, proposal.id)).blacklisted


async def test_a_repeated_request_gets_the_first_answer(served_on_both: Served) -> None:
    day, client = served_on_both.day, served_on_both.client
    evaluation = await doubtful(day)
    first = await client.approve(REPO, evaluation, request_id="r-1")
    assert await client.approve(REPO, evaluation, request_id="r-1") == first
    path = f"/api/repos/{REPO}/evaluations/{evaluation}/approve"
    status, again = await served_on_both.ask("POST", path, headers={"Idempotency-Key": "r-1"})
    assert (status, again["event_id"]) == (200, first.event_id)
    assert day.ledger("newt") == [("pull_request", -5)]
    with pytest.raises(Refused, match="came too late"):
        await client.approve(REPO, evaluation, request_id="r-2")
    with pytest.raises(Refused, match="came too late"):
        await client.approve(REPO, evaluation, request_id="r-2")
    with pytest.raises(Refused) as refused:
        await client.adjust(REPO, "newt", 5, request_id="r-1")
    assert (refused.value.status, refused.value.code) == (409, "request_id_reused")
    assert day.credit("newt") == 95


async def test_repeated_at_the_same_moment_it_is_done_once(served_on_both: Served) -> None:
    client = served_on_both.client
    await served_on_both.day.operate("adjust", "newt", delta=1)
    done = await asyncio.gather(*(client.adjust(REPO, "newt", 5, request_id="same") for _ in range(8)))
    assert len({each.event_id for each in done}) == 1
    assert served_on_both.day.credit("newt") == 106


async def test_of_two_acts_at_once_one_is_first(served_on_both: Served) -> None:
    day, client = served_on_both.day, served_on_both.client
    evaluation = await doubtful(day)
    done = await asyncio.gather(
        client.approve(REPO, evaluation),
        client.override(REPO, evaluation, classification=Classification.SPAM),
        return_exceptions=True,
    )
    (won,) = [each for each in done if isinstance(each, p.ActAnswer)]
    (lost,) = [each for each in done if isinstance(each, Refused)]
    assert (lost.status, lost.code) == (409, "conflict")
    assert "came too late" in str(lost)
    assert len(day.ledger("newt")) == 1
    assert won.credit == day.credit("newt")


async def test_adjust_blacklist_and_unblacklist(served_on_both: Served) -> None:
    day, client = served_on_both.day, served_on_both.client
    await doubtful(day)
    assert (await client.adjust(REPO, "newt", -60, reason="rude")).credit == 40
    done = await client.blacklist(REPO, "@newt", reason="very rude")
    assert (done.blacklisted, done.ledger[0].text) == (True, "very rude")
    with pytest.raises(Refused, match="already blacklisted"):
        await client.blacklist(REPO, "newt")
    assert (await client.contributors(REPO, blacklisted=True)).total == 1
    lifted = await client.unblacklist(REPO, f"id:{day.account('newt').id}", reason="said sorry")
    assert (lifted.blacklisted, lifted.credit, lifted.ledger[0].text) == (False, 50, "said sorry")
    with pytest.raises(Refused, match="not blacklisted"):
        await client.unblacklist(REPO, "newt")


async def test_bots_hold_no_credit(served: Served) -> None:
    day = served.day
    day.world.add_user("some-app[bot]", type="Bot")
    day.pull("some-app[bot]")
    await day.settle()
    with pytest.raises(Refused, match="holds no credit") as refused:
        await served.client.adjust(REPO, "some-app[bot]", -5)
    assert refused.value.is_conflict


async def test_undoing_the_verdict_that_blacklisted_lifts_the_blacklisting(served_on_both: Served) -> None:
    day, client = served_on_both.day, served_on_both.client
    await day.give_credit("newt", 20)
    evaluation = await doubtful(day, verdict="spam")
    done = await client.approve(REPO, evaluation)
    assert [row.reason for row in done.ledger] == ["pull_request", "blacklisted"]
    assert done.blacklisted
    undone = await client.undo(REPO, done.ledger[0].id)
    assert (undone.credit, undone.blacklisted) == (20, False)
    assert not day.is_blacklisted("newt")
    with pytest.raises(Refused, match="undone before"):
        await client.undo(REPO, done.ledger[0].id)
    again = await client.undo(REPO, undone.ledger[0].id)
    assert (again.credit, again.blacklisted) == (0, True)


async def test_undoing_it_keeps_a_blacklisting_by_hand(served: Served) -> None:
    day, client = served.day, served.client
    await day.give_credit("newt", 20)
    evaluation = await doubtful(day, verdict="spam")
    done = await client.approve(REPO, evaluation)
    await client.unblacklist(REPO, "newt")
    await client.blacklist(REPO, "newt")
    undone = await client.undo(REPO, done.ledger[0].id)
    assert (undone.credit, undone.blacklisted) == (70, True)


async def test_undoing_one_of_two_falls_keeps_what_the_credit_would_keep(served: Served) -> None:
    day, client = served.day, served.client
    await day.give_credit("newt", 20)
    done = await client.adjust(REPO, "newt", -20)
    assert done.blacklisted
    gift = await client.adjust(REPO, "newt", 5)
    assert gift.blacklisted
    undone = await client.undo(REPO, gift.ledger[0].id)
    assert (undone.credit, undone.blacklisted) == (0, True)
    undone = await client.undo(REPO, done.ledger[0].id)
    assert (undone.credit, undone.blacklisted) == (20, False)


async def test_pausing_stops_polls_and_writes_until_resumed(served_on_both: Served) -> None:
    day, client = served_on_both.day, served_on_both.client
    await day.give_credit("newt", 10)
    number = day.pull("newt", "Held")
    await day.decide()
    done = await client.pause(REPO, reason="holidays")
    assert done.note == f"paused by {ME.removeprefix('local:')}: holidays"
    assert (await client.repository(REPO)).paused
    mark = day.world.mark()
    later = day.pull("nora", "Later")
    await day.settle()
    day.later(minutes=10)
    await day.settle()
    assert day.is_open(number)
    assert day.gate(later) is None
    assert day.world.requests_since(mark) == []
    waiting = (await client.outbox(state=ActionState.SCHEDULED)).items
    assert {action.reason for action in waiting} == {"the repository is paused"}
    with pytest.raises(Refused, match="paused already"):
        await client.pause(REPO)
    with pytest.raises(Refused, match="resume it first"):
        await client.poll(REPO)
    await client.resume(REPO)
    await day.settle()
    assert day.gate(later) == "admitted"
    assert not day.is_open(number)
    assert [state for _, state in day.fates(number)] == ["delivered", "delivered"]
    with pytest.raises(Refused, match="not paused"):
        await client.resume(REPO)


async def test_a_pause_that_comes_while_the_relay_looks_still_counts(served: Served) -> None:
    day, client = served.day, served.client
    await day.give_credit("newt", 10)
    number = day.pull("newt", "Held")
    await day.decide()
    reached, go_on = threading.Event(), threading.Event()
    day.world.faults.add(
        "call", f"GET .*/issues/{number}/comments", call=lambda *_: (reached.set(), go_on.wait(30)), times=1
    )
    delivering = asyncio.create_task(day.service.relay.step())
    await asyncio.to_thread(reached.wait)
    await client.pause(REPO)
    go_on.set()
    await delivering
    assert day.said(number) == []
    assert day.action(number, "comment").attempted_at is None


async def test_a_poll_on_request_comes_before_its_time(served: Served) -> None:
    day, client = served.day, served.client
    await day.store.write(lambda: Repository.update(next_poll_at=day.now() + timedelta(hours=1)).execute())
    await client.poll(REPO)
    assert "poll" in served.woken
    row = await client.repository(REPO)
    assert row.next_poll_at == day.now()


async def test_cancelling_a_scheduled_close_takes_its_message_along(served_on_both: Served) -> None:
    day, client = served_on_both.day, served_on_both.client
    await day.give_credit("newt", 10)
    number = day.pull("newt", "Held")
    await day.decide()
    close = next(item for item in (await client.outbox()).items if item.kind == "close")
    done = await client.cancel(close.id, reason="a friend")
    assert done.note == f"cancelled: close, comment of #{number}"
    await day.settle()
    assert day.is_open(number)
    assert day.said(number) == []
    items = (await client.outbox(state=ActionState.CANCELLED)).items
    assert {item.reason for item in items} == {f"cancelled by {ME.removeprefix('local:')}: a friend"}
    with pytest.raises(Refused, match="the action is cancelled"):
        await client.cancel(close.id)


async def test_what_was_sent_cannot_be_cancelled(served: Served) -> None:
    day, client = served.day, served.client
    await day.give_credit("newt", 10)
    day.world.faults.add("cut", "POST .*/comments", times=1, when="after")
    number = day.pull("newt", "Held")
    await day.decide()
    await day.service.relay.step()
    comment = day.action(number, "comment")
    assert (comment.state, comment.attempted_at) == ("scheduled", day.now())
    assert not next(item for item in (await client.outbox()).items if item.id == comment.id).cancellable
    with pytest.raises(Refused, match="sent already"):
        await client.cancel(comment.id)
    day.later(minutes=2)
    await day.settle()
    with pytest.raises(Refused, match="the action is delivered"):
        await client.cancel(comment.id)


async def test_acts_are_done_while_github_does_not_answer(make_day: MakeDay, serve: Serve) -> None:
    day = make_day()
    await day.begin()
    evaluation = await doubtful(day, verdict="spam")
    await day.operate("adjust", "newt", delta=1)
    day.later(days=3)  # no role that was ever looked up is fresh any more
    await day.restart()
    day.world.faults.offline = True
    served = await serve(day)
    client = served.client
    mark = day.world.mark()
    assert (await client.adjust(REPO, "newt", -50)).credit == 51
    assert (await client.approve(REPO, evaluation)).status is p.ActStatus.DONE
    assert (await client.blacklist(REPO, "newt")).blacklisted
    assert (await client.unblacklist(REPO, "newt")).credit == 50
    assert (await client.undo(REPO, (await client.activity()).items[0].id)).status is p.ActStatus.DONE
    assert (await client.pause(REPO)).status is p.ActStatus.DONE
    assert (await client.resume(REPO)).status is p.ActStatus.DONE
    assert (await client.poll(REPO)).status is p.ActStatus.DONE
    assert day.world.requests_since(mark) == []
    day.world.faults.offline = False


async def test_an_act_that_is_not_handled_in_time_is_accepted(day: Day, serve: Serve) -> None:
    served = await serve(day, act_seconds=0.01)
    await served.day.operate("adjust", "newt", delta=1)
    served.handling = False
    path = f"/api/repos/{REPO}/contributors/newt/adjust"
    body = {"delta": -5, "request_id": "later"}
    status, answer = await served.ask("POST", path, json=body)
    assert (status, answer["status"], answer["ledger"]) == (202, "accepted", [])
    await served.day.work()
    status, answer = await served.ask("POST", path, json=body)
    assert (status, answer["status"], answer["credit"]) == (200, "done", 96)
    assert served.day.credit("newt") == 96


async def test_a_waiting_act_does_not_keep_the_daemon_from_stopping(served: Served) -> None:
    await served.day.operate("adjust", "newt", delta=1)
    served.handling = False
    asked = asyncio.create_task(served.client.adjust(REPO, "newt", -5))
    while not served.woken:
        await asyncio.sleep(0.01)
    await served.api.stop()
    assert (await asked).status is p.ActStatus.ACCEPTED


async def test_a_repository_github_never_answered_for_takes_no_acts(make_day: MakeDay, serve: Serve) -> None:
    credentials = Setup().credentials.replace(f'["{REPO}"]', f'["{REPO}", "octo/typo"]')
    day = make_day(credentials=credentials)
    await day.begin()
    served = await serve(day)
    item = await served.client.repository("octo/typo")
    assert (item.id, item.state, item.contributors) == (None, "not_found", 0)
    for path in ("events", "evaluations", "contributors", "policy"):
        assert (await served.ask("GET", f"/api/repos/octo/typo/{path}"))[0] == 200
    status, code, message = await served.refusal("POST", "/api/repos/octo/typo/pause")
    assert (status, code) == (409, "not_ready")
    assert "octo/typo" in message


async def test_acts_of_the_repository_itself_need_no_policy(served: Served) -> None:
    day = served.day
    await day.store.write(lambda: Repository.update(policy_read_at=None).execute())
    assert (await served.client.repository(REPO)).enforcement is None
    assert (await served.client.pause(REPO)).status is p.ActStatus.DONE
    assert (await served.client.resume(REPO)).status is p.ActStatus.DONE
    assert (await served.client.policy(REPO)).read_at is None


async def test_an_act_is_one_event_and_its_key_holds_the_request_id(served: Served) -> None:
    await served.day.operate("adjust", "newt", delta=1)
    done = await served.client.adjust(REPO, "newt", 2, request_id="from-a-script")
    row = await served.day.store.read(inbox.find_by_id, done.event_id)
    assert row is not None
    assert row.key == f"{served.day.row().github_id}/operator_acted/from-a-script"
    assert (row.source, row.state) == ("local", "handled")
