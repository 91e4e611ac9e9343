"""A simulated GitHub with one repository, and clients that look at it over real HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from meritocrab.demo.github import SimulatedGitHub
from meritocrab.demo.world import World
from meritocrab.github.auth import Anonymous, AppKey, Credential, PersonalToken
from meritocrab.github.client import GitHubClient
from meritocrab.github.connection import Options
from tests.github.helpers import APP_ID, REPO, START, TOKEN, Clock, Connect


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def world() -> World:
    world = World(START)
    world.add_repository(REPO, id=77)
    world.set_role(REPO, "owner", "admin")
    world.add_token(TOKEN, "owner")
    return world


@pytest.fixture
def github(world: World) -> Iterator[SimulatedGitHub]:
    with SimulatedGitHub(world) as github:
        yield github
    assert github.errors == []


@pytest.fixture
async def connect(github: SimulatedGitHub, clock: Clock) -> AsyncIterator[Connect]:
    """Makes clients of the simulated GitHub, with a personal token unless told otherwise."""
    made: list[GitHubClient] = []

    def build(credential: Credential | None = None, **options: object) -> GitHubClient:
        given: dict[str, object] = {
            "api_url": github.url,
            "timeout": 5.0,
            "clock": clock,
            "sleep": clock.sleep,
            "monotonic": clock.monotonic,
        }
        chosen = Options(**(given | options))  # type: ignore[arg-type]
        made.append(GitHubClient(credential or PersonalToken(TOKEN), chosen))
        return made[-1]

    yield build
    for client in made:
        await client.aclose()


@pytest.fixture
def client(connect: Connect) -> GitHubClient:
    return connect()


@pytest.fixture
def stranger(connect: Connect) -> GitHubClient:
    return connect(Anonymous())


@pytest.fixture(scope="session")
def key_pair() -> tuple[str, str]:
    """A private and a public key, in PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return private.decode(), public.decode()


@pytest.fixture
def app_key(world: World, key_pair: tuple[str, str]) -> AppKey:
    """The key of an App that exists in the world and is installed nowhere yet."""
    world.add_app(APP_ID, "meritocrab", key_pair[1])
    return AppKey(str(APP_ID), key_pair[0])
