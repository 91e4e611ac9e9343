"""Stories about `.meritocrab.toml`: applied to everything, never trusted, never lost in silence."""

from __future__ import annotations

from dataclasses import replace

from tests.e2e.conftest import MakeDay
from tests.e2e.world_of_people import REPO, Day

FILE = ".meritocrab.toml"


async def test_thresholds_and_wording_of_the_repository_are_used(make_day: MakeDay) -> None:
    day = make_day()
    text = """
    starting_credit = 30
    pr_threshold = 40
    [wording]
    denied = "Sorry {login}: {score} of {threshold}."
    blacklisted = "No, thank you."
    """
    day.world.set_file(REPO, FILE, text)
    await day.begin()
    await day.operate("blacklist", "zoe")
    number, other = day.pull("newt"), day.pull("zoe")
    await day.settle()
    day.later(minutes=3)
    await day.settle()
    assert day.said(number) == ["Sorry newt: 30 of 40."]
    assert day.said(other) == ["No, thank you."]
    assert not day.is_open(number)


async def test_roles_and_exemptions_of_the_repository_are_used(make_day: MakeDay) -> None:
    day = make_day()
    bot = day.world.add_user("helper[bot]", type="Bot").id
    text = f"""
    starting_credit = 30
    [roles]
    privileged = ["admin"]
    commanders = ["write"]
    [exempt]
    apps = [{bot}]
    """
    day.world.set_file(REPO, FILE, text)
    await day.begin()
    by_writer, by_bot, by_mia = day.pull("wes"), day.pull("helper[bot]"), day.pull("mia")
    day.command(by_bot, "wes", "/credit help")
    day.command(by_bot, "mia", "/credit blacklist @newt")
    await day.settle()
    assert not day.is_open(by_writer)
    assert not day.is_open(by_mia)
    assert day.gate(by_bot) == "exempt"
    assert len(day.said(by_bot)) == 1
    assert not day.is_blacklisted("newt")


async def test_a_repository_may_lower_enforcement(make_day: MakeDay) -> None:
    day = make_day()
    day.world.set_file(REPO, FILE, 'enforcement = "label"\n')
    await day.begin()
    await day.give_credit("newt", 20)
    number = day.pull("newt")
    await day.settle()
    assert day.is_open(number)
    assert day.world.thread(REPO, number).labels == ["meritocrab:held"]


async def test_a_repository_cannot_raise_enforcement_or_turn_answers_on(make_day: MakeDay) -> None:
    day = make_day(enforcement="observe", answer_commands=False)
    day.world.set_file(REPO, FILE, 'enforcement = "close"\nanswer_commands = true\nstarting_credit = 30\n')
    await day.begin()
    number = day.pull("newt")
    day.command(number, "ada", "/credit check @newt")
    await day.settle()
    assert day.writes() == []
    assert day.credit("newt") == 30
    assert {state for _, state in day.fates(number)} == {"observed"}


async def test_a_changed_file_counts_from_the_news_that_come_with_it(day: Day) -> None:
    first = day.pull("newt")
    await day.settle()
    day.world.set_file(REPO, FILE, "pr_threshold = 150\n")
    second = day.pull("newt", "Another")
    await day.settle()
    assert day.is_open(first)
    assert not day.is_open(second)


async def test_a_broken_file_keeps_the_last_good_one_and_says_where_it_is_broken(make_day: MakeDay) -> None:
    day = make_day()
    day.world.set_file(REPO, FILE, "pr_threshold = 150\n")
    await day.begin()
    day.world.set_file(REPO, FILE, 'starting_credit = 100\npr_threshold = "many"\n')
    number = day.pull("newt")
    await day.settle()
    assert not day.is_open(number)
    assert "**150**" in day.said(number)[0]
    row = day.row()
    assert row.state == "policy_broken"
    assert ".meritocrab.toml:2" in row.detail
    assert "pr_threshold" in row.detail


async def test_a_broken_file_that_is_mended_is_taken_up_without_any_other_news(make_day: MakeDay) -> None:
    day = make_day()
    day.world.set_file(REPO, FILE, "pr_threshold = [\n")
    await day.begin()
    day.world.set_file(REPO, FILE, "pr_threshold = 150\n")
    await day.settle()
    assert day.row().state == "ok"
    number = day.pull("newt")
    await day.settle()
    assert "**150**" in day.said(number)[0]


async def test_a_first_file_that_is_broken_keeps_events_waiting(make_day: MakeDay) -> None:
    day = make_day()
    day.world.set_file(REPO, FILE, "pr_treshold = 150\n")
    await day.begin()
    number = day.pull("newt")
    await day.settle()
    assert day.row().state == "policy_broken"
    assert "pr_threshold" in day.row().detail
    (event,) = day.events(number=number)
    assert (event.state, event.attempts) == ("waiting", 0)
    assert "policy" in event.last_error
    day.world.set_file(REPO, FILE, "pr_threshold = 150\n")
    day.later(minutes=1)
    await day.settle()
    assert not day.is_open(number)


async def test_a_first_file_that_cannot_be_read_keeps_events_waiting(make_day: MakeDay) -> None:
    day = make_day()
    day.world.set_file(REPO, FILE, "pr_threshold = 150\n")
    fault = day.world.faults.add("status", "/contents/", status=503)
    await day.begin()
    assert day.row().baseline_at is not None
    number = day.pull("newt")
    await day.settle()
    assert day.events(number=number) == []
    day.world.faults.remove(fault)
    day.later(minutes=1)
    await day.settle()
    assert not day.is_open(number)


async def test_a_deleted_file_means_defaults(make_day: MakeDay) -> None:
    day = make_day()
    day.world.set_file(REPO, FILE, "pr_threshold = 150\n")
    await day.begin()
    day.world.set_file(REPO, FILE, None)
    number = day.pull("newt")
    await day.settle()
    assert day.gate(number) == "admitted"


async def test_a_404_that_is_not_confirmed_by_the_repository_is_no_deletion(make_day: MakeDay) -> None:
    day = make_day()
    day.world.set_file(REPO, FILE, "pr_threshold = 150\n")
    await day.begin()
    day.world.faults.add("status", "/contents/", status=404)
    day.world.faults.add("status", f"GET /repos/{REPO}$", status=404, skip=1)
    number = day.pull("newt")
    await day.settle()
    day.world.faults.clear()
    day.later(minutes=1)
    await day.settle()
    assert not day.is_open(number)


async def test_the_file_costs_nothing_while_it_does_not_change(day: Day) -> None:
    day.world.set_file(REPO, FILE, "pr_threshold = 60\n")
    day.pull("newt")
    await day.settle()
    mark = day.world.mark()
    day.pull("nora")
    await day.settle()
    asked = day.world.requests_since(mark, path="/contents/")
    assert asked
    assert {record.status for record in asked} == {304}


async def test_the_policy_survives_a_restart_without_the_network(make_day: MakeDay) -> None:
    day = make_day()
    day.world.set_file(REPO, FILE, "pr_threshold = 150\n")
    await day.begin()
    number = day.pull("newt")
    await day.poll_afresh()
    day.world.faults.add("status", "/contents/", status=503)
    await day.restart()
    await day.settle()
    assert "**150**" in day.said(number)[0]


async def test_a_file_that_no_longer_fits_the_daemons_own_settings_keeps_events_waiting(day: Day) -> None:
    day.world.set_file(REPO, FILE, "pr_threshold = 60\n")
    await day.poll_afresh()
    await day.restart(replace(day.setup, tables="[credit]\nblacklist_threshold = 80\npr_threshold = 90\n"))
    number = day.pull("newt")
    await day.settle()
    assert [event.state for event in day.events(number=number)] == ["waiting"]
    assert day.row().state == "policy_broken"


async def test_tables_of_the_daemons_own_file_count_per_repository(make_day: MakeDay) -> None:
    day = make_day(tables=f'[repository."{REPO}"]\npr_threshold = 150\n')
    await day.begin()
    number = day.pull("newt")
    await day.settle()
    assert "**150**" in day.said(number)[0]
