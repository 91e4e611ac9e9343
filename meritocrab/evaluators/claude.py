"""The provider `claude`: Anthropic's messages interface, answers bound to our JSON schema by the vendor.

The SDK neither retries nor parses here: both would lose what a failed attempt cost, and the evaluation's row keeps
better time than a sleeping coroutine.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from meritocrab.core.prompts import ANSWER_SCHEMA, Prompt
from meritocrab.evaluators.answers import Stop
from meritocrab.evaluators.dialects import Dialect
from meritocrab.evaluators.exchanges import HOOKS
from meritocrab.evaluators.vendor import (
    CONNECT_SECONDS,
    MAX_OFFERED,
    MAX_OUTPUT_TOKENS,
    ModelEvaluator,
    Refused,
    in_our_errors,
    model_names,
    read_body,
)

API_URL = "https://api.anthropic.com"

_STOPS: Mapping[str, Stop] = {
    "refusal": "refused",
    "max_tokens": "truncated",
    "model_context_window_exceeded": "truncated",
}


_EFFORT = re.compile(r"\beffort\b|\bthinking\b", re.I)
_FORMAT = re.compile(r"output_(?:config|format)|\bschema\b|structured", re.I)


class ClaudeEvaluator(ModelEvaluator):
    """Asks a Claude model. Dialects: schema and effort, schema alone (older models), plain (other servers)."""

    name = "claude"
    default_model = "claude-haiku-5-5"
    dialects = (
        Dialect("schema_effort", "messages", (_EFFORT, _FORMAT)),
        Dialect("schema", "messages", (_FORMAT,)),
        Dialect("plain", "messages"),
    )
    foreign = 2

    def _build_client(self) -> Any:
        import anthropic

        self._sdk = anthropic
        # The address is always given, so that no variable of the environment sends the key elsewhere.
        return anthropic.AsyncAnthropic(
            api_key=self._api_key,
            base_url=self._base_url or API_URL,
            timeout=anthropic.Timeout(self.timeout_seconds, connect=CONNECT_SECONDS),
            max_retries=0,
            http_client=anthropic.DefaultAsyncHttpxClient(event_hooks=HOOKS),
        )

    async def _send(self, dialect: str, prompt: Prompt) -> Mapping[str, Any]:
        with in_our_errors(self._sdk):
            answer = await self._client.messages.with_raw_response.create(**self._request(dialect, prompt))
        return read_body(answer.http_response.text)

    async def _offered(self) -> Sequence[str]:
        with in_our_errors(self._sdk):
            answer = await self._client.models.with_raw_response.list(limit=MAX_OFFERED)
        return model_names(read_body(answer.http_response.text))

    async def _has_model(self) -> bool:
        # the list holds full names only; asked for one model, Anthropic knows its short names, too ("Get a Model")
        try:
            with in_our_errors(self._sdk):
                await self._client.models.with_raw_response.retrieve(self.model)
        except Refused as error:
            if error.failure.status != 404:
                raise
            return False
        return True

    def _request(self, dialect: str, prompt: Prompt) -> dict[str, Any]:
        output: dict[str, Any] = {"format": {"type": "json_schema", "schema": ANSWER_SCHEMA}}
        if dialect == "schema_effort":
            output["effort"] = "low"
        request: dict[str, Any] = {
            "model": self.model,
            "max_tokens": MAX_OUTPUT_TOKENS,
            "system": prompt.system,
            "messages": [{"role": "user", "content": prompt.user}],
        }
        return request if dialect == "plain" else {**request, "output_config": output}

    def read(self, dialect: str, body: Mapping[str, Any]) -> tuple[str, Stop]:  # noqa: ARG002 - all answer alike
        """The texts of the answer in one, and why it ended."""
        texts = [block["text"] for block in body["content"] if block["type"] == "text"]
        return "".join(texts), _STOPS.get(body["stop_reason"], "")
