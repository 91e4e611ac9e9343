"""A judge that says what it was told to say: for tests, for the demo, and for trying out a policy.

A script is a list of rules; the first that matches a contribution's title or text answers. Rules can also
fail in the ways real providers fail, a given number of times, so that retries and pauses can be watched.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from meritocrab.core.names import Classification
from meritocrab.core.question import Question
from meritocrab.errors import MeritocrabError
from meritocrab.evaluators.base import Answer, EvaluatorUnavailable

MODEL: Final = "mock"
FAILURES: Final = ("timeout", "unavailable", "garbage")
DEFAULT_RULE: Final[Mapping[str, Any]] = {
    "classification": "acceptable",
    "confidence": 0.9,
    "reasoning": "The mock provider's default answer.",
}

_KEYS: Final = frozenset({"match", "classification", "confidence", "reasoning", "fail", "times"})


class MockScriptError(MeritocrabError):
    """The script of the mock provider cannot be used; the text says which rule and why."""

    exit_status = 78


@dataclass(frozen=True, slots=True)
class Rule:
    """What to do with contributions whose title or text `match` finds.

    `fail` makes it fail instead of answering; `times` is how often the rule applies in all (None: always).
    """

    match: re.Pattern[str]
    answer: Answer
    fail: str | None = None
    times: int | None = None


class MockEvaluator:
    """The provider `mock`.

    `script` is a list of rules, a mapping `{"rules": [...], "default": {...}}`, or the path of a JSON file
    with one of the two. Keys of a rule, of which only `match` is required: `match` (a regular expression),
    `classification` (a class or null), `confidence` (0 to 1), `reasoning`, `fail` (`timeout`, `unavailable`
    or `garbage`) and `times` (how often the rule applies).

    Raises:
        MockScriptError: the file cannot be read or a rule makes no sense.
    """

    name = "mock"
    model = MODEL
    metered = False

    def __init__(
        self, script: str | Path | Sequence[Mapping[str, Any]] | Mapping[str, Any] | None = None
    ) -> None:
        rules, default = _parts(_load(script))
        self._rules = tuple(_rule(f"rule {number}", rule) for number, rule in enumerate(rules, start=1))
        self._default = _answer("default", default)
        self._uses = [0] * len(self._rules)
        self.questions: list[Question] = []

    async def evaluate(self, question: Question) -> Answer:
        """Answer by the first rule that matches and is not used up, else by the default.

        Raises:
            TimeoutError, EvaluatorUnavailable, ValueError: the rule says so.
        """
        self.questions.append(question)
        for index, rule in enumerate(self._rules):
            used_up = rule.times is not None and self._uses[index] >= rule.times
            if not used_up and (rule.match.search(question.title) or rule.match.search(question.text)):
                self._uses[index] += 1
                return _play(rule)
        return self._default

    async def aclose(self) -> None:
        """Nothing to let go of."""


def _play(rule: Rule) -> Answer:
    match rule.fail:
        case "timeout":
            raise TimeoutError("the mock provider was told to time out")
        case "unavailable":
            raise EvaluatorUnavailable(
                "the mock provider was told to be unavailable", retry_after_seconds=1.0, pause=True
            )
        case "garbage":
            raise ValueError("the mock provider was told to answer nonsense")
    return rule.answer


def _load(script: object) -> object:
    if not isinstance(script, str | Path):
        return script
    try:
        return json.loads(Path(script).read_text(encoding="utf-8"))
    except OSError as error:
        raise MockScriptError(f"mock script {script}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise MockScriptError(f"mock script {script}: is not JSON in UTF-8: {error}") from error


def _parts(script: object) -> tuple[Sequence[object], object]:
    if script is None:
        return (), DEFAULT_RULE
    if isinstance(script, Mapping):
        if unknown := set(script) - {"rules", "default"}:
            raise MockScriptError(f"mock script: unknown key {_listed(unknown)}; known: rules, default")
        rules, default = script.get("rules", ()), script.get("default", DEFAULT_RULE)
    else:
        rules, default = script, DEFAULT_RULE
    if isinstance(rules, str) or not isinstance(rules, Sequence):
        raise MockScriptError("mock script: the rules must be a list")
    return rules, default


def _rule(place: str, rule: object) -> Rule:
    answer = _answer(place, rule)
    assert isinstance(rule, Mapping)  # noqa: S101 - `_answer` checked it
    pattern, fail, times = rule.get("match"), rule.get("fail"), rule.get("times")
    if not isinstance(pattern, str):
        raise MockScriptError(f"mock script, {place}: 'match' must be a regular expression")
    if fail is not None and fail not in FAILURES:
        raise MockScriptError(f"mock script, {place}: 'fail' must be one of {', '.join(FAILURES)}")
    if times is not None and (not isinstance(times, int) or isinstance(times, bool) or times < 1):
        raise MockScriptError(f"mock script, {place}: 'times' must be a whole number from 1")
    try:
        return Rule(re.compile(pattern, re.IGNORECASE), answer, fail, times)
    except re.error as error:
        raise MockScriptError(f"mock script, {place}: 'match' is no regular expression: {error}") from error


def _answer(place: str, rule: object) -> Answer:
    if not isinstance(rule, Mapping):
        raise MockScriptError(f"mock script, {place}: must be an object")
    if unknown := set(rule) - _KEYS:
        raise MockScriptError(
            f"mock script, {place}: unknown key {_listed(unknown)}; known: {_listed(_KEYS)}"
        )
    values = {**DEFAULT_RULE, **rule}
    try:
        name = values["classification"]
        classification = None if name is None else Classification(name)
        return Answer(classification, values["confidence"], str(values["reasoning"]), MODEL)
    except ValueError as error:
        raise MockScriptError(f"mock script, {place}: {error}") from error


def _listed(names: set[str] | frozenset[str]) -> str:
    return ", ".join(sorted(map(str, names)))
