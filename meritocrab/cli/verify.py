"""`meritocrab verify`: nobody has to believe a stored balance; this command folds the ledger and compares."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from meritocrab.cli.database import opened_store
from meritocrab.cli.main import config_option

if TYPE_CHECKING:
    from meritocrab.store.ledger import VerifyReport


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Write the result as one JSON object.")
@config_option
@click.pass_context
def verify(ctx: click.Context, as_json: bool) -> None:
    """Prove that every credit is the sum of its ledger.

    Reads the whole ledger and compares each contributor's credit and blacklist flag with what the rows add up
    to. Exits with 0 when all is right and with 1 when anything is not. Safe beside a running daemon.
    """
    from meritocrab.store import ledger

    with opened_store(ctx) as store:
        report = store.read_now(ledger.verify)
    click.echo(_as_json(report) if as_json else as_text(report))
    ctx.exit(0 if report.ok else 1)


def _as_json(report: VerifyReport) -> str:
    return json.dumps(
        {
            "ok": report.ok,
            "contributors": report.contributors,
            "rows": report.rows,
            "problems": report.problems,
        }
    )


def as_text(report: VerifyReport) -> str:
    """The report in words."""
    from meritocrab.logs import escaped

    seen = f"{report.contributors} contributors, {report.rows} ledger rows"
    if report.ok:
        return f"{seen}: every credit is the sum of its rows."
    problems = [escaped(problem) for problem in report.problems]  # names come from outside
    advice = "Keep a copy of the database, then restore a backup or set the credit right with an override."
    return "\n".join([f"{seen}, {len(problems)} problems:", *problems, advice])
