"""`meritocrab report`: what the daemon did or would have done, beside what the maintainers did."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from meritocrab.cli.attach import ask, only_repo_option, operator_command, show

if TYPE_CHECKING:
    from meritocrab.localapi.protocol import ReportAnswer, RepositoryReport

SPANS = {"h": "hours", "d": "days", "w": "weeks"}
FATES = {
    "merged": "merged",
    "reopened": "reopened",
    "closed": "closed by hand",
    "left_closed": "left closed",
    "withdrawn": "withdrawn by their authors",
    "unknown": "closed, not known by whom",
    "open": "still open",
}
AGREEING, DISAGREEING = ("closed", "left_closed"), ("merged", "reopened")


@click.command()
@click.option("--since", metavar="7d|DATE", help="From when on: 12h, 7d, 4w or a date (UTC). Default: 7d.")
@only_repo_option
@operator_command
@click.pass_context
def report(ctx: click.Context, since: str | None, repo: str | None) -> None:
    """What was or would have been done, beside what the maintainers did with the same pull requests.

    Look at it before raising enforcement: it lists what was stopped, or would have been, and was merged all the same.
    """
    begin = _instant(since, datetime.now(UTC)) if since is not None else None
    found = ask(ctx, lambda client: client.report(repo, since=begin))
    show(ctx, found, lambda: _lines(found))


def _instant(text: str, now: datetime) -> datetime:
    """A time as somebody writes it: a span back from now, or a date."""
    span = re.fullmatch(r"([1-9][0-9]{0,4})([hdw])", text)
    if span is not None:
        return now - timedelta(**{SPANS[span[2]]: int(span[1])})
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise click.UsageError(f"--since is 12h, 7d, 4w or a date such as 2026-03-02, not {text!r}") from None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _lines(found: ReportAnswer) -> Iterator[str]:
    from meritocrab.cli.tables import moment

    yield f"from {moment(found.since)} until {moment(found.until)}"
    for each in found.repositories:
        yield ""
        yield from _repository_lines(each)
    if not found.repositories:
        yield "no repositories"


def _repository_lines(each: RepositoryReport) -> Iterator[str]:
    from meritocrab.cli.tables import cell

    yield f"{cell(each.name)}: enforcement {cell(each.enforcement)}"
    yield f"  gate       {_counts(each.gate) or 'nothing was decided'}"
    yield from _grid("actions", each.actions)
    for reason, count in each.reasons.items():
        yield f"             not done, {count}x: {cell(reason)}"
    yield from _grid("verdicts", each.verdicts)
    yield f"  corrected  {_counts(each.reversals) or 'nothing'}"
    yield from _beside("that it stopped", each.stopped, agreement=True)
    yield from _beside("that it would have closed", each.observed, agreement=True)
    yield from _beside("that it let in", each.admitted, agreement=False)
    yield from _disagreements(each)


def _counts(counts: Mapping[Any, int]) -> str:
    return ", ".join(f"{count} {str(name).replace('_', ' ')}" for name, count in counts.items() if count)


def _grid(title: str, found: Mapping[Any, Mapping[Any, int]]) -> Iterator[str]:
    if not found:
        yield f"  {title:<10} none"
    for index, (name, counts) in enumerate(found.items()):
        yield f"  {title if index == 0 else '':<10} {name}: {_counts(counts)}"


def _beside(which: str, fates: Mapping[Any, int], *, agreement: bool) -> Iterator[str]:
    """One sentence: of so many, what became of them."""
    total = sum(fates.values())
    if not total:
        return
    told = ", ".join(f"{fates[name]} {words}" for name, words in FATES.items() if fates.get(name))
    noun = "pull request" if total == 1 else "pull requests"
    yield f"  of {total} {noun} {which}: {told}"
    if agreement:
        yield f"    {_agreement(fates)}"


def _agreement(fates: Mapping[Any, int]) -> str:
    """How often maintainers saw it alike; what is open, withdrawn or unknown says nothing."""
    agreed = sum(fates.get(name, 0) for name in AGREEING)
    settled = agreed + sum(fates.get(name, 0) for name in DISAGREEING)
    if not settled:
        return "whether maintainers agree is not known yet"
    return f"maintainers agreed about {agreed} of {settled} ({agreed / settled:.0%})"


def _disagreements(each: RepositoryReport) -> Iterator[str]:
    from meritocrab.cli.tables import table

    if each.disagreements:
        yield "  taken up all the same:"
    head = ("number", "it was", "then", "decided", "title", "link")
    rows = (
        (f"#{item.number}", item.done, FATES[item.fate], item.decided_at, item.title, item.link)
        for item in each.disagreements
    )
    for line in table(head, rows, widest=80):
        yield f"    {line}"
