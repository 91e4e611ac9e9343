"""The command line: `config check`, `config show`, exit statuses, and what `--help` may import."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import click
import pytest

from meritocrab import __version__
from meritocrab.cli import main as cli_main
from meritocrab.cli.config import toml_lines
from meritocrab.errors import MeritocrabError

TOKEN = "ghp_0123456789abcdefSECRET"
GOOD = f"""
[github]
token = "{TOKEN}"
repositories = ["octo/crab"]
[repository."octo/crab".credit]
pr_threshold = 60
"""


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("MERITOCRAB_") or name in ("CONFIGURATION_DIRECTORY", "STATE_DIRECTORY"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "meritocrab.toml"
    path.write_text(GOOD)
    path.chmod(0o600)
    return path


class Run:
    """What one call of the command printed and how it ended."""

    def __init__(self, capsys: pytest.CaptureFixture[str], *args: str) -> None:
        with pytest.raises(SystemExit) as caught:
            cli_main.main(list(args))
        self.status = caught.value.code or 0
        self.out, self.err = capsys.readouterr()


def test_a_good_configuration_is_ok(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = Run(capsys, "--config", str(file), "config", "check")

    assert run.status == 0
    assert run.out.splitlines()[:2] == [f"configuration file: {file}", "ok"]
    assert "octo/crab" in run.out
    assert "with a token" in run.out
    assert TOKEN not in run.out
    assert run.err == ""


def test_the_option_may_follow_the_subcommand(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = Run(capsys, "config", "check", "--config", str(file))

    assert run.out.startswith(f"configuration file: {file}")


def test_a_broken_configuration_lists_everything_and_ends_with_78(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text(GOOD + '[poll]\ninterval = "fast"\nintervall = 5\n')

    run = Run(capsys, "--config", str(file), "config", "check")

    assert run.status == 78
    assert run.out == f"configuration file: {file}\n"
    assert [line.partition(": ")[0] for line in run.err.splitlines()] == [f"{file}:8", f"{file}:9"]
    assert "Traceback" not in run.err


def test_no_file_is_said_and_is_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    run = Run(capsys, "config", "check")

    assert run.status == 0
    assert run.out.startswith("configuration file: none\nok\n")
    assert "warning: no configuration file found" in run.out


def test_a_missing_file_ends_with_78(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = Run(capsys, "--config", str(tmp_path / "no.toml"), "config", "show")

    assert run.status == 78
    assert "there is no such file" in run.err


def test_show_masks_secrets_and_is_toml(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = Run(capsys, "--config", str(file), "config", "show")
    shown = tomllib.loads(run.out)

    assert TOKEN not in run.out
    assert shown["github"]["token"] == "**********"
    assert shown["poll"]["interval"] == 60
    assert shown["repository"]["octo/crab"]["credit"] == {"pr_threshold": 60}


def test_show_can_tell_where_values_come_from(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MERITOCRAB_POLL__INTERVAL", "5")

    run = Run(capsys, "config", "show", "--sources", "--config", str(file))

    assert "interval = 5  # MERITOCRAB_POLL__INTERVAL" in run.out
    assert f'repositories = ["octo/crab"]  # {file}:4' in run.out
    assert 'enforcement = "observe"  # default' in run.out
    assert tomllib.loads(run.out)["poll"]["interval"] == 5


def test_what_show_prints_can_be_loaded_again(
    file: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file.write_text(GOOD.replace(f'token = "{TOKEN}"', ""))
    first = Run(capsys, "--config", str(file), "config", "show").out
    again = tmp_path / "again.toml"
    again.write_text(first)

    assert Run(capsys, "--config", str(again), "config", "show").out == first


def test_any_text_is_written_as_toml() -> None:
    values = {
        "a b": 'quote " back \\ line\n\x7f\u202e 🦀',
        "t": {"x.y": {"k": [1, "a"], "f": 1.5, "b": True}},
        "e": {},
    }

    lines = list(toml_lines(values, {}))

    assert tomllib.loads("\n".join(lines)) == {key: value for key, value in values.items() if key != "e"}
    assert all(line.isprintable() for line in lines)


# --- errors ---


def _raise(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    @click.command()
    def fail() -> None:
        raise error

    monkeypatch.setattr(cli_main, "fail", fail, raising=False)
    monkeypatch.setitem(cli_main.COMMANDS, "fail", ("meritocrab.cli.main:fail", "Fails."))


class OwnError(MeritocrabError):
    exit_status = 3


def test_an_own_error_is_a_message_with_its_status(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _raise(monkeypatch, OwnError("the pot is empty; fill it"))

    run = Run(capsys, "fail")

    assert (run.status, run.err) == (3, "meritocrab: the pot is empty; fill it\n")


def test_an_unexpected_error_is_one_line_and_a_hint(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _raise(monkeypatch, RuntimeError(f"boom\n\x1b {TOKEN}"))

    short, long = Run(capsys, "fail"), Run(capsys, "--debug", "fail")

    assert short.status == long.status == 70
    assert short.err.startswith("meritocrab: unexpected error: RuntimeError: boom\\n\\x1b ***\n")
    assert "--debug" in short.err
    assert "Traceback" not in short.err
    assert "Traceback" in long.err
    assert TOKEN not in long.err


def test_an_interruption_ends_with_130(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _raise(monkeypatch, KeyboardInterrupt())

    run = Run(capsys, "fail")

    assert run.status == 130
    assert "Traceback" not in run.err


def test_wrong_usage_ends_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    unknown, option = Run(capsys, "conf"), Run(capsys, "config", "check", "--nope")

    assert (unknown.status, option.status) == (2, 2)
    assert unknown.err.splitlines()[-1] == 'Error: No such command "conf". Did you mean "config"?'


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert Run(capsys, "--version").out == f"meritocrab {__version__}\n"


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    run = Run(capsys, "--help")

    assert run.status == 0
    assert all(f"  {name} " in run.out and text in run.out for name, (_, text) in cli_main.COMMANDS.items())


@pytest.mark.parametrize("name", list(cli_main.COMMANDS))
def test_every_command_is_where_the_table_says(name: str) -> None:
    module, _, attribute = cli_main.COMMANDS[name][0].partition(":")

    assert importlib.util.find_spec(module) is not None
    assert isinstance(getattr(importlib.import_module(module), attribute), click.Command)


# --- as a process ---


def _process(*args: str, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *args], capture_output=True, text=True, timeout=60, **options)  # type: ignore[call-overload,no-any-return]


def test_help_imports_nothing_heavy() -> None:
    run = _process("-X", "importtime", "-m", "meritocrab", "--help")
    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in run.stderr.splitlines()}

    assert run.returncode == 0
    heavy = {
        "pydantic",
        "peewee",
        "githubkit",
        "httpx",
        "apscheduler",
        "platformdirs",
        "markdown_it",
        "asyncio",
    }
    assert not imported & heavy


def test_the_module_runs_and_closed_pipes_are_no_errors(file: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as stdout:
        run = subprocess.run(
            [sys.executable, "-m", "meritocrab", "--config", str(file), "config", "show"],
            stdout=stdout, stderr=subprocess.PIPE, text=True, timeout=60, check=False,
        )  # fmt: skip

    assert run.stderr == ""
    assert run.returncode == 1
