"""`meritocrab queue` as a process, before a daemon whose day is moved by hand: one item of every kind."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

from tests.e2e.conftest import MakeDay, day, github, make_day, world
from tests.localapi.conftest import Serve, serve, served

__all__ = ["day", "github", "make_day", "serve", "served", "world"]


async def run(path: Path, *arguments: str) -> tuple[int, str, str]:
    """Exit status, output and errors of the real program."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "meritocrab", *arguments, "--socket", str(path)),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    out, errors = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), errors.decode()


async def test_a_blacklist_proposal_is_shown_with_its_two_ways(make_day: MakeDay, serve: Serve) -> None:
    day = make_day(tables='[blacklist]\nautomatic = "confirm"\n')
    await day.begin()
    await day.give_credit("newt", 20)
    await day.operate("adjust", "newt", delta=-20)
    path = (await serve(day)).api.path
    _, out, _ = await run(path, "queue", "show", "1")
    first, when, by, *rest = out.splitlines()
    assert first == "1: blacklist proposal octo/garden, pending (credit fell to the blacklist threshold)"
    assert when.startswith("2026-03-02 ")
    assert by.startswith("by @newt ")
    assert rest[:4] == [
        "",
        "approve       +0 -> 0; blacklists; below the threshold",
        "acceptable    leaves it as it is",
        "",
    ]
    status, _, errors = await run(path, "queue", "override", "1", "--class", "spam")
    assert (status, "approve it to blacklist" in errors) == (3, True)
    assert (await run(path, "queue", "override", "1", "--class", "acceptable", "--reason", "a joke"))[0] == 0
    _, out, _ = await run(path, "queue", "show", "1")
    assert "Z: a joke" in out
    assert "approve  " not in out
    assert "acceptable  " not in out
