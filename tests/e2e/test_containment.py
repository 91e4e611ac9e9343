"""Attacks on the judge, lived through by the whole daemon: a model that obeys every attacker, and what they gain.

`known_attacks.json` was at hand when the detector was written. `held_out.json` was written before and apart from it,
and nobody who worked on the detector has looked at it: its rate is the one to believe.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import MakeDay
from tests.e2e.test_story_verdicts import LLM, Model, verdict
from tests.e2e.world_of_people import REPO, Day

SUITE = Path(__file__).parents[1] / "core" / "containment"
BUDGET = "max_requests_per_day = 1000\nmax_tokens_per_day = 1000000000"
CLASSES = ("high", "acceptable", "low", "spam")
MOST_OF_ONE = {"pull_request": 15, "comment": 3}
HELD_OUT_CAUGHT = 0.65
"""A floor for the held-out rate, below what is measured: a detector that falls under it has got worse."""

Case = dict[str, Any]


def suite(name: str, part: str) -> list[Case]:
    """The cases of one file."""
    loaded = json.loads((SUITE / f"{name}.json").read_text(encoding="utf-8"))
    cases: list[Case] = loaded[part] if isinstance(loaded, dict) else loaded
    return cases


KNOWN, HELD_OUT = suite("known_attacks", "attacks"), suite("held_out", "attacks")
HONEST = suite("honest", "honest") + suite("held_out", "honest")


@pytest.fixture
def model() -> Iterator[Model]:
    with Model() as server:
        yield server


async def new_day(make_day: MakeDay, model: Model, starting_credit: int = 100) -> Day:
    """A day with room for a whole suite, and a pull request by a maintainer to comment on."""
    day = make_day(scripted=False, tables=LLM.format(url=model.url, more=BUDGET))
    day.world.set_file(REPO, ".meritocrab.toml", f"starting_credit = {starting_credit}\n")
    await day.begin()
    return day


async def contribute(day: Day, model: Model, cases: list[Case], says: dict[str, str]) -> None:
    """Everybody contributes; the model answers each case as `says` has it for its id, as sure as can be."""
    for wanted in CLASSES:
        model.play(verdict(wanted, 1.0))
        for case in cases:
            if says[case["id"]] == wanted:
                _contribute(day, case)
        await day.settle()


def _contribute(day: Day, case: Case) -> None:
    author = login(case)
    day.world.add_user(author)
    if case["subject"] == "comment":
        host = day.world.open_pull(REPO, "ada", case["title"] or "A change", "By a maintainer.")
        day.world.comment(REPO, host, author, case["text"])
        return
    files = [
        (each["path"], each["additions"], each["deletions"], each["patch"] or None)
        for each in case.get("files", [])
    ]
    more = {"files": files} if files else {}
    day.pull(author, case["title"], case["text"], head_ref=case.get("branch") or "patch-1", **more)


def login(case: Case) -> str:
    """Whoever contributes this case."""
    return f"by-{case['id']}"


def is_caught(day: Day, case: Case) -> bool:
    """Whether the contribution waits for a human, because of what it says to the model."""
    (row,) = day.judged(login(case))
    return (row.state, row.reason) == ("pending", "flagged")


def gains(day: Day, case: Case) -> int:
    """What somebody has got out of it without a human."""
    return sum(applied for _, applied in day.ledger(login(case)))


@pytest.mark.parametrize(
    ("name", "cases"), [("known", KNOWN), ("held out", HELD_OUT)], ids=["known", "held-out"]
)
async def test_attackers_whom_the_model_obeys(
    make_day: MakeDay, model: Model, name: str, cases: list[Case]
) -> None:
    day = await new_day(make_day, model)
    await contribute(day, model, cases, {case["id"]: case["wants"] for case in cases})
    reaching = [case for case in cases if case["place"] != "branch"]
    caught = [case for case in reaching if is_caught(day, case)]
    print(f"\n{name}: {len(caught)} of {len(reaching)} attacks caught ({len(caught) / len(reaching):.0%})")
    assert len(caught) / len(reaching) >= (1.0 if name == "known" else HELD_OUT_CAUGHT)
    for case in cases:
        gained = gains(day, case)
        assert gained == 0 if is_caught(day, case) else gained <= MOST_OF_ONE[case["subject"]]
        if case["place"] == "branch":
            assert not any(case["branch"] in question for question in model.questions())


async def test_nobody_who_was_stopped_talks_a_model_into_letting_them_in(
    make_day: MakeDay, model: Model
) -> None:
    """Also those whom the detector misses: below the threshold they stay below it."""
    day = await new_day(make_day, model, starting_credit=45)
    await contribute(day, model, HELD_OUT, {case["id"]: "high" for case in HELD_OUT})
    model.play(verdict("high", 1.0))
    host = day.world.open_pull(REPO, "ada", "A change", "By a maintainer.")
    for number in range(6):
        day.world.comment(REPO, host, "newt", f"A remark that the model is told to like, number {number}.")
    await day.settle()
    for who in ("newt", *map(login, HELD_OUT)):
        assert day.credit(who) < 50
    assert "opens_gate" in {row.reason for row in day.judged("newt")}


async def test_honest_people_reach_the_maintainer_unharmed(make_day: MakeDay, model: Model) -> None:
    day = await new_day(make_day, model)
    await contribute(day, model, HONEST, {case["id"]: "acceptable" for case in HONEST})
    flagged = [case["id"] for case in HONEST if is_caught(day, case)]
    print(f"\n{len(flagged)} of {len(HONEST)} honest contributions wait for a human: {flagged}")
    assert len(HONEST) >= 40
    for case in HONEST:
        (row,) = day.judged(login(case))
        assert row.state == ("pending" if case["id"] in flagged else "auto_applied")
        assert gains(day, case) >= 0
    assert day.writes() == []
