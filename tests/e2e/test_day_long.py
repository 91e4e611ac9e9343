"""A long day: 24 hours with everything that goes wrong in them, after which the daemon holds no more than before."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx2
import pytest

from meritocrab.demo.world import World
from tests.e2e.house import House
from tests.e2e.world_of_people import BOT, REPO, TOKEN

IDLE = "octo/orchard"
STEP_SECONDS = 1200
WARM_HOURS = 8
"""By then everything that is imported, compiled or kept at first use has been."""

SCRIPT: list[dict[str, Any]] = [
    {"match": "flaky", "fail": "timeout", "times": 3},
    {"match": "broken", "fail": "unavailable", "times": 6},
    {"match": "splendid", "classification": "high", "confidence": 0.95, "reasoning": "Thorough."},
    {"match": "vague", "classification": "low", "confidence": 0.4, "reasoning": "Hard to tell."},
]

FAULTS: tuple[Callable[[World, int], object], ...] = (
    lambda world, seed: world.faults.add("status", status=502, probability=0.4, seed=seed),
    lambda world, seed: world.faults.add("cut", probability=0.3, seed=seed, when="after"),
    lambda world, seed: world.faults.add("truncated", "^GET ", probability=0.3, seed=seed),
    lambda world, seed: world.faults.add("html", "^GET ", probability=0.3, seed=seed),
    lambda world, seed: world.faults.add("secondary", times=1, retry_after=900),
    lambda world, seed: world.faults.add("unauthorized", times=3),
    lambda world, seed: world.faults.add("hold", "^GET ", times=1, seconds=3),
    lambda world, seed: world.faults.add("primary", times=1, seconds=1500),
    lambda world, seed: setattr(world.faults, "offline", True),
    lambda world, seed: None,
)


class Life:
    """What people do on such a day, by a seed."""

    def __init__(self, house: House) -> None:
        self._house, self._world, self._random = house, house.world, random.Random(20260302)
        self._pulls: list[int] = []

    def go_on(self, step: int) -> None:
        """Somebody opens, talks, merges or asks; now and then something breaks, or is mended."""
        if step % 3 == 0:
            self._world.faults.clear()
            self._random.choice(FAULTS)(self._world, step)
        who = self._random.choice(("newt", "nora", "zoe"))
        mood = self._random.choice(("flaky", "broken", "splendid", "vague"))
        about = self._random.choice(self._pulls) if self._pulls else 0
        match step % 4:
            case 0:
                title = f"A {mood} change, number {step}"
                self._pulls.append(self._world.open_pull(REPO, who, title, "It helps."))
            case 1:
                self._world.comment(REPO, about, who, f"A {mood} remark, number {step}.")
            case 2:
                self._world.review(REPO, about, "wes", "COMMENTED", f"A thought, number {step}.")
            case 3:
                delta = self._random.choice((-30, 25))
                self._house.command(f'/credit override @{who} {delta:+d} "step {step}"')

    def look_in(self) -> None:
        """Somebody attaches, looks around, and leaves without a word, with answers still under way."""
        transport = httpx2.HTTPTransport(uds=str(self._house.socket))
        with (
            httpx2.Client(transport=transport, base_url="http://localhost", timeout=30) as client,
            client.stream("GET", "/api/stream") as stream,
        ):
            next(stream.iter_lines())
            for path in ("/health", "/metrics", "/api/repos", "/api/outbox", "/api/activity", "/nowhere"):
                client.get(path)


def pass_time(house: House, step: int) -> None:
    """Let twenty minutes pass on both clocks, and the daemon live through them."""
    house.world.advance(STEP_SECONDS)
    house.set_clock((step + 1) * STEP_SECONDS)
    time.sleep(0.2)


def is_done(house: House) -> bool:
    """Whether nothing waits for anything."""
    health = house.ask()
    waiting = ("events_waiting", "outbox_scheduled", "evaluations_queued")
    return health["status"] == "healthy" and not any(health["queues"][name] for name in waiting)


def ways_to_grow(before: dict[str, int], after: dict[str, int]) -> dict[str, tuple[int, int]]:
    """What grew by more than chance and caches explain."""
    room = {"memory": 6_000, "descriptors": 4, "threads": 1, "tasks": 4, "objects": before["objects"] // 50}
    return {name: (before[name], after[name]) for name in room if after[name] > before[name] + room[name]}


def test_after_a_day_of_faults_it_holds_no_more_than_before(
    house: House, record_property: Callable[[str, object], None]
) -> None:
    house.world.add_repository(IDLE)
    house.world.set_role(IDLE, BOT, "admin")
    script = house.folder / "script.json"
    script.write_text(json.dumps(SCRIPT))
    house.configure(
        replace(
            house.setup,
            credentials=f'token = "{TOKEN}"\nrepositories = ["{REPO}", "{IDLE}"]',
            tables=f'[llm]\nprovider = "mock"\nmock_script = "{script}"',
            timeout=1.0,
        )
    )
    house.start(until=f"{IDLE}: new -> ok")
    life, figures, steps = Life(house), {}, 24 * 3600 // STEP_SECONDS
    for step in range(steps):
        if step * STEP_SECONDS == WARM_HOURS * 3600:
            figures["warm"] = house.figures()
        life.go_on(step)
        if step % 4 == 0:
            life.look_in()
        if step % 18 == 17:
            house.reload()
        pass_time(house, step)
    house.world.faults.clear()
    for step in range(steps, steps + 100):
        pass_time(house, step)
        if is_done(house):
            break
    figures["end"] = house.figures()
    for name, found in figures.items():
        record_property(name, found)
        print(name, found)
    assert ways_to_grow(figures["warm"], figures["end"]) == {}
    assert house.log.count("was read again") == 4
    assert house.end() == 0
    books = house.books()
    assert {state for _, _, state in books["events"]} <= {"handled", "recorded"}
    opened = [row for row in books["events"] if row[0] == "pull_request_opened"]
    assert len(opened) == steps // 4


@pytest.mark.parametrize(
    ("more", "grown"), [({}, []), ({"tasks": 30}, ["tasks"]), ({"memory": 90_000}, ["memory"])]
)
def test_growth_would_be_seen(more: dict[str, int], grown: list[str]) -> None:
    before = {"memory": 80_000, "descriptors": 20, "threads": 6, "tasks": 15, "objects": 100_000}
    assert list(ways_to_grow(before, before | {k: before[k] + v for k, v in more.items()})) == grown
