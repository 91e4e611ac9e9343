"""Every screen as plain text, small and large. `REDRAW=1` rewrites the pictures: look at them before you keep them."""

from __future__ import annotations

import difflib
import os
import re
from pathlib import Path

import pytest

from meritocrab import __version__
from meritocrab.localapi.client import LocalClient
from tests.localapi.conftest import Served
from tests.tui.pictures.scenes import SCENES
from tests.tui.stage import LARGE, SMALL, staged

FOLDER = Path(__file__).parent / "pictures"


async def test_every_screen_looks_as_it_did(village_served: Served) -> None:
    differences = []
    for size in (SMALL, LARGE):
        for scene in SCENES:
            async with staged(LocalClient(village_served.client.socket), size, village_served.day) as stage:
                await stage.press(*scene.keys)
                differences += _compared(f"{scene.name}-{size[0]}x{size[1]}", _stable(stage.text))
    assert not differences, "\n".join(differences)


async def test_no_daemon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    differences = []
    for size in (SMALL, LARGE):
        async with staged(Path("no.sock"), size, wait=False) as stage:
            await stage.until(lambda: stage.app._view == "no-daemon", "the page")
            differences += _compared(f"no-daemon-{size[0]}x{size[1]}", stage.text)
    assert not differences, "\n".join(differences)


def _stable(text: str) -> str:
    """The same for every version of the program, and however often it asks GitHub."""
    text = re.sub(r"\d,\d{3}(?=(/| of )5,000)", "4,9xx", text)
    return text.replace(__version__, "x.y.z".ljust(len(__version__)))


def _compared(name: str, text: str) -> list[str]:
    file = FOLDER / f"{name}.txt"
    if os.environ.get("REDRAW"):
        file.write_text(text)
        return []
    before = file.read_text() if file.exists() else ""
    if text == before:
        return []
    return [
        *difflib.unified_diff(
            before.splitlines(), text.splitlines(), f"{name} as it was", f"{name} now", lineterm=""
        ),
        "(REDRAW=1 rewrites the pictures)",
    ]
