"""The daemon as systemd's child: what it tells its manager, as a real process on a real notify socket."""

from __future__ import annotations

import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from meritocrab.demo.world import World
from tests.e2e.test_program import PATIENCE, Program, github, program, world

__all__ = ["github", "program", "world"]


@pytest.fixture
def manager(tmp_path: Path, program: Program) -> Iterator[socket.socket]:
    """systemd's end of the socket; the program is told of it, with a watchdog of two seconds."""
    address = str(tmp_path / "notify")
    program.environment |= {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "2000000"}
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        end.bind(address)
        end.settimeout(PATIENCE)
        yield end


def wait_until_told(manager: socket.socket, *words: str) -> str:
    """The first message that holds all of these words."""
    while True:
        told = manager.recv(4096).decode()
        if all(each in told for each in words):
            return told


def end(daemon: subprocess.Popen[str]) -> str:
    """Stop it, and return its log."""
    daemon.send_signal(signal.SIGTERM)
    _, log = daemon.communicate(timeout=PATIENCE)
    assert daemon.returncode == 0
    return log


def test_it_is_ready_then_alive_then_stopping(program: Program, manager: socket.socket) -> None:
    daemon = program.start("run")
    first = manager.recv(4096).decode()
    assert first.startswith("READY=1\nSTATUS=GitHub")
    wait_until_told(manager, "WATCHDOG=1")
    end(daemon)
    assert wait_until_told(manager, "STOPPING=1").endswith("STATUS=finishing what is in hand")


def test_an_outage_of_github_is_a_status_and_no_restart(
    program: Program, manager: socket.socket, world: World
) -> None:
    world.faults.add("status", status=503)
    daemon = program.start("run")
    wait_until_told(manager, "READY=1")
    told = wait_until_told(manager, "STATUS=", "degraded")
    assert "GitHub: 1 github_error" in told
    assert "octo/garden (GitHub error)" in told
    wait_until_told(manager, "WATCHDOG=1")
    assert daemon.poll() is None
    end(daemon)


def test_a_broken_configuration_is_never_ready(program: Program, manager: socket.socket) -> None:
    program.config.write_text("[github]\nrepositories = 7\n")
    assert program.run("run").returncode == 78
    manager.setblocking(False)
    with pytest.raises(BlockingIOError):
        manager.recv(4096)
