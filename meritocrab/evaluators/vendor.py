"""What asking a model has in common, whoever sells it: prompt, time limit, and which dialect the server speaks.

Servers that imitate a vendor's interface know more or less of it. A request they refuse for its form is sent again
in the next simpler dialect, and the one that worked is used from then on, as long as this process lives. The SDK is
imported when the first question is asked, in a thread, because that takes up to two seconds and much memory.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar, TypeVar

from meritocrab.core.prompts import Prompt, build_prompt
from meritocrab.evaluators import answers
from meritocrab.evaluators.answers import Failure, Reply, Stop
from meritocrab.evaluators.base import Answer, EvaluatorUnavailable, InvalidAnswer, Question

T = TypeVar("T")

MAX_OUTPUT_TOKENS = 4_096
"""Room for a verdict and for the thinking that some models count as output."""

CONNECT_SECONDS = 10.0

LOOK_UP_SECONDS = 15.0

_NO_LIST = frozenset({404, 405, 501})
_REFUSED_FORM = frozenset({400, 404, 405, 415, 422, 501})


class Refused(Exception):  # noqa: N818 - what happened, not whose fault it is
    """The vendor answered with an error status."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.status)
        self.failure = failure


class Unreachable(Exception):  # noqa: N818 - what happened, not whose fault it is
    """No answer: no connection, or one that was cut. `__cause__` says why."""


@dataclass(frozen=True, slots=True)
class ModelFound:
    """Whether the provider has the model (None: it does not tell), and some of those that it has."""

    known: bool | None
    offered: tuple[str, ...] = ()


class ModelEvaluator(ABC):
    """The frame of the providers that ask a model.

    Args:
        api_key: shown to nobody but the vendor.
        model: the vendor's name of the model; None for our default.
        base_url: None for the vendor's own service.
        timeout: seconds for one question, all told.
    """

    name: ClassVar[str]
    metered: ClassVar[bool] = True
    default_model: ClassVar[str]
    dialects: ClassVar[Sequence[str]]
    """Forms of the request, best first; those from `foreign` on are for other servers than the vendor's own."""
    foreign: ClassVar[int]

    def __init__(
        self,
        api_key: str | None = None,
        model: str | None = None,
        base_url: str | None = None,
        timeout: float = 60.0,
    ) -> None:
        self.model = model or self.default_model
        self._api_key, self._base_url, self._timeout = api_key or "", base_url, timeout
        self._dialects = list(self.dialects if base_url else self.dialects[: self.foreign])
        self._spoken: str | None = None
        self._client: Any = None
        self._building = asyncio.Lock()

    async def evaluate(self, question: Question) -> Answer:
        """Judge one contribution; see `Evaluator.evaluate`."""
        return await self.ask(self.prepare(question))

    def prepare(self, question: Question) -> Prompt:
        """What would be sent, with a nonce of its own."""
        return build_prompt(question, secrets.token_hex(8))

    async def ask(self, prompt: Prompt) -> Answer:
        """Send it, wait, and read the answer.

        Raises:
            EvaluatorUnavailable: no answer now.
            InvalidAnswer: an answer that is no verdict.
        """
        self._need_key()
        await self._connect()
        started = time.monotonic()
        reply = await self._reply(prompt)
        return answers.read_answer(reply, time.monotonic() - started)

    async def find_model(self) -> ModelFound:
        """Ask whether provider, key and model are as configured, at no cost: nothing is judged.

        Raises:
            EvaluatorUnavailable: the provider cannot be reached in time, or does not accept the key.
            InvalidAnswer: something else answers there.
        """
        self._need_key()
        await self._connect()
        return await self._in_words(self._look_up(), min(self._timeout, LOOK_UP_SECONDS))

    async def _look_up(self) -> ModelFound:
        try:
            offered = tuple(await self._offered())
            known = self.model in offered or f"{self.model}:latest" in offered or await self._has_model()
        except Refused as error:
            if error.failure.status not in _NO_LIST:
                raise
            return ModelFound(None)  # a server at home that answers, and keeps no list
        return ModelFound(known, offered)

    async def aclose(self) -> None:
        """Close the connections; the next question opens new ones."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def _connect(self) -> None:
        async with self._building:
            if self._client is None:
                self._client = await asyncio.to_thread(self._build_client)

    def _need_key(self) -> None:
        if self._lacks_key():
            raise EvaluatorUnavailable(
                f"the provider '{self.name}' has no API key; set [llm] api_key or api_key_file",
                retry_after_seconds=answers.LONG_PAUSE_SECONDS,
                pause=True,
            )

    async def _reply(self, prompt: Prompt) -> Reply:
        return await self._in_words(self._in_some_dialect(prompt), self._timeout)

    async def _in_words(self, asking: Awaitable[T], seconds: float) -> T:
        try:
            async with asyncio.timeout(seconds):
                return await asking
        except TimeoutError:
            raise answers.late(seconds) from None
        except Unreachable as error:
            raise answers.unreachable(error, self._api_key) from None
        except Refused as error:
            # Without its cause: the SDK's error holds the request, and with it the key.
            raise answers.unavailable(error.failure, self._api_key, datetime.now(UTC)) from None

    async def _in_some_dialect(self, prompt: Prompt) -> Reply:
        """The reply in the dialect that is known to work, else in the best that the server takes."""
        if self._spoken is not None:
            return self._read(self._spoken, await self._send(self._spoken, prompt))
        last: Refused | None = None
        for dialect in self._dialects:
            try:
                body = await self._send(dialect, prompt)
            except Refused as error:
                if not _is_about_form(error.failure):
                    raise
                last = last if last is not None and error.failure.status == 404 else error
                continue
            self._spoken = dialect
            return self._read(dialect, body)
        assert last is not None  # noqa: S101 - there is always a dialect
        raise last

    def _read(self, dialect: str, body: Mapping[str, Any]) -> Reply:
        asked, said = answers.tokens(body)
        model = str(body.get("model") or self.model)
        try:
            text, stop = self.read(dialect, body)
        except (KeyError, IndexError, TypeError, AttributeError):
            raise InvalidAnswer(
                "the provider's answer does not have the shape it should have",
                model=model,
                input_tokens=asked,
                output_tokens=said,
                raw=json.dumps(body)[: answers.MAX_RAW],
            ) from None
        return Reply(text, model, stop, asked, said)

    def _lacks_key(self) -> bool:
        return not self._api_key

    @abstractmethod
    def _build_client(self) -> Any:
        """Import the SDK and make its client."""

    @abstractmethod
    async def _offered(self) -> Sequence[str]:
        """The names of the models that the server lists. Raises `Refused`, `Unreachable` or `TimeoutError`."""

    async def _has_model(self) -> bool:
        """Whether the server knows a model that it does not list, as vendors do with short names."""
        return False

    @abstractmethod
    async def _send(self, dialect: str, prompt: Prompt) -> Mapping[str, Any]:
        """The JSON of the vendor's answer. Raises `Refused`, `Unreachable` or `TimeoutError`."""

    @abstractmethod
    def read(self, dialect: str, body: Mapping[str, Any]) -> tuple[str, Stop]:
        """The model's words, and why it ended; any failing look-up means that the answer has another shape."""


def read_body(text: str) -> Mapping[str, Any]:
    """The JSON object in the body of an answer.

    Raises:
        InvalidAnswer: it is something else, as when a proxy answers.
    """
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raw = answers.storable(text)[: answers.MAX_RAW]
        raise InvalidAnswer("the provider's answer is not a JSON object", raw=raw)
    return body


MAX_OFFERED = 1_000
"""Models that are asked for at once: the most that Anthropic lists on a page ("List Models")."""

_LONGEST_NAME = 200


def model_names(body: Mapping[str, Any]) -> tuple[str, ...]:
    """The names in a list of models, which all servers answer alike: `{"data": [{"id": …}, …]}`.

    Raises:
        InvalidAnswer: it has another shape, as when the address is that of something else.
    """
    rows = body.get("data")
    if not isinstance(rows, list):
        raise InvalidAnswer("the provider's list of models does not have the shape it should have")
    ids = (row.get("id") for row in rows[:MAX_OFFERED] if isinstance(row, Mapping))
    return tuple(name[:_LONGEST_NAME] for name in ids if isinstance(name, str))


def _is_about_form(failure: Failure) -> bool:
    """Whether another form of the same question may be taken."""
    return failure.status in _REFUSED_FORM and not failure.names_missing_model
