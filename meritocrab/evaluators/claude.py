"""The provider `claude`: Anthropic's messages interface, answers bound to our JSON schema by the vendor.

The SDK neither retries nor parses here: both would lose what a failed attempt cost, and the evaluation's row keeps
better time than a sleeping coroutine.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from meritocrab.core.prompts import ANSWER_SCHEMA, Prompt
from meritocrab.evaluators.answers import Stop, read_failure
from meritocrab.evaluators.vendor import (
    CONNECT_SECONDS,
    MAX_OFFERED,
    MAX_OUTPUT_TOKENS,
    ModelEvaluator,
    Refused,
    Unreachable,
    model_names,
    read_body,
)

API_URL = "https://api.anthropic.com"

_STOPS: Mapping[str, Stop] = {
    "refusal": "refused",
    "max_tokens": "truncated",
    "model_context_window_exceeded": "truncated",
}


class ClaudeEvaluator(ModelEvaluator):
    """Asks a Claude model. Dialects: schema and effort, schema alone (older models), plain (other servers)."""

    name = "claude"
    default_model = "claude-haiku-5-5"
    dialects = ("schema_effort", "schema", "plain")
    foreign = 2

    def _build_client(self) -> Any:
        import anthropic

        # The address is always given, so that no variable of the environment sends the key elsewhere.
        return anthropic.AsyncAnthropic(
            api_key=self._api_key,
            base_url=self._base_url or API_URL,
            timeout=anthropic.Timeout(self._timeout, connect=CONNECT_SECONDS),
            max_retries=0,
        )

    async def _send(self, dialect: str, prompt: Prompt) -> Mapping[str, Any]:
        with _in_our_errors():
            answer = await self._client.messages.with_raw_response.create(**self._request(dialect, prompt))
        return read_body(answer.http_response.text)

    async def _offered(self) -> Sequence[str]:
        with _in_our_errors():
            answer = await self._client.models.with_raw_response.list(limit=MAX_OFFERED)
        return model_names(read_body(answer.http_response.text))

    async def _has_model(self) -> bool:
        # the list holds full names only; asked for one model, Anthropic knows its short names, too ("Get a Model")
        try:
            with _in_our_errors():
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


@contextmanager
def _in_our_errors() -> Iterator[None]:
    import anthropic

    try:
        yield
    except anthropic.APITimeoutError:
        raise TimeoutError from None
    except anthropic.APIStatusError as error:
        raise Refused(read_failure(error.status_code, error.body, error.response.headers)) from None
    except anthropic.APIConnectionError as error:
        raise Unreachable from error.__cause__
