"""What the daemon adds to a question that a model is asked, and what each provider weighs."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import openai

from meritocrab.core.prompts import Prompt
from meritocrab.demo.github import SimulatedGitHub
from meritocrab.evaluators.base import build_evaluator
from meritocrab.evaluators.vendor import ModelEvaluator
from tests.benchmarks.workshop import Parts, Spent, new_world, repository_names
from tests.e2e.history_support import Installation
from tests.evaluators.fake_vendors import FakeVendor, Play, response_body

KEY = "sk-of-the-benchmark"

MEMORY = """
import asyncio, sys
from meritocrab.evaluators.base import build_evaluator
import meritocrab.daemon.service
name, url = sys.argv[1:]
options = {"api_key": "sk-of-the-benchmark", "base_url": url, "timeout": 10.0} if url else {}
judge = build_evaluator(name, **options)
async def ask():
    try:
        await judge.evaluate(Question(1, "comment", "t", "A remark.", "l"))
    except Exception as error:
        if "reached" in str(error): raise
asyncio.run(ask())
print(next(line for line in open("/proc/self/status") if line.startswith("VmRSS")).split()[1])
"""


async def judged_questions(folder: Path, pulls: int) -> list[str]:
    """The queue with all it does (files from GitHub, books, verdict), beside our call and the SDK's alone.

    All three send the same texts; imports and the first connection are not measured.
    """
    name = repository_names(1)[0]
    world = new_world([name])
    with FakeVendor() as vendor, SimulatedGitHub(world) as github:
        vendor.play(Play(200, response_body()))
        installation = Installation(folder / "judging").configure(github, [name])
        llm = f'[llm]\nprovider = "openai"\napi_key = "{KEY}"\nbase_url = "{vendor.url}/v1"\nmax_concurrent = 1\n'
        installation.config.write_text(installation.config.read_text() + llm)
        parts = Parts(world, installation)
        await parts.begin()
        await _let_people_open(parts, name, range(1))
        await parts.service.evaluation.step()
        await _let_people_open(parts, name, range(1, pulls + 1))
        vendor.seen.clear()
        queue = await _timed(parts.service.evaluation.step)
        bodies = [seen.body for seen in vendor.seen]
        await parts.end()
        call, bare = await compare_calls(vendor.url, bodies)
    return [_compared(queue.wall / len(bodies), call, bare)]


def _compared(queue: float, call: Spent, bare: Spent) -> str:
    ours = call.cpu - bare.cpu
    return (
        f"{queue * 1000:.1f} ms a question in the queue, the request to GitHub for the files among them; "
        f"{call.wall * 1000:.2f} ms our call, {bare.wall * 1000:.2f} ms the SDK's alone; "
        f"CPU {call.cpu * 1000:.2f} and {bare.cpu * 1000:.2f} ms: {ours * 1000:.2f} ms ({ours / call.cpu:.0%}) are ours"
    )


async def _let_people_open(parts: Parts, name: str, numbers: range) -> None:
    for number in numbers:
        parts.world.open_pull(
            name, f"author-{number}", title=f"Change {number}", body=f"Part {number} is better."
        )
    parts.world.advance(minutes=5)
    await parts.poll_all()
    await parts.service.processor.step()


async def _timed(step: Callable[[], Awaitable[object]]) -> Spent:
    """CPU of this thread only: the servers that answer have their own."""
    wall, cpu = time.perf_counter(), time.thread_time()
    await step()
    return Spent(cpu=time.thread_time() - cpu, wall=time.perf_counter() - wall)


def _median(spent: Sequence[Spent]) -> Spent:
    return Spent(*(statistics.median(getattr(each, name) for each in spent) for name in ("cpu", "wall")))


async def compare_calls(url: str, bodies: Sequence[Mapping[str, Any]]) -> tuple[Spent, Spent]:
    """The medians of our call and of the SDK's alone, turn by turn, so that a busy machine slows both."""
    judge = build_evaluator("openai", api_key=KEY, base_url=f"{url}/v1", timeout=10.0)
    assert isinstance(judge, ModelEvaluator)
    client = openai.AsyncOpenAI(api_key=KEY, base_url=f"{url}/v1", timeout=10.0, max_retries=0)
    ours, bare = [], []
    for body in (bodies[0], *bodies):
        prompt = Prompt(body["instructions"], body["input"], "")
        ours.append(await _timed(partial(judge.ask, prompt)))
        bare.append(await _timed(partial(client.responses.with_raw_response.create, **body)))
    await judge.aclose()
    await client.close()
    return _median(ours[1:]), _median(bare[1:])


def provider_memory(_: Path) -> list[str]:
    """A process with all of the daemon's code that has asked each provider once."""
    with FakeVendor() as vendor:
        vendor.play(Play(200, response_body()))
        sizes = {name: _resident(name, "") for name in ("heuristic", "mock")}
        sizes |= {
            "openai": _resident("openai", f"{vendor.url}/v1"),
            "claude": _resident("claude", vendor.url),
        }
    least = min(sizes.values())
    return [f"{name}: {size:.0f} MB resident, {size - least:+.0f}" for name, size in sizes.items()]


def _resident(name: str, url: str) -> float:
    done = subprocess.run(
        [sys.executable, "-c", MEMORY, name, url], check=True, capture_output=True, text=True
    )
    return int(done.stdout.split()[-1]) / 1024
