"""What is noted of the requests to a model: all of it while somebody listens, else nothing, and never a key."""

from __future__ import annotations

import pytest

from meritocrab.core.question import Question
from meritocrab.evaluators.base import build_evaluator
from meritocrab.evaluators.exchanges import noting
from tests.evaluators.fake_vendors import FakeVendor, Play, claude_body, response_body

KEY = "sk-test-0123456789abcdefSECRET"
QUESTION = Question(7, "comment", "Fix the parser", "A remark.", "https://x/1")


@pytest.mark.parametrize(
    ("name", "path", "body"), [("claude", "", claude_body()), ("openai", "/v1", response_body())]
)
async def test_an_exchange_is_noted_word_for_word_while_somebody_listens(
    name: str, path: str, body: dict[str, object]
) -> None:
    with FakeVendor() as vendor:
        vendor.play(Play(200, body))
        address = vendor.url.replace("//", "//crab:pass-word@")
        judge = build_evaluator(name, api_key=KEY, base_url=f"{address}{path}?key=pass-word")
        await judge.evaluate(QUESTION)
        with noting() as exchanges:
            await judge.evaluate(QUESTION)
        await judge.evaluate(QUESTION)
        await judge.aclose()

    (noted,) = exchanges
    assert noted.request == vendor.seen[1].body
    assert noted.address == vendor.url + vendor.seen[1].path.partition("?")[0]
    assert (noted.method, noted.status) == ("POST", 200)
    assert "pass-word" not in repr(noted)
    assert KEY not in repr(noted)
