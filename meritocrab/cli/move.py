"""`meritocrab move`: from SQLite to PostgreSQL or back, with the proof that everything arrived."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from meritocrab.cli.main import config_option, config_path

if TYPE_CHECKING:
    from meritocrab.store.transfer import Copied


@click.command()
@click.option("--to", "url", metavar="URL", help="The new database, without a password. It must be empty.")
@click.option(
    "--to-file",
    "url_file",
    type=click.Path(path_type=Path),
    help="A file that holds the URL, when it has a password.",
)
@config_option
@click.pass_context
def move(ctx: click.Context, url: str | None, url_file: Path | None) -> None:
    """Copy everything from the configured database into another one, of either kind.

    Stop the daemon first. All goes over in one transaction: a move that is killed leaves the new database empty.
    The present database stays as it is; use the new one by setting `[database] url`.
    """
    from meritocrab.config import load_config
    from meritocrab.store import moving

    target = _target(url, url_file)
    copied = moving.move(load_config(config_path(ctx)).database_url, target)
    _report(copied)


def _target(url: str | None, url_file: Path | None) -> str:
    from meritocrab.store.moving import MoveRefused

    if (url is None) == (url_file is None):
        raise click.UsageError("give either --to or --to-file")
    if url is not None:
        if _has_password(url):
            raise MoveRefused(
                "a password in --to can be seen by every user of this machine. Write the URL into a file that only"
                " you can read, and give it with --to-file."
            )
        return url
    assert url_file is not None  # noqa: S101 - one of the two is given
    try:
        return url_file.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise MoveRefused(f"cannot read the URL from {url_file}: {error}.") from None


def _has_password(url: str) -> bool:
    from meritocrab.store.engines import mask

    return mask(url) != url


def _report(copied: Copied) -> None:
    from meritocrab.cli.backup import counted

    click.echo(f"Moved: {counted(copied.rows)}.")
    click.echo(f"ledger, row by row:   sha256 {copied.ledger} in both")
    click.echo(f"balances, row by row: sha256 {copied.balances} in both")
    click.echo(
        "Every credit is the sum of its rows. Set `[database] url` to the new database, then start the daemon."
    )
