"""The day on which the configuration changes: SIGHUP has it read again, and nothing is lost by it."""

from __future__ import annotations

import os
import pty
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from meritocrab.errors import MeritocrabError
from meritocrab.localapi.views.health import health
from meritocrab.store import repositories
from tests.e2e.house import PATIENCE, House
from tests.e2e.world_of_people import BOT, REPO, TOKEN, Day

OTHER = "octo/orchard"
NEW_TOKEN = "ghp_brandnewtoken12345"


@pytest.fixture
def manager(house: House) -> Iterator[socket.socket]:
    """systemd's end of the notify socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        end.bind(str(house.folder / "notify"))
        end.settimeout(PATIENCE)
        house.environment["NOTIFY_SOCKET"] = str(house.folder / "notify")
        yield end


def told(manager: socket.socket, words: str) -> str:
    """The first message with these words in it."""
    while words not in (message := manager.recv(4096).decode()):
        pass
    return message


def test_a_new_configuration_takes_effect_and_nobody_notices(house: House, manager: socket.socket) -> None:
    house.world.add_repository(OTHER)
    house.world.set_role(OTHER, BOT, "admin")
    house.configure(replace(house.setup, enforcement="observe"))
    house.start()
    house.distrust("newt")
    with house.stream() as lines:
        assert next(lines) == "event: hello"
        both = house.setup.credentials.replace(f'["{REPO}"]', f'["{REPO}", "{OTHER}"]')
        house.configure(replace(house.setup, enforcement="close", credentials=both))
        mark = house.reload()
        house.says("changed: enforcement, github.repositories", mark)
        assert told(manager, "RELOADING=1").startswith("RELOADING=1\nMONOTONIC_USEC=")
        assert told(manager, "READY=1").startswith("READY=1\nSTATUS=GitHub")
        house.says(f"{OTHER}: new -> ok", mark)
        assert any(line == "event: changed" for line in lines)
    assert house.health("healthy")["enforcement"] == "close"
    house.closes(house.world.open_pull(REPO, "newt", "A change", "It helps."))
    house.configure(replace(house.setup, credentials=f'token = "{TOKEN}"\nrepositories = ["{OTHER}"]'))
    house.reload()
    house.wait(lambda: house.health("healthy")["repositories"] == {"ok": 1}, "one is watched")
    assert house.end() == 0
    assert house.log.count("meritocrab is running") == 1
    assert house.books()["ledger"] == [("newt", "opening", 100, 100), ("newt", "override", -80, -80)]


def test_a_broken_one_keeps_the_old_and_is_named_until_it_is_mended(
    house: House, manager: socket.socket
) -> None:
    house.start()
    house.distrust("newt")
    good = house.config.read_text()
    house.config.write_text(good.replace("max_interval = 1", 'max_interval = "never"'))
    line = 1 + house.config.read_text().splitlines().index('max_interval = "never"')
    mark = house.reload()
    house.says(f"the new configuration is refused: {house.config}:{line}: poll.max_interval: expected", mark)
    answer = house.health("degraded", f"{house.config}:{line}: poll.max_interval", "the last good one stays")
    assert answer["enforcement"] == "close"
    assert f"{house.config}:{line}: poll.max_interval" in told(manager, "degraded")
    house.closes(house.world.open_pull(REPO, "newt", "A change", "It helps."))
    house.config.unlink()
    house.environment.pop("NOTIFY_SOCKET")
    house.reload()
    house.health("degraded", "refused", str(house.config))
    house.config.write_text(good)
    house.reload()
    house.health("healthy")
    assert house.end() == 0


def test_what_is_held_open_waits_for_a_restart(house: House) -> None:
    house.configure()
    house.start()
    database = house.database
    house.database = f"sqlite:///{house.folder}/other.db"
    house.configure(**{"[poll]": f'[api]\nsocket = "{house.folder}/other.sock"\n[poll]'})
    mark = house.reload()
    house.says("a restart is needed for changed settings: database.url, api.socket", mark)
    house.health("degraded", "a restart is needed", "database.url, api.socket")
    house.database = database
    house.configure()
    house.reload()
    house.health("healthy")
    assert house.end() == 0
    assert not (house.folder / "other.db").exists()
    assert not (house.folder / "other.sock").exists()


def test_a_new_token_is_taken_from_its_file_and_stays_secret(house: House) -> None:
    token = house.folder / "token"
    token.write_text(TOKEN)
    token.chmod(0o600)
    by_file = f'token_file = "{token}"\nrepositories = ["{REPO}"]'
    house.configure(replace(house.setup, credentials=by_file, tables='[logging]\nlevel = "debug"'))
    house.start()
    house.world.revoke_token(TOKEN)
    house.health("degraded", f"{REPO} (unauthorized)")
    house.world.add_token(NEW_TOKEN, BOT)
    token.write_text(NEW_TOKEN)
    mark = house.reload()
    house.says("changed: github.token", mark)
    house.health("healthy")
    house.world.open_pull(REPO, "nora", "A change", f"By the way: {NEW_TOKEN} and {TOKEN}.")
    house.polls()
    assert house.end() == 0
    assert NEW_TOKEN not in house.log
    assert TOKEN not in house.log


def test_nothing_in_hand_is_lost_or_done_twice(house: House) -> None:
    house.start()
    house.distrust("newt")
    house.world.faults.add("hold", "^POST .*/comments$", seconds=1.5, times=1, when="after")
    number = house.world.open_pull(REPO, "newt", "A change", "It helps.")
    house.wait(lambda: house.said(number), "the comment arrives")
    for _ in range(5):
        house.reload()
        house.command("/credit check @newt")
    house.closes(number)
    house.wait(lambda: len(house.said(house._issue)) == 6, "five answers")
    house.rests()
    assert house.end() == 0
    books = house.books()
    assert {state for _, _, _, state in books["actions"]} == {"delivered"}
    assert {state for _, _, state in books["events"]} <= {"handled", "recorded"}


def test_a_closed_terminal_is_no_reload(house: House) -> None:
    house.configure()
    script = Path(__file__).with_name("days_daemon.py")
    ours, theirs = pty.openpty()
    with (house.folder / "log").open("ab") as log:
        house.process = subprocess.Popen(
            ["setsid", "--ctty", sys.executable, str(script), "--config", str(house.config), "run"],
            env=house.environment,
            stdin=theirs,
            stdout=log,
            stderr=log,
        )
    os.close(theirs)
    house.says("new -> ok")
    mark = house.reload()
    house.says("was read again", mark)
    os.close(ours)
    assert house.process.wait(PATIENCE) == 0
    house.process = None
    assert house.log.count("was read again") == 1
    assert "stopped" in house.log


def test_under_nohup_a_closed_terminal_means_nothing() -> None:
    from meritocrab.daemon.terminal import Terminal

    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert not Terminal.of_this_process().matters
    finally:
        signal.signal(signal.SIGHUP, before)


async def test_a_limit_outlives_a_reload(day: Day) -> None:
    day.world.faults.add("secondary", "^GET ", times=1, retry_after=120)
    day.pull("newt")
    await day.settle()
    accesses, _ = day.service._parts(day.config)
    assert accesses.client("token").blocked_until is None
    accesses.go_on_from(day.service.accesses)
    old, new = day.service.accesses.client("token"), accesses.client("token")
    assert new.blocked_until == old.blocked_until is not None
    assert new.quota == old.quota is not None
    await accesses.aclose()


async def test_what_one_token_was_told_is_nothing_to_another(day: Day) -> None:
    day.world.faults.add("secondary", "^GET ", times=1, retry_after=120)
    day.pull("newt")
    await day.settle()
    other = replace(day.setup, credentials=day.setup.credentials.replace(TOKEN, NEW_TOKEN))
    day.setup = other
    accesses, _ = day.service._parts(day._load())
    accesses.go_on_from(day.service.accesses)
    assert accesses.client("token").blocked_until is None
    await accesses.aclose()


async def test_no_repository_keeps_to_an_interval_of_before(day: Day) -> None:
    await day.store.write(repositories.update, day.row().id, next_poll_at=day.now() + timedelta(hours=1))
    day.service.poller.has_new_pace = True
    await day.service.poller.step()
    assert day.row().next_poll_at == day.now() + timedelta(seconds=1)


@pytest.mark.parametrize("error", [MeritocrabError("the key is none"), RuntimeError("a bug")])
async def test_what_cannot_be_set_up_is_refused_before_anything_ends(
    day: Day, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    def fails(_: object) -> None:
        raise error

    before = (day.service.loops, day.service.accesses, day.service.evaluator)
    monkeypatch.setattr(day.service, "_parts", fails)
    await day.service.reload()
    assert (day.service.loops, day.service.accesses, day.service.evaluator) == before
    assert str(error) in (await health(day.service.api.host)).reasons[0]
    caplog.clear()
