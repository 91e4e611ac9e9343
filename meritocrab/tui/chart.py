"""A credit line: how somebody's credit went, in block characters, with the threshold where it can be seen. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

from meritocrab.localapi.protocol import LedgerItem

BLOCKS = "▁▂▃▄▅▆▇█"


def balances(history: Sequence[LedgerItem]) -> list[int]:
    """Credit after each change, oldest first; the beginning is what stood before the first row shown."""
    rows = sorted(history, key=lambda row: row.id)
    if not rows:
        return []
    start = [] if rows[0].reason == "opening" else [rows[0].before]
    return [*start, *(row.after for row in rows)]


def credit_line(values: Sequence[int], threshold: int | None, width: int = 32) -> Content:
    """One line of bars, the newest at its right; those under the threshold look different.

    The scale begins at 0, so that a credit near the floor looks like one.
    """
    shown = list(values)[-width:]
    top = max([*shown, threshold or 0, 1])
    return Content.assemble(*(_bar(value, top, threshold) for value in shown))


def _bar(value: int, top: int, threshold: int | None) -> tuple[str, str]:
    level = min(len(BLOCKS) - 1, max(0, value) * (len(BLOCKS) - 1) // top)
    if value <= 0:
        return "▁", "$error"
    return BLOCKS[level], "$warning" if threshold is not None and value < threshold else "$success"


def credit_rows(values: Sequence[int], threshold: int | None, width: int, height: int) -> list[Content]:
    """The same over several rows, top first, with the scale at the left."""
    shown = list(values)[-max(1, width - 6) :]
    top = max([*shown, threshold or 0, 1])
    lines = []
    for row in range(height, 0, -1):
        label = f"{top:>5}" if row == height else "    0" if row == 1 else "     "
        cells = [_cell(value, top, threshold, row, height) for value in shown]
        lines.append(Content.assemble((f"{label} ", "dim"), *cells))
    return lines


def _cell(value: int, top: int, threshold: int | None, row: int, height: int) -> tuple[str, str]:
    eighths = max(0, value) * height * 8 // top - (row - 1) * 8
    style = "$warning" if threshold is not None and value < threshold else "$success"
    if value <= 0 and row == 1:
        return "▁", "$error"
    if eighths <= 0:
        return " ", ""
    return BLOCKS[min(7, eighths - 1)], style
