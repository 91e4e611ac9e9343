"""Every sentence the bot says on GitHub, in one place, so that its tone is kept and its wording is tested.

All functions are pure and return Markdown. Text from outside (logins, reasons, quoted lines) only ever
appears in code spans: there it cannot format, link, refer to an issue or ping anybody. The one exception is
the person a message is addressed to. Nothing said here starts a line with a command, because with a personal
token the bot and a maintainer are one account.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Sequence
from datetime import UTC
from typing import Final

from meritocrab.core.commands import MAX_DELTA
from meritocrab.core.names import CreditReason, Role
from meritocrab.core.situation import LedgerLine

MAX_LENGTH: Final = 65_000
"""Characters of a comment; GitHub refuses more than 65,536."""

LABEL: Final = "meritocrab:held"
"""The label on a held pull request. It names no cause: low credit and a blacklisting look the same."""


STATUS_CONTEXT: Final = "meritocrab/credit"
STATUS_HELD: Final = "Waiting for a maintainer to have a look"
STATUS_RELEASED: Final = "No longer held"

STATUS_UPDATED: Final = "User status updated."
"""The answer to `blacklist`, the same whether or not it changed anything."""

MAX_SPAN: Final = 500
MAX_CANDIDATES: Final = 10


# --- what a contributor reads ----------------------------------------------------------------------------


def denied(
    login: str, *, score: int, threshold: int, closing: bool = True, template: str | None = None
) -> str:
    """Why a pull request is closed (or, with `closing` false, held), and what can be done about it.

    `template` is the repository's own wording; it may use `{login}`, `{score}` and `{threshold}`. Where it
    leaves out a number, a line with both is added, so that nobody is turned away without knowing the score.
    """
    if template is not None:
        text = _filled(template, login=_plain(login), score=str(score), threshold=str(threshold))
        if not ("{score}" in template and "{threshold}" in template):
            text += f"\n\nYour credit here is **{score}**; opening a pull request takes **{threshold}**."
        return bounded(text)
    outcome = "has been closed automatically" if closing else "is on hold until a maintainer has had a look"
    return (
        f"Hi {mention(login)}, thank you for taking the time to contribute.\n\n"
        "So that its maintainers can keep up with what they are sent, this repository keeps a credit score "
        f"for every contributor. Your credit is **{score}** at the moment and opening a pull request takes "
        f"**{threshold}**, so this one {outcome}. The score alone decided this.\n\n{_WAY_UP}"
    )


_WAY_UP: Final = (
    "How to raise it:\n\n"
    "- review pull requests of others: what you found out when you tried a change helps a lot\n"
    "- add to discussions on pull requests: a way to reproduce, a test case, an answer\n"
    "- ask a maintainer: they can raise your credit or reopen this pull request at any time\n\n"
    "If you are new here and think this is a mistake, just say so in a comment. A comment with "
    "`/credit status` tells you your credit."
)


def blacklisted(*, template: str | None = None) -> str:
    """The ordinary message on a pull request of a blacklisted person; it gives no cause and no hint."""
    if template is not None:
        return bounded(_filled(template))
    return (
        "Thank you for your interest in this project.\n\n"
        "We are not going to take this change forward at this time, so this pull request has been closed."
    )


def status(login: str, *, credit: int, threshold: int) -> str:
    """The answer to `/credit status`: to the person who asked, about themselves."""
    return (
        f"{mention(login)}, your credit in this repository is **{credit}**. "
        f"Opening a pull request takes **{threshold}**."
    )


# --- answers to maintainers ------------------------------------------------------------------------------


def check(login: str, *, credit: int, role: Role, blacklisted: bool, latest: Sequence[LedgerLine]) -> str:
    """The answer to `check`; `latest` are the last credit events, newest first."""
    head = (
        f"{code(login)}\n\n- credit: **{credit}**\n- role: {_role_words(role)}\n"
        f"- blacklisted: {'yes' if blacklisted else 'no'}"
    )
    if not latest:
        return f"{head}\n\nNo credit events yet."
    rows = ["| when (UTC) | reason | change | credit |", "| --- | --- | ---: | ---: |"]
    return head + "\n\n" + "\n".join([*rows, *(_history_row(line) for line in latest)])


def override_done(login: str, *, before: int, after: int, reason: str, delta: int | None = None) -> str:
    """The answer to `override`; when less than the wanted `delta` was applied, it says why."""
    applied = after - before
    text = f"Credit of {code(login)}: **{before}** → **{after}** ({signed(applied)}). Reason: {code(reason)}"
    if delta is not None and applied != delta:
        text += f"\n\n{signed(delta)} was asked for; credit does not go below 0."
    return text


def unblacklisted(login: str, *, credit: int) -> str:
    """The answer to `unblacklist`."""
    return f"{code(login)} is not blacklisted any more. Their credit is **{credit}**."


def holds_no_credit(login: str) -> str:
    """A note that apps, organizations and deleted accounts hold no credit."""
    return f"{code(login)} is not a person's account: no credit is kept for it."


def unknown_account(named: str) -> str:
    """Nobody by that name or id; `named` is how the command named them (`@login` or `id:123`)."""
    return (
        f"There is no GitHub account {code(named)} that I know of; nothing was changed. "
        "If the name has changed, give the account's number, as in `id:123`."
    )


def ambiguous(named: str, candidates: Sequence[int]) -> str:
    """A name that several accounts have borne; `candidates` are their ids."""
    shown = [f"- `id:{number}`" for number in candidates[:MAX_CANDIDATES]]
    if len(candidates) > MAX_CANDIDATES:
        shown.append(f"- and {len(candidates) - MAX_CANDIDATES} more")
    return (
        f"More than one account has gone by the name {code(named)}; nothing was changed. "
        "Repeat the command with the number of the one you mean:\n\n" + "\n".join(shown)
    )


def usage(line: str, problem: str) -> str:
    """The answer to a command line that cannot be read; `problem` is in our own words, `line` is not."""
    return f"I did not understand {code(line)}: {problem}. `/credit help` lists the commands."


def help_text() -> str:
    """The answer to `help`."""
    return (
        "Each command stands on a line of its own, outside quotes, lists and code. Commands and answers are "
        "public; the terminal UI is the place for delicate ones.\n\n"
        "- `/credit check @user`: credit, role, blacklist state and the last credit events\n"
        '- `/credit override @user ±N "reason"`: change the credit by N, at most '
        f"{MAX_DELTA}, as in `+10` or `-10`\n"
        "- `/credit blacklist @user`: close this person's pull requests from now on\n"
        "- `/credit unblacklist @user`: lift that again\n"
        "- `/credit status`: your own credit; anybody may ask\n"
        "- `/credit help`: this list\n\n"
        "`id:123` (the number of a GitHub account) may stand in place of `@user`."
    )


def reply(answers: Sequence[str]) -> str:
    """The answers to all commands of one comment as one text, in order; a repeated answer is said once."""
    return bounded("\n\n---\n\n".join(dict.fromkeys(answers)))


# --- the hidden marker -----------------------------------------------------------------------------------


def marker(action_key: str) -> str:
    """A hidden HTML comment by which a posted comment is recognised; it gives nothing of the key away."""
    digest = hashlib.sha256(action_key.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return f"<!-- meritocrab:{digest} -->"


def has_marker(body: str, action_key: str) -> bool:
    """True when the comment was posted for this action. (Whose comment it is, the caller must check.)"""
    return marker(action_key) in _MARKER.findall(body)


def has_any_marker(body: str) -> bool:
    """True when the comment was posted by a daemon like this one; a quoted marker does not count."""
    return _MARKER.search(body) is not None


def with_marker(text: str, action_key: str) -> str:
    """The text as it is posted: cut to what GitHub takes, the marker at its end."""
    tail = "\n\n" + marker(action_key)
    return bounded(text, MAX_LENGTH - len(tail)) + tail


# --- text from outside -----------------------------------------------------------------------------------


def code(text: str) -> str:
    """Untrusted text as a one-line Markdown code span, cut to `MAX_SPAN` characters; safe in a table, too."""
    flat = " ".join("".join(character for character in text if _is_shown(character)).split())
    if len(flat) > MAX_SPAN:
        flat = flat[:MAX_SPAN] + "…"
    flat = flat.replace("|", "¦")  # a pipe ends a table cell, even inside a code span
    if not flat:
        return "(empty)"
    fence = "`" * (max((len(run) for run in re.findall("`+", flat)), default=0) + 1)
    pad = " " if flat[0] == "`" or flat[-1] == "`" else ""
    return f"{fence}{pad}{flat}{pad}{fence}"


def mention(login: str) -> str:
    """The person a message is for, as `@login`, so that they hear of it; anything odd becomes a code span."""
    return f"@{login}" if _LOGIN.fullmatch(login) else code(login)


def signed(number: int) -> str:
    """A change of credit with its sign: +10, −10, ±0."""
    if number == 0:
        return "±0"
    return f"+{number}" if number > 0 else f"−{-number}"


def bounded(text: str, limit: int = MAX_LENGTH) -> str:
    """The text, cut to `limit` characters."""
    note = "\n\n(cut)"
    return text if len(text) <= limit else text[: limit - len(note)].rstrip() + note


_LOGIN = re.compile(r"(?=-*[A-Za-z0-9])[A-Za-z0-9-]{1,39}(?:_[A-Za-z0-9-]{1,20})?(?:\[bot\])?")
_MARKER = re.compile(r"^<!-- meritocrab:[0-9a-f]{32} -->(?=\s*$)", re.MULTILINE)
_PLACEHOLDER = re.compile(r"\{\{|\}\}|\{([a-z]+)\}")

_REASON_WORDS: Final = {
    CreditReason.OPENING: "first seen",
    CreditReason.PULL_REQUEST: "pull request",
    CreditReason.COMMENT: "comment",
    CreditReason.MERGED: "pull request merged",
    CreditReason.REVIEW: "review",
    CreditReason.OVERRIDE: "changed by a maintainer",
    CreditReason.WITHDRAWN: "pull request withdrawn",
    CreditReason.UNDO: "undone",
    CreditReason.BLACKLISTED: "blacklisted",
    CreditReason.UNBLACKLISTED: "no longer blacklisted",
}


def _is_shown(character: str) -> bool:
    # Control, format (text direction, zero width) and surrogate characters: nothing a reader would miss.
    return character.isspace() or not unicodedata.category(character).startswith("C")


def _plain(login: str) -> str:
    return login if _LOGIN.fullmatch(login) else code(login)


def _filled(template: str, **values: str) -> str:
    """The template with its placeholders filled in; braces are written `{{` and `}}`."""

    def fill(match: re.Match[str]) -> str:
        if match[1] is None:
            return match[0][0]
        return values.get(match[1], match[0])

    return _PLACEHOLDER.sub(fill, template.strip())


def _role_words(role: Role) -> str:
    if role is Role.UNREADABLE:
        return "cannot be read"
    return role.value


def _history_row(line: LedgerLine) -> str:
    when = line.occurred_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M")
    words = _REASON_WORDS[CreditReason(line.reason)]
    return f"| {when} | {words} | {signed(line.applied)} | {line.after} |"
