"""Stories about polling: nothing is missed, nothing is read twice for nothing, and idling is free."""

from __future__ import annotations

from datetime import timedelta

import pytest

from meritocrab.core.names import EventKind
from tests.e2e.conftest import MakeDay
from tests.e2e.world_of_people import REPO, Day

FREE = ["/issues", "/issues/comments"]


def paths(day: Day, mark: int) -> list[str]:
    """What was asked since a mark, below the repository."""
    return [r.path.removeprefix(f"/repos/{REPO}") for r in day.world.requests_since(mark)]


async def test_an_idle_poll_is_two_conditional_requests_that_cost_nothing(day_on_both: Day) -> None:
    day = day_on_both
    day.pull("newt")
    day.later(minutes=10)
    await day.settle(rounds=3)
    for _ in range(3):
        day.later(seconds=30)
        mark = day.world.mark()
        await day.poll()
        records = day.world.requests_since(mark)
        assert paths(day, mark) == FREE
        assert [(r.status, r.conditional, r.counted_against_quota) for r in records] == [
            (304, True, False)
        ] * 2


async def test_stars_do_not_cost_anything_either(day: Day) -> None:
    day.pull("newt")
    await day.settle(rounds=3)
    for stars in range(3):
        day.world.set_stars(REPO, stars + 10)
        day.later(seconds=30)
        mark = day.world.mark()
        await day.poll()
        assert paths(day, mark) == FREE
        assert day.world.count(mark, counted=True) == 0


async def test_etags_survive_a_restart(day: Day) -> None:
    day.pull("newt")
    await day.settle(rounds=3)
    await day.restart()
    mark = day.world.mark()
    day.later(seconds=30)
    await day.poll()
    assert day.world.count(mark, counted=True, path="/issues") == 0


@pytest.mark.parametrize("state", ["archived", "policy_broken"])
async def test_a_named_state_does_not_make_idling_expensive(day: Day, state: str) -> None:
    if state == "archived":
        day.pull("newt")
        day.world.archive(REPO)
    else:
        day.world.set_file(REPO, ".meritocrab.toml", "nonsense = true\n")
        day.pull("newt")
    await day.settle(rounds=3)
    assert day.row().state == state
    mark = day.world.mark()
    day.later(seconds=30)
    await day.poll()
    assert day.world.count(mark, counted=True) == 0


async def test_the_first_look_sets_the_baseline_by_githubs_clock(make_day: MakeDay) -> None:
    day = make_day(skew=timedelta(hours=-7))
    before = day.pull("newt")
    await day.begin()
    row = day.row()
    assert row.baseline_at is not None
    assert abs((row.baseline_at - day.world.now()).total_seconds()) < 60
    after = day.pull("nora")
    await day.settle()
    opened = day.events(EventKind.PULL_REQUEST_OPENED)
    assert [(event.number, event.state) for event in opened] == [(before, "recorded"), (after, "handled")]


@pytest.mark.parametrize("hours", [-26, -3, 3, 26])
async def test_a_home_clock_that_is_off_by_hours_changes_nothing(make_day: MakeDay, hours: int) -> None:
    day = make_day(skew=timedelta(hours=hours))
    await day.begin()
    await day.give_credit("newt", 20)
    number = day.pull("newt")
    day.command(number, "ada", "/credit check @newt")
    await day.settle()
    assert not day.is_open(number)
    assert len(day.said(number)) == 2
    day.world.comment(REPO, number, "nora", "Later.")
    await day.settle()
    assert len(day.events(EventKind.COMMENT_CREATED, number)) == 4


async def test_what_shares_one_second_is_all_found(day: Day) -> None:
    numbers = [day.pull("newt", f"Same second {i}") for i in range(5)]
    await day.poll()
    more = [day.pull("nora", f"Same second again {i}") for i in range(5)]
    await day.settle()
    opened = {event.number for event in day.events(EventKind.PULL_REQUEST_OPENED)}
    assert opened == {*numbers, *more}


async def test_an_edited_old_comment_comes_back_and_is_no_news(day: Day) -> None:
    number = day.pull("nora")
    comment = day.world.comment(REPO, number, "ada", "Hello.")
    await day.settle()
    day.later(days=3)
    day.world.edit_comment(REPO, comment, "/credit blacklist @newt")
    await day.settle()
    assert not day.is_blacklisted("newt")
    assert len(day.events(EventKind.COMMENT_CREATED)) == 1


async def test_more_than_a_page_of_news_is_read_to_its_end(day: Day) -> None:
    issue = day.world.open_issue(REPO, "nora")
    for i in range(230):
        if i % 50 == 0:
            day.world.advance(1)
        day.world.comment(REPO, issue, "newt", f"Number {i}")
    await day.settle()
    assert len(day.events(EventKind.COMMENT_CREATED)) == 230


async def test_a_list_that_shifts_while_it_is_read_loses_nothing(day: Day) -> None:
    issue = day.world.open_issue(REPO, "nora")
    ids = []
    for i in range(250):
        day.world.advance(1)
        ids.append(day.world.comment(REPO, issue, "newt", f"Number {i}"))
    edits = iter(ids[:20])

    def shift(*_: object) -> None:
        day.world.advance(1)
        day.world.edit_comment(REPO, next(edits), "edited meanwhile")

    fault = day.world.faults.add("call", "/issues/comments", call=shift, times=20)
    await day.settle(rounds=3)
    assert fault.fired > 1
    assert len(day.events(EventKind.COMMENT_CREATED)) == 250


async def test_closed_and_reopened_between_two_polls_is_not_overlooked(day: Day) -> None:
    await day.give_credit("newt", 20)
    number = day.pull("newt")
    await day.settle()
    day.world.reopen(REPO, number, "newt")
    day.world.advance(2)
    day.world.close(REPO, number, "newt")
    day.world.advance(2)
    day.world.reopen(REPO, number, "newt")
    await day.settle()
    kinds = [event.kind for event in day.events(number=number) if "reopened" in event.kind]
    assert len(kinds) == 2
    assert not day.is_open(number)


async def test_reviews_that_move_nothing_are_found_by_the_net(day: Day) -> None:
    number = day.pull("nora")
    await day.settle()
    day.world.review(REPO, number, "newt", "APPROVED")
    await day.settle()
    assert day.ledger("newt") == []
    day.later(minutes=10)
    await day.settle()
    assert day.ledger("newt") == [("review", 5)]


async def test_a_review_of_a_pull_request_from_before_the_first_look_is_found_and_counts(
    make_day: MakeDay,
) -> None:
    day = make_day()
    number = day.pull("nora")
    day.world.review(REPO, number, "zoe", "APPROVED")
    await day.begin()
    day.world.review(REPO, number, "newt", "APPROVED")
    day.later(minutes=10)
    await day.settle()
    assert day.ledger("newt") == [("review", 5)]
    assert day.ledger("zoe") == []


async def test_events_that_do_not_even_show_our_own_close_are_waited_for(day: Day) -> None:
    await day.give_credit("newt", 20)
    number = day.pull("newt")
    day.world.faults.add("stale", r"/issues/\d+/events", seconds=20)
    day.later(seconds=30)
    await day.settle(rounds=1)
    assert not day.is_open(number)
    # the list shows the reopened state, the events neither the close nor the reopening
    day.world.reopen(REPO, number, "ada")
    await day.settle()
    assert day.gate(number) == "denied"
    day.later(seconds=30)
    await day.settle()
    assert day.gate(number) == "released"


async def test_issue_events_that_lag_behind_the_list_are_waited_for(day: Day) -> None:
    await day.give_credit("newt", 20)
    number = day.pull("newt")
    await day.settle()
    fault = day.world.faults.add("stale", r"/issues/\d+/events", seconds=20)
    day.world.reopen(REPO, number, "newt")
    await day.settle()
    assert day.is_open(number)
    assert day.open_reads()
    day.later(seconds=30)
    await day.settle()
    day.world.faults.remove(fault)
    await day.settle()
    assert not day.is_open(number)


async def test_a_deleted_pull_request_of_the_reads_is_dropped(day: Day) -> None:
    number = day.pull("newt")
    day.world.faults.add(
        "call", f"/pulls/{number}$", times=1, call=lambda *_: day.world.delete_issue(REPO, number)
    )
    await day.settle()
    assert day.open_reads() == []
    assert day.row().state == "ok"


async def test_texts_with_nul_and_lone_surrogates_are_taken_in(day_on_both: Day) -> None:
    day = day_on_both
    number = day.pull("newt", "A \x00 title \ud83d", None)
    day.world.comment(REPO, number, "nora", "NUL \x00 and \udcff half")
    await day.settle()
    assert day.gate(number) == "admitted"
    assert [event.state for event in day.events(number=number)] == ["handled"] * 4


async def test_ids_beyond_32_bits_and_odd_logins(day_on_both: Day) -> None:
    day = day_on_both
    day.world.add_user("a-b-c", id=2**40 + 7)
    number = day.pull("a-b-c")
    day.command(number, "ada", "/credit blacklist @A-B-C")
    await day.settle()
    assert day.is_blacklisted("a-b-c")


async def test_an_item_that_cannot_be_read_does_not_hold_up_the_others(day: Day) -> None:
    broken = day.pull("newt", "Broken")
    fine = day.pull("nora", "Fine")

    def spoil(items: list[dict]) -> list[dict]:
        return [item | {"user": 7} if item["number"] == broken else item for item in items]

    day.world.faults.add("bogus", f"GET /repos/{REPO}/issues$", change=spoil)
    await day.settle()
    assert day.gate(fine) == "admitted"
    assert day.events(EventKind.PULL_REQUEST_OPENED, broken) == []


async def test_no_token_reads_public_repositories_and_writes_nothing(make_day: MakeDay) -> None:
    day = make_day(enforcement="observe", answer_commands=False, credentials=f'repositories = ["{REPO}"]')
    await day.begin()
    number = day.pull("newt")
    await day.settle()
    day.later(minutes=10)
    await day.settle()
    assert day.gate(number) in ("admitted", "not_gated")
    assert day.writes() == []
