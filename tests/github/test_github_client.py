"""The client over real HTTP: reads, conditional reads, people, writes, and everything that can go wrong
between.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from datetime import timedelta
from typing import Any

import pytest

from meritocrab.core.events import Account
from meritocrab.core.names import AccountType, RepositoryState, Role
from meritocrab.demo.faults import drop_field, set_field
from meritocrab.demo.github import SimulatedGitHub
from meritocrab.demo.world import SecondaryLimits, World
from meritocrab.github import client as client_module
from meritocrab.github.auth import Anonymous, PersonalToken
from meritocrab.github.client import FileContent, GitHubClient, NotModified, Page
from meritocrab.github.errors import (
    BadAnswer,
    Forbidden,
    GitHubError,
    Gone,
    Moved,
    NotFound,
    RateLimited,
    Refused,
    ServerTrouble,
    Unauthorized,
    Unreachable,
)
from meritocrab.github.feeds import FeedWalk
from meritocrab.github.payloads import UNKNOWN, IssueItem
from meritocrab.github.sansio import Answer, Request
from meritocrab.github.transport import Transport
from tests.github.helpers import REPO, START, TOKEN, Clock, Connect

WRITES = ("POST", "PATCH", "DELETE", "PUT")


def written(world: World) -> list[str]:
    return [f"{record.method} {record.path}" for record in world.requests if record.method in WRITES]


async def issues(client: GitHubClient, **arguments: object) -> Page[IssueItem]:
    page = await client.fetch_issues(REPO, START - timedelta(hours=1), **arguments)  # type: ignore[arg-type]
    assert isinstance(page, Page)
    return page


# Reading


async def test_the_issues_listing_shows_issues_and_pull_requests(world: World, client: GitHubClient) -> None:
    world.open_issue(REPO, "ann", "Broken", None)
    world.advance(5)
    number = world.open_pull(REPO, "bob", "Fix\x00", "text \ud800", draft=True)

    page = await issues(client)

    issue, pull = page.items
    assert (issue.number, issue.is_pull_request, issue.body, issue.draft) == (1, False, "", False)
    assert (pull.number, pull.is_pull_request, pull.title, pull.draft) == (number, True, "Fix", True)
    assert pull.body == "text \ufffd"
    assert pull.author is not None
    assert pull.author.login == "bob"
    assert [stamp for _, stamp in page.stamps] == [issue.updated_at, pull.updated_at]
    assert page.date == world.now()
    assert page.counted
    assert not page.full


async def test_an_idle_listing_costs_nothing(world: World, client: GitHubClient) -> None:
    world.open_issue(REPO, "ann")
    first = await issues(client)

    again = await client.fetch_issues(REPO, START - timedelta(hours=1), etag=first.etag)

    assert isinstance(again, NotModified)
    assert again.etag == first.etag
    assert not again.counted
    assert (client.counts.total, client.counts.not_modified, client.counts.counted) == (2, 1, 1)
    assert world.requests[0].path == world.requests[1].path
    assert world.requests[0].query == world.requests[1].query
    assert "page" not in world.requests[0].query


async def test_without_a_token_even_an_idle_listing_costs(world: World, stranger: GitHubClient) -> None:
    first = await issues(stranger)
    again = await stranger.fetch_issues(REPO, START - timedelta(hours=1), etag=first.etag)
    assert isinstance(again, NotModified)
    assert again.counted
    assert stranger.counts.counted == 2
    assert stranger.quota is not None
    assert stranger.quota.remaining == 58


async def test_since_none_asks_for_everything(world: World, client: GitHubClient) -> None:
    await client.fetch_comments(REPO, None, page=2)
    query = world.requests[-1].query
    assert query == {"sort": "updated", "direction": "asc", "per_page": "100", "page": "2"}


async def test_comments_tell_their_thread(world: World, client: GitHubClient) -> None:
    issue, pull = world.open_issue(REPO, "ann"), world.open_pull(REPO, "bob")
    world.comment(REPO, issue, "bob", "one")
    edited = world.comment(REPO, pull, None, "two")
    world.advance(60)
    world.edit_comment(REPO, edited, "two!")

    page = await client.fetch_comments(REPO, None)

    assert isinstance(page, Page)
    first, second = page.items
    assert (first.number, first.on_pull_request, first.edited) == (issue, False, False)
    assert (second.number, second.on_pull_request, second.edited) == (pull, True, True)
    assert second.author is None or not second.author.holds_credit


async def test_one_bad_item_does_not_sink_a_page(world: World, client: GitHubClient) -> None:
    world.open_issue(REPO, "ann")
    world.open_issue(REPO, "ann")

    def spoil(payload: list[dict[str, object]]) -> list[dict[str, object]]:
        payload[0]["title"] = 7
        return payload

    world.faults.add("bogus", r"GET .*/issues", change=spoil)
    page = await issues(client)
    assert [item.number for item in page.items] == [2]
    assert len(page.stamps) == 2
    (problem,) = page.problems
    assert "title should be a text" in problem.reason
    assert f"/repos/{REPO}/issues" in problem.reason


@pytest.mark.parametrize("field", ["id", "updated_at"])
async def test_an_item_without_a_place_sinks_the_page(world: World, client: GitHubClient, field: str) -> None:
    world.open_issue(REPO, "ann")
    world.faults.add("bogus", r"GET .*/issues", change=drop_field(field))
    with pytest.raises(BadAnswer, match=field):
        await issues(client)


async def test_one_pull_request_with_its_reads(world: World, client: GitHubClient) -> None:
    number = world.open_pull(REPO, "bob", files=[("a.py", 3, 1, "@@ patch"), ("b.png", 0, 0, None)])
    world.review(REPO, number, "owner", "APPROVED", "fine")
    world.close(REPO, number, "owner")
    world.reopen(REPO, number, "bob")
    world.merge(REPO, number, "owner")

    pull = await client.fetch_pull(REPO, number)
    page = await client.fetch_pulls_by_update(REPO)
    assert isinstance(page, Page)
    (listed,) = page.items
    (review,) = (await client.fetch_reviews(REPO, number)).items
    events = (await client.fetch_issue_events(REPO, number)).items
    files = await client.fetch_pull_files(REPO, number)

    assert (pull.repository_id, pull.additions, pull.deletions, pull.changed_files) == (77, 3, 1, 2)
    assert pull.merged_by is not None
    assert pull.merged_by.login == "owner"
    assert (listed.number, listed.additions, listed.merged_by) == (number, None, None)
    assert (review.state, review.body) == ("APPROVED", "fine")
    kinds = [event.event for event in events if event.event in ("closed", "reopened", "merged")]
    assert kinds[:2] == ["closed", "reopened"]
    assert sorted(kinds[2:]) == ["closed", "merged"]
    assert [(file.path, file.patch) for file in files] == [("a.py", "@@ patch"), ("b.png", "")]


async def test_long_listings_are_read_to_their_end(world: World, client: GitHubClient) -> None:
    number = world.open_pull(REPO, "bob")
    for turn in range(130):
        world.comment(REPO, number, "bob", f"comment {turn}")
        world.label(REPO, number, f"label-{turn}", "owner")
    comments = await client.fetch_thread_comments(REPO, number)
    events = await client.fetch_issue_events(REPO, number)
    assert [item.body for item in comments.items] == [f"comment {turn}" for turn in range(130)]
    assert [item.label for item in events.items if item.event == "labeled"][-1] == "label-129"


async def test_the_files_of_a_giant_pull_request_are_read_in_pages(
    world: World, client: GitHubClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = world.open_pull(REPO, "bob", files=[(f"f{each}.py", 1, 0, "@@") for each in range(250)])
    assert len(await client.fetch_pull_files(REPO, number)) == 250
    monkeypatch.setattr(client_module, "FILE_PAGES", 2)
    assert len(await client.fetch_pull_files(REPO, number)) == 200


async def test_an_assignment_is_told_of_the_person_who_assigned(world: World, client: GitHubClient) -> None:
    number = world.open_pull(REPO, "bob")
    world.assign(REPO, number, "bob", "owner")
    (event,) = (await client.fetch_issue_events(REPO, number)).items
    assert event.actor is not None
    assert event.actor.login == "owner"


async def walk_issues(client: GitHubClient, walk: FeedWalk) -> set[int]:
    seen: set[int] = set()
    while turn := walk.next():
        page = await client.fetch_issues(REPO, turn.since, page=turn.page)
        assert isinstance(page, Page)
        seen.update(item.number for item in page.items)
        walk.read(page.stamps, full=page.full, date=page.date)
    return seen


async def test_a_walk_over_a_block_of_equal_stamps_that_shifts(world: World, client: GitHubClient) -> None:
    for number in range(340):
        world.open_issue(REPO, "ann")
        if number in (20, 290):
            world.advance(3)
    gone = iter(range(1, 60))

    def shift(method: str, path: str) -> None:
        world.advance(1)
        world.comment(REPO, next(gone), "bob", "bump")

    world.faults.add("call", "GET .*/issues", call=shift)
    walk = FeedWalk(None, page_cap=None)
    seen = await walk_issues(client, walk)
    assert seen == set(range(1, 341))
    assert walk.finished


async def test_idle_polls_settle_on_one_free_request(
    world: World, client: GitHubClient, clock: Clock
) -> None:
    for _ in range(150):
        world.open_issue(REPO, "ann")  # a burst that fills more than a page of the overlap
    world.advance(minutes=10)
    cursor, etag, free = START, None, 0
    for _ in range(6):
        walk = FeedWalk(cursor)
        while turn := walk.next():
            found = await client.fetch_issues(
                REPO, turn.since, page=turn.page, etag=etag if turn.use_etag else None
            )
            if isinstance(found, NotModified):
                free += 1
                walk.not_modified()
            else:
                walk.read(found.stamps, full=found.full, date=found.date)
                etag = found.etag if walk.etag_fits else None
        assert walk.cursor is not None
        cursor = walk.cursor
    assert free >= 3


# Files


async def test_a_file_with_its_etag(world: World, client: GitHubClient) -> None:
    world.set_file(REPO, ".meritocrab.toml", "pr_threshold = 60\n" * 20)
    found = await client.fetch_file(REPO, ".meritocrab.toml")
    assert isinstance(found, FileContent)
    assert found.content == b"pr_threshold = 60\n" * 20
    assert isinstance(await client.fetch_file(REPO, ".meritocrab.toml", found.etag), NotModified)


async def test_no_file_needs_proof(world: World, client: GitHubClient) -> None:
    assert await client.fetch_file(REPO, ".meritocrab.toml") is None
    world.set_private(REPO, True)
    world.set_role(REPO, "owner", None)
    with pytest.raises(NotFound):
        await client.fetch_file(REPO, ".meritocrab.toml")


async def test_a_folder_is_no_file(world: World, client: GitHubClient) -> None:
    world.set_file(REPO, "docs/a.md", "a")
    with pytest.raises(BadAnswer):
        await client.fetch_file(REPO, "docs")


# People


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("admin", Role.ADMIN),
        ("maintain", Role.MAINTAIN),
        ("write", Role.WRITE),
        ("triage", Role.TRIAGE),
        ("read", Role.NONE),
        (None, Role.NONE),
    ],
)
async def test_roles(world: World, client: GitHubClient, given: str | None, expected: Role) -> None:
    person = world.add_user("ann")
    world.set_role(REPO, "ann", given)
    assert await client.fetch_permission(REPO, Account(person.id, "ann")) is expected


async def test_a_role_that_may_not_be_read(world: World, connect: Connect, stranger: GitHubClient) -> None:
    ann = Account(world.add_user("ann").id, "ann")
    world.add_token("ghp_visitor", "visitor")
    visitor = connect(PersonalToken("ghp_visitor"))
    assert await visitor.fetch_permission(REPO, ann) is Role.UNREADABLE
    assert await stranger.fetch_permission(REPO, ann) is Role.UNREADABLE
    assert len(world.requests) == 2


async def test_a_role_that_fails_is_no_role(world: World, connect: Connect) -> None:
    ann = Account(world.add_user("ann").id, "ann")
    world.faults.add("status", "permission", status=502, times=1)
    with pytest.raises(ServerTrouble):
        await connect().fetch_permission(REPO, ann)
    world.faults.add("secondary", "permission", times=1)
    with pytest.raises(RateLimited):
        await connect().fetch_permission(REPO, ann)
    world.revoke_token(TOKEN)
    with pytest.raises(Unauthorized):
        await connect().fetch_permission(REPO, ann)


async def test_a_404_counts_only_while_the_repository_answers(world: World, client: GitHubClient) -> None:
    ann = Account(world.add_user("ann").id, "ann")
    world.faults.add("status", "permission", status=404, message="Not Found")
    assert await client.fetch_permission(REPO, ann) is Role.NONE
    world.delete_repository(REPO)
    with pytest.raises(NotFound):
        await client.fetch_permission(REPO, ann)


async def test_a_renamed_maintainer_is_still_one(world: World, client: GitHubClient) -> None:
    ann = Account(world.add_user("ann").id, "ann")
    world.set_role(REPO, "ann", "admin")
    world.rename_user("ann", "anna")
    assert await client.fetch_permission(REPO, ann) is Role.ADMIN
    world.add_user("ann")  # the freed name is taken by somebody else
    assert await client.fetch_permission(REPO, ann) is Role.ADMIN


async def test_an_answer_about_somebody_else_is_no_answer(world: World, client: GitHubClient) -> None:
    ann = Account(world.add_user("ann").id, "ann")
    bob = world.add_user("bob")

    def swap(data: dict[str, Any]) -> dict[str, Any]:
        return data | {"user": data["user"] | {"id": bob.id}}

    world.faults.add("bogus", "permission", change=swap)
    with pytest.raises(BadAnswer, match=str(bob.id)):
        await client.fetch_permission(REPO, ann)


async def test_an_answer_that_names_nobody_is_checked_by_name(world: World, client: GitHubClient) -> None:
    ann = Account(world.add_user("ann").id, "ann")
    world.set_role(REPO, "ann", "write")
    world.faults.add("bogus", "permission", change=lambda data: data | {"user": None})
    assert await client.fetch_permission(REPO, ann) is Role.WRITE
    world.rename_user("ann", "anna")
    world.add_user("ann")  # the freed name is taken by somebody else
    assert await client.fetch_permission(REPO, ann) is Role.WRITE


async def test_accounts_by_name_and_id(world: World, client: GitHubClient) -> None:
    ann = world.add_user("ann")
    assert await client.fetch_account("ANN") == Account(ann.id, "ann")
    assert await client.fetch_account("nobody") is None
    assert await client.fetch_account_by_id(ann.id) == Account(ann.id, "ann")
    world.delete_user("ann")
    assert await client.fetch_account_by_id(ann.id) is None
    assert await client.fetch_account("../app") is None


async def test_who_we_are(client: GitHubClient, stranger: GitHubClient) -> None:
    me = await client.fetch_self()
    assert me is not None
    assert me.login == "owner"
    assert await stranger.fetch_self() is None


async def test_the_last_editor_of_a_comment(
    world: World, client: GitHubClient, stranger: GitHubClient
) -> None:
    number = world.open_pull(REPO, "bob")
    comment_id = world.comment(REPO, number, "bob", "x")
    (comment,) = (await client.fetch_thread_comments(REPO, number)).items
    assert await client.fetch_comment_editor(comment.node_id) is None
    world.advance(9)
    world.edit_comment(REPO, comment_id, "y", editor="owner")
    editor = await client.fetch_comment_editor(comment.node_id)
    assert isinstance(editor, Account)
    assert editor.login == "owner"
    assert await client.fetch_comment_editor("IC_nothing") is UNKNOWN
    assert await stranger.fetch_comment_editor(comment.node_id) is UNKNOWN
    assert await client.fetch_comment_editor("") is UNKNOWN
    world.faults.add("status", "graphql", status=404, message="Not Found", times=1)
    assert await client.fetch_comment_editor(comment.node_id) is UNKNOWN


# Repositories that move, close or vanish


async def test_a_renamed_repository_is_not_followed_but_told(world: World, client: GitHubClient) -> None:
    world.rename_repository(REPO, "goodbye")
    with pytest.raises(Moved) as caught:
        await issues(client)
    assert caught.value.repository_id == 77
    assert caught.value.state is RepositoryState.RENAMED
    assert (await client.fetch_repository_by_id(77)).full_name == "octo/goodbye"
    with pytest.raises(Moved) as caught:
        await client.post_comment(REPO, 1, "x")
    assert caught.value.applied is False


async def test_what_is_gone_and_what_may_not_be_seen(world: World, client: GitHubClient) -> None:
    number = world.open_issue(REPO, "ann")
    world.delete_issue(REPO, number)
    with pytest.raises(Gone):
        await client.fetch_issue(REPO, number)
    with pytest.raises(NotFound) as caught:
        await client.fetch_repository("octo/nothing")
    assert caught.value.state is RepositoryState.NOT_FOUND


async def test_a_name_that_is_none_is_never_sent(world: World, client: GitHubClient) -> None:
    for name in ("octo", "octo/hello/../x", "a/..", "a b/c", "/c", "a/b?x=1"):
        with pytest.raises(ValueError, match="owner/name"):
            await client.fetch_repository(name)
    assert world.requests == []


# Writes


async def test_every_write(world: World, client: GitHubClient) -> None:
    number = world.open_pull(REPO, "bob")
    sha = (await client.fetch_pull(REPO, number)).head_sha
    comment_id = await client.post_comment(REPO, number, "hello")
    await client.add_label(REPO, number, "low credit")
    await client.set_status(REPO, sha, state="pending", context="meritocrab", description="x" * 500)
    await client.add_reaction(REPO, comment_id, "+1")
    await client.close_pull(REPO, number)

    assert [comment.id for comment in world.comments(REPO, number)] == [comment_id]
    assert world.thread(REPO, number).state == "closed"
    (status,) = world.statuses(REPO, sha)
    assert (status.state, status.context, len(status.description or "")) == ("pending", "meritocrab", 140)

    await client.reopen_pull(REPO, number)
    await client.remove_label(REPO, number, "low credit")
    await client.remove_label(REPO, number, "never there")
    assert world.thread(REPO, number).state == "open"


async def test_writes_keep_their_distance_and_reads_pass(
    world: World, connect: Connect, clock: Clock
) -> None:
    number = world.open_pull(REPO, "bob")
    client = connect(write_spacing=1.0)
    await asyncio.gather(
        client.post_comment(REPO, number, "one"),
        client.post_comment(REPO, number, "two"),
        client.fetch_pull(REPO, number),
    )
    assert clock.slept == [pytest.approx(1.0)]
    assert [record.method for record in world.requests] == ["POST", "GET", "POST"]


async def test_refusals_are_final(world: World, client: GitHubClient) -> None:
    number = world.open_pull(REPO, "bob")
    world.add_token(TOKEN, "helper")
    world.set_role(REPO, "helper", "triage")
    world.lock_thread(REPO, number, "owner")
    with pytest.raises(Refused) as caught:
        await client.post_comment(REPO, number, "x")
    assert caught.value.applied is False
    assert "locked" in caught.value.reason
    world.unlock_thread(REPO, number, "owner")
    world.archive(REPO)
    with pytest.raises(Refused) as caught:
        await client.post_comment(REPO, number, "x")
    assert caught.value.state is RepositoryState.ARCHIVED


async def test_a_pull_request_that_cannot_be_reopened(world: World, client: GitHubClient) -> None:
    number = world.open_pull(REPO, "bob")
    world.close(REPO, number, "bob")
    world.force_push(REPO, number)
    with pytest.raises(Refused) as caught:
        await client.reopen_pull(REPO, number)
    assert caught.value.applied is False


async def test_a_token_that_may_only_look(world: World, connect: Connect) -> None:
    number = world.open_pull(REPO, "bob")
    world.add_token("ghp_visitor", "visitor")
    visitor = connect(PersonalToken("ghp_visitor"))
    with pytest.raises((Forbidden, NotFound)) as caught:
        await visitor.close_pull(REPO, number)
    assert caught.value.applied is False


@pytest.mark.parametrize(
    ("kind", "rule", "error", "applied", "happened"),
    [
        ("cut", {"when": "before"}, Unreachable, None, 0),
        ("cut", {"when": "after"}, Unreachable, None, 1),
        ("status", {"when": "before", "status": 502}, ServerTrouble, None, 0),
        ("status", {"when": "after", "status": 502}, ServerTrouble, None, 1),
        ("truncated", {}, (BadAnswer, Unreachable), None, 1),
        ("html", {}, BadAnswer, None, 1),
        ("secondary", {}, RateLimited, False, 0),
        ("primary", {}, RateLimited, False, 0),
    ],
)
async def test_a_write_that_fails_is_never_repeated(
    world: World,
    client: GitHubClient,
    kind: str,
    rule: dict[str, object],
    error: type[GitHubError] | tuple[type[GitHubError], ...],
    applied: bool | None,
    happened: int,
) -> None:
    number = world.open_pull(REPO, "bob")
    world.faults.add(kind, "POST", **rule)  # type: ignore[arg-type]
    with pytest.raises(error) as caught:
        await client.post_comment(REPO, number, "x")
    assert caught.value.applied is applied
    assert len(world.comments(REPO, number)) == happened
    assert len(written(world)) == 1


async def test_too_many_writes_in_an_hour_are_held_back(world: World, connect: Connect, clock: Clock) -> None:
    number = world.open_pull(REPO, "bob")
    client = connect(writes_per_hour=3)
    for turn in range(3):
        await client.post_comment(REPO, number, str(turn))
    with pytest.raises(RateLimited) as caught:
        await client.post_comment(REPO, number, "one too many")
    assert caught.value.applied is False
    assert caught.value.retry_at is not None
    assert timedelta(minutes=59) < caught.value.retry_at - clock.now < timedelta(hours=1)
    clock.advance(3600)
    await client.post_comment(REPO, number, "later")


# Limits


@pytest.mark.parametrize(
    ("rule", "seconds"),
    [
        ({"retry_after": 7}, 7),
        ({"retry_after": "date"}, 60),
        ({"retry_after": None}, 60),
        ({"retry_after": 7, "status": 429}, 7),
    ],
)
async def test_a_secondary_limit_silences_the_token(
    world: World, client: GitHubClient, clock: Clock, rule: dict[str, object], seconds: float
) -> None:
    clock.now += timedelta(days=400)  # the local clock is far off: durations must not depend on it
    world.faults.add("secondary", "", times=1, **rule)
    with pytest.raises(RateLimited) as caught:
        await client.fetch_repository(REPO)
    assert caught.value.retry_at == clock.now + timedelta(seconds=seconds)
    assert client.blocked_until == caught.value.retry_at

    clock.advance(seconds - 1)
    with pytest.raises(RateLimited):
        await client.fetch_repository(REPO)
    with pytest.raises(RateLimited):
        await client.post_comment(REPO, 1, "x")
    assert len(world.requests) == 1

    clock.advance(1)
    assert client.blocked_until is None
    await client.fetch_repository(REPO)


async def test_limits_without_advice_are_waited_out_longer_each_time(
    world: World, client: GitHubClient, clock: Clock
) -> None:
    world.faults.add("secondary", "", times=4, retry_after=None)
    waits = []
    for _ in range(4):
        with pytest.raises(RateLimited) as caught:
            await client.fetch_repository(REPO)
        assert caught.value.retry_at is not None
        waits.append((caught.value.retry_at - clock.now).total_seconds())
        clock.now = caught.value.retry_at
    assert waits == [60, 120, 240, 480]
    await client.fetch_repository(REPO)
    world.faults.add("secondary", "", times=1, retry_after=None)
    with pytest.raises(RateLimited) as caught:
        await client.fetch_repository(REPO)
    assert caught.value.retry_at == clock.now + timedelta(seconds=60)


async def test_the_hourly_limit_is_waited_out_by_githubs_clock(
    world: World, client: GitHubClient, clock: Clock
) -> None:
    clock.now -= timedelta(hours=5)
    await client.fetch_repository(REPO)
    assert client.clock_offset == timedelta(hours=5)
    assert client.github_now() == world.now()
    world.exhaust(TOKEN, leave=1)
    await client.fetch_repository(REPO)  # the last one: the answer says so
    assert client.quota is not None
    assert client.quota.remaining == 0
    asked = len(world.requests)
    with pytest.raises(RateLimited) as caught:
        await client.fetch_repository(REPO)
    assert len(world.requests) == asked
    assert caught.value.retry_at is not None
    assert timedelta(minutes=59) < caught.value.retry_at - clock.now < timedelta(minutes=61)


async def test_a_limit_met_without_warning(world: World, client: GitHubClient, clock: Clock) -> None:
    world.exhaust(TOKEN)
    with pytest.raises(RateLimited) as caught:
        await client.fetch_repository(REPO)
    assert caught.value.retry_at is not None
    assert caught.value.retry_at > clock.now + timedelta(minutes=59)
    clock.now -= timedelta(days=1)  # set back: the wait must not grow by a day
    assert client.blocked_until is not None
    assert client.blocked_until - clock.now < timedelta(minutes=61)


async def test_the_graphql_limit_leaves_rest_alone(world: World, client: GitHubClient) -> None:
    number = world.open_pull(REPO, "bob")
    world.comment(REPO, number, "bob", "x")
    (comment,) = (await client.fetch_thread_comments(REPO, number)).items
    world.faults.add(
        "bogus", "graphql", change=lambda data: {"data": None, "errors": [{"type": "RATE_LIMITED"}]}
    )
    with pytest.raises(RateLimited):
        await client.fetch_comment_editor(comment.node_id)
    await client.fetch_repository(REPO)


async def test_our_own_pace_keeps_clear_of_githubs_burst_limits(
    world: World, connect: Connect, clock: Clock
) -> None:
    world.secondary_limits = SecondaryLimits()
    client = connect(points_per_minute=20)
    for _ in range(50):
        await client.fetch_repository(REPO)
    assert clock.slept
    assert all(0 < seconds <= 60 for seconds in clock.slept)


async def test_requests_of_one_token_leave_one_at_a_time(world: World, client: GitHubClient) -> None:
    busy = 0

    async def watched(request: Request, authorization: str | None) -> Answer:
        nonlocal busy
        busy += 1
        assert busy == 1
        await asyncio.sleep(0)
        answer = await send(request, authorization)
        busy -= 1
        return answer

    send = client._send
    client._send = watched  # type: ignore[method-assign]
    await asyncio.gather(*(client.fetch_repository(REPO) for _ in range(5)))
    assert len(world.requests) == 5


# Broken lines and broken answers


@pytest.mark.parametrize(
    ("kind", "rule", "error", "state"),
    [
        ("cut", {}, Unreachable, RepositoryState.UNREACHABLE),
        ("html", {}, BadAnswer, RepositoryState.BAD_ANSWER),
        ("status", {"status": 500}, ServerTrouble, RepositoryState.GITHUB_ERROR),
        ("status", {"status": 503}, ServerTrouble, RepositoryState.GITHUB_ERROR),
        ("unauthorized", {}, Unauthorized, RepositoryState.UNAUTHORIZED),
    ],
)
async def test_a_read_that_fails_is_an_error_with_a_state(
    world: World,
    client: GitHubClient,
    kind: str,
    rule: dict[str, object],
    error: type[GitHubError],
    state: RepositoryState,
) -> None:
    world.faults.add(kind, "GET", times=1, **rule)  # type: ignore[arg-type]
    with pytest.raises(error) as caught:
        await issues(client)
    assert caught.value.state is state
    await issues(client)


async def answered_by(raw: bytes, connect: Connect) -> GitHubError:
    """What the client makes of these bytes, sent before an orderly end of the connection."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(raw)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        with pytest.raises(GitHubError) as caught:
            await connect(api_url=f"http://127.0.0.1:{port}").fetch_repository(REPO)
    return caught.value


@pytest.mark.parametrize(
    "raw",
    [
        b'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"id": 77, "full_na',
        b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"id',
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Encoding: gzip\r\n\r\nnope",
        b'HTTP/1.1 200 OK\r\nContent-Length: 19\r\n\r\n{"id": 77, "full_na',
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>",
        b"HTTP/1.1 302 Found\r\nLocation: http://login.example/\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n" + b"[" * 200_000,
    ],
)
async def test_what_is_not_a_whole_answer_of_githubs(connect: Connect, raw: bytes) -> None:
    error = await answered_by(raw, connect)
    assert isinstance(error, BadAnswer)


@pytest.mark.parametrize("raw", [b"", b"HTTP/1.1 ", b"\xff\xfe nothing like HTTP\r\n\r\n"])
async def test_what_is_no_answer_at_all(connect: Connect, raw: bytes) -> None:
    assert isinstance(await answered_by(raw, connect), Unreachable)


async def test_a_silent_line_times_out(world: World, connect: Connect) -> None:
    world.faults.add("hold", "GET", seconds=30)
    with pytest.raises(Unreachable, match="timed out") as caught:
        await connect(timeout=0.2).fetch_repository(REPO)
    assert caught.value.applied is None
    with pytest.raises(Unreachable, match="timed out"):
        await connect(timeout=30, deadline=0.2).fetch_repository(REPO)


async def test_nobody_listens(connect: Connect) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    client = connect(api_url=f"http://127.0.0.1:{port}")
    with pytest.raises(Unreachable, match="cannot connect") as caught:
        await client.post_comment(REPO, 1, "x")
    assert caught.value.applied is False


async def test_no_such_host(connect: Connect) -> None:
    with pytest.raises(Unreachable) as caught:
        await connect(api_url="http://no-such-host.invalid").close_pull(REPO, 1)
    assert caught.value.applied is False


async def test_the_same_client_goes_on_after_github_was_away(
    world: World, github: SimulatedGitHub, client: GitHubClient
) -> None:
    await client.fetch_repository(REPO)
    github.stop()
    with pytest.raises(Unreachable):
        await client.fetch_repository(REPO)
    github.start()
    await client.fetch_repository(REPO)


@pytest.mark.parametrize("change", [lambda data: [], lambda data: None, lambda data: 7, set_field("id", "x")])
async def test_wrong_shapes_name_field_and_path(world: World, client: GitHubClient, change: object) -> None:
    world.faults.add("bogus", "GET", change=change)
    with pytest.raises(BadAnswer, match=f"/repos/{REPO}"):
        await client.fetch_repository(REPO)


async def test_a_wrong_state_after_a_close_is_not_believed(world: World, client: GitHubClient) -> None:
    number = world.open_pull(REPO, "bob")
    world.faults.add("bogus", "PATCH", change=set_field("state", "open"))
    with pytest.raises(BadAnswer) as caught:
        await client.close_pull(REPO, number)
    assert caught.value.applied is None


# Secrets


async def test_no_error_and_no_log_line_tells_the_token(
    world: World, github: SimulatedGitHub, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    client = connect()
    texts = [repr(client.credential), client.token_generation]
    for kind in ("cut", "html", "unauthorized", "secondary"):
        world.faults.add(kind, "GET", times=1)
        with pytest.raises(GitHubError) as caught:
            await connect().fetch_issues(REPO, START)
        texts += [str(caught.value), repr(caught.value)]
    assert not any(TOKEN in text for text in [*texts, caplog.text])
    assert not any("since=" in text for text in texts)
    assert "GET /repos/octo/hello/issues -> 401" in caplog.text


@pytest.mark.parametrize("token", ["", "ghp with blank", "ghp_line\n", "ghp_\u00e4", "ghp_\x00"])
def test_what_cannot_be_a_token_is_refused_at_once(token: str) -> None:
    with pytest.raises(Unauthorized) as caught:
        PersonalToken(token)
    assert "ghp" not in str(caught.value)


def test_generations_name_tokens(connect: Connect) -> None:
    assert connect().token_generation == connect().token_generation
    assert connect().token_generation != connect(PersonalToken("ghp_other")).token_generation
    assert connect(Anonymous()).token_generation == "anonymous"


@pytest.mark.parametrize(
    ("api", "graphql"),
    [
        ("https://api.github.com", "https://api.github.com/graphql"),
        ("https://ghe.example/api/v3/", "https://ghe.example/api/graphql"),
    ],
)
def test_the_address_of_graphql(api: str, graphql: str) -> None:
    assert Transport(api).graphql_url == graphql


async def test_limits_are_told_in_the_log(
    world: World, client: GitHubClient, caplog: pytest.LogCaptureFixture
) -> None:
    world.faults.add("secondary", "", times=1, retry_after=7)
    with pytest.raises(RateLimited):
        await client.fetch_repository(REPO)
    (record,) = [record for record in caplog.records if record.name == "meritocrab.github"]
    assert record.levelno == logging.WARNING
    assert "secondary limit" in record.getMessage()
    assert "7 s" in record.getMessage()


async def test_a_proxys_page_teaches_nothing(connect: Connect, clock: Clock) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(
            b"HTTP/1.1 404 Not Found\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
            b"X-RateLimit-Remaining: 0\r\nContent-Length: 2\r\n\r\nno"
        )
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    client = connect(api_url=f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    async with server:
        with pytest.raises(BadAnswer):
            await client.fetch_repository(REPO)
    assert client.github_now() == clock.now
    assert client.blocked_until is None


async def test_bots_are_bots(world: World, client: GitHubClient) -> None:
    world.add_user("dependabot[bot]", type="Bot")
    account = await client.fetch_account("dependabot[bot]")
    assert account is not None
    assert account.type is AccountType.BOT
    assert not account.holds_credit
