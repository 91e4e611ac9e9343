"""`meritocrab service`: puts the systemd units of this installation in place, and says what is left to do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from meritocrab.cli.units import Unit


@click.group()
def service() -> None:
    """Run meritocrab under systemd."""


@service.command()
@click.option("--user", is_flag=True, help="For you alone, without root: ~/.config/systemd/user.")
@click.option(
    "--prefix",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write below this directory, as packagers do.",
)
@click.option(
    "--program", type=click.Path(path_type=Path), help="What the unit starts. Default: this installation."
)
@click.option("--dry-run", is_flag=True, help="Only say what would be written.")
@click.option("--force", is_flag=True, help="Replace units that were changed by hand, too.")
def install(user: bool, prefix: Path | None, program: Path | None, dry_run: bool, force: bool) -> None:
    """Write the units: /etc/systemd/system/meritocrab.service and .socket, or with --user the unit of a user.

    Nothing else is written, made or started. A unit that somebody changed is left alone, and so are all others then.
    """
    from meritocrab.cli import units

    folder = _folder(user, prefix)
    command = (str(program.absolute()),) if program else units.this_program()
    if not user:
        _check_sight(program)
    found = units.units(units.USER_UNITS if user else units.SYSTEM_UNITS, folder, command)
    if not force:
        _check_changed(found)
    if not dry_run:
        _check_permission(folder, user)
    for unit in found:
        click.echo(_place(unit, dry_run))
    click.echo("\nNext:" if not dry_run else "\nAfter that:")
    for line in _user_steps() if user else _system_steps():
        click.echo(f"  {line}")


def _folder(user: bool, prefix: Path | None) -> Path:
    from meritocrab.cli import units

    folder = units.user_folder() if user else units.SYSTEM_FOLDER
    if prefix is not None:
        return prefix.absolute() / folder.relative_to("/")
    if not user and not folder.is_dir():
        raise click.ClickException(f"there is no {folder}: is systemd at work here?")
    return folder


def _check_sight(program: Path | None) -> None:
    """A unit that starts nothing is no use: say where to install instead."""
    from meritocrab.cli import units

    parts = (program.absolute(),) if program else units.parts_of_this_program()
    hidden = list(units.out_of_sight(parts))
    if hidden:
        raise click.ClickException(
            f"the system's unit cannot see {hidden[0]}: it hides home and temporary directories from the daemon."
            " Install meritocrab elsewhere with the system's Python (`python3 -m venv /opt/meritocrab`), name another"
            " --program, or use --user."
        )


def _check_changed(found: Iterable[Unit]) -> None:
    from meritocrab.cli.units import Condition

    changed = [str(unit.path) for unit in found if unit.condition is Condition.CHANGED]
    if changed:
        raise click.ClickException(
            f"changed by hand, and left as it is: {', '.join(changed)}. Nothing was written. Move your changes to a"
            " drop-in (`systemctl edit`), then call this again with --force."
        )


def _check_permission(folder: Path, user: bool) -> None:
    from meritocrab.cli import units

    if not units.may_write(folder):
        advice = "" if user else ": run this with sudo, or with --user for yourself alone"
        raise click.ClickException(f"you may not write to {folder}{advice}. Nothing was written.")


def _place(unit: Unit, dry_run: bool) -> str:
    """Write it unless it is there already; returns what was done in words."""
    from meritocrab.cli import units

    if unit.condition is units.Condition.SAME:
        return f"as it should be: {unit.path}"
    if not dry_run:
        try:
            units.write(unit)
        except OSError as error:
            raise click.ClickException(f"{unit.path} cannot be written: {error.strerror}") from None
    verb = "write" if unit.condition is units.Condition.FREE else "replace"
    past = "wrote" if verb == "write" else "replaced"
    return f"{f'would {verb}' if dry_run else past}: {unit.path}"


def _system_steps() -> Iterator[str]:
    import os

    me = os.environ.get("SUDO_USER") or "$USER"
    if not _has_user("meritocrab"):
        yield (
            "useradd --system --user-group --home-dir /var/lib/meritocrab --no-create-home"
            " --shell /usr/sbin/nologin meritocrab"
        )
    yield "install -D -m 0640 -g meritocrab meritocrab.toml /etc/meritocrab/meritocrab.toml"
    yield "install -D -m 0600 github-token /etc/credstore/meritocrab.github-token     (with a personal token), or"
    yield "install -D -m 0600 app.pem /etc/credstore/meritocrab.github-private-key     (with a GitHub App)"
    yield "systemctl daemon-reload"
    yield "systemctl enable --now meritocrab.socket meritocrab.service"
    yield f"usermod -aG meritocrab {me}     (and log in again, to use `meritocrab status` and `meritocrab tui`)"


def _user_steps() -> Iterator[str]:
    yield "systemctl --user daemon-reload"
    yield "systemctl --user enable --now meritocrab.service"
    yield "loginctl enable-linger     (so that it runs while you are logged out)"


def _has_user(name: str) -> bool:
    import pwd

    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True
