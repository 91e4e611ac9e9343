"""The socket: whose it is, what a killed daemon leaves, what systemd hands over, and who is at the other end."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from meritocrab.localapi.client import LocalClient, NoDaemon, NoPermission
from meritocrab.localapi.errors import SocketUnusable
from meritocrab.localapi.sockets import bind_socket, passed_socket, peer_of, remove_socket, user_name
from tests.e2e.world_of_people import Day
from tests.localapi.conftest import Serve, Served


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077, 0o777])
def test_modes_hold_whatever_the_umask(tmp_path: Path, mask: int) -> None:
    path = tmp_path / "deep" / "api.sock"
    path.parent.parent.mkdir(exist_ok=True)
    before = os.umask(mask)
    try:
        with bind_socket(path):
            assert mode(path) == 0o660
            assert mode(path.parent) == 0o750
    finally:
        os.umask(before)


def test_a_folder_that_is_there_keeps_its_mode(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir(mode=0o700)
    with bind_socket(folder / "api.sock"):
        assert mode(folder) == 0o700


def test_what_a_killed_daemon_left_is_taken_away(tmp_path: Path) -> None:
    path = tmp_path / "api.sock"
    bind_socket(path).close()
    assert path.is_socket()
    with bind_socket(path), socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))


def test_a_socket_that_is_listened_to_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "api.sock"
    with bind_socket(path), pytest.raises(SocketUnusable, match="another program listens"):
        bind_socket(path)
    assert path.is_socket()


def test_what_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "api.sock"
    path.write_text("a letter")
    with pytest.raises(SocketUnusable, match="not a socket"):
        bind_socket(path)
    assert path.read_text() == "a letter"


def test_a_place_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SocketUnusable, match=r"`\[api\] socket`"):
        bind_socket(tmp_path / "file" / "api.sock")
    with pytest.raises(SocketUnusable, match="longer than 107 bytes"):
        bind_socket(tmp_path / ("x" * 120))


def test_only_our_own_socket_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "api.sock"
    with bind_socket(path):
        ours = path.stat()
        path.unlink()
        path.write_text("somebody else's")
        remove_socket(path, ours)
        assert path.exists()
        remove_socket(path, None)
        assert path.exists()
        remove_socket(path, path.stat())
        assert not path.exists()


def test_the_kernel_says_who_is_at_the_other_end() -> None:
    one, other = socket.socketpair()
    with one, other:
        peer = peer_of(one)
    assert peer is not None
    assert (peer.uid, peer.user) == (os.getuid(), user_name(os.getuid()))
    with socket.socket() as tcp:
        assert peer_of(tcp) is None
    assert user_name(4_000_000_000) == "4000000000"


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"LISTEN_FDS": "1"},
        {"LISTEN_FDS": "1", "LISTEN_PID": "1"},
        {"LISTEN_FDS": "one", "LISTEN_PID": "7"},
        {"LISTEN_FDS": "0", "LISTEN_PID": "7"},
    ],
)
def test_nothing_was_handed_over(environ: dict[str, str]) -> None:
    assert passed_socket(environ, 7) is None


def test_more_than_one_socket_is_a_mistake_in_the_unit() -> None:
    with pytest.raises(SocketUnusable, match="must name just one"):
        passed_socket({"LISTEN_FDS": "2", "LISTEN_PID": "7"}, 7)


HANDED_OVER = """
import asyncio, os, sys
from pathlib import Path
from meritocrab.localapi.sockets import passed_socket
from meritocrab.localapi.errors import SocketUnusable
try:
    found = passed_socket(os.environ, os.getpid())
except SocketUnusable as error:
    print(error)
else:
    print(found.getsockname(), os.get_inheritable(3))
"""


@pytest.mark.parametrize("kind", ["unix", "tcp", "file"])
def test_systemd_hands_over_fd_3(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "api.sock"
    opened = {
        "unix": lambda: bind_socket(path),
        "tcp": socket.socket,
        "file": lambda: (tmp_path / "file").open("w"),
    }[kind]()
    with opened:
        # LISTEN_PID must be that of the process that comes out at the end
        script = 'exec 3<&"$FD"; LISTEN_PID=$$ LISTEN_FDS=1 exec "$0" -c "$1"'
        result = subprocess.run(
            ["bash", "-c", script, sys.executable, HANDED_OVER],
            env={**os.environ, "FD": str(opened.fileno())},
            pass_fds=[opened.fileno()],
            capture_output=True,
            text=True,
            check=True,
        )
    expected = {
        "unix": f"{path} False",
        "tcp": "systemd handed over a socket that is not a Unix stream socket",
        "file": "LISTEN_FDS is set, but there is no socket",
    }[kind]
    assert result.stdout.startswith(expected), result.stdout + result.stderr


# ---- the server on it


async def test_the_socket_goes_with_the_daemon(served: Served) -> None:
    assert mode(served.api.path) == 0o660
    await served.api.stop()
    assert not served.api.path.exists()
    await served.api.stop()


async def test_a_second_daemon_on_the_same_socket_is_told_so(day: Day, serve: Serve) -> None:
    first = await serve(day)
    with pytest.raises(SocketUnusable, match="a second meritocrab"):
        await Served(day).build().start()
    assert (await first.client.health()).version


async def test_health_and_figures_on_a_loopback_port_and_nothing_else(day: Day, serve: Serve) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    await serve(day, listen=("127.0.0.1", port))
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http:
        assert (await http.get("/health")).json()["status"] == "healthy"
        assert "meritocrab_uptime_seconds" in (await http.get("/metrics")).text
        for path in ("/api/repos", "/api/stream", "/openapi.json", "/api/evaluations"):
            answer = await http.get(path)
            assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")
        assert (await http.post("/api/repos/octo/garden/pause")).status_code == 404
    api = Served(day).build(listen=("127.0.0.1", port))
    api.path = day.folder / "other.sock"
    with pytest.raises(SocketUnusable, match=f"port {port}"):
        await api.start()
    await api.stop()


# ---- the client before a closed door


async def test_without_a_daemon_the_client_says_how_to_start_one(tmp_path: Path) -> None:
    async with LocalClient(tmp_path / "api.sock") as client:
        with pytest.raises(NoDaemon, match="meritocrab run") as missing:
            await client.health()
    assert missing.value.exit_status == 75
    bind_socket(tmp_path / "stale.sock").close()
    async with LocalClient(tmp_path / "stale.sock") as client:
        with pytest.raises(NoDaemon, match="nobody listens"):
            await client.health()
    (tmp_path / "file").write_text("")
    async with LocalClient(tmp_path / "file") as client:
        with pytest.raises(NoDaemon, match="is not a socket"):
            await client.health()
    async with LocalClient(tmp_path / ("x" * 120)) as client:
        with pytest.raises(NoDaemon, match="too long"):
            await client.health()


AS_NOBODY = """
import asyncio, os, sys
sys.path.insert(0, sys.argv[2])
from meritocrab.localapi.client import LocalClient, LocalApiError
async def ask(path):
    async with LocalClient(path) as client:
        try:
            await client.health()
        except LocalApiError as error:
            return error
async def main():
    await ask("/nowhere")  # imports all that it needs, which nobody may not read everywhere
    os.setgid(65534); os.setuid(65534)
    error = await ask(sys.argv[1])
    print(type(error).__name__, error.exit_status, error)
asyncio.run(main())
"""


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
@pytest.mark.parametrize("closed", ["socket", "folder"])
def test_without_permission_the_client_says_whose_it_is(closed: str) -> None:
    import tempfile

    root = Path(__file__).resolve().parents[2]
    with tempfile.TemporaryDirectory() as name:
        outer = Path(name)
        outer.chmod(0o755)
        path = outer / "run" / "api.sock"
        with bind_socket(path):
            path.parent.chmod(0o755 if closed == "socket" else 0o750)
            result = subprocess.run(
                [sys.executable, "-c", AS_NOBODY, str(path), str(root)],
                capture_output=True,
                text=True,
                check=False,
            )
    shown = path if closed == "socket" else path.parent
    assert result.stdout.startswith(f"NoPermission 77 you may not use {shown}: it belongs to user root"), (
        result.stdout + result.stderr
    )
    assert NoPermission.exit_status == 77
