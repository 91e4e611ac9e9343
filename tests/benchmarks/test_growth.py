"""What a stranger may write at length costs in proportion to its length: eight times the text, not sixty-four."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable

import pytest

from meritocrab.core.commands import parse_commands
from meritocrab.core.prompts import build_prompt
from meritocrab.core.question import ChangedFile, Question
from meritocrab.evaluators.answers import Reply, read_answer
from meritocrab.evaluators.base import InvalidAnswer
from meritocrab.evaluators.heuristic import judge
from meritocrab.logs import redact

TIMES = 8
QUADRATIC = TIMES**2
AT_MOST = QUADRATIC / 2
SHORTEST_SECONDS = 0.002
"""What takes less is not measured well; it counts as this."""


def seconds(work: Callable[[str], object], text: str) -> float:
    """Of this process's own."""
    started = time.process_time()
    work(text)
    return max(time.process_time() - started, SHORTEST_SECONDS)


def growth(work: Callable[[str], object], unit: str, characters: int) -> float:
    """How many times longer it takes for so many characters than for an eighth of them."""
    count = characters // len(unit)
    return seconds(work, unit * count) / seconds(work, unit * (count // TIMES))


def put_before_a_model(text: str) -> None:
    question = Question(
        1,
        "pull_request",
        "t",
        text,
        "l",
        files=(ChangedFile("a", "added", 1, 0, text),),
        author_login="a-b-1",
    )
    build_prompt(question, "0123456789abcdef")


def judge_by_rules(text: str) -> None:
    judge(Question(1, "pull_request", text[:500], text, "l", 20, 5, 2))
    judge(Question(1, "comment", "t", text, "l"))


def look_for_a_verdict(text: str) -> None:
    with contextlib.suppress(InvalidAnswer):
        read_answer(Reply(text, "m"), 0.1)


def read_for_commands(text: str) -> None:
    parse_commands(f"a {text}\n/credit status")


HOSTILE: dict[Callable[[str], object], tuple[int, list[str]]] = {
    redact: (100_000, ["a", "a.", "@a.", "://a:", "a@"]),
    read_for_commands: (
        24_000,
        ["[", "![", "[](", "*a_ ", "`a``", "<a b='", "x<!--", "> ", "- ", "|a", "<b>", "[a]: ", "\\", "</b>", "<"],
    ),
    put_before_a_model: (
        16_000,
        ["-", "<!", "```\n", "`", "[ ", "a-", "<|", "@", "\u200b", "A\u200b", "[begin ", "begin text ", " ", "\n",
         "<!--", "+"],
    ),
    judge_by_rules: (
        20_000,
        ["a", "1", " ", "\n", "@a ", "`", "```\n", "<!--", "[", "we are hiring ", "airdrop ", "https://a.b ",
         "http://[", "- [ ] \n", "I am a developer ", "contact the ", "👍", "- ", "\u200b", "A", "!",
         "check out my ", "# 🚀\n"],
    ),
    look_for_a_verdict: (60_000, ["{", '{"a":']),
}  # fmt: skip


@pytest.mark.parametrize(
    ("work", "characters", "unit"),
    [
        pytest.param(work, characters, unit, id=f"{work.__name__}-{unit!r}")
        for work, (characters, units) in HOSTILE.items()
        for unit in units
    ],
)
def test_hostile_text_costs_in_proportion_to_its_length(
    work: Callable[[str], object], characters: int, unit: str
) -> None:
    # whatever else this machine is doing can only make it look worse
    assert any(growth(work, unit, characters) < AT_MOST for _ in range(3))


def test_a_quadratic_reader_would_be_noticed() -> None:
    def reader(text: str) -> None:
        for start in range(0, len(text), 5):
            text[start:].count("b")

    assert growth(reader, "a", 150_000) > AT_MOST
