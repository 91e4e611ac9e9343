"""The day that the crash suite lives through: three repositories, a score of people, four chapters.

Every trajectory plays the same day in a world of its own. People's objects have the same ids whatever the
daemon went through before, so that two days can be compared; what the daemon makes itself (and what people do in
answer to it) has ids from a range of its own. Whose turn it is never decides an outcome: nobody's credit crosses
a threshold while a decision about the same person is under way.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from meritocrab.demo.world import FIRST_ID, Change, World, shown_login
from meritocrab.store.database import Store
from meritocrab.store.models import (
    AccountRow,
    ContributorRow,
    EvaluationRow,
    EventRow,
    LedgerRow,
    OutboxRow,
    PullRequestRow,
)

GARDEN, FORT, SHED = "octo/garden", "octo/fort", "octo/shed"
REPOSITORIES = (GARDEN, FORT, SHED)
BOT = "merit-daemon"
TOKEN = "ghp_crashsuite0123456789"
SPEED = 60
"""GitHub's seconds in one of ours: its stamps must not make the daemon wait for a second to be over."""

CHAPTER, OWN = 10_000_000, 5_000_000
"""Ids of a chapter, and where in them those begin that are made while the daemon runs."""

MAINTAINER = "meg"
TALKERS = ("vera", "flo", "gus", "hal", "ivy")
OPENERS = ("newt", "spam-king", "kit", "drew", "dora", "wendy", "holda", "heidi", "stranger-1", "stranger-2")
CAST = (MAINTAINER, *TALKERS, *OPENERS, "ada", "rex", "troll", "sten", "stranger-3")

VERDICTS: list[dict[str, Any]] = [
    {"match": "casino", "classification": "spam", "confidence": 0.97, "reasoning": "An advertisement."},
    {"match": "flaky", "fail": "timeout", "times": 1},
    {"match": "splendid", "classification": "high", "confidence": 0.95, "reasoning": "Thorough."},
    {"match": "vague", "classification": "low", "confidence": 0.4, "reasoning": "Hard to tell."},
    {"match": "sloppy", "classification": "low", "confidence": 0.9, "reasoning": "Careless."},
]


class FastWorld(World):
    """A world whose clock stands still while people act and runs fast while the daemon does."""

    def __init__(self, start: datetime) -> None:
        self._running_since: float | None = None
        super().__init__(start)

    def now(self) -> datetime:
        frozen = self._frozen
        assert frozen is not None
        if self._running_since is None:
            return frozen
        return frozen + timedelta(seconds=(time.monotonic() - self._running_since) * SPEED)

    def go(self) -> None:
        """Let time run."""
        with self.lock:
            self._running_since = time.monotonic()

    def pause(self) -> None:
        """Stop the clock where it is."""
        with self.lock:
            self._frozen = self.now()
            self._running_since = None

    def number_ids_from(self, number: int) -> None:
        """Make the next ids independent of how many were used before."""
        with self.lock:
            self._last_id = FIRST_ID + number


def build() -> FastWorld:
    """The world before the daemon comes."""
    world = FastWorld(datetime.now(UTC))
    for login in (*CAST, BOT):
        world.add_user(login)
    world.add_user("helper[bot]", type="Bot")
    for name in REPOSITORIES:
        world.add_repository(name)
        world.set_role(name, "meg", "admin")
        world.set_role(name, BOT, "write")
    world.add_token(TOKEN, BOT)
    world.rate_limit = 10_000_000
    world.set_file(FORT, ".meritocrab.toml", "starting_credit = 40\n")
    world.set_file(SHED, ".meritocrab.toml", 'starting_credit = 40\nenforcement = "hold"\n')
    _people_react(world)
    return world


def _people_react(world: World) -> None:
    """What people do when the daemon has closed something, once each."""
    answered: set[tuple[str, int]] = set()

    def closed(change: Change) -> None:
        at = (change.repository, change.number)
        if change.actor != BOT or at in answered:
            return
        answered.add(at)
        title = world.thread(*at).title
        if title == "Newt tries again":
            world.reopen(*at, "newt")
        if title == "Saved by a maintainer":
            world.reopen(*at, "meg")

    world.on("closed", closed)


def history(world: FastWorld) -> None:
    """What was there before the daemon: recorded, never acted upon."""
    for name in REPOSITORIES:
        world.open_pull(name, "meg", "Long-standing work", "Where everybody talks.")
    world.open_pull(GARDEN, "ada", "An old change", "From before.")
    world.open_issue(GARDEN, "rex", "Questions to the maintainers", "Ask here.")
    world.open_issue(SHED, "rex", "Questions about the shed", "Ask here.")
    world.comment(GARDEN, 3, "meg", "/credit blacklist @ada")
    for number, who in enumerate(("vera", "flo", "gus", "hal")):
        world.comment(GARDEN, 1, who, f"An old remark, number {number}.")
        world.advance(1)


def orders(world: FastWorld) -> None:
    """Maintainers set people's credit, strangers ask and try, reviews come in."""
    say = _speaker(world, GARDEN)
    say(3, "meg", '/credit override @newt -60 "noise"\n/credit check @newt')
    say(3, "meg", "/credit blacklist @spam-king")
    say(3, "meg", '/credit override @troll -90 "warned"\n\n/credit override @dora -60 "in a hurry"')
    say(3, "stranger-3", "/credit blacklist @meg")
    say(3, "sten", "/credit status")
    say(3, "meg", "/credit frobnicate @newt")
    say(3, "meg", "/credit help")
    say(1, "meg", "/credit check @nobody-of-this-name")
    for number, who in enumerate(("vera", "flo", "gus", "hal", "vera", "flo", "gus", "hal")):
        say(1, who, f"Remark {number}: {'splendid' if number == 2 else 'useful'} for those who come later.")
    say(1, "ivy", "A vague remark.")
    say(1, "ivy", "Said twice.")
    say(1, "ivy", "Said twice.")
    world.review(GARDEN, 1, "ada", "APPROVED")
    world.review(GARDEN, 2, "rex", "COMMENTED", "Only the net of pull requests finds this.")


def troubles(world: FastWorld) -> None:
    """Pull requests that the gate admits, holds and closes, and a comment too many."""
    say = _speaker(world, GARDEN)
    say(1, "troll", "Visit my casino")
    opened = (
        (GARDEN, "newt", "Newt tries again", "Please.", False),
        (GARDEN, "spam-king", "Buy now", "Best prices.", False),
        (GARDEN, "kit", "A splendid change", "With tests.", False),
        (GARDEN, "helper[bot]", "Bump a library", "From 1 to 2.", False),
        (GARDEN, "drew", "Half a change", "Not ready.", True),
        (GARDEN, "dora", "Half a quick change", "Not ready.", True),
        (GARDEN, "wendy", "A flaky change", "May be withdrawn.", False),
        (FORT, "stranger-1", "Saved by a maintainer", "Hello.", False),
        (FORT, "stranger-2", "Not saved", "Hello.", False),
        (SHED, "holda", "Held back", "Hello.", False),
        (SHED, "heidi", "Held back, too", "A sloppy one.", False),
    )
    for repo, who, title, body, draft in opened:
        world.open_pull(repo, who, title, body, draft=draft)
        world.advance(50)
    world.merge(GARDEN, 2, "meg")
    remark = next(comment.id for comment in world.comments(GARDEN, 1) if comment.body.startswith("Remark 0"))
    world.edit_comment(GARDEN, remark, "Remark 0, better said.")


def amends(world: FastWorld) -> None:
    """People are let back in, drafts become ready, things are merged and withdrawn."""
    number = {thread.title: n for n, thread in world.repository(GARDEN).threads.items()}
    world.ready_for_review(GARDEN, number["Half a change"])
    world.ready_for_review(GARDEN, number["Half a quick change"])
    world.merge(GARDEN, number["A splendid change"], "meg")
    world.advance(1)
    world.close(GARDEN, number["A flaky change"], "wendy")
    say = _speaker(world, GARDEN)
    say(3, "meg", "/credit unblacklist @spam-king")
    say(3, "troll", "/credit status")
    say(3, "newt", "/credit status")
    _speaker(world, SHED)(2, "meg", '/credit override @holda +20 "known from elsewhere"')


CHAPTERS: tuple[Callable[[FastWorld], None], ...] = (history, orders, troubles, amends)


def play(world: FastWorld, chapter: int) -> None:
    """Let people do what the chapter says, while the daemon is away; then time goes on."""
    world.pause()
    world.number_ids_from(chapter * CHAPTER)
    world.advance(minutes=5)
    CHAPTERS[chapter](world)
    world.advance(minutes=5)
    world.number_ids_from(chapter * CHAPTER + OWN)
    world.go()


def _speaker(world: FastWorld, repo: str) -> Callable[[int, str, str], None]:
    def say(number: int, who: str, text: str) -> None:
        made = world.comment(repo, number, who, text)
        # some share a second; others lie so far apart that a poll's look back does not reach from one to the other
        world.advance(70 if made % 3 == 0 else 0.6)

    return say


def without_own_ids(text: str) -> str:
    """The text with each id that was made while the daemon ran replaced: those differ from run to run."""

    def replaced(match: re.Match[str]) -> str:
        number = int(match[0])
        return "#own" if (number - FIRST_ID) % CHAPTER >= OWN else match[0]

    return re.sub(r"\b5[4-9]\d{8}\b", replaced, text)


def outcome(world: FastWorld, store: Store) -> dict[str, Any]:
    """Everything that must be the same at the end of every day, in comparable form."""
    return {
        **store.read_now(_stored),
        **{f"on GitHub: {name}": _public(world, name) for name in REPOSITORIES},
    }


def _stored() -> dict[str, Any]:
    logins = {row.id: row.login for row in AccountRow.select()}
    return {
        "ledger": sorted(
            (_ledger_key(row.key), logins[row.account_id], row.requested, row.reason)
            for row in LedgerRow.select()
        ),
        "people": sorted(
            (row.repository_id, logins[row.account_id], row.credit, row.blacklisted)
            for row in ContributorRow.select()
        ),
        "evaluations": sorted(
            (row.key, row.state, row.reason, str(row.decided_classification or row.classification))
            for row in EvaluationRow.select()
        ),
        "gates": sorted(
            (row.repository_id, row.number, str(row.gate), row.state, row.withdrawn, row.labelled)
            for row in PullRequestRow.select()
        ),
        "actions": sorted(
            (row.number, row.kind, row.basis, row.state, _of_people(row.key)) for row in OutboxRow.select()
        ),
        "events of people": sorted(
            (row.key, row.state) for row in EventRow.select() if without_own_ids(row.key) == row.key
        ),
    }


def _ledger_key(key: str) -> str:
    # the number behind it is a row of our own table
    return re.sub(r"/withdrawn/\d+$", "/withdrawn", key)


def _of_people(key: str) -> str:
    return without_own_ids(key)


def _public(world: FastWorld, name: str) -> dict[int, dict[str, Any]]:
    """What a visitor sees, each comment counted, and who closed, reopened and labelled how often."""
    state = world.public_state(name)
    for number, seen in state.items():
        seen["comments"] = dict(Counter((who, _undated(body)) for who, body in seen["comments"]))
        seen["events"] = dict(
            Counter((event.event, shown_login(event.actor)) for event in world.thread(name, number).events)
        )
    return state


def _undated(text: str) -> str:
    return re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d", "(date)", text)
