"""`meritocrab prune`: what `[retention]` says is too old, erased now instead of bit by bit by the daemon."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import click

from meritocrab.cli.database import opened_store
from meritocrab.cli.main import config_option, config_path

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from meritocrab.core.retention import Erasable
    from meritocrab.store.database import Store


@click.command()
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@config_option
@click.pass_context
def prune(ctx: click.Context, dry_run: bool) -> None:
    """Erase texts that are older than [retention] keeps them.

    Keys, ids and numbers stay, and the ledger with them. What waits, is pending or scheduled is not touched, nor is
    a thread that is still open. Safe beside a running daemon, which does the same bit by bit.
    """
    from datetime import UTC, datetime

    from meritocrab.config import load_config

    cutoffs = load_config(config_path(ctx)).retention.keep.cutoffs(datetime.now(UTC))
    if not cutoffs:
        click.echo("Nothing is erased by age: [retention] keeps everything.")
        return
    with opened_store(ctx) as store:
        erased = _prune(store, cutoffs, dry_run)
        if not dry_run:
            store.settle_erasure_now()
    for kind, cutoff in cutoffs.items():
        verb = "would be erased" if dry_run else "erased"
        click.echo(f"{kind}: {erased[kind]} rows from before {cutoff:%Y-%m-%d %H:%M} UTC {verb}")


def _prune(store: Store, cutoffs: Mapping[Erasable, datetime], dry_run: bool) -> Counter[Erasable]:
    """Rows erased, by kind; one short transaction after the other."""
    from meritocrab.core.retention import BATCH
    from meritocrab.store import retention

    erased: Counter[Erasable] = Counter()
    place: retention.Place | None = retention.Place()
    run = store.read_now if dry_run else store.write_now
    while place is not None:
        done = run(retention.step, cutoffs, place, BATCH, dry_run=dry_run)
        if done.kind is not None:
            erased[done.kind] += done.erased
        place = done.place
    return erased
