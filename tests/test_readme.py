"""README against the program: every key, path, command and link that it names exists, and none is left out."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_origin

import click
import pytest

from meritocrab.cli.main import COMMANDS, LazyGroup, cli
from meritocrab.config import load_config
from meritocrab.core.names import RepositoryState
from meritocrab.core.policy import PolicyRules
from meritocrab.core.toml_errors import table_of
from meritocrab.localapi import routes
from meritocrab.settings import Area, Settings, Table

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()

NO_DEFAULT = "–"


def section(heading: str) -> str:
    """What stands under a heading, up to the next one of its level or above."""
    level = heading.split()[0]
    found = re.search(rf"^{re.escape(heading)}\n(.*?)(?=^#{{1,{len(level)}}} |\Z)", README, re.M | re.S)
    assert found is not None, f"README has no heading {heading!r}"
    return found.group(1)


def documented(heading: str) -> dict[str, str]:
    """Keys and defaults of the tables under a heading: `[table]` headings, then rows of keys and as many defaults."""
    found: dict[str, str] = {}
    table = ""
    for line in section(heading).splitlines():
        if named := re.match(r"^\*\*`\[(.+?)\]`\*\*", line):
            table = f"{named.group(1)}."
        elif line.startswith("**At the top"):
            table = ""
        elif row := re.match(r"^\| (`.+?`(?:, `.+?`)*) \| (.+?) \| ", line):
            keys = re.findall(r"`(.+?)`", row.group(1))
            defaults = re.findall(r"`(.+?)`", row.group(2)) or [NO_DEFAULT] * len(keys)
            found |= {f"{table}{key}": value for key, value in zip(keys, defaults, strict=True)}
    return found


def known(model: type[Table], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Every key with its default as TOML writes it."""
    for name, field in model.model_fields.items():
        inner = table_of(field.annotation)
        if inner is not None:
            yield from known(inner, f"{prefix}{name}.")
        elif get_origin(field.annotation) is dict:
            yield prefix + name, NO_DEFAULT
        else:
            yield prefix + name, written(field.get_default(call_default_factory=True))


def written(value: Any) -> str:
    if value is None:
        return NO_DEFAULT
    if isinstance(value, float):
        return f"{value:g}"
    return json.dumps(list(value) if isinstance(value, tuple | frozenset) else value)


@pytest.mark.parametrize(
    ("heading", "model"),
    [("### The daemon's file", Settings), ("### The file `.meritocrab.toml`", PolicyRules)],
)
def test_the_reference_holds_every_key_with_its_default(heading: str, model: type[Table]) -> None:
    assert documented(heading) == dict(known(model))


def test_the_reference_names_every_area_of_the_log() -> None:
    from typing import get_args

    row = next(line for line in section("## Configuration reference").splitlines() if "| `areas` |" in line)
    assert {area for area in get_args(Area) if f"`{area}`" in row} == set(get_args(Area))


def blocks(language: str) -> list[str]:
    return re.findall(rf"^ *```{language}\n(.*?)^ *```", README, re.M | re.S)


@pytest.mark.parametrize("number", range(len(blocks("toml"))))
def test_what_it_shows_of_a_configuration_is_one(number: int, tmp_path: Path) -> None:
    text = blocks("toml")[number]
    values = tomllib.loads(text)
    if values.keys() & {"pr_threshold", "pr_opened", "wording"}:  # a repository's own file
        PolicyRules.model_validate(values)
        return
    for name in ("github-token", "llm-api-key", "ntfy-token"):
        secret = tmp_path / name
        secret.write_text("a-secret-of-nobody")
        secret.chmod(0o600)
    if "github" not in values:
        text = f'{text}\n[github]\ntoken_file = "github-token"\nrepositories = ["owner/name"]'
    file = tmp_path / "meritocrab.toml"
    file.write_text(text)
    load_config(file, {"STATE_DIRECTORY": str(tmp_path)})


def commands(group: click.Group, prefix: str = "") -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, f"{prefix}{name} ")
        yield prefix + name, command


ALL_COMMANDS = dict(commands(cli))
assert isinstance(cli, LazyGroup)


def test_it_names_every_command() -> None:
    told = {
        name
        for row in re.findall(r"^\| (`.*?) \|", section("## Commands of the program"), re.M)
        for quoted in re.findall(r"`(.*?)`", row.replace("\\|", "|"))
        for name in expanded(quoted.removeprefix("meritocrab "))
    }
    assert set(COMMANDS) - {name.split()[0] for name in told} == set()
    assert {name for name in ALL_COMMANDS if name not in COMMANDS} - told == set()


def expanded(quoted: str) -> list[str]:
    """`repo poll|pause [X]` stands for `repo poll` and `repo pause`."""
    words = re.split(r" [A-Z@\[{-]", quoted)[0].split()
    found = [""]
    for word in words:
        found = [f"{before} {each}".strip() for before in found for each in word.split("|")]
    return found


@pytest.mark.parametrize("line", [line for block in blocks("sh") for line in block.splitlines()])
def test_commands_that_it_tells_to_type_exist(line: str) -> None:
    for part in re.split(r" && | \| |; ", line.partition("  #")[0]):
        program, *words = shlex.split(part.removeprefix("sudo "))
        if Path(program).name == "meritocrab":
            assert check(words), line


def check(words: list[str]) -> bool:
    """Whether these words begin with a command and use only options that it has."""
    command: click.Command = cli
    while isinstance(command, click.Group):
        found = command.get_command(click.Context(command), words[0]) if words else None
        if found is None:
            return False
        command, words = found, words[1:]
    options = {name for param in command.params for name in (*param.opts, *param.secondary_opts)}
    used = {word.partition("=")[0] for word in words if word.startswith("--")}
    return used <= options | {"--help"}


def test_the_api_reference_names_every_route() -> None:
    text = section("## Local API")
    told = {
        (method, path.replace("R/", "/api/repos/{owner}/{repo}/").partition("?")[0])
        for method, path in re.findall(r"`(GET|POST) (\S+?)`", text)
    }
    told |= {("GET", "/api/repos/{owner}/{repo}")} if "`GET R`" in text else set()
    assert {(route.method, route.path) for route in routes.ROUTES} == {
        pair for pair in told if pair[1] != "R"
    }


def test_it_explains_every_state_of_a_repository() -> None:
    told = section("## When something is wrong")
    assert [state.value for state in RepositoryState if f"`{state.value}`" not in told] == []


def anchors() -> set[str]:
    headings = re.findall(r"^#+ (.+)$", re.sub(r"```.*?```", "", README, flags=re.S), re.M)
    return {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in headings}


def test_its_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", README):
        if target.startswith("#"):
            assert target[1:] in anchors(), target
        elif not target.startswith("https://"):
            assert (ROOT / target).exists(), target


def test_the_messages_that_it_explains_are_ours() -> None:
    program = "".join(file.read_text() for file in (ROOT / "meritocrab").rglob("*.py"))
    first_cells = re.findall(r"^\| (.+?) \| ", section("## When something is wrong"), re.M)
    quoted = [phrase.strip("… ") for cell in first_cells for phrase in re.findall(r"`(.+?)`", cell)]
    messages = [phrase for phrase in quoted if " " in phrase]
    assert len(messages) > 10
    assert [phrase for phrase in messages if phrase not in program] == []
