"""Which form of a request is tried after which, and what is remembered of it."""

from __future__ import annotations

import pytest

from meritocrab.evaluators.answers import Failure
from meritocrab.evaluators.claude import ClaudeEvaluator
from meritocrab.evaluators.dialects import Dialect, Dialects
from meritocrab.evaluators.openai import OpenAIEvaluator

OPAQUE = Failure(400, "", "Bad Request", {})
NOT_THERE = Failure(404, "", "404 page not found", {})
BUSY = Failure(503, "", "Overloaded", {})


def says(message: str) -> Failure:
    return Failure(400, "invalid_request_error", message, {})


def asked(dialects: Dialects, *refusals: Failure) -> list[str]:
    """One question: the forms it was sent in when it was refused so, and then taken if it still went on."""
    walk = dialects.walk()
    names = [walk.dialect.name]
    for failure in refusals:
        if not walk.go_on(failure):
            return [*names, "refused"]
        names.append(walk.dialect.name)
    walk.take()
    return names


def openai() -> Dialects:
    return Dialects(OpenAIEvaluator.dialects)


def claude() -> Dialects:
    return Dialects(ClaudeEvaluator.dialects)


@pytest.mark.parametrize(
    ("refusals", "names"),
    [
        ([says("Unsupported parameter: 'reasoning.effort'")], ["responses_effort", "responses"]),
        ([says("text.format is not supported")], ["responses_effort", "chat_schema"]),
        ([NOT_THERE], ["responses_effort", "chat_schema"]),
        (
            [NOT_THERE, says("This response_format type is unavailable now")],
            ["responses_effort", "chat_schema", "chat_json"],
        ),
        (
            [NOT_THERE, says("Unrecognized request argument supplied: response_format")],
            ["responses_effort", "chat_schema", "chat_plain"],
        ),
        ([OPAQUE, OPAQUE], ["responses_effort", "chat_schema", "chat_plain"]),
        ([NOT_THERE, OPAQUE], ["responses_effort", "chat_schema", "chat_plain"]),
        ([OPAQUE, NOT_THERE], ["responses_effort", "chat_schema", "responses"]),
        ([NOT_THERE, NOT_THERE], ["responses_effort", "chat_schema", "refused"]),
        ([OPAQUE, OPAQUE, OPAQUE], ["responses_effort", "chat_schema", "chat_plain", "refused"]),
        ([NOT_THERE, OPAQUE, OPAQUE], ["responses_effort", "chat_schema", "chat_plain", "refused"]),
        ([BUSY], ["responses_effort", "refused"]),
    ],
)
def test_what_openai_s_imitations_are_sent(refusals: list[Failure], names: list[str]) -> None:
    dialects = openai()
    assert asked(dialects, *refusals) == names
    if names[-1] != "refused":
        assert asked(dialects) == names[-1:], "the one that was taken is remembered"


@pytest.mark.parametrize(
    ("refusals", "names"),
    [
        ([says("output_config.effort: Extra inputs are not permitted")], ["schema_effort", "schema"]),
        ([says("output_config: Extra inputs are not permitted")], ["schema_effort", "plain"]),
        ([OPAQUE], ["schema_effort", "plain"]),
        ([OPAQUE, OPAQUE], ["schema_effort", "plain", "refused"]),
        ([NOT_THERE], ["schema_effort", "refused"]),
    ],
)
def test_what_claude_s_imitations_are_sent(refusals: list[Failure], names: list[str]) -> None:
    assert asked(claude(), *refusals) == names


def test_a_server_that_refuses_everything_is_asked_once_a_question_until_one_is_taken() -> None:
    dialects = openai()
    asked(dialects, OPAQUE, OPAQUE, OPAQUE)
    assert asked(dialects, OPAQUE) == ["chat_plain", "refused"]
    assert asked(dialects, OPAQUE) == ["chat_plain", "refused"]
    assert asked(dialects) == ["chat_plain"]
    assert asked(dialects) == ["responses_effort"], "it was the question: the best form may do after all"


def test_a_server_that_lacks_forms_is_found_out_although_its_first_question_was_bad() -> None:
    dialects = openai()
    asked(dialects, NOT_THERE, OPAQUE, OPAQUE)
    assert asked(dialects) == ["chat_plain"]
    assert asked(dialects, OPAQUE) == ["chat_schema", "chat_plain"], "an address that is missing is not tried"
    assert asked(dialects) == ["chat_plain"]


def test_a_wrong_address_teaches_nothing() -> None:
    dialects = openai()
    for _ in range(2):
        assert asked(dialects, NOT_THERE, NOT_THERE) == ["responses_effort", "chat_schema", "refused"]


def test_trouble_on_the_way_keeps_what_was_learned() -> None:
    dialects = openai()
    assert asked(dialects, says("no such thing: effort"), BUSY) == [
        "responses_effort",
        "responses",
        "refused",
    ]
    assert asked(dialects) == ["responses"]


def test_a_question_asked_beside_a_good_one_unlearns_nothing() -> None:
    dialects = openai()
    bad, good = dialects.walk(), dialects.walk()
    bad.go_on(OPAQUE)
    good.take()
    bad.go_on(OPAQUE)
    assert not bad.go_on(OPAQUE)
    assert asked(dialects) == ["responses_effort"]


def test_the_refusal_that_tells_most_is_told() -> None:
    walk = openai().walk()
    walk.go_on(OPAQUE)
    walk.go_on(NOT_THERE)
    assert walk.failure is OPAQUE


def test_a_server_with_one_form_is_asked_in_it() -> None:
    dialects = Dialects([Dialect("only", "door")])
    assert asked(dialects, OPAQUE) == ["only", "refused"]
    assert asked(dialects) == ["only"]
