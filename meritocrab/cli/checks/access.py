"""Who are we to GitHub, and what may we do there?"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

from meritocrab.cli.checks.base import Check, Examined, failure, ok, skipped, warning
from meritocrab.cli.checks.permissions import Need, Wanted, all_words, missing
from meritocrab.cli.github import days_left, token_words
from meritocrab.config import Config
from meritocrab.core.policy import POLICY_FILE_NAME
from meritocrab.github.auth import AppKey, PersonalToken
from meritocrab.github.client import GitHubClient
from meritocrab.github.errors import Forbidden, GitHubError, RateLimited, Unauthorized, Unreachable
from meritocrab.github.payloads import InstallationItem, TokenItem

ACCESS, PERMISSIONS = "github", "permissions"

SOON_DAYS = 14
REPOSITORIES_AT_MOST = 25
"""Each costs a request; whoever watches more wants to know about the daemon's own look at them."""


def wanted_by(config: Config) -> Wanted:
    """What the configuration needs to be allowed."""
    policies = (config.base_policy, *config.repository_policies.values())
    return Wanted(
        frozenset(policy.enforcement for policy in policies),
        any(policy.answer_commands for policy in policies),
    )


async def look_at_access(examined: Examined) -> AsyncIterator[Check]:
    """Who we are to GitHub, and what this credential may do."""
    client, wanted = examined.client, wanted_by(examined.config)
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
    return ", ".join(account_of(each) for each in found[:5]) + (", …" if len(found) > 5 else "") or "nothing"


def account_of(installation: InstallationItem) -> str:
    """Whose installation it is."""
    return installation.account.login if installation.account is not None else str(installation.id)


def _of_installation(
    installation: InstallationItem, asked_for: frozenset[str], wanted: Wanted
) -> Iterator[Check]:
    account = account_of(installation)
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
    client = examined.client
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
