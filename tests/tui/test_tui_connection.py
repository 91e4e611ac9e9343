"""The daemon is away, comes, goes and comes again; the screen says so, keeps what it has, and recovers by itself."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from meritocrab.localapi import protocol as p
from meritocrab.localapi.client import BadAnswer, LocalClient, Lost, NoPermission
from meritocrab.tui.app import MeritocrabApp
from tests.localapi.conftest import Served
from tests.tui.stage import LARGE, fill_queue, staged


async def test_no_daemon_says_what_was_tried_and_how_to_start_one(tmp_path: Path) -> None:
    socket = tmp_path / "nobody.sock"
    async with staged(socket, LARGE, wait=False) as stage:
        await stage.until(lambda: stage.app._view == "no-daemon", "the page")
        for words in (
            "No daemon is running here",
            "nobody.sock",
            "meritocrab run",
            "systemctl start meritocrab",
        ):
            assert words in stage.text
        await stage.press("2")
        assert stage.app._view == "no-daemon"
        await stage.press("question_mark")
        assert "ctrl+r looks at once" in stage.text


async def test_it_begins_when_the_daemon_does(served: Served) -> None:
    await served.api.stop()
    async with staged(LocalClient(served.client.socket), day=served.day, wait=False) as stage:
        await stage.until(lambda: stage.app._view == "no-daemon", "the page")
        await _start_again(served)
        await stage.until(lambda: stage.app._view == "overview", "the overview")
        await stage.until(lambda: "octo/garden" in stage.text, "the repositories")


async def test_the_place_is_kept_while_the_daemon_restarts(served: Served) -> None:
    await fill_queue(served.day, 6)
    async with staged(LocalClient(served.client.socket), day=served.day) as stage:
        await stage.press("2", "down", "down")
        key = stage.rows("queue").current_key
        await served.api.stop()
        await stage.until(lambda: "no daemon" in stage.text, "the banner")
        assert "What you see is old" in " ".join(stage.text.split())
        assert "doubter-2" in stage.text
        await _start_again(served)
        await stage.until(lambda: stage.app.board.link == "live", "the connection")
        await stage.until(lambda: "What you see is old" not in stage.text, "the end of the banner")
        assert stage.rows("queue").current_key == key
        assert "connected to the daemon" in stage.notice
        await stage.press("a")
        await stage.until(lambda: served.day.credit("doubter-2") == 95, "the decision")


async def _start_again(served: Served) -> None:
    """A daemon that starts has a hub of its own."""
    served.day.service.hub.closing = False
    await served.build().start()


async def test_reconnecting_by_hand_needs_no_patience(served: Served) -> None:
    await served.api.stop()
    app = MeritocrabApp(LocalClient(served.client.socket), retry_seconds=600)
    async with app.run_test() as pilot:
        while app._view != "no-daemon":
            await pilot.pause()
            await asyncio.sleep(0.001)
        await _start_again(served)
        await pilot.press("ctrl+r")
        while app.board.health is None:
            await pilot.pause()
            await asyncio.sleep(0.001)


class Locked:
    """A client whose socket is somebody else's, or whose daemon is of another version."""

    def __init__(self, error: Exception) -> None:
        self.error, self.socket = error, Path("/run/meritocrab/meritocrab.sock")

    async def aclose(self) -> None:
        """Nothing to close."""

    async def health(self) -> p.Health:
        raise self.error

    async def events(self, **_: Any) -> Any:
        yield Lost(str(self.error))
        await asyncio.Event().wait()


@pytest.mark.parametrize(
    ("error", "title"),
    [
        (
            NoPermission("it belongs to user meri and group meri. Join that group"),
            "You may not use this daemon's socket",
        ),
        (BadAnswer("the daemon's answer is not understood"), "The daemon speaks another version"),
    ],
)
async def test_other_troubles_have_their_own_words(error: Exception, title: str) -> None:
    client: Any = Locked(error)
    async with staged(client, LARGE, wait=False) as stage:
        await stage.until(lambda: stage.app._view == "no-daemon", "the page")
        assert title in stage.text
        assert str(error)[:40] in stage.text


@pytest.mark.skipif(os.geteuid() == 0, reason="root may use every socket")
async def test_no_permission_for_real(served: Served) -> None:
    served.client.socket.chmod(0)
    async with staged(LocalClient(served.client.socket), LARGE, wait=False) as stage:
        await stage.until(lambda: stage.app._view == "no-daemon", "the page")
        assert "You may not use" in stage.text


async def test_a_fault_in_the_background_is_a_notice(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    async with staged(LocalClient(served.client.socket), day=served.day) as stage:

        async def broken() -> None:
            raise ZeroDivisionError("[bold]oops")

        monkeypatch.setattr(stage.app.client, "repositories", broken)
        stage.app.ask(list(p.Topic))
        await stage.calm()
        assert "ZeroDivisionError('[bold]oops')" in stage.notice
        monkeypatch.undo()
        stage.app.ask(list(p.Topic))
        await stage.calm()
        assert "octo/garden" in stage.text
