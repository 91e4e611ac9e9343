"""`meritocrab config`: is the configuration right, and what is in force?

Both are answered without touching the database or the network, so that they work before anything else does.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import click

from meritocrab.cli.main import config_option, config_path
from meritocrab.config import Config, find_config_file, load_config
from meritocrab.core.toml_errors import dotted


@click.group()
def config() -> None:
    """Check or show the configuration."""


@config.command()
@config_option
@click.pass_context
def check(ctx: click.Context) -> None:
    """Check the configuration and list every problem in it.

    The exit status is 0 when the daemon would start with it, 78 otherwise.
    """
    path = config_path(ctx)
    found = find_config_file(path)
    click.echo(f"configuration file: {found or 'none'}")
    loaded = load_config(path)
    click.echo("ok")
    for line in _summary(loaded):
        click.echo(f"  {line}")
    for warning in loaded.warnings:
        click.echo(f"warning: {warning}")


@config.command()
@click.option("--sources", is_flag=True, help="Say behind every value where it comes from.")
@config_option
@click.pass_context
def show(ctx: click.Context, sources: bool) -> None:
    """Print the configuration in force as TOML, every secret masked."""
    loaded = load_config(config_path(ctx))
    for line in toml_lines(loaded.masked(), loaded.sources() if sources else {}):
        click.echo(line)


def toml_lines(values: Mapping[str, Any], comments: Mapping[str, str]) -> Iterator[str]:
    """`values` as TOML, plain keys before tables, with the comment that a dotted path has behind its key."""
    yield from _table(values, (), comments)


def _table(values: Mapping[str, Any], path: tuple[str, ...], comments: Mapping[str, str]) -> Iterator[str]:
    tables = {key: value for key, value in values.items() if isinstance(value, Mapping)}
    plain = {key: value for key, value in values.items() if key not in tables}
    if path and plain:
        yield ""
        yield f"[{'.'.join(_key(part) for part in path)}]"
    for key, value in plain.items():
        comment = comments.get(dotted((*path, key)))
        yield f"{_key(key)} = {_value(value)}" + (f"  # {comment}" if comment else "")
    for key, value in tables.items():
        yield from _table(value, (*path, key), comments)


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else _text(key)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return f"[{', '.join(_value(each) for each in value)}]"
    return _text(value) if isinstance(value, str) else repr(value)


def _text(text: str) -> str:
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(char if char.isprintable() else f"\\U{ord(char):08x}" for char in quoted)


def _summary(loaded: Config) -> Iterator[str]:
    names = {"token": "with a token", "app": "as a GitHub App", "anonymous": "without credentials, read-only"}
    listed = ", ".join(loaded.github.repositories)
    every = "all that the App is installed on" if loaded.github.auth == "app" else "none"
    yield f"GitHub:       {loaded.github.api_url}, {names[loaded.github.auth]}"
    yield f"repositories: {listed or every}"
    tables = loaded.repository_policies.items()
    own = (f"{name}: {policy.enforcement.value}" for name, policy in tables)
    yield f"enforcement:  {', '.join((loaded.base_policy.enforcement.value, *own))}"
    poll = loaded.poll
    yield f"poll:         every {poll.interval} s ({poll.min_interval} to {poll.max_interval} s)"
    yield f"judge:        {loaded.llm.provider}"
    yield f"database:     {loaded.masked()['database'].get('url', loaded.database.url_file)}"
