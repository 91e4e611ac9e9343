"""`meritocrab export`: the records as JSON lines, for scripts, audits and a move elsewhere.

JSON is written in ASCII: a name or a text from outside cannot send control sequences to a terminal.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import click

from meritocrab.cli.database import opened_store
from meritocrab.cli.main import config_option

# a day counts from its start, in UTC like everything else
MOMENT = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ"])


def _in_utc(_context: click.Context, _option: click.Parameter, value: datetime | None) -> datetime | None:
    return None if value is None else value.replace(tzinfo=UTC)


repository_option = click.option("--repo", metavar="OWNER/NAME", help="Only this repository.")
since_option = click.option(
    "--since", type=MOMENT, callback=_in_utc, metavar="TIME", help="Only what happened then or later (UTC)."
)
until_option = click.option(
    "--until", type=MOMENT, callback=_in_utc, metavar="TIME", help="Only what happened before then (UTC)."
)


@click.group()
def export() -> None:
    """Write events, the ledger or contributors as JSON lines, or all about one person.

    One object per line on standard output, ordered by id; times are UTC. Safe beside a running daemon.
    """


@export.command("events")
@repository_option
@since_option
@until_option
@config_option
@click.pass_context
def events(ctx: click.Context, repo: str | None, since: datetime | None, until: datetime | None) -> None:
    """Every event received, and what became of it."""
    from meritocrab.store import export as rows

    with opened_store(ctx) as store:
        _write(rows.events(store, rows.Selection(repo, since, until)))


@export.command("ledger")
@repository_option
@since_option
@until_option
@config_option
@click.pass_context
def ledger(ctx: click.Context, repo: str | None, since: datetime | None, until: datetime | None) -> None:
    """Every change of credit, with who and why."""
    from meritocrab.store import export as rows

    with opened_store(ctx) as store:
        _write(rows.ledger(store, rows.Selection(repo, since, until)))


@export.command("contributors")
@repository_option
@config_option
@click.pass_context
def contributors(ctx: click.Context, repo: str | None) -> None:
    """Everybody's credit, role and blacklist flag, as they stand."""
    from meritocrab.store import export as rows

    with opened_store(ctx) as store:
        _write(rows.contributors(store, repo))


@export.command("person")
@click.argument("who", metavar="@USER|id:N")
@config_option
@click.pass_context
def person(ctx: click.Context, who: str) -> None:
    """Everything held about one person, as one JSON object: what to answer a request for access with."""
    from meritocrab.store import people

    with opened_store(ctx) as store:
        found = store.read_now(lambda: people.records(people.resolve(who)))
    sys.stdout.write(json.dumps(found, indent=1) + "\n")


def _write(rows: Iterable[dict[str, Any]]) -> None:
    for row in rows:
        sys.stdout.write(json.dumps(row) + "\n")
