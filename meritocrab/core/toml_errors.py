"""Turns TOML text into a validated model, or into messages with file, line and key, all of them at once.

`tomllib` reports positions for broken syntax only, and pydantic knows nothing about text. What lies between
them is here: a scanner that finds the line of every key, and the wording of each complaint. The text may
come from a stranger's repository, so nothing in it may cost much time, raise anything but `ConfigError`, or
be echoed unescaped; and it may hold secrets, so values of secret fields and of whole tables are never
shown.
"""

from __future__ import annotations

import difflib
import json
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, NamedTuple, TypeVar, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails, PydanticCustomError

from meritocrab.errors import ConfigError, Problem

Path = tuple[str | int, ...]
Model = TypeVar("Model", bound=BaseModel)

_MAX_KEY_PARTS = 32
_MAX_PROBLEMS = 50
_MAX_ROUNDS = 6
_MAX_SHOWN = 60
_LARGEST_SHOWN = 10**20

# tomllib needs quadratic time for a key of thousands of parts; possessive quantifiers keep this check linear
_LONG_KEY = re.compile(
    r"(?<![A-Za-z0-9_-])(?:[A-Za-z0-9_-]++|\"[^\"\n]*+\"|'[^'\n]*+')"
    rf"(?:[ \t]*+\.[ \t]*+(?:[A-Za-z0-9_-]++|\"[^\"\n]*+\"|'[^'\n]*+')){{{_MAX_KEY_PARTS}}}"
)
_SECRET_LIKE = re.compile(r"gh[a-z]_|github_pat_|sk-|-----BEGIN|://[^/@]*@", re.I)
_POSITION = re.compile(
    r"^(?P<what>.*) \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)$", re.S
)


class Place(NamedTuple):
    """Where a key was set: the file or environment variable, and the line in a file."""

    source: str
    line: int | None = None


class Rule(NamedTuple):
    """A broken rule between several keys of one table; the first key is the one to blame."""

    keys: tuple[str, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Expected:
    """Annotates a field with what it takes, in words; `secret` hides what was found instead."""

    text: str
    secret: bool = False


class Table(BaseModel):
    """A TOML table: frozen, without unknown keys, silent about its inputs, with rules between its keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    def broken_rules(self) -> Iterable[Rule]:
        """The rules between keys that this table breaks; checked once all single values are right."""
        return ()

    @model_validator(mode="after")
    def _keep_rules(self) -> Table:
        broken = [tuple(rule) for rule in self.broken_rules()]
        if broken:
            text = "; ".join(str(rule[1]) for rule in broken)
            raise PydanticCustomError("rules", "{text}", {"text": text, "broken": broken})
        return self


class Places:
    """Knows where each key of a merged configuration was written.

    `text` is the file (its lines are looked up only when asked for), `set_elsewhere` holds keys that came
    from another source, which go before the file's. Paths are relative to the tables given to `under`.
    """

    def __init__(
        self, source: str, text: str = "", set_elsewhere: Mapping[Path, Place] | None = None
    ) -> None:
        self.source = source
        self._index = _Index(source, text, dict(set_elsewhere or {}))
        self._roots: tuple[Path, ...] = ((),)

    def under(self, *roots: Path) -> Places:
        """The same places seen from a table; with several tables, from the first that holds the key."""
        view = Places(self.source)
        view._index, view._roots = self._index, roots
        return view

    def find(self, path: Path) -> Place | None:
        """The place of exactly this key, or None where nobody wrote it."""
        found = (self._index.get((*root, *path)) for root in self._roots)
        return next((place for place in found if place is not None), None)

    def problem(self, path: Path, text: str) -> Problem:
        """A problem with this key, placed where it or the nearest table around it was written."""
        for length in range(len(path), -1, -1):
            for root in self._roots:
                place = self._index.get((*root, *path[:length]))
                if place is not None:
                    return Problem(place.source, text, dotted((*root, *path)), place.line)
        return Problem(self.source, text, dotted((*self._roots[0], *path)))


@dataclass(slots=False)
class _Index:
    source: str
    text: str
    elsewhere: dict[Path, Place]

    @cached_property
    def _lines(self) -> dict[Path, int]:
        return key_lines(self.text)

    def get(self, path: Path) -> Place | None:
        if path in self.elsewhere:
            return self.elsewhere[path]
        line = self._lines.get(path)
        return None if line is None else Place(self.source, line)


def parse_toml(text: str, source: str) -> dict[str, Any]:
    """The document as plain values.

    Raises `ConfigError` for anything that is not TOML, however it goes wrong (deep nesting, endless numbers,
    endless keys).
    """
    long_key = _LONG_KEY.search(text)
    if long_key is not None:
        line = text.count("\n", 0, long_key.start()) + 1
        raise ConfigError(
            [Problem(source, f"a key of more than {_MAX_KEY_PARTS} parts; shorten it", line=line)]
        )
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([_syntax_problem(str(error), source)]) from None
    except RecursionError:
        raise ConfigError([Problem(source, "values are nested too deeply; two levels are enough")]) from None
    except ValueError:
        raise ConfigError([Problem(source, "not valid TOML: a number has too many digits")]) from None


def validate(model: type[Model], data: dict[str, Any], places: Places) -> Model:
    """`data` as a `model`; raises `ConfigError` with every problem found, ordered by place."""
    result, problems = check(model, data, places, set())
    if problems or result is None:
        raise ConfigError(in_order(problems))
    return result


def check(
    model: type[Model], data: dict[str, Any], places: Places, broken: set[Path]
) -> tuple[Model | None, list[Problem]]:
    """`data` as a `model` with all problems; broken keys are added to `broken` and count as not set.

    What is left after a broken key was set aside is checked again, so that rules between keys are reported
    in the same breath as broken values; a rule that involves a key in `broken` says nothing. The model is
    None only when there are too many problems to look for all of them.
    """
    problems: list[Problem] = []
    for _ in range(_MAX_ROUNDS):
        try:
            return model.model_validate(data), problems
        except ValidationError as error:
            if error.error_count() > _MAX_PROBLEMS:
                return None, [*problems, *_first_of_many(error, model, places)]
            for path, problem in list(_complaints(error, model, places, broken)):
                broken.add(path)
                data = without(data, path)
                if problem is not None:
                    problems.append(problem)
    return None, problems


def in_order(problems: Iterable[Problem]) -> list[Problem]:
    """The problems in the order of their places in each source."""
    return sorted(problems, key=lambda problem: (problem.source, problem.line or sys.maxsize))


def without(data: dict[str, Any], path: Path) -> dict[str, Any]:
    """A copy of `data` without the key at `path`; inside a list the whole list goes."""
    key = path[0] if path else None
    if not isinstance(key, str) or key not in data:
        return data
    inner = data[key]
    if len(path) > 1 and isinstance(path[1], str) and isinstance(inner, dict) and path[1] in inner:
        return {**data, key: without(inner, path[1:])}
    return {name: value for name, value in data.items() if name != key}


def dotted(path: Path) -> str:
    """The key as it would be written in TOML, escaped and of bounded length."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            bare = re.fullmatch(r"[A-Za-z0-9_-]+", part) is not None
            text += ("." if text else "") + (part if bare else json.dumps(part))
    return printable(text, 2 * _MAX_SHOWN)


def printable(text: str, limit: int = _MAX_SHOWN) -> str:
    """`text` without control characters and cut to `limit` characters, for showing what a stranger wrote."""
    cut = text if len(text) <= limit else text[: limit - 1] + "…"
    return "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in cut)


def nearest_key(key: str, known: Iterable[str]) -> str | None:
    """The known key that was probably meant, or None."""
    matches = difflib.get_close_matches(key[:_MAX_SHOWN].lower(), list(known), n=1, cutoff=0.6)
    return matches[0] if matches else None


def table_of(annotation: Any) -> type[Table] | None:
    """The table model a field holds (directly, optionally, or as the values of a mapping), or None."""
    if isinstance(annotation, type) and issubclass(annotation, Table):
        return annotation
    for argument in get_args(annotation):
        found = table_of(argument)
        if found is not None:
            return found
    return None


def _syntax_problem(message: str, source: str) -> Problem:
    match = _POSITION.match(message)
    if match is None:
        return Problem(source, f"not valid TOML: {printable(message, 200)}")
    what = printable(match["what"], 200)
    if match["line"] is None:
        return Problem(source, f"not valid TOML: {what} (at the end of the file)")
    return Problem(source, f"not valid TOML: {what} (column {match['column']})", line=int(match["line"]))


def _first_of_many(error: ValidationError, model: type[BaseModel], places: Places) -> Iterator[Problem]:
    """The first problems of a hopeless document, and how many others: wording them all takes seconds."""
    details = error.errors(include_url=False)
    for detail in details[:_MAX_PROBLEMS]:
        path: Path = tuple(part for part in detail["loc"] if part != "[key]")
        yield places.problem(path, _sentence(detail, path, model))
    yield Problem(places.source, f"and {len(details) - _MAX_PROBLEMS} more problems")


def _complaints(
    error: ValidationError, model: type[BaseModel], places: Places, blamed: set[Path]
) -> Iterator[tuple[Path, Problem | None]]:
    """Each path to set aside with its problem; None where the problem follows from one already reported."""
    for detail in error.errors(include_url=False):
        path: Path = tuple(part for part in detail["loc"] if part != "[key]")
        if detail["type"] == "rules":
            yield from _rule_complaints(path, detail["ctx"]["broken"], places, blamed)
        else:
            yield path, places.problem(path, _sentence(detail, path, model))


def _rule_complaints(
    table: Path, broken: list[tuple[tuple[str, ...], str]], places: Places, blamed: set[Path]
) -> Iterator[tuple[Path, Problem | None]]:
    for keys, text in broken:
        paths = [(*table, *key.split(".")) for key in keys]
        known = any(bad[: len(path)] == path or path[: len(bad)] == bad for path in paths for bad in blamed)
        written = [path for path in paths if places.find(path) is not None]
        problem = places.problem((written or paths)[0], text)
        for index, each in enumerate(paths):
            yield each, problem if index == 0 and not known else None


def _sentence(detail: ErrorDetails, path: Path, model: type[BaseModel]) -> str:
    kind = detail["type"]
    if kind == "extra_forbidden":
        return _unknown_key(path, model)
    if kind in ("model_type", "model_attributes_type", "dict_type"):
        return f"expected a table, written [{dotted(path)}]"
    if kind == "value_error":
        return printable(str(detail.get("ctx", {}).get("error", detail["msg"])), 400)
    expected = _expected(path, model)
    if expected is None:
        return printable(detail["msg"], 200)
    if kind == "missing":
        return f"is missing; it takes {expected.text}"
    found = "" if expected.secret else _found(detail["input"])
    return f"expected {expected.text}{found}"


def _found(value: Any) -> str:
    if isinstance(value, bool):
        return f", found {str(value).lower()}"
    if isinstance(value, str) and _SECRET_LIKE.search(value):
        return ", found what looks like a secret"
    if isinstance(value, str):
        return f", found {json.dumps(value[:_MAX_SHOWN])}"
    if isinstance(value, int):
        return f", found {value}" if abs(value) < _LARGEST_SHOWN else ", found a far larger number"
    if isinstance(value, float):
        return f", found {value!r}"
    kinds = ((list, "a list"), (tuple, "a list"), (dict, "a table"))
    words = next((words for kind, words in kinds if isinstance(value, kind)), "another kind of value")
    return f", found {words}"


def _unknown_key(path: Path, model: type[BaseModel]) -> str:
    key = str(path[-1])
    table = _table_at(path[:-1], model)
    known = list(table.model_fields) if table is not None else []
    near = nearest_key(key, known)
    if near is not None:
        return f'unknown key; did you mean "{near}"?'
    home = _home_of(key, model, ())
    if home is not None:
        return "unknown key here; it belongs " + (f"in [{home}]" if home else "at the top of the file")
    return f"unknown key; known here: {', '.join(known)}" if known else "unknown key"


def _home_of(key: str, model: type[BaseModel], prefix: Path) -> str | None:
    """The table in which `key` is known, "" for the top level; mappings by name are not searched."""
    if key in model.model_fields:
        return dotted(prefix)
    for name, field in model.model_fields.items():
        if get_origin(field.annotation) is dict:
            continue
        inner = table_of(field.annotation)
        home = None if inner is None else _home_of(key, inner, (*prefix, name))
        if home is not None:
            return home
    return None


def _walk(path: Path, model: type[BaseModel]) -> Iterator[tuple[FieldInfo | None, type[BaseModel] | None]]:
    """The fields along `path`, each with the table that it holds."""
    table: type[BaseModel] | None = model
    named = False  # the next part is a name in a mapping of tables
    for part in path:
        if isinstance(part, int):
            continue
        if named:
            named = False
            yield None, table
            continue
        field = table.model_fields.get(part) if table is not None else None
        if field is None:
            return
        table = table_of(field.annotation)
        named = get_origin(field.annotation) is dict
        yield field, None if named else table


def _table_at(path: Path, model: type[BaseModel]) -> type[BaseModel] | None:
    steps = list(_walk(path, model))
    return steps[-1][1] if steps else (None if path else model)


def _expected(path: Path, model: type[BaseModel]) -> Expected | None:
    found = [field for field, _ in _walk(path, model)]
    field = found[-1] if found else None
    if field is None:
        return None
    return next((each for each in _notes(field) if isinstance(each, Expected)), None)


def _notes(field: FieldInfo) -> Iterator[Any]:
    """A field's annotations, those inside `Annotated[…] | None` included."""
    yield from field.metadata
    for argument in get_args(field.annotation):
        if get_origin(argument) is Annotated:
            yield from argument.__metadata__


def key_lines(text: str) -> dict[Path, int]:
    """The line (from 1) of every table, key and list item of a valid TOML document.

    Never raises: of a document that it cannot follow to the end, it knows the beginning.
    """
    scanner = _Scanner(text)
    try:
        scanner.scan()
    except (_LostError, RecursionError):
        return scanner.lines
    return scanner.lines


class _LostError(Exception):
    """The scanner met something that is not TOML."""


class _Scanner:
    """Follows the structure of a valid TOML document, noting where each path first appears."""

    _BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*+)*+")
    _SPACE = re.compile(r"[ \t]*+")
    _REST = re.compile(r"[^\n]*+")
    _KEY = re.compile(r"[A-Za-z0-9_-]++|\"(?:[^\"\\\n]|\\.)*+\"|'[^'\n]*+'")
    _STRING = re.compile(
        r'"""(?:\\.|[^\\"]|"{1,2}(?!"))*+"{3,5}'
        r"|'''(?:[^']|'{1,2}(?!'))*+'{3,5}"
        r'|"(?:[^"\\\n]|\\.)*+"'
        r"|'[^'\n]*+'",
        re.S,
    )
    _PLAIN = re.compile(r"[^,\]}\n#]++")

    def __init__(self, text: str) -> None:
        self.lines: dict[Path, int] = {}
        self._text = text
        self._at = 0
        self._line = 1
        self._items: dict[Path, int] = {}  # how many [[tables]] each list has so far

    def scan(self) -> None:
        prefix: Path = ()
        self._take(self._BLANK)
        while self._at < len(self._text):
            if self._is("["):
                prefix = self._header()
            else:
                self._pair(prefix)
            self._take(self._REST)
            self._take(self._BLANK)

    def _take(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self._text, self._at)
        if match is None:
            raise _LostError
        self._at = match.end()
        self._line += match[0].count("\n")
        return match[0]

    def _is(self, char: str) -> bool:
        return self._text.startswith(char, self._at)

    def _skip(self, char: str) -> bool:
        found = self._is(char)
        self._at += len(char) if found else 0
        return found

    def _mark(self, path: Path) -> None:
        self.lines.setdefault(path, self._line)

    def _key(self) -> list[str]:
        parts: list[str] = []
        while True:
            self._take(self._SPACE)
            parts.append(_unquoted(self._take(self._KEY)))
            self._take(self._SPACE)
            if not self._skip("."):
                return parts

    def _header(self) -> Path:
        repeated = self._skip("[[")
        if not repeated:
            self._skip("[")
        *parents, last = self._key()
        path: Path = ()
        for part in parents:
            path = self._last_item((*path, part))
        path = (*path, last)
        self._mark(path)
        if repeated:
            self._items[path] = self._items.get(path, 0) + 1
        return self._last_item(path)

    def _last_item(self, path: Path) -> Path:
        self._mark(path)
        if path not in self._items:
            return path
        item = (*path, self._items[path] - 1)
        self._mark(item)
        return item

    def _pair(self, prefix: Path) -> None:
        path = prefix
        for part in self._key():
            path = (*path, part)
            self._mark(path)
        if not self._skip("="):
            raise _LostError
        self._take(self._SPACE)
        self._value(path)

    def _value(self, path: Path) -> None:
        if self._skip("["):
            self._list(path)
        elif self._skip("{"):
            self._inline_table(path)
        elif self._is('"') or self._is("'"):
            self._take(self._STRING)
        else:
            self._take(self._PLAIN)

    def _list(self, path: Path) -> None:
        index = 0
        self._take(self._BLANK)
        while not self._skip("]"):
            item = (*path, index)
            self._mark(item)
            self._value(item)
            self._take(self._BLANK)
            self._skip(",")
            self._take(self._BLANK)
            index += 1

    def _inline_table(self, path: Path) -> None:
        self._take(self._BLANK)
        while not self._skip("}"):
            self._pair(path)
            self._take(self._BLANK)
            self._skip(",")
            self._take(self._BLANK)


def _unquoted(token: str) -> str:
    if token[0] not in "\"'":
        return token
    return str(tomllib.loads(f"key = {token}")["key"])
