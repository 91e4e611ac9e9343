"""`python -m tests.tui.pictures`: draw the pictures of the documentation anew; they are always the same."""

from __future__ import annotations

import asyncio
import os
import re
import sys
import tempfile
import time
from pathlib import Path

from meritocrab.demo import village
from meritocrab.demo.github import SimulatedGitHub
from meritocrab.demo.world import World
from meritocrab.localapi.client import LocalClient
from tests.e2e.world_of_people import MORNING, Day, Setup
from tests.localapi.conftest import Served
from tests.tui.pictures.scenes import FOR_THE_README, SCENES
from tests.tui.stage import CONFIRM, CREDENTIALS, live_through_the_past, staged

SIZE = (112, 30)
FOLDER = Path(__file__).parent
FETCHED_FONTS = re.compile(r"\s*@font-face \{[^}]*\}")
"""Pictures fetch nothing; where the font is missing, another one of equal width is there."""


async def draw(folder: Path) -> None:
    """Live through the two days, and take one picture after the other."""
    with SimulatedGitHub(village.build_world(World(MORNING))) as github:
        day = Day(github, folder, Setup(credentials=CREDENTIALS, tables=CONFIRM))
        await live_through_the_past(day)
        served = Served(day)
        await served.build().start()
        for scene in SCENES:
            if scene.name in FOR_THE_README:
                async with staged(LocalClient(served.client.socket), SIZE, day) as stage:
                    await stage.press(*scene.keys)
                    file = FOLDER / f"{scene.name}.svg"
                    drawn = stage.app.export_screenshot(title="meritocrab tui")
                    file.write_text(FETCHED_FONTS.sub("", drawn))
                    sys.stdout.write(f"{file.name}: {file.stat().st_size // 1024} kB\n")
        await served.close()
        await day.close()


if __name__ == "__main__":
    os.environ["TZ"] = "UTC"
    time.tzset()
    with tempfile.TemporaryDirectory(prefix="mc-pictures-") as temporary:
        asyncio.run(draw(Path(temporary)))
