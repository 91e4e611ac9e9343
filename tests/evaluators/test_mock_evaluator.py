"""The scripted judge: rules, failures and scripts that make no sense."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from meritocrab.core.names import Classification
from meritocrab.core.question import Question
from meritocrab.evaluators.base import EvaluatorUnavailable
from meritocrab.evaluators.mock import MockEvaluator, MockScriptError

SPAM_RULE = {"match": "casino", "classification": "spam", "confidence": 0.99, "reasoning": "an advertisement"}


def question(text: str = "", title: str = "") -> Question:
    return Question(7, "comment", title, text, "")


async def test_the_default_answer() -> None:
    answer = await MockEvaluator().evaluate(question("x"))
    assert (answer.classification, answer.confidence, answer.model) == (
        Classification.ACCEPTABLE,
        0.9,
        "mock",
    )
    assert not answer.advisory


async def test_the_first_matching_rule_answers() -> None:
    mock = MockEvaluator([SPAM_RULE, {"match": ".", "classification": None, "confidence": 0}])
    spam = await mock.evaluate(question(title="Best CASINO"))
    assert (spam.classification, spam.confidence, spam.reasoning) == (
        Classification.SPAM,
        0.99,
        "an advertisement",
    )
    assert (await mock.evaluate(question("hello"))).classification is None
    assert [asked.text for asked in mock.questions] == ["", "hello"]
    await mock.aclose()


@pytest.mark.parametrize(
    ("fail", "error"),
    [("timeout", TimeoutError), ("unavailable", EvaluatorUnavailable), ("garbage", ValueError)],
)
async def test_a_rule_fails_as_often_as_told(fail: str, error: type[Exception]) -> None:
    mock = MockEvaluator([{"match": "", "fail": fail, "times": 2}, SPAM_RULE])
    for _ in range(2):
        with pytest.raises(error):
            await mock.evaluate(question("casino"))
    assert (await mock.evaluate(question("casino"))).classification is Classification.SPAM


async def test_unavailable_says_when_to_come_back() -> None:
    with pytest.raises(EvaluatorUnavailable) as caught:
        await MockEvaluator([{"match": "", "fail": "unavailable"}]).evaluate(question())
    assert caught.value.pause
    assert caught.value.retry_after_seconds == 1.0


async def test_a_script_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "script.json"
    path.write_text(json.dumps({"rules": [SPAM_RULE], "default": {"classification": "low"}}))
    mock = MockEvaluator(path)
    assert (await mock.evaluate(question("casino"))).classification is Classification.SPAM
    assert (await mock.evaluate(question("x"))).classification is Classification.LOW
    path.write_text(json.dumps([SPAM_RULE]))
    assert (await MockEvaluator(str(path)).evaluate(question("casino"))).classification is Classification.SPAM


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ({"rule": []}, "mock script: unknown key rule; known: rules, default"),
        ({"rules": {"match": "x"}}, "mock script: the rules must be a list"),
        (["x"], "mock script, rule 1: must be an object"),
        ([{}], "mock script, rule 1: 'match' must be a regular expression"),
        ([{"match": "("}], "mock script, rule 1: 'match' is no regular expression"),
        (
            [SPAM_RULE, {"match": "x", "confidence": 2}],
            "mock script, rule 2: confidence must lie between 0 and 1",
        ),
        ([{"match": "x", "confidence": "high"}], "mock script, rule 1: confidence must be a number, not str"),
        (
            [{"match": "x", "classification": "great"}],
            "mock script, rule 1: 'great' is not a valid Classification",
        ),
        ([{"match": "x", "fail": "loudly"}], "'fail' must be one of timeout, unavailable, garbage"),
        ([{"match": "x", "times": 0}], "'times' must be a whole number from 1"),
        ([{"match": "x", "color": 1}], "mock script, rule 1: unknown key color"),
        ({"default": 5}, "mock script, default: must be an object"),
    ],
)
def test_a_script_that_makes_no_sense(script: Any, message: str) -> None:
    with pytest.raises(MockScriptError) as caught:
        MockEvaluator(script)
    assert message in str(caught.value)


def test_a_file_that_cannot_be_used(tmp_path: Path) -> None:
    missing = tmp_path / "missing.json"
    with pytest.raises(MockScriptError, match="cannot be read"):
        MockEvaluator(missing)
    missing.write_bytes(b"\xff{")
    with pytest.raises(MockScriptError, match="is not JSON"):
        MockEvaluator(missing)
