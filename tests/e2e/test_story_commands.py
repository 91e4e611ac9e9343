"""Stories about `/credit` comments: who is obeyed, what is answered, and what is passed over in silence."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.e2e.conftest import MakeDay
from tests.e2e.world_of_people import BOT, REPO, Day


@pytest.fixture
def number(day: Day) -> int:
    """A pull request to talk under."""
    return day.pull("nora", "Somewhere to talk")


async def test_check_shows_credit_role_blacklist_state_and_the_last_five_events(
    day: Day, number: int
) -> None:
    for i in range(6):
        await day.operate("adjust", "newt", delta=i + 1)
    await day.operate("blacklist", "newt")
    comment = day.command(number, "ada", "/credit check @newt")
    await day.settle()
    (answer,) = day.said(number)
    assert "credit: **121**" in answer
    assert "role: none" in answer
    assert "blacklisted: yes" in answer
    assert answer.count("changed by a maintainer") == 4
    assert day.reactions(comment) == ["+1"]


async def test_override_changes_credit_with_reason_and_actor(day_on_both: Day) -> None:
    day = day_on_both
    number = day.pull("nora")
    day.command(number, "mia", '/credit override @newt -30 "too noisy"')
    await day.settle()
    assert day.ledger("newt") == [("override", -30)]
    row = day.ledger_rows("newt")[-1]
    assert (row.actor_kind, row.actor_id) == ("github", day.world.account("mia").id)
    assert day.said(number) == ["Credit of `newt`: **100** → **70** (−30). Reason: `too noisy`"]


async def test_override_at_the_floor_says_what_was_left_out(day: Day, number: int) -> None:
    day.command(number, "ada", '/credit override @newt -300 "spam"')
    await day.settle()
    assert day.credit("newt") == 0
    assert day.is_blacklisted("newt")
    assert "−300 was asked for" in day.said(number)[0]


async def test_blacklist_answers_only_that_the_status_was_updated(day: Day, number: int) -> None:
    day.command(number, "ada", "/credit blacklist @newt")
    await day.settle()
    assert day.said(number) == ["User status updated."]
    assert day.is_blacklisted("newt")


async def test_unblacklist_clears_the_flag_and_lifts_credit_to_the_threshold(day: Day, number: int) -> None:
    await day.give_credit("newt", 20)
    await day.operate("blacklist", "newt")
    day.command(number, "ada", "/credit unblacklist @newt")
    await day.settle()
    assert not day.is_blacklisted("newt")
    assert day.ledger("newt")[-1] == ("unblacklisted", 30)
    assert "**50**" in day.said(number)[0]


async def test_help(day: Day, number: int) -> None:
    day.command(number, "ada", "/credit help")
    await day.settle()
    assert "/credit unblacklist @user" in day.said(number)[0]


async def test_a_maintainer_who_is_listed_as_exempt_may_still_command(make_day: MakeDay) -> None:
    day = make_day()
    ada = day.world.account("ada").id
    day.world.set_file(REPO, ".meritocrab.toml", f"[exempt]\nusers = [{ada}]\n")
    await day.begin()
    day.command(day.pull("nora"), "ada", "/credit blacklist @newt")
    await day.settle()
    assert day.is_blacklisted("newt")


async def test_once_per_comment_also_after_edits_and_a_restart(day_on_both: Day) -> None:
    day = day_on_both
    number = day.pull("nora")
    comment = day.command(number, "ada", '/credit override @newt +5 "nice"')
    await day.settle()
    day.world.edit_comment(REPO, comment, '/credit override @newt +50 "very nice"')
    await day.settle()
    await day.restart()
    day.world.edit_comment(REPO, comment, '/credit override @newt +500 "very nice"')
    await day.settle()
    assert day.credit("newt") == 105
    assert len(day.said(number)) == 1


async def test_commands_on_issues_are_obeyed_too(day: Day) -> None:
    issue = day.world.open_issue(REPO, "newt")
    comment = day.command(issue, "ada", "/credit check @newt")
    await day.settle()
    assert "credit: **100**" in day.said(issue)[0]
    assert day.reactions(comment) == ["+1"]


async def test_commands_in_bodies_and_reviews_are_not(day: Day, number: int) -> None:
    day.world.open_issue(REPO, "ada", "An order", "/credit blacklist @newt")
    day.pull("ada", "Another order", "/credit blacklist @newt")
    day.world.review(REPO, number, "ada", "COMMENTED", "/credit blacklist @newt")
    await day.settle()
    assert not day.is_blacklisted("newt")


@pytest.mark.parametrize(
    "text",
    [
        "> /credit blacklist @newt",
        "> somebody wrote\n/credit blacklist @newt",
        "`/credit blacklist @newt`",
        "```\n/credit blacklist @newt\n```",
        "    /credit blacklist @newt",
        "- /credit blacklist @newt",
        "<details>\n/credit blacklist @newt\n</details>",
        "please do not /credit blacklist @newt",
    ],
)
async def test_what_is_quoted_listed_shown_or_hidden_is_no_command(day: Day, number: int, text: str) -> None:
    day.command(number, "ada", text)
    await day.settle()
    assert not day.is_blacklisted("newt")
    assert day.said(number) == []


@pytest.mark.parametrize("login", ["newt", "wes", "tom"])
async def test_strangers_and_writers_are_ignored_in_silence(day: Day, number: int, login: str) -> None:
    comment = day.command(number, login, "/credit blacklist @zoe\n/credit frobnicate")
    await day.settle()
    assert not day.is_blacklisted("zoe")
    assert day.said(number) == []
    assert day.reactions(comment) == []


async def test_anybody_may_ask_about_themselves_a_few_times_a_day(day: Day, number: int) -> None:
    await day.give_credit("newt", 42)
    for i in range(4):
        day.command(number, "newt", f"/credit status\n\nPlease {i}")
    await day.settle()
    answers = [c for c in day.world.comments(REPO, number) if c.author and c.author.login == BOT]
    assert len(answers) == 3
    assert "@newt, your credit in this repository is **42**" in answers[0].body
    day.later(days=1, minutes=1)
    day.command(number, "newt", "/credit status")
    await day.settle()
    assert len([c for c in day.world.comments(REPO, number) if c.author and c.author.login == BOT]) == 4


async def test_a_blacklisted_person_gets_no_answer(day: Day, number: int) -> None:
    await day.operate("blacklist", "newt")
    comment = day.command(number, "newt", "/credit status")
    await day.settle()
    assert day.said(number) == []
    assert day.reactions(comment) == []


async def test_several_commands_run_in_order_and_are_answered_together(day: Day, number: int) -> None:
    text = """
/credit override @newt -80 "first"
/credit nonsense
/credit override @newt +10 "second"
/credit check @newt
/credit blacklist @zoe
"""
    day.command(number, "ada", text)
    await day.settle()
    assert day.ledger("newt") == [("override", -80), ("override", 10)]
    (answer,) = day.said(number)
    parts = answer.split("\n\n---\n\n")
    assert len(parts) == 5
    assert "**100** → **20**" in parts[0]
    assert "I did not understand `/credit nonsense`" in parts[1]
    assert "**20** → **30**" in parts[2]
    assert "credit: **30**" in parts[3]
    assert parts[4] == "User status updated."


async def test_a_comment_edited_by_its_author_before_we_saw_it_is_obeyed(day: Day, number: int) -> None:
    comment = day.command(number, "ada", "/credit chekc @newt")
    day.world.advance(2)
    day.world.edit_comment(REPO, comment, "/credit check @newt")
    await day.settle()
    assert len(day.said(number)) == 1


async def test_a_comment_edited_by_somebody_else_before_we_saw_it_is_not(day: Day, number: int) -> None:
    comment = day.command(number, "ada", "Thank you!")
    day.world.advance(2)
    day.world.edit_comment(REPO, comment, "/credit blacklist @newt", editor="wes")
    await day.settle()
    assert not day.is_blacklisted("newt")
    assert "edited by somebody else" in day.notes(number)


async def test_when_github_does_not_tell_the_editor_nothing_is_obeyed_yet(day: Day, number: int) -> None:
    fault = day.world.faults.add("status", "/graphql", status=502)
    comment = day.command(number, "ada", "Thank you!")
    day.world.advance(2)
    day.world.edit_comment(REPO, comment, "/credit blacklist @newt")
    await day.settle()
    assert not day.is_blacklisted("newt")
    day.world.faults.remove(fault)
    day.later(minutes=2)
    await day.settle()
    assert day.is_blacklisted("newt")


async def test_a_command_older_than_a_day_is_history(day: Day, number: int) -> None:
    await day.settle()
    day.world.faults.offline = True
    day.command(number, "ada", "/credit blacklist @newt")
    day.later(hours=25)
    await day.settle()
    day.world.faults.offline = False
    day.later(hours=1)
    await day.settle()
    assert not day.is_blacklisted("newt")
    assert "older than a day" in day.notes(number)


async def test_a_command_from_before_the_first_look_is_history(make_day: MakeDay) -> None:
    day = make_day()
    number = day.pull("nora")
    comment = day.command(number, "ada", "/credit blacklist @newt")
    await day.begin()
    day.world.edit_comment(REPO, comment, "/credit blacklist @newt !")
    await day.settle()
    assert not day.is_blacklisted("newt")
    assert day.writes() == []


async def test_a_role_lost_before_the_command_is_handled_is_not_obeyed(day: Day, number: int) -> None:
    day.command(number, "ada", "/credit check @newt")
    await day.settle()
    day.command(number, "ada", "/credit blacklist @newt")
    day.world.set_role(REPO, "ada", None)
    await day.settle()
    assert not day.is_blacklisted("newt")
    assert len(day.said(number)) == 1


async def test_a_failed_role_look_up_makes_the_command_wait(day: Day, number: int) -> None:
    fault = day.world.faults.add("status", "/collaborators/ada/", status=500)
    day.command(number, "ada", "/credit blacklist @newt")
    await day.settle()
    assert not day.is_blacklisted("newt")
    day.world.faults.remove(fault)
    day.later(minutes=2)
    await day.settle()
    assert day.is_blacklisted("newt")


async def test_a_freed_login_taken_by_somebody_else_is_ambiguous(day: Day) -> None:
    number = day.pull("newt")
    await day.settle()
    old = day.world.account("newt").id
    day.world.rename_user("newt", "newt-the-second")
    new = day.world.add_user("newt").id
    elsewhere = day.pull("nora", "Elsewhere")
    day.command(elsewhere, "ada", "/credit blacklist @newt")
    await day.settle()
    (answer,) = day.said(elsewhere)
    assert "More than one account" in answer
    assert f"id:{old}" in answer
    assert f"id:{new}" in answer
    assert not day.is_blacklisted("newt")
    assert not day.is_blacklisted("newt-the-second")
    day.command(elsewhere, "ada", f"/credit blacklist id:{old}")
    await day.settle()
    assert day.is_blacklisted("newt-the-second")
    assert not day.is_blacklisted("newt")
    assert number


async def test_a_renamed_user_is_found_under_the_old_name_while_nobody_took_it(day: Day) -> None:
    day.pull("newt")
    await day.settle()
    day.world.rename_user("newt", "salamander")
    elsewhere = day.pull("nora", "Elsewhere")
    day.command(elsewhere, "ada", "/credit blacklist @newt")
    await day.settle()
    assert day.is_blacklisted("salamander")


async def test_somebody_never_seen_here_is_found_by_name_and_by_id(day: Day, number: int) -> None:
    day.world.add_user("passer-by")
    other = day.world.add_user("Another-One").id
    day.command(number, "ada", f"/credit blacklist @Passer-By\n/credit blacklist id:{other}")
    await day.settle()
    assert day.is_blacklisted("passer-by")
    assert day.is_blacklisted("another-one")


async def test_nobody_by_that_name(day: Day, number: int) -> None:
    day.command(number, "ada", "/credit blacklist @no-such-body\n/credit check id:99999999999")
    await day.settle()
    assert day.said(number)[0].count("There is no GitHub account") == 2


async def test_an_app_holds_no_credit(day: Day, number: int) -> None:
    day.world.add_user("some-app[bot]", type="Bot")
    day.command(number, "ada", "/credit check @some-app[bot]")
    await day.settle()
    assert "is not a person's account" in day.said(number)[0]


async def test_text_from_outside_comes_back_as_code_only(day: Day, number: int) -> None:
    day.command(number, "ada", '/credit override @newt +1 "@nora see #1 <b>x</b> `y`"')
    await day.settle()
    assert "`` @nora see #1 <b>x</b> `y` ``" in day.said(number)[0]


async def test_our_own_posts_are_not_commands(make_day: MakeDay) -> None:
    day = make_day()
    day.world.set_file(REPO, ".meritocrab.toml", '[wording]\ndenied = "/credit blacklist @zoe"\n')
    await day.begin()
    await day.give_credit("newt", 20)
    number = day.pull("newt")
    await day.settle()
    assert "/credit blacklist @zoe" in day.said(number)[0]
    await day.settle()
    assert not day.is_blacklisted("zoe")


async def test_the_owner_of_the_token_may_command_although_it_is_the_bots_account(make_day: MakeDay) -> None:
    day = make_day()
    day.world.add_token("ghp_adas_own_token", "ada")
    own = f'token = "ghp_adas_own_token"\nrepositories = ["{REPO}"]'
    await day.restart(replace(day.setup, credentials=own))
    await day.settle()
    number = day.pull("newt")
    day.command(number, "ada", "/credit blacklist @zoe")
    await day.settle()
    assert day.is_blacklisted("zoe")
    assert day.said(number) == ["User status updated."]
    assert day.judge.questions[0].title == "A change"
    assert len(day.judge.questions) == 1


async def test_observe_answers_nothing_by_default(make_day: MakeDay) -> None:
    day = make_day(enforcement="observe", answer_commands=False)
    await day.begin()
    number = day.pull("nora")
    day.command(number, "ada", "/credit blacklist @newt")
    await day.settle()
    assert day.is_blacklisted("newt")
    assert day.writes() == []
    assert day.fates(number) == [("reaction", "observed"), ("comment", "observed")]


async def test_observe_with_answer_commands_answers_and_does_nothing_else(make_day: MakeDay) -> None:
    day = make_day(enforcement="observe", answer_commands=True)
    await day.begin()
    await day.give_credit("newt", 20)
    number = day.pull("newt")
    day.command(number, "ada", "/credit check @newt")
    await day.settle()
    assert day.is_open(number)
    assert len(day.said(number)) == 1
    assert {path.rpartition("/")[2] for _, path in day.writes()} == {"reactions", "comments"}


async def test_a_locked_thread_gets_no_answer_and_the_command_still_counts(day: Day, number: int) -> None:
    day.command(number, "ada", "/credit blacklist @newt")
    await day.decide()
    day.world.lock_thread(REPO, number, "ada")
    await day.settle()
    assert day.is_blacklisted("newt")
    assert day.said(number) == []
    assert "locked" in day.action(number, "comment").reason


async def test_a_deleted_comment_is_still_answered_once_and_reacted_to_never(day: Day, number: int) -> None:
    comment = day.command(number, "ada", "/credit check @newt")
    await day.decide()
    day.world.delete_comment(REPO, comment)
    await day.settle()
    assert len(day.said(number)) == 1
    assert day.action(number, "reaction").state in ("refused", "superseded")


async def test_a_command_is_not_answered_in_the_repository_that_took_over_the_name(
    day: Day, number: int
) -> None:
    day.command(number, "ada", "/credit check @newt")
    await day.decide()
    day.world.replace_repository(REPO)
    day.world.set_role(REPO, BOT, "admin")
    day.world.open_issue(REPO, "zoe", "Number one of somebody else")
    await day.work()
    await day.settle()
    assert day.world.comments(REPO, 1) == []
    assert day.row().state == "replaced"
