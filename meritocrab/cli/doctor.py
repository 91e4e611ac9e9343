"""`meritocrab doctor`: looks at everything that an installation needs, and says for each what is wrong and what helps.

It only looks: nothing is written to GitHub, to the database or to a file. It works beside a running daemon and without
one.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from meritocrab.cli.main import config_option, config_path

if TYPE_CHECKING:
    from meritocrab.cli.checks.base import Check, Examined, Kind

FAILED, UNUSABLE = 1, 78


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Write one JSON object instead of lines.")
@config_option
@click.pass_context
def doctor(ctx: click.Context, as_json: bool) -> None:
    """Look for what keeps the daemon from working, and say what helps.

    Looks at the configuration, file permissions, the clock, GitHub, permissions, quota, database, disk, provider,
    socket and systemd, and changes none of them. Exits with 0 when nothing failed (warnings count as well), with 1
    when something did, with 78 when the configuration cannot be used.
    """
    import asyncio

    checks = asyncio.run(_examined(config_path(ctx), as_json))
    _finish(ctx, checks, as_json)


async def _examined(path: Path | None, as_json: bool) -> list[Check]:
    from meritocrab.cli.checks.base import examine

    examined = _installation(path)
    checks = []
    try:
        async for check in examine(_kinds(), examined):
            checks.append(check)
            if not as_json:
                _show(check)
    finally:
        if examined.github is not None:
            await examined.github.aclose()
    return checks


def _kinds() -> tuple[Kind, ...]:
    """What is looked at, in this order."""
    from meritocrab.cli.checks import access, configuration, daemon, github, provider, storage
    from meritocrab.cli.checks.base import Kind

    return (
        Kind(configuration.NAME, configuration.look_at_configuration, needs_config=False),
        Kind(configuration.FILES, configuration.look_at_files),
        Kind(github.CLOCK, github.look_at_clock),
        Kind(access.ACCESS, access.look_at_access),
        Kind(github.REPOSITORY, github.look_at_repositories),
        Kind(github.QUOTA, github.look_at_quota),
        Kind(storage.DATABASE, storage.look_at_database),
        Kind(storage.DISK, storage.look_at_disk, needs_config=False),
        Kind(provider.NAME, provider.look_at_provider),
        Kind(daemon.SOCKET, daemon.look_at_socket, needs_config=False),
        Kind(daemon.SYSTEMD, daemon.look_at_systemd, needs_config=False),
    )


def _installation(path: Path | None) -> Examined:
    """What is to be examined, with its secrets known to whatever prints."""
    import logging

    from meritocrab.cli.checks.base import Examined
    from meritocrab.cli.github import client_for, credential_of
    from meritocrab.config import find_socket, find_state_dir, load_config
    from meritocrab.errors import ConfigError, Problem
    from meritocrab.github.errors import Unauthorized
    from meritocrab.logs import register_secret

    # the lines say it all; without a handler Python would print the log's warnings among them
    logging.getLogger("meritocrab").addHandler(logging.NullHandler())
    places = find_state_dir(), find_socket(path)
    try:
        config = load_config(path)
        for secret in config.secrets():
            register_secret(secret)
        github = client_for(credential_of(config.github), config.github.api_url, config.github.timeout)
    except ConfigError as error:
        return Examined(error, *places)
    except Unauthorized as error:
        problem = Problem(str(config.path or "configuration"), str(error), "github")
        return Examined(ConfigError([problem]), *places)
    return Examined(config, *places, github)


def _show(check: Check) -> None:
    for line in _lines(check):
        click.echo(line)


def _lines(check: Check) -> Iterator[str]:
    import textwrap

    from meritocrab.logs import escaped, redact

    head = f"{check.status:<9}{check.name:<15}"
    columns = max(60, shutil.get_terminal_size().columns) if sys.stdout.isatty() else 10_000
    indent = " " * len(head)
    for text, first, later in ((check.what, head, indent), (check.remedy, f"{indent}-> ", f"{indent}   ")):
        if text:
            yield from textwrap.wrap(
                escaped(redact(" ".join(text.split()))),
                columns,
                initial_indent=first,
                subsequent_indent=later,
                break_long_words=False,
                break_on_hyphens=False,
            )


def _finish(ctx: click.Context, checks: list[Check], as_json: bool) -> None:
    from meritocrab.cli.checks import configuration
    from meritocrab.cli.checks.base import Status, counted, worst

    status = worst(checks)
    click.echo(_as_json(checks, status) if as_json else f"\n{', '.join(counted(checks))}")
    unusable = any(check.name == configuration.NAME and check.status is Status.FAILURE for check in checks)
    ctx.exit(UNUSABLE if unusable else FAILED if status is Status.FAILURE else 0)


def _as_json(checks: list[Check], status: str) -> str:
    from dataclasses import asdict

    from meritocrab import __version__
    from meritocrab.logs import redact

    lines = [{key: redact(value) for key, value in asdict(check).items()} for check in checks]
    return json.dumps({"status": status, "version": __version__, "checks": lines})
