"""What the local API does not take: always JSON in words with a fitting status, never a stack trace."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import httpx2
import pytest

from meritocrab.localapi import protocol as p
from meritocrab.localapi.client import BadAnswer, LocalClient, Refused
from meritocrab.localapi.routes import ROUTES
from tests.e2e.world_of_people import REPO
from tests.localapi.conftest import Served, doubtful

R = f"/api/repos/{REPO}"
ADJUST = f"{R}/contributors/newt/adjust"


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/", 404, "not_found"),
        ("GET", "/health/", 404, "not_found"),
        ("GET", "/api/repos/", 404, "not_found"),
        ("GET", "/api/repos/octo/nowhere", 404, "not_found"),
        ("GET", "/api/repos/octo/nowhere/evaluations", 404, "not_found"),
        ("GET", f"{R}/evaluations/77", 404, "not_found"),
        ("GET", "/api/evaluations/77", 404, "not_found"),
        ("GET", "/api/evaluations/all", 422, "invalid"),
        ("GET", f"{R}/evaluations/0", 422, "invalid"),
        ("GET", f"{R}/evaluations/-1", 422, "invalid"),
        ("GET", f"{R}/evaluations/one", 422, "invalid"),
        ("GET", f"{R}/evaluations/99999999999999999999", 422, "invalid"),
        ("GET", f"{R}/evaluations?status=perhaps", 422, "invalid"),
        ("GET", f"{R}/evaluations?limit=0", 422, "invalid"),
        ("GET", f"{R}/evaluations?limit=201", 422, "invalid"),
        ("GET", f"{R}/evaluations?limit=1&limit=2", 422, "invalid"),
        ("GET", f"{R}/evaluations?page=2", 422, "invalid"),
        ("GET", f"{R}/evaluations?cursor=nonsense", 400, "bad_cursor"),
        ("GET", f"{R}/contributors?sort=age", 422, "invalid"),
        ("GET", f"{R}/contributors?search=%00", 422, "invalid"),
        ("GET", f"{R}/contributors/nobody", 404, "not_found"),
        ("GET", f"{R}/contributors/id:77", 404, "not_found"),
        ("GET", f"{R}/contributors/id:99999999999999999999", 404, "not_found"),
        ("GET", f"{R}/contributors/%00", 422, "invalid"),
        ("GET", f"{R}/contributors/nobody/ledger", 404, "not_found"),
        ("GET", "/api/activity?repo=octo/nowhere", 404, "not_found"),
        ("GET", "/api/outbox?state=lost", 422, "invalid"),
        ("GET", f"/api/why/{REPO}/7777", 404, "not_found"),
        ("GET", f"/api/why/{REPO}/seven", 422, "invalid"),
        ("POST", f"{R}/evaluations/77/approve", 404, "not_found"),
        ("POST", f"{R}/contributors/nobody/blacklist", 404, "not_found"),
        ("POST", f"{R}/ledger/77/undo", 404, "not_found"),
        ("POST", "/api/outbox/77/cancel", 404, "not_found"),
        ("POST", "/api/repos/octo/nowhere/poll", 404, "not_found"),
        ("POST", "/health", 405, "method_not_allowed"),
        ("GET", f"{R}/poll", 405, "method_not_allowed"),
        ("DELETE", f"{R}/contributors/newt", 405, "method_not_allowed"),
        ("PUT", ADJUST, 405, "method_not_allowed"),
    ],
)
async def test_a_wrong_path_method_or_value(
    served: Served, method: str, path: str, status: int, code: str
) -> None:
    found = await served.refusal(method, path)
    assert found[:2] == (status, code)
    assert found[2]


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (b"", 422, "delta: Field required"),
        (b"{", 400, "not JSON"),
        (b"\xff\xfe", 400, "not JSON"),
        (b"[" * 50_000, 400, "not JSON"),
        (b"1" * 5000, 400, "not JSON"),
        (b"[]", 400, "a JSON object"),
        (b"{}", 422, "delta: Field required"),
        (b'{"delta": "5"}', 422, "delta"),
        (b'{"delta": 5.5}', 422, "delta"),
        (b'{"delta": true}', 422, "delta"),
        (b'{"delta": NaN}', 422, "delta"),
        (b'{"delta": 0}', 422, "must not be 0"),
        (b'{"delta": 10001}', 422, "less than or equal to 10000"),
        (b'{"delta": 1e400}', 422, "delta"),
        (b'{"delta": 5, "verdict": "high"}', 422, "verdict: Extra inputs are not permitted"),
        (b'{"delta": 5, "reason": 7}', 422, "reason"),
        (b'{"delta": 5, "reason": "a\\u0000b"}', 422, "control characters"),
        (b'{"delta": 5, "reason": "a\\ud800b"}', 422, "reason"),
        (b'{"delta": 5, "request_id": ""}', 422, "request_id"),
        (b'{"delta": 5, "request_id": "a b"}', 422, "request_id"),
        (json.dumps({"delta": 5, "reason": "x" * 2001}).encode(), 422, "at most 2000 characters"),
    ],
)
async def test_a_wrong_body(served: Served, body: bytes, status: int, words: str) -> None:
    await served.day.operate("adjust", "newt", delta=1)
    headers = {"Content-Type": "application/json; charset=utf-8"}
    found = await served.refusal("POST", ADJUST, content=body, headers=headers)
    assert found[0] == status
    assert words in found[2]
    assert served.day.credit("newt") == 101


@pytest.mark.parametrize(
    "body",
    [{}, {"classification": "high", "delta": 1}, {"classification": "best"}, {"classification": None}],
)
async def test_an_override_takes_a_class_or_a_number(served: Served, body: dict[str, Any]) -> None:
    evaluation = await doubtful(served.day)
    found = await served.refusal("POST", f"{R}/evaluations/{evaluation}/override", json=body)
    assert found[0] == 422


async def test_a_body_of_another_kind(served: Served) -> None:
    await served.day.operate("adjust", "newt", delta=1)
    for headers in ({}, {"Content-Type": "application/x-www-form-urlencoded"}):
        found = await served.refusal("POST", ADJUST, content=b'{"delta": 5}', headers=headers)
        assert found[:2] == (415, "unsupported_media_type")


async def test_a_body_that_is_too_long_however_it_is_sent(served: Served) -> None:
    headers = {"Content-Type": "application/json"}
    body = json.dumps({"delta": 5, "reason": "x" * p.MAX_BODY_BYTES}).encode()
    found = await served.refusal("POST", ADJUST, content=body, headers=headers)
    assert found[:2] == (413, "too_large")

    async def chunks() -> Any:
        for _ in range(20):
            yield body[:8000]

    found = await served.refusal("POST", ADJUST, content=chunks(), headers=headers)
    assert found[:2] == (413, "too_large")
    assert (await served.ask("GET", "/health"))[0] == 200


async def test_request_ids_that_contradict_or_cannot_be(served: Served) -> None:
    await served.day.operate("adjust", "newt", delta=1)
    body = {"delta": 5, "request_id": "one"}
    for header in ("two", "", "a b", "x" * 101):
        found = await served.refusal("POST", ADJUST, json=body, headers={"Idempotency-Key": header})
        assert found[:2] == (422, "invalid")
    status, answer = await served.ask("POST", ADJUST, json=body, headers={"Idempotency-Key": "one"})
    assert (status, answer["request_id"]) == (200, "one")


async def test_a_cursor_of_another_listing_or_order(served: Served) -> None:
    for delta in (1, 2, 3):
        await served.day.operate("adjust", "newt", delta=delta)
    page = await served.client.activity(limit=1)
    for path in (f"{R}/contributors/newt/ledger", f"{R}/events", f"/api/activity?repo={REPO}"):
        mark = "&" if "?" in path else "?"
        found = await served.refusal("GET", f"{path}{mark}cursor={page.next}")
        assert found[:2] == (400, "bad_cursor")


async def test_an_id_of_another_repository_is_nobodys_business(served: Served) -> None:
    day = served.day
    evaluation = await doubtful(day)
    await served.client.approve(REPO, evaluation)
    row = day.ledger_rows("newt")[-1].id
    other = day.row()

    def watch() -> None:
        type(other).create(
            github_id=4242, full_name="octo/other", name_key="octo/other", access="token", watched=False
        )

    await day.store.write(watch)
    for path in (f"evaluations/{evaluation}/approve", f"ledger/{row}/undo"):
        found = await served.refusal("POST", f"/api/repos/octo/other/{path}")
        assert found[:2] == (404, "not_found")
    assert (await served.refusal("GET", f"/api/repos/octo/other/evaluations/{evaluation}"))[0] == 404
    assert (await served.refusal("GET", "/api/repos/octo/other/contributors/newt"))[0] == 404
    assert (await served.ask("GET", "/api/repos/octo/other/events"))[1]["total"] == 0


async def test_a_fault_of_ours_is_told_without_its_trace(
    served: Served, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_: Any) -> Any:
        raise ZeroDivisionError("a secret detail")

    served.api._handlers["repositories"] = broken
    status, code, message = await served.refusal("GET", "/api/repos")
    assert (status, code) == (500, "internal")
    assert "secret" not in message
    assert any(record.exc_info and "failed by our own fault" in record.message for record in caplog.records)
    caplog.clear()


async def test_what_is_not_http_ends_the_connection_and_nothing_else(served: Served) -> None:
    reader, writer = await asyncio.open_unix_connection(served.api.path)
    writer.write(b"\x16\x03\x01 hello\r\n\r\n")
    answer = await reader.read()
    assert answer.startswith(b"HTTP/1.1 400")
    assert b"Traceback" not in answer
    writer.close()
    assert (await served.client.health()).status is p.HealthStatus.HEALTHY
    logging.getLogger("uvicorn.error").handlers.clear()


async def test_every_route_answers_and_none_lacks_its_handler(served: Served) -> None:
    assert set(served.api._handlers) == {route.name for route in ROUTES}
    assert len({(route.method, route.path) for route in ROUTES}) == len(ROUTES)


async def test_the_description_names_every_route_and_every_route_is_there(served: Served) -> None:
    status, document = await served.ask("GET", "/openapi.json")
    assert (status, document["openapi"]) == (200, "3.1.0")
    described = {
        (method.upper(), path) for path, operations in document["paths"].items() for method in operations
    }
    assert described == {(route.method, route.path) for route in ROUTES}
    references = set(_references(document))
    assert references <= {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    values = {"owner": "octo", "repo": "garden", "user": "newt", "id": "1", "number": "1"}
    for method, path in described - {("GET", "/api/stream"), ("GET", "/metrics")}:
        status, answer = await served.ask(method, path.format(**values))
        operation = document["paths"][path][method.lower()]
        assert str(status) in operation["responses"], (method, path, status)
        assert status != 405
        assert "no such path" not in json.dumps(answer)


def _references(value: Any) -> Any:
    if isinstance(value, dict):
        if "$ref" in value:
            yield value["$ref"]
        for each in value.values():
            yield from _references(each)
    if isinstance(value, list):
        for each in value:
            yield from _references(each)


# ---- what the client makes of it


async def test_the_client_refuses_what_the_daemon_would(served: Served) -> None:
    with pytest.raises(Refused, match="must not be 0"):
        await served.client.adjust(REPO, "newt", 0)
    with pytest.raises(Refused, match="either classification or delta"):
        await served.client.override(REPO, 1)
    with pytest.raises(Refused) as refused:
        await served.client.repository("octo/nowhere")
    assert refused.value.is_missing


async def test_an_answer_of_another_version_is_said_to_be_one() -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        if request.url.path == "/api/repos":
            return httpx2.Response(502, text="<html>")
        return httpx2.Response(200, json={"state": "frozen"})

    client = LocalClient("/nowhere")
    client._http = httpx2.AsyncClient(transport=httpx2.MockTransport(answer), base_url="http://localhost")
    with pytest.raises(BadAnswer, match="another version"):
        await client.repository(REPO)
    with pytest.raises(BadAnswer, match="status 502"):
        await client.repositories()
    await client.aclose()
