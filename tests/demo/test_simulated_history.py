"""History replayed: from a small backup made here, and from a real one where there is one."""

from __future__ import annotations

import json
import os
import tarfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from meritocrab.demo.github import SimulatedGitHub
from meritocrab.demo.history import HistoryCounts, HistoryPlayer, load_history
from meritocrab.demo.world import World

ROOT = Path(__file__).resolve().parents[2]
REAL = Path(os.environ.get("MERITOCRAB_HISTORY", ROOT / "../shared/data/github-history.tar.xz"))


def person(login: str, id_: int, kind: str = "User") -> dict[str, Any]:
    return {"login": login, "id": id_, "type": kind, "node_id": f"U_{id_}"}


def at(minute: int) -> str:
    return f"2020-01-01T00:{minute:02}:00Z"


def moment(minute: int) -> datetime:
    return datetime(2020, 1, 1, 0, minute, tzinfo=UTC)


def event(kind: str, id_: int, minute: int, actor: Any = None, **extra: Any) -> dict[str, Any]:
    return {"event": kind, "id": id_, "created_at": at(minute), "actor": actor, **extra}


ANN, BOT = person("ann", 7), person("helper[bot]", 8, "Bot")
ISSUE = {
    "type": "issue",
    "issue": {
        "number": 1,
        "id": 71,
        "state": "closed",
        "title": "T",
        "body": None,
        "user": None,
        "locked": True,
    }
    | {"created_at": at(0), "updated_at": at(30), "author_association": "NONE"},
    "events": [
        event(
            "commented", 101, 1, ANN, user=ANN, body="first", updated_at=at(20), author_association="MEMBER"
        ),
        event("closed", 201, 5, None, state_reason="not_planned"),
        event("locked", 202, 6, ANN, lock_reason="spam"),
    ],
}
PULL = {
    "type": "pull",
    "pull": {"number": 2, "id": 72, "state": "closed", "title": "P", "user": BOT, "draft": False}
    | {"created_at": at(2), "updated_at": at(12), "merged_at": at(10), "merged": True, "additions": 5}
    | {
        "head": {"sha": "c" * 40, "ref": "x"},
        "base": {"ref": "main", "repo": {"id": 555, "full_name": "real/r"}},
    },
    "events": [
        {"event": "committed", "id": None, "created_at": None},
        event("commented", 102, 3, ANN, user=None, body="second", updated_at=at(3)),
        event("ready_for_review", 203, 4, BOT),
        {
            "event": "reviewed",
            "id": 301,
            "user": ANN,
            "state": "approved",
            "submitted_at": at(8),
            "body": "ok",
        },
        {"event": "reviewed", "id": 302, "user": None, "state": "commented"},
        event("merged", 204, 10, ANN, commit_id="d" * 40),
        event("closed", 205, 10, ANN),
        event("labeled", 206, 12, ANN, label={"name": "done", "color": "fff"}),
    ],
    "comments": [],
}


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    for folder, record in (("issues", ISSUE), ("pulls", PULL)):
        (tmp_path / "b" / folder).mkdir(parents=True)
        (tmp_path / "b" / folder / "1.json").write_text(json.dumps(record))
    (tmp_path / "b" / "state.json").write_text("{}")
    return tmp_path / "b"


def test_a_backup_is_replayed_whole(backup: Path) -> None:
    world = World(moment(40))
    player = load_history(world, backup)
    assert player.repository == "real/r"
    assert world.repository("real/r").id == 555
    assert player.expected() == HistoryCounts(1, 1, 1, 1, 2, 1)
    issue, pull = world.thread("real/r", 1), world.thread("real/r", 2)
    assert (issue.state, issue.state_reason, issue.locked, issue.lock_reason) == (
        "closed",
        "not_planned",
        True,
        "spam",
    )
    assert (issue.author, issue.updated_at) == (None, moment(30))
    assert pull.pull is not None
    assert (pull.pull.merged_at, pull.pull.draft, pull.labels) == (moment(10), False, ["done"])
    assert [event.event for event in pull.events] == ["ready_for_review", "merged", "closed", "labeled"]
    assert world.open_issue("real/r", "new") == 3


def test_a_backup_is_replayed_as_of_a_moment(backup: Path) -> None:
    world = World(moment(3))
    player = HistoryPlayer(backup, "other/name")
    assert player.advance(world, to=moment(3)) == 5
    pull = world.thread("other/name", 2)
    assert pull.pull is not None
    assert (pull.state, pull.pull.draft, pull.pull.merged_at) == ("open", True, None)
    assert world.comments("other/name", 1)[0].updated_at == moment(1)
    assert player.expected(moment(3)) == HistoryCounts(1, 1, 1, 1, 1, 0)
    player.advance(world, to=moment(8))
    assert (pull.updated_at, pull.pull.updated_at) == (moment(4), moment(8))
    player.advance(world, to=moment(20))
    assert world.comments("other/name", 1)[0].updated_at == moment(20)
    assert world.thread("other/name", 1).updated_at == moment(20)
    assert player.advance(world, to=moment(20)) == 0


def test_a_tar_reads_like_a_folder(backup: Path, tmp_path: Path) -> None:
    packed = tmp_path / "b.tar.xz"
    with tarfile.open(packed, "w:xz") as tar:
        tar.add(backup, "b")
    assert HistoryPlayer(packed).expected() == HistoryPlayer(backup).expected()


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="holds no"):
        HistoryPlayer(tmp_path)


def everything(client: httpx.Client, address: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    following: str | None = address
    while following:
        page = client.get(following)
        assert page.status_code == 200
        found += page.json()
        following = page.links.get("next", {}).get("url")
    return found


@pytest.mark.skipif(not REAL.exists(), reason=f"no history at {REAL} (MERITOCRAB_HISTORY)")
def test_real_history_reads_the_same_over_http() -> None:
    player = HistoryPlayer(REAL)
    world = World(player.first_at)
    world.add_token("ghp_reader", "reader")
    halfway, end = player.cuts(2)
    with SimulatedGitHub(world) as server, httpx.Client(base_url=server.url, trust_env=False) as client:
        client.headers["Authorization"] = "Bearer ghp_reader"
        for until in (halfway, end):
            world.set_time(until)
            player.advance(world, to=until)
            assert _counted(client, f"/repos/{player.repository}") == player.expected(until)
        assert server.errors == []


def _counted(client: httpx.Client, root: str) -> HistoryCounts:
    threads = everything(client, f"{root}/issues?state=all&per_page=100&sort=updated&direction=asc")
    pulls = {item["number"] for item in threads if "pull_request" in item}
    comments = everything(client, f"{root}/issues/comments?per_page=100&sort=updated&direction=asc")
    on_pulls = sum(int(comment["issue_url"].rpartition("/")[2]) in pulls for comment in comments)
    reviews = sum(len(everything(client, f"{root}/pulls/{n}/reviews?per_page=100")) for n in pulls)
    return HistoryCounts(
        issues=len(threads) - len(pulls),
        pulls=len(everything(client, f"{root}/pulls?state=all&per_page=100")),
        issue_comments=len(comments) - on_pulls,
        pull_comments=on_pulls,
        reviews=reviews,
        merges=sum(item.get("pull_request", {}).get("merged_at") is not None for item in threads),
    )
