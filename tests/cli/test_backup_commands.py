"""Backup and restore through the front door, beside a process that holds the database open."""

from __future__ import annotations

from pathlib import Path

import pytest

from meritocrab.daemon.lock import DaemonLock
from meritocrab.store.database import Store
from tests.cli.front_door import meritocrab
from tests.store.everything import fill


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "meritocrab.toml"
    path.write_text('[github]\nrepositories = ["octo/garden"]\n')
    return path


def test_there_and_back(config: Path, tmp_path: Path) -> None:
    store = Store.open(f"sqlite:///{tmp_path}/state/meritocrab.db")
    store.write_now(fill)
    file = str(tmp_path / "backup.db")
    with DaemonLock(store):
        done = meritocrab(config, "backup", file)
        assert (done.returncode, done.stderr) == (0, "")
        assert "2 events, 6 ledger rows, 2 contributors" in done.stdout
        assert "KiB" in done.stdout
        refused = meritocrab(config, "backup", file)
        assert (refused.returncode, refused.stdout) == (1, "")
        assert "exists already" in refused.stderr
        refused = meritocrab(config, "restore", file, "--force")
        assert refused.returncode == 75
        assert "`systemctl stop meritocrab`" in refused.stderr
    refused = meritocrab(config, "restore", file)
    assert refused.returncode == 1
    assert "is not empty" in refused.stderr
    store.close_now()

    done = meritocrab(config, "restore", file, "--force")
    assert (done.returncode, done.stderr) == (0, "")
    assert "is kept as" in done.stdout
    assert "2 contributors, 6 ledger rows: every credit is the sum of its rows." in done.stdout
    done = meritocrab(config, "restore", file, state="elsewhere")
    assert done.returncode == 0
    assert "is kept" not in done.stdout
    assert meritocrab(config, "verify", state="elsewhere").returncode == 0


def test_without_a_database_there_is_no_backup(config: Path, tmp_path: Path) -> None:
    done = meritocrab(config, "backup", str(tmp_path / "backup.db"))
    assert done.returncode == 1
    assert "there is no database at" in done.stderr
    assert not (tmp_path / "backup.db").exists()
