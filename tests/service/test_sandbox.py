"""The daemon does its work behind the walls of its unit, and the walls stand. See `sandbox` for what is applied."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from meritocrab.demo.world import World
from tests.e2e.test_program import PATIENCE, REPO, TOKEN, github, wait_for, world
from tests.evaluators.fake_vendors import FakeVendor, Play, claude_body
from tests.service import sandbox

__all__ = ["github", "world"]

ROOT = Path(__file__).parent.parent.parent
KEY = "sk-ant-not-a-real-key"


@pytest.fixture(scope="module", autouse=True)
def _possible() -> None:
    reason = sandbox.possible()
    if reason:
        pytest.skip(f"the unit's sandbox cannot be built here: {reason}")


@dataclass
class Walls:
    """The service's directories, and how a program is started with nothing else to write to."""

    folder: Path

    def __post_init__(self) -> None:
        for name in ("state", "run", "etc", "credentials"):
            (self.folder / name).mkdir(mode=0o700)

    @property
    def environ(self) -> dict[str, str]:
        """What systemd would set."""
        return {
            "PATH": "/usr/bin:/bin",
            "PYTHONPATH": str(ROOT),
            "HOME": "/var/lib/meritocrab",
            "STATE_DIRECTORY": str(self.folder / "state"),
            "RUNTIME_DIRECTORY": str(self.folder / "run"),
            "CONFIGURATION_DIRECTORY": str(self.folder / "etc"),
            "CREDENTIALS_DIRECTORY": str(self.folder / "credentials"),
            "NOTIFY_SOCKET": str(self.folder / "notify"),
        }

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Python behind the walls."""
        plan = self.folder / "plan.json"
        readable = [
            sys.prefix,
            sys.base_prefix,
            str(ROOT),
            *(str(self.folder / n) for n in ("etc", "credentials")),
        ]
        if (self.folder / "notify").exists():
            readable.append(str(self.folder / "notify"))
        values = {
            "writable": [str(self.folder / "state"), str(self.folder / "run")],
            "readable": readable,
            "command": [sys.executable, *arguments],
            "environ": self.environ,
        }
        plan.write_text(json.dumps(values))
        return subprocess.Popen(
            ["unshare", "--mount", "--ipc", sys.executable, "-m", "tests.service.sandbox", str(plan)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


@pytest.fixture
def walls(tmp_path: Path) -> Walls:
    return Walls(tmp_path)


PROBE = """
import ctypes, json, mmap, os, socket
libc = ctypes.CDLL(None, use_errno=True)

def outcome(act):
    try:
        act()
    except OSError as error:
        return os.strerror(error.errno)
    return "done"

def call(name, *arguments):
    if getattr(libc, name)(*arguments) != 0:
        raise OSError(ctypes.get_errno(), "")

state = os.environ["STATE_DIRECTORY"]
print(json.dumps({
    "state": outcome(lambda: open(f"{state}/file", "w").close()),
    "tmp": outcome(lambda: open("/tmp/file", "w").close()),
    "program": outcome(lambda: open(f"{os.environ['PYTHONPATH']}/file", "w").close()),
    "etc": outcome(lambda: open("/etc/file", "w").close()),
    "configuration": outcome(lambda: open(os.environ["CONFIGURATION_DIRECTORY"] + "/file", "w").close()),
    "homes": {each: os.listdir(each) for each in ("/root", "/home") if os.path.exists(each)},
    "chown": outcome(lambda: os.chown(f"{state}/file", 1, 1)),
    "mount": outcome(lambda: call("mount", b"none", b"/mnt", b"tmpfs", 0, None)),
    "namespace": outcome(lambda: call("unshare", 0x10000000)),
    "netlink": outcome(lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)),
    "packet": outcome(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW)),
    "ip": outcome(lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM)),
    "code": outcome(lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)),
    "devices": sorted(os.listdir("/dev")),
    "settings": os.path.exists("/proc/sys"),
    "capabilities": [l.split()[1] for l in open("/proc/self/status") if l.startswith(("CapEff", "CapBnd"))],
}))
"""


def test_the_walls_stand(walls: Walls) -> None:
    process = walls.start("-c", PROBE)
    out, log = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, log
    found = json.loads(out)
    assert {found[name] for name in ("state", "tmp", "ip")} == {"done"}
    assert {found[name] for name in ("program", "etc", "configuration")} == {"Read-only file system"}
    refused = "Operation not permitted"
    assert {found[name] for name in ("chown", "mount", "namespace", "code")} == {refused}
    assert {found[name] for name in ("netlink", "packet")} == {"Address family not supported by protocol"}
    for home, names in found["homes"].items():  # Python itself may be installed there
        assert all(sys.base_prefix.startswith(f"{home}/{name}") for name in names)
    assert set(found["devices"]) <= set(sandbox.DEVICES)
    assert not found["settings"]
    assert {int(mask, 16) for mask in found["capabilities"]} == {0}


@pytest.fixture
def vendor() -> Iterator[FakeVendor]:
    with FakeVendor() as server:
        server.play(Play(200, claude_body()))
        yield server


def test_the_daemon_works_behind_them(walls: Walls, world: World, github: object, vendor: FakeVendor) -> None:
    url = getattr(github, "url")  # noqa: B009
    (walls.folder / "etc" / "meritocrab.toml").write_text(
        f'[github]\napi_url = "{url}"\nrepositories = ["{REPO}"]\n[poll]\ninterval = 1\n'
        f'[llm]\nprovider = "claude"\nbase_url = "{vendor.url}"\n'
    )
    (walls.folder / "credentials" / "github-token").write_text(f"{TOKEN}\n")
    (walls.folder / "credentials" / "llm-api-key").write_text(f"{KEY}\n")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(walls.folder / "notify"))
        manager.settimeout(PATIENCE)
        daemon = walls.start("-m", "meritocrab", "run")
        try:
            assert manager.recv(4096).startswith(b"READY=1\n")
        except TimeoutError:
            daemon.kill()
            pytest.fail(daemon.communicate()[1])
    wait_for(daemon, "new -> ok")
    world.advance(seconds=5)
    world.open_pull(REPO, "rob", title="Mend the fence", body="It was broken on the north side.")
    wait_for(daemon, "acceptable (confidence 0.90) by claude")
    status = subprocess.run(
        [
            sys.executable,
            "-m",
            "meritocrab",
            "status",
            "--socket",
            str(walls.folder / "run" / "meritocrab.sock"),
        ],
        capture_output=True,
        text=True,
        check=True,
        env={"HOME": str(walls.folder), "PATH": os.environ["PATH"]},
    )
    assert status.stdout.startswith("healthy")
    daemon.send_signal(signal.SIGTERM)
    _, log = daemon.communicate(timeout=PATIENCE)
    assert daemon.returncode == 0, log
    assert "Traceback" not in log
    assert "not permitted" not in log
    assert TOKEN not in log
    assert KEY not in log
    assert (walls.folder / "state" / "meritocrab.db").exists()
