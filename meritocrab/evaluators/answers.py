"""What comes back from a model's vendor: answers are read and checked here, failures put into words.

No answer is trusted, not even one that its vendor calls structured: servers differ in what they enforce, and none
enforces ranges. No failure names the API key: vendors quote it in their messages, so those are masked and bounded.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final, Literal

from meritocrab.core.names import Classification
from meritocrab.core.prompts import PROMPT_VERSION
from meritocrab.evaluators.base import MAX_REASONING, Answer, EvaluatorUnavailable, InvalidAnswer
from meritocrab.logs import escaped, redact

MAX_RAW: Final = 8_000
"""Characters of a model's own words that are kept."""

LONG_PAUSE_SECONDS: Final = 3_600.0
"""After a refused key or an empty account: only a human can mend that."""

BUSY_SECONDS: Final = 30.0
"""After a 429 that does not say how long to wait."""

MAX_NAME: Final = 200
"""Characters of a model's name that are kept; it comes from the server, like all the rest."""

MAX_RETRY_AFTER_SECONDS: Final = 3_600.0
_MAX_MESSAGE: Final = 200


Stop = Literal["", "refused", "truncated"]


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer of a vendor, its fields found and nothing judged yet.

    `stop` is set when the model did not end by itself.
    """

    text: str
    model: str
    stop: Stop = ""
    input_tokens: int | None = None
    output_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """An answer with an error status, as both vendors send it."""

    status: int
    code: str
    message: str
    headers: Mapping[str, str]

    @property
    def is_about_money(self) -> bool:
        """True when the account is empty, which vendors say with several statuses, 429 among them."""
        return self.status == 402 or bool(_NO_MONEY_CODE.search(self.code) or _NO_MONEY.search(self.message))

    @property
    def names_missing_model(self) -> bool:
        """True when it is the model that is not there, not the address."""
        return self.code == "model_not_found" or bool(_NO_MODEL.search(self.message))

    @property
    def names_bad_key(self) -> bool:
        """True when the key is refused, which some servers say with status 400."""
        return self.code == "invalid_api_key" or bool(_BAD_KEY.search(self.message))

    @property
    def is_about_address(self) -> bool:
        """True when nothing is there that could be asked; a model may be asked for elsewhere."""
        return self.status in _NO_ADDRESS and not self.names_missing_model

    @property
    def may_be_about_form(self) -> bool:
        """Whether another form of the same question may be taken: nothing else is known to be the matter."""
        elsewhere = self.is_about_money or self.names_missing_model or self.names_bad_key
        other = _ABOUT_TEXT_CODE.search(self.code) or _TOO_LONG.search(self.message)
        return self.status in _REFUSED_FORM and not (elsewhere or other)


_NO_ADDRESS: Final = frozenset({404, 405, 501})
_REFUSED_FORM: Final = _NO_ADDRESS | {400, 415, 422}
_NO_MODEL = re.compile(
    r"\bmodels?\b.{0,200}?\b(?:not found|does not exist|not exist|unknown(?! (?:parameter|field|argument)))"
    r"|\b(?:invalid|unknown|no such|not a valid) model\b",
    re.I | re.S,
)
_BAD_KEY = re.compile(
    r"\bapi[ _-]?key\b.{0,80}?\b(?:not valid|invalid|incorrect|malformed|missing|expired)\b"
    r"|\b(?:invalid|incorrect|malformed|missing|expired)\b.{0,40}?\bapi[ _-]?key\b",
    re.I | re.S,
)
_ABOUT_TEXT_CODE = re.compile(r"context_length|max_length|invalid_prompt|content_(?:filter|policy)")
_TOO_LONG = re.compile(
    r"context (?:length|window|size)|(?:prompt|input|request|messages?) (?:is|are|was) too (?:long|large)"
    r"|too many (?:input |prompt )?tokens|maximum (?:allowed |input )?(?:number of )?tokens",
    re.I,
)
_NO_MONEY_CODE = re.compile(r"insufficient_quota|billing|spend_limit")
# not "billing": an ordinary rate limit's message may advertise that page
_NO_MONEY = re.compile(r"credit balance|exceeded your current quota|spend(?:ing)? limit", re.I)


# --- reading an answer ---------------------------------------------------------------------------------------


def read_answer(reply: Reply, latency_seconds: float) -> Answer:
    """The verdict in a reply.

    Raises:
        InvalidAnswer: the model refused, was cut short, or said something that is not a verdict.
    """
    if reply.stop == "refused":
        said = f": {_one_line(reply.text)}" if reply.text.strip() else ""
        raise _invalid(f"the model refused to judge this{said}", reply, "refused")
    if reply.stop == "truncated":
        raise _invalid("the model's answer was cut off at its length limit", reply, "truncated")
    try:
        classification, confidence, reasoning = _verdict(_find_object(reply.text))
    except ValueError as error:
        raise _invalid(str(error), reply, "malformed") from None
    return Answer(
        classification=classification,
        confidence=confidence,
        reasoning=reasoning,
        model=reply.model,
        input_tokens=reply.input_tokens,
        output_tokens=reply.output_tokens,
        latency_seconds=latency_seconds,
        raw=storable(reply.text)[:MAX_RAW],
        prompt_version=PROMPT_VERSION,
    )


def _invalid(text: str, reply: Reply, kind: Literal["refused", "truncated", "malformed"]) -> InvalidAnswer:
    return InvalidAnswer(
        text,
        kind=kind,
        model=reply.model,
        input_tokens=reply.input_tokens,
        output_tokens=reply.output_tokens,
        raw=storable(reply.text)[:MAX_RAW],
    )


def _verdict(values: Mapping[str, Any]) -> tuple[Classification, float, str]:
    name, confidence, reasoning = (values.get(key) for key in ("classification", "confidence", "reasoning"))
    known = [each.value for each in Classification]
    if not isinstance(name, str) or name not in known:
        raise ValueError(f"the model's class is {_described(name)}, not one of {', '.join(known)}")
    if isinstance(confidence, bool) or not isinstance(confidence, int | float):
        raise ValueError(f"the model's confidence is {_described(confidence)}, not a number")
    if not 0 <= confidence <= 1:  # also true of a NaN, and no overflow with integers of any size
        raise ValueError(f"the model's confidence is {_described(confidence)}, not from 0 to 1")
    if not isinstance(reasoning, str):
        raise ValueError(f"the model's reasoning is {_described(reasoning)}, not a text")
    return Classification(name), float(confidence), storable(reasoning).strip()[: MAX_REASONING + 1]


def _find_object(text: str) -> Mapping[str, Any]:
    """The one JSON object with a verdict: the whole text, or inside of prose for models that talk around it.

    Two different ones are no answer: the second may be the contribution's own, quoted.
    """
    body = _THOUGHT.sub("", text).strip()
    try:
        whole = _load(body)
    except ValueError:
        found = [each for each in _objects(body) if "classification" in each]
        if not found:
            raise ValueError("the model's answer is not the JSON that was asked for") from None
        if any(each != found[0] for each in found):
            raise ValueError("the model's answer holds several different verdicts") from None
        return found[0]
    if not isinstance(whole, dict):
        raise ValueError("the model's answer is JSON, but not an object")
    return whole


_THOUGHT = re.compile(r"\A\s*<think>.*?</think>", re.DOTALL)
_MAX_OBJECTS: Final = 50


def _objects(text: str) -> Iterator[dict[str, Any]]:
    """The JSON objects in a text, outermost ones only."""
    decoder = json.JSONDecoder(parse_constant=_no_constant, object_pairs_hook=_unique)
    position = 0
    for _ in range(_MAX_OBJECTS):
        position = text.find("{", position)
        if position < 0:
            return
        try:
            value, position = decoder.raw_decode(text, position)
        except (ValueError, RecursionError):
            position += 1
        else:
            yield value


def _load(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_no_constant, object_pairs_hook=_unique)
    except RecursionError:
        raise ValueError("is nested too deeply") from None


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not a number")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose keys are unique: with two classes in it, which one counts would be up to the parser."""
    values = dict(pairs)
    if len(values) != len(pairs):
        raise ValueError("a key stands twice in the object")
    return values


def storable(text: str) -> str:
    """`text` as every database takes it: no NUL and no half characters."""
    return text.encode("utf-8", "replace").decode("utf-8").replace("\x00", "")


def model_name(value: object) -> str:
    """A model's name as a server tells it, fit to be stored and shown; "" where it tells none."""
    return storable(value[: 2 * MAX_NAME]).strip()[:MAX_NAME] if isinstance(value, str) else ""


def tokens(body: Mapping[str, Any]) -> tuple[int | None, int | None]:
    """Tokens in and out, by any of the names that vendors have for them; None where nothing usable is told."""
    usage = body.get("usage")
    if not isinstance(usage, Mapping):
        return None, None
    asked = _first_count(usage, "input_tokens", "prompt_tokens")
    cached = [
        _count(usage.get(key)) or 0 for key in ("cache_creation_input_tokens", "cache_read_input_tokens")
    ]
    said = _first_count(usage, "output_tokens", "completion_tokens")
    return (None if asked is None else asked + sum(cached)), said


def _first_count(usage: Mapping[str, Any], *names: str) -> int | None:
    return next((found for name in names if (found := _count(usage.get(name))) is not None), None)


def _count(value: object) -> int | None:
    usable = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53
    return value if usable and isinstance(value, int) else None


def _described(value: object) -> str:
    if value is None:
        return "missing"
    return _one_line(value if isinstance(value, str) else json.dumps(value, default=str)[:_MAX_MESSAGE])


def _one_line(text: str) -> str:
    text = escaped(" ".join(storable(text).split()))
    return text if len(text) <= _MAX_MESSAGE else f"{text[: _MAX_MESSAGE - 1]}…"


# --- putting a failure into words -------------------------------------------------------------------------------


def read_failure(status: int, body: object, headers: Mapping[str, str]) -> Failure:
    """What an answer with an error status says; `body` is its JSON, its text, or None."""
    error = body.get("error", body) if isinstance(body, Mapping) else body
    if isinstance(error, Mapping):
        codes = (error.get("code"), error.get("type"))
        code = next((each for each in codes if isinstance(each, str) and each), "")
        message = error.get("message")
        return Failure(status, code, message if isinstance(message, str) else "", headers)
    return Failure(status, "", error if isinstance(error, str) else "", headers)


def unavailable(failure: Failure, secret: str, now: datetime) -> EvaluatorUnavailable:
    """What the evaluation queue makes of an error status: wait, and whether everything has to wait."""
    said = _quoted(failure, secret)
    status = failure.status
    if status == 401 or (status in _REFUSED_FORM and failure.names_bad_key):
        return _paused(f"the provider does not accept the API key{said}; check [llm] api_key")
    if failure.is_about_money:
        return _paused(f"the provider's account has no credit or quota left{said}; look at its billing page")
    if status == 403:
        return _paused(f"the API key may not do this{said}; check its rights at the provider")
    if status == 404 or (status in _REFUSED_FORM and failure.names_missing_model):
        what = "model" if failure.names_missing_model else "address"
        return _paused(f"the provider knows no such {what}{said}; check [llm] model and base_url")
    if status == 429:
        # Every other question would be refused as well, so all of them wait, but not for long.
        seconds = retry_after(failure.headers, now) or BUSY_SECONDS
        return EvaluatorUnavailable(
            f"the provider's rate limit is reached{said}", retry_after_seconds=seconds, pause=True
        )
    if status == 408 or status >= 500:
        text = f"the provider is in trouble (status {status}){said}"
        return EvaluatorUnavailable(text, retry_after_seconds=retry_after(failure.headers, now))
    return EvaluatorUnavailable(
        f"the provider refused the question (status {status}){said}", about_question=True
    )


def unreachable(error: BaseException, secret: str) -> EvaluatorUnavailable:
    """For a connection that failed or was cut."""
    cause = error.__cause__ or error
    text = _one_line(redact(_masked(str(cause), secret))) or type(cause).__name__
    maybe_paid = "connect" not in type(cause).__name__.lower()  # else it never arrived
    return EvaluatorUnavailable(f"the provider cannot be reached: {text}", maybe_paid=maybe_paid)


def late(seconds: float) -> EvaluatorUnavailable:
    """For an answer that did not come in time."""
    return EvaluatorUnavailable(f"the provider did not answer within {seconds:g} s", maybe_paid=True)


def _paused(text: str) -> EvaluatorUnavailable:
    return EvaluatorUnavailable(text, retry_after_seconds=LONG_PAUSE_SECONDS, pause=True)


def _quoted(failure: Failure, secret: str) -> str:
    text = _one_line(redact(_masked(failure.message or failure.code, secret)))
    return f" (it says: {text})" if text else ""


def _masked(text: str, secret: str) -> str:
    return text.replace(secret, "***") if secret else text


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """The seconds that `Retry-After` asks for, at most an hour; None without one that makes sense.

    A date counts from the answer's own `Date`: home servers' clocks drift.
    """
    text = headers.get("retry-after", "").strip()
    if not text:
        return None
    seconds = _number(text)
    if seconds is None:
        until = _moment(text)
        if until is None:
            return None
        seconds = (until - (_moment(headers.get("date", "")) or now)).total_seconds()
    return min(max(seconds, 0.0), MAX_RETRY_AFTER_SECONDS) or None


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _moment(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
