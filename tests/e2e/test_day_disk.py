"""The day on which the disk is full, and the day on which the database is not where it was."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.house import House
from tests.e2e.world_of_people import REPO


@pytest.fixture
def small_disk(house: House) -> Iterator[Path]:
    """The state directory on a disk of its own, of three megabytes."""
    house.state.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(house.state)]
    mounted = (
        subprocess.run(command, capture_output=True, text=True, check=False)
        if shutil.which("mount")
        else None
    )
    if mounted is None or mounted.returncode != 0:
        pytest.skip(
            f"a small disk cannot be mounted here: {mounted.stderr.strip() if mounted else 'no mount'}"
        )
    yield house.state
    house.kill()
    subprocess.run(["umount", "--lazy", str(house.state)], check=True)


def fill(disk: Path) -> Path:
    """Take all the room there is."""
    filler = disk / "filler"
    with filler.open("wb") as file:
        while True:
            try:
                os.write(file.fileno(), bytes(1024))
            except OSError:
                return filler


def live_through(house: House, *reason: str) -> int:
    """A pull request that is to be closed comes while nothing can be written; returns its number."""
    mark = house.world.mark()
    number = house.world.open_pull(REPO, "newt", "A change", "It helps. " * 5_000)
    house.health("unhealthy", *reason)
    assert house.world.requests_since(mark, method="POST") == []
    assert house.world.thread(REPO, number).state == "open"
    return number


def asks_little(house: House) -> None:
    """While nothing can be written, GitHub is not asked in vain."""
    house.health("unhealthy")
    mark = house.world.mark()
    for _ in range(20):
        assert house.ask()["status"] == "unhealthy"
    assert house.world.count(mark) <= 4


def test_a_full_disk_is_said_and_waited_out(house: House, small_disk: Path) -> None:
    house.start()
    house.distrust("newt")
    filler = fill(small_disk)
    number = live_through(house, "cannot grow: the disk is full")
    asks_little(house)
    filler.unlink()
    house.closes(number)
    house.health("healthy")
    assert house.end() == 0
    assert house.books()["ledger"] == [("newt", "opening", 100, 100), ("newt", "override", -80, -80)]


def test_so_is_a_limit_on_the_size_of_files(house: House) -> None:
    house.start()
    house.distrust("newt")
    with house.no_room():
        number = live_through(house, "the disk reports an error")
        asks_little(house)
    house.closes(number)
    house.health("healthy")
    assert house.end() == 0
    assert house.books()["ledger"] == [("newt", "opening", 100, 100), ("newt", "override", -80, -80)]


def test_a_database_that_is_moved_away_is_never_replaced_by_an_empty_one(house: House) -> None:
    house.start()
    house.distrust("newt")
    away = house.folder / "away"
    away.mkdir()
    database, moved = house.state / "meritocrab.db", away / "meritocrab.db"
    database.rename(moved)
    number = live_through(house, "was moved, deleted or replaced while it was open")
    assert not database.exists()
    moved.rename(database)
    house.closes(number)
    house.health("healthy")
    assert house.end() == 0
    assert house.books()["ledger"] == [("newt", "opening", 100, 100), ("newt", "override", -80, -80)]


def test_nor_at_the_next_start(house: House) -> None:
    house.start()
    assert house.end() == 0
    database, moved = house.state / "meritocrab.db", house.folder / "moved.db"
    database.rename(moved)
    house.start(until="is gone, but what lay beside it is still there")
    assert house.process is not None
    assert house.process.wait(30) == 75
    assert not database.exists()
    moved.rename(database)
    house.start(until="meritocrab is running")
    assert house.end() == 0


def test_another_file_in_its_place_is_left_alone_until_a_restart(house: House) -> None:
    house.start()
    house.distrust("newt")
    database = house.state / "meritocrab.db"
    before = database.read_bytes()
    shutil.copy(database, house.folder / "copy.db")
    (house.folder / "copy.db").rename(database)
    house.health("unhealthy", "or restart meritocrab to use the one that is there now")
    assert database.read_bytes() == before
    assert house.end() == 0
    house.start(until="meritocrab is running")
    house.health("healthy")
    assert house.end() == 0
