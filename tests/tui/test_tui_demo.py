"""The village of the demonstration: it starts in a process of its own, has enough to do, and ends with its parent."""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import os
import pty
import signal
import struct
import subprocess
import sys
import tempfile
import termios
from collections.abc import Iterator
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


@pytest.fixture
def short_path() -> Iterator[Path]:
    """A folder whose path leaves room for that of a socket, as pytest's own does not always."""
    with tempfile.TemporaryDirectory(prefix="mc-") as folder:
        yield Path(folder)


@pytest.mark.parametrize("way", ["q", "hang up", "SIGTERM"])
def test_nothing_is_left_behind(short_path: Path, way: str) -> None:
    environment = {**os.environ, "TMPDIR": str(short_path), "TERM": "xterm-256color"}
    command = [sys.executable, "-m", "meritocrab", "demo", "--tui"]
    child, terminal = pty.fork()
    if child == 0:
        os.execvpe(command[0], command, environment)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    seen = b""
    while b"healthy" not in seen:
        seen += os.read(terminal, 65_536)
    assert [folder.name for folder in short_path.iterdir() if folder.name.startswith("meritocrab-demo-")]
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
    assert not list(short_path.iterdir())


def test_a_world_that_cannot_begin_says_why(tmp_path: Path) -> None:
    far = tmp_path / ("x" * 60) / ("y" * 60)
    far.mkdir(parents=True)
    environment = {**os.environ, "TMPDIR": str(far)}
    command = [sys.executable, "-m", "meritocrab", "demo", "--tui"]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 1
    assert "the demonstration did not start: " in ended.stderr
    assert "the path of the socket is longer than" in ended.stderr
    assert not list(far.iterdir())


def test_the_story_is_told_where_there_is_no_terminal() -> None:
    assert _wants_screen(None) is False
    assert _wants_screen(False) is False
    assert _wants_screen(True) is True
