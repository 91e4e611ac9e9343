"""The village of the demonstration: it starts in a process of its own, has enough to do, and ends with its parent."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from meritocrab.cli.demo import _wants_screen
from meritocrab.cli.demo_world import SOCKET_NAME, living_world
from meritocrab.core.names import EvaluationState
from meritocrab.localapi.client import LocalClient
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


def test_the_story_is_told_where_there_is_no_terminal() -> None:
    assert _wants_screen(None) is False
    assert _wants_screen(False) is False
    assert _wants_screen(True) is True
