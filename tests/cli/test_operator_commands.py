"""The operator commands as processes, against a running daemon: what they print, refuse, and exit with."""

from __future__ import annotations

import json
import os
import pwd
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from meritocrab.cli.tables import ELLIPSIS, table, width
from meritocrab.demo.github import SimulatedGitHub
from meritocrab.demo.world import World
from meritocrab.localapi.sockets import bind_socket

ROOT = Path(__file__).parents[2]
REPO, OTHER = "octo/garden", "octo/shed"
TOKEN = "ghp_ofthisgarden"
ME = f"local:{pwd.getpwuid(os.getuid()).pw_name}"
HOSTILE = "\x1b[31mRed\x1b[0m [bold]doubt[/]"
PATIENCE = 60


@dataclass
class Daemon:
    """A running daemon's surroundings, and the command line beside it."""

    folder: Path
    world: World

    def environment(self) -> dict[str, str]:
        return {
            "HOME": str(self.folder),
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "STATE_DIRECTORY": str(self.folder / "state"),
            "MERITOCRAB_CONFIG": str(self.folder / "meritocrab.toml"),
        }

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "meritocrab", *arguments]
        pipe = subprocess.PIPE
        return subprocess.Popen(
            command, env=self.environment(), stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True
        )

    def run(self, *arguments: str, status: int = 0) -> str:
        """What a command printed; it must exit with `status`."""
        process = self.start(*arguments)
        out, err = process.communicate(timeout=PATIENCE)
        assert process.returncode == status, (arguments, process.returncode, out, err)
        assert "Traceback" not in err
        assert "\x1b" not in out + err
        return out if status == 0 else err

    def json(self, *arguments: str) -> Any:
        """What a command printed with --json."""
        out = self.run(*arguments, "--json")
        assert out.isascii()
        return json.loads(out)

    def until(self, condition: Callable[[], Any]) -> Any:
        """Wait for what the daemon does by itself."""
        deadline = time.monotonic() + PATIENCE
        while not (found := condition()):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        return found


def configure(folder: Path, url: str, names: list[str]) -> None:
    rules = [{"match": "doubt", "classification": "low", "confidence": 0.5, "reasoning": HOSTILE}]
    (folder / "judge.json").write_text(json.dumps(rules))
    config = folder / "meritocrab.toml"
    config.write_text(
        'enforcement = "close"\n'
        f'[github]\napi_url = "{url}"\ntoken = "{TOKEN}"\nrepositories = {json.dumps(names)}\n'
        "[poll]\ninterval = 1\nmax_interval = 1\n[blacklist]\ndelay = [3600, 3600]\n"
        '[llm]\nprovider = "mock"\nmock_script = "judge.json"\n'
        '[api]\nsocket = "run/api.sock"\n'
    )
    config.chmod(0o600)


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    folder = tmp_path_factory.mktemp("operator")
    world = World()
    for name in (REPO, OTHER):
        world.add_repository(name)
        world.set_role(name, "fern", "admin")
    world.add_token(TOKEN, "fern")
    with SimulatedGitHub(world) as github:
        configure(folder, github.url, [REPO])
        running = Daemon(folder, world)
        process = running.start("run")
        assert process.stderr is not None
        for line in process.stderr:
            if "new -> ok" in line:
                break
        yield running
        process.terminate()
        _, log = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0
        assert "Traceback" not in log


def doubtful(daemon: Daemon, by: str) -> int:
    """An item in the review queue, by somebody new; returns its id."""
    time.sleep(1.1)  # a fact of the baseline's own second is history
    daemon.world.open_pull(REPO, by, HOSTILE, "It helps.\n" + HOSTILE)

    def waiting() -> list[int]:
        items = daemon.json("queue", "list")["items"]
        return [item["id"] for item in items if item["author"]["login"] == by]

    return int(daemon.until(waiting)[0])


def test_status(daemon: Daemon) -> None:
    out = daemon.run("status")
    assert out.startswith("healthy: meritocrab ")
    assert "database      sqlite, answers" in out
    assert "repositories  1 ok; enforcement close" in out
    assert "token: " in out
    assert re.search(r"of 5000 left, full again at 20\d\d-", out)
    assert daemon.json("status")["status"] == "healthy"


def test_the_review_queue_from_list_to_undo(daemon: Daemon) -> None:
    item = doubtful(daemon, "newt")
    assert daemon.run("queue", "list").splitlines()[1].split()[:3] == [str(item), REPO, "1"]
    assert "\\x1b[31mRed" in daemon.run("queue", "list")
    shown = daemon.run("queue", "show", str(item))
    assert shown.startswith(
        f"{item}: pull request {REPO}#1, pending (the confidence is too low to apply it)\n"
    )
    assert "approve       -5 -> 95" in shown
    assert "high          +15 -> 115" in shown
    assert "mock (mock): low, confidence 0.50" in shown
    done = daemon.run("queue", "approve", str(item), "--reason", "so it is")
    assert done.startswith(f"approve in {REPO}: done by {ME}")
    assert "-5  100 -> 95" in done
    by = ME.removeprefix("local:")
    decided = daemon.run("queue", "show", str(item))
    assert "approve  " not in decided
    assert decided.partition(f"decided by {by}, ")[2].splitlines()[0].endswith("Z: so it is")
    assert f"decided by {by}: so it is" in daemon.run("why", f"{REPO}#1")
    assert "came too late, the evaluation is approved" in daemon.run("queue", "approve", str(item), status=3)
    assert "no evaluation 7777" in daemon.run("queue", "approve", "7777", status=1)
    (row,) = [row for row in daemon.json("activity")["items"] if row["evaluation_id"] == item]
    assert (row["text"], row["actor"]["words"]) == ("so it is", ME)
    assert f"undo in {REPO}: done" in daemon.run("undo", str(row["id"]))
    assert "undone before" in daemon.run("undo", str(row["id"]), status=3)
    assert "judged low (undone)" in daemon.run("activity")
    assert f"reconsider in {REPO}: done" in daemon.run("queue", "reconsider", str(item))
    assert daemon.run("queue", "list").splitlines()[1].split()[0] == str(item)
    assert "no maintainer has decided" in daemon.run("queue", "reconsider", str(item), status=3)


def test_several_items_at_once_and_one_of_them_gone(daemon: Daemon) -> None:
    first, second = doubtful(daemon, "nora"), doubtful(daemon, "zoe")
    process = daemon.start("queue", "override", str(first), "7777", str(second), "--delta", "-7")
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert out.count("override in octo/garden: done") == 2
    assert "7777: there is no evaluation 7777" in err
    third = doubtful(daemon, "tess")
    assert "+15  100 -> 115" in daemon.run("queue", "override", str(third), "--class", "high")
    assert "give either --class or --delta" in daemon.run("queue", "override", str(third), status=2)


def test_people(daemon: Daemon) -> None:
    doubtful(daemon, "carla")
    assert "carla" in daemon.run("contributor", "list", "car")
    assert daemon.run("contributor", "list", "xyz") == "0 in all\n"
    assert "-5  100 -> 95" in daemon.run("contributor", "adjust", "carla", "-5", "--reason", "tone")
    assert "+7  95 -> 102" in daemon.run("contributor", "adjust", "@carla", "+7")
    asked = daemon.run("contributor", "blacklist", "carla", status=130)
    assert f"Blacklist carla in {REPO}? From now on their pull requests are closed" in asked
    assert "Nothing is said in public." in asked
    assert "blacklisted" in daemon.run("contributor", "blacklist", "carla", "--yes")
    assert "already blacklisted" in daemon.run("contributor", "blacklist", "carla", "--yes", status=3)
    assert [
        row["account"]["login"] for row in daemon.json("contributor", "list", "--blacklisted")["items"]
    ] == ["carla"]
    shown = daemon.run("contributor", "show", "carla")
    assert "credit 102 (threshold 50), blacklisted since" in shown
    assert "tone" in shown
    asked = daemon.run("contributor", "unblacklist", "carla", status=130)
    assert f"Take carla off the blacklist of {REPO}? Their credit is lifted to the threshold" in asked
    assert "done" in daemon.run("contributor", "unblacklist", "carla", "--yes", "--reason", "sorry")
    assert daemon.json("activity", "--limit", "1")["items"][0]["text"] == "sorry"
    assert "nobody called ghost" in daemon.run("contributor", "show", "ghost", status=1)


def test_a_scheduled_close_why_and_its_cancelling(daemon: Daemon) -> None:
    doubtful(daemon, "mallory")
    daemon.run("contributor", "blacklist", "mallory", "--yes")
    number = daemon.world.open_pull(REPO, "mallory", "Again", "Please.")

    def scheduled() -> list[Any]:
        items = daemon.json("outbox", "list", "--state", "scheduled")["items"]
        return [item for item in items if item["number"] == number and item["kind"] == "close"]

    (close,) = daemon.until(scheduled)
    first = daemon.json("contributor", "show", "mallory")["evaluations"][-1]["number"]
    assert "spam -25, low -5, acceptable +5, high +15; the rules are still the same" in daemon.run(
        "why", f"{REPO}#{first}"
    )
    story = daemon.run("why", f"{REPO}#{number}")
    assert "rules now: enforcement close (configuration), pr_threshold 50," in story
    assert "llm.confidence 0.85" in story
    assert "  pr_opened: spam -25, low -5, acceptable 5, high 15\n" in story
    assert "gate blacklisted" in story
    assert "enforcement close (configuration)" in story
    assert "close" in story.partition("actions:")[2]
    assert daemon.run("why", f"#{number}") == daemon.run("why", str(number))
    assert "nothing is known" in daemon.run("why", f"{REPO}#7777", status=1)
    assert "write OWNER/NAME#N" in daemon.run("why", "nonsense", status=2)
    assert f"cancelled: close, comment of #{number}" in daemon.run("outbox", "cancel", str(close["id"]))
    assert "came too late" in daemon.run("outbox", "cancel", str(close["id"]), status=3)
    refused = daemon.run("outbox", "list", "--state", "lost", status=2)
    assert "'lost' is not one of 'scheduled', 'delivered'" in refused


def test_repositories(daemon: Daemon) -> None:
    out = daemon.run("repo", "list")
    assert out.splitlines()[1].startswith(f"{REPO}  ok")
    assert "polled on request" in daemon.run("repo", "poll")
    assert "paused by" in daemon.run("repo", "pause", REPO, "--reason", "holidays")
    assert "ok, paused" in daemon.run("repo", "list")
    assert "resume it first" in daemon.run("repo", "poll", status=3)
    assert "resumed by" in daemon.run("repo", "resume")
    unknown = daemon.run("repo", "poll", "octo/nowhere", status=1)
    assert "no repository octo/nowhere; `meritocrab repo list` shows those that there are" in unknown
    for arguments in (("queue", "list", "--repo", "nope"), ("repo", "poll", "nope"), ("resume", "a/b/c")):
        assert "write OWNER/NAME, not '" in daemon.run(*arguments, status=2)


def test_a_pause_of_everything(daemon: Daemon) -> None:
    assert "say what: --all, or OWNER/NAME" in daemon.run("pause", status=2)
    said = daemon.run("pause", "--all", "--reason", HOSTILE.replace("\x1b", ""))
    assert said.startswith(f"everything is paused by {ME}: nothing is written to GitHub until")
    file = daemon.folder / "state" / "paused"
    assert file.read_text().startswith(f"paused by {ME} at 20")
    assert f"paused already by {ME}, since 20" in daemon.run("pause", "--all")
    assert f"! everything is paused by {ME}, and nothing is written to GitHub" in daemon.run("status")
    assert daemon.json("status")["paused"]["by"] == ME
    assert f"everything goes on, resumed by {ME}" in daemon.run("resume")
    assert not file.exists()
    assert "nothing was paused as a whole" in daemon.run("resume", "--all", status=3)
    assert "paused by" in daemon.run("pause", REPO)
    assert "resumed by" in daemon.run("resume", REPO)
    assert "the repository is not paused" in daemon.run("resume", REPO, status=3)
    assert "the breaker has not fallen here" in daemon.run("repo", "release", status=3)


def test_report(daemon: Daemon) -> None:
    doubtful(daemon, "rita")
    daemon.run("contributor", "adjust", "rita", "-80")
    number = daemon.world.open_pull(REPO, "rita", f"Again {HOSTILE}", "Please.")
    daemon.until(lambda: daemon.world.thread(REPO, number).state == "closed")
    daemon.world.reopen(REPO, number, "fern")
    daemon.world.merge(REPO, number, "fern")

    def merged() -> bool:
        return any(each["fate"] == "merged" for each in report()["disagreements"])

    def report() -> Any:
        return daemon.json("report", "--since", "1h")["repositories"][0]

    daemon.until(merged)
    out = daemon.run("report", "--since", "2w", "--repo", REPO)
    assert f"{REPO}: enforcement close" in out
    assert "pull request" in out
    assert "maintainers agreed about" in out
    assert "taken up all the same:" in out
    assert f"/{REPO}/pull/{number}" in out
    assert "\\x1b[31m" in out
    assert daemon.run("report", "--since", "2020-01-01").startswith("from 2020-01-01 00:00:00Z until ")
    assert "--since is 12h" in daemon.run("report", "--since", "yesterday", status=2)


def test_pages_go_on_where_they_ended(daemon: Daemon) -> None:
    doubtful(daemon, "paula")
    for delta in ("1", "2", "3"):
        daemon.run("contributor", "adjust", "paula", delta)
    first = daemon.run("activity", "--limit", "2")
    assert "go on with --cursor " in first
    cursor = first.split("--cursor ")[1].strip()
    second = daemon.json("activity", "--limit", "1", "--cursor", cursor)
    assert second["items"][0]["applied"] == 1
    assert "does not belong to this listing" in daemon.run("queue", "list", "--cursor", cursor, status=1)


def test_without_a_daemon_and_without_a_configuration(daemon: Daemon, tmp_path: Path) -> None:
    err = daemon.run("status", "--socket", str(tmp_path / "nothing.sock"), status=75)
    assert "no daemon is running" in err
    assert "meritocrab run" in err
    assert "healthy" in daemon.run("status", "--socket", str(daemon.folder / "run" / "api.sock"))
    broken = tmp_path / "broken.toml"
    broken.write_text("[[[")
    assert "no daemon is running" in daemon.run("status", "--config", str(broken), status=75)


def test_with_several_repositories_one_must_be_named(tmp_path: Path, daemon: Daemon) -> None:
    with SimulatedGitHub(daemon.world) as github:
        configure(tmp_path, github.url, [REPO, OTHER])
        other = Daemon(tmp_path, daemon.world)
        process = other.start("run")
        assert process.stderr is not None
        for line in process.stderr:
            if "is running" in line:
                break
        try:
            err = other.run("contributor", "list", status=2)
            assert f"2 repositories are watched; say which with --repo: {REPO}, {OTHER}" in err
            assert other.run("contributor", "list", "--repo", OTHER) == "0 in all\n"
            assert other.run("queue", "list") == "0 in all\n"
            number = other.world.open_pull(OTHER, "otto", HOSTILE, "It helps.")
            (item,) = other.until(lambda: other.json("queue", "list")["items"])
            shown = other.run("queue", "show", str(item["id"]))
            assert f"pull request {OTHER}#{number}, pending" in shown
            assert f"approve in {OTHER}: done" in other.run("queue", "approve", str(item["id"]))
            assert f"reconsider in {OTHER}: done" in other.run("queue", "reconsider", str(item["id"]))
        finally:
            process.terminate()
            process.communicate(timeout=PATIENCE)


@pytest.fixture
def garden(tmp_path: Path) -> Iterator[Daemon]:
    """A daemon's surroundings, for a test that starts and ends it."""
    world = World()
    world.add_repository(REPO)
    world.add_token(TOKEN, "fern")
    with SimulatedGitHub(world) as github:
        configure(tmp_path, github.url, [REPO])
        yield Daemon(tmp_path, world)


def test_a_signal_ends_the_daemon_with_a_stream_open(garden: Daemon) -> None:
    process = garden.start("run")
    assert process.stderr is not None
    for line in process.stderr:
        if "is running" in line:
            break
    path = garden.folder / "run" / "api.sock"
    transport = httpx2.HTTPTransport(uds=str(path))
    with (
        httpx2.Client(transport=transport, base_url="http://localhost", timeout=PATIENCE) as http,
        http.stream("GET", "/api/stream") as stream,
    ):
        said = (event.event for event in httpx2.EventSource(stream))
        assert next(said) == "hello"
        process.send_signal(signal.SIGTERM)
        assert [event for event in said if event != "changed"] == ["bye"]
    _, log = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    assert "Traceback" not in log
    assert not path.exists()


def test_the_daemon_takes_the_socket_that_systemd_opened(garden: Daemon, tmp_path: Path) -> None:
    path = tmp_path / "unit.sock"
    with bind_socket(path) as opened:
        script = 'exec 3<&"$FD"; LISTEN_PID=$$ LISTEN_FDS=1 exec "$0" -m meritocrab run'
        process = subprocess.Popen(
            ["bash", "-c", script, sys.executable],
            env={**garden.environment(), "FD": str(opened.fileno())},
            pass_fds=[opened.fileno()],
            stderr=subprocess.PIPE,
            text=True,
        )
        # whoever asks before the daemon is up waits in the socket's queue
        assert "meritocrab" in garden.run("status", "--socket", str(path))
        process.terminate()
        _, log = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, log
    assert "Traceback" not in log
    assert path.exists()
    assert not (garden.folder / "run" / "api.sock").exists()


AS_NOBODY = """
import asyncio, os, sys
from meritocrab.cli.main import main
import meritocrab.cli.status, meritocrab.cli.health, meritocrab.config, meritocrab.logs
from meritocrab.localapi.client import LocalApiError, LocalClient
async def ask():
    async with LocalClient("/nowhere") as client:
        try:
            await client.health()
        except LocalApiError:
            pass
asyncio.run(ask())  # imports all that it needs, which nobody may not read everywhere
os.setgid(65534); os.setuid(65534)
main(sys.argv[1:])
"""


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
@pytest.mark.parametrize(
    ("command", "status", "words"),
    [
        ("status", 77, "it belongs to user root and group root. Join that group"),
        ("health", 75, "Permission denied"),
    ],
)
def test_a_socket_of_others_is_said_in_our_words(command: str, status: int, words: str) -> None:
    with tempfile.TemporaryDirectory() as name, bind_socket(Path(name) / "api.sock"):
        Path(name).chmod(0o755)
        result = subprocess.run(
            [sys.executable, "-c", AS_NOBODY, command, "--socket", f"{name}/api.sock"],
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
    assert (result.returncode, words in result.stderr) == (status, True), result.stderr


# ---- light and aligned


def test_help_and_completion_load_click_alone(tmp_path: Path) -> None:
    heavy = [
        "peewee",
        "pydantic",
        "httpx2",
        "asyncio",
        "uvicorn",
        "starlette",
        "meritocrab.config",
        "tomllib",
    ]
    script = (
        "import sys, os\nfrom meritocrab.cli.main import main\n"
        "try:\n    main(sys.argv[1:])\nexcept SystemExit:\n    pass\n"
        f"print([name for name in {heavy!r} if name in sys.modules], file=sys.stderr)"
    )

    def run(*arguments: str, **environ: str) -> str:
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **environ}
        command = [sys.executable, "-c", script, *arguments]
        result = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
        assert result.stderr.strip() == "[]", result.stderr
        return result.stdout

    assert "approve" in run("queue", "--help")
    assert "--reason" in run("contributor", "adjust", "--help")
    asked = {"_MERITOCRAB_COMPLETE": "bash_complete", "COMP_CWORD": "1"}
    assert "plain,queue" in run(COMP_WORDS="meritocrab qu", **asked)
    asked["COMP_CWORD"] = "2"
    assert "plain,override" in run(COMP_WORDS="meritocrab queue o", **asked)
    asked["COMP_CWORD"] = "4"
    assert "plain,pending" in run(COMP_WORDS="meritocrab queue list --status pe", **asked)
    assert run(COMP_WORDS="meritocrab outbox list --state s", **asked).split() == [
        "plain,scheduled",
        "plain,superseded",
    ]
    nowhere = {"MERITOCRAB_API__SOCKET": str(tmp_path / "nobody.sock")}
    assert run(COMP_WORDS="meritocrab queue list --repo o", **asked, **nowhere).strip() == ""


def test_the_daemon_is_asked_for_what_may_be_completed(daemon: Daemon, tmp_path: Path) -> None:
    item = doubtful(daemon, "cleo")

    def complete(words: str, socket: Path = daemon.folder / "run" / "api.sock") -> list[str]:
        environment = {
            **daemon.environment(),
            "_MERITOCRAB_COMPLETE": "fish_complete",
            "COMP_WORDS": words,
            "COMP_CWORD": words.rpartition(" ")[2],
            "MERITOCRAB_API__SOCKET": str(socket),
        }
        done = subprocess.run(
            [sys.executable, "-m", "meritocrab"], env=environment, capture_output=True, text=True, check=True
        )
        assert done.stderr == ""
        return done.stdout.split()

    daemon.until(lambda: REPO in " ".join(complete("meritocrab activity --repo oc")))
    daemon.until(lambda: REPO in " ".join(complete("meritocrab repo poll ")))
    for command in ("show", "approve", "override"):
        found = daemon.until(lambda: complete(f"meritocrab queue {command} "))  # noqa: B023 - asked at once
        assert str(item) in " ".join(found)
        assert "Red" not in " ".join(found)
    assert complete("meritocrab repo poll ", tmp_path / "nobody.sock") == []
    (tmp_path / "garbage.sock").write_text("")
    assert complete("meritocrab queue show ", tmp_path / "garbage.sock") == []


def test_tables_are_aligned_by_what_a_terminal_shows() -> None:
    lines = list(table(("a", "b"), [("日本", 1), ("e\u0301", 2), ("x" * 70, None)], widest=10))
    assert [width(line.rsplit(" ", 1)[0] + " ") for line in lines] == [12] * 4
    assert lines[3].startswith("x" * 9 + ELLIPSIS)
    assert lines[3].endswith("-")
    assert list(table(("a",), [])) == []
    (_, line) = table(("a",), [("\x1b[2J\u202eabc\n\tdef",)])
    assert line == "\\x1b[2J\\u202eabc def"
