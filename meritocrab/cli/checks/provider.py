"""Does the provider of verdicts answer, take the key and have the model? Nothing is judged, nothing is spent."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from meritocrab.cli.checks.base import Check, Examined, failure, ok, skipped
from meritocrab.core.toml_errors import nearest_key
from meritocrab.evaluators.base import EvaluatorUnavailable, InvalidAnswer, evaluator_of
from meritocrab.evaluators.vendor import ModelEvaluator, ModelFound
from meritocrab.settings import LlmSettings

NAME = "provider"
SHOWN = 8


async def look_at_provider(examined: Examined) -> AsyncIterator[Check]:
    """The configured provider."""
    yield await check_provider(examined.config.llm)


async def check_provider(llm: LlmSettings) -> Check:
    """Whether verdicts can come from where these settings (with the key read) say."""
    evaluator = evaluator_of(llm)
    if not isinstance(evaluator, ModelEvaluator):
        return ok(NAME, f"{evaluator.name}: built in, nothing leaves this machine")
    try:
        found = await evaluator.find_model()
    except (EvaluatorUnavailable, InvalidAnswer) as error:
        return failure(NAME, f"{evaluator.name}: {error}", "`meritocrab init --provider …` sets it anew")
    finally:
        await evaluator.aclose()
    return _found(f"{evaluator.name}{f' at {llm.base_url}' if llm.base_url else ''}", evaluator.model, found)


def _found(where: str, model: str, found: ModelFound) -> Check:
    if found.known:
        return ok(NAME, f"{where} answers, and has the model {model}")
    if found.known is None:
        remedy = "`meritocrab evaluate --file …` asks it once"
        return skipped(NAME, f"{where} answers, but does not tell whether it has {model}", remedy)
    return failure(
        NAME,
        f"{where} answers, but has no model {model}",
        f"set [llm] model to {_choice(model, found.offered)}",
    )


def _choice(model: str, offered: Sequence[str]) -> str:
    near = nearest_key(model, offered)
    if near is not None:
        return near
    return (
        f"one of {', '.join(offered[:SHOWN])}{', …' if len(offered) > SHOWN else ''}"
        if offered
        else "one it has"
    )
