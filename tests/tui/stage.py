"""The terminal UI on a stage: a real local API on a real socket, watched through Textual's pilot."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from textual.pilot import Pilot

from meritocrab.core.names import Classification
from meritocrab.demo import cast, village
from meritocrab.evaluators.base import Answer
from meritocrab.localapi.client import LocalClient
from meritocrab.tui.app import MeritocrabApp
from meritocrab.tui.widgets.document import Document
from meritocrab.tui.widgets.rows import RowList
from tests.e2e.world_of_people import Day
from tests.localapi.conftest import Served

SMALL, LARGE = (80, 24), (140, 40)
PATIENCE = 3000
QUIET_TURNS = 3
"""So many times in a row nothing may be going on, so that what a message leads to is waited for, too."""
CREDENTIALS = f'token = "{cast.TOKEN}"\nrepositories = ["{village.GARDEN}", "{village.GREENHOUSE}"]'
CONFIRM = '[blacklist]\nautomatic = "confirm"\ndelay = [30, 30]'


@dataclass
class Stage:
    """The application and the hands on its keyboard."""

    app: MeritocrabApp
    pilot: Pilot[None]
    pressed: int = 0

    async def press(self, *keys: str) -> None:
        """Press keys, counted, and let everything come to rest after each."""
        for key in keys:
            self.pressed += 1
            await self.pilot.press(key)
            await self.calm()

    async def calm(self) -> None:
        """Wait until nothing is asked or done in the background."""
        quiet = 0
        for _ in range(PATIENCE):
            await asyncio.sleep(0.001)
            await self.pilot.pause()
            busy = [
                worker for worker in self.app.workers if worker.group != "link" and not worker.is_finished
            ]
            quiet = 0 if busy or self.app._wanted else quiet + 1
            if quiet >= QUIET_TURNS:
                return
        raise AssertionError("the screen never came to rest")

    async def until(self, condition: Callable[[], object], what: str = "it") -> None:
        """Wait until something is so."""
        for _ in range(PATIENCE):
            if condition():
                await self.calm()
                return
            await self.pilot.pause()
            await asyncio.sleep(0.001)
        raise AssertionError(f"{what} never came about; the screen:\n{self.text}")

    @property
    def text(self) -> str:
        """The screen as plain text."""
        strips = self.app.screen._compositor.render_strips()
        lines = ("".join(segment.text for segment in strip).rstrip() for strip in strips)
        return "\n".join(lines) + "\n"

    @property
    def said(self) -> str:
        """The words on the screen, wherever its lines end."""
        return " ".join(self.text.replace("│", " ").split())

    @property
    def notice(self) -> str:
        """What was said last."""
        return str(self.app._line("notice")._said)

    def rows(self, name: str) -> RowList:  # type: ignore[type-arg]
        """A list by its id."""
        return self.app.view.query_one(f"#{name}", RowList)

    def keys_of(self, name: str) -> list[object]:
        """The keys of all rows of a list."""
        rows = self.rows(name)
        return [rows._key_of(rows.row_at(index)) for index in range(rows.count)]

    @property
    def dossier(self) -> str:
        """The text beside the queue."""
        document = self.app.view.query_one(Document)
        return "\n".join(line.plain for line in document._lines)


@asynccontextmanager
async def staged(
    client: LocalClient | Path,
    size: tuple[int, int] = SMALL,
    day: Day | None = None,
    *,
    app_type: type[MeritocrabApp] = MeritocrabApp,
    wait: bool = True,
) -> AsyncIterator[Stage]:
    """Open the application; by default wait until it is connected."""
    asked = LocalClient(client) if isinstance(client, Path) else client
    clock = {"clock": day.now} if day is not None else {}
    app = app_type(asked, retry_seconds=0.05, **clock)
    async with app.run_test(size=size) as pilot:
        stage = Stage(app, pilot)
        if wait:
            await stage.until(lambda: app.board.health is not None, "a connection")
        yield stage
        await stage.calm()


def listen_to_village(day: Day) -> None:
    """The judge says what the village's script says."""
    script = village.judge_script()
    rules: list[tuple[str, Answer | Exception]] = []
    for rule in (*script["rules"], {"match": "", **script["default"]}):
        answer = Answer(
            Classification(rule["classification"]),
            rule["confidence"],
            rule["reasoning"],
            "judge-1",
            advisory=False,
        )
        rules += [(about, answer) for about in rule["match"].split("|")]
    day.judge.rules = rules


async def live_through_the_past(day: Day) -> None:
    """The two days of the village, polled and handled as they went by."""
    listen_to_village(day)
    await day.begin()
    for step in village.past():
        day.later(seconds=step.after.total_seconds())
        step.act(day.world)
        await day.settle(rounds=1)
    await day.settle()


async def fill_queue(day: Day, number: int) -> None:
    """So many doubtful pull requests, each by somebody else."""
    day.judge.says("Doubtful", "low", 0.5)
    for count in range(number):
        login = f"doubter-{count}"
        day.world.add_user(login)
        day.pull(login, f"Doubtful change {count}", f"It **helps** with {count}.")
    await day.settle()


__all__ = ["LARGE", "SMALL", "Served", "Stage", "fill_queue", "live_through_the_past", "staged"]
