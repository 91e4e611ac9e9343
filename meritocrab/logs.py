"""The log: readable in a terminal, JSON lines in the journal, and never a secret in either.

Libraries log through the standard library, so this does too. Everything that leaves goes through one
renderer, which adds the context bound by `log_context`, masks secrets and e-mail addresses wherever they
stand (message, arguments, exception texts, context) and escapes control characters, because much of what is
logged was written by strangers.
"""

from __future__ import annotations

import json
import logging
import math
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from secrets import token_hex
from typing import Any, TextIO
from urllib.parse import quote

ROOT = "meritocrab"
MASK = "***"
CORRELATION = "correlation_id"

_MAX_TEXT = 2_000
_MAX_TRACEBACK = 20_000
_MAX_WORDS = 300
"""Characters of one error's own words in a traceback: a database quotes whole rows, texts of strangers and all."""
_SHORTEST_SECRET = 4
_QUIET = ("apscheduler", "asyncio", "githubkit", "hishel", "httpcore", "httpx", "peewee", "tzlocal")
_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}

_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.S), MASK),
    (re.compile(r"\bgithub_pat_\w{8,}"), MASK),
    (re.compile(r"\bgh[a-z]_[\w.-]{8,}"), MASK),
    (re.compile(r"\bsk-[\w-]{8,}"), MASK),
    (re.compile(r"\beyJ[\w-]{4,}\.[\w-]{4,}\.[\w-]*"), MASK),
    (re.compile(r"(?i)(authorization[\"']?\s*[:=,]\s*b?[\"']?(?:[a-z]+\s+)?)[^\s\"',]{4,}"), rf"\1{MASK}"),
    (re.compile(r"(?i)(x-api-key[\"']?\s*[:=,]\s*b?[\"']?)[^\s\"',]{4,}"), rf"\1{MASK}"),
    (re.compile(r"(?i)\b(bearer\s+)[\w.~+/=-]{4,}"), rf"\1{MASK}"),
    (re.compile(r"(://[^\s/:@]*+:)[^\s/@]++@"), rf"\1{MASK}@"),
    (
        re.compile(r"(?i)([?&](?:[a-z_]*token|[a-z_]*key|[a-z_]*password|[a-z_]*secret)=)[^&\s\"']+"),
        rf"\1{MASK}",
    ),
    (re.compile(r"(?<![\w.%+-])[\w.%+-]++@[\w-]++(?:\.[\w-]+)*\.[^\W\d_][\w-]+"), "[e-mail]"),
)

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

_context: ContextVar[Mapping[str, Any]] = ContextVar("meritocrab_log_context", default={})  # noqa: B039
_secrets: tuple[str, ...] = ()


def setup_logging(
    level: str = "info",
    format: str = "auto",  # noqa: A002 - the name of the key in the configuration
    areas: Mapping[Any, str] | None = None,
    secrets: Iterable[str] = (),
    stream: TextIO | None = None,
    environ: Mapping[str, str] = os.environ,
) -> None:
    """Send the log to `stream` (standard error); may be called again, the last call counts.

    `level` is debug, info, warning or error for the program, `areas` the same for single parts ("relay"
    stands for the logger `meritocrab.relay`); libraries report warnings and errors only. `format` is text,
    json or auto: JSON under the journal, text elsewhere. `secrets` are masked from now on.
    """
    target = sys.stderr if stream is None else stream
    for secret in secrets:
        register_secret(secret)
    handler = _Handler(target)
    as_json = format == "json" or (format == "auto" and _is_journal(target, environ))
    handler.setFormatter(JsonFormatter() if as_json else TextFormatter())
    root = logging.getLogger()
    for old in [each for each in root.handlers if isinstance(each, _Handler)]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(max(logging.WARNING, _LEVELS[level]))
    _set_levels(level, areas or {})
    logging.captureWarnings(True)


@contextmanager
def log_context(**fields: Any) -> Iterator[str]:
    """Add `fields` to every record logged inside, in this task and those it starts.

    The outermost context makes up a correlation id, which all records inside share; it is the value of the
    `with` statement. Give `correlation_id=` to go on with one from elsewhere; an empty one stands for none.
    """
    bound = {**_context.get(), **fields}
    bound[CORRELATION] = bound.get(CORRELATION) or token_hex(4)
    token = _context.set(bound)
    try:
        yield str(bound[CORRELATION])
    finally:
        _context.reset(token)


def correlation_id() -> str:
    """The correlation id of the innermost `log_context`; an empty text outside of one."""
    return str(_context.get().get(CORRELATION, ""))


def register_secret(secret: str) -> None:
    """Mask this text from now on, as it is and as it looks inside an address; very short texts are not
    masked.
    """
    global _secrets
    forms = {secret.strip(), quote(secret.strip(), safe="")}
    known = {*_secrets, *(form for form in forms if len(form) >= _SHORTEST_SECRET)}
    _secrets = tuple(sorted(known, key=len, reverse=True))


def redact(text: str) -> str:
    """`text` with registered secrets, tokens, keys, passwords in addresses and e-mail addresses masked."""
    for secret in _secrets:
        text = text.replace(secret, MASK)
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


def escaped(text: str, keep: str = "") -> str:
    """`text` with every character that is not plainly printable written as an escape, except those in
    `keep`.
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char in keep else _escape(char) for char in text)


class TextFormatter(logging.Formatter):
    """One line for a human: time, level, area, message, context; a traceback follows, indented."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as text, redacted and escaped."""
        fields = _fields(record)
        shown = ((key, value) for key, value in fields.items() if key not in _CORE)
        context = " ".join(f"{key}={_plain(value)}" for key, value in shown if not _told(value, fields))
        line = f"{fields['time']} {record.levelname:<7} {fields['area']}: {escaped(fields['message'])}"
        if context:
            line += f" [{escaped(context)}]"
        if "exception" in fields:
            line += "\n    " + escaped(fields["exception"], keep="\n").replace("\n", "\n    ")
        return line


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, area, message, the context's fields, exception."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as JSON in ASCII, redacted."""
        return json.dumps(_fields(record), default=str)


_CORE = frozenset({"time", "level", "area", "message", "exception"})


class _Handler(logging.StreamHandler[TextIO]):
    """Writes to a stream; a record that cannot be written is dropped, since reporting it could show its
    arguments.
    """

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the standard library's name
        """Say nothing."""


def _is_journal(stream: TextIO, environ: Mapping[str, str]) -> bool:
    return bool(environ.get("JOURNAL_STREAM")) and not stream.isatty()


def _set_levels(level: str, areas: Mapping[Any, str]) -> None:
    for name in list(logging.Logger.manager.loggerDict):
        if name.startswith(f"{ROOT}."):
            logging.getLogger(name).setLevel(logging.NOTSET)
    logging.getLogger(ROOT).setLevel(_LEVELS[level])
    for area, own in areas.items():
        logging.getLogger(f"{ROOT}.{area}").setLevel(_LEVELS[own])
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    """What a record says, redacted, in the order in which it is shown."""
    when = datetime.fromtimestamp(record.created, UTC)
    fields: dict[str, Any] = {
        "time": when.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "level": record.levelname.lower(),
        "area": record.name.removeprefix(f"{ROOT}."),
        "message": _bounded(redact(_message(record))),
    }
    extra = {key: value for key, value in vars(record).items() if key not in _STANDARD}
    for key, value in {**_context.get(), **extra}.items():
        fields.setdefault(redact(key), _safe(value))
    exception = _exception(record)
    if exception:
        fields["exception"] = _bounded(redact(exception), _MAX_TRACEBACK)
    return fields


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001 - whatever an argument's own __str__ raises must not stop the program
        return f"{record.msg} (its arguments do not fit)"


def _exception(record: logging.LogRecord) -> str:
    parts: list[str] = []
    if record.exc_info and record.exc_info[0] is not None:
        parts.append(_shortened(logging.Formatter().formatException(record.exc_info), record.exc_info[1]))
    elif record.exc_text:
        parts.append(record.exc_text)
    if record.stack_info:
        parts.append(record.stack_info)
    return "\n".join(parts)


def _shortened(text: str, error: BaseException | None) -> str:
    """A traceback with the words of each error in its chain cut."""
    seen: list[BaseException] = []
    while error is not None and error not in seen:
        seen.append(error)
        words = _words(error)
        if words:
            text = text.replace(words, _bounded(words, _MAX_WORDS))
        error = error.__cause__ or error.__context__
    return text


def _words(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - as above; the traceback shows such an error as unprintable
        return ""


def _safe(value: Any) -> Any:
    if value is None or isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    return _bounded(redact(str(value)))


def _told(value: Any, fields: Mapping[str, Any]) -> bool:
    """Whether a name or key stands in the message itself; a human need not read it twice."""
    return isinstance(value, str) and "/" in value and value in fields["message"]


def _plain(value: Any) -> str:
    text = str(value)
    return json.dumps(text, ensure_ascii=False) if re.search(r"[\s\]=\"]", text) else text


def _bounded(text: str, limit: int = _MAX_TEXT) -> str:
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text)} characters)"


def _escape(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")
