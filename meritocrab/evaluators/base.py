"""What every judge of contributions has in common, so that the daemon need not know which one it talks to.

A judge gets a `Question` with untrusted text and returns an `Answer` that has checked itself: whatever a
model says, nothing out of range gets any further. Providers are imported when they are first built, because
some drag in large libraries.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol, cast

from meritocrab.core.names import Classification
from meritocrab.errors import MeritocrabError

MAX_REASONING: Final = 2000
"""Characters of an answer's reasoning that are kept."""

Subject = Literal["pull_request", "comment"]


@dataclass(frozen=True, slots=True)
class Question:
    """One contribution to judge. Title and text are untrusted; `title` of a comment is its pull request's.

    `additions`, `deletions` and `changed_files` are None where GitHub did not tell; `earlier_by_author`
    counts what the author contributed to this repository before.
    """

    evaluation_id: int
    subject: Subject
    title: str
    text: str
    link: str
    additions: int | None = None
    deletions: int | None = None
    changed_files: int | None = None
    earlier_by_author: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """What a judge said; `classification` None means that it had nothing to say.

    `advisory` answers are never applied by themselves. `confidence` runs from 0 to 1. The reasoning is for
    maintainers only and is cut to `MAX_REASONING` characters.

    Raises:
        ValueError: the confidence is not a number from 0 to 1.
    """

    classification: Classification | None
    confidence: float
    reasoning: str
    model: str = ""
    advisory: bool = False

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
    again soon is pointless for every evaluation (a bad key, an empty account, an outage), not for this alone.
    """

    def __init__(
        self, message: str, *, retry_after_seconds: float | None = None, pause: bool = False
    ) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds
        self.pause = pause


class UnknownProviderError(MeritocrabError):
    """The configuration names a provider that does not exist, or gives one options it does not have."""

    exit_status = 78


class Evaluator(Protocol):
    """A judge of contributions. It has no tools and sees no secret; its words are never posted."""

    @property
    def name(self) -> str:
        """The provider's name as it stands in the configuration and in the database."""
        ...

    async def evaluate(self, question: Question) -> Answer:
        """Judge one contribution.

        Raises:
            EvaluatorUnavailable: no answer now; the question is asked again later.
            TimeoutError: no answer in time.
            ValueError: the answer makes no sense.
        """
        ...

    async def aclose(self) -> None:
        """Let go of connections; safe to call twice."""
        ...


PROVIDERS: Final[Mapping[str, str]] = {
    "heuristic": "meritocrab.evaluators.heuristic:HeuristicEvaluator",
    "mock": "meritocrab.evaluators.mock:MockEvaluator",
}
"""Where each provider's class lives: module and name, imported when it is first built."""

LATER_PROVIDERS: Final = frozenset({"claude", "openai"})


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


def _unknown(provider: str) -> str:
    available = ", ".join(sorted(PROVIDERS))
    if provider in LATER_PROVIDERS:
        return f"the provider '{provider}' arrives with a later version; available now: {available}"
    return f"there is no provider '{provider}'; available: {available}"
