"""Does GitHub answer, whose clock is right, who are we there, and what may we do?"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

from meritocrab.cli.checks.base import Check, Examined, failure, ok, skipped, warning
from meritocrab.cli.checks.permissions import Need, Wanted, all_words, missing
from meritocrab.cli.looking import days_left, role_words, token_words
from meritocrab.config import Config
from meritocrab.core.policy import POLICY_FILE_NAME
from meritocrab.github.auth import AppKey, PersonalToken
from meritocrab.github.client import GitHubClient
from meritocrab.github.errors import Forbidden, GitHubError, Moved, RateLimited, Unauthorized, Unreachable
from meritocrab.github.payloads import InstallationItem, RepositoryItem, TokenItem

CLOCK, ACCESS, PERMISSIONS, REPOSITORY, QUOTA = "clock", "github", "permissions", "repository", "quota"

SLOW_SECONDS, REFUSED_SECONDS = 5, 60
SOON_DAYS = 14
REPOSITORIES_AT_MOST = 25
"""Each costs a request; whoever watches more wants to know about the daemon's own look at them."""

SCARCE = 0.1
_SILENT = "not looked at: GitHub does not answer"


def _client(examined: Examined) -> GitHubClient:
    assert examined.github is not None  # noqa: S101 - built for every configuration that can be used
    return examined.github


def wanted_by(config: Config) -> Wanted:
    """What the configuration needs to be allowed."""
    policies = (config.base_policy, *config.repository_policies.values())
    return Wanted(
        frozenset(policy.enforcement for policy in policies),
        any(policy.answer_commands for policy in policies),
    )


async def look_at_clock(examined: Examined) -> AsyncIterator[Check]:
    """Compare the clocks by the first answer, whatever else it says."""
    client = _client(examined)
    try:
        await (client.fetch_app() if isinstance(client.credential, AppKey) else client.fetch_quota())
    except GitHubError as error:
        if not client.knows_clock:
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


async def look_at_access(examined: Examined) -> AsyncIterator[Check]:
    """Who we are to GitHub, and what this credential may do."""
    client, wanted = _client(examined), wanted_by(examined.config)
    try:
        match client.credential:
            case AppKey():
                lines = _of_app(client, wanted)
            case PersonalToken():
                lines = _of_token(examined, await client.fetch_token(), wanted)
            case _:
                lines = _of_nobody(client)
        async for check in lines:
            yield check
    except Unauthorized as error:
        yield failure(ACCESS, str(error), "make a new one, then `meritocrab init`")
    except RateLimited as error:
        yield skipped(ACCESS, str(error))  # the quota has a line of its own
    except Unreachable as error:
        yield failure(ACCESS, str(error), f"the address is {examined.config.github.api_url}")


async def _of_nobody(client: GitHubClient) -> AsyncIterator[Check]:
    await client.fetch_quota()
    yield ok(ACCESS, "answers; without credentials public repositories are watched, and nothing is written")
    yield skipped(
        PERMISSIONS, "without credentials no roles are seen, so nobody is gated", "`meritocrab init`"
    )


# --- an App


async def _of_app(client: GitHubClient, wanted: Wanted) -> AsyncIterator[Check]:
    app = await client.fetch_app()
    found = await client.fetch_installations()
    yield ok(ACCESS, f"knows the App {app.slug}, installed on {_accounts(found)}")
    if not found:
        yield failure(
            PERMISSIONS, "the App is installed nowhere", f"install it: https://github.com/apps/{app.slug}"
        )
    for installation in found:
        for check in _of_installation(installation, app.permissions, wanted):
            yield check


def _accounts(found: tuple[InstallationItem, ...]) -> str:
    return ", ".join(_account(each) for each in found[:5]) + (", …" if len(found) > 5 else "") or "nothing"


def _account(installation: InstallationItem) -> str:
    return installation.account.login if installation.account is not None else str(installation.id)


def _of_installation(
    installation: InstallationItem, asked_for: frozenset[str], wanted: Wanted
) -> Iterator[Check]:
    account = _account(installation)
    if installation.suspended_at is not None:
        remedy = "lift the suspension in the App's settings on GitHub"
        yield failure(PERMISSIONS, f"the App's installation on {account} is suspended", remedy)
        return
    lacking = list(missing(installation.permissions))
    if not lacking:
        yield ok(PERMISSIONS, f"the App may do all that is needed on {account}")
    not_asked = set(missing(asked_for))
    for need in lacking:
        remedy = f'the App\'s settings, "Permissions & events": {need.words}; then accept it as {account}'
        if need not in not_asked:
            remedy = f"the App asks for it: accept the new permissions of its installation on {account}"
        yield _lacks(f"the App on {account}", need, wanted, remedy)


def _lacks(who: str, need: Need, wanted: Wanted, remedy: str) -> Check:
    line = failure if wanted.needs(need) else warning
    return line(PERMISSIONS, f"{who} lacks {need.permission}: {need.level}: {need.disables}", remedy)


# --- a personal token


async def _of_token(examined: Examined, token: TokenItem, wanted: Wanted) -> AsyncIterator[Check]:
    yield ok(ACCESS, f"accepts the token of {token_words(token)}")
    client = _client(examined)
    left = days_left(token, client.github_now())
    if left is not None and left < SOON_DAYS:
        what = f"the token ends in {left} {'day' if left == 1 else 'days'}; the daemon stops seeing anything then"
        yield warning(PERMISSIONS, what, "make a new one on GitHub, then `meritocrab init --token-file …`")
    if token.scopes is not None:
        yield _classic(token.scopes, wanted)
        return
    async for check in _fine_grained(client, examined.config.github.repositories, wanted):
        yield check


def _classic(scopes: frozenset[str], wanted: Wanted) -> Check:
    if "repo" in scopes:
        return ok(PERMISSIONS, "the scope repo holds all that is needed")
    remedy = "give the token the scope repo, or make a fine-grained one"
    if "public_repo" in scopes:
        return warning(PERMISSIONS, "the scope repo is missing: private repositories are not seen", remedy)
    line = failure if wanted.writes else warning
    what = "the scopes repo and public_repo are missing: nothing can be written, private repositories are not seen"
    return line(PERMISSIONS, what, remedy)


async def _fine_grained(
    client: GitHubClient, repositories: tuple[str, ...], wanted: Wanted
) -> AsyncIterator[Check]:
    """What reads can prove. GitHub lists a fine-grained token's permissions nowhere, and nothing is written here."""
    refused: set[str] = set()
    proven = False
    for name in repositories[:REPOSITORIES_AT_MOST]:
        try:
            private = (await client.fetch_repository(name)).private
            granted = await _reads(client, name) if private else None
        except GitHubError:
            continue  # the repository has a line of its own
        if granted is None:
            continue
        proven = True
        for need in missing(f"{each}:write" for each in granted):
            if need.permission not in refused and need.level == "read":
                refused.add(need.permission)
                remedy = f"the token's settings on GitHub, Repository permissions: {need.words}"
                yield _lacks(f"the token in {name}", need, wanted, remedy)
    seen = "reads in private repositories are allowed" if proven and not refused else ""
    yield skipped(
        PERMISSIONS, "; ".join(part for part in (seen, _UNKNOWN) if part), f"it should have {all_words()}"
    )


_UNKNOWN = "what a fine-grained token may write is shown nowhere, and is not tried"


async def _reads(client: GitHubClient, name: str) -> set[str]:
    """The permissions that reads of a private repository prove, those that reads cannot show included."""
    granted = {"metadata", "statuses"}
    if await _reads_contents(client, name):
        granted.add("contents")
    for permission, part in (("issues", "issues"), ("pull_requests", "pulls")):
        if await client.may_read(name, part):
            granted.add(permission)
    return granted


async def _reads_contents(client: GitHubClient, name: str) -> bool:
    try:
        await client.fetch_file(name, POLICY_FILE_NAME)
    except Forbidden:
        return False
    return True


# --- repositories


async def look_at_repositories(examined: Examined) -> AsyncIterator[Check]:
    """Each repository: is it there, and what are we there?"""
    client, named = _client(examined), examined.config.github.repositories
    if not client.knows_clock:
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
    client = _client(examined)
    if not client.knows_clock:
        yield skipped(QUOTA, _SILENT)
        return
    if not isinstance(client.credential, AppKey):
        yield await _quota(client, "")
        return
    for installation in await client.fetch_installations():
        if installation.suspended_at is None:
            yield await _quota(client.installation(installation.id), f"{_account(installation)}: ")


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
