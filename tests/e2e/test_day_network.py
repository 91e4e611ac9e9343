"""The day on which no name can be resolved, and the day on which nobody finds the daemon's socket."""

from __future__ import annotations

import os
import shutil

import pytest

from tests.e2e.house import House
from tests.e2e.world_of_people import REPO


def by_name(house: House) -> None:
    """Let the daemon look for GitHub by a name."""
    house.api_url = house.github.url.replace("127.0.0.1", "github.localhost")
    house.configure()


def test_without_names_it_starts_and_recovers_alone(house: House) -> None:
    by_name(house)
    (house.folder / "no-names").touch()
    house.start(until="new -> unreachable")
    answer = house.health("degraded", f"{REPO} (unreachable)")
    assert answer["database"]["connected"]
    assert "check network, DNS" in house.ask("/api/repos")["items"][0]["detail"]
    (house.folder / "no-names").unlink()
    house.health("healthy")
    house.world.advance(2)
    house.distrust("newt")
    assert house.end() == 0


def test_when_names_go_nothing_is_held_against_anybody(house: House) -> None:
    by_name(house)
    house.start()
    house.distrust("newt")
    (house.folder / "no-names").touch()
    # connections that are open need no name
    house.world.faults.offline = True
    house.health("degraded", f"{REPO} (unreachable)")
    house.world.faults.offline = False
    closed, open_ = (house.world.open_pull(REPO, who, f"By {who}", "It helps.") for who in ("newt", "nora"))
    mark = len(house.log)
    house.wait(lambda: house.log.count("check network, DNS", mark) >= 2, "it tries again")
    assert house.world.thread(REPO, closed).state == "open"
    (house.folder / "no-names").unlink()
    house.closes(closed)
    house.rests()
    assert house.world.thread(REPO, open_).state == "open"
    assert house.end() == 0
    assert [row for row in house.books()["ledger"] if row[0] == "nora"] == [("nora", "opening", 100, 100)]


def test_a_missing_socket_directory_is_made_and_made_again(house: House) -> None:
    house.socket = house.folder / "run" / "here" / "api.sock"
    house.configure(**{"[poll]": f'[api]\nsocket = "{house.socket}"\n[poll]'})
    house.start()
    assert house.socket.parent.stat().st_mode & 0o777 == 0o750
    house.distrust("newt")
    mark = len(house.log)
    shutil.rmtree(house.folder / "run")
    house.says("it is there again", mark)
    house.health("healthy")
    assert house.socket.stat().st_mode & 0o777 == 0o660
    shutil.rmtree(house.folder / "run")
    (house.folder / "run").touch()  # where the directory belongs there is a file now
    house.says("cannot listen at", mark)
    house.closes(house.world.open_pull(REPO, "newt", "A change", "It helps."))
    (house.folder / "run").unlink()
    house.health("healthy")
    assert house.end() == 0
    assert not house.socket.exists()


@pytest.mark.skipif(
    not os.access("/proc", os.X_OK), reason="there is no /proc where nobody may make a directory"
)
def test_a_directory_that_nobody_may_make_is_a_clear_error(house: House) -> None:
    house.configure(**{"[poll]": '[api]\nsocket = "/proc/nowhere/api.sock"\n[poll]'})
    house.start(until="set `[api] socket` to another place")
    assert house.process is not None
    assert house.process.wait(30) == 1
    assert "cannot listen at /proc/nowhere/api.sock: No such file or directory" in house.log
    assert "Traceback" not in house.log
