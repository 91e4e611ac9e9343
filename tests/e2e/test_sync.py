"""`meritocrab sync` on a small world, through the real command line and real HTTP."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from meritocrab.config import load_config
from meritocrab.daemon.service import Service
from meritocrab.demo.github import SimulatedGitHub
from meritocrab.demo.world import World
from meritocrab.store import repositories
from meritocrab.store.database import Store
from tests.e2e.history_support import TOKEN, Command, Installation, Json, await_true, kill_at
from tests.evaluators.fake_vendors import FakeVendor, Play, response_body

REPO = "octo/garden"
KEYS = {
    "repository",
    "baseline_at",
    "items",
    "new_events",
    "requests",
    "handled",
    "left_to_daemon",
    "deferred_evaluations",
    "evaluations_taken_up",
    "notes",
}
QUICK = "[poll]\ninterval = 1\nmax_interval = 1\nreview_interval = 1\n"
MOCK = '[llm]\nprovider = "mock"\n'


def fill(world: World) -> None:
    """Two years: a merge and a review in the first, two pull requests and some talk in the second."""
    world.add_repository(REPO)
    world.set_role(REPO, "meg", "admin")
    world.add_token(TOKEN, "meg")
    first = world.open_pull(REPO, "ann", title="Add a gate", body="It keeps the crabs out of the beds.")
    world.review(REPO, first, "bob", "APPROVED", "Well done.")
    world.comment(REPO, first, "bob", "I tried it with three crabs, and none came in.")
    world.merge(REPO, first, "meg")
    world.advance(days=400)
    second = world.open_pull(REPO, "bob", title="Paint the fence", body="Green, as was agreed.")
    world.comment(REPO, second, "cleo", "The colour is lovely, but the paint drips on the path.")
    world.comment(REPO, second, "meg", '/credit override @bob -60 "too green"')
    issue = world.open_issue(REPO, "ann", "The path is green")
    world.comment(REPO, issue, "cleo", "Mine too.")
    world.open_pull(REPO, "spammy", title="Best watches", body="Buy cheap watches now!!!")
    world.advance(days=30)


@pytest.fixture
def world() -> World:
    made = World(datetime(2024, 3, 1, 12, tzinfo=UTC))
    fill(made)
    return made


@pytest.fixture
def github(world: World) -> Iterator[SimulatedGitHub]:
    with SimulatedGitHub(world) as server:
        yield server
    assert server.errors == []
    assert world.writes == []


@pytest.fixture
def crab(github: SimulatedGitHub, tmp_path: Path) -> Installation:
    return Installation(tmp_path / "crab").configure(github, [REPO])


def sync(installation: Installation, *arguments: str) -> Json:
    done = installation.run("sync", REPO, "--json", "--quiet", *arguments)
    assert done.status == 0, done.err
    return done.result


def kinds(installation: Installation) -> list[str]:
    return sorted(row["kind"] for row in installation.export("events"))


def credit(installation: Installation) -> dict[str, int]:
    return {row["login"]: row["credit"] for row in installation.export("contributors")}


def refused(done: Command, status: int, *words: str) -> None:
    """It ended with this status and a message for its reader."""
    assert done.status == status, done.err
    assert "Traceback" not in done.err
    assert TOKEN not in done.err
    for word in words:
        assert word in done.err


WHOLE = ["comment_created"] * 4 + ["pull_request_merged"] + ["pull_request_opened"] * 3 + ["review_submitted"]


def test_history_becomes_credit_and_nothing_is_written(crab: Installation) -> None:
    result = sync(crab)
    assert set(result) == KEYS
    assert result["repository"] == REPO
    assert result["baseline_at"] == "2025-05-05T12:00:00Z"
    assert (result["new_events"], result["handled"], result["left_to_daemon"]) == (9, 9, 0)
    assert result["deferred_evaluations"] == 5
    assert kinds(crab) == WHOLE
    assert credit(crab) == {"ann": 120, "bob": 105, "cleo": 100, "spammy": 100}
    assert crab.run("verify").status == 0


def test_the_words_for_people(crab: Installation) -> None:
    done = crab.run("sync", REPO)
    assert done.status == 0, done.err
    assert done.out.startswith(f"{REPO}: history up to 2025-05-05 12:00:00 UTC\n")
    assert "9 new events" in done.out
    assert "9 events handled, 0 left to the daemon" in done.out
    assert "--evaluate N" in done.out
    assert "handling what was read" in done.err


def test_since_takes_only_what_came_later(crab: Installation) -> None:
    result = sync(crab, "--since", "2025-01-01")
    assert result["new_events"] == 5
    assert kinds(crab) == ["comment_created"] * 3 + ["pull_request_opened"] * 2
    assert credit(crab)["bob"] == 100


def test_more_can_be_asked_for_later_and_less_changes_nothing(crab: Installation) -> None:
    sync(crab, "--since", "2025-01-01")
    assert sync(crab)["new_events"] == 4
    assert kinds(crab) == WHOLE
    assert sync(crab, "--since", "2025-01-01")["new_events"] == 0
    assert credit(crab)["ann"] == 120


def test_killed_anywhere_it_goes_on(github: SimulatedGitHub, world: World, tmp_path: Path) -> None:
    calm = Installation(tmp_path / "calm").configure(github, [REPO])
    before = world.mark()
    sync(calm)
    total = world.mark() - before
    killed = Installation(tmp_path / "killed").configure(github, [REPO])
    for request in (2, total // 2, total - 1):
        one = Installation(tmp_path / f"killed{request}").configure(github, [REPO])
        kill_at(world, one, request, "sync", REPO, "--quiet")
        sync(one)
        assert one.left_behind() == calm.left_behind()
    for request in (4, 5, 5):
        kill_at(world, killed, request, "sync", REPO, "--quiet")
    sync(killed)
    assert killed.left_behind() == calm.left_behind()


# ---- baselines ------------------------------------------------------------------------------------


def test_what_comes_after_the_baseline_is_not_for_sync(crab: Installation, world: World) -> None:
    sync(crab)
    world.advance(days=1)
    news = world.open_pull(REPO, "dan", title="News", body="Something that nobody has read yet.")
    world.review(REPO, news, "ann", "APPROVED", "Fine.")
    world.comment(REPO, 1, "dan", "A late word on an old pull request.")
    assert sync(crab)["new_events"] == 0
    assert kinds(crab) == WHOLE


def run_daemon_until(crab: Installation, done: Callable[[Installation], bool]) -> None:
    """A whole daemon in this process, until `done(installation)` holds."""

    async def serve() -> None:
        config = load_config(crab.config, {"STATE_DIRECTORY": str(crab.folder)})
        store = Store.open(config.database_url)
        service = Service(config, store)
        await service.start()
        try:
            async with asyncio.timeout(60):
                while not await asyncio.to_thread(done, crab):
                    await asyncio.sleep(0.1)
        finally:
            await service.stop()
            await store.close()

    asyncio.run(serve())


def states(crab: Installation) -> dict[str, str]:
    return {row["key"].partition("/")[2]: row["state"] for row in crab.export("events")}


def test_history_that_the_daemon_recorded_is_taken_up(
    github: SimulatedGitHub, world: World, tmp_path: Path
) -> None:
    crab = Installation(tmp_path / "crab").configure(github, [REPO], extra=QUICK)
    run_daemon_until(crab, polled)
    world.advance(seconds=5)
    world.comment(REPO, 2, "dan", "Something new on an older pull request.")
    run_daemon_until(crab, lambda it: "handled" in states(it).values())
    recorded = [key for key, state in states(crab).items() if state == "recorded"]
    assert "pull_request_opened/2" in recorded
    assert credit(crab) == {"dan": 100}
    result = sync(crab)
    assert result["new_events"] == result["handled"] == 9
    assert set(states(crab).values()) == {"handled"}
    assert credit(crab) == {"ann": 120, "bob": 105, "cleo": 100, "dan": 100, "spammy": 100}


def polled(crab: Installation) -> bool:
    """Whether the repository has its baseline."""
    store = Store.open(f"sqlite:///{crab.database}", create=False)
    try:
        row = store.read_now(repositories.find, REPO)
    finally:
        store.close_now()
    return row is not None and row.baseline_at is not None


# ---- beside a running daemon ----------------------------------------------------------------------


def test_beside_a_running_daemon_its_events_are_left_to_it(github: SimulatedGitHub, tmp_path: Path) -> None:
    crab = Installation(tmp_path / "crab").configure(github, [REPO], extra=QUICK)
    daemon = crab.start("run")
    try:
        await_true(lambda: crab.database.exists() and polled(crab))
        result = sync(crab)
        assert (result["new_events"], result["handled"]) == (9, 0)
        assert "meritocrab run" in result["notes"][0]
        await_true(lambda: set(states(crab).values()) == {"handled"})
        assert credit(crab)["ann"] == 120
    finally:
        daemon.terminate()
        _, err = daemon.communicate(timeout=30)
    assert daemon.returncode == 0, err


# ---- evaluations ----------------------------------------------------------------------------------


def test_evaluations_are_asked_up_to_the_number_given(github: SimulatedGitHub, tmp_path: Path) -> None:
    script = tmp_path / "script.json"
    script.write_text(json.dumps([{"match": "watches", "classification": "spam", "confidence": 0.99}]))
    mock = f'{MOCK}mock_script = "{script}"\n'
    crab = Installation(tmp_path / "crab").configure(github, [REPO], extra=mock)
    result = sync(crab, "--evaluate", "2")
    assert (result["evaluations_taken_up"], result["deferred_evaluations"]) == (2, 3)
    assert len([row for row in crab.export("events") if row["kind"] == "verdict_reached"]) == 2
    result = sync(crab, "--evaluate", "100")
    assert (result["evaluations_taken_up"], result["deferred_evaluations"]) == (3, 0)
    assert credit(crab)["spammy"] == 75
    assert sync(crab, "--evaluate", "100")["evaluations_taken_up"] == 0
    assert crab.run("verify").status == 0


def test_a_backfill_that_spends_the_budget_leaves_the_rest_recorded(
    github: SimulatedGitHub, tmp_path: Path
) -> None:
    """One author's past is no flood, and what is not asked does not fill the review queue."""
    with FakeVendor() as vendor:
        vendor.play(Play(200, response_body()))
        llm = f'[llm]\nprovider = "openai"\nbase_url = "{vendor.url}/v1"\nmax_per_author_per_hour = 1\n'
        crab = Installation(tmp_path / "crab").configure(
            github, [REPO], extra=f"{llm}max_requests_per_day = 3\n"
        )
        result = sync(crab, "--evaluate", "100")
        assert len(vendor.seen) == 3
        assert (result["evaluations_taken_up"], result["deferred_evaluations"]) == (5, 2)
        assert len([row for row in crab.export("events") if row["kind"] == "verdict_reached"]) == 3
        assert sync(crab, "--evaluate", "100")["deferred_evaluations"] == 2
        assert len(vendor.seen) == 3


# ---- troubles -------------------------------------------------------------------------------------


def test_a_limit_in_the_middle_is_waited_out(crab: Installation, world: World) -> None:
    limit = world.faults.add("secondary", r"GET /repos/.*/issues/comments", times=1, retry_after=1)
    assert sync(crab)["new_events"] == 9
    assert limit.fired == 1


def test_trouble_of_github_is_tried_again(crab: Installation, world: World) -> None:
    world.faults.add("status", r"GET /repos/[^/]+/[^/]+/issues\?", times=1, status=502)
    world.faults.add("cut", r"/issues/comments", times=1)
    assert sync(crab)["new_events"] == 9
    assert kinds(crab) == WHOLE


def test_a_failing_read_loses_neither_itself_nor_the_others(crab: Installation, world: World) -> None:
    fault = world.faults.add("status", r"/pulls/1/reviews", status=422)
    done = crab.run("sync", REPO, "--quiet")
    refused(done, 75, "run the same command again")
    world.faults.remove(fault)
    sync(crab)
    assert kinds(crab) == WHOLE


def test_an_unknown_repository(crab: Installation) -> None:
    refused(crab.run("sync", "octo/nowhere", "--quiet"), 75, "octo/nowhere")
    refused(crab.run("export", "events", "--repo", "octo/nowhere"), 1, "octo/nowhere")


def test_a_private_repository_without_a_token(github: SimulatedGitHub, world: World, tmp_path: Path) -> None:
    world.set_private(REPO, True)
    crab = Installation(tmp_path / "crab").configure(github, [REPO], token=None)
    refused(crab.run("sync", REPO, "--quiet"), 75, REPO)


def test_a_public_repository_needs_no_token(github: SimulatedGitHub, tmp_path: Path) -> None:
    crab = Installation(tmp_path / "crab").configure(github, [REPO], token=None)
    assert sync(crab)["new_events"] == 9
    assert credit(crab)["ann"] == 120


def test_a_refused_token(crab: Installation, world: World) -> None:
    world.revoke_token(TOKEN)
    refused(crab.run("sync", REPO, "--quiet"), 75)


@pytest.mark.parametrize("arguments", [("nonsense",), (REPO, "--evaluate", "0"), (REPO, "--since", "soon")])
def test_wrong_arguments(crab: Installation, arguments: tuple[str, ...]) -> None:
    refused(crab.run("sync", *arguments), 2, "Usage:")


def test_a_repository_that_nobody_configured_is_read_but_not_watched(
    github: SimulatedGitHub, world: World, tmp_path: Path
) -> None:
    world.add_repository("octo/shed")
    world.set_role("octo/shed", "meg", "admin")
    crab = Installation(tmp_path / "crab").configure(github, ["octo/shed"], extra=QUICK)
    assert sync(crab)["new_events"] == 9
    before = world.mark()
    run_daemon_until(crab, lambda _: world.count(before, path="/repos/octo/shed/issues") > 2)
    assert world.count(before, path=f"/repos/{REPO}/") == 0


def test_everything_older_than_a_moment_before(crab: Installation, world: World) -> None:
    """The baseline is GitHub's time of the first look, whatever the local clock says."""
    world.set_time(datetime(2031, 1, 1, tzinfo=UTC))
    assert sync(crab)["baseline_at"] == "2031-01-01T00:00:00Z"
    assert datetime.now(UTC) < datetime(2031, 1, 1, tzinfo=UTC) - timedelta(days=1)
