"""A person's request for access or erasure, through the front door, beside a running daemon."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from meritocrab.daemon.lock import DaemonLock
from meritocrab.store.database import Store
from tests.cli.front_door import meritocrab
from tests.store.everything import ROSA, fill


@pytest.fixture
def config(tmp_path: Path) -> Iterator[Path]:
    """A configuration whose database a daemon works on."""
    path = tmp_path / "meritocrab.toml"
    path.write_text('[github]\nrepositories = ["octo/garden"]\n')
    store = Store.open(f"sqlite:///{tmp_path}/state/meritocrab.db")
    store.write_now(fill)
    with DaemonLock(store):
        yield path
    store.close_now()


def test_access_and_erasure(config: Path) -> None:
    shown = meritocrab(config, "export", "person", "@rosa")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert json.loads(shown.stdout)["accounts"][0]["login"] == "rosa"

    done = meritocrab(config, "forget", "@rosa", "--yes")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"Account {ROSA} is forgotten. Erased: accounts 1, calls 1, evaluations 1, events 1" in done.stdout

    assert meritocrab(config, "export", "person", "@rosa").returncode == 1
    left = json.loads(meritocrab(config, "export", "person", f"id:{ROSA}").stdout)
    assert left["accounts"][0]["login"] == ""
    assert len(left["ledger"]) == 3
    assert meritocrab(config, "verify").returncode == 0
    assert "nothing that was not erased" in meritocrab(config, "forget", f"id:{ROSA}", "--yes").stdout


def test_nothing_is_forgotten_without_a_yes(config: Path) -> None:
    refused = meritocrab(config, "forget", "@rosa")
    assert refused.returncode == 130
    assert f"Erase everything about @rosa (id {ROSA})" in refused.stdout
    assert meritocrab(config, "export", "person", "@rosa").returncode == 0


def test_an_unknown_person_is_an_error_in_words(config: Path) -> None:
    for command in (["forget", "@nobody", "--yes"], ["export", "person", "@nobody"]):
        done = meritocrab(config, *command)
        assert (done.returncode, done.stdout) == (1, "")
        assert "nothing is held about @nobody" in done.stderr
