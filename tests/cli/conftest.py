"""A newcomer's home for the stories about setting up and looking for faults."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from meritocrab.demo.github import SimulatedGitHub
from tests.cli.home import Home, new_world


@pytest.fixture
def newcomer(tmp_path: Path) -> Iterator[Home]:
    """A home with nothing in it, and GitHub behind a port; nothing may have been written there."""
    with SimulatedGitHub(new_world()) as github:
        yield Home(tmp_path, github)
    assert github.errors == []
    assert github.world.writes == []
