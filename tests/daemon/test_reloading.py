"""Reading the configuration again: what changes, what waits for a restart, and what nobody must see."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from meritocrab.config import Config, load_config
from meritocrab.daemon.reloading import Reloading, as_far_as_possible, changed_keys, waiting_for_restart
from meritocrab.logs import redact

BASE = '[github]\ntoken = "ghp_oneofthetokens"\nrepositories = ["octo/garden"]\n'


def config(folder: Path, text: str = BASE) -> Config:
    path = folder / "meritocrab.toml"
    path.write_text(text)
    path.chmod(0o600)
    return load_config(path, {"STATE_DIRECTORY": str(folder)})


@pytest.mark.parametrize(
    ("more", "keys"),
    [
        ("", ()),
        ("[poll]\ninterval = 90\n", ("poll.interval",)),
        ("[credit]\npr_threshold = 40\n", ("credit.pr_threshold",)),
        ('[repository."octo/garden"]\nenforcement = "observe"\n', ('repository."octo/garden"',)),
        ("[llm.prices]\nm = [1.0, 2.0]\n", ("llm.prices.m",)),
    ],
)
def test_what_changed_is_named(tmp_path: Path, more: str, keys: tuple[str, ...]) -> None:
    assert changed_keys(config(tmp_path), config(tmp_path, BASE + more)) == keys


def test_a_secret_that_changed_is_named_and_not_shown(tmp_path: Path) -> None:
    old, new = config(tmp_path), config(tmp_path, BASE.replace("oneofthetokens", "anotherofthem"))
    assert changed_keys(old, new) == ("github.token",)


def test_what_is_held_open_stays_and_the_rest_does_not(tmp_path: Path) -> None:
    more = '[database]\nurl = "sqlite:///other.db"\n[api]\nsocket = "other.sock"\nlisten = "127.0.0.1:9464"\n'
    old, new = config(tmp_path), config(tmp_path, BASE + more + "[poll]\ninterval = 90\n")
    assert waiting_for_restart(old, new) == ("database.url", "api.socket", "api.listen")
    merged = as_far_as_possible(old, new)
    assert (merged.database_url, merged.socket, merged.api.address) == (old.database_url, old.socket, None)
    assert merged.poll.interval == 90
    assert waiting_for_restart(old, merged) == ()


async def test_a_fault_of_ours_while_reading_changes_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def fails() -> Config:
        raise RuntimeError("a bug")

    reloading = Reloading(fails)
    assert await reloading.read(config(tmp_path)) is None
    assert reloading.concerns == ("the new configuration is refused, the last good one stays: a bug",)
    assert "by our own fault" in caplog.text


async def test_a_file_that_is_gone_is_not_the_defaults(tmp_path: Path) -> None:
    present = config(tmp_path)
    reloading = Reloading(lambda: replace(present, path=None))
    assert await reloading.read(present) is None
    assert f"{present.path}: the configuration file is gone" in reloading.concerns[0]


async def test_several_problems_are_one_concern(tmp_path: Path) -> None:
    present = config(tmp_path)
    reloading = Reloading(lambda: config(tmp_path, BASE + "[poll]\ninterval = 0\nmax_interval = 0\n"))
    assert await reloading.read(present) is None
    assert "meritocrab.toml:5: poll.interval" in reloading.concerns[0]
    assert reloading.concerns[0].endswith("(and 1 more)")


async def test_new_secrets_are_masked_from_the_first_moment_on(tmp_path: Path) -> None:
    secret = "correct horse battery"
    url = f'[database]\nurl = "postgresql://me:{secret.replace(" ", "%20")}@db/name"\n'
    reloading = Reloading(lambda: config(tmp_path, BASE + url))
    assert await reloading.read(config(tmp_path)) is not None
    assert secret not in redact(f"it says {secret}")
