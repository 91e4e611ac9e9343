"""`meritocrab backup` and `restore`: everything in one file, made while the daemon runs, and the way back."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

from meritocrab.cli.main import config_option, config_path

FILE = click.Path(path_type=Path)


@click.command()
@click.argument("file", type=FILE)
@click.option("--force", is_flag=True, help="Replace a file that is there.")
@config_option
@click.pass_context
def backup(ctx: click.Context, file: Path, force: bool) -> None:
    """Write everything the database holds to FILE, one SQLite file, while the daemon runs.

    The file is readable for you only. It is read again and its ledger added up before it takes its name.
    """
    from meritocrab.config import load_config
    from meritocrab.store import backups

    made = backups.make(load_config(config_path(ctx)).database_url, file, force=force)
    click.echo(f"{file}: {size(made.size)}, {counted(made.rows)}; schema version {made.version}.")
    click.echo("It was read again: no damage, and every credit is the sum of its rows.")


@click.command()
@click.argument("file", type=FILE)
@click.option(
    "--force", is_flag=True, help="Also over a SQLite database with records, which is kept beside it."
)
@config_option
@click.pass_context
def restore(ctx: click.Context, file: Path, force: bool) -> None:
    """Put the backup FILE in the place of the configured database. Stop the daemon first.

    A backup made by an older version is brought up to date. What was posted on GitHub since is not posted again.
    """
    from datetime import UTC, datetime

    from meritocrab.cli.verify import as_text
    from meritocrab.config import load_config
    from meritocrab.store import backups

    config = load_config(config_path(ctx))
    if config.database.url is None:
        config.make_state_dir()
    done = backups.restore(config.database_url, file, datetime.now(UTC), force=force)
    if done.kept is not None:
        click.echo(f"The former database is kept as {done.kept}.")
    click.echo(as_text(done.report))
    click.echo(
        f"{file} is restored. Whom you asked to be forgotten since it was made has to be forgotten again."
    )


def counted(rows: Mapping[str, int]) -> str:
    """Words for how much there is."""
    words = {"events": "events", "ledger": "ledger rows", "contributors": "contributors"}
    parts = [f"{rows[table]} {word}" for table, word in words.items()]
    return f"{', '.join(parts)}, {sum(rows.values())} rows in all"


def size(number: int) -> str:
    """A number of bytes, rounded for people."""
    if number < 1024:
        return f"{number} bytes"
    if number < 1024**2:
        return f"{number / 1024:.0f} KiB"
    return f"{number / 1024**2:.1f} MiB" if number < 1024**3 else f"{number / 1024**3:.1f} GiB"
