"""Where the daemon can die: after each commit and before some, around each write and question, after each read.

A point is a place, a label that says what was going on there, and how often this label was passed at this place
during the whole trajectory, restarts included. Each write is a point of its own; of what only repeats itself, such
as polls of an idle repository, the repetitions are not told apart.
"""

from __future__ import annotations

import functools
import os
import re
import signal
import threading
import zlib
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from meritocrab.github.connection import Connection
from meritocrab.store.database import Store
from meritocrab.store.models import EvaluationRow, EventRow, OutboxRow, Table
from tests.e2e.crash_world import without_own_ids

BEFORE_COMMIT, AFTER_COMMIT = "before the commit of", "after the commit of"
BEFORE_REQUEST, AFTER_RESPONSE = "before the request", "after the response to"
BEFORE_ASKING, AFTER_ASKING = "before the model is asked about", "after the model was asked about"
ANSWERING = "before the response to"
"""GitHub has carried the request out and the daemon dies before it is told; the simulated GitHub kills it."""

COUNTED_APART = {"POST": 9, "PATCH": 9, "DELETE": 9, "processor.Processor._try": 2, "ask": 2}
"""Passings of one label that count as points of their own, by its first word; of all others the first only."""


ONE_IN = 3
"""Of the places before a commit this part only: dying there leaves what dying after the last commit or answer left."""


class Point(NamedTuple):
    """A place to die at."""

    place: str
    label: str
    nth: int

    def __str__(self) -> str:
        return f"{self.place} {self.label} ({self.nth})"


class Trace:
    """The points that one trajectory passed, in a file, because its daemons do not live to tell.

    Args:
        armed: points at which to kill, each once.
    """

    def __init__(self, path: Path, armed: Iterable[Point] = ()) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        passed, killed = read_trace(path)
        self._counts = Counter((point.place, point.label) for point in passed)
        self._armed = set(armed) - set(killed)
        self._lock = threading.Lock()

    def passes(self, place: str, label: str) -> Point | None:
        """Note that this place is passed; returns the point if this is where to die."""
        with self._lock:
            self._counts[place, label] += 1
            nth = min(self._counts[place, label], COUNTED_APART.get(label.split()[0], 1))
            point = Point(place, label, nth)
            deadly = point in self._armed
            self._armed.discard(point)
            os.write(self._file, f"{'killed' if deadly else 'passed'}\t{place}\t{label}\t{nth}\n".encode())
            return point if deadly else None

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._file)


def read_trace(path: Path) -> tuple[list[Point], list[Point]]:
    """All points that a trace has passed so far, and those among them where the daemon was killed."""
    passed: list[Point] = []
    killed: list[Point] = []
    for line in path.read_text().splitlines():
        verb, place, label, nth = line.split("\t")
        point = Point(place, label, int(nth))
        passed.append(point)
        if verb == "killed":
            killed.append(point)
    return passed, killed


def changes_something(method: str) -> bool:
    """Whether it matters where in a request a daemon dies: a read that was not answered might as well not have left."""
    return method != "GET"


def request_label(method: str, path: str) -> str:
    """What is asked, without page and since."""
    return without_own_ids(f"{method} {path}")


def install(trace: Trace, judge: Any) -> None:
    """Make this process die by SIGKILL at the armed points; `judge` is the class of the provider."""

    def here(place: str, label: str) -> None:
        if trace.passes(place, label) is not None:
            os.kill(os.getpid(), signal.SIGKILL)

    _wrap_commits(here)
    _wrap_requests(here)
    _wrap_asking(here, judge)


def _wrap_asking(here: Callable[[str, str], None], judge: Any) -> None:
    ask: Any = judge.ask

    async def deadly(self: Any, prompt: Any) -> Any:
        label = f"ask {prompt.digest[:12]}"
        here(BEFORE_ASKING, label)
        try:
            return await ask(self, prompt)
        finally:
            here(AFTER_ASKING, label)

    judge.ask = deadly


def _wrap_commits(here: Callable[[str, str], None]) -> None:
    transact: Any = Store._transact
    commit: Any = Store._commit
    doing = threading.local()

    def labelled(self: Store, fn: Any, *, writer: bool) -> Any:
        doing.work = fn
        return transact(self, fn, writer=writer)

    def deadly(self: Store) -> None:
        label = commit_label(doing.work)
        if zlib.crc32(label.encode()) % ONE_IN == 0:
            here(BEFORE_COMMIT, label)
        commit(self)
        here(AFTER_COMMIT, label)

    Store._transact = labelled  # type: ignore[method-assign]
    Store._commit = deadly  # type: ignore[method-assign]


def _wrap_requests(here: Callable[[str, str], None]) -> None:
    send: Any = Connection._send

    async def deadly(self: Connection, request: Any, authorization: str | None) -> Any:
        label = request_label(request.method, re.sub(r"\?.*", "", request.target))
        if changes_something(request.method):
            here(BEFORE_REQUEST, label)
        answer = await send(self, request, authorization)
        here(AFTER_RESPONSE, label)
        return answer

    Connection._send = deadly  # type: ignore[method-assign]


def commit_label(work: Any) -> str:
    """Names a transaction by its function and by what it is about. Runs inside of it."""
    if not isinstance(work, functools.partial) or not work.args:
        return str(getattr(work, "__name__", "set-up"))
    fn, *arguments = work.args
    name = str(getattr(fn, "__qualname__", fn))
    module = str(getattr(fn, "__module__", "")).rpartition(".")[2]
    owner = getattr(getattr(fn, "__self__", None), "row", None)
    parts = [_described(owner)] if isinstance(owner, Table) else []
    parts += [
        _row_behind(module, name, each) if index == 0 else _described(each)
        for index, each in enumerate(arguments[:3])
    ]
    return without_own_ids(f"{module}.{name} {' '.join(part for part in parts if part)}".strip())


def _row_behind(module: str, name: str, argument: object) -> str:
    """The key of the row that an id stands for, since ids differ from run to run."""
    tables: dict[str, type[Table]] = {"inbox": EventRow, "outbox": OutboxRow, "evaluations": EvaluationRow}
    table = EventRow if name.endswith("._try") else tables.get(module)
    if table is None or not isinstance(argument, int):
        return _described(argument)
    row = table.get_or_none(table.id == argument)  # type: ignore[attr-defined]
    return str(row.key) if row is not None else ""


def _described(value: object) -> str:
    if isinstance(value, Table):
        names = ("key", "full_name", "kind", "number")
        return ":".join(str(getattr(value, name)) for name in names if hasattr(value, name))
    if isinstance(value, str):
        return value
    # ids of people and repositories; counters and times say nothing
    return str(value) if isinstance(value, int) and value > 1_000_000 else ""
