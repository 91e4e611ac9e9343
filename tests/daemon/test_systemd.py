"""What the service manager is told: on a real datagram socket, with a real store and a clock of the test's own."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from meritocrab.core.names import Enforcement
from meritocrab.daemon.pulse import BEAT_SECONDS, Pulse, beat_seconds
from meritocrab.daemon.systemd import LONGEST_STATUS, READY, WATCHDOG, Manager, status_fact
from meritocrab.localapi import protocol as p
from meritocrab.store.database import DatabaseUnavailable, Store

# ---- the messages on their way


@dataclass
class Listener:
    """Stands in for systemd's end of the socket."""

    socket: socket.socket
    address: str

    def heard(self) -> list[str]:
        """Every message that has come."""
        found = []
        while True:
            try:
                found.append(self.socket.recv(4096).decode())
            except BlockingIOError:
                return found


@pytest.fixture(params=["path", "abstract"])
def listener(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Listener]:
    address = (
        str(tmp_path / "notify") if request.param == "path" else f"@meritocrab-{tmp_path.name}-{id(request)}"
    )
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        end.bind("\0" + address[1:] if address.startswith("@") else address)
        end.setblocking(False)
        yield Listener(end, address)


def test_facts_arrive_as_one_message(listener: Listener) -> None:
    Manager.of({"NOTIFY_SOCKET": listener.address}, 7).tell(READY, "STATUS=well")
    assert listener.heard() == ["READY=1\nSTATUS=well"]


@pytest.mark.parametrize("environ", [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "vsock:2:1234"}])
def test_without_an_address_nothing_is_sent(environ: dict[str, str]) -> None:
    manager = Manager.of(environ | {"WATCHDOG_USEC": "1000000"}, 7)
    assert manager == Manager(None, None)
    manager.tell(READY)


def test_a_manager_that_is_gone_is_a_line_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    Manager(str(tmp_path / "gone")).tell(WATCHDOG)
    assert "systemd could not be told WATCHDOG=1: No such file" in caplog.text


@pytest.mark.parametrize(
    ("more", "seconds"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "180000000"}, 180.0),
        ({"WATCHDOG_USEC": "180000000", "WATCHDOG_PID": "7"}, 180.0),
        ({"WATCHDOG_USEC": "180000000", "WATCHDOG_PID": "8"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "²"}, None),
    ],
)
def test_the_watchdog_is_for_the_process_it_names(more: dict[str, str], seconds: float | None) -> None:
    assert Manager.of({"NOTIFY_SOCKET": "/run/notify"} | more, 7).watchdog_seconds == seconds


@pytest.mark.parametrize(("watchdog", "beat"), [(None, BEAT_SECONDS), (180.0, BEAT_SECONDS), (4.0, 2.0)])
def test_half_of_the_watchdog_is_the_longest_pause(watchdog: float | None, beat: float) -> None:
    assert beat_seconds(watchdog) == beat


# ---- the pulse


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store.open(f"sqlite:///{tmp_path}/meritocrab.db")
    yield store
    store.close_now()


class Clock:
    """Seconds that pass when somebody sleeps, by `late` more than wanted."""

    def __init__(self, late: float = 0.0) -> None:
        self.now, self.late = 0.0, late
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds + self.late
        await asyncio.sleep(0)


MakePulse = Callable[..., Pulse]


@pytest.fixture
def make_pulse(store: Store, listener: Listener) -> MakePulse:
    def make(clock: Clock, watchdog: float | None = 4.0) -> Pulse:
        return Pulse(store, Manager(listener.address, watchdog), seconds=clock, sleep=clock.sleep)

    return make


async def test_a_beat_tells_the_watchdog_and_measures(make_pulse: MakePulse, listener: Listener) -> None:
    clock = Clock(late=0.25)
    pulse = make_pulse(clock)
    await pulse.beat()
    await pulse.beat()
    assert listener.heard() == [WATCHDOG, WATCHDOG]
    assert clock.slept == [2.0, 2.0]
    assert (pulse.loop_lag.count, pulse.loop_lag.total, pulse.loop_lag.worst) == (2, 0.5, 0.25)
    assert (pulse.database.count, pulse.database.total) == (2, 0.0)


async def test_without_a_watchdog_it_only_measures(make_pulse: MakePulse, listener: Listener) -> None:
    pulse = make_pulse(Clock(), watchdog=None)
    await pulse.beat()
    assert listener.heard() == []
    assert pulse.database.count == 1


@pytest.mark.parametrize(
    "error", [DatabaseUnavailable("the database is away"), RuntimeError("a fault of ours")]
)
async def test_a_database_error_is_an_answer(
    make_pulse: MakePulse,
    store: Store,
    listener: Listener,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
) -> None:
    def fails() -> None:
        raise error

    monkeypatch.setattr(store, "_probe", fails)
    await make_pulse(Clock()).beat()
    assert listener.heard() == [WATCHDOG]


async def test_a_writer_that_hangs_is_none(make_pulse: MakePulse, store: Store, listener: Listener) -> None:
    release, begun = threading.Event(), threading.Event()

    def hang() -> None:
        begun.set()
        release.wait()

    hanging = asyncio.create_task(store.write(hang))
    await asyncio.to_thread(begun.wait)
    clock = Clock()
    pulse = make_pulse(clock)
    beat = asyncio.create_task(pulse.beat())
    while store._writer._work_queue.empty():  # until the ping waits behind it
        await asyncio.sleep(0)
    assert not beat.done()
    assert listener.heard() == []
    release.set()
    await asyncio.gather(hanging, beat)
    assert listener.heard() == [WATCHDOG]


async def test_the_pulse_starts_and_stops(make_pulse: MakePulse, listener: Listener) -> None:
    pulse = make_pulse(Clock())
    pulse.start()
    while not pulse.database.count:
        await asyncio.sleep(0)
    await pulse.stop()
    await pulse.stop()
    count = pulse.loop_lag.count
    await asyncio.sleep(0)
    assert pulse.loop_lag.count == count


# ---- the line in `systemctl status`

WELL = p.Health(
    status=p.HealthStatus.HEALTHY,
    version="1",
    started_at=datetime(2030, 1, 1, tzinfo=UTC),
    uptime_seconds=1.0,
    enforcement=Enforcement.OBSERVE,
    database=p.DatabaseHealth(connected=True, driver="sqlite"),
    llm=p.LlmHealth(provider="heuristic"),
)
DOWN = p.DatabaseHealth(connected=False, driver="sqlite", reason="away")
DEGRADED, UNHEALTHY = p.HealthStatus.DEGRADED, p.HealthStatus.UNHEALTHY


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({}, "GitHub: no repository is watched yet"),
        ({"repositories": {"new": 2}}, "GitHub was not asked yet about 2 repositories"),
        ({"repositories": {"ok": 1}}, "GitHub answers for 1 repository"),
        ({"repositories": {"new": 1, "ok": 1}}, "GitHub answers for 2 repositories"),
        (
            {"repositories": {"ok": 3}, "queues": p.Queues(review=4)},
            "GitHub answers for 3 repositories; 4 to review",
        ),
        (
            {
                "repositories": {"ok": 1, "unreachable": 1},
                "status": DEGRADED,
                "reasons": ("in trouble: o/g\n", "b"),
            },
            "GitHub: 1 ok, 1 unreachable; degraded: in trouble: o/g\\n, b",
        ),
        ({"status": UNHEALTHY, "reasons": ("away",), "database": DOWN}, "unhealthy: away"),
    ],
)
def test_the_status_line(changes: dict[str, object], line: str) -> None:
    told = status_fact(WELL.model_copy(update=changes))
    assert "\n" not in told
    assert told.removeprefix("STATUS=").replace("\\x0a", "\\n") == line


def test_a_long_reason_is_cut() -> None:
    told = status_fact(WELL.model_copy(update={"status": DEGRADED, "reasons": ("x" * 9_000,)}))
    assert len(told) == LONGEST_STATUS + len("STATUS=")
