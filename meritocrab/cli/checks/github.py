"""Whose clock is right, are the repositories there, and what is left of the hour?"""

from __future__ import annotations

from collections.abc import AsyncIterator

from meritocrab.cli.checks.access import REPOSITORIES_AT_MOST, account_of, wanted_by
from meritocrab.cli.checks.base import Check, Examined, failure, ok, skipped, warning
from meritocrab.cli.github import role_words
from meritocrab.github.auth import AppKey
from meritocrab.github.client import GitHubClient
from meritocrab.github.errors import GitHubError, Moved, RateLimited
from meritocrab.github.payloads import RepositoryItem

CLOCK, REPOSITORY, QUOTA = "clock", "repository", "quota"

SLOW_SECONDS, REFUSED_SECONDS = 5, 60
SCARCE = 0.1
_SILENT = "not looked at: GitHub does not answer"


async def look_at_clock(examined: Examined) -> AsyncIterator[Check]:
    """Compare the clocks by the first answer, whatever else it says."""
    client = examined.client
    try:
        await (client.fetch_app() if isinstance(client.credential, AppKey) else client.fetch_quota())
    except GitHubError as error:
        if not client.knows_time:
            yield skipped(CLOCK, f"GitHub's time is not known: {error}")
            return
    ahead = -client.clock_offset.total_seconds()
    words = f"{abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} GitHub's"
    remedy = "let the system keep its time: `timedatectl set-ntp true`"
    if abs(ahead) <= SLOW_SECONDS:
        yield ok(CLOCK, f"within {SLOW_SECONDS} seconds of GitHub's")
    elif abs(ahead) <= REFUSED_SECONDS:
        yield warning(CLOCK, f"this machine's clock is {words}", remedy)
    else:
        more = (
            "; GitHub refuses an App's signature from a clock over a minute fast (meritocrab allows for that)"
        )
        yield failure(CLOCK, f"this machine's clock is {words}{more if ahead > 0 else ''}", remedy)


# --- repositories


async def look_at_repositories(examined: Examined) -> AsyncIterator[Check]:
    """Each repository: is it there, and what are we there?"""
    client, named = examined.client, examined.config.github.repositories
    if not client.knows_time:
        yield skipped(REPOSITORY, _SILENT)
        return
    if isinstance(client.credential, AppKey):
        async for check in _reached(client, named):
            yield check
        return
    needs_roles = wanted_by(examined.config).writes
    for name in named[:REPOSITORIES_AT_MOST]:
        try:
            found = await client.fetch_repository(name)
        except RateLimited as error:
            yield skipped(REPOSITORY, str(error))
            return
        except GitHubError as error:
            yield _unseen(name, error)
            continue
        yield _seen(name, found, needs_roles, client.is_anonymous)
    if len(named) > REPOSITORIES_AT_MOST:
        more = len(named) - REPOSITORIES_AT_MOST
        yield skipped(REPOSITORY, f"{more} more were not looked at", "`meritocrab repo list` tells of all")


def _unseen(name: str, error: GitHubError) -> Check:
    if isinstance(error, Moved):
        remedy = "write its new name in [github] repositories"
        return warning(REPOSITORY, f"{name} was renamed or moved; the daemon follows it", remedy)
    return failure(REPOSITORY, f"{name}: {error}", "check its name, and what the token may see")


def _seen(name: str, found: RepositoryItem, needs_roles: bool, anonymous: bool) -> Check:
    kind = "private" if found.private else "public"
    if found.archived:
        return warning(REPOSITORY, f"{name} is archived: nothing happens there", "take it from the list")
    if anonymous:
        return ok(REPOSITORY, f"{name}: {kind}")
    role = role_words(found)
    if role in ("read", "triage"):
        what = f"{name}: the token's owner has the role {role}; without write GitHub shows no roles: nobody is gated"
        line = failure if needs_roles else warning
        return line(REPOSITORY, what, "give the account the role write in the repository")
    return ok(REPOSITORY, f"{name}: {kind}, our role is {role}")


async def _reached(client: GitHubClient, named: tuple[str, ...]) -> AsyncIterator[Check]:
    reached: dict[str, str] = {}
    for installation in await client.fetch_installations():
        if installation.suspended_at is None:
            found = await client.fetch_installation_repositories(installation.id)
            reached |= {item.full_name.lower(): item.full_name for item in found}
    for name in named:
        if name.lower() not in reached:
            what = f"the App is not installed on {name}: it is not watched"
            yield failure(REPOSITORY, what, "add it to the App's installation on GitHub")
    watched = [name for key, name in reached.items() if not named or key in {each.lower() for each in named}]
    shown = ", ".join(watched[:5]) + (", …" if len(watched) > 5 else "")
    if watched:
        yield ok(REPOSITORY, f"{len(watched)} watched: {shown}")
    elif not named:
        yield warning(REPOSITORY, "the App reaches no repository", "add some to its installation on GitHub")


# --- quota


async def look_at_quota(examined: Examined) -> AsyncIterator[Check]:
    """What is left of the hour."""
    client = examined.client
    if not client.knows_time:
        yield skipped(QUOTA, _SILENT)
        return
    if not isinstance(client.credential, AppKey):
        yield await _quota(client, "")
        return
    for installation in await client.fetch_installations():
        if installation.suspended_at is None:
            yield await _quota(client.installation(installation.id), f"{account_of(installation)}: ")


async def _quota(client: GitHubClient, whose: str) -> Check:
    try:
        found = await client.fetch_quota()
    except GitHubError as error:
        return skipped(QUOTA, f"{whose}not known: {error}")
    if found is None:
        return ok(QUOTA, f"{whose}this GitHub counts no requests")
    what = f"{whose}{found.remaining} of {found.limit} requests left, anew at {found.reset_at:%H:%M} UTC"
    if found.remaining == 0:
        return failure(QUOTA, what, "wait; if it happens often, poll less often or watch fewer repositories")
    if found.remaining < found.limit * SCARCE:
        return warning(QUOTA, what, "something else uses this token, too: give meritocrab one of its own")
    return ok(QUOTA, what)
