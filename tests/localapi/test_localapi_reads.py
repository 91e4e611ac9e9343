"""What the local API tells: every path, in full, page by page, on both databases."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from meritocrab.core.names import ActionState, Classification, EvaluationState, EventState
from meritocrab.localapi import protocol as p
from meritocrab.localapi.client import Refused
from meritocrab.store import accounts, ledger
from meritocrab.store.models import AccountRow, ContributorRow, LedgerRow, RoleRow
from tests.e2e.world_of_people import MORNING, REPO
from tests.localapi.conftest import Serve, Served, doubtful


async def test_health_of_a_quiet_day(served_on_both: Served) -> None:
    health = await served_on_both.client.health()
    assert health.status is p.HealthStatus.HEALTHY
    assert health.reasons == ()
    assert health.database.connected
    assert health.database.driver == served_on_both.day.store.driver
    assert health.repositories == {"ok": 1}
    assert health.llm.provider == "judge"
    assert health.llm.available
    assert health.enforcement == "close"
    assert health.version
    assert health.uptime_seconds == (served_on_both.day.now() - health.started_at).total_seconds()
    (quota,) = health.quota
    assert quota.credential == "token"
    assert quota.limit == 5000
    assert quota.remaining is not None
    assert quota.remaining < 5000


async def test_health_names_what_is_wrong(served: Served) -> None:
    day = served.day
    day.world.faults.offline = True
    day.later(minutes=5)
    await day.poll()
    health = await served.client.health()
    assert health.status is p.HealthStatus.DEGRADED
    assert health.reasons == (f"repositories in trouble: {REPO} (unreachable)",)
    day.world.faults.offline = False
    day.world.set_file(REPO, ".meritocrab.toml", "pr_threshold = 'many'\n")
    await day.poll_afresh()
    assert f"repositories in trouble: {REPO} (policy broken)" in (await served.client.health()).reasons


async def test_without_a_database_health_is_an_answer_and_all_else_is_503(served: Served) -> None:
    await served.day.store.close()
    status, answer = await served.ask("GET", "/health")
    assert status == 503
    assert answer["status"] == "unhealthy"
    assert answer["database"] == {"connected": False, "driver": "sqlite", "reason": "the database is closed."}
    assert (await served.client.health()).status is p.HealthStatus.UNHEALTHY
    assert await served.refusal("GET", "/api/repos") == (503, "unavailable", "the database is closed.")
    assert (await served.refusal("POST", f"/api/repos/{REPO}/poll"))[0] == 503
    assert "meritocrab_database_up 0.0" in await served.client.metrics()
    served.day.store = type(served.day.store).open(served.day.config.database_url)


async def test_repositories_with_every_column_a_maintainer_wants(served_on_both: Served) -> None:
    day = served_on_both.day
    await day.give_credit("newt", 10)
    day.world.open_pull(REPO, "newt", "Held", "Please.")
    await day.decide()
    (item,) = (await served_on_both.client.repositories()).items
    assert item.name == REPO
    assert item.state == "ok"
    assert (item.open_held, item.outbox_scheduled, item.contributors) == (1, 2, 1)
    assert item.enforcement == "close"
    assert item.last_poll_at == day.now()
    assert item.next_poll_at is not None
    assert not item.paused
    assert item == await served_on_both.client.repository(REPO.upper())


async def test_the_policy_in_force_with_its_sources_and_the_files_error(served: Served) -> None:
    day = served.day
    day.world.set_file(REPO, ".meritocrab.toml", "pr_threshold = 40\n")
    await day.poll_afresh()
    policy = await served.client.policy(REPO)
    assert policy.rules["pr_threshold"] == 40
    assert policy.sources["pr_threshold"] == ".meritocrab.toml"
    assert policy.sources["enforcement"] == "configuration"
    assert policy.sources["starting_credit"] == "default"
    assert policy.file == ".meritocrab.toml"
    assert policy.error == ""
    day.world.set_file(REPO, ".meritocrab.toml", "pr_threshold = 'many'\n")
    await day.poll_afresh()
    broken = await served.client.policy(REPO)
    assert broken.rules == policy.rules
    assert "pr_threshold" in broken.error


async def test_one_evaluation_and_what_deciding_it_would_do(served_on_both: Served) -> None:
    day = served_on_both.day
    await day.give_credit("newt", 22)
    evaluation = await doubtful(day, verdict="spam")
    found = await served_on_both.client.evaluation(REPO, evaluation)
    assert (found.author.login, found.title, found.text) == ("newt", "Doubtful", "It helps.")
    assert (found.classification, found.confidence, found.reasoning) == (
        Classification.SPAM,
        0.5,
        "it is spam",
    )
    assert (found.reason, found.provider, found.model) == ("low_confidence", "judge", "judge-1")
    assert found.link == f"https://github.com/{REPO}/pull/1"
    assert found.proposed_delta == -25
    assert found.credit == 22
    assert found.approve == p.Forecast(
        delta=-25,
        applied=-22,
        credit_after=0,
        blacklists=True,
        proposes_blacklist=False,
        below_threshold=True,
    )
    lifted = found.forecasts[Classification.HIGH]
    assert (lifted.applied, lifted.credit_after, lifted.below_threshold) == (15, 37, True)
    assert [row.words for row in found.history] == ["changed by hand", "opening balance"]
    assert await served_on_both.client.evaluation(None, evaluation) == found
    await served_on_both.client.approve(REPO, evaluation)
    decided = await served_on_both.client.evaluation(REPO, evaluation)
    assert (decided.approve, decided.forecasts) == (None, {})


async def test_a_forecast_names_what_would_be_reopened(served: Served) -> None:
    day = served.day
    await day.give_credit("newt", 40)
    day.judge.says("Doubtful", "high", 0.5)
    day.judge.says("Held", "spam", 0.5)
    number = day.pull("newt", "Held")
    await day.settle()
    assert not day.is_open(number)
    evaluation = day.judged("newt")[0].id
    forecast = (await served.client.evaluation(REPO, evaluation)).forecasts[Classification.HIGH]
    assert forecast.credit_after == 55
    assert forecast.reopens == (number,)
    await served.client.override(REPO, evaluation, classification=Classification.HIGH)
    await day.work()
    assert day.is_open(number)
    assert day.credit("newt") == 55


async def test_what_praise_of_a_comment_would_earn_keeps_to_the_daily_cap(served: Served) -> None:
    day = served.day
    day.judge.says("praise", "high", 0.5)
    number = day.pull("nora")
    for index in range(4):
        day.world.comment(REPO, number, "newt", f"praise {index}")
    await day.settle()
    *first, last = (row.id for row in day.judged("newt"))
    for evaluation in first:
        await served.client.approve(REPO, evaluation)
    forecast = (await served.client.evaluation(REPO, last)).approve
    assert forecast is not None
    assert (forecast.delta, forecast.applied, forecast.credit_after) == (3, 1, 110)
    done = await served.client.approve(REPO, last)
    assert done.credit == 110


async def test_evaluations_by_status_page_by_page(served_on_both: Served) -> None:
    day, client = served_on_both.day, served_on_both.client
    for index in range(7):
        day.judge.says(f"Idea {index}.", "low", 0.5 if index < 5 else 0.99)
        day.pull("nora", f"Idea {index}.")
    await day.settle()
    seen: list[str] = []
    cursor: str | None = None
    while True:
        page = await client.evaluations(REPO, status=EvaluationState.PENDING, cursor=cursor, limit=2)
        assert page.total == 5
        seen += [item.title for item in page.items]
        if page.next is None:
            break
        cursor = page.next
    assert seen == [f"Idea {index}." for index in range(5)]
    everything = await client.evaluations(sort=p.EvaluationSort.NEWEST)
    assert [item.title for item in everything.items] == [f"Idea {index}." for index in reversed(range(7))]
    assert everything.total == 7


def many_people(repository: int, now: datetime, count: int) -> None:
    """So many contributors, with credits that repeat."""
    people = [
        {"id": 10**6 + index, "login": f"Login-{index:04}", "login_key": f"login-{index:04}", "type": "User"}
        for index in range(count)
    ]
    for start in range(0, count, 500):
        some = people[start : start + 500]
        AccountRow.insert_many([{**row, "seen_at": MORNING} for row in some]).execute()
        standing = [
            {
                "repository_id": repository,
                "account_id": row["id"],
                "credit": 100 + row["id"] % 7,
                "blacklisted": row["id"] % 10 == 0,
                "first_seen_at": now,
            }
            for row in some
        ]
        ContributorRow.insert_many(standing).execute()
        openings: list[dict[str, Any]] = [
            {
                "key": f"{repository}/opening/{row['account_id']}",
                "repository_id": repository,
                "account_id": row["account_id"],
                "reason": "opening",
                "requested": row["credit"],
                "applied": row["credit"],
                "before": 0,
                "after": row["credit"],
                "blacklisted": False,
                "actor_kind": "system",
                "enforcement": "observe",
                "occurred_at": MORNING,
                "appended_at": MORNING,
            }
            for row in standing
        ]
        LedgerRow.insert_many(openings).execute()


async def walk(served: Served, **query: Any) -> tuple[list[p.ContributorItem], int]:
    """All contributors, a few at a time, and the total that every page told."""
    found: list[p.ContributorItem] = []
    totals, cursor = set(), None
    while True:
        page = await served.client.contributors(REPO, limit=20, cursor=cursor, **query)
        found += page.items
        totals.add(page.total)
        cursor = page.next
        if cursor is None:
            (total,) = totals
            return found, total


@pytest.mark.parametrize("sort", list(p.ContributorSort))
async def test_contributors_in_every_order_each_once_with_true_totals(
    either_url: str, make_day: Any, serve: Serve, sort: p.ContributorSort
) -> None:
    day = make_day(either_url)
    await day.begin()
    await day.store.write(many_people, day.row().github_id, day.now(), 130)
    served = await serve(day)
    found, total = await walk(served, sort=sort)
    assert total == len(found) == len({item.account.id for item in found}) == 130
    values = {
        "login": [item.account.login.lower() for item in found],
        "credit": [item.credit for item in found],
        "seen": [item.first_seen_at for item in found],
    }[sort.removeprefix("-")]
    assert values == sorted(values, reverse=sort.startswith("-"))
    await day.store.write(clean)


def clean() -> None:
    """The flags above have no ledger rows: what was made up goes before the ledger is verified."""
    ContributorRow.update(blacklisted=False).execute()


async def test_contributors_by_the_beginning_of_a_login(served_on_both: Served) -> None:
    day = served_on_both.day
    await day.store.write(many_people, day.row().github_id, day.now(), 130)
    found, total = await walk(served_on_both, search="LOGIN-002")
    assert total == len(found) == 10
    assert {item.account.login for item in found} == {f"Login-{index:04}" for index in range(20, 30)}
    (one,), total = await walk(served_on_both, search="id:1000003")
    assert (one.account.login, total) == ("Login-0003", 1)
    for odd in ("%", "_", "login%", "nobody", "id:", "'", "\\", "Login-9999\U0010ffff", "*", "[a-z]"):
        assert await walk(served_on_both, search=odd) == ([], 0)
    banned, total = await walk(served_on_both, blacklisted=True)
    assert total == len(banned) == 13
    assert all(item.blacklisted for item in banned)
    await day.store.write(clean)


async def test_a_cursor_stands_where_it_is_while_rows_come_in(served_on_both: Served) -> None:
    day, client = served_on_both.day, served_on_both.client
    for delta in range(1, 7):
        await day.operate("adjust", "newt", delta=delta)
    first = await client.activity(limit=3)
    assert [item.applied for item in first.items] == [6, 5, 4]
    for delta in (50, 60):
        await day.operate("adjust", "nora", delta=delta)
    second = await client.activity(limit=3, cursor=first.next)
    assert [item.applied for item in second.items] == [3, 2, 1]
    assert (first.total, second.total) == (6, 8)
    assert second.next is None


async def test_one_person_with_everything(served_on_both: Served) -> None:
    day, client = served_on_both.day, served_on_both.client
    evaluation = await doubtful(day)
    await client.approve(REPO, evaluation, reason="as it says")
    newt = await client.contributor(REPO, "NEWT")
    assert (newt.credit, newt.blacklisted, newt.role, newt.changes) == (95, False, "none", 1)
    assert [pull.title for pull in newt.pull_requests] == ["Doubtful"]
    assert [item.id for item in newt.evaluations] == [evaluation]
    assert [(row.words, row.applied) for row in newt.ledger.items] == [
        ("pull request #1 judged low", -5),
        ("opening balance", 100),
    ]
    assert newt.ledger.items[0].text == "as it says"
    assert newt == await client.contributor(REPO, f"id:{newt.account.id}")
    assert newt == await client.contributor(REPO, "@newt")
    page = await client.contributor_ledger(REPO, "newt", limit=1)
    assert (page.total, len(page.items)) == (2, 1)
    rest = await client.contributor_ledger(REPO, "newt", limit=1, cursor=page.next)
    assert [row.words for row in rest.items] == ["opening balance"]
    assert rest.next is None


async def test_former_names_lead_to_a_person_unless_two_share_them(served: Served) -> None:
    day, client = served.day, served.client
    await day.operate("adjust", "newt", delta=1)
    account = day.account("newt")

    def rename(to: str) -> None:
        accounts.remember([type(account)(account.id, to)], day.now())

    await day.store.write(rename, "salamander")
    found = await client.contributor(REPO, "newt")
    assert (found.account.login, found.former_logins) == ("salamander", ("newt",))
    await day.store.write(rename, "axolotl")
    await day.store.write(accounts.remember, [type(account)(5, "salamander")], day.now())
    await day.store.write(accounts.remember, [type(account)(5, "else")], day.now())
    with pytest.raises(Refused) as refused:
        await client.contributor(REPO, "salamander")
    assert refused.value.code == "ambiguous"
    assert f"id:5, id:{account.id}" in str(refused.value)


async def test_the_inbox_with_notes(served_on_both: Served) -> None:
    day, client = served_on_both.day, served_on_both.client
    await doubtful(day)
    await client.adjust(REPO, "newt", -3)
    page = await client.inbox(REPO)
    assert page.total == len(page.items) == 3
    act, verdict, opened = page.items
    assert (act.kind, act.act, act.by.startswith("local:")) == ("operator_acted", "adjust", True)
    assert verdict.kind == "verdict_reached"
    assert (opened.note, opened.author and opened.author.login) == (
        "gate: admitted (credit 100, threshold 50)",
        "newt",
    )
    assert (await client.inbox(REPO, state=EventState.WAITING)).total == 0


async def test_the_outbox_by_state(served_on_both: Served) -> None:
    day, client = served_on_both.day, served_on_both.client
    await day.give_credit("newt", 10)
    number = day.pull("newt", "Held")
    await day.decide()
    page = await client.outbox(state=ActionState.SCHEDULED)
    assert [(item.kind, item.number, item.cancellable) for item in page.items] == [
        ("close", number, True),
        ("comment", number, True),
    ]
    assert page.items[1].body.startswith("Thank you") or "credit" in page.items[1].body
    assert (await client.outbox(REPO, state=ActionState.DELIVERED)).total == 0
    await day.work()
    delivered = await client.outbox(REPO, state=ActionState.DELIVERED)
    assert delivered.total == 2
    assert not any(item.cancellable for item in delivered.items)


async def test_why_shows_the_whole_chain(served_on_both: Served) -> None:
    day, client = served_on_both.day, served_on_both.client
    evaluation = await doubtful(day)
    await client.approve(REPO, evaluation)
    await client.undo(REPO, day.ledger_rows("newt")[-1].id, reason="too hard")
    why = await client.why(REPO, 1)
    assert why.pull_request is not None
    assert why.pull_request.gate == "admitted"
    assert why.author is not None
    assert why.author.credit == 100
    assert why.gate_at is not None
    assert [event.kind for event in why.events] == [
        "pull_request_opened",
        "verdict_reached",
        "operator_acted",
        "operator_acted",
    ]
    assert [item.status for item in why.evaluations] == ["approved"]
    assert [(row.words, row.before, row.after) for row in why.ledger] == [
        ("pull request #1 judged low", 100, 95),
        ("undo of row 2", 95, 100),
    ]
    assert why.ledger[0].undone_by_id == why.ledger[1].id
    values = {value.key: value.value for value in why.policy}
    assert values["pr_threshold"] == 50
    assert values["pr_opened.low"] == -5
    assert [item.policy for item in why.evaluations] == [why.fingerprint]
    issue = day.world.open_issue(REPO, "nora", "A question")
    day.command(issue, "mia", "/credit check @newt")
    await day.settle()
    assert [action.kind for action in (await client.why(REPO, issue)).actions] == ["reaction", "comment"]


async def test_why_tells_the_rules_of_then_from_those_of_now(served: Served) -> None:
    day, client = served.day, served.client
    await doubtful(day)
    day.world.set_file(REPO, ".meritocrab.toml", "pr_opened = { low = -9 }\n")
    await day.poll_afresh()
    why = await client.why(REPO, 1)
    assert {value.key: value.value for value in why.policy}["pr_opened.low"] == -9
    assert why.fingerprint == (await client.policy(REPO)).fingerprint
    (judged,) = why.evaluations
    assert judged.deltas[Classification.LOW] == -5
    assert judged.policy not in ("", why.fingerprint)


async def test_metrics_read_as_prometheus_text(served_on_both: Served) -> None:
    await doubtful(served_on_both.day)
    text = await served_on_both.client.metrics()
    for line in (
        'meritocrab_repositories{state="ok"} 1.0',
        'meritocrab_evaluations{state="pending"} 1.0',
        'meritocrab_events{state="handled"} 2.0',
        'meritocrab_last_polls{outcome="ok"} 1.0',
        f'meritocrab_poll_errors_in_row{{repository="{REPO}"}} 0.0',
        "meritocrab_database_up 1.0",
        'meritocrab_github_quota_limit{credential="token"} 5000.0',
    ):
        assert line in text.splitlines()
    assert "_created" not in text


async def test_hostile_names_and_texts_come_through_as_plain_json(served: Served) -> None:
    day = served.day
    hostile = "\x1b[31m[/]{login} <script>' OR 1=1 \u202e\U0001f600"
    day.world.add_user("some-app[bot]", type="Bot")
    day.judge.says("script", "low", 0.5)
    day.pull("newt", hostile, hostile * 20)
    day.pull("some-app[bot]", hostile)
    await day.settle()
    page = await served.client.evaluations(REPO)
    assert {item.author.login for item in page.items} == {"newt", "some-app[bot]"}
    assert {item.title for item in page.items} == {hostile}
    response = await served.http.get("/api/evaluations")
    assert "\x1b" not in response.text
    detail = await served.client.evaluation(REPO, page.items[0].id)
    assert detail.text == hostile * 20
    with pytest.raises(Refused, match="has no credit"):
        await served.client.contributor(REPO, "some-app[bot]")


async def test_people_whose_names_were_erased_are_shown_by_their_ids(served: Served) -> None:
    day = served.day
    await day.operate("adjust", "newt", delta=1)
    account_id = day.account("newt").id

    def erase() -> None:
        AccountRow.delete().where(AccountRow.id == account_id).execute()
        RoleRow.delete().execute()

    await day.store.write(erase)
    (row,) = (await served.client.activity()).items
    assert row.account.login == f"id:{account_id}"
    assert (await day.store.read(ledger.verify)).ok
