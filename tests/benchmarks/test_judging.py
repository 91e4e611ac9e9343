"""What the benchmark of judging calls the SDK's share is the SDK's."""

from __future__ import annotations

import pytest

from meritocrab.core.prompts import Prompt
from meritocrab.evaluators.vendor import ModelEvaluator
from tests.benchmarks.judging import compare_calls
from tests.evaluators.fake_vendors import FakeVendor, Play, response_body

TEXTS = {"instructions": "Judge crabs.", "input": "A crab. " * 500, "model": "gpt-6-luna"}


async def test_the_sdk_alone_sends_what_we_send_and_runs_nothing_of_ours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[Prompt] = []
    ask = ModelEvaluator.ask

    async def counting(judge: ModelEvaluator, prompt: Prompt) -> object:
        asked.append(prompt)
        return await ask(judge, prompt)

    monkeypatch.setattr(ModelEvaluator, "ask", counting)
    with FakeVendor() as vendor:
        vendor.play(Play(200, response_body()))
        await compare_calls(vendor.url, [TEXTS])

    assert len(asked) * 2 == len(vendor.seen)
    ours, bare = vendor.seen[-2:]
    assert bare.body == TEXTS
    assert TEXTS.items() <= ours.body.items()
