"""What the tests of `sync` and of real history share: configurations, the real command line, what is left."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import tarfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from meritocrab.demo.faults import ConnectionCutError
from meritocrab.demo.github import SimulatedGitHub
from meritocrab.demo.history import HistoryPlayer
from meritocrab.demo.world import World

ROOT = Path(__file__).resolve().parents[2]
ARCHIVE = Path(os.environ.get("MERITOCRAB_HISTORY", ROOT / "../shared/data/github-history.tar.xz"))
NO_ARCHIVE = f"no history at {ARCHIVE} (MERITOCRAB_HISTORY)"
TOKEN = "ghp_reader0123456789"

Json = dict[str, Any]


@dataclass(frozen=True)
class Command:
    """What a run of the command line left: its exit status and its two streams."""

    status: int
    out: str
    err: str

    @property
    def result(self) -> Json:
        """Standard output, read as one JSON object."""
        found: Json = json.loads(self.out)
        return found


@dataclass(frozen=True)
class Installation:
    """A configuration file and a database of its own, in one folder."""

    folder: Path

    @property
    def config(self) -> Path:
        return self.folder / "meritocrab.toml"

    @property
    def database(self) -> Path:
        return self.folder / "meritocrab.db"

    def configure(
        self, github: SimulatedGitHub, repositories: list[str], *, token: str | None = TOKEN, extra: str = ""
    ) -> Installation:
        """Write the configuration; `extra` are further tables."""
        self.folder.mkdir(parents=True, exist_ok=True)
        credential = "" if token is None else f'token = "{token}"\n'
        self.config.write_text(
            f'[github]\napi_url = "{github.url}"\n{credential}repositories = {json.dumps(repositories)}\n'
            f'[database]\nurl = "sqlite:///{self.database}"\n{extra}'
        )
        return self

    def environment(self) -> dict[str, str]:
        return {**os.environ, "STATE_DIRECTORY": str(self.folder), "PYTHONPATH": str(ROOT)}

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """The real command line, in a process of its own."""
        command = [sys.executable, "-m", "meritocrab", *arguments, "--config", str(self.config)]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=self.environment())

    def run(self, *arguments: str, timeout: float = 300) -> Command:
        """The real command line, to its end."""
        process = self.start(*arguments)
        try:
            out, err = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        return Command(process.returncode, out, err)

    def export(self, what: str) -> list[Json]:
        """The rows that `meritocrab export` writes."""
        done = self.run("export", what)
        assert done.status == 0, done.err
        return [json.loads(line) for line in done.out.splitlines()]

    def left_behind(self) -> LeftBehind:
        """Events, ledger and balances, without what differs between two runs: our own ids and times."""
        with closing(sqlite3.connect(self.database)) as database:
            return LeftBehind(
                events=Counter(database.execute("SELECT key, state FROM events")),
                ledger=Counter(database.execute("SELECT key, requested, applied FROM ledger")),
                balances=dict(database.execute("SELECT account_id, credit FROM contributors")),
            )


@dataclass(frozen=True)
class LeftBehind:
    """What a run left in the database."""

    events: Counter[tuple[str, str]]
    ledger: Counter[tuple[str, int, int]]
    balances: dict[int, int]

    @property
    def requested(self) -> Counter[tuple[str, int]]:
        """The ledger by key and wanted points."""
        return Counter((key, requested) for key, requested, _ in self.ledger.elements())


def kill_at(world: World, installation: Installation, request: int, *arguments: str) -> None:
    """Start the command and kill it the moment it sends its n-th request, before it is answered."""
    process = installation.start(*arguments)
    first = world.mark()

    def strike(method: str, path: str, number: int) -> None:
        if world.mark() - first + 1 >= request and process.poll() is None:
            process.send_signal(signal.SIGKILL)
            process.wait()
            raise ConnectionCutError

    world.before_request = strike
    try:
        _, err = process.communicate(timeout=300)
    finally:
        world.before_request = None
    assert process.returncode == -signal.SIGKILL, err


def kill_when(installation: Installation, ready: Callable[[], bool], *arguments: str) -> None:
    """Start the command and kill it as soon as `ready`."""
    process = installation.start(*arguments)
    try:
        await_true(lambda: ready() or process.poll() is not None)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == -signal.SIGKILL, "it ended before it could be killed"


def await_true(check: Callable[[], bool], seconds: float = 180) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


# ---- the repository of the archive ----------------------------------------------------------------

REPO = "octo/crab"
ROLES = ("admin", "maintain", "write", "triage")
DAY = timedelta(days=1)


def new_world(records: list[Json], player: HistoryPlayer, start: datetime) -> World:
    """The repository before its first issue, and some of the later people with a role already."""
    world = World(start)
    world.rate_limit = 10**6
    player.advance(world, to=player.first_at - DAY)
    for person, role in zip(busiest_reviewers(records, len(ROLES)), ROLES, strict=True):
        world.import_account(person["id"], person["login"], person["type"], person["node_id"])
        world.set_role(REPO, person["login"], role)
    world.set_role(REPO, "keeper", "admin")
    world.add_token(TOKEN, "keeper")
    return world


def sync(installation: Installation) -> Json:
    done = installation.run("sync", REPO, "--json", "--quiet")
    assert done.status == 0, done.err
    return done.result


def kinds_of(events: list[Json]) -> Counter[str]:
    on = {True: " on pull", False: " on issue", None: ""}
    return Counter(row["kind"] + on[row["on_pull_request"]] for row in events)


# ---- the archive, read without the program's help -------------------------------------------------


def read_archive() -> list[Json]:
    """The records of the archive."""
    with tarfile.open(ARCHIVE) as tar:
        return list(_records(tar))


def _records(tar: tarfile.TarFile) -> Iterator[Json]:
    for member in tar:
        parts = Path(member.name).parts
        if len(parts) >= 2 and parts[-2] in ("issues", "pulls") and member.name.endswith(".json"):
            file = tar.extractfile(member)
            assert file is not None
            yield json.load(file)


def expected_events(records: list[Json], until: datetime) -> Counter[str]:
    """How many events of each kind there must be for what happened by `until`."""
    counts: Counter[str] = Counter()
    for record in records:
        kind = record["type"]
        thing = record[kind]
        if _at(thing["created_at"]) > until:
            continue
        if kind == "pull":
            counts["pull_request_opened"] += 1
            counts["pull_request_merged"] += _happened(thing.get("merged_at"), until)
        for entry in record["events"]:
            if entry["event"] == "commented" and _at(entry["created_at"]) <= until:
                counts[f"comment_created on {kind}"] += 1
            if kind == "pull" and entry["event"] == "reviewed" and _is_submitted(entry, until):
                counts["review_submitted"] += 1
    return counts


def _is_submitted(review: Json, until: datetime) -> bool:
    return review["state"].upper() != "PENDING" and _happened(review.get("submitted_at"), until)


def _happened(at: str | None, until: datetime) -> bool:
    return at is not None and _at(at) <= until


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def busiest_reviewers(records: list[Json], count: int) -> list[Json]:
    """The people who reviewed most, as the archive shows them."""
    people: dict[int, Json] = {}
    reviews: Counter[int] = Counter()
    for record in records:
        for entry in record["events"]:
            user = entry.get("user")
            if entry["event"] == "reviewed" and user and user.get("type") == "User":
                people[user["id"]] = user
                reviews[user["id"]] += 1
    return [people[account_id] for account_id, _ in reviews.most_common(count)]
