"""Daemons to be killed: a process that has imported everything once and forks a real one for each life.

Started as a script. Reads one order per line (JSON) and answers each with the process id of the daemon and,
when that has ended, with how. Durations that the daemon spends waiting for others are shortened; nothing else
about it is changed.
"""

from __future__ import annotations

import asyncio
import dataclasses
import gc
import json
import logging
import os
import signal
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from meritocrab.config import Config, load_config
from meritocrab.core import schedule
from meritocrab.core.names import ActionState, EvaluationState, EventState, RepositoryState
from meritocrab.core.prompts import Prompt
from meritocrab.core.question import Question
from meritocrab.core.scoring import OPEN
from meritocrab.daemon import evaluation, filing, loops, poller, processor, relay
from meritocrab.daemon.service import Service
from meritocrab.evaluators.base import Answer
from meritocrab.evaluators.mock import MockEvaluator
from meritocrab.github import answers, client, sansio
from meritocrab.github.errors import GitHubError
from meritocrab.github.pace import Pace
from meritocrab.github.transport import Transport
from meritocrab.logs import setup_logging
from meritocrab.settings import PollSettings, RelaySettings
from meritocrab.store.database import LockHeld, Store
from meritocrab.store.models import EvaluationRow, EventRow, OutboxRow, Read, Repository
from tests.e2e import crash_points
from tests.e2e.crash_world import TOKEN, VERDICTS

QUIET_POLLS = 1
"""Polls of each repository, begun after all was done, that must bring nothing."""

PARKED = 3
"""Exit status of a daemon that failed at an event by its own fault."""

SETTLE_SECONDS = 0.4

ORPHANED_AFTER_SECONDS = 600
"""Longer than any life: whoever stopped the tests left this daemon behind."""


class PaidMock(MockEvaluator):
    """A judge with a script whose answers cost something: with files, threads, books and second opinions."""

    metered = True

    async def ask(self, prompt: Prompt) -> Answer:
        """The script's answer to what a model would be shown."""
        answer = await self.evaluate(Question(0, "comment", "", prompt.user, ""))
        return dataclasses.replace(
            answer, input_tokens=len(prompt.user), output_tokens=50, prompt_version=prompt.version
        )


def hurry() -> None:
    """Shorten the waits for others, so that a day passes in seconds; pages are small, so that there are many."""
    soon = timedelta(seconds=0.2)
    schedule.POINTS_PER_MINUTE = 10_000_000  # type: ignore[misc]
    processor.SHORTEST_WAIT, processor.LONGEST_WAIT = soon, 2 * soon
    relay.LATER = loops.AFTER_ERROR = 2 * soon
    evaluation.FIRST_RETRY_SECONDS, evaluation.LONGEST_RETRY_SECONDS = 0.2, 0.4
    poller.retry_delay = lambda *_, **__: 0.3  # type: ignore[attr-defined]
    for module in (sansio, answers, client):
        module.PER_PAGE = 8  # type: ignore[attr-defined]
    filing.LAG_TRIES = 20


def configure(order: dict[str, Any]) -> Config:
    """The configuration of the suite, with intervals that the file does not allow."""
    config = load_config(Path(order["config"]), {"STATE_DIRECTORY": order["folder"]})
    poll = PollSettings.model_construct(
        interval=0.25, min_interval=0.2, max_interval=0.3, review_interval=0.5
    )
    settle = RelaySettings.model_construct(settle=SETTLE_SECONDS, write_spacing=0.0)
    settings = config.settings.model_copy(update={"poll": poll, "relay": settle})
    return dataclasses.replace(config, settings=settings)


async def live(order: dict[str, Any]) -> int:
    """Run the daemon until there is nothing left to do; the armed points may end it before."""
    born_at = datetime.now(UTC)
    config = configure(order)
    store = Store.open(order["database"] or config.database_url)
    service = Service(config, store, evaluator=PaidMock(VERDICTS))
    for each in service.accesses.clients().values():
        each._pace = Pace(0.0, 10**6, 10**6)
    await _start(service)
    watch = _Watch(store, born_at)
    while not await watch.is_over():
        await asyncio.sleep(0.1)
    await service.stop()
    await store.close()
    return PARKED if watch.parked else 0


async def _start(service: Service) -> None:
    """PostgreSQL needs a moment to see that the predecessor died."""
    until = time.monotonic() + 20
    while True:
        try:
            return await service.start()
        except LockHeld:
            if time.monotonic() > until:
                raise
            await asyncio.sleep(0.02)


class _Watch:
    """Says when the daemon has done everything and has looked again without finding more."""

    def __init__(self, store: Store, born_at: datetime) -> None:
        self._store, self._born_at = store, born_at
        self._polls: dict[str, list[datetime]] = {}
        self.parked = False

    async def is_over(self) -> bool:
        """Whether all is done, or an event is parked."""
        done, polled = await self._store.read(self._look)
        if not done:
            self._polls.clear()
            return self.parked
        for name, at in polled.items():
            seen = self._polls.setdefault(name, [])
            if at not in seen:
                seen.append(at)
        # the first one seen ended before all was done, and the second may have begun before that
        return all(len(seen) > QUIET_POLLS + 1 for seen in self._polls.values())

    def _look(self) -> tuple[bool, dict[str, datetime]]:
        self.parked = _any(EventRow, EventRow.state == EventState.PARKED.value)
        under_way = (
            _any(EventRow, EventRow.state == EventState.WAITING.value)
            or _any(OutboxRow, OutboxRow.state == ActionState.SCHEDULED.value)
            or _any(EvaluationRow, EvaluationRow.state.in_(_UNDER_WAY))
            or Read.select().exists()
        )
        if under_way:
            return False, {}
        repositories = list(Repository.select().where(Repository.watched))
        well = bool(repositories) and all(self._is_well(each) for each in repositories)
        return well, {each.full_name: each.last_poll_at for each in repositories}

    def _is_well(self, row: Repository) -> bool:
        """Polled without error, and the net was cast in this life."""
        netted = row.last_net_at is not None and row.last_net_at > self._born_at
        return row.state == RepositoryState.OK.value and not row.errors_in_row and netted


_UNDER_WAY = tuple(state.value for state in OPEN - {EvaluationState.DEFERRED})


def _any(table: Any, condition: Any) -> bool:
    return bool(table.select().where(condition).exists())


def be_born(order: dict[str, Any]) -> None:
    """In the forked process: never returns."""
    status = 70
    signal.alarm(ORPHANED_AFTER_SECONDS)
    try:
        log = os.open(Path(order["folder"]) / "log", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.dup2(log, 1)
        os.dup2(log, 2)
        setup_logging("info", "text")
        hurry()
        armed = [crash_points.Point(*point) for point in order["armed"]]
        crash_points.install(crash_points.Trace(Path(order["trace"]), armed), PaidMock)
        status = asyncio.run(live(order))
    except Exception:
        logging.getLogger("crash").exception("this daemon ended by itself")
    finally:
        sys.stderr.flush()
        os._exit(status)


async def _warm_up() -> None:
    """What is imported at first use must not be imported by every life."""
    transport = Transport("http://127.0.0.1:9")
    try:
        await transport.send(sansio.Request("GET", "/"), None)
    except GitHubError:
        await transport.aclose()


def serve(orders: Sequence[str] | Any) -> None:
    """Fork a daemon for each order and tell how it ended."""
    asyncio.run(_warm_up())
    gc.collect()
    gc.freeze()
    for line in orders:
        order = json.loads(line)
        child = os.fork()
        if child == 0:
            be_born(order)
        _tell(pid=child)
        _, status = os.waitpid(child, 0)
        _tell(ended=os.waitstatus_to_exitcode(status))


def _tell(**what: int) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def config_text(url: str) -> str:
    """The daemon's configuration file."""
    return f"""\
enforcement = "close"
answer_commands = true
[github]
api_url = "{url}"
token = "{TOKEN}"
repositories = ["octo/garden", "octo/fort", "octo/shed"]
[blacklist]
delay = [0, 1]
"""


if __name__ == "__main__":
    serve(sys.stdin)
