"""What each key of the configuration means, in the words of the example file: written once, shown wherever needed."""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from pathlib import Path

NAME = "meritocrab.example.toml"

Key = tuple[str, str]
"""Table and key; the table is "" for keys at the top."""

_HEADER = re.compile(r"\[([a-z_.]+)\]")
_KEY = re.compile(r"#([a-z_]+) = ")


@cache
def meanings() -> dict[Key, tuple[str, ...]]:
    """For each key the comment lines that explain it."""
    found: dict[Key, tuple[str, ...]] = {}
    table = ""
    paragraph: list[str] = []
    for line in _example().splitlines():
        if header := _HEADER.fullmatch(line):
            table, paragraph = header[1], []
        elif key := _KEY.match(line):
            found[table, key[1]] = tuple(paragraph)
        elif line.startswith("# "):
            paragraph.append(line)
        if not line:
            paragraph = []
    return found


def _example() -> str:
    """The example as it is delivered: in the package, or beside it when it runs from its sources."""
    packaged = resources.files("meritocrab") / "data" / NAME
    beside = Path(__file__).parents[3] / "config" / NAME
    return packaged.read_text("utf-8") if packaged.is_file() else beside.read_text("utf-8")
