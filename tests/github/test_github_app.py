"""A GitHub App: signatures under wrong clocks, tokens that end, installations that come and go."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import jwt
import pytest

from meritocrab.core.names import AccountType, RepositoryState
from meritocrab.demo.world import World
from meritocrab.github.auth import AppKey, Installation, InstallationToken
from meritocrab.github.client import GitHubClient, NotModified, Page
from meritocrab.github.connection import Options
from meritocrab.github.errors import NotFound, RateLimited, Suspended, Unauthorized, Unreachable
from tests.github.helpers import APP_ID, REPO, START, Clock, Connect

INSTALLATION = 50_000_001


@pytest.fixture
def app(world: World, connect: Connect, app_key: AppKey) -> GitHubClient:
    world.install(APP_ID, "octo", id=INSTALLATION)
    return connect(app_key)


@pytest.fixture
def installed(app: GitHubClient) -> GitHubClient:
    return app.installation(INSTALLATION)


def asked(world: World, path: str) -> int:
    return sum(path in record.path for record in world.requests)


def test_a_signature_is_backdated_and_short(app_key: AppKey, key_pair: tuple[str, str]) -> None:
    options = {"verify_exp": False, "verify_iat": False}
    claims = jwt.decode(app_key.sign(START), key_pair[1], algorithms=["RS256"], options=options)  # type: ignore[arg-type]
    assert claims["iss"] == str(APP_ID)
    assert claims["iat"] == int(START.timestamp()) - 60
    assert claims["exp"] == int(START.timestamp()) + 540


@pytest.mark.parametrize(
    "pem", ["", "nonsense", "-----BEGIN RSA PRIVATE KEY-----\nSECRET\n-----END RSA PRIVATE KEY-----"]
)
def test_a_key_that_cannot_be_read_is_not_quoted(pem: str) -> None:
    with pytest.raises(Unauthorized) as caught:
        AppKey("1", pem)
    assert "SECRET" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_secrets_have_no_representation(app_key: AppKey) -> None:
    assert app_key.pem.splitlines()[1] not in repr(app_key)
    assert "ghs_x" not in repr(InstallationToken("ghs_x", START))


def test_an_installation_needs_its_app() -> None:
    with pytest.raises(ValueError, match="App"):
        GitHubClient(Installation(1), Options())


async def test_an_installation_is_read_with_one_token(world: World, installed: GitHubClient) -> None:
    assert installed.token_generation == ""
    await asyncio.gather(*(installed.fetch_repository(REPO) for _ in range(4)))
    assert asked(world, "access_tokens") == 1
    assert len(installed.token_generation) == 12


@pytest.mark.parametrize("skew", [timedelta(hours=3), timedelta(minutes=-20), timedelta(days=-20_000)])
async def test_a_wrong_local_clock_is_corrected(
    world: World, installed: GitHubClient, clock: Clock, skew: timedelta
) -> None:
    clock.now += skew
    await installed.fetch_repository(REPO)
    assert asked(world, "access_tokens") == 2  # refused once, then signed by GitHub's clock
    clock.advance(30)
    world.advance(30)
    await installed.fetch_repository(REPO)
    assert asked(world, "access_tokens") == 2
    assert installed.github_now() == world.now()


async def test_a_clock_that_is_right_does_not_excuse_a_wrong_key(
    world: World, connect: Connect, key_pair: tuple[str, str], app_key: AppKey
) -> None:
    other = connect(AppKey("99", key_pair[0]))
    with pytest.raises((Unauthorized, NotFound)):
        await other.fetch_installations()
    assert len(world.requests) == 1


async def test_a_token_is_renewed_before_it_ends(world: World, installed: GitHubClient, clock: Clock) -> None:
    await installed.fetch_repository(REPO)
    first = installed.token_generation
    for minutes, tokens in ((54, 1), (2, 2), (54, 2), (60, 3)):
        clock.advance(minutes * 60)
        world.advance(minutes=minutes)
        await installed.fetch_repository(REPO)
        assert asked(world, "access_tokens") == tokens
    assert installed.token_generation != first
    assert all(record.status in (200, 201) for record in world.requests)


async def test_a_revoked_token_is_renewed_once_for_a_read(world: World, installed: GitHubClient) -> None:
    await installed.fetch_repository(REPO)
    for value, token in world.tokens.items():
        if token.installation is not None:
            world.revoke_token(value)
    await installed.fetch_repository(REPO)
    assert [record.status for record in world.requests] == [201, 200, 401, 201, 200]


async def test_a_token_that_is_refused_at_once_is_not_renewed_for_ever(
    world: World, installed: GitHubClient
) -> None:
    world.faults.add("unauthorized", "GET")
    with pytest.raises(Unauthorized):
        await installed.fetch_repository(REPO)
    assert asked(world, "access_tokens") == 1
    with pytest.raises(Unauthorized):
        await installed.fetch_repository(REPO)
    assert asked(world, "access_tokens") == 2


async def test_a_write_with_a_revoked_token_is_not_sent_twice(world: World, installed: GitHubClient) -> None:
    number = world.open_pull(REPO, "bob")
    await installed.fetch_repository(REPO)
    for value, token in world.tokens.items():
        if token.installation is not None:
            world.revoke_token(value)
    with pytest.raises(Unauthorized) as caught:
        await installed.post_comment(REPO, number, "x")
    assert caught.value.applied is False
    await installed.post_comment(REPO, number, "x")
    assert len(world.comments(REPO, number)) == 1


async def test_a_write_without_a_token_certainly_did_not_happen(
    world: World, installed: GitHubClient
) -> None:
    number = world.open_pull(REPO, "bob")
    world.faults.add("cut", "access_tokens", times=1)
    with pytest.raises(Unreachable) as caught:
        await installed.post_comment(REPO, number, "x")
    assert caught.value.applied is False
    world.faults.add("secondary", "access_tokens", times=1)
    with pytest.raises(RateLimited) as limited:
        await installed.post_comment(REPO, number, "x")
    assert limited.value.retry_at is not None


async def test_an_etag_outlives_no_token(world: World, installed: GitHubClient, clock: Clock) -> None:
    since = START - timedelta(hours=1)
    first = await installed.fetch_issues(REPO, since)
    assert isinstance(first, Page)
    again = await installed.fetch_issues(REPO, since, etag=first.etag)
    assert isinstance(again, NotModified)
    assert again.token_generation == first.token_generation
    clock.advance(3600)
    world.advance(hours=1)
    renewed = await installed.fetch_issues(REPO, since, etag=first.etag)
    assert isinstance(renewed, Page)
    assert renewed.token_generation != first.token_generation


async def test_where_the_app_is_installed(world: World, app: GitHubClient) -> None:
    world.add_repository("octo/more")
    world.add_repository("rust/crab")
    world.install(APP_ID, "rust", ["rust/crab"], id=50_000_002)
    world.suspend(50_000_002)
    first, second = await app.fetch_installations()
    assert (first.id, first.suspended_at, "issues:write" in first.permissions) == (INSTALLATION, None, True)
    assert second.suspended_at is not None
    names = [item.full_name for item in await app.fetch_installation_repositories(INSTALLATION)]
    assert names == [REPO, "octo/more"]
    with pytest.raises(Suspended) as caught:
        await app.fetch_installation_repositories(50_000_002)
    assert caught.value.state is RepositoryState.SUSPENDED


async def test_an_installation_of_many_repositories_is_read_whole(world: World, app: GitHubClient) -> None:
    for number in range(230):
        world.add_repository(f"octo/repo-{number}")
    found = await app.fetch_installation_repositories(INSTALLATION)
    assert len({item.id for item in found}) == 231


async def test_a_removed_installation(world: World, app: GitHubClient, installed: GitHubClient) -> None:
    await installed.fetch_repository(REPO)
    world.uninstall(INSTALLATION)
    with pytest.raises(NotFound) as caught:
        await installed.fetch_repository(REPO)
    assert caught.value.state is RepositoryState.REMOVED
    assert await app.fetch_installations() == ()


async def test_a_suspended_installation(world: World, installed: GitHubClient) -> None:
    await installed.fetch_repository(REPO)
    world.suspend(INSTALLATION)
    with pytest.raises(Suspended):
        await installed.fetch_repository(REPO)
    world.unsuspend(INSTALLATION)
    await installed.fetch_repository(REPO)


async def test_the_app_writes_as_its_bot(world: World, app: GitHubClient, installed: GitHubClient) -> None:
    number = world.open_pull(REPO, "bob")
    await installed.post_comment(REPO, number, "x")
    (comment,) = (await installed.fetch_thread_comments(REPO, number)).items
    me = await installed.fetch_self()
    assert me is not None
    assert (me.login, me.type) == ("meritocrab[bot]", AccountType.BOT)
    assert comment.author == me
    assert await app.fetch_self() == me
    world.suspend(INSTALLATION)
    assert await app.fetch_self() == me  # asked without a credential when no installation can


async def test_limits_of_one_installation_do_not_silence_another(
    world: World, app: GitHubClient, installed: GitHubClient
) -> None:
    world.add_repository("rust/crab")
    world.install(APP_ID, "rust", id=50_000_002)
    world.faults.add("secondary", "octo", times=1)
    with pytest.raises(RateLimited):
        await installed.fetch_repository(REPO)
    await app.installation(50_000_002).fetch_repository("rust/crab")
    assert app.installation(50_000_002) is app.installation(50_000_002)
    assert app.blocked_until is None
