"""`meritocrab doctor`: each line right, wrong and unknowable, beside a running daemon and without one."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import pytest

from meritocrab.cli.checks import base, storage
from meritocrab.cli.checks.permissions import NEEDS, missing
from meritocrab.localapi.sockets import bind_socket
from meritocrab.store.database import Store
from meritocrab.store.migrations import MIGRATIONS
from tests.cli.home import APP, BLIND, FINE, TOKEN, Home
from tests.evaluators.fake_vendors import FakeVendor
from tests.store_fixtures import MakeUrl

BY_TOKEN = f'[github]\napi_url = "{{url}}"\ntoken = "{TOKEN}"\nrepositories = ["octo/garden"]\n'
BY_APP = f'[github]\napi_url = "{{url}}"\napp_id = {APP}\nprivate_key_path = "{{pem}}"\n'
ORDER = [
    *("configuration", "files", "clock", "github", "permissions", "repository", "quota", "database", "disk"),
    *("provider", "socket", "systemd"),
]


class Line(NamedTuple):
    """One line of the report."""

    status: str
    what: str
    remedy: str


class Report:
    """What `doctor --json` said."""

    def __init__(self, home: Home) -> None:
        done = home.run("doctor", "--json")
        self.status, self.raw = done.status, done.out
        self.all = json.loads(done.out)
        self.names = list(dict.fromkeys(check["name"] for check in self.all["checks"]))
        assert TOKEN not in done.out + done.err
        assert done.err == ""

    def lines(self, name: str) -> list[Line]:
        checks = [check for check in self.all["checks"] if check["name"] == name]
        return [Line(check["status"], check["what"], check["remedy"]) for check in checks]

    def one(self, name: str) -> Line:
        (line,) = self.lines(name)
        return line

    def failures(self) -> list[str]:
        return [check["what"] for check in self.all["checks"] if check["status"] == "failure"]


def test_a_sound_installation(newcomer: Home) -> None:
    newcomer.configure(BY_TOKEN)
    report = Report(newcomer)

    assert report.names == ORDER
    assert report.status == 0
    assert report.failures() == []
    assert report.all["status"] == "warning", "no daemon is running"
    assert report.one("github").what == "accepts the token of @keeper (classic, scopes: repo)"
    assert report.one("repository").what == "octo/garden: public, our role is maintain"
    assert report.one("provider").what == "heuristic: built in, nothing leaves this machine"
    assert report.one("systemd") == ("skipped", "there is no systemd here", "")
    assert not (newcomer.folder / "state").exists(), "it only looks"


def test_lines_for_people_at_a_terminal_fit_it(newcomer: Home) -> None:
    newcomer.configure(
        f'[github]\napi_url = "{{url}}"\ntoken = "{BLIND}"\nrepositories = ["octo/garden"]\n', 0o644
    )
    result = newcomer.converse(("doctor",))

    assert result.status == 1
    lines = result.out.splitlines()
    assert [line for line in lines if len(line) > 80 and str(newcomer.folder) not in line] == []
    assert "                        -> chmod 600" in result.out
    assert lines[0].startswith("ok       configuration  ")
    assert lines[-1] == "1 failure, 3 warnings, 1 skipped, 7 ok"
    assert BLIND not in result.out


def test_a_broken_configuration_is_said_and_the_rest_is_looked_at(newcomer: Home) -> None:
    newcomer.configure("[github]\ntokn = 1\n[poll]\ninterval = 0\n")
    report = Report(newcomer)

    assert report.status == 78
    assert [line.status for line in report.lines("configuration")] == ["failure", "failure"]
    assert f"{newcomer.config}:2: github.tokn" in report.lines("configuration")[0].what
    assert report.one("clock").status == "skipped"
    assert report.one("disk").status == "ok"
    assert report.one("socket").status == "warning"


def test_one_check_that_breaks_ends_no_other(newcomer: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(_: str) -> None:
        raise RuntimeError(f"token {TOKEN}")

    newcomer.configure(BY_TOKEN)
    monkeypatch.setattr(storage, "find_database", breaks)
    report = Report(newcomer)
    assert report.names == ORDER
    assert report.one("database").what == "this check broke off (RuntimeError: token ***)"
    assert report.one("disk").status == "ok"


# --- files


def test_secrets_and_evidence_that_others_may_read(newcomer: Home) -> None:
    token = newcomer.secret("token", TOKEN, 0o604)
    (newcomer.folder / "state").mkdir(mode=0o755)
    (newcomer.folder / "state").chmod(0o755)
    newcomer.configure(
        f'[github]\napi_url = "{{url}}"\ntoken_file = "{token}"\nrepositories = ["octo/garden"]\n'
        '[llm]\napi_key = "sk-keepkeepkeep"\n',
        0o644,
    )
    report = Report(newcomer)
    assert [line.remedy for line in report.lines("files")] == [
        f"chmod 600 {newcomer.config}",
        f"chmod 600 {token}",
        f"chmod 700 {newcomer.folder / 'state'}",
    ]
    assert report.status == 1
    assert [line.what for line in report.lines("configuration") if "read this file" in line.what] == []


# --- GitHub


@pytest.mark.parametrize(
    ("ahead", "status", "words"),
    [
        (0, "ok", "within"),
        (-30, "warning", "30 s behind"),
        (31, "warning", "ahead of"),
        (300, "failure", "over a minute"),
    ],
)
def test_the_clock(newcomer: Home, ahead: int, status: str, words: str) -> None:
    newcomer.add_app()
    newcomer.world.follow_real_time(timedelta(seconds=-ahead))
    newcomer.configure(BY_APP.replace("{pem}", str(newcomer.pem)))
    report = Report(newcomer)
    line = report.one("clock")
    assert line.status == status
    assert words in line.what.replace("29 s", "30 s").replace("31 s", "30 s")
    assert report.one("github").status == "ok", "the App's signature is corrected by GitHub's time"


def test_a_refused_token_and_a_silent_github(newcomer: Home) -> None:
    newcomer.configure(BY_TOKEN)
    newcomer.world.revoke_token(TOKEN)
    report = Report(newcomer)
    assert report.one("clock").status == "ok"
    assert "401" in report.one("github").what
    assert "meritocrab init" in report.one("github").remedy
    newcomer.github.stop()
    silent = Report(newcomer)
    assert silent.one("clock").status == "skipped"
    assert "cannot connect" in silent.one("github").what
    assert silent.one("repository").status == silent.one("quota").status == "skipped"
    assert silent.one("disk").status == "ok"


@pytest.mark.parametrize(("enforcement", "status"), [("observe", "warning"), ("close", "failure")])
def test_a_classic_token_without_its_scope(newcomer: Home, enforcement: str, status: str) -> None:
    newcomer.configure(f'enforcement = "{enforcement}"\n' + BY_TOKEN.replace(TOKEN, BLIND))
    report = Report(newcomer)
    assert report.one("permissions").status == status
    assert "nothing can be written" in report.one("permissions").what
    assert "nobody is gated" in report.one("repository").what
    assert report.one("repository").status == status


def test_a_fine_grained_token_is_probed_by_reading(newcomer: Home) -> None:
    newcomer.configure(BY_TOKEN.replace(TOKEN, FINE).replace('"octo/garden"', '"octo/garden", "octo/cellar"'))
    lines = Report(newcomer).lines("permissions")
    assert lines[0].what == "the token ends in 5 days; the daemon stops seeing anything then"
    lacking = [line.what for line in lines if line.status == "failure"]
    assert [each.partition(": ")[0] for each in lacking] == [
        "the token in octo/cellar lacks contents",
        "the token in octo/cellar lacks pull_requests",
    ]
    assert lines[-1].status == "skipped"
    assert "Commit statuses: read and write" in lines[-1].remedy
    newcomer.world.tokens[FINE].permissions = {"contents": "read", "issues": "read", "pull_requests": "read"}
    (_, last) = Report(newcomer).lines("permissions")
    assert last.what.startswith(
        "reads in private repositories are allowed; what a fine-grained token may write"
    )


def test_an_app_whose_installation_lags_behind(newcomer: Home) -> None:
    newcomer.add_app(metadata="read", contents="read", issues="write", pull_requests="read")
    newcomer.configure('enforcement = "label"\n' + BY_APP.replace("{pem}", str(newcomer.pem)))
    report = Report(newcomer)
    pulls, statuses = report.lines("permissions")
    assert (pulls.status, statuses.status) == ("failure", "warning")
    assert "cannot be commented on, labelled or closed" in pulls.what
    assert 'no pending commit status can be set (enforcement "hold")' in statuses.what
    assert "accept the new permissions" in pulls.remedy
    del newcomer.world.apps[APP].permissions["statuses"]
    assert "Commit statuses: read and write" in Report(newcomer).lines("permissions")[1].remedy
    newcomer.world.suspend(1)
    assert "is suspended" in Report(newcomer).one("permissions").what


def test_an_app_and_what_it_reaches(newcomer: Home) -> None:
    newcomer.add_app()
    text = BY_APP.replace("{pem}", str(newcomer.pem))
    newcomer.configure(text)
    report = Report(newcomer)
    assert report.one("permissions").what == "the App may do all that is needed on octo"
    assert report.one("repository").what == "1 watched: octo/garden"
    newcomer.configure(text + 'repositories = ["octo/garden", "octo/cellar"]\n')
    missing_one, watched = Report(newcomer).lines("repository")
    assert (missing_one.status, watched.status) == ("failure", "ok")
    assert "octo/cellar" in missing_one.what
    newcomer.world.uninstall(1)
    assert "https://github.com/apps/merit" in Report(newcomer).one("permissions").remedy


def test_repositories_that_are_gone_moved_or_archived(newcomer: Home) -> None:
    names = '"octo/none", "octo/old-name", "octo/attic"'
    newcomer.configure(BY_TOKEN.replace('"octo/garden"', names))
    gone, moved, archived = Report(newcomer).lines("repository")
    assert (gone.status, moved.status, archived.status) == ("failure", "warning", "warning")
    assert "404" in gone.what
    assert "renamed or moved" in moved.what
    assert "archived" in archived.what


def test_quota(newcomer: Home) -> None:
    newcomer.configure(BY_TOKEN)
    newcomer.world.exhaust(TOKEN, leave=100)
    assert Report(newcomer).one("quota").status == "warning"
    newcomer.world.exhaust(TOKEN)
    report = Report(newcomer)
    assert report.one("quota").status == "failure"
    assert "0 of 5000 requests left" in report.one("quota").what


def test_without_credentials(newcomer: Home) -> None:
    newcomer.configure('[github]\napi_url = "{url}"\nrepositories = ["octo/garden"]\n')
    report = Report(newcomer)
    assert report.one("github").status == "ok"
    assert report.one("permissions").status == "skipped"
    assert report.one("repository").what == "octo/garden: public"


def test_every_need_is_met_by_what_the_readme_asks_for() -> None:
    assert list(
        missing(f"{need.permission}:{need.level}" for need in NEEDS if need.level == "write")
    ) == list(NEEDS[:2])
    assert (
        list(
            missing(
                ["metadata:read", "contents:read", "issues:write", "pull_requests:write", "statuses:write"]
            )
        )
        == []
    )


# --- database, disk, provider


def test_the_database_is_looked_at_and_left_as_it_is(newcomer: Home, make_database_url: MakeUrl) -> None:
    url = make_database_url()
    if url.startswith("sqlite"):
        Store.open(url).close_now()
        url = url.replace("sqlite:///", "sqlite:////")
    database = f'[database]\nurl = "{url}"\n'
    newcomer.configure(BY_TOKEN + database)
    newest = MIGRATIONS[-1].version
    assert f"schema version {newest}, " in Report(newcomer).one("database").what
    set_version(url, newest - 1)
    older = Report(newcomer).one("database")
    assert (older.status, "meritocrab backup" in older.remedy) == ("warning", True)
    set_version(url, newest + 1)
    newer = Report(newcomer).one("database")
    assert newer.status == "failure"
    assert f"knows only {newest}" in newer.what


def set_version(url: str, version: int) -> None:
    statement = f"UPDATE settings SET value = '{version}' WHERE name = 'schema_version'"
    if url.startswith("sqlite"):
        with sqlite3.connect(url.removeprefix("sqlite://")) as connection:
            connection.execute(statement)
        connection.close()
        return
    import psycopg

    with psycopg.connect(url, autocommit=True) as server:
        server.execute(statement)


def test_a_database_that_is_empty_away_or_no_database(newcomer: Home) -> None:
    newcomer.configure(BY_TOKEN + '[database]\nurl = "postgresql://me:geheimnis@127.0.0.1:1/x"\n')
    report = Report(newcomer)
    assert report.one("database").status == "failure"
    assert "geheimnis" not in report.raw
    file = newcomer.secret("x.db", "this is no database at all, whatever it is called; it is long enough")
    newcomer.configure(BY_TOKEN + f'[database]\nurl = "sqlite:///{file}"\n')
    assert "is not a SQLite database" in Report(newcomer).one("database").what
    file.write_bytes(b"")
    assert "is empty" in Report(newcomer).one("database").what
    assert sorted(newcomer.folder.glob("x.db*")) == [file]


def test_the_disk(newcomer: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    newcomer.configure(BY_TOKEN)
    for free, status in ((50, "failure"), (500, "warning"), (5000, "ok")):
        usage = (10**12, 0, free * 1024**2)
        monkeypatch.setattr(
            storage.shutil, "disk_usage", lambda _, usage=usage: type("U", (), {"free": usage[2]})
        )
        assert Report(newcomer).one("disk").status == status


def test_the_provider(newcomer: Home) -> None:
    with FakeVendor() as vendor:
        llm = f'[llm]\nprovider = "openai"\nmodel = "small-1"\nbase_url = "{vendor.url}/v1"\n'
        llm += 'api_key = "sk-goodgoodgood"\n'
        newcomer.configure(BY_TOKEN + llm)
        vendor.offers, vendor.key = ("small-1", "large-1"), "sk-goodgoodgood"
        assert "has the model small-1" in Report(newcomer).one("provider").what
        vendor.offers = ("small-2",)
        unknown = Report(newcomer).one("provider")
        assert (unknown.status, unknown.remedy) == ("failure", "set [llm] model to small-2")
        vendor.key = "another"
        refused = Report(newcomer)
        assert "does not accept the API key" in refused.one("provider").what
        assert "sk-goodgood" not in refused.raw
        vendor.key, vendor.offers = None, None
        assert Report(newcomer).one("provider").status == "skipped"
        assert [seen.path for seen in vendor.seen if "/models" not in seen.path] == []
    assert "cannot be reached" in Report(newcomer).one("provider").what


# --- the daemon


@contextmanager
def running(home: Home) -> Iterator[None]:
    """The daemon itself, as a process, until it answers."""
    root = str(Path(__file__).parents[2])
    log = home.folder / "log"
    with log.open("w") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", "meritocrab", "run"],
            env={**home.environment, "PYTHONPATH": root},
            stderr=stream,
        )
    try:
        while home.run("health", "--quiet", "--degraded-ok").status != 0:
            assert process.poll() is None, log.read_text()
        yield
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 0, log.read_text()
    finally:
        process.kill()
        process.wait()


def test_beside_a_running_daemon(newcomer: Home) -> None:
    newcomer.configure(BY_TOKEN)
    with running(newcomer):
        report = Report(newcomer)
        assert report.one("socket").what.startswith("meritocrab ")
        assert report.one("socket").status in ("ok", "warning")
        assert "schema version" in report.one("database").what
        assert report.failures() == []


def test_a_socket_that_was_left_or_is_none(newcomer: Home) -> None:
    newcomer.configure(BY_TOKEN)
    path = newcomer.folder / "run" / "meritocrab" / "meritocrab.sock"
    bind_socket(path).close()
    stale = Report(newcomer).one("socket")
    assert (stale.status, "was killed" in stale.what) == ("warning", True)
    path.unlink()
    path.write_text("")
    blocked = Report(newcomer).one("socket")
    assert (blocked.status, f"remove {path}" in blocked.remedy) == ("failure", True)


def test_a_daemon_that_is_silent(newcomer: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    from meritocrab.cli.checks import daemon

    newcomer.configure(BY_TOKEN)
    monkeypatch.setattr(daemon, "ANSWER_SECONDS", 0.2)
    with bind_socket(newcomer.folder / "run" / "meritocrab" / "meritocrab.sock"):
        silent = Report(newcomer).one("socket")
    assert (silent.status, "does not answer" in silent.what) == ("failure", True)


SYSTEMCTL = """\
#!/bin/sh
case "$1" in --user) exec /bin/cat "{folder}/user" ;; *) exec /bin/cat "{folder}/system" ;; esac
"""


def unit(name: str = "meritocrab.service", **more: str) -> str:
    values = {"Id": name, "LoadState": "loaded", "UnitFileState": "enabled", "ActiveState": "active"}
    return "\n".join(f"{key}={value}" for key, value in {**values, "SubState": "running", **more}.items())


ABSENT = unit(LoadState="not-found", UnitFileState="", ActiveState="inactive", SubState="dead")


@pytest.mark.parametrize(
    ("system", "user", "expected"),
    [
        (unit(), ABSENT, [("ok", "meritocrab.service is active, enabled")]),
        (ABSENT, ABSENT, [("warning", "no unit is installed: nothing starts the daemon")]),
        (None, None, [("skipped", "systemd does not run here")]),
        (
            unit(ActiveState="failed", Result="exit-code", UnitFileState="disabled"),
            ABSENT,
            [
                ("failure", "meritocrab.service has failed (exit-code)"),
                ("warning", "meritocrab.service does not start with the machine"),
            ],
        ),
        (None, unit(), [("ok", "meritocrab.service of this user is active, enabled")]),
        (
            unit(ActiveState="activating", SubState="auto-restart"),
            None,
            [("failure", "meritocrab.service ends again and again")],
        ),
        (unit(ActiveState="inactive"), None, [("warning", "meritocrab.service is inactive")]),
        (unit(LoadState="bad-setting"), None, [("failure", "meritocrab.service is bad-setting")]),
    ],
)
def test_systemd(
    newcomer: Home, system: str | None, user: str | None, expected: list[tuple[str, str]]
) -> None:
    newcomer.configure(BY_TOKEN)
    program = newcomer.bin / "systemctl"
    program.write_text(SYSTEMCTL.format(folder=newcomer.folder))
    program.chmod(0o755)
    for name, text in (("system", system), ("user", user)):
        if text is not None:
            (newcomer.folder / name).write_text(f"{text}\n\n{unit('meritocrab.socket')}\n")
    assert [line[:2] for line in Report(newcomer).lines("systemd")] == expected


def test_the_worst_line_counts() -> None:
    lines = [base.ok("a", "x"), base.skipped("b", "x")]
    assert base.worst(lines) is base.Status.OK
    lines += [base.failure("c", "x"), base.warning("d", "x"), base.warning("d", "y")]
    assert base.worst(lines) is base.Status.FAILURE
    assert list(base.counted(lines)) == ["1 failure", "2 warnings", "1 skipped", "1 ok"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may use every socket")
def test_a_socket_of_others(newcomer: Home) -> None:
    newcomer.configure(BY_TOKEN)
    path = newcomer.folder / "run" / "meritocrab" / "meritocrab.sock"
    with bind_socket(path):
        path.chmod(0)
        assert Report(newcomer).one("socket").status == "failure"
