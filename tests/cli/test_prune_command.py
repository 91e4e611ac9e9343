"""Erasing by age through the front door."""

from __future__ import annotations

from pathlib import Path

import pytest

from meritocrab.store.database import Store
from tests.cli.front_door import meritocrab
from tests.store.everything import fill

REPOSITORIES = '[github]\nrepositories = ["octo/garden"]\n'


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "meritocrab.toml"
    path.write_text(REPOSITORIES + "[retention]\nevent_payloads_days = 7\nmessages_days = 7\n")
    store = Store.open(f"sqlite:///{tmp_path}/state/meritocrab.db")
    store.write_now(fill)
    store.close_now()
    return path


def test_what_would_go_and_what_went(config: Path) -> None:
    for _ in range(2):
        done = meritocrab(config, "prune", "--dry-run")
        assert (done.returncode, done.stderr) == (0, "")
        first, second = done.stdout.splitlines()
        assert first.startswith("event_payloads: 2 rows from before 20")
        assert first.endswith("would be erased")
        assert second.startswith("messages: 2 rows")
    done = meritocrab(config, "prune")
    assert [line.split(" ")[1] for line in done.stdout.splitlines()] == ["2", "2"]
    done = meritocrab(config, "prune")
    assert [line.split(" ")[1] for line in done.stdout.splitlines()] == ["0", "0"]
    assert meritocrab(config, "verify").returncode == 0


def test_by_default_nothing_goes(config: Path) -> None:
    config.write_text(REPOSITORIES)
    done = meritocrab(config, "prune")
    assert (done.returncode, done.stdout) == (0, "Nothing is erased by age: [retention] keeps everything.\n")
