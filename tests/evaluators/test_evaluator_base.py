"""What all judges share: answers that check themselves, and the registry."""

from __future__ import annotations

import subprocess
import sys

import pytest

from meritocrab.core.names import Classification
from meritocrab.errors import MeritocrabError
from meritocrab.evaluators.base import (
    MAX_REASONING,
    PROVIDERS,
    Answer,
    EvaluatorUnavailable,
    UnknownProviderError,
    build_evaluator,
)


@pytest.mark.parametrize("confidence", [-0.1, 1.1, float("nan"), float("inf"), True, "0.5", None])
def test_an_answer_without_a_sensible_confidence_is_refused(confidence: object) -> None:
    with pytest.raises(ValueError, match="confidence"):
        Answer(Classification.SPAM, confidence, "x")  # type: ignore[arg-type]


def test_an_answer_s_reasoning_is_cut() -> None:
    assert len(Answer(None, 0, "x" * 10 * MAX_REASONING).reasoning) == MAX_REASONING
    assert Answer(None, 1, "short").reasoning == "short"


def test_unavailable_carries_what_the_provider_asked_for() -> None:
    error = EvaluatorUnavailable("busy", retry_after_seconds=3.0, pause=True)
    assert isinstance(error, MeritocrabError)
    assert (str(error), error.retry_after_seconds, error.pause) == ("busy", 3.0, True)
    assert EvaluatorUnavailable("busy").retry_after_seconds is None


@pytest.mark.parametrize("provider", sorted(PROVIDERS))
def test_every_provider_bears_its_own_name(provider: str) -> None:
    assert build_evaluator(provider).name == provider


def test_options_reach_the_provider() -> None:
    assert build_evaluator("mock", script=[{"match": "x"}]).name == "mock"
    with pytest.raises(UnknownProviderError, match="cannot be set up so"):
        build_evaluator("heuristic", api_key="x")


def test_an_unknown_provider_is_answered_with_those_there_are() -> None:
    with pytest.raises(UnknownProviderError) as caught:
        build_evaluator("gpt")
    assert str(caught.value) == "there is no provider 'gpt'; available: claude, heuristic, mock, openai"


def test_providers_are_imported_when_they_are_built() -> None:
    check = (
        "import sys, meritocrab.evaluators.base as base;"
        "loaded = {name for name in sys.modules if name.startswith('meritocrab.evaluators.')};"
        "assert loaded == {base.__name__}"
    )
    subprocess.run([sys.executable, "-c", check], check=True)
