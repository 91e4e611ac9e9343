"""Tells the service manager how the daemon is: ready, what it does, alive, about to end (sd_notify(3)).

Without `$NOTIFY_SOCKET` nothing is sent, so the daemon is the same program in a terminal and in a container.
"""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass

from meritocrab.core.names import SOUND, RepositoryState
from meritocrab.localapi.protocol import Health, HealthStatus
from meritocrab.logs import escaped

log = logging.getLogger("meritocrab.daemon")

READY, STOPPING, WATCHDOG = "READY=1", "STOPPING=1", "WATCHDOG=1"
LONGEST_STATUS = 400
"""Characters of a status line; `systemctl status` shows one line."""


@dataclass(frozen=True, slots=True)
class Manager:
    """The service manager that started us, if one did.

    Attributes:
        address: its socket, a path or `@` and an abstract name; None when nobody wants to be told.
        watchdog_seconds: how long we may be silent before we are killed; None without a watchdog.
    """

    address: str | None = None
    watchdog_seconds: float | None = None

    @classmethod
    def of(cls, environ: Mapping[str, str], pid: int) -> Manager:
        """As the environment of the process `pid` says."""
        address = environ.get("NOTIFY_SOCKET", "")
        if not address.startswith(("/", "@")):
            return cls()
        return cls(address, _watchdog_seconds(environ, pid))

    @classmethod
    def of_this_process(cls) -> Manager:
        """Whoever started us."""
        return cls.of(os.environ, os.getpid())

    def tell(self, *facts: str) -> None:
        """Send facts such as `READY`, one per argument, without waiting; a failure is logged and no more."""
        if self.address is None:
            return
        name = "\0" + self.address[1:] if self.address.startswith("@") else self.address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                sender.setblocking(False)
                sender.sendto("\n".join(facts).encode(), name)
        except OSError as error:
            log.warning("systemd could not be told %s: %s", facts[0], error.strerror or error)


def _watchdog_seconds(environ: Mapping[str, str], pid: int) -> float | None:
    microseconds = environ.get("WATCHDOG_USEC", "")
    meant = environ.get("WATCHDOG_PID", str(pid)) == str(pid)
    if not meant or not microseconds.isascii() or not microseconds.isdigit() or int(microseconds) == 0:
        return None
    return int(microseconds) / 1_000_000


def reloading_fact() -> str:
    """That the configuration is being read again, and since when; `READY` ends it."""
    return f"RELOADING=1\nMONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}"


def status_fact(health: Health) -> str:
    """`STATUS=` and one line for `systemctl status`: how GitHub is, what waits, what is wrong."""
    parts = [_github(health.repositories)] if health.database.connected else []
    if health.queues.review:
        parts.append(f"{health.queues.review} to review")
    if health.status is not HealthStatus.HEALTHY:
        parts.append(f"{health.status}: {', '.join(health.reasons)}")
    return f"STATUS={escaped('; '.join(parts))[:LONGEST_STATUS]}"


def _github(repositories: Mapping[str, int]) -> str:
    """How GitHub is, by the states of the watched repositories."""
    total = sum(repositories.values())
    if not total:
        return "GitHub: no repository is watched yet"
    named = "1 repository" if total == 1 else f"{total} repositories"
    if repositories.get(RepositoryState.NEW, 0) == total:
        return f"GitHub was not asked yet about {named}"
    if all(state in SOUND for state in repositories):
        return f"GitHub answers for {named}"
    counts = ", ".join(f"{count} {state}" for state, count in sorted(repositories.items()))
    return f"GitHub: {counts}"
