"""`meritocrab contributor`: look somebody up, change their credit, ban them and lead them back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from meritocrab.cli.attach import (
    ask,
    chosen,
    cursor_option,
    limit_option,
    operator_command,
    reason_option,
    repo_option,
    show,
    show_act,
)

if TYPE_CHECKING:
    from meritocrab.localapi.client import LocalClient
    from meritocrab.localapi.protocol import ActAnswer, ContributorDetail, ContributorItem, Page

SORTS = ("login", "-login", "credit", "-credit", "seen", "-seen")
NEGATIVE_NUMBERS = {"ignore_unknown_options": True}
"""So that `adjust somebody -5` reads as a number and not as an option."""


@click.group()
def contributor() -> None:
    """The people of a repository. USER is a login or id:N."""


@contributor.command("list")
@click.argument("search", default="")
@click.option("--sort", type=click.Choice(SORTS), default="login", show_default=True, help="The order.")
@click.option("--blacklisted", is_flag=True, help="Only those who are.")
@repo_option
@limit_option
@cursor_option
@operator_command
@click.pass_context
def list_people(
    ctx: click.Context,
    search: str,
    sort: str,
    blacklisted: bool,
    repo: str | None,
    limit: int,
    cursor: str | None,
) -> None:
    """The contributors whose login begins with SEARCH."""
    from meritocrab.localapi.protocol import ContributorSort

    async def find(client: LocalClient) -> Page[ContributorItem]:
        return await client.contributors(
            await chosen(client, repo),
            search=search,
            sort=ContributorSort(sort),
            blacklisted=True if blacklisted else None,
            limit=limit,
            cursor=cursor,
        )

    page = ask(ctx, find)
    show(ctx, page, lambda: _page_lines(page))


def _page_lines(page: Page[ContributorItem]) -> Iterator[str]:
    from meritocrab.cli.tables import more, table

    head = ("login", "id", "credit", "blacklisted", "role", "changes", "last change")
    rows = (
        (
            item.account.login,
            item.account.id,
            item.credit,
            item.blacklisted,
            item.role,
            item.changes,
            item.last_change_at,
        )
        for item in page.items
    )
    yield from table(head, rows)
    yield from more(len(page.items), page.total, page.next)


@contributor.command("show")
@click.argument("user")
@repo_option
@operator_command
@click.pass_context
def show_person(ctx: click.Context, user: str, repo: str | None) -> None:
    """One person: credit, role, pull requests, and the newest rows of the ledger."""

    async def find(client: LocalClient) -> ContributorDetail:
        return await client.contributor(await chosen(client, repo), user)

    person = ask(ctx, find)
    show(ctx, person, lambda: _person_lines(person))


def _person_lines(person: ContributorDetail) -> Iterator[str]:
    from meritocrab.cli.tables import cell, ledger_table, moment, more, table

    flag = f", blacklisted since {moment(person.blacklisted_at)}" if person.blacklisted else ""
    yield f"@{cell(person.account.login)} (id {person.account.id}) in {cell(person.repository)}"
    yield f"credit {person.credit} (threshold {cell(person.pr_threshold)}){flag}; role {cell(person.role)}"
    if person.former_logins:
        yield "also seen as " + ", ".join(f"@{cell(name)}" for name in person.former_logins)
    pulls = ((f"#{pull.number}", pull.state, pull.gate, pull.title) for pull in person.pull_requests)
    yield from _section(table(("pull", "state", "gate", "title"), pulls))
    yield from _section(ledger_table(person.ledger.items))
    yield from more(len(person.ledger.items), person.ledger.total, None)


def _section(lines: Iterator[str]) -> Iterator[str]:
    yield ""
    yield from lines


@contributor.command("adjust", context_settings=NEGATIVE_NUMBERS)
@click.argument("user")
@click.argument("delta", type=int)
@reason_option
@repo_option
@operator_command
@click.pass_context
def adjust(ctx: click.Context, user: str, delta: int, reason: str, repo: str | None) -> None:
    """Change somebody's credit by DELTA points, as in `adjust somebody -5`."""

    async def act(client: LocalClient) -> ActAnswer:
        return await client.adjust(await chosen(client, repo), user, delta, reason=reason)

    show_act(ctx, ask(ctx, act))


BLACKLISTING = (
    "Blacklist {user} in {repository}? From now on their pull requests are closed after a short while with a neutral"
    " message, as far as the enforcement goes; those that were let in stay open. Nothing is said in public."
)
LEADING_BACK = (
    "Take {user} off the blacklist of {repository}? Their credit is lifted to the threshold, scheduled closes are"
    " cancelled, and pull requests that were closed in the last 14 days are reopened, for everybody to see."
)
yes_option = click.option("--yes", is_flag=True, help="Do not ask.")


def _agreed(ctx: click.Context, question: str, user: str, repo: str | None, yes: bool) -> str:
    """The repository that it is about, once somebody has agreed to what will happen there.

    Raises:
        click.Abort: they did not.
    """
    from meritocrab.logs import escaped

    name = ask(ctx, lambda client: chosen(client, repo))
    if not yes:
        click.confirm(question.format(user=escaped(user), repository=escaped(name)), abort=True, err=True)
    return name


@contributor.command("blacklist")
@click.argument("user")
@yes_option
@reason_option
@repo_option
@operator_command
@click.pass_context
def blacklist(ctx: click.Context, user: str, yes: bool, reason: str, repo: str | None) -> None:
    """Blacklist somebody: their pull requests are closed with a neutral message."""
    name = _agreed(ctx, BLACKLISTING, user, repo, yes)
    show_act(ctx, ask(ctx, lambda client: client.blacklist(name, user, reason=reason)))


@contributor.command("unblacklist")
@click.argument("user")
@yes_option
@reason_option
@repo_option
@operator_command
@click.pass_context
def unblacklist(ctx: click.Context, user: str, yes: bool, reason: str, repo: str | None) -> None:
    """Lead somebody back: credit is lifted to the threshold, and what was closed lately is reopened."""
    name = _agreed(ctx, LEADING_BACK, user, repo, yes)
    show_act(ctx, ask(ctx, lambda client: client.unblacklist(name, user, reason=reason)))
