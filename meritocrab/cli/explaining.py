"""What `meritocrab evaluate` shows: the verdict, and on demand each request as sent and each answer as it came."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from meritocrab.core.prompts import Prompt
    from meritocrab.evaluators.base import Answer
    from meritocrab.evaluators.exchanges import Exchange


class Outcome(NamedTuple):
    """What was asked, and what became of it: an answer, or why there is none.

    `exchanges` are the requests that were made for it, several where the server did not take the first form;
    `timeout_seconds` is None for providers that make none.
    """

    provider: str
    prompt: Prompt
    answer: Answer | None
    error: Exception | None
    exchanges: Sequence[Exchange] = ()
    timeout_seconds: float | None = None


def as_text(outcome: Outcome, explain: bool) -> Iterator[str]:
    """Lines for people: the verdict, and with `explain` all that was sent and came back before it."""
    if explain:
        yield from _explained(outcome)
    answer = outcome.answer
    if answer is None:
        yield f"no verdict from {outcome.provider}: {safe(_error(outcome))}"
    else:
        yield _verdict(answer)
        yield safe(answer.reasoning)
        yield f"by {outcome.provider}, model {safe(answer.model)}{_costs(answer)}"
    if outcome.prompt.flags:
        yield f"flagged: {'; '.join(map(str, outcome.prompt.flags))}"
    if outcome.prompt.cut:
        yield f"cut: {'; '.join(outcome.prompt.cut)}"


def _verdict(answer: Answer) -> str:
    if answer.classification is None:
        return "nothing to say"
    advisory = ", a suspicion only: never applied by itself" if answer.advisory else ""
    return f"{answer.classification.value} (confidence {answer.confidence:.2f}{advisory})"


def _error(outcome: Outcome) -> str:
    return str(outcome.error) or "no answer in time"


def _costs(answer: Answer) -> str:
    took = "" if answer.latency_seconds is None else f", {answer.latency_seconds:.1f} s"
    return _tokens(answer.input_tokens, answer.output_tokens) + took


def _tokens(asked: int | None, said: int | None) -> str:
    counts = ((asked, "in"), (said, "out"))
    return "".join(f", {count:,} tokens {way}" for count, way in counts if count is not None)


def as_json(outcome: Outcome, explain: bool) -> str:
    """The same as one line of JSON, in ASCII: no control sequence reaches the terminal."""
    values: dict[str, Any] = {"provider": outcome.provider}
    if outcome.answer is not None:
        values |= {key: value for key, value in asdict(outcome.answer).items() if key != "raw"}
    values |= {
        "error": None if outcome.error is None else _error(outcome),
        "flags": [flag._asdict() for flag in outcome.prompt.flags],
        "cut": list(outcome.prompt.cut),
    }
    if explain:
        values["explain"] = _explanation(outcome)
    return json.dumps(values)


def safe(text: str) -> str:
    """Strangers' text for a terminal: no control sequences, only line breaks."""
    from meritocrab.logs import escaped

    return escaped(text, keep="\n")


# --- what went out, and what came back ------------------------------------------------------------------------


def _explained(outcome: Outcome) -> Iterator[str]:
    if outcome.exchanges:
        yield from _exchanges(outcome)
    else:
        yield from _unsent(outcome)
    yield "====="


def _unsent(outcome: Outcome) -> Iterator[str]:
    from meritocrab.core.prompts import ANSWER_SCHEMA

    nothing = "sends nothing anywhere" if outcome.timeout_seconds is None else "was sent nothing"
    yield f"The provider {outcome.provider} {nothing}; a model would be sent this:"
    yield f"===== system (prompt version {outcome.prompt.version})"
    yield safe(outcome.prompt.system)
    yield "===== user"
    yield safe(outcome.prompt.user)
    yield "===== schema of the answer"
    yield json.dumps(ANSWER_SCHEMA, indent=1)


def _exchanges(outcome: Outcome) -> Iterator[str]:
    shown: dict[str, str] = {}
    for number, exchange in enumerate(outcome.exchanges, start=1):
        where = f"{exchange.method} {safe(exchange.address)}"
        yield f"===== request {number} of {len(outcome.exchanges)}: {where}"
        yield (
            f"model {safe(str(exchange.request.get('model')))}, dialect {exchange.dialect}, "
            f"prompt version {outcome.prompt.version}, {_limits(exchange.request, outcome)}"
        )
        yield from _request(exchange.request, f"request {number}", shown)
        yield from _came_back(exchange, outcome)
    if words := _words(outcome):
        yield f"===== the model's words{_bounded(words)}"
        yield safe(words)


def _limits(request: Mapping[str, Any], outcome: Outcome) -> str:
    most = next((request[key] for key in ("max_output_tokens", "max_tokens") if key in request), None)
    tokens = "" if most is None else f"at most {most:,} tokens out, "
    return f"{tokens}at most {outcome.timeout_seconds:g} s for all requests"


def _request(request: Mapping[str, Any], name: str, shown: dict[str, str]) -> Iterator[str]:
    """Its texts as a reader wants them, then the rest as it is; `shown` are texts of earlier requests."""
    texts = dict(_texts(request))
    for key, text in texts.items():
        yield f"===== {name}, {key} ({len(text):,} characters)"
        yield f"(as in {shown[text]})" if text in shown else safe(text)
        shown.setdefault(text, name)
    yield f"===== {name}, all but these texts"
    rest = {key: value for key, value in request.items() if key not in (*texts, "messages")}
    yield json.dumps(rest, indent=1)


def _texts(request: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield from ((key, request[key]) for key in ("system", "instructions", "input") if key in request)
    for number, message in enumerate(request.get("messages", ()), start=1):
        yield f"message {number}, {message['role']}", message["content"]


def _came_back(exchange: Exchange, outcome: Outcome) -> Iterator[str]:
    if exchange.status is None:
        yield f"===== no answer: {safe(_error(outcome))}"
        return
    answer = _answer(exchange)
    size, tokens = answer["answer_characters"], _tokens(answer["input_tokens"], answer["output_tokens"])
    cut = f", the first {len(answer['answer']):,} of {size:,} characters" if answer["is_cut"] else ""
    masked = ", secrets and e-mail addresses masked" if answer["is_masked"] else ""
    yield f"===== what came back: status {exchange.status}{tokens}{cut}{masked}"
    yield safe(answer["answer"]) or "(an empty answer)"


def _answer(exchange: Exchange) -> dict[str, Any]:
    """An answer as it came, but bounded, and without secrets: servers quote the key that they refuse."""
    from meritocrab.evaluators.answers import MAX_RAW, tokens
    from meritocrab.evaluators.base import InvalidAnswer
    from meritocrab.evaluators.vendor import read_body
    from meritocrab.logs import redact

    try:
        asked, said = tokens(read_body(exchange.answer))
    except InvalidAnswer:
        asked = said = None
    text = redact(exchange.answer)
    return {
        "status": exchange.status,
        "answer": text[:MAX_RAW],
        "answer_characters": len(text),
        "is_cut": len(text) > MAX_RAW,
        "is_masked": text != exchange.answer,
        "input_tokens": asked,
        "output_tokens": said,
    }


def _words(outcome: Outcome) -> str:
    said = outcome.answer if outcome.answer is not None else outcome.error
    return str(getattr(said, "raw", ""))


def _bounded(words: str) -> str:
    from meritocrab.evaluators.answers import MAX_RAW

    return f", their first {MAX_RAW:,} characters" if len(words) >= MAX_RAW else ""


def _explanation(outcome: Outcome) -> dict[str, Any]:
    """The same as values: the prompt as it was built, and the requests, which may hold more, as they were made."""
    from meritocrab.core.prompts import ANSWER_SCHEMA

    prompt = outcome.prompt
    return {
        "sent": _was_sent(outcome),
        "prompt_version": prompt.version,
        "system": prompt.system,
        "user": prompt.user,
        "schema": ANSWER_SCHEMA,
        "timeout_seconds": outcome.timeout_seconds,
        "requests": [{**asdict(each), **_answer(each)} for each in outcome.exchanges],
        "raw": _words(outcome),
    }


def _was_sent(outcome: Outcome) -> bool:
    """Whether anything left: without an answer, the connection may not even have been made."""
    answered = any(exchange.status is not None for exchange in outcome.exchanges)
    return answered or bool(getattr(outcome.error, "maybe_paid", False))
