"""The demonstration's other half: the simulated GitHub and a real daemon, in a process of their own.

`meritocrab demo` starts it as a child and shows the terminal UI beside it, as on a real machine: the screen never
waits for the daemon's work, and a fault of one does not end the other. It ends when its parent closes the pipe.
"""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from meritocrab.daemon.service import Service
    from meritocrab.demo.world import World
    from meritocrab.store.database import Store

SOCKET_NAME, LOG_NAME, READY = "meritocrab.sock", "demo.log", "ready"
SOMETHING_NEW_SECONDS = 25.0
STOP_WITHIN_SECONDS = 15.0
PATIENCE_SECONDS = 60.0


@contextmanager
def living_world(folder: Path) -> Iterator[None]:
    """The world in a child process, for the length of the block; begins when the past has been dealt with.

    Raises:
        click.ClickException: it could not be started.
    """
    log = folder / LOG_NAME
    command = [sys.executable, "-m", "meritocrab.cli.demo_world", str(folder)]
    with log.open("wb") as errors:
        child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors)  # noqa: S603
    assert child.stdin is not None and child.stdout is not None  # noqa: S101, PT018 - both are pipes
    try:
        if child.stdout.readline().strip() != READY.encode():
            raise click.ClickException(f"the demonstration did not start: {_last_words(log)}")
        yield
    finally:
        child.stdin.close()
        try:
            child.wait(STOP_WITHIN_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        child.stdout.close()


def _last_words(log: Path) -> str:
    from meritocrab.logs import escaped

    lines = log.read_text(errors="replace").strip().splitlines()
    return escaped(lines[-1])[:300] if lines else "no reason was given"


def main(folder: Path) -> None:
    """Serve until standard input is closed; says `ready` when the past has been dealt with."""
    from meritocrab.demo import village
    from meritocrab.demo.github import SimulatedGitHub

    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # the terminal sends it to both; the parent decides when to end
    world = village.build_world()
    with SimulatedGitHub(world) as github:
        asyncio.run(_serve(folder, world, github.url))


async def _serve(folder: Path, world: World, url: str) -> None:
    from meritocrab.config import load_config
    from meritocrab.daemon.service import Service
    from meritocrab.logs import setup_logging
    from meritocrab.store.database import Store

    setup_logging("error")
    config = load_config(_write_config(folder, url), {"STATE_DIRECTORY": str(folder)})
    store = Store.open(config.database_url)
    service = Service(config, store)
    closed = asyncio.create_task(_closed())
    try:
        await service.start()
        living = asyncio.create_task(_live(service, store, world))
        await asyncio.wait((closed, living), return_when=asyncio.FIRST_COMPLETED)
        living.cancel()
        await service.stop()
    finally:
        await store.close()


async def _closed() -> None:
    """Until standard input is closed; not in a thread, which would keep a world that could not begin from ending."""
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    await reader.read()


async def _live(service: Service, store: Store, world: World) -> None:
    """The two days that are past, and then something new now and then."""
    from meritocrab.demo import village

    await _until_quiet(store)
    for step in village.past():
        world.advance(step.after.total_seconds())
        step.act(world)
    world.follow_real_time()
    service.loops.wake("poll")
    await _until_quiet(store)
    sys.stdout.write(f"{READY}\n")
    sys.stdout.flush()
    for act in village.future():
        await asyncio.sleep(SOMETHING_NEW_SECONDS)
        act(world)


async def _until_quiet(store: Store) -> None:
    """Until everything was polled twice, and handled and judged."""
    from datetime import UTC, datetime

    since = datetime.now(UTC) + timedelta(seconds=1.5)
    deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
    while not await store.read(_is_quiet, since):
        if asyncio.get_running_loop().time() > deadline:
            logging.getLogger("meritocrab.demo").error("the demonstration did not come to rest")
            return
        await asyncio.sleep(0.1)


def _is_quiet(since: object) -> bool:
    from meritocrab.store import evaluations, inbox
    from meritocrab.store.models import Read, Repository

    rows = list(Repository.select())
    polled = rows and all(row.last_poll_at is not None and row.last_poll_at > since for row in rows)
    judging = sum(evaluations.counts().get(state, 0) for state in ("queued", "running", "judged"))
    return bool(polled and not inbox.counts().get("waiting", 0) and not judging and not Read.select().count())


def _write_config(folder: Path, url: str) -> Path:
    from meritocrab.demo import cast, village

    script = folder / "judge.json"
    script.write_text(json.dumps(village.judge_script()))
    names = ", ".join(f'"{name}"' for name in village.REPOSITORIES)
    file = folder / "meritocrab.toml"
    file.write_text(
        textwrap.dedent(f"""\
        # The demonstration's own settings: quicker than at home, and the blacklist asks first.
        enforcement = "close"
        [github]
        api_url = "{url}"
        token = "{cast.TOKEN}"
        repositories = [{names}]
        [api]
        socket = "{folder / SOCKET_NAME}"
        [poll]
        interval = 2
        min_interval = 1
        max_interval = 2
        review_interval = 2
        [relay]
        settle = 1.0
        write_spacing = 0.1
        [blacklist]
        delay = [20, 60]
        automatic = "confirm"
        [breaker]
        # so much happens here in an hour that the usual limit would be reached by one spammer alone
        closes_per_hour = 200
        [llm]
        provider = "mock"
        mock_script = "{script}"
        """)
    )
    file.chmod(0o600)
    return file


if __name__ == "__main__":
    main(Path(sys.argv[1]))
