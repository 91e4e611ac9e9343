"""`meritocrab` on a machine whose clock and resolver obey files; everything else about it is the real program.

Started as a script, with the program's arguments. `$DAYS` names a folder: `clock` there holds the seconds by which the
time of day is off, and while there is a `no-names` no name can be resolved. `github.localhost` is this machine. On
SIGUSR1 it writes into `figures` what only the process itself can count. Durations that the daemon spends waiting for
others are shortened.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import signal
import socket
import sys
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import apscheduler.schedulers.base

from meritocrab.cli.main import main
from meritocrab.core import schedule
from meritocrab.daemon import clockwork, loops, poller, processor, relay, service
from meritocrab.github import connection
from meritocrab.github.pace import Pace
from meritocrab.store import engines

FOLDER = Path(os.environ["DAYS"])


class Clock(datetime):
    """The time of day, as far as the daemon and its scheduler are told."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Any:
        """Off by what the file says."""
        off = 0.0
        with contextlib.suppress(OSError, ValueError):
            off = float((FOLDER / "clock").read_text())
        return datetime.now(tz) + timedelta(seconds=off)


def resolve(host: Any, *arguments: Any, **more: Any) -> Any:
    """`socket.getaddrinfo`, where the house has a line."""
    if host in ("github.localhost", b"github.localhost"):
        if (FOLDER / "no-names").exists():
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        host = "127.0.0.1"
    return real_resolve(host, *arguments, **more)


def count(*_: Any) -> None:
    """Write down how many tasks and objects there are."""
    gc.collect()
    figures = {"tasks": len(asyncio.all_tasks()), "objects": len(gc.get_objects())}
    (FOLDER / "figures.new").write_text(json.dumps(figures))
    (FOLDER / "figures.new").rename(FOLDER / "figures")


def hurry() -> None:
    """Shorten the waits for others."""
    soon = timedelta(seconds=0.5)
    loops.AFTER_ERROR = poller.AFTER_LOST_WRITE = processor.SHORTEST_WAIT = relay.LATER = soon
    loops.WATCH_SECONDS = 0.1
    # as many hours pass in a minute, so does what GitHub allows in them
    schedule.POINTS_PER_MINUTE = 10_000_000  # type: ignore[misc]
    connection.Pace = lambda spacing, *_: Pace(spacing, 10**6, 10**6)  # type: ignore[assignment,misc]
    service.SOCKET_SECONDS = service.STATUS_SECONDS = 1  # type: ignore[assignment]
    service.STAMP_SECONDS = clockwork.STAMP_SECONDS = 1.0
    engines.SQLITE_WAIT_SECONDS = 1.0


real_resolve = socket.getaddrinfo

if __name__ == "__main__":
    socket.getaddrinfo = resolve
    apscheduler.schedulers.base.datetime = Clock
    service.datetime = loops.datetime = Clock  # type: ignore[misc]
    hurry()
    signal.signal(signal.SIGUSR1, count)
    main()
