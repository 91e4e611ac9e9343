"""The people of the demonstration and their day: who they are, what they do, and what a judge would say.

No part of this knows the daemon: people act on the simulated GitHub, and the daemon sees what they did as it
would on the real one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from meritocrab.demo.world import World

REPOSITORY = "octo/garden"
TOKEN = "ghp_demonstration"  # noqa: S105 - it opens nothing but the simulation
MACHINE_USER = "garden-keeper"
MAINTAINER, REGULAR, NEWCOMER = "fern", "jean-luc-k", "nia"
SPAMMER, DEPENDABOT = "spam-4-you", "dependabot[bot]"
DEPENDABOT_ID = 49_699_333


def judge_script() -> dict[str, Any]:
    """What the scripted judge answers, instead of a language model."""
    return {
        "rules": [
            {
                "match": "followers",
                "classification": "spam",
                "confidence": 0.97,
                "reasoning": "Advertises a service; changes nothing.",
            },
            {
                "match": "watering",
                "classification": "high",
                "confidence": 0.93,
                "reasoning": "Explains the fault, mends it and adds a test.",
            },
            {
                "match": "wording",
                "classification": "low",
                "confidence": 0.55,
                "reasoning": "A small change of words; whether it is wanted is a matter of taste.",
            },
        ],
        "default": {"classification": "acceptable", "confidence": 0.9, "reasoning": "Helpful and on topic."},
    }


def build_world() -> World:
    """The repository and its people, before anything happens."""
    world = World()
    world.add_repository(REPOSITORY, description="Plants, watered by cron", stars=412)
    world.add_user(DEPENDABOT, id=DEPENDABOT_ID, type="Bot")
    for login in (MAINTAINER, REGULAR, NEWCOMER, SPAMMER, MACHINE_USER):
        world.add_user(login)
    world.set_role(REPOSITORY, MAINTAINER, "admin")
    world.set_role(REPOSITORY, MACHINE_USER, "maintain")
    world.add_token(TOKEN, MACHINE_USER)
    world.open_pull(REPOSITORY, REGULAR, title="Add a rain gauge", body="From long before the daemon came.")
    return world


@dataclass
class Day:
    """What has been made so far, so that later scenes can refer to it."""

    world: World
    pulls: dict[str, int] = field(default_factory=dict)

    def open_pull(self, name: str, author: str, title: str, body: str) -> int:
        """Open a pull request and remember its number under `name`."""
        self.pulls[name] = self.world.open_pull(REPOSITORY, author, title=title, body=body)
        return self.pulls[name]


@dataclass(frozen=True, slots=True)
class Scene:
    """One thing that people do, told in one sentence."""

    text: str
    act: Callable[[Day], object]


def _spam(name: str) -> Callable[[Day], object]:
    text = "Get 10,000 followers today, visit followers.example"
    return lambda day: day.open_pull(name, SPAMMER, f"Improve README ({name})", f"{text} ({name})")


SCENES: tuple[Scene, ...] = (
    Scene(
        f"@{REGULAR} opens a careful pull request.",
        lambda day: day.open_pull(
            "watering",
            REGULAR,
            "Stop watering twice after a restart",
            "The watering job ran again when cron restarted. This keeps the last run on disk and tests it.",
        ),
    ),
    Scene(
        f"@{NEWCOMER}, new here, opens a first one; @{DEPENDABOT} updates a dependency.",
        lambda day: (
            day.open_pull(
                "wording", NEWCOMER, "Better wording in the guide", "I think this wording reads better."
            ),
            day.open_pull("bump", DEPENDABOT, "Bump sprinkler from 1.2 to 1.3", "Release notes follow."),
        ),
    ),
    Scene(
        f"@{MAINTAINER} asks about @{REGULAR} in a comment, and @{NEWCOMER} reviews.",
        lambda day: (
            day.world.comment(REPOSITORY, day.pulls["watering"], MAINTAINER, f"/credit check @{REGULAR}"),
            day.world.review(
                REPOSITORY, day.pulls["watering"], NEWCOMER, "COMMENTED", "Tried it: it waters once now."
            ),
        ),
    ),
    Scene(
        f"@{MAINTAINER} merges @{REGULAR}'s pull request.",
        lambda day: day.world.merge(REPOSITORY, day.pulls["watering"], MAINTAINER),
    ),
    Scene(f"@{SPAMMER} opens a pull request,", _spam("one")),
    Scene("a second one,", _spam("two")),
    Scene("and a third one.", _spam("three")),
    Scene(f"@{SPAMMER} has too little credit now, and opens a fourth one.", _spam("four")),
    Scene(f"@{SPAMMER} is on the blacklist now, and opens a fifth one.", _spam("five")),
)
