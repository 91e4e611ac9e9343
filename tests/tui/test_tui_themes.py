"""Dark, light, the terminal's own colours, and none at all: everything can be read; and the mouse."""

from __future__ import annotations

import pytest

from meritocrab.localapi.client import LocalClient
from meritocrab.tui.themes import DARK, LIGHT
from tests.localapi.conftest import Served
from tests.tui.stage import SMALL, Stage, fill_queue, staged


@pytest.mark.parametrize("theme", [DARK, LIGHT, "ansi-dark", "ansi-light", "textual-dark"])
async def test_every_screen_in_every_theme(served: Served, theme: str) -> None:
    await fill_queue(served.day, 2)
    async with staged(LocalClient(served.client.socket), SMALL, served.day) as stage:
        stage.app.theme = theme
        for keys in ("1", "2", "3", "4", "5"):
            await stage.press(keys)
            assert stage.text.strip()
        await stage.press("2")
        assert _style_of(stage, "doubter-0") != _style_of(stage, "doubter-1")


async def test_no_colour(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    await fill_queue(served.day, 2)
    async with staged(LocalClient(served.client.socket), SMALL, served.day) as stage:
        await stage.press("2")
        assert "● healthy" in stage.text
        assert "› " in stage.text
        assert "↓ low 50%" in stage.text


async def test_light_and_dark_by_key(served: Served) -> None:
    async with staged(LocalClient(served.client.socket), SMALL, served.day) as stage:
        assert stage.app.theme == DARK
        await stage.press("ctrl+t")
        assert stage.app.theme == LIGHT
        await stage.press("ctrl+t")
        assert stage.app.theme == DARK


def _style_of(stage: Stage, text: str) -> object:
    """How the part of the screen looks that holds this text."""
    for strip in stage.app.screen._compositor.render_strips():
        for segment in strip:
            if text in segment.text and segment.style is not None:
                return (segment.style.color, segment.style.bgcolor, segment.style.bold, segment.style.reverse)
    raise AssertionError(f"{text} is not on the screen")


async def test_the_mouse_works_and_is_not_needed(served: Served) -> None:
    await fill_queue(served.day, 3)
    async with staged(LocalClient(served.client.socket), SMALL, served.day) as stage:
        lines = stage.text.splitlines()
        await stage.pilot.click("#tabs", offset=(lines[1].index("Review") + 1, 0))
        await stage.until(lambda: "doubter-1" in stage.text, "the queue")
        await stage.pilot.click("#queue", offset=(10, 2))
        await stage.calm()
        assert "Doubtful change 1" in stage.dossier
        keys = stage.text.splitlines()[-1]
        await stage.pilot.click("#keys", offset=(keys.index("spam"), 0))
        await stage.until(lambda: served.day.credit("doubter-1") == 75, "the decision")
        await stage.pilot.click("#keys", offset=(keys.index("help"), 0))
        await stage.until(lambda: "Everywhere" in stage.text or "Here" in stage.text, "the help")
