"""Why something came as it did: all that was decided about one issue or pull request, oldest first. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from textual.content import Content

from meritocrab.core.names import EvaluationState
from meritocrab.localapi.protocol import (
    ActionItem,
    EvaluationItem,
    EventItem,
    LedgerItem,
    PolicyValue,
    WhyAnswer,
)
from meritocrab.tui import words
from meritocrab.tui.links import is_link
from meritocrab.tui.markdown import Block
from meritocrab.tui.shows import change, is_proposal, login, rule
from meritocrab.tui.text import plain, plain_lines

REASONING_LIMIT, BODY_LIMIT = 600, 400


def chain(answer: WhyAnswer, *, blind: bool) -> list[Block]:
    """Events, verdicts, the rules of today, credit before and after, and actions.

    In blind mode, a verdict that still waits for a decision stays hidden here, too.
    """
    return [
        Block(Content("\n").join(_head(answer))),
        *_section("what happened", (_event(item) for item in answer.events)),
        *_section("verdicts", (_verdict(item, blind=blind) for item in answer.evaluations)),
        *_section("rules now", _rules(answer)),
        *_section("credit", (_row(item) for item in answer.ledger)),
        *_section("actions", (_action(item) for item in answer.actions)),
    ]


def link_of(answer: WhyAnswer) -> str:
    """Where it is on GitHub, or its name where no address is known."""
    links = [answer.pull_request.link if answer.pull_request is not None else ""]
    links += [item.link for item in answer.evaluations]
    return next(filter(is_link, links), f"{answer.repository}#{answer.number}")


def _head(answer: WhyAnswer) -> Iterator[Content]:
    pull, author = answer.pull_request, answer.author
    title = plain(pull.title) if pull is not None else Content("issue")
    yield Content.assemble(plain(answer.repository), (f"#{answer.number} ", "dim"), title.stylize("bold"))
    if pull is not None:
        look = words.gate(pull.gate)
        state = "merged" if pull.merged else pull.state
        yield Content.assemble(
            plain(state), " · gate: ", (look.label, look.style), f" {words.moment(answer.gate_at)}"
        )
    if author is not None:
        banned = Content.styled(" · ✗ blacklisted", "$error bold") if author.blacklisted else Content("")
        yield Content.assemble(
            login(author.account.login).stylize("bold $accent"), f" credit {author.credit:,} now", banned
        )


def _section(name: str, lines: Iterable[Content]) -> list[Block]:
    found = [Block(line, rest="  ", tight=True) for line in lines]
    return [Block(rule(name)), *found] if found else []


def _at(moment: datetime | None) -> tuple[str, str]:
    return f"{words.moment(moment)}  ", "dim"


def _event(item: EventItem) -> Content:
    what = f"{item.act} by {item.by}" if item.act else item.kind.replace("_", " ")
    who = Content(" by ") + login(item.actor.login) if item.actor is not None and not item.act else ""
    note = "; ".join(text for text in (item.note or item.last_error, item.reason) if text)
    history = " · history" if item.is_history else ""
    return Content.assemble(
        _at(item.occurred_at),
        plain(what),
        who,
        (history, "dim"),
        Content(" → ") + plain(note) if note else (f" · {item.state}", "dim"),
    )


def _verdict(item: EvaluationItem, *, blind: bool) -> Content:
    if blind and item.status is EvaluationState.PENDING and not is_proposal(item):
        return Content.assemble(_at(item.created_at), ("hidden until you have decided", "dim italic"))
    look = words.verdict(item.classification)
    sure = f" {words.percent(item.confidence)}" if item.confidence is not None else ""
    asked = plain(" · ".join(part for part in (item.provider, item.model) if part)).stylize("dim")
    why = f" ({item.decided_reason})" if item.decided_reason else ""
    decided = f"{item.decided_by}{why}" or (words.queue_reason(item.reason) if item.reason else "")
    lines = [
        Content.assemble(
            _at(item.created_at),
            (look.label, look.style),
            sure,
            " on ",
            plain(words.subject(item.subject)),
            f", worth {words.signed(item.proposed_delta)} " if item.proposed_delta is not None else " ",
            asked,
        ),
        Content.assemble(f"{item.status}".replace("_", " "), ": " if decided else "", plain(decided)),
    ]
    if item.reasoning:
        lines.append(plain_lines(item.reasoning, REASONING_LIMIT).stylize("dim"))
    return Content("\n").join(lines)


def _rules(answer: WhyAnswer) -> list[Content]:
    """The numbers that decide, and whatever somebody set."""
    mattered = [item for item in answer.policy if "." not in item.key or item.source != "default"]
    return [Content(" · ").join(_rule_value(item) for item in mattered)] if mattered else []


def _rule_value(item: PolicyValue) -> Content:
    value = plain(f"{item.key} {item.value}")
    if item.source == "default":
        return value
    return Content.assemble(value, " ", plain(f"({item.source})").stylize("$accent"))


def _row(item: LedgerItem) -> Content:
    text = f": {item.text}" if item.text else ""
    undone = Content.styled(f" · undone by row {item.undone_by_id}", "$warning") if item.undone_by_id else ""
    return Content.assemble(
        _at(item.occurred_at),
        login(item.account.login),
        " ",
        change(item.applied),
        f"  {item.before:,} → {item.after:,}  ",
        plain(f"{item.words}{text} · by {item.actor.words}"),
        undone,
    )


def _action(item: ActionItem) -> Content:
    look = words.action_state(item.state)
    due = item.settled_at or item.next_attempt_at
    head = Content.assemble(
        _at(item.decided_at),
        f"{words.action_kind(item.kind)}, because {item.basis} ",
        (look.label, look.style),
        f" {words.moment(due)}",
        Content(" · ") + plain(item.reason) if item.reason else "",
    )
    body = item.body.strip()
    return head + Content("\n") + plain_lines(body, BODY_LIMIT).stylize("dim") if body else head
