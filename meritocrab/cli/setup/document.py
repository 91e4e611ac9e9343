"""Changes a configuration's text and leaves everything else of it as it was: comments, order, blank lines.

Values that are there are replaced and removed by tomlkit. A new key is put in as lines of text, because tomlkit would
put it behind the comments that belong to the next table. What comes out is read again and compared with what was
meant, so that an unusual file is refused rather than spoilt.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

import tomlkit

from meritocrab.cli.setup.meanings import Key, meanings
from meritocrab.core.toml_errors import key_lines
from meritocrab.errors import MeritocrabError
from meritocrab.settings import SECRET_FILES

Value = str | int | list[str]
Changes = Mapping[Key, Value | None]
"""What is to be set; None takes a key away."""

HEAD = """\
# The configuration of meritocrab, begun by `meritocrab init`. Call that again to change its answers: your comments and
# everything else in here stay as they are. Lines starting with # explain.
# `meritocrab config check` lists mistakes, `meritocrab doctor` looks at all the rest.
"""


_SECRETS = frozenset((secret.table, secret.key) for secret in SECRET_FILES)
"""Keys whose values do not stay in the file as comments."""


class UnusualFile(MeritocrabError):  # noqa: N818 - a state of the file
    """The text is laid out in a way that this module cannot change safely."""


def begun() -> str:
    """A new file, before any answer: it observes and writes nothing to GitHub."""
    comment = "\n".join(meanings()["", "enforcement"])
    return f'{HEAD}\n{comment}\nenforcement = "observe"\n'


def edited(text: str, changes: Changes) -> str:
    """The text with these changes, and with nothing else changed.

    Raises:
        UnusualFile: it cannot be done without touching other things.
    """
    wanted = _applied(tomllib.loads(text), changes)
    result = _replaced(text, changes)
    present = tomllib.loads(result)
    tables = dict.fromkeys(table for table, _ in changes)
    # new keys go to the top of their table, so the last one comes first
    for key in [key for table in tables for key in reversed(list(changes)) if key[0] == table]:
        value = changes[key]
        if value is not None and key[1] not in present.get(key[0], {}):
            result = _inserted(result, key, value)
    if not _reads_as(result, wanted):
        raise UnusualFile(
            "the file is laid out in a way that cannot be changed safely; change these keys by hand"
        )
    return result


def _applied(values: dict[str, Any], changes: Changes) -> dict[str, Any]:
    for (table, key), value in changes.items():
        if value is not None:
            values.setdefault(table, {})[key] = value
        elif table in values:
            values[table].pop(key, None)
    return values


def _replaced(text: str, changes: Changes) -> str:
    for unwanted in [key for key, value in changes.items() if value is None and key not in _SECRETS]:
        text = _put_out(text, unwanted)
    document = tomlkit.parse(text)
    for (table, key), value in changes.items():
        section: Any = document.get(table)
        if section is None or key not in section:
            continue
        if value is None:
            del section[key]
        elif section[key] != value:
            section[key] = value
    return document.as_string()


def _put_out(text: str, key: Key) -> str:
    """The text with this key turned into a comment, under its explanation; as it was where that takes more."""
    line = key_lines(text).get(key)
    if line is None:
        return text
    lines = text.splitlines(keepends=True)
    lines[line - 1] = f"#{lines[line - 1]}"
    result = "".join(lines)
    return result if _reads_as(result, _applied(tomllib.loads(text), {key: None})) else text


def _inserted(text: str, key: Key, value: Value) -> str:
    lines = text.splitlines(keepends=True)
    newline = "\r\n" if "\r\n" in text else "\n"
    written = f"{key[1]} = {tomlkit.item(value).as_string()}"
    first = key_lines(text).get((key[0],))
    if first is None:
        gap = "" if not text or text.endswith(newline) else newline
        block = ["", f"[{key[0]}]", *meanings().get(key, ()), written]
        return text + gap + "".join(f"{line}{newline}" for line in block)
    if not re.match(rf"\s*\[\s*{key[0]}\s*\]", lines[first - 1]):
        raise UnusualFile(f"[{key[0]}] is no table with a header of its own; set {key[1]} by hand")
    anchor = _anchor(lines, first, key)
    block = [written] if anchor else [*meanings().get(key, ()), written]
    at = anchor or first
    if anchor and lines[at - 1].strip() == f"#{written}":  # put out by us, and wanted again
        lines[at - 1 : at] = []
        at -= 1
    if not anchor and at < len(lines) and lines[at].startswith("#"):
        block.append("")
    head = lines[:at]
    if head and not head[-1].endswith("\n"):
        head[-1] += newline
    return "".join([*head, *(f"{line}{newline}" for line in block), *lines[at:]])


def _anchor(lines: list[str], first: int, key: Key) -> int | None:
    """The number of lines up to and including the one below which the key belongs: it, put out, or its explanation."""
    explained = meanings().get(key, ("",))[-1]
    for number, line in _table(lines, first):
        if re.match(rf"\s*#\s*{key[1]}\s*=", line) or (explained and line.strip() == explained):
            return number
    return None


def _table(lines: list[str], first: int) -> Iterator[tuple[int, str]]:
    """The lines of the table whose header is line `first`, counted from 1; last first."""
    end = next((n for n in range(first, len(lines)) if re.match(r"\s*\[", lines[n])), len(lines))
    for number in range(end, first, -1):
        yield number, lines[number - 1]


def _reads_as(text: str, wanted: Mapping[str, Any]) -> bool:
    try:
        return tomllib.loads(text) == wanted
    except tomllib.TOMLDecodeError:
        return False
