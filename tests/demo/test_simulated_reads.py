"""What a client reads: listings, paging, single objects, roles, files, names that moved."""

from __future__ import annotations

import base64
import re
import threading

import httpx
import pytest

from meritocrab.demo.github import SimulatedGitHub
from meritocrab.demo.world import FIRST_ID, GHOST_ID, World

REPO = "octo/crab"
AT = "/repos/octo/crab"


def numbers(response: httpx.Response) -> list[int]:
    assert response.status_code == 200, response.text
    return [item["number"] for item in response.json()]


def links(response: httpx.Response) -> dict[str, str]:
    return {rel: url for url, rel in re.findall(r'<([^>]+)>; rel="(\w+)"', response.headers.get("link", ""))}


def test_issue_list_holds_issues_and_pulls_with_their_marks(world: World, maria: httpx.Client) -> None:
    world.open_issue(REPO, "ann", "Broken", None)
    world.open_pull(REPO, "bob", draft=True)
    pull, issue = maria.get(f"{AT}/issues").json()
    assert (issue["number"], issue["body"], "pull_request" in issue) == (1, None, False)
    assert pull["draft"] is True
    assert pull["pull_request"]["merged_at"] is None
    assert pull["pull_request"]["url"].endswith("/repos/octo/crab/pulls/2")
    assert pull["user"]["login"] == "bob"
    assert pull["user"]["type"] == "User"
    assert pull["author_association"] == "FIRST_TIME_CONTRIBUTOR"
    assert issue["created_at"] == "2026-03-01T12:00:00Z"
    assert issue["id"] > FIRST_ID


def test_issue_list_filters_by_state_and_since_and_sorts(world: World, maria: httpx.Client) -> None:
    for _ in range(3):
        world.open_issue(REPO, "ann")
        world.advance(60)
    world.close(REPO, 1, "maria")
    assert numbers(maria.get(f"{AT}/issues")) == [3, 2]
    assert numbers(maria.get(f"{AT}/issues?state=closed")) == [1]
    by_update = f"{AT}/issues?state=all&sort=updated&direction=asc"
    assert numbers(maria.get(by_update)) == [2, 3, 1]
    assert numbers(maria.get(f"{by_update}&since=2026-03-01T12:02:00Z")) == [3, 1]
    assert numbers(maria.get(f"{by_update}&since=2026-03-01T12:02:01Z")) == [1]
    assert maria.get(f"{AT}/issues?since=yesterday").status_code == 422


def test_pull_list_ignores_since_and_embeds_the_repository(world: World, maria: httpx.Client) -> None:
    world.open_pull(REPO, "bob")
    world.advance(3600)
    item = maria.get(f"{AT}/pulls?since=2026-03-01T12:59:00Z").json()[0]
    assert item["base"]["repo"]["stargazers_count"] == 3
    assert item["base"]["repo"]["id"] == world.repository(REPO).id
    assert "additions" not in item
    assert "merged_by" not in item


def test_single_pull_has_the_counts(world: World, maria: httpx.Client) -> None:
    number = world.open_pull(
        REPO, "bob", files=[("a.py", 3, 1, "@@"), ("b.png", 0, 0, None)], head_sha="ab" * 20
    )
    world.merge(REPO, number, "maria")
    pull = maria.get(f"{AT}/pulls/{number}").json()
    assert (pull["additions"], pull["deletions"], pull["changed_files"]) == (3, 1, 2)
    assert (pull["merged"], pull["merged_by"]["login"], pull["state"]) == (True, "maria", "closed")
    assert pull["head"]["sha"] == "ab" * 20
    files = maria.get(f"{AT}/pulls/{number}/files").json()
    assert [("patch" in file, file["filename"]) for file in files] == [(True, "a.py"), (False, "b.png")]


def test_merging_is_an_event_before_closing(world: World, maria: httpx.Client) -> None:
    number = world.open_pull(REPO, "bob", draft=True)
    world.ready_for_review(REPO, number)
    world.merge(REPO, number, "maria")
    events = maria.get(f"{AT}/issues/{number}/events").json()
    assert [event["event"] for event in events] == ["ready_for_review", "merged", "closed"]
    assert [event["actor"]["login"] for event in events] == ["bob", "maria", "maria"]
    assert maria.get(f"{AT}/issues/{number}").json()["pull_request"]["merged_at"] == "2026-03-01T12:00:00Z"


def test_people_leave_events_behind(world: World, maria: httpx.Client) -> None:
    number = world.open_pull(REPO, "bob")
    world.assign(REPO, number, "maria")
    world.edit_title(REPO, number, "Better")
    world.label(REPO, number, "bug", "maria")
    world.unlabel(REPO, number, "bug", "maria")
    world.request_review(REPO, number, "maria")
    world.lock_thread(REPO, number, "maria", "spam")
    events = maria.get(f"{AT}/issues/{number}/events").json()
    assert [event["event"] for event in events] == [
        "assigned",
        "renamed",
        "labeled",
        "unlabeled",
        "review_requested",
        "locked",
    ]
    assert events[0]["assignee"]["login"] == "maria"
    assert events[1]["rename"] == {"from": "A change", "to": "Better"}
    assert len({event["id"] for event in events}) == 6


def test_comments_of_repository_follow_edits(world: World, maria: httpx.Client) -> None:
    number = world.open_issue(REPO, "ann")
    first = world.comment(REPO, number, "ann", "one")
    world.advance(60)
    world.comment(REPO, number, "bob", "two")
    world.advance(60)
    world.edit_comment(REPO, first, "uno")
    listing = f"{AT}/issues/comments?sort=updated&direction=asc"
    found = maria.get(listing).json()
    assert [(c["body"], c["updated_at"]) for c in found] == [
        ("two", "2026-03-01T12:01:00Z"),
        ("uno", "2026-03-01T12:02:00Z"),
    ]
    assert found[1]["created_at"] == "2026-03-01T12:00:00Z"
    assert found[1]["issue_url"].endswith(f"{AT}/issues/{number}")
    assert [c["body"] for c in maria.get(f"{listing}&since=2026-03-01T12:02:00Z").json()] == ["uno"]
    assert [c["body"] for c in maria.get(f"{AT}/issues/{number}/comments").json()] == ["uno", "two"]
    assert maria.get(f"{AT}/issues/comments/{first}").json()["id"] == first > 5_350_000_000
    world.delete_comment(REPO, first)
    assert maria.get(f"{AT}/issues/comments/{first}").status_code == 404


def test_a_review_moves_the_pull_and_not_the_issue(world: World, maria: httpx.Client) -> None:
    number = world.open_pull(REPO, "bob")
    world.advance(60)
    world.review(REPO, number, "maria", "CHANGES_REQUESTED", "Hm.")
    world.review(REPO, number, "maria", "PENDING", "Not yet.")
    assert maria.get(f"{AT}/issues/{number}").json()["updated_at"] == "2026-03-01T12:00:00Z"
    assert maria.get(f"{AT}/pulls/{number}").json()["updated_at"] == "2026-03-01T12:01:00Z"
    shown, pending = maria.get(f"{AT}/pulls/{number}/reviews").json()
    assert (shown["state"], shown["submitted_at"]) == ("CHANGES_REQUESTED", "2026-03-01T12:01:00Z")
    assert "submitted_at" not in pending
    world.reviews_touch_issue = True
    world.review(REPO, number, "maria")
    assert maria.get(f"{AT}/issues/{number}").json()["updated_at"] == "2026-03-01T12:01:00Z"


def test_a_pending_review_shows_to_its_author_only(world: World, stranger: httpx.Client) -> None:
    number = world.open_pull(REPO, "bob")
    world.review(REPO, number, "maria", "PENDING")
    assert stranger.get(f"{AT}/pulls/{number}/reviews").json() == []


def test_dismissed_review_leaves_state_and_event(world: World, maria: httpx.Client) -> None:
    number = world.open_pull(REPO, "bob")
    review = world.review(REPO, number, "maria", "APPROVED")
    world.dismiss_review(REPO, number, review, "maria", "changed my mind")
    assert maria.get(f"{AT}/pulls/{number}/reviews").json()[0]["state"] == "DISMISSED"
    event = maria.get(f"{AT}/issues/{number}/events").json()[-1]
    assert event["dismissed_review"]["state"] == "approved"


def test_timeline_joins_comments_reviews_and_events(world: World, maria: httpx.Client) -> None:
    number = world.open_pull(REPO, "bob")
    for act in (world.comment, world.review):
        world.advance(1)
        act(REPO, number, "maria", "APPROVED")
    world.advance(1)
    world.close(REPO, number, "maria")
    entries = maria.get(f"{AT}/issues/{number}/timeline").json()
    assert [entry["event"] for entry in entries] == ["commented", "reviewed", "closed"]


def test_pages_link_to_each_other_by_repository_id(world: World, maria: httpx.Client) -> None:
    for _ in range(7):
        world.open_issue(REPO, "ann")
    first = maria.get(f"{AT}/issues?per_page=3&state=all")
    assert set(links(first)) == {"next", "last"}
    assert f"/repositories/{world.repository(REPO).id}/issues?" in links(first)["next"]
    second = maria.get(links(first)["next"])
    assert set(links(second)) == {"prev", "next", "last", "first"}
    third = maria.get(links(second)["next"])
    assert set(links(third)) == {"prev", "first"}
    assert numbers(first) + numbers(second) + numbers(third) == [7, 6, 5, 4, 3, 2, 1]
    assert "link" not in maria.get(f"{AT}/issues?per_page=1000").headers
    assert numbers(maria.get(f"{AT}/issues?page=9")) == []


def test_per_page_is_at_most_a_hundred(world: World, maria: httpx.Client) -> None:
    for _ in range(101):
        world.open_issue(REPO, "ann")
    assert len(maria.get(f"{AT}/issues?per_page=500").json()) == 100
    assert len(maria.get(f"{AT}/issues").json()) == 30


@pytest.mark.parametrize(
    ("role", "permission"),
    [("admin", "admin"), ("maintain", "write"), ("write", "write"), ("triage", "read"), ("read", "read")],
)
def test_permission_folds_roles(world: World, maria: httpx.Client, role: str, permission: str) -> None:
    world.set_role(REPO, "someone", role)
    answer = maria.get(f"{AT}/collaborators/someone/permission").json()
    assert (answer["permission"], answer["role_name"]) == (permission, role)
    assert answer["user"]["id"] == world.account("someone").id
    assert answer["user"]["permissions"]["push"] is (role in ("admin", "maintain", "write"))
    assert answer["user"]["permissions"]["triage"] is (role != "read")


def test_permission_of_strangers_and_unknown_people(world: World, maria: httpx.Client) -> None:
    answer = maria.get(f"{AT}/collaborators/stranger/permission").json()
    assert (answer["permission"], answer["role_name"]) == ("read", "read")
    missing = maria.get(f"{AT}/collaborators/no-such-person/permission")
    assert (missing.status_code, missing.json()["message"]) == (404, "no-such-person is not a user")


def test_permission_needs_push_rights(stranger: httpx.Client, nobody: httpx.Client) -> None:
    assert stranger.get(f"{AT}/collaborators/maria/permission").status_code == 403
    assert nobody.get(f"{AT}/collaborators/maria/permission").status_code == 401


def test_contents_as_json_and_raw(world: World, maria: httpx.Client) -> None:
    world.set_file(REPO, ".meritocrab.toml", "pr_threshold = 40\n")
    address = f"{AT}/contents/.meritocrab.toml"
    answer = maria.get(address)
    assert base64.b64decode(answer.json()["content"]) == b"pr_threshold = 40\n"
    raw = maria.get(address, headers={"Accept": "application/vnd.github.raw+json"})
    assert raw.content == b"pr_threshold = 40\n"
    assert raw.headers["etag"] != answer.headers["etag"]
    world.set_file(REPO, ".meritocrab.toml", None)
    assert maria.get(address).status_code == 404


def test_users_by_login_and_by_id(world: World, maria: httpx.Client) -> None:
    ann = world.add_user("Ann")
    assert maria.get("/users/ann").json()["id"] == ann.id
    world.rename_user("ann", "anna")
    assert maria.get("/users/ann").status_code == 404
    assert maria.get(f"/user/{ann.id}").json()["login"] == "anna"
    taker = world.add_user("ann")
    assert maria.get("/users/ann").json()["id"] == taker.id != ann.id
    assert maria.get("/user").json()["login"] == "maria"


@pytest.mark.parametrize("shown", ["ghost", "null"])
def test_deleted_accounts_show_as_ghost_or_null(world: World, maria: httpx.Client, shown: str) -> None:
    number = world.open_pull(REPO, "gone")
    world.delete_user("gone", "ghost" if shown == "ghost" else "null")
    user = maria.get(f"{AT}/issues/{number}").json()["user"]
    assert (user and user["id"]) == (GHOST_ID if shown == "ghost" else None)
    assert maria.get(f"{AT}/pulls").json()[0]["head"]["repo"] is None


def test_renamed_and_moved_repositories_redirect_by_id(world: World, maria: httpx.Client) -> None:
    world.open_issue(REPO, "ann")
    world.rename_repository(REPO, "lobster")
    answer = maria.get(f"{AT}/issues?state=all")
    id_ = world.repository("octo/lobster").id
    assert answer.status_code == 301
    assert answer.headers["location"].endswith(f"/repositories/{id_}/issues?state=all")
    assert maria.get(AT).headers["location"].endswith(f"/repositories/{id_}")
    followed = maria.get(f"{AT}/issues?state=all", follow_redirects=True)
    assert followed.json()[0]["repository_url"].endswith("/repos/octo/lobster")
    world.transfer_repository("octo/lobster", "sea")
    assert maria.get("/repos/octo/lobster").status_code == 301
    assert maria.get(AT, follow_redirects=True).json()["full_name"] == "sea/lobster"
    assert maria.post(f"{AT}/issues/1/comments", json={"body": "x"}).status_code == 307


def test_a_taken_name_answers_with_another_id(world: World, maria: httpx.Client) -> None:
    before = maria.get(AT).json()["id"]
    world.rename_repository(REPO, "lobster")
    world.add_repository(REPO)
    assert maria.get(AT).json()["id"] not in (before, None)
    after = maria.get(AT).json()["id"]
    world.replace_repository(REPO)
    assert maria.get(AT).json()["id"] not in (before, after)


def test_deleted_and_private_repositories_answer_404(
    world: World, maria: httpx.Client, stranger: httpx.Client
) -> None:
    world.set_private(REPO, True)
    assert maria.get(AT).status_code == 200
    assert stranger.get(AT).status_code == 404
    world.delete_repository(REPO)
    answer = maria.get(f"{AT}/issues")
    assert answer.status_code == 404
    assert answer.json()["message"] == "Not Found"
    assert answer.json()["status"] == "404"


def test_disabled_issues_answer_410(world: World, maria: httpx.Client) -> None:
    world.open_issue(REPO, "ann")
    world.open_pull(REPO, "ann")
    world.set_issues_enabled(REPO, False)
    assert maria.get(f"{AT}/issues").status_code == 410
    assert maria.get(f"{AT}/issues/1").status_code == 410
    assert maria.get(f"{AT}/issues/2").status_code == 200
    assert maria.get(f"{AT}/pulls").status_code == 200


def test_deleted_issues_answer_410(world: World, maria: httpx.Client) -> None:
    number = world.open_issue(REPO, "ann")
    world.delete_issue(REPO, number)
    assert maria.get(f"{AT}/issues/{number}").status_code == 410
    assert maria.get(f"{AT}/issues/99").status_code == 404


def test_association_changes_with_a_merge_and_hides_members(world: World, maria: httpx.Client) -> None:
    world.set_role(REPO, "hidden", "admin", hidden=True)
    number = world.open_pull(REPO, "bob")
    world.comment(REPO, number, "hidden", "hi")
    world.comment(REPO, number, "maria", "hi")
    world.merge(REPO, number, "maria")
    assert maria.get(f"{AT}/pulls/{number}").json()["author_association"] == "CONTRIBUTOR"
    seen = [c["author_association"] for c in maria.get(f"{AT}/issues/{number}/comments").json()]
    assert seen == ["NONE", "MEMBER"]


def test_events_api_is_newest_first_and_names_its_pace(world: World, maria: httpx.Client) -> None:
    number = world.open_pull(REPO, "bob")
    world.comment(REPO, number, "ann", "hi")
    answer = maria.get(f"{AT}/events")
    assert answer.headers["x-poll-interval"] == "60"
    assert [entry["type"] for entry in answer.json()] == ["IssueCommentEvent", "PullRequestEvent"]


def test_graphql_tells_the_last_editor(world: World, maria: httpx.Client, nobody: httpx.Client) -> None:
    number = world.open_issue(REPO, "ann")
    plain = world.comment(REPO, number, "ann", "one")
    edited = world.comment(REPO, number, "ann", "two")
    world.edit_comment(REPO, edited, "two!", editor="maria")
    query = "query($id:ID!){node(id:$id){... on IssueComment{editor{login} lastEditedAt author{login}}}}"

    def ask(comment: int) -> dict[str, object]:
        node = maria.get(f"{AT}/issues/comments/{comment}").json()["node_id"]
        found = maria.post("/graphql", json={"query": query, "variables": {"id": node}}).json()["data"][
            "node"
        ]
        return dict(found)

    assert ask(plain)["editor"] is None
    answer = ask(edited)
    assert answer["editor"] == {
        "__typename": "User",
        "login": "maria",
        "databaseId": world.account("maria").id,
        "id": world.account("maria").node_id,
    }
    assert answer["lastEditedAt"] == "2026-03-01T12:00:00Z"
    missing = maria.post("/graphql", json={"query": 'query{node(id:"IC_nothing"){id}}'}).json()
    assert missing["data"]["node"] is None
    assert missing["errors"][0]["type"] == "NOT_FOUND"
    assert nobody.post("/graphql", json={"query": query}).status_code == 401


def test_odd_texts_survive_the_wire(world: World, maria: httpx.Client) -> None:
    text = "NUL \0, a lone surrogate \ud800, \u202e and 🦀"
    number = world.open_issue(REPO, "ann", body=text)
    assert maria.get(f"{AT}/issues/{number}").json()["body"] == text


def test_date_is_the_worlds_time(world: World, maria: httpx.Client) -> None:
    world.advance(days=400)
    assert maria.get(AT).headers["date"] == "Mon, 05 Apr 2027 12:00:00 GMT"


def test_user_agent_and_api_version_are_checked(maria: httpx.Client) -> None:
    del maria.headers["user-agent"]
    assert maria.get(AT).status_code == 403
    answer = maria.get(AT, headers={"User-Agent": "x", "X-GitHub-Api-Version": "1999-01-01"})
    assert answer.status_code == 400
    answer = maria.get(AT, headers={"User-Agent": "x", "X-GitHub-Api-Version": "2026-03-10"})
    assert answer.headers["x-github-api-version-selected"] == "2026-03-10"


def test_the_world_may_change_from_any_thread(world: World, maria: httpx.Client) -> None:
    threads = [
        threading.Thread(target=lambda: [world.open_issue(REPO, "ann") for _ in range(25)]) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        assert maria.get(f"{AT}/issues?per_page=100").status_code == 200
    for thread in threads:
        thread.join()
    assert sorted(numbers(maria.get(f"{AT}/issues?per_page=100"))) == list(range(1, 101))


def test_a_thousand_repositories_fit(github: SimulatedGitHub, world: World, maria: httpx.Client) -> None:
    for number in range(1000):
        world.add_repository(f"many/r{number}")
        world.open_issue(f"many/r{number}", "ann")
    assert all(numbers(maria.get(f"/repos/many/r{n}/issues")) == [1] for n in range(0, 1000, 50))


def test_the_same_port_again_after_a_stop(world: World) -> None:
    server = SimulatedGitHub(world).start()
    address = server.url
    server.stop()
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{address}/repos/octo/crab", trust_env=False)
    with server:
        assert server.url == address
        assert httpx.get(f"{address}{AT}", trust_env=False).status_code == 200
