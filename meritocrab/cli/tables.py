"""Plain aligned tables and sentences for people. Pure; every text from outside is escaped here."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from meritocrab.logs import escaped

if TYPE_CHECKING:
    from meritocrab.localapi.protocol import ActAnswer, LedgerItem

NOTHING = "-"
ELLIPSIS = "…"


def table(head: Sequence[str], rows: Iterable[Sequence[Any]], widest: int = 60) -> Iterator[str]:
    """Lines of a table; a cell that is wider than `widest` columns is cut. Empty tables have no head."""
    cells = [[_cut(cell(value), widest) for value in row] for row in rows]
    if not cells:
        return
    lines = [[name.upper() for name in head], *cells]
    widths = [max(width(line[column]) for line in lines) for column in range(len(head))]
    for line in lines:
        yield "  ".join(_padded(text, widths[column]) for column, text in enumerate(line)).rstrip()


def cell(value: Any) -> str:
    """A value as plain text on one line."""
    if value is None or value == "":
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return moment(value)
    return escaped(" ".join(str(value).split()) if isinstance(value, str) else str(value))


def moment(value: datetime | None) -> str:
    """A time in UTC, to the second."""
    return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ") if value is not None else NOTHING


def signed(number: int | None) -> str:
    """A change of credit with its sign."""
    return NOTHING if number is None else f"{number:+d}"


def paragraph(text: str, indent: str = "  ") -> Iterator[str]:
    """A text of several lines, escaped and indented."""
    for line in text.splitlines() or [""]:
        yield f"{indent}{escaped(line)}".rstrip()


def width(text: str) -> int:
    """How many columns of a terminal a text takes."""
    return sum(_columns(char) for char in text)


def _columns(char: str) -> int:
    if unicodedata.combining(char) or unicodedata.category(char) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in ("W", "F") else 1


def _padded(text: str, wanted: int) -> str:
    return text + " " * (wanted - width(text))


def _cut(text: str, widest: int) -> str:
    if width(text) <= widest:
        return text
    kept, used = [], 0
    for char in text:
        used += _columns(char)
        if used >= widest:
            break
        kept.append(char)
    return "".join(kept) + ELLIPSIS


def more(shown: int, total: int, cursor: str | None) -> Iterator[str]:
    """How many rows there are, and how to see the rest."""
    if cursor is not None:
        yield f"{shown} of {total}; go on with --cursor {cursor}"
    else:
        yield f"{total} in all" if shown == total else f"the last {shown} of {total}"


def ledger_table(
    rows: Sequence[LedgerItem], *, repository: bool = False, person: bool = False
) -> Iterator[str]:
    """Ledger rows: what, by whom, from where to where."""
    head = ["id", "when", "what", "change", "credit", "by", "reason"]
    if person:
        head.insert(2, "who")
    if repository:
        head.insert(2, "repository")
    yield from table(head, (_ledger_row(row, repository, person) for row in rows))


def _ledger_row(row: LedgerItem, repository: bool, person: bool) -> list[Any]:
    what = f"{row.words} (undone)" if row.undone_by_id is not None else row.words
    cells = [row.id, row.appended_at, what, signed(row.applied), f"{row.before} -> {row.after}"]
    cells += [row.actor.words, row.text]
    if person:
        cells.insert(2, f"@{row.account.login}")
    if repository:
        cells.insert(2, row.repository)
    return cells


def act_lines(answer: ActAnswer) -> Iterator[str]:
    """What came of an act."""
    what = f"{answer.act} in {escaped(answer.repository)}"
    if answer.status == "accepted":
        waits = f": {escaped(answer.note)}" if answer.note else ""
        yield f"{what}: accepted, not handled yet{waits} (event {answer.event_id})"
        return
    note = f": {escaped(answer.note)}" if answer.note else ""
    yield f"{what}: done by {escaped(answer.actor)}{note}"
    for row in answer.ledger:
        flag = "  blacklisted" if row.blacklisted else ""
        yield (
            f"  @{escaped(row.account.login)}  {escaped(row.words)}  {signed(row.applied)}"
            f"  {row.before} -> {row.after}{flag}  (row {row.id})"
        )
