"""The two commands that look at the database, through the front door."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from meritocrab.core.names import Enforcement
from meritocrab.store import ledger
from meritocrab.store.database import Store
from meritocrab.store.models import AccountRow, ContributorRow, Repository

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOSTILE = "al\x1b[31mice"


@pytest.fixture
def config(tmp_path: Path, sqlite_url: str) -> Path:
    path = tmp_path / "meritocrab.toml"
    url = "sqlite:////" + sqlite_url.removeprefix("sqlite:///")
    path.write_text(f'[github]\nrepositories = ["octo/repo"]\n\n[database]\nurl = "{url}"\n')
    return path


@pytest.fixture
def filled(sqlite_store: Store) -> Store:
    def fill() -> None:
        Repository.create(github_id=987_654_321, full_name="octo/repo", name_key="octo/repo", access="token")
        AccountRow.create(id=7, login=HOSTILE, login_key=HOSTILE, type="User", seen_at=NOW)
        ledger.open_contributor(987_654_321, 7, 100, NOW, enforcement=Enforcement.OBSERVE)

    sqlite_store.write_now(fill)
    return sqlite_store


def _meritocrab(config: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own, beside whatever holds the database open here."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MERITOCRAB")}
    return subprocess.run(
        [sys.executable, "-m", "meritocrab", "--config", str(config), *arguments],
        env=environment | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


def _spoil() -> None:
    ContributorRow.update(credit=99).execute()


def test_a_sound_ledger(filled: Store, config: Path) -> None:
    done = _meritocrab(config, "verify")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "1 contributors, 1 ledger rows: every credit is the sum of its rows.\n"


def test_a_spoilt_balance(filled: Store, config: Path) -> None:
    filled.write_now(_spoil)
    done = _meritocrab(config, "verify")
    assert done.returncode == 1
    assert "octo/repo" in done.stdout
    assert "(id 7): is stored with 99 credit, but the ledger adds up to 100" in done.stdout
    assert "\x1b" not in done.stdout


def test_the_result_as_json(filled: Store, config: Path) -> None:
    filled.write_now(_spoil)
    done = _meritocrab(config, "verify", "--json")
    assert done.returncode == 1
    report = json.loads(done.stdout)
    assert (report["ok"], report["contributors"], report["rows"], len(report["problems"])) == (False, 1, 1, 1)


@pytest.mark.parametrize("command", [["verify"], ["export", "events"]])
def test_a_missing_database_is_an_error_and_is_not_made(config: Path, command: list[str]) -> None:
    done = _meritocrab(config, *command)
    assert done.returncode == 1
    assert "there is no database at" in done.stderr
    assert [path.name for path in config.parent.iterdir()] == [config.name]


@pytest.mark.parametrize(("what", "rows"), [("events", 0), ("ledger", 1), ("contributors", 1)])
def test_exports_are_json_lines(filled: Store, config: Path, what: str, rows: int) -> None:
    done = _meritocrab(config, "export", what, "--repo", "Octo/Repo")
    assert (done.returncode, done.stderr) == (0, "")
    found: list[dict[str, Any]] = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(row["repo"], row["login"]) for row in found] == [("octo/repo", HOSTILE)] * rows
    assert "\x1b" not in done.stdout


def test_a_span_of_time_is_utc(filled: Store, config: Path) -> None:
    for option, rows in ((["--since", "2026-03-01T12:00:00Z"], 1), (["--until", "2026-03-01T12:00:00"], 0)):
        done = _meritocrab(config, "export", "ledger", *option)
        assert len(done.stdout.splitlines()) == rows


def test_an_unknown_repository(filled: Store, config: Path) -> None:
    done = _meritocrab(config, "export", "ledger", "--repo", "octo/nope")
    assert done.returncode == 1
    assert "Known are: octo/repo." in done.stderr
