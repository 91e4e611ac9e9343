"""The brake without a daemon, and the trial of notifications, as processes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.front_door import meritocrab
from tests.e2e.listener import listening, script, told


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "meritocrab.toml"
    path.write_text('[api]\nsocket = "nobody.sock"\n')
    path.chmod(0o600)
    return path


def test_without_a_daemon_the_file_is_made_and_removed_here(config: Path) -> None:
    state = config.parent / "state"
    state.mkdir()
    done = meritocrab(config, "pause", "--all", "--reason", "holidays")
    assert done.returncode == 0
    assert f"no daemon answers; wrote {state}/paused: while it is there" in done.stdout
    assert "holidays" in (state / "paused").read_text()
    assert "there is already" in meritocrab(config, "pause", "--all").stdout
    said = json.loads(meritocrab(config, "resume", "--all", "--json").stdout)
    assert said == {"daemon": False, "said": f"no daemon answers; removed {state}/paused"}
    assert not (state / "paused").exists()
    again = meritocrab(config, "resume")
    assert (again.returncode, "there is no" in again.stderr) == (3, True)


def test_without_a_state_directory_nothing_is_pretended(config: Path) -> None:
    failed = meritocrab(config, "pause", "--all")
    assert failed.returncode == 75
    assert "set STATE_DIRECTORY to the daemon's" in failed.stderr
    assert not (config.parent / "state").exists()


def test_notify_test_says_what_came_back(config: Path) -> None:
    nothing = meritocrab(config, "notify", "test")
    assert nothing.returncode == 2
    assert "nothing to try" in nothing.stderr
    command = script(config.parent, "print('heard it', flush=True)")
    (config.parent / "token").write_text("tk_of-the-topic\n")
    (config.parent / "token").chmod(0o600)
    with listening() as listener:
        config.write_text(
            f'[notify]\ncommand = {json.dumps(command)}\nurl = "{listener.url}"\ntoken_file = "token"\n'
        )
        done = meritocrab(config, "notify", "test")
        assert done.returncode == 0, done.stderr
        assert "heard it" in done.stdout
        assert "command  the command ended with status 0" in done.stdout
        assert "url      127.0.0.1 answered with status 200" in done.stdout
        ((headers, text),) = listener.heard
        assert headers["Authorization"] == "Bearer tk_of-the-topic"
        assert text == "If you can read this, notifications arrive."
        ((message, _),) = told(config.parent)
        assert message["id"] == "trial"
        listener.status = 403
        failed = meritocrab(config, "notify", "test")
        assert failed.returncode == 1
        assert "url      not delivered: 127.0.0.1 answered with status 403" in failed.stdout
        assert "tk_of-the-topic" not in failed.stdout + failed.stderr
    config.write_text('[notify]\nurl = "http://localhost:9/topic"\n')
    assert "localhost cannot be reached: ConnectError" in meritocrab(config, "notify", "test").stdout
