"""`meritocrab health` before a healthy, a troubled, a silent and a missing daemon."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from meritocrab.cli.health import exit_status
from meritocrab.store.database import DatabaseUnavailable
from tests.e2e.conftest import day, github, make_day, world
from tests.localapi.conftest import Served, serve, served

__all__ = ["day", "github", "make_day", "serve", "served", "world"]


async def ask(path: Path, *arguments: str) -> tuple[int, str, str]:
    """Exit status, output and errors of the real program."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "meritocrab", "health", "--socket", str(path), *arguments),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    out, errors = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), errors.decode()


async def test_a_healthy_daemon(served: Served) -> None:
    assert await ask(served.api.path) == (0, "healthy\n", "")
    assert await ask(served.api.path, "--quiet") == (0, "", "")
    status, out, _ = await ask(served.api.path, "--json")
    assert (status, json.loads(out)["status"], json.loads(out)["database"]["driver"]) == (
        0,
        "healthy",
        "sqlite",
    )


async def test_an_outage_is_degraded_and_may_count_as_well(served: Served) -> None:
    served.day.world.faults.add("status", status=503)
    await served.day.poll_afresh()
    status, out, _ = await ask(served.api.path)
    assert status == 1
    assert out.splitlines()[0] == "degraded"
    assert "octo/garden (GitHub error)" in out.splitlines()[1]
    assert (await ask(served.api.path, "--degraded-ok", "--quiet"))[0] == 0


async def test_without_its_database_it_is_unhealthy(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails() -> None:
        raise DatabaseUnavailable("the database is away")

    monkeypatch.setattr(served.day.store, "_probe", fails)
    status, out, _ = await ask(served.api.path, "--degraded-ok")
    assert status == 2
    assert out.startswith("unhealthy\n  ! the database is away")


async def test_nobody_there(tmp_path: Path) -> None:
    path = tmp_path / "api.sock"
    status, out, errors = await ask(path)
    assert (status, out) == (75, "")
    assert f"no daemon answers at {path}: No such file or directory" in errors
    assert await ask(path, "--quiet") == (75, "", "")
    assert (await ask(tmp_path / ("x" * 200)))[0] == 75


@contextmanager
def stranger(path: Path, answer: bytes) -> Iterator[None]:
    """Somebody else who listens there, takes one connection and says this, or nothing."""
    done = threading.Event()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        listening.bind(str(path))
        listening.listen(1)

        def serve_one() -> None:
            with listening.accept()[0] as connection:
                connection.sendall(answer)
                done.wait()

        thread = threading.Thread(target=serve_one)
        thread.start()
        yield
        done.set()
        thread.join()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"", "does not answer within 0.1 seconds"),
        (b"SSH-2.0-OpenSSH\r\n", "no daemon answers"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", "is not meritocrab"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n[", "is not meritocrab"),
    ],
)
async def test_somebody_else_there(tmp_path: Path, answer: bytes, words: str) -> None:
    with stranger(tmp_path / "api.sock", answer):
        status, _, errors = await ask(tmp_path / "api.sock", "--timeout", "0.1")
    assert status == 75
    assert words in errors
    assert "Traceback" not in errors


def test_an_unknown_word_is_no_health() -> None:
    assert exit_status("splendid", degraded_ok=True) == 2


def test_nothing_heavy_is_imported(tmp_path: Path) -> None:
    heavy = ["pydantic", "httpx2", "httpx", "peewee", "asyncio", "tomllib", "meritocrab.config"]
    script = (
        "import sys\nfrom meritocrab.cli.main import cli\n"
        "try:\n    cli.main(['health', '--quiet'])\nexcept SystemExit as end:\n    print(end.code)\n"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    environ = {**os.environ, "MERITOCRAB_API__SOCKET": str(tmp_path / "api.sock")}
    result = subprocess.run(
        [sys.executable, "-c", script], env=environ, capture_output=True, text=True, check=True
    )
    assert result.stdout.splitlines() == ["75", "[]"]
