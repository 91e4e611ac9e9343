"""The daemon is killed wherever it makes a difference, around commits, writes and questions, and nothing comes of it.

Real processes, real SIGKILL, a GitHub behind a real port. The day of `crash_world` is first lived through without a
disturbance, which also lists the points at which a daemon can die. Then it is lived through again and again, each
time with daemons dying at other points, half of the days with a GitHub that fails and lags besides. In the end
everything must be as it was on the undisturbed day.
"""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.e2e.crash_points import ANSWERING, Point
from tests.e2e.crash_run import Story, Trajectory, Zygote, differences
from tests.e2e.crash_world import FastWorld
from tests.store_fixtures import PostgresServer

pytestmark = pytest.mark.crash

SIDE_BY_SIDE = 5
KILLS_PER_DAY = 75
ROUNDS = 4
"""A point can be missed, because a day with kills is another day; those missed are armed again."""

KILLS_AT_LEAST = 200
KILLS_ON_POSTGRES = 24

Faulting = Callable[[FastWorld], None]


def trouble(seed: int) -> Faulting:
    """A GitHub that now and then does not answer, answers late or in part, or shows what was a moment ago."""

    def put_in_force(world: FastWorld) -> None:
        add = world.faults.add
        add("stale", "GET /repos", seconds=15, probability=0.10, seed=seed)
        add("status", when="before", probability=0.01, seed=seed + 1)
        add("status", "(POST|PATCH|DELETE)", when="after", probability=0.05, seed=seed + 2)
        add("cut", when="before", probability=0.01, seed=seed + 3)
        add("cut", "(POST|PATCH|DELETE)", when="after", probability=0.05, seed=seed + 4)
        add("truncated", probability=0.01, seed=seed + 5)
        add("secondary", retry_after=1, probability=0.5, seed=seed + 6, skip=40, times=1)

    return put_in_force


class Zygotes:
    """As many trajectories side by side as there are zygotes."""

    def __init__(self) -> None:
        self._free: queue.Queue[Zygote] = queue.Queue()
        self._all = [Zygote() for _ in range(SIDE_BY_SIDE)]
        for zygote in self._all:
            self._free.put(zygote)

    def run(self, days: Sequence[Trajectory]) -> list[Story]:
        """Live through all of them."""
        with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
            return list(pool.map(self._one, days))

    def _one(self, day: Trajectory) -> Story:
        zygote = self._free.get()
        try:
            return day.run(zygote)
        finally:
            self._free.put(zygote)

    def close(self) -> None:
        for zygote in self._all:
            zygote.close()


@pytest.fixture(scope="module")
def zygotes() -> Iterator[Zygotes]:
    made = Zygotes()
    yield made
    made.close()


@pytest.fixture(scope="module")
def undisturbed(zygotes: Zygotes, tmp_path_factory: pytest.TempPathFactory) -> Story:
    """The day as it should be."""
    story = zygotes.run([Trajectory("undisturbed", tmp_path_factory.mktemp("crash") / "day")])[0]
    assert story.problems == []
    return story


def points_of(story: Story) -> list[Point]:
    """Where a daemon can die, in the order in which they were first passed."""
    return list(dict.fromkeys(story.passed))


def assert_as_undisturbed(stories: Sequence[Story], undisturbed: Story) -> None:
    """Fail with all that went otherwise on these days, in words, and with where their daemons died."""
    found = []
    for story in stories:
        wrong = story.problems + differences(undisturbed.outcome, story.outcome)
        if wrong:
            died = "".join(f"\n    killed {point}" for point in story.killed)
            found.append(f"{story.name} ({story.lives} lives):\n  " + "\n  ".join(wrong) + died)
    assert not found, "\n".join(found)


def tell(what: str, stories: Sequence[Story], points: int) -> int:
    """One line for the reader of the test's output; returns the kills."""
    kills = sum(len(story.killed) for story in stories)
    lives = sum(story.lives for story in stories)
    print(f"\n{what}: {kills} kills at {points} points, {lives} lives, {len(stories)} trajectories")
    return kills


def test_undisturbed_days_are_alike(zygotes: Zygotes, undisturbed: Story, tmp_path: Path) -> None:
    """Otherwise a comparison would prove nothing."""
    again = zygotes.run([Trajectory("again", tmp_path / "again")])
    assert_as_undisturbed(again, undisturbed)
    assert set(points_of(again[0])) == set(points_of(undisturbed))


def test_killed_at_every_point(zygotes: Zygotes, undisturbed: Story, tmp_path: Path) -> None:
    """Every point is hit; nothing is lost, nothing happens twice."""
    points = points_of(undisturbed)
    stories: list[Story] = []
    missing = points
    for attempt in range(ROUNDS):
        days = len(missing) // KILLS_PER_DAY + 1
        stories += zygotes.run(
            [
                Trajectory(
                    f"day {attempt}.{number}",
                    tmp_path / f"{attempt}.{number}",
                    missing[number::days],
                    faults=trouble(100 * number + attempt) if number % 2 else None,
                )
                for number in range(days)
            ]
        )
        hit = {point for story in stories for point in story.killed}
        missing = [point for point in points if point not in hit]
        if not missing:
            break
    kills = tell("SQLite", stories, len(points))
    assert_as_undisturbed(stories, undisturbed)
    assert [str(point) for point in missing] == []
    assert kills >= KILLS_AT_LEAST


def test_a_limit_does_not_make_an_unclear_attempt_forgotten(
    zygotes: Zygotes, undisturbed: Story, tmp_path: Path
) -> None:
    """A close or reopen that GitHub has carried out is still ours when the look-up after the crash is refused."""
    unclear = [
        point for point in points_of(undisturbed) if point.place == ANSWERING and "PATCH" in point.label
    ]

    def limit(world: FastWorld) -> None:
        world.faults.add("secondary", r"GET /repos/[^/]+/[^/]+/pulls/\d+$", retry_after=1, every=6)

    stories = zygotes.run([Trajectory("limited", tmp_path / "day", unclear, faults=limit)])
    assert_as_undisturbed(stories, undisturbed)
    assert set(stories[0].killed) == set(unclear)


@pytest.mark.postgres
def test_killed_on_postgresql(
    zygotes: Zygotes, undisturbed: Story, postgres_server: PostgresServer, tmp_path: Path
) -> None:
    """The same promise where the database is a server that outlives the daemon."""
    points = [point for point in points_of(undisturbed) if "migrate" not in point.label]
    chosen = points[:: len(points) // KILLS_ON_POSTGRES]
    urls = [postgres_server.create() for _ in range(2)]
    stories = zygotes.run(
        [
            Trajectory(
                f"PostgreSQL {number}",
                tmp_path / str(number),
                chosen[number::2],
                faults=trouble(number) if number else None,
                database=url,
            )
            for number, url in enumerate(urls)
        ]
    )
    hit = {point for story in stories for point in story.killed}
    # an answer that a fault took away cannot be died after: those points are armed again on a quiet day
    missed = [point for point in chosen if point not in hit]
    quiet = Trajectory("PostgreSQL, quiet", tmp_path / "quiet", missed, database=postgres_server.create())
    stories += zygotes.run([quiet])
    tell("PostgreSQL", stories, len(chosen))
    assert_as_undisturbed(stories, undisturbed)
    assert {point for story in stories for point in story.killed} >= set(chosen)
