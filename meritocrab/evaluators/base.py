"""What every judge of contributions has in common, so that the daemon need not know which one it talks to.

A judge gets a `Question` with untrusted text and returns an `Answer` that has checked itself: whatever a
model says, nothing out of range gets any further. Providers are imported when they are first built, because
some drag in large libraries.
"""

from __future__ import annotations

import importlib
import math
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, cast, runtime_checkable

from meritocrab.core.names import Classification
from meritocrab.core.prompts import Prompt, build_prompt
from meritocrab.core.question import Question
from meritocrab.errors import MeritocrabError

if TYPE_CHECKING:
    from meritocrab.settings import LlmSettings

MAX_REASONING: Final = 2000
"""Characters of an answer's reasoning that are kept."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a judge said; `classification` None means that it had nothing to say.

    `advisory` answers are never applied by themselves. `confidence` runs from 0 to 1. The reasoning is for
    maintainers only and is cut to `MAX_REASONING` characters. The rest is for the books: tokens (None where
    the provider did not count or does not tell), how long it took, the model's own words (`raw`) and the
    version of the prompt, "" where there was none.

    Raises:
        ValueError: the confidence is not a number from 0 to 1.
    """

    classification: Classification | None
    confidence: float
    reasoning: str
    model: str = ""
    advisory: bool = False
    input_tokens: int | None = None
    output_tokens: int | None = None
    latency_seconds: float | None = None
    raw: str = ""
    prompt_version: str = ""

    def __post_init__(self) -> None:
        if isinstance(self.confidence, bool) or not isinstance(self.confidence, int | float):
            raise ValueError(f"confidence must be a number, not {type(self.confidence).__name__}")
        if not (math.isfinite(self.confidence) and 0 <= self.confidence <= 1):
            raise ValueError(f"confidence must lie between 0 and 1, not {self.confidence}")
        if len(self.reasoning) > MAX_REASONING:
            object.__setattr__(self, "reasoning", self.reasoning[: MAX_REASONING - 1] + "…")


class EvaluatorUnavailable(MeritocrabError):  # noqa: N818 - a state of the provider, not a fault of ours
    """The provider cannot answer now; the evaluation waits.

    `retry_after_seconds` is what the provider asked for (None: it did not say). `pause` means that asking
    again soon is pointless for every evaluation (a bad key, an empty account, an outage), not for this alone;
    `about_question`, that it is this question that the provider will not have. `maybe_paid`: the question had
    arrived, and may have cost something, although no answer came.
    """

    def __init__(
        self,
        message: str,
        *,
        retry_after_seconds: float | None = None,
        pause: bool = False,
        about_question: bool = False,
        maybe_paid: bool = False,
    ) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds
        self.pause, self.about_question, self.maybe_paid = pause, about_question, maybe_paid


class InvalidAnswer(ValueError):  # noqa: N818 - a model's failing, not a fault of ours
    """The provider answered and was paid, but the answer cannot be used; the tokens are booked all the same.

    `kind` tells a refusal and a cut answer, which may come again for the same text, from a malformed one.
    """

    def __init__(
        self,
        message: str,
        *,
        kind: Literal["refused", "truncated", "malformed"] = "malformed",
        model: str = "",
        input_tokens: int | None = None,
        output_tokens: int | None = None,
        raw: str = "",
    ) -> None:
        super().__init__(message)
        self.kind, self.model, self.raw = kind, model, raw
        self.input_tokens, self.output_tokens = input_tokens, output_tokens


class UnknownProviderError(MeritocrabError):
    """The configuration names a provider that does not exist, or gives one options it does not have."""

    exit_status = 78


class Evaluator(Protocol):
    """A judge of contributions. It has no tools and sees no secret; its words are never posted."""

    @property
    def name(self) -> str:
        """The provider's name as it stands in the configuration and in the database."""
        ...

    @property
    def model(self) -> str:
        """The model's name as the provider is asked for it; what an answer says of itself may be longer."""
        ...

    @property
    def metered(self) -> bool:
        """Whether a question costs tokens or money: then it sees the whole contribution, and budgets apply."""
        ...

    async def evaluate(self, question: Question) -> Answer:
        """Judge one contribution.

        Raises:
            EvaluatorUnavailable: no answer now; the question is asked again later.
            TimeoutError: no answer in time.
            ValueError: the answer makes no sense (`InvalidAnswer` where it cost tokens).
        """
        ...

    async def aclose(self) -> None:
        """Let go of connections; safe to call twice."""
        ...


@runtime_checkable
class MeteredEvaluator(Evaluator, Protocol):
    """A judge whose answers cost something: what it is sent is known before, and what it used afterwards."""

    async def ask(self, prompt: Prompt) -> Answer:
        """Send this prompt, wait, and read the answer; raises what `evaluate` raises."""
        ...


def new_prompt(question: Question) -> Prompt:
    """What a model is sent; each prompt has a nonce of its own, so that nothing in the data can foresee it."""
    return build_prompt(question, secrets.token_hex(8))


PROVIDERS: Final[Mapping[str, str]] = {
    "claude": "meritocrab.evaluators.claude:ClaudeEvaluator",
    "heuristic": "meritocrab.evaluators.heuristic:HeuristicEvaluator",
    "mock": "meritocrab.evaluators.mock:MockEvaluator",
    "openai": "meritocrab.evaluators.openai:OpenAIEvaluator",
}
"""Where each provider's class lives: module and name, imported when it is first built."""


def build_evaluator(provider: str, **options: Any) -> Evaluator:
    """The judge of that name; `options` are the provider's own (see its class).

    Raises:
        UnknownProviderError: there is no such provider, or it does not know one of the options.
    """
    if provider not in PROVIDERS:
        raise UnknownProviderError(_unknown(provider))
    module, _, name = PROVIDERS[provider].partition(":")
    build = getattr(importlib.import_module(module), name)
    try:
        return cast("Evaluator", build(**options))
    except TypeError as error:
        raise UnknownProviderError(f"the provider '{provider}' cannot be set up so: {error}") from error


def evaluator_of(llm: LlmSettings) -> Evaluator:
    """The judge that a configuration names, set up with what concerns it there.

    Raises:
        MeritocrabError: it cannot be set up so.
    """
    options: dict[str, Any] = {}
    if llm.provider == "mock" and llm.mock_script:
        options = {"script": llm.mock_script}
    elif llm.provider in ("claude", "openai"):
        key = None if llm.api_key is None else llm.api_key.get_secret_value()
        options = {"api_key": key, "model": llm.model, "base_url": llm.base_url, "timeout": llm.timeout}
    return build_evaluator(llm.provider, **options)


def _unknown(provider: str) -> str:
    return f"there is no provider '{provider}'; available: {', '.join(sorted(PROVIDERS))}"
