"""A small world behind a real port, and clients that know nothing of it but its address."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import httpx
import pytest

from meritocrab.demo.github import SimulatedGitHub
from meritocrab.demo.world import World

NOON = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


@pytest.fixture
def world() -> World:
    """One public repository, a maintainer with a token, a stranger with a token."""
    world = World(NOON)
    world.add_repository("octo/crab", stars=3)
    world.set_role("octo/crab", "maria", "maintain")
    world.add_user("stranger")
    world.add_token("ghp_maria", "maria")
    world.add_token("ghp_stranger", "stranger")
    return world


@pytest.fixture
def github(world: World) -> Iterator[SimulatedGitHub]:
    """The world behind a port; the server itself must not have failed."""
    with SimulatedGitHub(world) as server:
        yield server
    assert server.errors == []


@pytest.fixture
def maria(github: SimulatedGitHub) -> Iterator[httpx.Client]:
    """A client with the maintainer's token."""
    with _client(github, "ghp_maria") as client:
        yield client


@pytest.fixture
def stranger(github: SimulatedGitHub) -> Iterator[httpx.Client]:
    """A client with the token of somebody without a role."""
    with _client(github, "ghp_stranger") as client:
        yield client


@pytest.fixture
def nobody(github: SimulatedGitHub) -> Iterator[httpx.Client]:
    """A client without a token."""
    with _client(github, None) as client:
        yield client


def _client(github: SimulatedGitHub, token: str | None) -> httpx.Client:
    headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
    return httpx.Client(base_url=github.url, headers=headers, timeout=10, trust_env=False)
