"""What a client writes, what GitHub refuses, and how scripted people react."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from meritocrab.demo.world import Change, World

REPO = "octo/crab"
AT = "/repos/octo/crab"


def test_commenting_editing_and_deleting(world: World, maria: httpx.Client) -> None:
    number = world.open_pull(REPO, "bob")
    made = maria.post(f"{AT}/issues/{number}/comments", json={"body": "Hello"})
    assert made.status_code == 201
    assert made.json()["user"]["login"] == "maria"
    assert made.json()["performed_via_github_app"] is None
    address = f"{AT}/issues/comments/{made.json()['id']}"
    assert maria.patch(address, json={"body": "Hello!"}).json()["body"] == "Hello!"
    assert [c.body for c in world.comments(REPO, number)] == ["Hello!"]
    assert maria.delete(address).status_code == 204
    assert maria.delete(address).status_code == 404
    assert world.comments(REPO, number) == []


def test_closing_and_reopening_by_either_side(world: World, maria: httpx.Client) -> None:
    number = world.open_pull(REPO, "bob")
    world.advance(5)
    closed = maria.patch(f"{AT}/pulls/{number}", json={"state": "closed"})
    assert (closed.status_code, closed.json()["state"]) == (200, "closed")
    again = maria.patch(f"{AT}/pulls/{number}", json={"state": "closed"})
    assert again.status_code == 200
    assert maria.patch(f"{AT}/issues/{number}", json={"state": "open"}).json()["state"] == "open"
    events = maria.get(f"{AT}/issues/{number}/events").json()
    assert [(event["event"], event["actor"]["login"]) for event in events] == [
        ("closed", "maria"),
        ("reopened", "maria"),
    ]
    assert maria.patch(f"{AT}/pulls/{number}", json={"state": "gone"}).status_code == 422


def test_reopening_is_refused_after_a_force_push_and_after_a_merge(world: World, maria: httpx.Client) -> None:
    pushed, merged = world.open_pull(REPO, "bob"), world.open_pull(REPO, "bob")
    world.close(REPO, pushed, "maria")
    world.force_push(REPO, pushed)
    world.merge(REPO, merged, "maria")
    for number in (pushed, merged):
        answer = maria.patch(f"{AT}/pulls/{number}", json={"state": "open"})
        assert answer.status_code == 422
        assert "state cannot be changed" in answer.json()["errors"][0]["message"]
    with pytest.raises(ValueError, match="cannot be reopened"):
        world.reopen(REPO, pushed, "maria")


def test_locked_and_archived_threads_refuse_comments(world: World, maria: httpx.Client) -> None:
    number = world.open_pull(REPO, "bob")
    world.lock_thread(REPO, number, "maria")
    address = f"{AT}/issues/{number}/comments"
    answer = maria.post(address, json={"body": "hi"})
    assert (answer.status_code, answer.json()["message"]) == (
        403,
        "Unable to create comment because issue is locked.",
    )
    assert maria.patch(f"{AT}/pulls/{number}", json={"state": "closed"}).status_code == 200
    world.unlock_thread(REPO, number, "maria")
    world.archive(REPO)
    assert maria.post(address, json={"body": "hi"}).status_code == 403
    world.unarchive(REPO)
    assert maria.post(address, json={"body": "hi"}).status_code == 201


@pytest.mark.parametrize(
    ("payload", "status"),
    [({"body": "x" * 65537}, 422), ({"body": "x" * 65536}, 201), ({"body": " "}, 422), ({}, 422), ([], 422)],
)
def test_comment_bodies_are_checked(world: World, maria: httpx.Client, payload: Any, status: int) -> None:
    number = world.open_issue(REPO, "bob")
    assert maria.post(f"{AT}/issues/{number}/comments", json=payload).status_code == status


def test_broken_json_is_a_400(world: World, maria: httpx.Client) -> None:
    number = world.open_issue(REPO, "bob")
    assert maria.post(f"{AT}/issues/{number}/comments", content=b"{").status_code == 400


def test_labels_come_and_go(world: World, maria: httpx.Client) -> None:
    number = world.open_pull(REPO, "bob")
    added = maria.post(f"{AT}/issues/{number}/labels", json={"labels": ["needs credit", "bug"]})
    assert [label["name"] for label in added.json()] == ["needs credit", "bug"]
    assert maria.delete(f"{AT}/issues/{number}/labels/needs%20credit").status_code == 200
    missing = maria.delete(f"{AT}/issues/{number}/labels/needs%20credit")
    assert (missing.status_code, missing.json()["message"]) == (404, "Label does not exist")
    assert world.thread(REPO, number).labels == ["bug"]
    events = maria.get(f"{AT}/issues/{number}/events").json()
    assert [event["event"] for event in events] == ["labeled", "labeled", "unlabeled"]
    assert [label["name"] for label in maria.get(f"{AT}/issues/{number}/labels").json()] == ["bug"]


def test_statuses_belong_to_known_commits(world: World, maria: httpx.Client) -> None:
    number = world.open_pull(REPO, "bob")
    sha = maria.get(f"{AT}/pulls/{number}").json()["head"]["sha"]
    for state in ("pending", "success"):
        answer = maria.post(f"{AT}/statuses/{sha}", json={"state": state, "context": "credit"})
        assert answer.status_code == 201
    assert [s["state"] for s in maria.get(f"{AT}/commits/{sha}/statuses").json()] == ["success", "pending"]
    combined = maria.get(f"{AT}/commits/{sha}/status").json()
    assert (combined["state"], combined["total_count"]) == ("success", 1)
    assert maria.post(f"{AT}/statuses/{'0' * 40}", json={"state": "pending"}).status_code == 422
    assert maria.post(f"{AT}/statuses/{sha}", json={"state": "odd"}).status_code == 422
    long = {"state": "pending", "description": "x" * 141}
    assert maria.post(f"{AT}/statuses/{sha}", json=long).status_code == 422


def test_the_same_reaction_counts_once(world: World, maria: httpx.Client) -> None:
    number = world.open_issue(REPO, "bob")
    comment = world.comment(REPO, number, "bob", "/credit help")
    address = f"{AT}/issues/comments/{comment}/reactions"
    assert [maria.post(address, json={"content": "eyes"}).status_code for _ in range(2)] == [201, 200]
    assert maria.post(address, json={"content": "shrug"}).status_code == 422
    assert maria.get(f"{AT}/issues/comments/{comment}").json()["reactions"]["eyes"] == 1
    assert maria.post(f"{AT}/issues/{number}/reactions", json={"content": "+1"}).status_code == 201
    assert world.public_state(REPO)[number]["reactions"] == [("maria", "+1"), ("maria", "eyes")]


def test_who_may_write_what(world: World, stranger: httpx.Client, nobody: httpx.Client) -> None:
    other, own = world.open_pull(REPO, "bob"), world.open_pull(REPO, "stranger")
    assert nobody.post(f"{AT}/issues/{other}/comments", json={"body": "hi"}).status_code == 401
    assert stranger.post(f"{AT}/issues/{other}/comments", json={"body": "hi"}).status_code == 201
    assert stranger.patch(f"{AT}/pulls/{other}", json={"state": "closed"}).status_code == 403
    assert stranger.patch(f"{AT}/pulls/{own}", json={"state": "closed"}).status_code == 200
    assert stranger.post(f"{AT}/issues/{own}/labels", json={"labels": ["x"]}).status_code == 403
    world.add_token("ghp_readonly", "stranger", "read:user")
    headers = {"Authorization": "Bearer ghp_readonly"}
    assert (
        stranger.post(f"{AT}/issues/{own}/comments", json={"body": "x"}, headers=headers).status_code == 403
    )


def test_people_react_to_the_api_and_not_to_each_other(world: World, maria: httpx.Client) -> None:
    number = world.open_pull(REPO, "bob")
    changes: list[Change] = []
    world.on("*", changes.append)
    world.on("closed", lambda change: world.reopen(change.repository, change.number, "owner"))
    world.close(REPO, number, "bob")
    assert changes == []
    world.reopen(REPO, number, "bob")
    answer = maria.patch(f"{AT}/pulls/{number}", json={"state": "closed"})
    assert answer.json()["state"] == "closed"
    assert world.thread(REPO, number).state == "open"
    assert [(change.kind, change.actor) for change in changes] == [("closed", "maria")]


def test_writes_are_logged_with_their_bodies(world: World, maria: httpx.Client) -> None:
    number = world.open_issue(REPO, "bob")
    mark = world.mark()
    maria.get(f"{AT}/issues")
    maria.post(f"{AT}/issues/{number}/comments", json={"body": "hi"})
    (write,) = world.writes
    assert (write.method, write.status, write.body) == ("POST", 201, {"body": "hi"})
    assert (write.points, write.content_creating, write.applied) == (5, True, True)
    assert world.count(mark, method="GET") == 1
    assert world.count(mark, path="/comments", status=201) == 1
    assert world.peak_points_per_minute() == 6


def test_public_state_compares_worlds(world: World, maria: httpx.Client) -> None:
    number = world.open_pull(REPO, "bob")
    maria.post(f"{AT}/issues/{number}/comments", json={"body": "hi"})
    maria.post(f"{AT}/issues/{number}/labels", json={"labels": ["a"]})
    sha = maria.get(f"{AT}/pulls/{number}").json()["head"]["sha"]
    maria.post(f"{AT}/statuses/{sha}", json={"state": "pending", "context": "c", "description": "d"})
    maria.patch(f"{AT}/pulls/{number}", json={"state": "closed"})
    assert world.public_state(REPO) == {
        number: {
            "kind": "pull",
            "title": "A change",
            "state": "closed",
            "locked": False,
            "labels": ["a"],
            "comments": [("maria", "hi")],
            "reactions": [],
            "merged": False,
            "draft": False,
            "statuses": {"c": ("pending", "d")},
        }
    }
