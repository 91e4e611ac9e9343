"""Claude and OpenAI through their real SDKs, against a local server that speaks and fails as they do."""

from __future__ import annotations

import asyncio
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from meritocrab.core.names import Classification
from meritocrab.core.prompts import ANSWER_SCHEMA, PROMPT_VERSION
from meritocrab.core.question import Question
from meritocrab.evaluators import answers
from meritocrab.evaluators.answers import Reply, read_answer, retry_after
from meritocrab.evaluators.base import (
    MAX_REASONING,
    EvaluatorUnavailable,
    InvalidAnswer,
    build_evaluator,
    evaluator_of,
)
from meritocrab.evaluators.vendor import ModelEvaluator
from meritocrab.settings import LlmSettings
from tests.evaluators.fake_vendors import (
    GOOD,
    FakeVendor,
    Play,
    chat_body,
    claude_body,
    claude_error,
    openai_error,
    response_body,
)

KEY = "sk-test-0123456789abcdefSECRET"
QUESTION = Question(
    7, "pull_request", "Fix the parser", "It crashed on empty input.", "https://x/1", 12, 3, 2
)
VENDORS = ("claude", "openai")
BODY = {"claude": claude_body, "openai": response_body}


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    # what a developer's shell may hold must neither be used nor be sent anywhere
    for name in ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "OPENAI_API_KEY"):
        monkeypatch.setenv(name, "from-the-environment")
    for name in ("ANTHROPIC_BASE_URL", "OPENAI_BASE_URL"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/elsewhere")


@pytest.fixture
def vendor() -> Iterator[FakeVendor]:
    with FakeVendor() as server:
        yield server


def provider(name: str, vendor: FakeVendor, **more: Any) -> ModelEvaluator:
    path = "" if name == "claude" else "/v1"
    options = {"api_key": KEY, "base_url": vendor.url + path, "timeout": 5.0, **more}
    built = build_evaluator(name, **options)
    assert isinstance(built, ModelEvaluator)
    return built


async def ask(name: str, vendor: FakeVendor, *plays: Play, **more: Any) -> Any:
    vendor.play(*plays)
    judge = provider(name, vendor, **more)
    try:
        return await judge.evaluate(QUESTION)
    finally:
        await judge.aclose()


async def failing(name: str, vendor: FakeVendor, *plays: Play, **more: Any) -> EvaluatorUnavailable:
    with pytest.raises(EvaluatorUnavailable) as caught:
        await ask(name, vendor, *plays, **more)
    assert KEY not in str(caught.value)
    assert caught.value.__cause__ is None
    return caught.value


async def invalid(name: str, vendor: FakeVendor, body: Any) -> InvalidAnswer:
    with pytest.raises(InvalidAnswer) as caught:
        await ask(name, vendor, Play(200, body))
    return caught.value


def error_body(name: str, kind: str, message: str, code: str | None = None) -> dict[str, Any]:
    return claude_error(kind, message) if name == "claude" else openai_error(kind, message, code)


# --- a good day ---


@pytest.mark.parametrize("name", VENDORS)
async def test_a_verdict_with_what_it_cost(name: str, vendor: FakeVendor) -> None:
    answer = await ask(name, vendor, Play(200, BODY[name]()))

    assert (answer.classification, answer.confidence) == (Classification.ACCEPTABLE, 0.9)
    assert answer.reasoning == GOOD["reasoning"]
    assert (answer.input_tokens, answer.output_tokens) == (1234, 80)
    assert 0 < answer.latency_seconds < 5
    assert json.loads(answer.raw) == GOOD
    assert answer.prompt_version == PROMPT_VERSION
    assert answer.model.startswith({"claude": "claude-haiku-5-5", "openai": "gpt-6-luna"}[name])
    assert answer.advisory is False


async def test_what_claude_is_sent(vendor: FakeVendor) -> None:
    await ask("claude", vendor, Play(200, claude_body()))

    (seen,) = vendor.seen
    assert seen.path == "/v1/messages"
    assert seen.headers["authorization"] == f"Bearer {KEY}"  # as the SDK has sent keys since 2.x
    assert "from-the-environment" not in str(seen.headers)
    assert set(seen.body) == {"model", "max_tokens", "system", "messages", "output_config"}
    assert seen.body["model"] == "claude-haiku-5-5"
    assert seen.body["output_config"] == {
        "format": {"type": "json_schema", "schema": ANSWER_SCHEMA},
        "effort": "low",
    }
    assert "It crashed on empty input." in seen.body["messages"][0]["content"]
    assert "It crashed" not in seen.body["system"]
    assert KEY not in json.dumps(seen.body)


async def test_what_openai_is_sent(vendor: FakeVendor) -> None:
    await ask("openai", vendor, Play(200, response_body()))

    (seen,) = vendor.seen
    assert seen.path == "/v1/responses"
    assert seen.headers["authorization"] == f"Bearer {KEY}"
    assert seen.body["model"] == "gpt-6-luna"
    assert seen.body["text"]["format"]["strict"] is True
    assert seen.body["text"]["format"]["schema"] == ANSWER_SCHEMA
    assert seen.body["reasoning"] == {"effort": "low"}
    assert seen.body["store"] is False
    assert "temperature" not in seen.body
    assert "It crashed on empty input." in seen.body["input"]
    assert KEY not in json.dumps(seen.body)


@pytest.mark.parametrize("name", VENDORS)
async def test_each_question_has_a_nonce_of_its_own(name: str, vendor: FakeVendor) -> None:
    vendor.play(Play(200, BODY[name]()))
    judge = provider(name, vendor)
    await judge.evaluate(QUESTION)
    await judge.evaluate(QUESTION)
    await judge.aclose()
    await judge.aclose()

    first, second = (json.dumps(seen.body) for seen in vendor.seen)
    assert first != second


@pytest.mark.parametrize("name", VENDORS)
async def test_the_model_can_be_chosen(name: str, vendor: FakeVendor) -> None:
    await ask(name, vendor, Play(200, BODY[name]()), model="some-model")
    assert vendor.seen[0].body["model"] == "some-model"


@pytest.mark.parametrize("name", VENDORS)
async def test_questions_side_by_side_share_one_client(name: str, vendor: FakeVendor) -> None:
    vendor.play(Play(200, BODY[name](), wait=0.05))
    judge = provider(name, vendor)
    found = await asyncio.gather(*(judge.evaluate(QUESTION) for _ in range(4)))
    await judge.aclose()
    assert [answer.confidence for answer in found] == [0.9] * 4


# --- answers that are no verdict: never applied, always booked ---

NO_VERDICTS: list[tuple[object, str]] = [
    ("I think this is fine.", "not the JSON that was asked for"),
    ('{"classification": "spam", "confidence": 0.9, "reas', "not the JSON that was asked for"),
    ("[1, 2]", "JSON, but not an object"),
    ({**GOOD, "classification": "excellent"}, "the model's class is excellent, not one of spam"),
    ({**GOOD, "classification": ["spam"]}, 'the model\'s class is ["spam"], not one of'),
    ({"confidence": 0.9, "reasoning": ""}, "the model's class is missing"),
    ({**GOOD, "confidence": 7}, "the model's confidence is 7, not from 0 to 1"),
    ({**GOOD, "confidence": -0.1}, "not from 0 to 1"),
    ({**GOOD, "confidence": "0.9"}, "the model's confidence is 0.9, not a number"),
    ({**GOOD, "confidence": True}, "not a number"),
    ('{"classification": "spam", "confidence": NaN, "reasoning": ""}', "not the JSON"),
    ('{"classification": "spam", "confidence": 1e999, "reasoning": ""}', "not from 0 to 1"),
    ({**GOOD, "confidence": 10**400}, "not from 0 to 1"),
    ({**GOOD, "reasoning": 5}, "the model's reasoning is 5, not a text"),
    (
        '{"classification": "high", "classification": "spam", "confidence": 1, "reasoning": ""}',
        "not the JSON",
    ),
    ("[" * 100_000, "not the JSON"),
    ("", "not the JSON"),
]


@pytest.mark.parametrize(("verdict", "said"), NO_VERDICTS)
@pytest.mark.parametrize("name", VENDORS)
async def test_an_answer_that_is_no_verdict(
    name: str, verdict: object, said: str, vendor: FakeVendor
) -> None:
    error = await invalid(name, vendor, BODY[name](verdict))

    assert said in str(error)
    assert error.kind == "malformed"
    assert (error.input_tokens, error.output_tokens) == (1234, 80)
    assert len(error.raw) <= answers.MAX_RAW
    assert len(vendor.seen) == 1


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("claude", claude_body("", stop="refusal")),
        ("claude", {**claude_body(), "content": [], "stop_reason": "refusal"}),
        (
            "openai",
            response_body(
                output=[{"type": "message", "content": [{"type": "refusal", "refusal": "I will not."}]}]
            ),
        ),
        ("openai", response_body("", status="incomplete", incomplete_details={"reason": "content_filter"})),
    ],
)
async def test_a_refusal(name: str, body: Any, vendor: FakeVendor) -> None:
    error = await invalid(name, vendor, body)
    assert str(error).startswith("the model refused to judge this")
    assert (error.kind, error.input_tokens) == ("refused", 1234)


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("claude", claude_body(stop="max_tokens")),
        ("claude", claude_body(stop="model_context_window_exceeded")),
        ("openai", response_body(status="incomplete", incomplete_details={"reason": "max_output_tokens"})),
        ("openai", response_body(status="incomplete", incomplete_details=None)),
    ],
)
async def test_a_truncated_answer_counts_for_nothing_even_if_it_parses(
    name: str, body: Any, vendor: FakeVendor
) -> None:
    error = await invalid(name, vendor, body)
    assert (error.kind, error.output_tokens) == ("truncated", 80)


@pytest.mark.parametrize("name", VENDORS)
@pytest.mark.parametrize(
    "body",
    ["<html>Welcome to the hotel's Wi-Fi</html>", "", [], {}, {"content": 5, "output": 5, "stop_reason": ""}],
)
async def test_an_answer_of_another_shape(name: str, body: Any, vendor: FakeVendor) -> None:
    error = await invalid(name, vendor, body)
    assert str(error).startswith("the provider's answer ")


async def test_an_answer_of_another_shape_is_booked_all_the_same(vendor: FakeVendor) -> None:
    error = await invalid("claude", vendor, {**claude_body(), "content": None})
    assert (error.input_tokens, error.output_tokens, error.model) == (1234, 80, "claude-haiku-5-5")


async def test_reasoning_is_bounded_and_can_be_stored(vendor: FakeVendor) -> None:
    body = claude_body(
        '{"classification":"low","confidence":0,"reasoning":"a\\ud800\\u0000' + "x" * 9000 + '"}'
    )
    answer = await ask("claude", vendor, Play(200, body))
    assert len(answer.reasoning) == MAX_REASONING
    assert answer.reasoning.startswith("a?x")
    answer.reasoning.encode()
    assert len(answer.raw) == answers.MAX_RAW


@pytest.mark.parametrize("name", VENDORS)
async def test_the_model_s_name_in_an_answer_is_bounded_and_can_be_stored(
    name: str, vendor: FakeVendor
) -> None:
    body = {**BODY[name](), "model": "crab\ud800\x00" + "x" * 200_000}
    answer = await ask(name, vendor, Play(200, body))
    assert answer.model == "crab?" + "x" * 195
    error = await invalid(name, vendor, {**body, "content": None, "output": None})
    assert error.model == answer.model


@pytest.mark.parametrize("told", [None, "", 7, ["a"], " \x00"])
async def test_a_model_without_a_usable_name_is_called_as_it_was_asked_for(
    told: Any, vendor: FakeVendor
) -> None:
    answer = await ask("claude", vendor, Play(200, {**claude_body(), "model": told}), model="crab-1")
    assert answer.model == "crab-1"


@pytest.mark.parametrize(
    "usage", [None, {}, {"input_tokens": -1}, {"input_tokens": "7"}, 5, {"input_tokens": True}]
)
async def test_usage_that_makes_no_sense_is_not_booked(usage: Any, vendor: FakeVendor) -> None:
    answer = await ask("claude", vendor, Play(200, {**claude_body(), "usage": usage}))
    assert (answer.input_tokens, answer.output_tokens) == (None, None)


# --- models that talk around their verdict ---


def reading(text: str) -> Any:
    return read_answer(Reply(text, "m"), 0.1)


@pytest.mark.parametrize(
    "text",
    [
        f"```json\n{json.dumps(GOOD)}\n```",
        f"Sure! Here it is: {json.dumps(GOOD)} I hope this helps {{:",
        f'<think>Maybe {{"classification": "spam"}}?</think>\n{json.dumps(GOOD)}',
        f"{json.dumps(GOOD)}\n{json.dumps(GOOD)}",
        json.dumps({**GOOD, "mood": "sunny"}),
    ],
)
def test_a_verdict_inside_of_prose_is_found(text: str) -> None:
    assert reading(text).classification is Classification.ACCEPTABLE


def test_two_different_verdicts_are_none() -> None:
    quoted = json.dumps({**GOOD, "classification": "high"})
    with pytest.raises(InvalidAnswer, match="several different verdicts"):
        reading(f"The author asks me to say {quoted}. My verdict: {json.dumps(GOOD)}")


# --- failures: the key, the money, the limits, the weather ---


@pytest.mark.parametrize("name", VENDORS)
@pytest.mark.parametrize(
    ("status", "kind", "code", "message", "said"),
    [
        (
            401,
            "authentication_error",
            "invalid_api_key",
            f"Incorrect API key: {KEY}.",
            "does not accept the API key",
        ),
        (402, "billing_error", None, "Payment required", "no credit or quota left"),
        (403, "permission_error", None, "Not allowed", "may not do this"),
        (
            429,
            "insufficient_quota",
            "insufficient_quota",
            "You exceeded your current quota",
            "no credit or quota",
        ),
        (400, "invalid_request_error", None, "Your credit balance is too low", "no credit or quota left"),
        (404, "not_found_error", "model_not_found", "model: gpt-9 not found", "no such model"),
    ],
)
async def test_what_only_a_human_can_mend_pauses_the_provider(
    name: str, status: int, kind: str, code: str | None, message: str, said: str, vendor: FakeVendor
) -> None:
    error = await failing(name, vendor, Play(status, error_body(name, kind, message, code)))

    assert said in str(error)
    assert error.pause
    assert error.retry_after_seconds == answers.LONG_PAUSE_SECONDS


@pytest.mark.parametrize("name", VENDORS)
@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "17"}, 17.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "999999"}, answers.MAX_RETRY_AFTER_SECONDS),
        ({}, answers.BUSY_SECONDS),
        ({"retry-after": "soon"}, answers.BUSY_SECONDS),
        ({"retry-after": "nan"}, answers.BUSY_SECONDS),
        ({"retry-after": "-5"}, answers.BUSY_SECONDS),
    ],
)
async def test_a_rate_limit_makes_everybody_wait_as_long_as_asked(
    name: str, headers: dict[str, str], seconds: float, vendor: FakeVendor
) -> None:
    # the advertisement is OpenAI's own, and no reason for a long pause
    message = "Rate limit reached. Add a payment method at https://example.com/account/billing."
    body = error_body(name, "rate_limit_error", message, "rate_limit_exceeded")

    error = await failing(name, vendor, Play(429, body, headers))

    assert "rate limit is reached" in str(error)
    assert (error.pause, error.retry_after_seconds) == (True, seconds)
    assert len(vendor.seen) == 1


@pytest.mark.parametrize("name", VENDORS)
async def test_a_rate_limit_until_a_date(name: str, vendor: FakeVendor) -> None:
    until = format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)
    error = await failing(name, vendor, Play(429, error_body(name, "x", "Slow down"), {"retry-after": until}))
    assert error.retry_after_seconds == pytest.approx(100, abs=5)


def test_a_date_counts_from_the_answer_s_own_clock() -> None:
    headers = {"retry-after": "Mon, 02 Mar 2026 10:00:30 GMT", "date": "Mon, 02 Mar 2026 10:00:00 GMT"}
    assert retry_after(headers, datetime(2030, 1, 1, tzinfo=UTC)) == 30
    assert retry_after({"retry-after": headers["date"]}, datetime(2030, 1, 1, tzinfo=UTC)) is None


@pytest.mark.parametrize("name", VENDORS)
@pytest.mark.parametrize("status", [500, 502, 503, 529])
async def test_a_vendor_in_trouble_is_asked_again_later(name: str, status: int, vendor: FakeVendor) -> None:
    body = error_body(name, "overloaded_error", "Overloaded")
    error = await failing(name, vendor, Play(status, body, {"retry-after": "9"}))

    assert f"in trouble (status {status}) (it says: Overloaded)" in str(error)
    assert (error.pause, error.retry_after_seconds) == (False, 9.0)
    assert len(vendor.seen) == 1, "the SDK must not try again by itself"


@pytest.mark.parametrize("name", VENDORS)
async def test_an_error_page_is_shown_bounded_and_without_control_characters(
    name: str, vendor: FakeVendor
) -> None:
    page = "<html>\x1b[31m" + "gateway " * 500
    error = await failing(name, vendor, Play(502, page))
    assert len(str(error)) < 400
    assert str(error).isprintable()


@pytest.mark.parametrize("name", VENDORS)
async def test_a_time_out(name: str, vendor: FakeVendor) -> None:
    error = await failing(name, vendor, Play(200, BODY[name](), wait=2), timeout=0.3)
    assert str(error) == "the provider did not answer within 0.3 s"
    assert (error.pause, error.retry_after_seconds) == (False, None)


@pytest.mark.parametrize("name", VENDORS)
@pytest.mark.parametrize("play", [Play(silent=True), Play(200, claude_body(), cut=True)])
async def test_a_cut_connection(name: str, play: Play, vendor: FakeVendor) -> None:
    error = await failing(name, vendor, play)
    assert str(error).startswith("the provider cannot be reached: ")
    assert (error.pause, error.retry_after_seconds) == (False, None)


@pytest.mark.parametrize("name", VENDORS)
async def test_nobody_at_home(name: str, vendor: FakeVendor) -> None:
    error = await failing(name, vendor, Play(), base_url="http://127.0.0.1:9/v1")
    assert str(error).startswith("the provider cannot be reached: ")


@pytest.mark.parametrize("name", VENDORS)
async def test_after_a_failure_the_next_question_is_answered(name: str, vendor: FakeVendor) -> None:
    vendor.play(Play(500, {}), Play(silent=True), Play(200, BODY[name]()))
    judge = provider(name, vendor)
    for _ in range(2):
        with pytest.raises(EvaluatorUnavailable):
            await judge.evaluate(QUESTION)
    assert (await judge.evaluate(QUESTION)).confidence == 0.9
    await judge.aclose()


@pytest.mark.parametrize("name", VENDORS)
async def test_without_a_key_nothing_is_sent(name: str) -> None:
    judge = build_evaluator(name)
    with pytest.raises(EvaluatorUnavailable, match="has no API key") as caught:
        await judge.evaluate(QUESTION)
    assert caught.value.pause


async def test_a_failure_told_with_status_200(vendor: FakeVendor) -> None:
    told = {"code": "rate_limit_exceeded", "message": "Too fast"}
    error = await failing("openai", vendor, Play(200, response_body(status="failed", error=told)))
    assert "rate limit" in str(error)
    told = {"code": "server_error", "message": "Oops"}
    error = await failing("openai", vendor, Play(200, response_body(status="failed", error=told)))
    assert "in trouble (status 500) (it says: Oops)" in str(error)


@pytest.mark.parametrize("name", VENDORS)
async def test_the_key_is_neither_logged_nor_shown(
    name: str, vendor: FakeVendor, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await ask(name, vendor, Play(200, BODY[name]()))
    for play in (Play(401, error_body(name, "x", f"bad key {KEY}")), Play(500, {}), Play(silent=True)):
        error = await failing(name, vendor, play)
        assert KEY not in repr(error)
    assert KEY not in caplog.text
    assert KEY not in repr(provider(name, vendor))


# --- servers that know less ---

CHAT = "/v1/chat/completions"


async def test_an_ollama_like_server_is_spoken_to_in_chat_with_a_schema(vendor: FakeVendor) -> None:
    vendor.knows = (CHAT,)
    vendor.play(Play(200, chat_body()))
    judge = provider("openai", vendor, api_key=None, model="qwen3:8b")

    first = await judge.evaluate(QUESTION)
    await judge.evaluate(QUESTION)
    await judge.aclose()

    assert (first.model, first.input_tokens, first.output_tokens) == ("qwen3:8b", 1234, 80)
    assert [seen.path for seen in vendor.seen] == ["/v1/responses", CHAT, CHAT], "remembered"
    assert vendor.seen[-1].body["response_format"]["json_schema"]["schema"] == ANSWER_SCHEMA
    assert vendor.seen[-1].headers["authorization"] == "Bearer none"


@pytest.mark.parametrize(
    ("refuses", "format_"),
    [
        (("text.format", "response_format.type=json_schema"), {"type": "json_object"}),
        (("text", "response_format"), None),
    ],
)
async def test_a_server_without_json_schema(
    refuses: tuple[str, ...], format_: object, vendor: FakeVendor
) -> None:
    vendor.refuses = refuses
    answer = await ask(
        "openai", vendor, Play(200, chat_body(f"Here you are:\n```json\n{json.dumps(GOOD)}\n```"))
    )

    assert answer.classification is Classification.ACCEPTABLE
    last = vendor.seen[-1].body
    assert last.get("response_format") == format_
    assert '"enum"' in last["messages"][0]["content"], "then the schema stands in the prompt"


async def test_models_that_know_no_effort(vendor: FakeVendor) -> None:
    vendor.refuses = ("reasoning", "output_config.effort")
    assert (await ask("openai", vendor, Play(200, response_body()))).confidence == 0.9
    assert (await ask("claude", vendor, Play(200, claude_body()))).confidence == 0.9
    assert [len(seen.body.get("output_config", ())) for seen in vendor.seen] == [0, 0, 2, 1]


async def test_an_imitation_of_claude_without_structured_output(vendor: FakeVendor) -> None:
    vendor.refuses = ("output_config",)
    assert (await ask("claude", vendor, Play(200, claude_body()))).confidence == 0.9
    assert "output_config" not in vendor.seen[-1].body


async def test_the_vendors_own_services_are_not_asked_in_lesser_dialects() -> None:
    for name in VENDORS:
        judge = build_evaluator(name, api_key=KEY)
        assert isinstance(judge, ModelEvaluator)
        assert len(judge._dialects.fit) == 2


async def test_a_server_that_refuses_everything_is_not_remembered_for_it(vendor: FakeVendor) -> None:
    vendor.play(Play(400, openai_error("x", "context length exceeded")))
    judge = provider("openai", vendor)
    with pytest.raises(EvaluatorUnavailable, match=r"refused the question \(status 400\).*context length"):
        await judge.evaluate(QUESTION)
    vendor.play(Play(200, response_body()))
    assert (await judge.evaluate(QUESTION)).confidence == 0.9
    await judge.aclose()


@pytest.mark.parametrize(("name", "most"), [("claude", 2), ("openai", 3)])
async def test_a_refusal_that_explains_nothing_is_not_walked_through_with_each_question(
    name: str, most: int, vendor: FakeVendor
) -> None:
    vendor.play(Play(400, error_body(name, "invalid_request_error", "Bad Request")))
    judge = provider(name, vendor)
    for _ in range(3):
        with pytest.raises(EvaluatorUnavailable, match=r"refused the question \(status 400\)") as caught:
            await judge.evaluate(QUESTION)
        assert caught.value.about_question
    await judge.aclose()
    assert len(vendor.seen) == most + 1 + 1


NOT_THE_FORM: list[tuple[int, str, str | None, str]] = [
    (400, "This model's maximum context length is 8192 tokens.", "context_length_exceeded", "refused the"),
    (400, "prompt is too long: 210000 tokens > 200000 maximum", None, "refused the question"),
    (400, "API key not valid. Please pass a valid API key.", None, "does not accept the API key"),
    (400, "qwen/qwen9 is not a valid model ID", None, "knows no such model"),
    (400, "Your credit balance is too low", None, "no credit or quota left"),
    (400, "The response was filtered", "content_filter", "refused the question"),
]


@pytest.mark.parametrize("name", VENDORS)
@pytest.mark.parametrize(("status", "message", "code", "said"), NOT_THE_FORM)
async def test_what_another_form_would_not_mend_is_sent_once(
    name: str, status: int, message: str, code: str | None, said: str, vendor: FakeVendor
) -> None:
    body = openai_error("invalid_request_error", message, code)
    error = await failing(name, vendor, Play(status, body))
    assert said in str(error)
    assert len(vendor.seen) == 1


async def test_what_was_refused_by_name_is_not_sent_again_even_if_no_form_was_taken(
    vendor: FakeVendor,
) -> None:
    vendor.refuses = ("reasoning",)
    vendor.play(Play(400, openai_error("x", "context length exceeded")))
    judge = provider("openai", vendor)
    for _ in range(2):
        with pytest.raises(EvaluatorUnavailable, match="context length"):
            await judge.evaluate(QUESTION)
    await judge.aclose()
    assert ["reasoning" in seen.body for seen in vendor.seen] == [True, False, False]


async def test_a_model_that_was_never_pulled_is_said_so(vendor: FakeVendor) -> None:
    body = openai_error("not_found_error", "model 'qwen9' not found, try pulling it first")
    error = await failing("openai", vendor, Play(404, body))
    assert "no such model" in str(error)
    assert "try pulling it first" in str(error)
    assert len(vendor.seen) == 1


async def test_a_wrong_address_is_said_so(vendor: FakeVendor) -> None:
    vendor.knows = ()
    error = await failing("openai", vendor, Play())
    assert "no such address" in str(error)
    assert error.pause


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (chat_body(finish="length"), "truncated"),
        (chat_body("", finish="content_filter"), "refused"),
        (chat_body("", refusal="No."), "refused"),
        ({**chat_body(), "choices": []}, "malformed"),
    ],
)
async def test_what_can_be_wrong_with_a_chat_answer(body: Any, kind: str, vendor: FakeVendor) -> None:
    vendor.knows = (CHAT,)
    error = await invalid("openai", vendor, body)
    assert (error.kind, error.input_tokens, error.output_tokens) == (kind, 1234, 80)


# --- building ---


def test_a_configuration_sets_a_provider_up() -> None:
    settings = LlmSettings.model_validate(
        {"provider": "openai", "base_url": "http://localhost:11434/v1", "model": "qwen3:8b"}
    )
    judge = evaluator_of(settings)
    assert isinstance(judge, ModelEvaluator)
    assert (judge.name, judge.model, judge.timeout_seconds) == ("openai", "qwen3:8b", 60.0)
    assert evaluator_of(LlmSettings()).name == "heuristic"


@pytest.mark.parametrize(
    ("name", "sdk", "other"), [("claude", "anthropic", "openai"), ("openai", "openai", "anthropic")]
)
def test_an_sdk_is_imported_when_its_provider_is_first_asked(name: str, sdk: str, other: str) -> None:
    check = f"""
import asyncio, sys
import meritocrab.cli.main, meritocrab.daemon.service, meritocrab.cli.evaluate
from meritocrab.evaluators.base import EvaluatorUnavailable, build_evaluator
from meritocrab.core.question import Question
judge = build_evaluator({name!r}, api_key="sk-0123456789", base_url="http://127.0.0.1:9/v1", timeout=20)
assert not {{"anthropic", "openai", "httpx2"}} & set(sys.modules)
async def ask():
    try:
        await judge.evaluate(Question(1, "comment", "t", "x", "l"))
    except EvaluatorUnavailable as error:
        print(error)
    await judge.aclose()
asyncio.run(ask())
assert {sdk!r} in sys.modules and {other!r} not in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", check], check=True, capture_output=True, text=True)
    assert done.stdout.startswith("the provider cannot be reached")


# --- looking whether everything is as configured -----------------------------------------------------------------


async def looked_up(provider: str, vendor: FakeVendor, model: str, path: str = "/v1") -> Any:
    address = vendor.url if provider == "claude" else f"{vendor.url}{path}"
    evaluator = build_evaluator(provider, api_key=KEY, model=model, base_url=address)
    assert isinstance(evaluator, ModelEvaluator)
    try:
        return await evaluator.find_model()
    finally:
        await evaluator.aclose()
        assert all(seen.path.startswith("/v1/models") for seen in vendor.seen), "nothing may be spent"


@pytest.mark.parametrize("provider", VENDORS)
async def test_a_model_is_looked_up_without_asking_it(provider: str) -> None:
    with FakeVendor() as vendor:
        vendor.offers, vendor.key = ("small-1", "qwen3:latest"), KEY
        found = await looked_up(provider, vendor, "small-1")
        assert (found.known, found.offered) == (True, ("small-1", "qwen3:latest"))
        assert (await looked_up(provider, vendor, "qwen3")).known is True
        assert (await looked_up(provider, vendor, "large-9")).known is False


@pytest.mark.parametrize("provider", VENDORS)
async def test_a_refused_key_is_said_without_showing_it(provider: str) -> None:
    with FakeVendor() as vendor:
        vendor.offers, vendor.key = ("small-1",), "another"
        with pytest.raises(EvaluatorUnavailable, match="does not accept the API key") as caught:
            await looked_up(provider, vendor, "small-1")
        assert KEY not in str(caught.value)


async def test_a_server_at_home_may_keep_no_list_of_models() -> None:
    with FakeVendor() as vendor:
        assert (await looked_up("openai", vendor, "small-1")).known is None


async def test_a_provider_that_is_away_is_said() -> None:
    with FakeVendor() as vendor:
        url = vendor.url
    evaluator = build_evaluator("openai", model="x", base_url=url)
    assert isinstance(evaluator, ModelEvaluator)
    with pytest.raises(EvaluatorUnavailable, match="cannot be reached"):
        await evaluator.find_model()
    await evaluator.aclose()
