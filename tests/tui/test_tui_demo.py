"""The village of the demonstration: it starts in a process of its own, has enough to do, and ends with its parent."""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import os
import pty
import signal
import struct
import sys
import termios
from pathlib import Path

import click
import pytest

from meritocrab.cli.demo import _wants_screen
from meritocrab.cli.demo_world import SOCKET_NAME, SOMETHING_NEW_SECONDS, _write_config, living_world
from meritocrab.config import load_config
from meritocrab.core.names import EvaluationState
from meritocrab.demo import village
from meritocrab.demo.world import World
from meritocrab.localapi.client import LocalClient
from tests.e2e.world_of_people import MORNING
from tests.tui.stage import LARGE, staged


async def test_the_village_has_something_of_everything(tmp_path: Path) -> None:
    with living_world(tmp_path):
        async with LocalClient(tmp_path / SOCKET_NAME) as client:
            queue = (await client.evaluations(status=EvaluationState.PENDING)).items
        assert len(queue) >= 8
        assert {item.repository for item in queue} == {"octo/garden", "octo/greenhouse"}
        assert {"pull_request", "comment", "blacklist"} == {item.subject for item in queue}
        assert any(item.flags for item in queue)
        assert any(item.author.login.endswith("[bot]") for item in queue)
        async with staged(tmp_path / SOCKET_NAME, LARGE) as stage:
            await stage.press("2", "a")
            await stage.until(lambda: len(stage.app.board.queue) < len(queue), "a decision")
    assert (tmp_path / "demo.log").read_text() == ""


def test_a_village_that_cannot_start_says_why(tmp_path: Path) -> None:
    (tmp_path / "meritocrab.toml").mkdir()
    with pytest.raises(click.ClickException, match="did not start"), living_world(tmp_path):
        pass


def test_the_village_does_not_overrun_its_own_breaker(tmp_path: Path) -> None:
    config = load_config(_write_config(tmp_path, "http://127.0.0.1:1"), {"STATE_DIRECTORY": str(tmp_path)})
    world = village.build_world(World(MORNING))
    for act in itertools.islice(village.future(), int(3600 / SOMETHING_NEW_SECONDS)):
        act(world)
    busiest = max(len(world.repository(name).threads) for name in village.REPOSITORIES)
    assert busiest < config.base_policy.breaker.closes_per_hour


@pytest.mark.parametrize("way", ["q", "hang up", "SIGTERM"])
def test_nothing_is_left_behind(tmp_path: Path, way: str) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path), "TERM": "xterm-256color"}
    command = [sys.executable, "-m", "meritocrab", "demo", "--tui"]
    child, terminal = pty.fork()
    if child == 0:
        os.execvpe(command[0], command, environment)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    seen = b""
    while b"healthy" not in seen:
        seen += os.read(terminal, 65_536)
    assert [folder.name for folder in tmp_path.iterdir() if folder.name.startswith("meritocrab-demo-")]
    if way == "q":
        os.write(terminal, b"q")
    elif way == "SIGTERM":
        os.kill(child, signal.SIGTERM)
    if way == "hang up":
        os.close(terminal)
    else:
        with contextlib.suppress(OSError):  # how a terminal says that nobody is there any more
            while os.read(terminal, 65_536):
                continue
        os.close(terminal)
    os.waitpid(child, 0)
    assert not list(tmp_path.iterdir())


def test_the_story_is_told_where_there_is_no_terminal() -> None:
    assert _wants_screen(None) is False
    assert _wants_screen(False) is False
    assert _wants_screen(True) is True
