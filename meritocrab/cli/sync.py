"""`meritocrab sync`: read one repository's history, once; never writes to GitHub."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from meritocrab.cli.main import config_option, config_path

if TYPE_CHECKING:
    from meritocrab.config import Config
    from meritocrab.daemon.service import Service
    from meritocrab.daemon.sync import Progress, Result


@click.command()
@click.argument("repository", metavar="OWNER/NAME")
@click.option(
    "--since",
    type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ"]),
    help="Only facts from this date on (UTC). Default: the whole history.",
)
@click.option(
    "--evaluate",
    type=click.IntRange(1, 100_000),
    metavar="N",
    help="Put up to N of the recorded contributions before the provider. Default: none.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON object.")
@click.option("--quiet", is_flag=True, help="No progress.")
@config_option
@click.pass_context
def sync(
    context: click.Context,
    repository: str,
    since: datetime | None,
    evaluate: int | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Backfill the history of one repository: contributors, merges, reviews and comments become credit.

    Reads only what lies before the repository's baseline (and sets one if there is none). May be killed and
    started again at any time, and may run beside the daemon.
    """
    import asyncio

    from meritocrab.config import load_config
    from meritocrab.logs import setup_logging
    from meritocrab.settings import check_repository_name

    try:
        check_repository_name(repository)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="OWNER/NAME") from None
    config = load_config(config_path(context))
    setup_logging("warning", config.logging.format, config.logging.areas, config.secrets())
    first = since.replace(tzinfo=UTC) if since is not None else None
    display = _Display(quiet)
    result = asyncio.run(_sync(config, repository, first, evaluate, display))
    display.clear()
    _print(result, as_json)


async def _sync(
    config: Config, repository: str, since: datetime | None, evaluate: int | None, display: _Display
) -> Result:
    from meritocrab.daemon.lock import DaemonLock
    from meritocrab.daemon.service import Service
    from meritocrab.store.database import Store

    config.make_state_dir()
    store = Store.open(config.database_url)
    try:
        service = Service(config, store)
        lock = DaemonLock(store, "sync")
        try:
            return await _fetch_and_handle(service, lock, repository, since, evaluate, display)
        finally:
            lock.release()
            await service.accesses.aclose()
    finally:
        await store.close()


async def _fetch_and_handle(
    service: Service,
    lock: object,
    repository: str,
    since: datetime | None,
    evaluate: int | None,
    display: _Display,
) -> Result:
    from meritocrab.daemon.lock import DaemonLock
    from meritocrab.daemon.service import local_now
    from meritocrab.daemon.sync import Sync, evaluate_some, handle_all
    from meritocrab.logs import log_context
    from meritocrab.store import repositories

    assert isinstance(lock, DaemonLock)  # noqa: S101
    store = service.store
    backfill = Sync(store, service.accesses, service.poller, local_now, display.show)
    with log_context(repo=repository):
        result = await backfill.fetch(repository, since)
    row = await store.read(repositories.find, result.repository)
    assert row is not None and row.github_id is not None  # noqa: S101,PT018
    lock.try_acquire()
    display.say("handling what was read")
    await handle_all(store, lock, service.processor, result, row.github_id)
    if evaluate:
        display.say("evaluating")
        await evaluate_some(
            store, lock, service.evaluation, service.processor, result, row.github_id, evaluate, local_now
        )
    return result


class _Display:
    """Progress on standard error: one line that is rewritten in a terminal, now and then a line elsewhere."""

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet
        self._live = sys.stderr.isatty()
        self._calls = 0

    def show(self, progress: Progress) -> None:
        self._calls += 1
        if self._quiet or (not self._live and self._calls % 100 != 1):
            return
        parts = [progress.phase, f"{progress.items} items", f"{progress.events} new events"]
        parts.append(f"{progress.requests} requests")
        if progress.quota_left is not None:
            parts.append(f"quota left {progress.quota_left}")
        if progress.seconds_left is not None:
            parts.append(f"about {progress.seconds_left:.0f} s left")
        self._write(", ".join(parts))

    def say(self, text: str) -> None:
        if not self._quiet:
            self._write(text)

    def clear(self) -> None:
        if self._live and not self._quiet:
            click.echo("\r\x1b[K", nl=False, err=True)

    def _write(self, text: str) -> None:
        if self._live:
            click.echo(f"\r\x1b[K{text}", nl=False, err=True)
        else:
            click.echo(text, err=True)


def _print(result: Result, as_json: bool) -> None:
    if as_json:
        import json
        from dataclasses import asdict

        values = asdict(result) | {"baseline_at": result.baseline_at.strftime("%Y-%m-%dT%H:%M:%SZ")}
        click.echo(json.dumps(values))
        return
    click.echo(f"{result.repository}: history up to {result.baseline_at:%Y-%m-%d %H:%M:%S} UTC")
    click.echo(f"  {result.items} items read with {result.requests} requests, {result.new_events} new events")
    click.echo(f"  {result.handled} events handled, {result.left_to_daemon} left to the daemon")
    if result.evaluations_taken_up:
        click.echo(f"  {result.evaluations_taken_up} contributions put before the provider")
    if result.deferred_evaluations:
        click.echo(
            f"  {result.deferred_evaluations} contributions recorded without a verdict"
            " (--evaluate N puts them before the provider)"
        )
    for line in result.notes:
        click.echo(f"  {line}")
