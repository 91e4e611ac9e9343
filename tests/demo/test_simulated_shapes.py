"""The JSON has the shape that GitHub publishes: models generated from its schema accept it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from githubkit import GitHub

from meritocrab.demo.github import SimulatedGitHub
from meritocrab.demo.world import World

REPO = "octo/crab"
SHA = "ab" * 20
CALLS: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
    ("repos.async_get", (), {}),
    ("issues.async_list_for_repo", (), {"state": "all"}),
    ("issues.async_get", (1,), {}),
    ("issues.async_get", (2,), {}),
    ("issues.async_list_comments_for_repo", (), {}),
    ("issues.async_list_comments", (1,), {}),
    ("issues.async_list_events", (1,), {}),
    ("issues.async_list_events_for_timeline", (1,), {}),
    ("pulls.async_list", (), {"state": "all"}),
    ("pulls.async_get", (1,), {}),
    ("pulls.async_get", (3,), {}),
    ("pulls.async_list_reviews", (1,), {}),
    ("pulls.async_list_files", (1,), {}),
    ("repos.async_get_content", (".meritocrab.toml",), {}),
    ("repos.async_get_collaborator_permission_level", ("maria",), {}),
    ("activity.async_list_repo_events", (), {}),
    ("issues.async_create_comment", (1,), {"body": "x"}),
    ("issues.async_add_labels", (1,), {"data": ["l"]}),
    ("issues.async_remove_label", (1, "bug"), {}),
    ("issues.async_update", (1,), {"state": "closed"}),
    ("pulls.async_update", (1,), {"state": "closed"}),
    ("repos.async_create_commit_status", (SHA,), {"state": "success"}),
    ("repos.async_get_combined_status_for_ref", (SHA,), {}),
    ("repos.async_list_commit_statuses_for_ref", (SHA,), {}),
    ("reactions.async_create_for_issue", (1,), {"content": "eyes"}),
]


@pytest.fixture
async def client(world: World, github: SimulatedGitHub) -> AsyncIterator[GitHub[Any]]:
    first = world.open_pull(REPO, "bob", head_sha=SHA)
    second = world.open_issue(REPO, "ann", body=None)
    third = world.open_pull(REPO, "gone")
    world.comment(REPO, first, "ann", "hi")
    world.review(REPO, first, "maria")
    world.assign(REPO, first, "maria")
    world.label(REPO, first, "bug", "maria")
    world.edit_title(REPO, first, "Better")
    world.request_review(REPO, first, "maria")
    world.set_file(REPO, ".meritocrab.toml", "")
    world.set_status(REPO, SHA, "pending", creator="maria")
    world.delete_user("gone")
    world.close(REPO, second, "maria")
    world.merge(REPO, third, "maria")
    async with GitHub(
        "ghp_maria", base_url=github.url, http_cache=False, auto_retry=False, timeout=5
    ) as client:
        yield client


@pytest.mark.parametrize(("name", "places", "options"), CALLS)
async def test_generated_models_accept_it(
    client: GitHub[Any], name: str, places: tuple[Any, ...], options: dict[str, Any]
) -> None:
    group, _, method = name.partition(".")
    answer = await getattr(getattr(client.rest, group), method)("octo", "crab", *places, **options)
    assert answer.parsed_data is not None


@pytest.mark.parametrize("name", ["users.async_get_authenticated", "rate_limit.async_get"])
async def test_generated_models_accept_what_has_no_repository(client: GitHub[Any], name: str) -> None:
    group, _, method = name.partition(".")
    answer = await getattr(getattr(client.rest, group), method)()
    assert answer.parsed_data is not None
