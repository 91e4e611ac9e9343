"""The `meritocrab` command: finds the subcommand, and turns what goes wrong into a message and an exit
status.

Nothing but click and the standard library is imported before a subcommand is chosen, so that `--help` and
shell completion answer at once even on a small home server.
"""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from meritocrab import __version__
from meritocrab.errors import ConfigError, MeritocrabError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

EXIT_UNEXPECTED = 70  # sysexits' EX_SOFTWARE
EXIT_INTERRUPTED = 130

# name -> (where the command is, what `--help` says about it)
COMMANDS: dict[str, tuple[str, str]] = {
    "init": ("meritocrab.cli.init:init", "Set it up: a few questions, each answer checked at once."),
    "run": ("meritocrab.cli.run:run", "Run the daemon: poll, gate, score, deliver."),
    "tui": ("meritocrab.cli.tui:tui", "Look at everything and decide what waits, in the terminal."),
    "service": ("meritocrab.cli.service:service", "Put the systemd units of this installation in place."),
    "status": ("meritocrab.cli.status:status", "How the running daemon is."),
    "health": ("meritocrab.cli.health:health", "Whether the running daemon is well, as an exit status."),
    "doctor": ("meritocrab.cli.doctor:doctor", "What is wrong with this installation, and what helps."),
    "queue": ("meritocrab.cli.queue:queue", "The review queue: list, show, approve, override."),
    "contributor": (
        "meritocrab.cli.contributor:contributor",
        "People: list, show, adjust, blacklist, unblacklist.",
    ),
    "activity": ("meritocrab.cli.records:activity", "What changed anybody's credit, newest first."),
    "undo": ("meritocrab.cli.records:undo", "Take back one row of the ledger."),
    "why": ("meritocrab.cli.records:why", "Everything that was decided about one pull request."),
    "outbox": ("meritocrab.cli.records:outbox", "Actions on GitHub: list, cancel."),
    "repo": ("meritocrab.cli.repo:repo", "Repositories: list, poll, pause, resume, release."),
    "pause": (
        "meritocrab.cli.pause:pause",
        "Write nothing to GitHub any more, until resumed.",
    ),
    "resume": ("meritocrab.cli.pause:resume", "End a pause."),
    "report": (
        "meritocrab.cli.report:report",
        "What was or would have been done, beside what maintainers did.",
    ),
    "notify": ("meritocrab.cli.notify:notify", "Notifications: try the settings."),
    "sync": ("meritocrab.cli.sync:sync", "Take a repository's history into the ledger, once."),
    "demo": ("meritocrab.cli.demo:demo", "Try everything against a simulated GitHub, without credentials."),
    "verify": ("meritocrab.cli.verify:verify", "Prove that every credit is the sum of its ledger."),
    "backup": ("meritocrab.cli.backup:backup", "Write everything to one file, while the daemon runs."),
    "restore": ("meritocrab.cli.backup:restore", "Put a backup in the database's place."),
    "move": ("meritocrab.cli.move:move", "Move to another database: SQLite to PostgreSQL, or back."),
    "export": ("meritocrab.cli.export:export", "Write events, ledger or contributors out as JSON lines."),
    "prune": ("meritocrab.cli.prune:prune", "Erase texts that are older than they are to be kept."),
    "forget": ("meritocrab.cli.forget:forget", "Erase everything about one person but numbers."),
    "evaluate": ("meritocrab.cli.evaluate:evaluate", "Judge one contribution now, and show how."),
    "config": ("meritocrab.cli.config:config", "Check or show the configuration."),
}


class LazyGroup(click.Group):
    """A group that imports a subcommand when it is called, and knows its help text without importing it."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """The subcommands in the order in which a newcomer meets them."""
        return list(COMMANDS)

    def get_command(
        self,
        ctx: click.Context,  # noqa: ARG002 - click's signature
        cmd_name: str,
    ) -> click.Command | None:
        """The subcommand, imported now; None when there is no such one."""
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        command = getattr(importlib.import_module(module), name)
        if not isinstance(command, click.Command):
            raise TypeError(f"{module}:{name} is not a command")
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """What may stand here, from the table: completing a command must not import them all."""
        from click.shell_completion import CompletionItem

        found = [
            CompletionItem(n, help=text) for n, (_, text) in COMMANDS.items() if n.startswith(incomplete)
        ]
        return [*found, *click.Command.shell_complete(self, ctx, incomplete)]

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The subcommand named first in `args`; the error about an unknown one names the nearest."""
        unknown = bool(args) and args[0] not in COMMANDS and not args[0].startswith("-")
        if unknown and not ctx.resilient_parsing:
            # imported here because it costs as much as the rest of this module
            from difflib import get_close_matches

            near = get_close_matches(args[0], COMMANDS, n=1)
            hint = f' Did you mean "{near[0]}"?' if near else ""
            ctx.fail(f'No such command "{args[0]}".{hint}')
        return super().resolve_command(ctx, args)

    def format_commands(
        self,
        ctx: click.Context,  # noqa: ARG002 - click's signature
        formatter: click.HelpFormatter,
    ) -> None:
        """The list of subcommands in `--help`, from the table above."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "-V", "--version", prog_name="meritocrab", message="%(prog)s %(version)s")
@click.option(
    "--config",
    "config_path",
    type=click.Path(path_type=Path),
    help="The configuration file. Default: $MERITOCRAB_CONFIG, then the usual places.",
)
@click.option(
    "--debug", is_flag=True, expose_value=False, help="Show the stack trace of an unexpected error."
)
@click.pass_context
def cli(ctx: click.Context, config_path: Path | None) -> None:
    """Credit scores for the contributors of GitHub repositories.

    meritocrab polls GitHub, keeps a credit score per contributor, gates pull requests behind it and hands
    doubtful cases to a human. With default settings it writes nothing to GitHub.
    """
    ctx.obj = config_path


def config_path(ctx: click.Context) -> Path | None:
    """The file given with `--config`, for `load_config`; None when the option was not given."""
    found: Any = ctx.find_root().obj
    return found if isinstance(found, Path) else None


def config_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Lets a subcommand take `--config` too, where most people write it; the later one counts."""

    def remember(ctx: click.Context, _: click.Parameter, value: Path | None) -> None:
        if value is not None:
            ctx.find_root().obj = value

    option = click.option(
        "--config",
        type=click.Path(path_type=Path),
        expose_value=False,
        callback=remember,
        help="The configuration file.",
    )
    return option(command)


def main(args: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and leave with its exit status: the console script."""
    arguments = list(sys.argv[1:] if args is None else args)
    try:
        status = cli.main(args=arguments, prog_name="meritocrab", standalone_mode=False)
        sys.stdout.flush()
    except BrokenPipeError:
        _leave_pipe()
    except (click.Abort, KeyboardInterrupt):
        sys.exit(EXIT_INTERRUPTED)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except MeritocrabError as error:
        from meritocrab.logs import escaped

        # problems of a configuration start with file:line, which editors and terminals make clickable
        words = escaped(str(error), keep="\n")  # a message may quote what a stranger wrote
        click.echo(words if isinstance(error, ConfigError) else f"meritocrab: {words}", err=True)
        sys.exit(error.exit_status)
    except Exception as error:  # noqa: BLE001 - the last resort: a message instead of a stack trace
        _unexpected(error, "--debug" in arguments)
    sys.exit(status if isinstance(status, int) else 0)


def _unexpected(error: Exception, debug: bool) -> NoReturn:
    from meritocrab.logs import escaped, redact

    if debug:
        click.echo(redact("".join(traceback.format_exception(error))), err=True)
    else:
        what = escaped(redact(f"{type(error).__name__}: {error}"))[:500]
        click.echo(f"meritocrab: unexpected error: {what}", err=True)
        click.echo("`meritocrab --debug …` shows where it comes from", err=True)
    sys.exit(EXIT_UNEXPECTED)


def _leave_pipe() -> NoReturn:
    """The reader has gone (as with `| head`): leave without a word, at the last flush too."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(1)
