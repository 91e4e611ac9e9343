"""Faults, hooks and the line going down."""

from __future__ import annotations

import threading

import httpx
import pytest

from meritocrab.demo.faults import ConnectionCutError, drop_field, set_field
from meritocrab.demo.github import SimulatedGitHub
from meritocrab.demo.world import World

REPO = "octo/crab"
AT = "/repos/octo/crab"
LOST = (httpx.RemoteProtocolError, httpx.ReadError, httpx.ConnectError, httpx.WriteError)


@pytest.fixture
def number(world: World) -> int:
    return world.open_pull(REPO, "bob")


def post(client: httpx.Client, number: int, body: str = "hi") -> httpx.Response:
    return client.post(f"{AT}/issues/{number}/comments", json={"body": body})


@pytest.mark.parametrize(("when", "made"), [("before", 0), ("after", 1)])
def test_an_error_before_or_after_the_write(
    world: World, maria: httpx.Client, number: int, when: str, made: int
) -> None:
    fault = world.faults.add("status", "^POST .*/comments$", status=503, when=when, times=1)
    assert post(maria, number).status_code == 503
    assert len(world.comments(REPO, number)) == made
    assert post(maria, number).status_code == 201
    assert fault.fired == 1


@pytest.mark.parametrize(("when", "made"), [("before", 0), ("after", 1)])
def test_the_connection_dies_before_or_after_the_write(
    world: World, maria: httpx.Client, number: int, when: str, made: int
) -> None:
    world.faults.add("cut", "POST", when=when, times=1)
    with pytest.raises(LOST):
        post(maria, number)
    assert len(world.comments(REPO, number)) == made
    (write,) = world.writes
    assert (write.status, write.applied, write.fault) == (0, bool(made), "cut")
    assert maria.get(AT).status_code == 200


def test_half_a_body(world: World, maria: httpx.Client) -> None:
    world.faults.add("truncated", f"GET {AT}$", times=1)
    with pytest.raises(LOST):
        maria.get(AT)
    assert maria.get(AT).status_code == 200


def test_a_page_of_html(world: World, maria: httpx.Client) -> None:
    world.faults.add("html", times=1)
    answer = maria.get(AT)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    with pytest.raises(ValueError):
        answer.json()


def test_limits_with_and_without_advice(world: World, maria: httpx.Client) -> None:
    world.faults.add("secondary", times=1)
    world.faults.add("secondary", times=1, skip=0, status=429, retry_after=9)
    world.faults.add("secondary", times=1, retry_after="date")
    first, second, third = (maria.get(AT) for _ in range(3))
    assert (first.status_code, "retry-after" in first.headers) == (403, False)
    assert (second.status_code, second.headers["retry-after"]) == (429, "9")
    assert third.headers["retry-after"] == "Sun, 01 Mar 2026 12:01:00 GMT"
    assert int(first.headers["x-ratelimit-remaining"]) > 0


def test_an_exhausted_quota_and_a_refused_token(world: World, maria: httpx.Client) -> None:
    world.faults.add("primary", times=1, seconds=90)
    world.faults.add("unauthorized", times=1)
    answer = maria.get(AT)
    assert (answer.status_code, answer.headers["x-ratelimit-remaining"]) == (403, "0")
    assert int(answer.headers["x-ratelimit-reset"]) == int(world.now().timestamp()) + 90
    assert maria.get(AT).status_code == 401
    assert maria.get(AT).status_code == 200


def test_bogus_fields(world: World, maria: httpx.Client, number: int) -> None:
    world.faults.add("bogus", "/issues$", change=set_field("user", None), times=1)
    world.faults.add("bogus", "/pulls/", change=drop_field("head"), times=1)
    assert maria.get(f"{AT}/issues").json()[0]["user"] is None
    assert "head" not in maria.get(f"{AT}/pulls/{number}").json()
    assert maria.get(f"{AT}/issues").json()[0]["user"]["login"] == "bob"


def test_every_third_and_by_seed(world: World, maria: httpx.Client) -> None:
    rule = world.faults.add("status", every=3)
    assert [maria.get(AT).status_code for _ in range(6)] == [200, 200, 502, 200, 200, 502]
    world.faults.remove(rule)

    def sample() -> list[int]:
        world.faults.clear()
        world.faults.add("status", probability=0.5, seed=4)
        return [maria.get(AT).status_code for _ in range(12)]

    assert sample() == sample()
    assert set(sample()) == {200, 502}


def test_an_answer_that_never_comes_does_not_keep_the_server(world: World, number: int) -> None:
    server = SimulatedGitHub(world).start()
    world.faults.add("hold", "POST", when="after", seconds=600)
    with httpx.Client(base_url=server.url, timeout=0.3, trust_env=False) as client:
        client.headers["Authorization"] = "Bearer ghp_maria"
        with pytest.raises(httpx.ReadTimeout):
            post(client, number)
    assert len(world.comments(REPO, number)) == 1
    server.stop()


def test_reads_lag_behind_writes(world: World, maria: httpx.Client, number: int) -> None:
    rule = world.faults.add("stale", "^GET ", seconds=30)
    assert post(maria, number).status_code == 201
    maria.patch(f"{AT}/pulls/{number}", json={"state": "closed"})
    assert maria.get(f"{AT}/issues/{number}/comments").json() == []
    assert maria.get(f"{AT}/issues/comments").json() == []
    assert maria.get(f"{AT}/pulls/{number}").json()["state"] == "open"
    world.advance(15)
    second = post(maria, number, "later").json()["id"]
    world.advance(16)
    assert [c["body"] for c in maria.get(f"{AT}/issues/{number}/comments").json()] == ["hi"]
    assert maria.get(f"{AT}/issues/comments/{second}").status_code == 404
    assert maria.get(f"{AT}/pulls/{number}").json()["state"] == "closed"
    world.faults.remove(rule)
    assert len(maria.get(f"{AT}/issues/{number}/comments").json()) == 2


def test_lists_may_shift_between_pages(world: World, maria: httpx.Client, number: int) -> None:
    for _ in range(3):
        world.advance(1)
        world.open_issue(REPO, "ann")
    world.faults.add("call", "[?&]page=2", call=lambda method, path: world.delete_issue(REPO, 2), times=1)
    listing = f"{AT}/issues?per_page=2&sort=created&direction=asc"
    first = [item["number"] for item in maria.get(listing).json()]
    second = [item["number"] for item in maria.get(f"{listing}&page=2").json()]
    assert (first, second) == ([1, 2], [4])


def test_offline_cuts_everything_and_comes_back(world: World, maria: httpx.Client) -> None:
    assert maria.get(AT).status_code == 200
    world.faults.offline = True
    for _ in range(2):
        with pytest.raises(LOST):
            maria.get(AT)
    world.faults.offline = False
    assert maria.get(AT).status_code == 200


def test_hooks_see_each_step_and_may_cut(world: World, maria: httpx.Client, number: int) -> None:
    steps: list[tuple[str, str, int]] = []
    world.before_request = lambda method, path, n: steps.append(("before", method, n))
    world.after_apply = lambda method, path, n: steps.append(("applied", method, n))
    done = threading.Event()
    world.after_response = lambda method, path, n: done.set()
    assert post(maria, number).status_code == 201
    assert done.wait(5)
    assert steps == [("before", "POST", 1), ("applied", "POST", 1)]

    def cut(method: str, path: str, n: int) -> None:
        raise ConnectionCutError

    world.after_apply = cut
    with pytest.raises(LOST):
        post(maria, number)
    assert len(world.comments(REPO, number)) == 2
    world.after_apply, world.before_request = None, cut
    with pytest.raises(LOST):
        post(maria, number)
    assert len(world.comments(REPO, number)) == 2
    assert [write.applied for write in world.writes] == [True, True, False]


def test_faults_that_lack_what_they_need_are_refused(world: World) -> None:
    with pytest.raises(ValueError, match="change="):
        world.faults.add("bogus")
    with pytest.raises(ValueError, match="call="):
        world.faults.add("call")
