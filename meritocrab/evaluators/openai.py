"""The provider `openai`: OpenAI's responses interface, and every server that imitates OpenAI at an address of yours.

Ollama, vLLM, LM Studio and others know the older chat interface better, and structured output by halves. So there
are five dialects, from strict JSON schema down to asking nicely; `dialects` finds the best that a server takes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from meritocrab.core.prompts import ANSWER_SCHEMA, Prompt
from meritocrab.evaluators.answers import Stop, read_failure
from meritocrab.evaluators.dialects import Dialect
from meritocrab.evaluators.exchanges import HOOKS
from meritocrab.evaluators.vendor import (
    CONNECT_SECONDS,
    MAX_OUTPUT_TOKENS,
    ModelEvaluator,
    Refused,
    in_our_errors,
    model_names,
    read_body,
)

API_URL = "https://api.openai.com/v1"

_NAME = "verdict"
_NO_KEY = "none"  # the SDK wants one; servers at home do not
_CHAT_FORMATS: Mapping[str, Mapping[str, Any]] = {
    "chat_schema": {
        "type": "json_schema",
        "json_schema": {"name": _NAME, "strict": True, "schema": ANSWER_SCHEMA},
    },
    "chat_json": {"type": "json_object"},
}
_INCOMPLETE: Mapping[str, Stop] = {"content_filter": "refused"}
_FINISHED: Mapping[str, Stop] = {"length": "truncated", "content_filter": "refused"}


_EFFORT = re.compile(r"\breasoning\b|\beffort\b|\bthinking\b", re.I)
_TEXT_FORMAT = re.compile(r"text\.format|\bjson_schema\b|\bschema\b|structured", re.I)
_SCHEMA = re.compile(r"response_format.{0,3}\btype\b|\bjson_schema\b|\bschema\b|structured", re.I)
_RESPONSE_FORMAT = re.compile(r"response[_ ]format|\bjson_object\b", re.I)


class OpenAIEvaluator(ModelEvaluator):
    """Asks an OpenAI model, or a model behind `base_url`. A key is needed for OpenAI's own service only."""

    name = "openai"
    default_model = "gpt-6-luna"
    dialects = (
        Dialect("responses_effort", "responses", (_EFFORT, _TEXT_FORMAT)),
        Dialect("responses", "responses", (_TEXT_FORMAT,)),
        Dialect("chat_schema", "chat", (_SCHEMA, _RESPONSE_FORMAT)),
        Dialect("chat_json", "chat", (_RESPONSE_FORMAT,)),
        Dialect("chat_plain", "chat"),
    )
    foreign = 2

    def _lacks_key(self) -> bool:
        return not self._api_key and self._base_url is None

    def _build_client(self) -> Any:
        import openai

        self._sdk = openai
        # Key and address are always given, so that no variable of the environment sends one to the other.
        return openai.AsyncOpenAI(
            api_key=self._api_key or _NO_KEY,
            base_url=self._base_url or API_URL,
            timeout=openai.Timeout(self.timeout_seconds, connect=CONNECT_SECONDS),
            max_retries=0,
            http_client=openai.DefaultAsyncHttpxClient(event_hooks=HOOKS),
        )

    async def _send(self, dialect: str, prompt: Prompt) -> Mapping[str, Any]:
        door = self._client.chat.completions if dialect.startswith("chat") else self._client.responses
        with in_our_errors(self._sdk):
            answer = await door.with_raw_response.create(**self._request(dialect, prompt))
        body = read_body(answer.http_response.text)
        if body.get("status") == "failed":  # a failure told with status 200
            raise Refused(read_failure(_STATUS_OF.get(_code(body), 500), body, answer.headers))
        return body

    async def _offered(self) -> Sequence[str]:
        with in_our_errors(self._sdk):
            answer = await self._client.models.with_raw_response.list()
        return model_names(read_body(answer.http_response.text))

    def _request(self, dialect: str, prompt: Prompt) -> dict[str, Any]:
        return self._chat(dialect, prompt) if dialect.startswith("chat") else self._response(dialect, prompt)

    def _response(self, dialect: str, prompt: Prompt) -> dict[str, Any]:
        request: dict[str, Any] = {
            "model": self.model,
            "instructions": prompt.system,
            "input": prompt.user,
            "max_output_tokens": MAX_OUTPUT_TOKENS,
            "store": False,
            "text": {
                "format": {"type": "json_schema", "name": _NAME, "strict": True, "schema": ANSWER_SCHEMA}
            },
        }
        return {**request, "reasoning": {"effort": "low"}} if dialect == "responses_effort" else request

    def _chat(self, dialect: str, prompt: Prompt) -> dict[str, Any]:
        format_ = _CHAT_FORMATS.get(dialect)
        schema = "" if dialect == "chat_schema" else f"\n\n{_SCHEMA_WORDS}{json.dumps(ANSWER_SCHEMA)}"
        request: dict[str, Any] = {
            "model": self.model,
            "max_tokens": MAX_OUTPUT_TOKENS,
            "messages": [
                {"role": "system", "content": prompt.system + schema},
                {"role": "user", "content": prompt.user},
            ],
        }
        return request if format_ is None else {**request, "response_format": format_}

    def read(self, dialect: str, body: Mapping[str, Any]) -> tuple[str, Stop]:
        """The model's words, or its refusal, and why it ended."""
        return _read_chat(body) if dialect.startswith("chat") else _read_response(body)


_SCHEMA_WORDS = "The JSON schema of your answer: "
_STATUS_OF: Mapping[str, int] = {"rate_limit_exceeded": 429, "insufficient_quota": 429, "invalid_prompt": 422}


def _code(body: Mapping[str, Any]) -> str:
    error = body.get("error")
    return str(error.get("code")) if isinstance(error, Mapping) else ""


def _read_response(body: Mapping[str, Any]) -> tuple[str, Stop]:
    messages = [item for item in body["output"] if item["type"] == "message"]
    parts = [part for message in messages for part in message["content"]]
    refusals = [part["refusal"] for part in parts if part["type"] == "refusal"]
    if refusals:
        return "".join(refusals), "refused"
    text = "".join(part["text"] for part in parts if part["type"] == "output_text")
    if body.get("status") == "incomplete":
        details = body.get("incomplete_details") or {}
        return text, _INCOMPLETE.get(str(details.get("reason")), "truncated")
    return text, ""


def _read_chat(body: Mapping[str, Any]) -> tuple[str, Stop]:
    choice = body["choices"][0]
    message = choice["message"]
    if message.get("refusal"):
        return str(message["refusal"]), "refused"
    return message["content"] or "", _FINISHED.get(choice.get("finish_reason"), "")
