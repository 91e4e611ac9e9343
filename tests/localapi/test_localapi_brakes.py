"""Brakes over the local API: pulled and released, by whom, and everywhere they must be seen."""

from __future__ import annotations

import json
import os

import pytest

from meritocrab.core.upkeep import ALL_PAUSED
from meritocrab.localapi.client import Conflict, Unavailable
from meritocrab.localapi.protocol import Fate, HealthStatus
from tests.e2e.conftest import MakeDay
from tests.e2e.world_of_people import REPO, Day
from tests.localapi.conftest import ME, Serve, Served
from tests.localapi.test_localapi_metrics import scrape, value


async def test_pulled_seen_and_released(served_on_both: Served, caplog: pytest.LogCaptureFixture) -> None:
    day, client = served_on_both.day, served_on_both.client
    done = await client.pause_all(reason="holidays")
    assert (done.changed, done.at_rest, done.actor) == (True, True, ME)
    assert f"everything is paused by {ME}: holidays" in caplog.text
    again = await client.pause_all(reason="again")
    assert not again.changed
    assert again.paused is not None
    assert (again.paused.by, again.paused.reason, again.paused.since) == (ME, "holidays", day.now())
    health = await client.health()
    assert health.status is HealthStatus.DEGRADED
    assert health.paused == again.paused
    assert f"everything is paused by {ME}, and nothing is written to GitHub: holidays" in health.reasons
    assert value(await scrape(served_on_both), "meritocrab_paused") == 1
    await day.give_credit("newt", 20)
    day.pull("newt")
    await day.settle()
    shown = await client.outbox()
    assert {item.reason for item in shown.items} == {ALL_PAUSED}
    done = await client.resume_all()
    assert (done.changed, done.paused) == (True, None)
    assert not (await client.resume_all()).changed
    assert (await client.health()).status is HealthStatus.HEALTHY
    assert value(await scrape(served_on_both), "meritocrab_paused") == 0


async def test_by_hand_it_is_seen_as_well(served: Served) -> None:
    (served.day.folder / "paused").write_text("gone fishing\n")
    health = await served.client.health()
    assert "everything is paused, and nothing is written to GitHub: gone fishing" in health.reasons


async def test_what_cannot_be_done_is_refused_in_words(served: Served) -> None:
    (served.day.folder / "paused").mkdir()
    with pytest.raises(Unavailable, match="cannot be removed"):
        await served.client.resume_all()
    os.rmdir(served.day.folder / "paused")


async def braked(make_day: MakeDay, tables: str = "") -> Day:
    day = make_day(tables=f"[breaker]\ncloses_per_hour = 1\n{tables}")
    await day.begin()
    await day.give_credit("newt", 20)
    day.pull("newt"), day.pull("newt", "Another")
    await day.settle(rounds=3)
    return day


async def test_a_braked_repository_is_seen_everywhere(make_day: MakeDay, serve: Serve) -> None:
    served = await serve(await braked(make_day))
    client = served.client
    item = await client.repository(REPO)
    assert item.braked_at is not None
    assert item.enforcement == "observe"
    assert "the breaker fell: 1 close within an hour" in item.brake_reason
    policy = await client.policy(REPO)
    assert policy.rules["enforcement"] == "observe"
    assert policy.sources["enforcement"] == "breaker"
    why = await client.why(REPO, 2)
    assert [each.source for each in why.policy if each.key == "enforcement"] == ["breaker"]
    (found,) = (await client.report()).repositories
    assert found.stopped == {Fate.LEFT_CLOSED: 1}
    assert found.observed == {Fate.OPEN: 1}
    health = await client.health()
    assert health.reasons == (f"the breaker keeps at observe: {REPO}; `meritocrab repo release` ends that",)
    assert value(await scrape(served), "meritocrab_repository_braked", repository=REPO) == 1
    done = await client.release(REPO, reason="they were all right")
    assert done.actor == ME
    assert "they were all right" in done.note
    assert (await client.repository(REPO)).enforcement == "close"
    assert (await client.health()).status is HealthStatus.HEALTHY
    with pytest.raises(Conflict, match="has not fallen"):
        await client.release(REPO)


async def test_notifications_that_do_not_arrive_are_a_reason(make_day: MakeDay, serve: Serve) -> None:
    day = await braked(make_day, f"[notify]\ncommand = {json.dumps(['/bin/false'])}")
    served = await serve(day)
    for _ in range(3):
        await day.service.notifier.step()
        day.later(minutes=10)
    (reason,) = [each for each in (await served.client.health()).reasons if "notifications" in each]
    assert reason == "notifications do not arrive: the command ended with status 1"
    assert value(await scrape(served), "meritocrab_notifications", state="waiting") == 2
