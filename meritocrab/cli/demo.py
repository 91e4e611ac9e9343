"""`meritocrab demo`: the real daemon against a simulated GitHub, told as it happens; nothing to set up."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import textwrap
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from meritocrab.daemon.service import Service
    from meritocrab.demo.world import World
    from meritocrab.store.database import Store
    from meritocrab.store.models import LedgerRow, OutboxRow

PATIENCE_SECONDS = 30.0
ENDING = (signal.SIGHUP, signal.SIGTERM)


@click.command()
@click.option("--keep", type=click.Path(file_okay=False, path_type=Path), help="Keep the database here.")
@click.option(
    "--tui/--no-tui",
    default=None,
    help="The terminal UI on a living village, or a day told as a story. Default: the terminal UI, in a terminal.",
)
def demo(keep: Path | None, tui: bool | None) -> None:
    """Watch the whole system work: no credentials, no network, nothing left behind.

    A simulated GitHub with a handful of people, and the real daemon on a throw-away database. In a terminal you are its
    maintainer, with a queue to review; elsewhere, or with --no-tui, the story of a day is told in half a minute.
    """
    import tempfile

    _leave_in_order()
    with tempfile.TemporaryDirectory(prefix="meritocrab-demo-") as temporary:
        folder = keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        if _wants_screen(tui):
            _attend(folder)
        else:
            asyncio.run(_play(folder))
    if keep is not None:
        click.echo(f"\nThe database is kept in {folder}.")


def _leave_in_order() -> None:
    """A closed terminal and a `kill` end it like any other way out: the temporary folder goes, too."""

    def leave(number: int, _: object) -> None:
        for each in ENDING:
            signal.signal(each, signal.SIG_IGN)  # the way out is taken once
        raise SystemExit(128 + number)

    for each in ENDING:
        signal.signal(each, leave)


def _wants_screen(tui: bool | None) -> bool:
    if tui is None:
        return sys.stdin.isatty() and sys.stdout.isatty()
    return tui


def _attend(folder: Path) -> None:
    """The terminal UI beside a world that lives in a process of its own."""
    from meritocrab.cli.demo_world import SOCKET_NAME, living_world
    from meritocrab.cli.tui import run_on

    click.echo("A simulated GitHub and a daemon are starting; two days go by in some seconds …")
    with living_world(folder):
        run_on(folder / SOCKET_NAME)


async def _play(folder: Path) -> None:
    from meritocrab.demo import cast
    from meritocrab.demo.github import SimulatedGitHub

    world = cast.build_world()
    with SimulatedGitHub(world) as github:
        await _serve(folder, world, github.url)


async def _serve(folder: Path, world: World, url: str) -> None:
    from meritocrab.config import load_config
    from meritocrab.daemon.service import Service
    from meritocrab.logs import setup_logging
    from meritocrab.store.database import Store

    setup_logging("error")
    config = load_config(_write_config(folder, url), {"STATE_DIRECTORY": str(folder)})
    store = Store.open(config.database_url)
    service = Service(config, store)
    try:
        await service.start()
        try:
            await _tell(_Narrator(store, service, world))
        finally:
            await service.stop()
    finally:
        await store.close()


def _write_config(folder: Path, url: str) -> Path:
    from meritocrab.demo import cast

    script = folder / "judge.json"
    script.write_text(json.dumps(cast.judge_script()))
    file = folder / "meritocrab.toml"
    file.write_text(
        textwrap.dedent(f"""\
        # The demonstration's own settings: everything happens faster than you would want it at home.
        enforcement = "close"
        [github]
        api_url = "{url}"
        token = "{cast.TOKEN}"
        repositories = ["{cast.REPOSITORY}"]
        [poll]
        interval = 1
        max_interval = 1
        review_interval = 1
        [relay]
        settle = 1.0
        write_spacing = 0.1
        [blacklist]
        delay = [2, 4]
        [llm]
        provider = "mock"
        mock_script = "{script}"
        """)
    )
    file.chmod(0o600)
    return file


async def _tell(narrator: _Narrator) -> None:
    from meritocrab.demo import cast

    click.secho("meritocrab, on a simulated GitHub", bold=True)
    click.echo(f"The daemon watches {cast.REPOSITORY}. Credit starts at 100; a pull request takes 50.\n")
    await narrator.settle()
    day = cast.Day(narrator.world)
    for scene in cast.SCENES:
        click.secho(scene.text, bold=True)
        scene.act(day)
        await narrator.settle()
    narrator.finish()


class _Narrator:
    """Waits until the daemon has dealt with what people did, and says what came of it."""

    def __init__(self, store: Store, service: Service, world: World) -> None:
        self.store, self.service, self.world = store, service, world
        self._ledger = self._outbox = self._events = self._evaluations = 0

    async def settle(self) -> None:
        """Wait for quiet, then tell what is new."""
        since = datetime.now(UTC)
        deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
        polls: set[datetime] = set()
        while not await self.store.read(self._is_quiet, since, polls):
            if asyncio.get_running_loop().time() > deadline:
                raise click.ClickException("the daemon did not come to rest; please report this")
            await asyncio.sleep(0.1)
        for line in await self.store.read(self._news):
            click.echo(f"   {line}")

    def _is_quiet(self, since: datetime, polls: set[datetime]) -> bool:
        from meritocrab.store import evaluations, inbox, outbox
        from meritocrab.store.models import Read, Repository

        row = Repository.select().first()
        if row is not None and row.last_poll_at is not None and row.last_poll_at > since:
            polls.add(row.last_poll_at)
        busy = (
            inbox.counts().get("waiting", 0)
            + outbox.counts().get("scheduled", 0)
            + sum(evaluations.counts().get(state, 0) for state in ("queued", "running", "judged"))
            + Read.select().where(Read.last_error == "").count()
        )
        # the first poll that ended since then may have begun before
        return len(polls) > 1 and not busy and row.last_news_at != row.last_poll_at

    def _news(self) -> list[str]:
        return [*self._gate_news(), *self._evaluation_news(), *self._ledger_news(), *self._outbox_news()]

    def _gate_news(self) -> list[str]:
        from meritocrab.store.models import EventRow

        rows = list(EventRow.select().where(EventRow.id > self._events).order_by(EventRow.id))
        self._events = max((row.id for row in rows), default=self._events)
        return [f"#{row.number} {row.note}" for row in rows if row.note.startswith("gate:")]

    def _evaluation_news(self) -> list[str]:
        from meritocrab.store.models import EvaluationRow

        rows = list(EvaluationRow.select().where(EvaluationRow.id > self._evaluations))
        self._evaluations = max((row.id for row in rows), default=self._evaluations)
        lines = []
        for row in rows:
            judged = f"{row.classification} ({row.confidence:.2f})" if row.classification else "no verdict"
            waits = "  -> waits in the review queue" if row.state == "pending" else ""
            lines.append(f"#{row.number} judged {judged}: {row.reasoning}{waits}")
        return lines

    def _ledger_news(self) -> list[str]:
        from meritocrab.store.models import AccountRow, LedgerRow

        rows = list(LedgerRow.select().where(LedgerRow.id > self._ledger).order_by(LedgerRow.id))
        self._ledger = max((row.id for row in rows), default=self._ledger)
        names = {row.id: row.login for row in AccountRow.select()}
        return [f"@{names[row.account_id]}: {_change(row)}" for row in rows if row.reason != "opening"]

    def _outbox_news(self) -> list[str]:
        from meritocrab.store.models import OutboxRow

        rows = list(OutboxRow.select().where(OutboxRow.id > self._outbox).order_by(OutboxRow.id))
        self._outbox = max((row.id for row in rows), default=self._outbox)
        lines = []
        for row in rows:
            waited = (row.not_before_at - row.decided_at).total_seconds()
            after = f" after {waited:.0f} s" if waited else ""
            lines.append(f"#{row.number} {row.kind} {row.state}{after}{_quote(row)}")
        return lines

    def finish(self) -> None:
        """The review queue and the ledger, as they stand at the end."""
        for line in self.store.read_now(self._summary):
            click.echo(line)

    def _summary(self) -> list[str]:
        from meritocrab.store import ledger
        from meritocrab.store.models import AccountRow, ContributorRow, EvaluationRow, LedgerRow

        names = {row.id: row.login for row in AccountRow.select()}
        lines = ["", click.style("Review queue", bold=True)]
        for item in EvaluationRow.select().where(EvaluationRow.state == "pending"):
            lines.append(f"   #{item.number} by @{names[item.account_id]}: {item.title} - {item.reasoning}")
        lines += ["", click.style("Ledger (append-only)", bold=True)]
        for row in LedgerRow.select().order_by(LedgerRow.id):
            lines.append(f"   {row.id:>3}  @{names[row.account_id]:<14} {_change(row)}")
        lines += ["", click.style("Contributors", bold=True)]
        for person in ContributorRow.select().order_by(-ContributorRow.credit):
            banned = "  blacklisted" if person.blacklisted else ""
            lines.append(f"   @{names[person.account_id]:<14} {person.credit:>4}{banned}")
        report = ledger.verify()
        proof = "every balance is the fold of its rows" if report.ok else "; ".join(report.problems)
        return [*lines, "", f"verify: {report.rows} rows, {proof}"]


def _change(row: LedgerRow) -> str:
    flag = "  (blacklisted)" if row.reason == "blacklisted" else ""
    return f"{row.reason:<13} {row.applied:+4d}  {row.before:>3} -> {row.after:>3}{flag}"


def _quote(row: OutboxRow) -> str:
    if row.kind != "comment":
        return ""
    return ": " + textwrap.shorten(" ".join(row.body.split()), 96, placeholder=" …")
