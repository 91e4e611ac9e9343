"""All about one item of the review queue, as blocks of text: what a maintainer needs to decide in seconds. Pure.

In blind mode nothing tells what the provider thought, so that the maintainer's own judgement comes first.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from textual.content import Content

from meritocrab.core.names import Classification
from meritocrab.localapi.protocol import CallItem, EvaluationDetail, FileItem, Forecast, LedgerItem
from meritocrab.tui import words
from meritocrab.tui.chart import balances, credit_line
from meritocrab.tui.markdown import Block, blocks, diff, raw
from meritocrab.tui.shows import change, is_proposal, login, rule
from meritocrab.tui.text import plain, plain_lines

KEYS = {
    Classification.SPAM: "s",
    Classification.LOW: "l",
    Classification.ACCEPTABLE: "c",
    Classification.HIGH: "h",
}
HISTORY_ROWS = 8
PATCH = "patch"
"""The name of the block where the changed files begin."""

Patch = Sequence[FileItem] | str
"""The changed files as GitHub shows them, or why there are none to show."""


def dossier(
    item: EvaluationDetail,
    now: datetime,
    *,
    blind: bool,
    as_written: bool = False,
    patch: Patch | None = None,
) -> list[Block]:
    """The whole item, the most important first; `patch` None was not asked for."""
    blind = blind and not is_proposal(item)
    lines = [_title(item), _about(item, now), _person(item)]
    if item.flags:
        lines.append(_flags(item))
    return [
        *_tight(lines),
        *_tight(_verdict(item, blind=blind)),
        *_tight(_choices(item, blind=blind)),
        *_contribution(item, as_written=as_written),
        *_patch(item, patch),
        *_tight(_history(item, now)),
    ]


def _tight(lines: list[Content]) -> list[Block]:
    """Lines that stand together, apart from what came before."""
    return [Block(Content("\n").join(lines))] if lines else []


def _title(item: EvaluationDetail) -> Content:
    title = plain(item.title) if item.title else Content(words.subject(item.subject))
    return Content.assemble((f"#{item.number} ", "dim"), title.stylize("bold"))


def _about(item: EvaluationDetail, now: datetime) -> Content:
    parts = [words.subject(item.subject), words.ago(item.created_at, now)]
    about = Content(" · ").join([plain(item.repository), *(plain(part, 60) for part in parts)])
    if item.folded:
        about += Content.styled(
            f" · {words.counted(item.folded, 'more item')} of this author behind it", "$accent"
        )
    return about


def _person(item: EvaluationDetail) -> Content:
    """Login, credit over time, role, what is known of them here."""
    line = credit_line(balances(item.history), item.pr_threshold, 16)
    role = f"role {item.role}" if item.role not in (None, "none") else "no role here"
    known = words.counted(item.earlier, "earlier contribution") if item.earlier else "nothing seen before"
    parts = [
        login(item.author.login).stylize("bold $accent"),
        Content(" credit "),
        Content.styled(f"{item.credit:,} ", "bold"),
        line,
        Content(f" · {role} · {known}"),
    ]
    if item.blacklisted:
        parts.append(Content.styled(" · ✗ blacklisted", "$error bold"))
    if not item.moves_credit:
        parts.append(Content.styled(" · neither earns nor loses credit", "$warning"))
    return Content("").join(parts)


def _flags(item: EvaluationDetail) -> Content:
    named = Content(", ").join(plain(words.flag(code), 80) for code in item.flags)
    return Content("⚑ ").append(named).stylize("$error bold")


def _verdict(item: EvaluationDetail, *, blind: bool) -> list[Content]:
    if blind:
        return [Content.styled("The verdict is hidden until you have decided; b shows it.", "dim italic")]
    look = words.verdict(item.classification)
    head = Content.assemble((look.label, f"{look.style} bold"))
    if item.confidence is not None:
        head += Content(f" {words.percent(item.confidence)}")
    who = dict.fromkeys(part for part in (item.provider, item.model) if part)
    asides = [*who, f"waits: {words.queue_reason(item.reason)}"] if item.reason else [*who]
    for aside in asides:
        head += (Content(" · ") + plain(aside)).stylize("dim")
    lines = [head]
    if item.spam_only:
        lines.append(Content.styled("The gate stopped it already: only a spam verdict counts.", "$warning"))
    if item.reasoning:
        lines.append(plain_lines(item.reasoning, 2000))
    if item.last_error:
        lines.append(plain(f"▲ {item.last_error}").stylize("$warning"))
    if item.calls:
        lines.append(plain(_asked(item.calls)).stylize("dim"))
    return lines


def _asked(calls: Sequence[CallItem]) -> str:
    """How often a provider was asked, what the second opinion was, and what all of it cost."""
    tokens = sum((call.input_tokens or 0) + (call.output_tokens or 0) for call in calls)
    parts = [f"asked {words.counted(len(calls), 'time')}", f"{tokens:,} tokens"]
    costs = [call.cost for call in calls if call.cost is not None]
    if costs:
        parts.append(f"cost {sum(costs):.4f}")
    second = [call for call in calls if call.opinion > 1 and call.classification is not None]
    if second:
        confidence = words.percent(second[-1].confidence)
        parts.append(f"second opinion {words.verdict(second[-1].classification).word} {confidence}")
    return " · ".join(parts)


def _choices(item: EvaluationDetail, *, blind: bool) -> list[Content]:
    """What each key would do: approving first, the classes side by side."""
    lines = []
    if item.approve is not None and not blind and (item.classification or item.approve.blacklists):
        what = (
            "blacklist" if item.approve.blacklists else f"approve {words.verdict(item.classification).word}"
        )
        lines.append(_choice("a", what, item.approve))
    if is_proposal(item):
        lines.append(Content.assemble(("c ", "$accent bold"), "leave it: not blacklisted"))
    classes = [
        _choice(KEYS[name], words.verdict(name).word, item.forecasts[name])
        for name in KEYS
        if name in item.forecasts
    ]
    return [*lines, Content("   ").join(classes)] if classes else lines


def _choice(key: str, what: str, forecast: Forecast) -> Content:
    """One key: what it does to credit, and what follows."""
    cut = f" of {words.signed(forecast.delta)}" if forecast.applied != forecast.delta else ""
    return Content("").join(
        [
            Content.styled(key, "$accent bold"),
            Content(f" {what} "),
            change(forecast.applied),
            Content(f"{cut} → {forecast.credit_after:,}"),
            *(Content.styled(f" {note}", style) for note, style in _notes(forecast)),
        ]
    )


def _notes(forecast: Forecast) -> list[tuple[str, str]]:
    found = []
    if forecast.blacklists:
        found.append(("✗ blacklists", "$error bold"))
    if forecast.proposes_blacklist:
        found.append(("▲ proposes blacklist", "$warning"))
    if forecast.below_threshold and not forecast.blacklists:
        found.append(("▲ gated", "$warning"))
    if forecast.reopens:
        found.append(("↻ reopens " + ", ".join(f"#{number}" for number in forecast.reopens[:5]), "$success"))
    return found


def _contribution(item: EvaluationDetail, *, as_written: bool) -> list[Block]:
    head = Block(rule("as written" if as_written else "text"))
    if not item.text.strip():
        return [head, Block(Content.styled("(no text)", "dim"))]
    return [head, *(raw(item.text) if as_written else blocks(item.text))]


def _patch(item: EvaluationDetail, patch: Patch | None) -> list[Block]:
    if patch is None:
        hint = Content.styled("d shows what it changes", "dim italic")
        return [Block(hint)] if item.subject == "pull_request" else []
    head = Block(rule("what it changes"), name=PATCH)
    if isinstance(patch, str):
        return [head, Block(plain_lines(patch).stylize("$warning"))]
    if not patch:
        return [head, Block(Content.styled("(no files)", "dim"))]
    return [head, *(_file(file) for file in patch)]


def _file(file: FileItem) -> Block:
    """One file: its name and size, then its patch in colours."""
    sizes = Content.assemble((f" +{file.additions}", "$success"), (f" −{file.deletions}", "$error"))
    name = plain(file.path, 160).stylize("bold").append(sizes)
    shown = diff(file.patch) if file.patch else Content.styled("(nothing to show)", "dim")
    return Block(Content("\n").join([name, shown]))


def _history(item: EvaluationDetail, now: datetime) -> list[Content]:
    rows = [_history_line(row, now) for row in item.history[:HISTORY_ROWS]]
    return [rule(f"credit of @{plain(item.author.login, 60).plain} here"), *rows] if rows else []


def _history_line(row: LedgerItem, now: datetime) -> Content:
    return Content.assemble(
        (f"{words.age(row.occurred_at, now):>4} ", "dim"),
        change(row.applied).pad_left(max(0, 5 - len(words.signed(row.applied)))),
        f" → {row.after:>4}  ",
        plain(row.words + (f": {row.text}" if row.text else "")),
    )
