"""`meritocrab forget`: erase everything about one person but numbers, for good."""

from __future__ import annotations

import click

from meritocrab.cli.database import opened_store
from meritocrab.cli.main import config_option


@click.command()
@click.argument("who", metavar="@USER|id:N")
@click.option("--yes", is_flag=True, help="Do not ask.")
@config_option
@click.pass_context
def forget(ctx: click.Context, who: str, yes: bool) -> None:
    """Erase a person's names, texts, reasons and notes, in all repositories.

    The ledger keeps id and numbers, so that it can still be proven, and a ban stays. What the person does from now
    on is recorded without texts and name and is never scored. Works beside the running daemon. Backups that were
    made before still hold everything.
    """
    from datetime import UTC, datetime

    from meritocrab.logs import escaped
    from meritocrab.store import people

    with opened_store(ctx) as store:
        account_id = store.read_now(people.resolve, who)
        if not yes:
            click.confirm(f"Erase everything about {escaped(who)} (id {account_id}) for good?", abort=True)
        done = store.write_now(people.forget, account_id, datetime.now(UTC))
        clean = store.settle_erasure_now()
    rows = ", ".join(f"{table} {number}" for table, number in done.erased.items())
    click.echo(f"Account {account_id} is forgotten. Erased: {rows or 'nothing that was not erased already'}.")
    if done.under_way:
        click.echo(
            f"{done.under_way} messages about the person are being sent at this moment. Run this again in a few"
            " minutes to erase their texts, too."
        )
    if not clean:
        click.echo(
            "Erased texts stay in the database's log until its next checkpoint. Run this again to be sure."
        )
