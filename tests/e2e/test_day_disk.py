"""The day on which the disk is full, and the day on which the database is not where it was."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

import pytest

from tests.e2e.house import House
from tests.e2e.world_of_people import REPO

NoRoom = Callable[[], AbstractContextManager[str]]


@pytest.fixture
def no_room(house: House) -> Iterator[NoRoom]:
    """Fills the disk for the length of a block, and says what the daemon should call that.

    The state directory is a small disk of its own where one can be mounted; elsewhere no file may grow any more.
    """
    house.state.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(house.state)]
    try:
        mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        mounted = False
    yield lambda: full(house.state) if mounted else house.files_that_cannot_grow()
    house.kill()
    if mounted:
        subprocess.run(["umount", "--lazy", str(house.state)], check=True)


@contextmanager
def full(disk: Path) -> Iterator[str]:
    """All the room there is is taken."""
    filler = disk / "filler"
    with filler.open("wb") as file, suppress(OSError):
        while True:
            os.write(file.fileno(), bytes(1024))
    yield "cannot grow: the disk is full"
    filler.unlink()


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


def test_a_full_disk_is_said_and_waited_out(house: House, no_room: NoRoom) -> None:
    house.start()
    house.distrust("newt")
    with no_room() as reason:
        number = live_through(house, reason)
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
    house.state.mkdir()
    (house.state / "meritocrab.db.lock").touch()
    house.start(until="meritocrab.db is gone, but what lay beside it is still there")
    assert house.process is not None
    assert house.process.wait(30) == 75
    assert not (house.state / "meritocrab.db").exists()


def test_another_file_in_its_place_is_left_alone(house: House) -> None:
    house.start()
    house.distrust("newt")
    database = house.state / "meritocrab.db"
    before = database.read_bytes()
    shutil.copy(database, house.folder / "copy.db")
    (house.folder / "copy.db").rename(database)
    house.health("unhealthy", "or restart meritocrab to use the one that is there now")
    assert database.read_bytes() == before
    assert house.end() == 0
    assert database.read_bytes() == before
