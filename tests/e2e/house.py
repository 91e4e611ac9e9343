"""A house with a home server: the real daemon in a process of its own, and everything around it that may fail."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from meritocrab.core.comments import has_any_marker
from meritocrab.demo.github import SimulatedGitHub
from meritocrab.demo.world import World
from meritocrab.store import ledger
from meritocrab.store.database import Store
from meritocrab.store.models import AccountRow, EventRow, LedgerRow, OutboxRow
from tests.e2e.world_of_people import REPO, Setup

PATIENCE = 90
"""Seconds after which something that should have happened never will."""


class House:
    """The daemon with its files; `database` is a URL, empty for a SQLite file in the state directory."""

    def __init__(self, folder: Path, github: SimulatedGitHub, database: str = "") -> None:
        self.folder, self.github = folder, github
        self.state = folder / "state"
        self.config = folder / "meritocrab.toml"
        self.database = database or f"sqlite:///{self.state}/meritocrab.db"
        self.socket = self.state / "meritocrab.sock"
        self.setup, self.api_url = Setup(), github.url
        self.environment = {"HOME": str(folder), "PATH": os.environ["PATH"], "DAYS": str(folder)}
        self.environment["STATE_DIRECTORY"] = str(self.state)
        self.process: subprocess.Popen[bytes] | None = None
        self._issue = 0

    @property
    def world(self) -> World:
        """GitHub as it is."""
        return self.github.world

    @property
    def log(self) -> str:
        """Everything that the daemons of this house said."""
        path = self.folder / "log"
        return path.read_text() if path.exists() else ""

    # ---- the daemon

    def configure(self, setup: Setup | None = None, **changes: str) -> None:
        """Write the configuration; `changes` are texts to be replaced in it, as `{"old": "new"}`."""
        self.setup = setup or self.setup
        text = self.setup.text(self.api_url, self.database).replace("interval = 600", "interval = 2")
        for old, new in changes.items():
            assert old in text
            text = text.replace(old, new)
        self.config.write_text(text)
        self.config.chmod(0o600)

    def start(self, *, until: str = "new -> ok") -> None:
        """Start the daemon and wait for words in its log."""
        if not self.config.exists():
            self.configure()
        mark = len(self.log)
        script = Path(__file__).with_name("days_daemon.py")
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(script), "--config", str(self.config), "run"],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self.says(until, mark)
        self.world.advance(2)  # what bears the baseline's own second is history

    def reload(self) -> int:
        """Send SIGHUP; returns where in the log its story begins."""
        mark = len(self.log)
        assert self.process is not None
        self.process.send_signal(signal.SIGHUP)
        return mark

    def end(self) -> int:
        """Stop the daemon, or learn how it ended; nothing may have failed by its own fault."""
        assert self.process is not None
        self.process.terminate()
        status = self.process.wait(PATIENCE)
        self.process = None
        assert "Traceback" not in self.log, self.log
        return status

    def kill(self) -> None:
        """Whatever happens, leave no process behind."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(PATIENCE)

    @contextlib.contextmanager
    def files_that_cannot_grow(self) -> Iterator[str]:
        """No file of the daemon may grow beyond what the largest of its database holds now."""
        assert self.process is not None
        largest = max(path.stat().st_size for path in self.state.glob("meritocrab.db*"))
        _, hard = resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE, (largest, hard))
        yield "the disk reports an error"
        resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE, (hard, hard))

    def set_clock(self, seconds: float) -> None:
        """Let the time of day be off by so much."""
        new = self.folder / "clock.new"
        new.write_text(str(seconds))
        new.rename(self.folder / "clock")

    def figures(self) -> dict[str, int]:
        """What the daemon holds now: `memory` (kilobytes), `descriptors`, `threads`, `tasks` and `objects`."""
        assert self.process is not None
        told = self.folder / "figures"
        told.unlink(missing_ok=True)
        self.process.send_signal(signal.SIGUSR1)
        self.wait(told.exists, "the daemon counts")
        proc = Path("/proc", str(self.process.pid))
        lines = (line.split() for line in (proc / "status").read_text().splitlines())
        status = {line[0]: line[1] for line in lines if len(line) > 1}
        return {
            "memory": int(status["VmRSS:"]),
            "threads": int(status["Threads:"]),
            "descriptors": len(os.listdir(proc / "fd")),
            **json.loads(told.read_text()),
        }

    # ---- waiting

    def wait(self, condition: Callable[[], Any], what: str) -> Any:
        """Wait until this is so."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if found := condition():
                return found
            if self.process is not None and self.process.poll() is not None:
                pytest.fail(f"the daemon ended with {self.process.returncode} before {what}:\n{self.log}")
            time.sleep(0.05)
        return pytest.fail(f"in vain: {what}:\n{self.log[-6000:]}")

    def says(self, words: str, mark: int = 0) -> None:
        """Wait until these words stand in the log."""
        self.wait(lambda: words in self.log[mark:], f"the log says {words!r}")

    def polls(self, times: int = 2) -> None:
        """Wait until GitHub has been asked for the issues so many times more, with success."""
        mark = self.world.mark()

        def answered() -> int:
            return self.world.count(mark, path=f"{REPO}/issues") - self.world.count(
                mark, path=f"{REPO}/issues/"
            )

        self.wait(lambda: answered() >= times, f"{times} polls")

    def ask(self, path: str = "/health") -> Any:
        """What the local API answers; None when nobody does."""
        try:
            with httpx2.Client(transport=httpx2.HTTPTransport(uds=str(self.socket)), timeout=30) as client:
                return client.get(f"http://localhost{path}").json()
        except httpx2.HTTPError:
            return None

    @contextlib.contextmanager
    def stream(self) -> Iterator[Iterator[str]]:
        """The lines of an open stream of changes."""
        with (
            httpx2.Client(transport=httpx2.HTTPTransport(uds=str(self.socket)), timeout=PATIENCE) as client,
            client.stream("GET", "http://localhost/api/stream") as answer,
        ):
            yield answer.iter_lines()

    def health(self, status: str, *words: str) -> dict[str, Any]:
        """Wait until the daemon is so, with these words among the reasons."""

        def told() -> Any:
            answer = self.ask()
            reasons = " ".join(answer["reasons"]) if answer else ""
            return (
                answer if answer and answer["status"] == status and all(w in reasons for w in words) else None
            )

        return dict(self.wait(told, f"the daemon is {status} because of {words}"))

    def rests(self) -> None:
        """Wait until nothing waits to be handled or delivered, also of what the last polls brought."""

        def idle() -> bool:
            queues = self.health("healthy")["queues"]
            return not queues["events_waiting"] and not queues["outbox_scheduled"]

        self.wait(idle, "nothing is left to do")
        self.polls()
        self.wait(idle, "nothing is left to do of what came meanwhile")

    # ---- people

    def command(self, text: str) -> None:
        """A maintainer writes this where everybody talks."""
        if not self._issue:
            self._issue = self.world.open_issue(REPO, "ada", "Orders")
        self.world.comment(REPO, self._issue, "ada", text)

    def distrust(self, login: str) -> None:
        """Bring somebody to a credit of 20, and wait for the answer that says so."""
        said = len(self.said(self._issue))
        self.command(f'/credit override @{login} -80 "noise"\n/credit check @{login}')
        self.wait(lambda: self._issue and len(self.said(self._issue)) > said, f"{login} has 20")

    def said(self, number: int) -> list[str]:
        """What the daemon wrote into a thread."""
        if not number:
            return []
        return [c.body for c in self.world.comments(REPO, number) if c.body and has_any_marker(c.body)]

    def closes(self, number: int) -> None:
        """Wait until the daemon has closed this pull request, with one comment."""
        self.wait(lambda: self.world.thread(REPO, number).state == "closed", f"#{number} is closed")
        assert len(self.said(number)) == 1

    # ---- looking back

    def books(self) -> dict[str, Any]:
        """What is to be the same however the day went; the ledger must add up, and nothing was said twice."""
        for number in self.world.repository(REPO).threads:
            assert len(self.said(number)) == len(set(self.said(number)))
        store = Store.open(self.database, create=False)
        try:
            assert store.read_now(ledger.verify).problems == ()
            return store.read_now(_books)
        finally:
            store.close_now()


def _books() -> dict[str, Any]:
    logins = {row.id: row.login for row in AccountRow.select()}
    return {
        "ledger": sorted(
            (logins[row.account_id], row.reason, row.requested, row.applied) for row in LedgerRow.select()
        ),
        "actions": sorted((row.number, row.kind, row.basis, row.state) for row in OutboxRow.select()),
        "events": sorted((row.kind, row.number or 0, row.state) for row in EventRow.select()),
    }
