"""How the columns of a list share the width: unimportant ones go first, wide ones take the rest. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

GAP = 1


class Column(NamedTuple):
    """One column.

    Attributes:
        width: cells it needs.
        grow: its share of what is left over; 0 for a fixed width.
        right: are its values pushed to the right, as numbers are?
        rank: columns of the highest rank are left out first where the width does not suffice; 0 is never left out.
    """

    title: str
    width: int
    grow: int = 0
    right: bool = False
    rank: int = 0


class Fitted(NamedTuple):
    """A column that is shown: which one, and how wide."""

    place: int
    width: int


def fit(columns: Sequence[Column], width: int) -> tuple[Fitted, ...]:
    """The columns that are shown at this width."""
    shown = list(range(len(columns)))
    while _needed(columns, shown) > width and any(columns[index].rank for index in shown):
        worst = max(shown, key=lambda index: (columns[index].rank, index))
        shown.remove(worst)
    left = max(0, width - _needed(columns, shown))
    return tuple(_grown(columns, shown, left))


def _needed(columns: Sequence[Column], shown: Sequence[int]) -> int:
    return sum(columns[index].width for index in shown) + GAP * max(0, len(shown) - 1)


def _grown(columns: Sequence[Column], shown: Sequence[int], left: int) -> list[Fitted]:
    shares = sum(columns[index].grow for index in shown)
    found = []
    for index in shown:
        share = left * columns[index].grow // shares if shares else 0
        left, shares = left - share, shares - columns[index].grow
        found.append(Fitted(index, columns[index].width + share))
    return found
