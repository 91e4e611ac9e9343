"""What deciding several items at once would do, in sentences: asked before, because one key does much. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from meritocrab.core.names import Classification
from meritocrab.localapi.protocol import EvaluationDetail, EvaluationItem, Forecast
from meritocrab.tui import words
from meritocrab.tui.shows import is_proposal

NAMES_SHOWN = 6


def people(items: Iterable[EvaluationItem]) -> str:
    """The authors, each once."""
    return _named(sorted({f"@{item.author.login}" for item in items}))


def _named(names: Sequence[str]) -> str:
    more = len(names) - NAMES_SHOWN
    return ", ".join(names[:NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")


def consequences(
    items: Sequence[EvaluationDetail], classification: Classification | None, *, blind: bool
) -> list[str]:
    """Changes of credit, whom they stop, and who is blacklisted; without a class, all are approved.

    In blind mode nothing is said that tells what the provider thought.
    """
    judged = [
        _Change(item, forecast)
        for item in items
        if not is_proposal(item) and (forecast := _forecast(item, classification)) is not None
    ]
    proposed = sorted(f"@{item.author.login}" for item in items if is_proposal(item))
    lines = [f"Of {people(items)}."]
    if judged and blind and classification is None:
        lines.append("What is proposed is hidden in blind mode; b shows it.")
    elif judged:
        lines += [_sums(judged, classification), *_falls(judged)]
    if proposed:
        lines.append(_about_proposals(proposed, classification))
    return lines


class _Change(NamedTuple):
    item: EvaluationDetail
    forecast: Forecast


def _forecast(item: EvaluationDetail, classification: Classification | None) -> Forecast | None:
    return item.approve if classification is None else item.forecasts.get(classification)


def _sums(changes: Sequence[_Change], classification: Classification | None) -> str:
    numbers: Counter[str] = Counter()
    credit: Counter[str] = Counter()
    for item, forecast in changes:
        name = words.verdict(classification or item.classification).word
        numbers[name] += 1
        credit[name] += forecast.applied
    parts = [f"{number} {name} ({words.signed(credit[name])})" for name, number in numbers.items()]
    return f"Credit changes by {words.signed(credit.total())} in all: {', '.join(parts)}."


def _falls(changes: Sequence[_Change]) -> Iterator[str]:
    """Who is stopped, proposed for the blacklist, or put on it; several items of one person add up."""
    by_person: dict[tuple[str, int], list[_Change]] = defaultdict(list)
    for change in changes:
        by_person[change.item.repository, change.item.author.id].append(change)
    gated, blacklisted, proposed = [], [], []
    for own in by_person.values():
        item, after = own[0].item, max(0, own[0].item.credit + sum(each.forecast.applied for each in own))
        said = f"@{item.author.login} ({item.credit:,} → {after:,})"
        if any(each.forecast.blacklists for each in own):
            blacklisted.append(said)
        elif any(each.forecast.proposes_blacklist for each in own) or _reaches_blacklist(item, after):
            proposed.append(said)
        elif item.pr_threshold is not None and after < item.pr_threshold <= item.credit:
            gated.append(said)
    if gated:
        yield f"▲ Falls below the gate: {_named(gated)}."
    if proposed:
        yield f"▲ Falls to the blacklist threshold: {_named(proposed)}."
    if blacklisted:
        yield f"✗ Blacklists {_named(blacklisted)}."


def _reaches_blacklist(item: EvaluationDetail, after: int) -> bool:
    """Do several decisions together bring somebody down to where none of them would alone?"""
    return item.blacklist_threshold is not None and after <= item.blacklist_threshold < item.credit


def _about_proposals(names: Sequence[str], classification: Classification | None) -> str:
    proposals = words.counted(len(names), "blacklist proposal")
    if classification is None:
        return f"✗ {proposals} among them: approving blacklists {_named(names)}."
    return f"{proposals} among them: {_named(names)} will not be blacklisted."
