"""What the daemon adds to a question that a model is asked, and what each provider weighs."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from meritocrab.demo.github import SimulatedGitHub
from meritocrab.evaluators.base import Question, build_evaluator
from meritocrab.evaluators.vendor import ModelEvaluator
from meritocrab.store.models import EvaluationRow
from tests.benchmarks.workshop import Parts, new_world, repository_names
from tests.e2e.history_support import Installation
from tests.evaluators.fake_vendors import FakeVendor, Play, response_body

KEY = "sk-of-the-benchmark"

MEMORY = """
import asyncio, sys
from meritocrab.evaluators.base import Question, build_evaluator
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
    """The queue with all it does (files from GitHub, books, verdict), beside the SDK alone, one after the other."""
    name = repository_names(1)[0]
    world = new_world([name])
    with FakeVendor() as vendor, SimulatedGitHub(world) as github:
        vendor.play(Play(200, response_body()))
        installation = Installation(folder / "judging").configure(github, [name])
        llm = f'[llm]\nprovider = "openai"\napi_key = "{KEY}"\nbase_url = "{vendor.url}/v1"\nmax_concurrent = 1\n'
        installation.config.write_text(installation.config.read_text() + llm)
        parts = Parts(world, installation)
        await parts.begin()
        await _let_people_open(parts, name, pulls)
        waiting = parts.store.read_now(EvaluationRow.select().where(EvaluationRow.state == "queued").count)
        ours = await _timed(parts.service.evaluation.step)
        await parts.end()
        bare = await _bare(vendor, waiting)
    return [
        f"{ours / waiting * 1000:.1f} ms a question, the SDK alone {bare / waiting * 1000:.1f} ms: "
        f"{(ours - bare) / waiting * 1000:.1f} ms are ours, the request to GitHub for the files among them"
    ]


async def _let_people_open(parts: Parts, name: str, pulls: int) -> None:
    for number in range(pulls):
        parts.world.open_pull(
            name, f"author-{number}", title=f"Change {number}", body=f"Part {number} is better."
        )
    parts.world.advance(minutes=5)
    await parts.poll_all()
    await parts.service.processor.step()


async def _timed(step) -> float:  # type: ignore[no-untyped-def]
    began = time.perf_counter()
    await step()
    return time.perf_counter() - began


async def _bare(vendor: FakeVendor, times: int) -> float:
    judge = build_evaluator("openai", api_key=KEY, base_url=f"{vendor.url}/v1", timeout=10.0)
    assert isinstance(judge, ModelEvaluator)
    question = Question(1, "pull_request", "Change", "Part is better.", "l")
    await judge.evaluate(question)  # the import is not what is measured
    began = time.perf_counter()
    for _ in range(times):
        await judge.evaluate(question)
    seconds = time.perf_counter() - began
    await judge.aclose()
    return seconds


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
