"""Stories about credit: what contributions earn and cost, and who is outside of it."""

from __future__ import annotations

import pytest

from meritocrab.core.names import Classification
from tests.e2e.conftest import MakeDay
from tests.e2e.world_of_people import REPO, Day

CLASSES = ("spam", "low", "acceptable", "high")


@pytest.mark.parametrize(("verdict", "delta"), list(zip(CLASSES, (-25, -5, 5, 15), strict=True)))
async def test_an_opened_pull_request_scores_by_its_verdict(day: Day, verdict: str, delta: int) -> None:
    day.judge.says("A change", verdict)
    day.pull("newt")
    await day.settle()
    assert day.ledger("newt") == [("pull_request", delta)]
    assert day.credit("newt") == 100 + delta
    assert day.states("newt") == [("pull_request", "auto_applied")]


@pytest.mark.parametrize(("verdict", "delta"), list(zip(CLASSES, (-10, -2, 1, 3), strict=True)))
async def test_a_comment_scores_by_its_verdict(day: Day, verdict: str, delta: int) -> None:
    day.judge.says("a crash", verdict)
    number = day.pull("nora")
    day.world.comment(REPO, number, "newt", "I see a crash with this.")
    await day.settle()
    assert day.ledger("newt") == [("comment", delta)]


async def test_a_merge_earns_its_bonus_once(day_on_both: Day) -> None:
    day = day_on_both
    number = day.pull("newt")
    await day.settle()
    day.world.merge(REPO, number, "wes")
    await day.settle()
    day.world.comment(REPO, number, "nora", "Congratulations on this.")
    await day.settle()
    assert day.ledger("newt") == [("merged", 20)]


async def test_merged_before_we_ever_saw_it(day: Day) -> None:
    number = day.pull("newt")
    day.world.merge(REPO, number, "wes")
    await day.settle()
    assert day.ledger("newt") == [("merged", 20)]
    assert day.writes() == []


async def test_every_delta_comes_from_the_repositorys_policy(make_day: MakeDay) -> None:
    day = make_day()
    policy = """
    starting_credit = 200
    [pr_opened]
    acceptable = 7
    [comment]
    spam = -11
    [pr_merged]
    bonus = 31
    [review_submitted]
    bonus = 4
    """
    day.world.set_file(REPO, ".meritocrab.toml", policy)
    await day.begin()
    day.judge.says("A change", "acceptable")
    day.judge.says("casino", "spam")
    number, other = day.pull("newt"), day.pull("nora", "Other work")
    day.world.comment(REPO, number, "zoe", "casino!")
    day.world.review(REPO, other, "newt", "APPROVED")
    await day.settle()
    day.world.merge(REPO, number, "wes")
    await day.settle()
    assert sorted(day.ledger("newt")) == [("merged", 31), ("pull_request", 7), ("review", 4)]
    assert day.credit("newt") == 242
    assert day.credit("zoe") == 189


async def test_the_gate_never_waits_for_the_judge(day: Day) -> None:
    day.judge.fails("A change", TimeoutError("too slow"))
    number = day.pull("newt")
    await day.settle()
    assert day.gate(number) == "admitted"
    (evaluation,) = day.judged("newt")
    assert (evaluation.state, evaluation.last_error) == ("failed", "too slow")
    assert day.ledger("newt") == []
    day.judge.says("A change", "acceptable")
    day.later(minutes=2)
    await day.settle()
    assert day.ledger("newt") == [("pull_request", 5)]


async def test_a_doubtful_verdict_waits_for_a_maintainer(day: Day) -> None:
    day.judge.says("A change", "low", 0.84)
    day.pull("newt")
    await day.settle()
    (evaluation,) = day.judged("newt")
    assert (evaluation.state, evaluation.proposed_delta) == ("pending", -5)
    assert evaluation.reasoning == "it is low"
    assert day.ledger("newt") == []


async def test_the_confidence_that_applies_is_the_policys(make_day: MakeDay) -> None:
    day = make_day()
    day.world.set_file(REPO, ".meritocrab.toml", "[llm]\nconfidence = 0.6\n")
    await day.begin()
    day.judge.says("A change", "low", 0.6)
    day.pull("newt")
    await day.settle()
    assert day.ledger("newt") == [("pull_request", -5)]


async def test_repeated_text_scores_once(day: Day) -> None:
    day.judge.says("great work", "high")
    first, second = day.pull("nora"), day.pull("nora", "More")
    day.world.comment(REPO, first, "newt", "What a great work")
    day.world.comment(REPO, second, "newt", "what a  GREAT work")
    await day.settle()
    assert day.ledger("newt") == [("comment", 3)]
    assert day.judged("newt")[1].reason == "repeated_text"
    day.world.comment(REPO, second, "zoe", "What a great work")
    await day.settle()
    assert day.ledger("zoe") == [("comment", 3)]


async def test_edits_and_pushes_score_nothing_more(day: Day) -> None:
    day.judge.says("A change", "acceptable")
    day.judge.says("works", "acceptable")
    number = day.pull("newt")
    comment = day.world.comment(REPO, number, "nora", "This works.")
    await day.settle()
    day.world.push(REPO, number)
    day.world.edit_title(REPO, number, "A change, better")
    day.world.edit_body(REPO, number, "Now with works.")
    day.world.edit_comment(REPO, comment, "This works very well.")
    await day.settle()
    assert day.ledger("newt") == [("pull_request", 5)]
    assert day.ledger("nora") == [("comment", 1)]


async def test_talk_earns_no_more_than_the_daily_cap(day_on_both: Day) -> None:
    day = day_on_both
    day.judge.says("finding", "high")
    number = day.pull("nora")
    for i in range(5):
        day.world.comment(REPO, number, "newt", f"finding {i}")
    await day.settle()
    assert [delta for _, delta in day.ledger("newt")] == [3, 3, 3, 1, 0]
    day.world.review(REPO, number, "newt", "APPROVED")
    day.later(minutes=11)
    await day.settle()
    assert day.credit("newt") == 110
    day.later(days=1)
    day.world.comment(REPO, number, "newt", "finding of the next day")
    await day.settle()
    assert day.credit("newt") == 113


async def test_the_cap_does_not_bound_pull_requests(day: Day) -> None:
    day.judge.says("Work", "high")
    for i in range(3):
        day.pull("newt", f"Work {i}")
    await day.settle()
    assert day.credit("newt") == 145


async def test_replies_in_ones_own_thread_count_only_as_spam(day: Day) -> None:
    day.judge.says("thanks", "high")
    day.judge.says("casino", "spam")
    number = day.pull("newt")
    day.world.comment(REPO, number, "newt", "thanks for looking")
    await day.settle()
    assert day.ledger("newt") == []
    day.world.comment(REPO, number, "newt", "visit my casino")
    await day.settle()
    assert day.ledger("newt") == [("comment", -10)]


async def test_command_comments_count_only_as_spam(day: Day) -> None:
    day.judge.says("wonderful", "high")
    day.judge.says("casino", "spam")
    number = day.pull("nora")
    day.world.comment(REPO, number, "newt", "/credit status\n\nwonderful")
    day.world.comment(REPO, number, "zoe", "/credit status\n\ncasino")
    await day.settle()
    assert day.ledger("newt") == []
    assert day.ledger("zoe") == [("comment", -10)]


async def test_comments_on_issues_score_nothing(day: Day) -> None:
    day.judge.says("casino", "spam")
    day.world.comment(REPO, day.world.open_issue(REPO, "newt"), "newt", "casino")
    await day.settle()
    assert day.credit("newt") is None
    assert day.judge.questions == []


async def test_a_merge_voids_pending_and_later_negative_verdicts(day: Day) -> None:
    day.judge.says("Pending", "low", 0.5)
    day.judge.fails("Later", TimeoutError("slow"))
    first, second = day.pull("newt", "Pending"), day.pull("newt", "Later")
    await day.settle()
    day.world.merge(REPO, first, "wes")
    day.world.merge(REPO, second, "wes")
    await day.settle()
    day.judge.says("Later", "spam")
    day.later(minutes=5)
    await day.settle()
    assert day.states("newt") == [("pull_request", "voided")] * 2
    assert day.ledger("newt") == [("merged", 20), ("merged", 20)]


async def test_a_pull_request_taken_back_by_its_author_scores_nothing(day: Day) -> None:
    day.judge.says("Oops", "low")
    number = day.pull("newt", "Oops")
    await day.settle()
    assert day.credit("newt") == 95
    day.world.close(REPO, number, "newt")
    await day.settle()
    assert day.ledger("newt") == [("pull_request", -5), ("withdrawn", 5)]
    late = day.pull("newt", "Oops again")
    day.world.advance(2)
    day.world.close(REPO, late, "newt")
    await day.settle()
    assert day.credit("newt") == 100


async def test_what_a_maintainer_undid_is_not_taken_back_again_when_its_author_withdraws(day: Day) -> None:
    day.judge.says("Fine", "high")
    number = day.pull("newt", "Fine")
    await day.settle()
    await day.operate("undo", "newt", ledger_id=day.ledger_rows("newt")[-1].id)
    day.world.close(REPO, number, "newt")
    await day.settle()
    assert day.ledger("newt") == [("pull_request", 15), ("undo", -15)]


async def test_spam_taken_back_is_still_spam(day: Day) -> None:
    day.judge.says("casino", "spam")
    number = day.pull("newt", "casino")
    await day.settle()
    day.world.close(REPO, number, "newt")
    await day.settle()
    assert day.ledger("newt") == [("pull_request", -25)]


async def test_closed_by_its_author_after_a_maintainer_touched_it_still_scores(day: Day) -> None:
    day.judge.says("Oops", "low")
    number = day.pull("newt", "Oops")
    day.world.comment(REPO, number, "wes", "Please add a test.")
    await day.settle()
    day.world.close(REPO, number, "newt")
    await day.settle()
    assert day.ledger("newt") == [("pull_request", -5)]


@pytest.mark.parametrize(
    ("state", "body", "earned"),
    [
        ("APPROVED", "", 5),
        ("CHANGES_REQUESTED", "", 5),
        ("COMMENTED", "It breaks the build.", 5),
        ("COMMENTED", "", 0),
        ("COMMENTED", "  \n", 0),
        ("PENDING", "Not sent yet", 0),
    ],
)
async def test_reviews_count_when_they_say_something(day: Day, state: str, body: str, earned: int) -> None:
    number = day.pull("nora")
    await day.settle()
    day.world.review(REPO, number, "newt", state, body)
    day.world.comment(REPO, number, "zoe", "Something that moves the thread.")
    await day.settle()
    assert sum(delta for _, delta in day.ledger("newt")) == earned


@pytest.mark.parametrize(("body", "earned"), [("It breaks.", 5), ("", 0)])
async def test_a_dismissed_review_counts_only_with_words(day: Day, body: str, earned: int) -> None:
    number = day.pull("nora")
    review = day.world.review(REPO, number, "newt", "APPROVED", body)
    day.world.dismiss_review(REPO, number, review, "mia", "stale")
    await day.settle()
    assert sum(delta for _, delta in day.ledger("newt")) == earned


async def test_a_later_dismissal_takes_nothing_back(day: Day) -> None:
    number = day.pull("nora")
    review = day.world.review(REPO, number, "newt", "APPROVED")
    await day.settle()
    day.world.dismiss_review(REPO, number, review, "mia", "stale")
    await day.settle()
    assert day.ledger("newt") == [("review", 5)]


async def test_reviews_count_once_per_pull_request_and_never_on_ones_own(day: Day) -> None:
    number, own = day.pull("nora"), day.pull("newt", "Mine")
    day.world.review(REPO, number, "newt", "COMMENTED", "")
    day.world.review(REPO, number, "newt", "CHANGES_REQUESTED", "No.")
    day.world.review(REPO, number, "newt", "APPROVED", "Yes.")
    day.world.review(REPO, own, "newt", "COMMENTED", "I like it.")
    await day.settle()
    assert day.ledger("newt") == [("review", 5)]


async def test_privileged_people_bots_ghosts_and_mannequins_never_hold_credit(day: Day) -> None:
    day.judge.says("Anything", "spam")
    day.world.add_user("some-app[bot]", type="Bot")
    day.world.add_user("imported", type="Mannequin")
    people = ["wes", "some-app[bot]", "imported", "zoe"]
    numbers = [day.pull(login, f"Anything by {login}") for login in people]
    day.world.delete_user("zoe")
    numbers.append(day.pull(None, "Anything by nobody"))
    for login in people[:3]:
        day.world.comment(REPO, numbers[-1], login, "Anything said")
        day.world.review(REPO, numbers[-1], login, "APPROVED")
    day.world.merge(REPO, numbers[2], "wes")
    await day.settle()
    assert day.judge.questions == []
    assert [day.ledger(login) for login in people[:3]] == [[], [], []]
    assert all(day.is_open(number) for number in numbers if number != numbers[2])


async def test_somebody_who_gets_a_role_before_the_verdict_is_not_scored(day: Day) -> None:
    day.judge.says("A change", "spam")
    day.pull("newt")
    await day.decide()
    day.world.set_role(REPO, "newt", "write")
    await day.work()
    await day.settle()
    assert day.ledger("newt") == []
    assert day.states("newt") == [("pull_request", "voided")]


async def test_crossing_the_threshold_blacklists(day_on_both: Day) -> None:
    day = day_on_both
    await day.give_credit("newt", 60)
    day.judge.says("casino", "spam")
    numbers = [day.pull("newt", f"casino {i}") for i in range(3)]
    await day.settle()
    assert day.is_blacklisted("newt")
    assert day.credit("newt") == 0
    assert day.ledger("newt")[1:] == [("pull_request", -25)] * 2 + [("pull_request", -10), ("blacklisted", 0)]
    assert all(day.is_open(number) for number in numbers)
    after = day.pull("newt", "casino once more")
    await day.settle()
    assert day.gate(after) == "blacklisted"


async def test_somebody_who_only_ever_spams_arrives_at_the_blacklist_through_the_closed_gate(
    day: Day,
) -> None:
    await day.give_credit("newt", 40)
    day.judge.says("casino", "spam")
    day.judge.says("Honest", "high")
    honest = day.pull("newt", "Honest work")
    await day.settle()
    assert not day.is_open(honest)
    assert day.credit("newt") == 40
    for i in range(2):
        day.pull("newt", f"casino {i}")
    await day.settle()
    assert day.is_blacklisted("newt")


async def test_confirm_proposes_the_blacklisting_in_the_queue(make_day: MakeDay) -> None:
    day = make_day(tables='[blacklist]\nautomatic = "confirm"\n')
    await day.begin()
    await day.give_credit("newt", 20)
    day.judge.says("casino", "spam")
    number = day.pull("newt", "casino")
    await day.settle()
    assert day.credit("newt") == 0
    assert not day.is_blacklisted("newt")
    proposal = day.judged("newt")[-1]
    assert (proposal.subject, proposal.state, proposal.number) == ("blacklist", "pending", number)
    await day.operate("approve", "newt", evaluation_id=proposal.id)
    assert day.is_blacklisted("newt")
    assert day.judged("newt")[-1].state == "approved"
    await day.operate("reconsider", "newt", evaluation_id=proposal.id)
    assert not day.is_blacklisted("newt")
    await day.operate("override", "newt", evaluation_id=proposal.id, classification=Classification.ACCEPTABLE)
    await day.operate("reconsider", "newt", evaluation_id=proposal.id)
    assert day.judged("newt")[-1].state == "pending"


async def test_a_proposed_blacklisting_may_be_turned_down(make_day: MakeDay) -> None:
    day = make_day(tables='[blacklist]\nautomatic = "confirm"\n')
    await day.begin()
    await day.give_credit("newt", 20)
    day.judge.says("casino", "spam")
    day.pull("newt", "casino")
    await day.settle()
    proposal = day.judged("newt")[-1].id
    await day.operate("override", "newt", evaluation_id=proposal, classification=Classification.ACCEPTABLE)
    assert not day.is_blacklisted("newt")
    assert day.judged("newt")[-1].state == "overridden"


async def test_blacklisted_people_earn_nothing_and_their_comments_stay(day: Day) -> None:
    await day.operate("blacklist", "newt")
    day.judge.says("helpful", "high")
    number = day.pull("nora")
    day.world.comment(REPO, number, "newt", "a helpful hint")
    day.world.review(REPO, number, "newt", "APPROVED")
    await day.settle()
    assert day.ledger("newt") == [("blacklisted", 0)]
    assert len(day.world.comments(REPO, number)) == 1


async def test_blacklisted_between_question_and_verdict(day: Day) -> None:
    day.judge.says("A change", "high")
    day.pull("newt")
    await day.decide()
    await day.operate("blacklist", "newt")
    await day.settle()
    assert day.ledger("newt") == [("blacklisted", 0)]


async def test_credit_never_falls_below_zero_and_the_row_says_what_was_wanted(day: Day) -> None:
    await day.give_credit("newt", 10)
    day.judge.says("casino", "spam")
    day.pull("newt", "casino")
    await day.settle()
    row = next(row for row in day.ledger_rows("newt") if row.reason == "pull_request")
    assert (row.requested, row.applied, row.after) == (-25, -10, 0)


async def test_suspicions_of_the_heuristic_go_to_the_queue_and_the_rest_stays_unjudged(day: Day) -> None:
    day.judge.says("suspicious", "spam", 0.99, advisory=True)
    day.judge.says("lovely", "high", 0.99, advisory=True)
    day.pull("newt", "suspicious"), day.pull("nora", "lovely")
    await day.settle()
    assert day.states("newt") == [("pull_request", "pending")]
    assert day.states("nora") == [("pull_request", "unjudged")]
    assert day.ledger("newt") == day.ledger("nora") == []


async def test_a_negative_verdict_waits_for_a_human_where_roles_cannot_be_read(day: Day) -> None:
    refusal = "Must have push access to view collaborator permission."
    day.world.faults.add("status", "/permission", status=403, message=refusal)
    day.judge.says("bad", "low")
    day.judge.says("good", "acceptable")
    day.pull("newt", "bad"), day.pull("nora", "good")
    await day.settle()
    assert day.states("newt") == [("pull_request", "pending")]
    assert day.judged("newt")[0].reason == "role_unreadable"
    assert day.ledger("nora") == [("pull_request", 5)]


async def test_what_came_before_the_first_look_is_not_scored(make_day: MakeDay) -> None:
    day = make_day()
    number = day.pull("newt")
    day.world.comment(REPO, number, "nora", "casino")
    day.world.review(REPO, number, "nora", "APPROVED")
    await day.begin()
    day.judge.says("casino", "spam")
    day.judge.says("A change", "spam")
    day.world.comment(REPO, number, "zoe", "Something new.")
    await day.settle()
    assert day.ledger("newt") == day.ledger("nora") == []
    day.world.merge(REPO, number, "wes")
    await day.settle()
    assert day.ledger("newt") == [("merged", 20)]


async def test_the_judge_sees_the_text_once_with_the_size_of_the_change(day: Day) -> None:
    day.pull("newt", "A change", "It helps.", files=[("a.py", 10, 2, "@@"), ("b.py", 1, 0, "@@")])
    await day.settle()
    (question,) = day.judge.questions
    assert (question.subject, question.title, question.text) == ("pull_request", "A change", "It helps.")
    assert (question.additions, question.deletions, question.changed_files) == (11, 2, 2)
