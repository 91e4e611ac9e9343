"""Moving through the front door."""

from __future__ import annotations

from pathlib import Path

import pytest

from meritocrab.store.database import Store
from tests.cli.front_door import meritocrab
from tests.store.everything import fill


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "meritocrab.toml"
    path.write_text('[github]\nrepositories = ["octo/garden"]\n')
    store = Store.open(f"sqlite:///{tmp_path}/state/meritocrab.db")
    store.write_now(fill)
    store.close_now()
    return path


def _check(config: Path, *target: str) -> None:
    done = meritocrab(config, "move", *target)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Moved: 2 events, 6 ledger rows, 2 contributors" in done.stdout
    assert "ledger, row by row:   sha256 " in done.stdout
    assert "Set `[database] url`" in done.stdout
    again = meritocrab(config, "move", *target)
    assert again.returncode == 1
    assert "is not empty" in again.stderr


def test_to_another_file(config: Path, tmp_path: Path) -> None:
    _check(config, "--to", f"sqlite:///{tmp_path}/elsewhere/meritocrab.db")
    assert meritocrab(config, "verify", state="elsewhere").returncode == 0


@pytest.mark.postgres
def test_to_postgresql(config: Path, tmp_path: Path, postgres_url: str) -> None:
    (tmp_path / "url").write_text(postgres_url + "\n")
    _check(config, "--to-file", str(tmp_path / "url"))


def test_a_password_does_not_belong_on_the_command_line(config: Path) -> None:
    done = meritocrab(config, "move", "--to", "postgresql://meritocrab:hunter2@localhost/meritocrab")
    assert done.returncode == 1
    assert "--to-file" in done.stderr
    assert "hunter2" not in done.stderr


def test_a_target_is_needed(config: Path, tmp_path: Path) -> None:
    assert meritocrab(config, "move").returncode == 2
    done = meritocrab(config, "move", "--to-file", str(tmp_path / "nowhere"))
    assert done.returncode == 1
    assert "cannot read the URL" in done.stderr
    done = meritocrab(config, "move", "--to", "mysql://localhost/x")
    assert done.returncode == 78
