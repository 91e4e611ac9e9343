"""ETags, quotas and limits on bursts."""

from __future__ import annotations

import httpx

from meritocrab.demo.world import SecondaryLimits, World

REPO = "octo/crab"
AT = "/repos/octo/crab"


def tag(client: httpx.Client, address: str) -> str:
    return str(client.get(address).headers["etag"])


def again(client: httpx.Client, address: str, etag: str) -> httpx.Response:
    return client.get(address, headers={"If-None-Match": etag})


def test_unchanged_lists_are_free_with_a_token(world: World, maria: httpx.Client) -> None:
    world.open_issue(REPO, "ann")
    address = f"{AT}/issues?state=all"
    etag = tag(maria, address)
    assert etag.startswith('W/"')
    before = maria.get("/rate_limit").json()["resources"]["core"]["used"]
    answer = again(maria, address, etag)
    assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", etag)
    assert again(maria, address, etag.removeprefix("W/")).status_code == 304
    assert maria.get("/rate_limit").json()["rate"]["used"] == before == 1
    assert world.requests_since(counted=True)[-1].status == 200
    world.comment(REPO, 1, "ann", "news")
    assert again(maria, address, etag).status_code == 200


def test_unchanged_lists_count_without_a_token(nobody: httpx.Client) -> None:
    etag = tag(nobody, f"{AT}/issues")
    answer = again(nobody, f"{AT}/issues", etag)
    assert answer.status_code == 304
    assert (answer.headers["x-ratelimit-limit"], answer.headers["x-ratelimit-remaining"]) == ("60", "58")


def test_etags_belong_to_one_token_and_one_address(maria: httpx.Client, stranger: httpx.Client) -> None:
    etag = tag(maria, f"{AT}/issues")
    assert again(stranger, f"{AT}/issues", etag).status_code == 200
    assert again(maria, f"{AT}/issues?per_page=100", etag).status_code == 200


def test_stars_move_pull_lists_and_leave_issue_lists_alone(world: World, maria: httpx.Client) -> None:
    number = world.open_pull(REPO, "bob")
    world.comment(REPO, number, "ann", "hi")
    addresses = [f"{AT}/pulls", AT, f"{AT}/issues", f"{AT}/issues/comments"]
    tags = [tag(maria, address) for address in addresses]
    world.set_stars(REPO, 4)
    seen = [again(maria, address, etag).status_code for address, etag in zip(addresses, tags, strict=True)]
    assert seen == [200, 200, 304, 304]


def test_the_primary_limit_ends_and_begins_again(world: World, maria: httpx.Client) -> None:
    world.set_rate_limit(2, "ghp_maria")
    assert [maria.get(AT).status_code for _ in range(3)] == [200, 200, 403]
    refused = maria.get(AT)
    assert "rate limit exceeded" in refused.json()["message"]
    assert refused.headers["x-ratelimit-remaining"] == "0"
    assert int(refused.headers["x-ratelimit-reset"]) == int(world.now().timestamp()) + 3600
    assert maria.get("/rate_limit").json()["rate"]["remaining"] == 0
    world.advance(hours=1)
    assert maria.get(AT).status_code == 200
    world.exhaust("ghp_maria")
    assert maria.get(AT).status_code == 403


def test_tokens_of_one_person_share_a_quota(world: World, maria: httpx.Client) -> None:
    world.add_token("ghp_other", "maria")
    maria.get(AT)
    answer = maria.get(AT, headers={"Authorization": "token ghp_other"})
    assert answer.headers["x-ratelimit-used"] == "2"


def test_bursts_are_refused_when_limits_are_on(world: World, maria: httpx.Client) -> None:
    number = world.open_issue(REPO, "ann")
    world.secondary_limits = SecondaryLimits(points_per_minute=11, retry_after=7)
    address = f"{AT}/issues/{number}/comments"
    statuses = [maria.post(address, json={"body": str(n)}).status_code for n in range(3)]
    assert statuses == [201, 201, 403]
    refused = maria.post(address, json={"body": "x"})
    assert refused.headers["retry-after"] == "7"
    assert "secondary rate limit" in refused.json()["message"]
    world.advance(61)
    assert maria.get(AT).status_code == 200


def test_content_has_limits_of_its_own(world: World, maria: httpx.Client) -> None:
    number = world.open_issue(REPO, "ann")
    world.secondary_limits = SecondaryLimits(content_per_minute=1, status=429, retry_after="date")
    address = f"{AT}/issues/{number}/comments"
    assert maria.post(address, json={"body": "1"}).status_code == 201
    refused = maria.post(address, json={"body": "2"})
    assert refused.status_code == 429
    assert refused.headers["retry-after"] == "Sun, 01 Mar 2026 12:01:00 GMT"
    assert maria.get(AT).status_code == 200


def test_bad_credentials_and_expired_tokens(world: World, maria: httpx.Client) -> None:
    answer = maria.get(AT, headers={"Authorization": "Bearer nonsense"})
    assert (answer.status_code, answer.json()["message"]) == (401, "Bad credentials")
    world.revoke_token("ghp_maria")
    assert maria.get(AT).status_code == 401
