"""The installed program as people meet it: real processes, real signals, exit statuses and words."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from meritocrab.demo.github import SimulatedGitHub
from meritocrab.demo.world import World
from tests.evaluators.fake_vendors import FakeVendor, Play, claude_body

REPO = "octo/garden"
TOKEN = "ghp_ofthisgarden"
PATIENCE = 60


@pytest.fixture
def world() -> World:
    world = World()
    world.add_repository(REPO)
    world.set_role(REPO, "fern", "admin")
    world.add_token(TOKEN, "fern")
    return world


@pytest.fixture
def github(world: World) -> Iterator[SimulatedGitHub]:
    with SimulatedGitHub(world) as server:
        yield server


class Program:
    """Runs `meritocrab` with a configuration and a state directory of its own."""

    def __init__(self, folder: Path, api_url: str) -> None:
        self.config = folder / "meritocrab.toml"
        self.config.write_text(
            f'[github]\napi_url = "{api_url}"\ntoken = "{TOKEN}"\nrepositories = ["{REPO}"]\n[poll]\ninterval = 1\n'
        )
        self.config.chmod(0o600)
        home = {"HOME": str(folder), "PATH": os.environ["PATH"]}
        self.environment = home | {"STATE_DIRECTORY": str(folder / "state")}

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """A running process; standard error is the log."""
        return subprocess.Popen(
            [sys.executable, "-m", "meritocrab", "--config", str(self.config), *arguments],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A finished one."""
        process = self.start(*arguments)
        out, log = process.communicate(timeout=PATIENCE)
        assert "Traceback" not in log
        return subprocess.CompletedProcess(arguments, process.returncode, out, log)


@pytest.fixture
def program(tmp_path: Path, github: SimulatedGitHub) -> Program:
    return Program(tmp_path, github.url)


def wait_for(process: subprocess.Popen[str], words: str) -> None:
    """Read the log until these words appear."""
    assert process.stderr is not None
    for line in process.stderr:
        if words in line:
            return
    pytest.fail(f"the program ended ({process.wait()}) without saying {words!r}")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_daemon_cleanly(program: Program, number: signal.Signals) -> None:
    daemon = program.start("run")
    wait_for(daemon, "new -> ok")
    daemon.send_signal(number)
    _, log = daemon.communicate(timeout=PATIENCE)
    assert daemon.returncode == 0
    assert "stopped" in log
    assert "Traceback" not in log


def test_a_signal_ends_it_while_github_does_not_answer(program: Program, world: World) -> None:
    hold = world.faults.add("hold", seconds=600)
    daemon = program.start("run")
    wait_for(daemon, "is running")
    while not hold.fired:
        assert daemon.poll() is None
    daemon.send_signal(signal.SIGTERM)
    _, log = daemon.communicate(timeout=PATIENCE)
    assert daemon.returncode == 0
    assert "Traceback" not in log


def test_a_second_daemon_says_who_was_first_and_goes(program: Program) -> None:
    first = program.start("run")
    wait_for(first, "new -> ok")
    second = program.run("run")
    assert second.returncode == 75
    assert f"process {first.pid}" in second.stderr
    first.kill()
    first.communicate(timeout=PATIENCE)
    third = program.start("run")
    wait_for(third, "is running")
    third.terminate()
    third.communicate(timeout=PATIENCE)
    assert third.returncode == 0


def test_nothing_to_watch_is_a_mistake_in_the_configuration(program: Program) -> None:
    program.config.write_text("")
    result = program.run("run")
    assert result.returncode == 78
    assert "nothing to watch" in result.stderr


def test_a_model_judges_and_its_key_stays_secret(program: Program, world: World) -> None:
    key = "sk-ant-not-a-real-key"
    with FakeVendor() as vendor:
        vendor.play(Play(200, claude_body()))
        with program.config.open("a") as file:
            file.write(f'[llm]\nprovider = "claude"\napi_key = "{key}"\nbase_url = "{vendor.url}"\n')
        process = program.start("run")
        wait_for(process, "new -> ok")
        world.advance(seconds=5)
        world.open_pull(REPO, "rob", title="Mend the fence", body="It was broken on the north side.")
        wait_for(process, "acceptable (confidence 0.90) by claude")
        process.terminate()
        _, log = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    assert key not in log
    assert len(vendor.seen) == 1
    ledger = [json.loads(line) for line in program.run("export", "ledger").stdout.splitlines()]
    assert [row["reason"] for row in ledger][:1] == ["opening"]


def test_sync_then_export_then_verify(program: Program, world: World) -> None:
    number = world.open_pull(REPO, "rob", title="Mend the fence", body="It was broken on the north side.")
    world.comment(REPO, number, "nia", "Works for me on a windy day.")
    world.review(REPO, number, "nia", "APPROVED", "")
    world.merge(REPO, number, "fern")
    world.advance(seconds=5)
    result = program.run("sync", REPO, "--json")
    assert result.returncode == 0, result.stderr
    summary = json.loads(result.stdout)
    assert summary["new_events"] == summary["handled"] == 4
    assert not world.writes
    events = [json.loads(line) for line in program.run("export", "events").stdout.splitlines()]
    assert {event["repo"] for event in events} == {REPO}
    assert sorted((event["kind"], event["author_login"]) for event in events) == [
        ("comment_created", "nia"),
        ("pull_request_merged", "rob"),
        ("pull_request_opened", "rob"),
        ("review_submitted", "nia"),
    ]
    people = [json.loads(line) for line in program.run("export", "contributors").stdout.splitlines()]
    assert {person["login"]: person["credit"] for person in people} == {"rob": 120, "nia": 105}
    verified = program.run("verify")
    assert verified.returncode == 0
    assert "every credit is the sum of its rows" in verified.stdout


def test_the_demonstration_tells_its_story(tmp_path: Path) -> None:
    environment = {"HOME": str(tmp_path), "PATH": os.environ["PATH"]}
    result = subprocess.run(
        [sys.executable, "-m", "meritocrab", "demo", "--keep", str(tmp_path / "kept")],
        env=environment,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    told = result.stdout
    assert "#2 gate: admitted (credit 100, threshold 50)" in told
    assert "#4 gate: exempt" in told
    assert "-> waits in the review queue" in told
    assert "credit: **115**" in told
    assert "merged         +20  115 -> 135" in told
    assert "#8 gate: denied (credit 25, threshold 50)" in told
    assert "#8 close delivered" in told
    assert "#9 gate: blacklisted" in told
    assert "#9 close delivered after" in told
    assert "every balance is the fold of its rows" in told
    assert (tmp_path / "kept" / "meritocrab.db").exists()


def test_help_imports_nothing_heavy() -> None:
    heavy = ["peewee", "pydantic", "httpx", "githubkit", "apscheduler", "asyncio", "markdown_it", "sqlite3"]
    script = (
        "import sys\nfrom meritocrab.cli.main import cli\n"
        "try:\n    cli.main(['--help'])\nexcept SystemExit:\n    pass\n"
        f"print([name for name in {heavy!r} if name in sys.modules], file=sys.stderr)"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "Commands:" in result.stdout
    assert result.stderr.strip() == "[]"
