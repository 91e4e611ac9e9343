"""What all figures need: a daemon's parts on a world's clock, real processes, and the time and memory they take."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from meritocrab.config import load_config
from meritocrab.daemon.service import Service
from meritocrab.demo.github import SimulatedGitHub
from meritocrab.demo.world import World
from meritocrab.store.database import Store
from meritocrab.store.models import Repository
from tests.e2e.history_support import TOKEN, Installation

APP = 4711
RUNNING = "meritocrab is running on"


def repository_names(count: int) -> list[str]:
    """Names of so many repositories."""
    return [f"octo/plot-{number}" for number in range(count)]


def new_world(names: list[str]) -> World:
    """A GitHub with these repositories, each with one pull request, at the present moment."""
    world = World(datetime.now(UTC))
    world.rate_limit = 10**6
    for name in names:
        world.add_repository(name)
        world.set_role(name, "keeper", "admin")
        world.open_pull(name, "ann", title="Add a gate", body="It keeps the crabs out.")
    world.add_token(TOKEN, "keeper")
    return world


def configure_app(world: World, github: SimulatedGitHub, folder: Path) -> Installation:
    """An App's key, its installation on everything, and a configuration with it."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, private, plain)
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    world.add_app(APP, "crab", public)
    world.install(APP, "octo")
    installation = Installation(folder)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "app.pem"
    path.write_bytes(pem)
    path.chmod(0o600)
    installation.config.write_text(
        f'[github]\napi_url = "{github.url}"\napp_id = {APP}\nprivate_key_path = "{path}"\n'
        f'[database]\nurl = "sqlite:///{installation.database}"\n'
    )
    return installation


class Parts:
    """A daemon's parts, driven by hand on the world's clock."""

    def __init__(self, world: World, installation: Installation) -> None:
        config = load_config(installation.config, {"STATE_DIRECTORY": str(installation.folder)})
        self.world = world
        self.store = Store.open(config.database_url)
        self.service = Service(config, self.store, clock=world.now)

    def rows(self) -> list[int]:
        """The watched repositories."""
        return self.store.read_now(lambda: [row.id for row in Repository.select().where(Repository.watched)])

    async def begin(self) -> None:
        """Learn the repositories, take their baselines, and poll until nothing is left to do."""
        await self.service.accesses.step()
        for client in self.service.accesses.clients().values():
            client._pace.points_per_minute = 10**9  # our limit is per real minute
        for _ in range(3):
            await self.poll_all()
            self.world.advance(minutes=5)

    async def poll_all(self) -> None:
        for row_id in self.rows():
            outcome = await self.service.poller.poll(row_id)
            assert outcome.error is None

    async def end(self) -> None:
        await self.service.accesses.aclose()
        await self.service.evaluator.aclose()
        await self.store.close()


@dataclass
class Spent:
    """CPU and wall-clock seconds of a block, without the simulated GitHub's part."""

    cpu: float = 0.0
    wall: float = 0.0


@contextmanager
def spending(github: SimulatedGitHub | None = None) -> Iterator[Spent]:
    """Measure a block."""
    spent = Spent()
    wall, cpu = time.perf_counter(), _cpu_without(github)
    yield spent
    spent.wall, spent.cpu = time.perf_counter() - wall, _cpu_without(github) - cpu


def _cpu_without(github: SimulatedGitHub | None) -> float:
    thread = github._thread if github is not None else None
    served = 0.0
    if thread is not None and thread.ident is not None:
        served = time.clock_gettime(time.pthread_getcpuclockid(thread.ident))
    return time.process_time() - served


@contextmanager
def daemon(installation: Installation) -> Iterator[tuple[subprocess.Popen[str], float]]:
    """A real daemon process, and the seconds from its start until it said that it runs."""
    began = time.perf_counter()
    process = installation.start("run")
    try:
        assert process.stderr is not None
        heard = ""
        for line in process.stderr:
            heard += line
            if RUNNING in line:
                break
        else:
            raise RuntimeError(f"the daemon did not start: {heard}")
        yield process, time.perf_counter() - began
    finally:
        process.terminate()
        process.communicate(timeout=30)


def resident_megabytes(process: subprocess.Popen[str]) -> float:
    """VmRSS."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def cpu_seconds(process: subprocess.Popen[str]) -> float:
    """User and system time so far."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def median_milliseconds(command: list[str], times: int, environment: dict[str, str]) -> float:
    """How long a command takes to its end."""
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True, env=environment)
        taken.append(time.perf_counter() - began)
    return statistics.median(taken) * 1000
