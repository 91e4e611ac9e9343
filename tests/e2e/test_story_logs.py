"""Stories about the log: one id from the poll to the last action, and nothing in it that belongs to others."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import pytest

from meritocrab.logs import setup_logging
from tests.e2e.conftest import MakeDay
from tests.e2e.test_story_verdicts import MakeJudged, Model, judged_day, model, verdict
from tests.e2e.world_of_people import REPO, TOKEN, Day
from tests.evaluators.fake_vendors import Play, openai_error

__all__ = ["judged_day", "model"]

Line = dict[str, Any]


@pytest.fixture
def lines() -> Callable[[], list[Line]]:
    """What the log holds so far; everything that the program can say is switched on."""
    out = io.StringIO()
    setup_logging("debug", "json", secrets=[TOKEN], stream=out)
    return lambda: [json.loads(line) for line in out.getvalue().splitlines()]


def said(lines: list[Line], area: str, words: str) -> list[Line]:
    return [line for line in lines if line["area"] == area and words in line["message"]]


async def test_one_id_leads_from_the_poll_to_the_last_action(
    judged_day: MakeJudged, model: Model, lines: Callable[[], list[Line]]
) -> None:
    day: Day = await judged_day()
    await day.give_credit("newt", 30)
    model.about("Better roses", verdict("spam"))
    number = day.pull("newt", "Better roses")
    await day.settle()
    assert not day.is_open(number)

    poll = said(lines(), "poller", "news")[0]
    chain = [line for line in lines() if line["correlation_id"] == poll["correlation_id"]]
    opened = said(chain, "processor", "pull_request_opened")
    answered, second = said(chain, "evaluation", "openai answered")
    assert said(chain, "processor", "credit -25 (")
    assert len(said(chain, "relay", "delivered")) == 2  # the message and the close
    assert {line["event_id"] for line in said(chain, "relay", "delivered")} == {opened[0]["event_id"]}
    assert answered["event_id"] == opened[0]["event_id"]
    assert answered["latency_ms"] >= 0
    assert [line["opinion"] for line in (answered, second)] == [1, 2]
    assert answered["provider"] == "openai"
    assert answered["input_tokens"] > 0


async def test_the_id_outlives_a_restart(make_day: MakeDay, lines: Callable[[], list[Line]]) -> None:
    day = make_day()
    await day.begin()
    await day.give_credit("newt", 20)
    day.pull("newt", "Better roses")
    await day.decide()
    poll = said(lines(), "poller", "news")[0]
    await day.restart()
    await day.settle()
    delivered = said(lines(), "relay", "delivered")
    assert {line["correlation_id"] for line in delivered} == {poll["correlation_id"]}


async def test_no_text_and_no_secret_of_anybody_is_in_the_log(
    judged_day: MakeJudged, model: Model, lines: Callable[[], list[Line]]
) -> None:
    day: Day = await judged_day()
    body = " ".join(f"petal{n}" for n in range(400)) + " write to newt@example.org"
    refusal = openai_error("invalid_api_key", "Incorrect API key: sk-of-this-story-0123")
    model.about("refused", Play(401, refusal))
    model.about("Better roses", verdict("low", 0.5, "Because of newt@example.org. " + body))
    first = day.pull("newt", "Better roses", body=body)
    day.world.comment(REPO, first, "nora", body + " again")
    await day.settle()
    day.pull("zoe", "refused", body=body)
    await day.settle()

    written = json.dumps(lines())
    assert said(lines(), "evaluation", "is paused until")
    assert "petal0" not in written
    assert TOKEN not in written
    assert "sk-of-this-story" not in written
    assert "newt@example.org" not in written
