"""What asking a model has in common, whoever sells it: prompt, time limit, and which dialect the server speaks.

A request that a server refuses for its form is sent again in a simpler one; `dialects` says when, and which. The SDK
is imported when the first question is asked, in a thread, because that takes up to two seconds and much memory.
"""

from __future__ import annotations

import asyncio
import json
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar, TypeVar

from meritocrab.core.prompts import Prompt
from meritocrab.core.question import Question
from meritocrab.evaluators import answers
from meritocrab.evaluators.answers import Failure, Reply, Stop
from meritocrab.evaluators.base import Answer, EvaluatorUnavailable, InvalidAnswer, new_prompt
from meritocrab.evaluators.dialects import Dialect, Dialects
from meritocrab.evaluators.exchanges import note_dialect

T = TypeVar("T")

MAX_OUTPUT_TOKENS = 4_096
"""Room for a verdict and for the thinking that some models count as output."""

CONNECT_SECONDS = 10.0

LOOK_UP_SECONDS = 15.0


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
    dialects: ClassVar[Sequence[Dialect]]
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
        self.timeout_seconds = timeout
        self._api_key, self._base_url = api_key or "", base_url
        self._dialects = Dialects(self.dialects if base_url else self.dialects[: self.foreign])
        self._sdk: Any = None
        self._client: Any = None
        self._building = asyncio.Lock()

    async def evaluate(self, question: Question) -> Answer:
        """Judge one contribution; see `Evaluator.evaluate`."""
        return await self.ask(new_prompt(question))

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
        return await self._in_words(self._look_up(), min(self.timeout_seconds, LOOK_UP_SECONDS))

    async def _look_up(self) -> ModelFound:
        try:
            offered = tuple(await self._offered())
            known = self.model in offered or f"{self.model}:latest" in offered or await self._has_model()
        except Refused as error:
            if not error.failure.is_about_address:
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
        return await self._in_words(self._in_some_dialect(prompt), self.timeout_seconds)

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
        """The reply in the best dialect that the server takes.

        Raises:
            Refused: none is taken, or the dialect is not what is refused.
        """
        walk = self._dialects.walk()
        while True:
            note_dialect(walk.dialect.name)
            try:
                body = await self._send(walk.dialect.name, prompt)
            except Refused as error:
                if walk.go_on(error.failure):
                    continue
                raise Refused(walk.failure) from None
            walk.take()
            return self._read(walk.dialect.name, body)

    def _read(self, dialect: str, body: Mapping[str, Any]) -> Reply:
        input_tokens, output_tokens = answers.tokens(body)
        model = answers.model_name(body.get("model")) or self.model
        try:
            text, stop = self.read(dialect, body)
        except (KeyError, IndexError, TypeError, AttributeError):
            raise InvalidAnswer(
                "the provider's answer does not have the shape it should have",
                model=model,
                input_tokens=input_tokens,
                output_tokens=output_tokens,
                raw=json.dumps(body)[: answers.MAX_RAW],
            ) from None
        return Reply(text, model, stop, input_tokens, output_tokens)

    def _lacks_key(self) -> bool:
        return not self._api_key

    @abstractmethod
    def _build_client(self) -> Any:
        """Import the SDK (`_sdk`), and make its client."""

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


@contextmanager
def in_our_errors(sdk: Any) -> Iterator[None]:
    """What a vendor's SDK raises, in our errors; the SDKs name theirs alike, and are known to their providers only.

    Raises:
        TimeoutError: no answer in time.
        Refused: an answer with an error status.
        Unreachable: no answer at all.
    """
    try:
        yield
    except sdk.APITimeoutError:
        raise TimeoutError from None
    except sdk.APIStatusError as error:
        raise Refused(answers.read_failure(error.status_code, error.body, error.response.headers)) from None
    except sdk.APIConnectionError as error:
        raise Unreachable from error.__cause__


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


def model_names(body: Mapping[str, Any]) -> tuple[str, ...]:
    """The names in a list of models, which all servers answer alike: `{"data": [{"id": …}, …]}`.

    Raises:
        InvalidAnswer: it has another shape, as when the address is that of something else.
    """
    rows = body.get("data")
    if not isinstance(rows, list):
        raise InvalidAnswer("the provider's list of models does not have the shape it should have")
    ids = (row.get("id") for row in rows[:MAX_OFFERED] if isinstance(row, Mapping))
    return tuple(name for name in map(answers.model_name, ids) if name)
