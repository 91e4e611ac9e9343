"""Strangers' text made fit to be shown to a model: what is hidden in it, or passes for our own words, is taken out.

The maintainer sees the text as it is, with flags that say what was found; only the model gets the cleaned one. All
patterns run in linear time, because the text may have been written against them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Final, NamedTuple

from meritocrab.core.invisible import has_hidden_message, without_shapeless


class Flag(NamedTuple):
    """Something hidden, forged or meant for a model, as a code, and where it stood: `title`, `text`, `files`, `patch`.

    Codes: `invisible_characters`, `bidi_characters`, `tag_characters`, `forged_marker`, `chat_template`;
    `instructions` where it looks like instructions to a model, which is shown all the same; and `html_comment`,
    which honest people leave behind too: templates are full of them.
    """

    code: str
    place: str

    def __str__(self) -> str:
        return f"{self.code} in {self.place}"


HARMLESS: Final = frozenset({"html_comment"})
"""Codes of flags that alone do not keep a verdict from being applied."""


def needs_human(flags: Iterable[Flag]) -> bool:
    """Whether a human has to decide, because of what may have steered a model."""
    return any(flag.code not in HARMLESS for flag in flags)


_BIDI_OVERRIDES = re.compile("[\u202a-\u202e\u2066-\u2069]")
_TAG = re.compile("[\U000e0000-\U000e007f]")
# England, Scotland and Wales have flags made of a black flag and tags: honest, and hardly room for a message.
_TAGGED_FLAG = re.compile("\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{3,6}\U000e007f")
_SURROGATE = re.compile("[\ud800-\udfff]")
_COMMENT_START, _COMMENT_END = re.compile(r"<!-{2,}+"), re.compile(r"(?<!-)-{2,}+!?>")
_CODE = re.compile(r"^[ \t]*(```|~~~)[^\n]*\n.*?(?:^[ \t]*\1[^\n]*$|\Z)|`[^`\n]+`", re.MULTILINE | re.DOTALL)
_FORGED = re.compile(
    # our own bracket needs no more than the beginning of a marker, or a number like ours
    r"[⟦〚⁅]\s{0,9}(?:(?:begin|end)\b(?:\s{1,9}\w{1,40})?|/\s{0,9}\w{1,40})"
    r"|[⟦〚⁅](?=[^⟦⟧〛⁆]{0,60}(?<![0-9a-z])(?=[a-f]*\d)[0-9a-f]{8})[^\W\d_]{0,40}"
    r"|[\[【〔「『《<{(（［]{1,3}\s{0,9}(?:begin|end)\s{1,9}"
    r"(?:title|text|thread|files|patch|comment|contribution)\b"
    r"(?=(?:[^\n]{0,40}|\s{1,9})(?=[a-f]*\d)[0-9a-f]{4})",
    re.IGNORECASE,
)
_TEMPLATE_TOKEN = re.compile(
    r"<[|｜][^\s<>|｜]{1,40}[|｜]>|<</?SYS>>|<(?:start|end)_of_turn>|<(?:bos|eos)>"
    r"|\[/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_(?:CALLS|RESULTS|CONTENT))\]"
    r"|</?(?:antml:)?(?:think(?:ing)?|function_(?:calls|results)|tool_(?:calls?|results?|response|use))>"
    r"|<(?:antml:)?invoke\s{1,9}name="
    r"|(?<![./#-])</?(?:system|assistant)>(?![./-])",  # `packages.<system>.x` holds a placeholder
    re.IGNORECASE,
)
_SILENTLY = re.compile(r"[⟦⟧]|</?s>")  # mathematics and struck-out text use them honestly
_TRAILER = re.compile(
    r"^([+-]?[ \t>]{0,20}(?:[a-z-]{1,40}-by:|(?:from|author|cc):(?=[^\n<]*<[^\s<>@]{1,99}@)))[^\n]+$",
    re.IGNORECASE | re.MULTILINE,
)
_CODE_PLACES: Final = frozenset({"patch", "files"})


class Cleaner:
    """Makes strangers' text fit to stand between markers, and notes what it found."""

    def __init__(self, nonce: str, login: str) -> None:
        self._nonce, self._found = nonce, dict[Flag, None]()
        self._login = _login_pattern(login)

    def found(self) -> tuple[Flag, ...]:
        """The flags so far, each once."""
        return tuple(self._found)

    def clean(self, text: str, place: str) -> str:
        """`text` without what is hidden or forged in it."""
        text = _SURROGATE.sub("\ufffd", re.sub("\r\n?|[\u2028\u2029\x85]", "\n", text))
        self._look_for_hidden(text, place)
        text = without_shapeless(text)
        if place not in _CODE_PLACES:
            text = self._show_comments(text, place)
        text = self._defuse(text, place)
        return self._without_names(text)

    def _flag(self, code: str, place: str) -> None:
        self._found[Flag(code, place)] = None

    def _look_for_hidden(self, text: str, place: str) -> None:
        if text.isascii():
            return
        rest = _BIDI_OVERRIDES.sub("", text)
        if rest != text:
            self._flag("bidi_characters", place)
        untagged = _TAG.sub("", rest := _TAGGED_FLAG.sub("", rest))
        if untagged != rest:
            self._flag("tag_characters", place)
        if has_hidden_message(untagged):
            self._flag("invisible_characters", place)

    def _show_comments(self, text: str, place: str) -> str:
        if _COMMENT_START.search(_CODE.sub("", text)):
            self._flag("html_comment", place)
        elif not _COMMENT_START.search(text):
            return text
        return _COMMENT_END.sub("]", _COMMENT_START.sub("[HTML comment, invisible on GitHub:", text))

    def _defuse(self, text: str, place: str) -> str:
        text = text.replace(self._nonce, "…") if len(self._nonce) > 4 else text
        if _FORGED.search(folded := unicodedata.normalize("NFKC", text)):
            self._flag("forged_marker", place)
            text = _FORGED.sub(_defused, folded)
        if _TEMPLATE_TOKEN.search(text):
            self._flag("chat_template", place)
            text = _TEMPLATE_TOKEN.sub(_defused, text)
        return _SILENTLY.sub(_defused, text)

    def _without_names(self, text: str) -> str:
        text = _TRAILER.sub(r"\1 [name]", text)
        return self._login.sub("[author]", text) if self._login else text


def _defused(found: re.Match[str]) -> str:
    """The same words between quotation marks instead of brackets."""
    inner = re.sub(r"[⟦⟧〚⁅【〔「『《\[\]<>{}()（［|｜]", "", found.group()).strip()
    return f"'{inner}'" if inner else "'"


def _login_pattern(login: str) -> re.Pattern[str] | None:
    """Where a login stands for the person: everywhere, unless it is too short or too ordinary a word for that."""
    if not login:
        return None
    name = re.escape(login)
    if len(login) >= _LONG_ENOUGH and login.lower() not in _ORDINARY_WORDS:
        return re.compile(rf"(?<!\w){name}(?!\w)", re.IGNORECASE)
    return re.compile(
        rf"(?<![\w.])@{name}(?![\w-])|(?<=github\.com/){name}(?![\w-])|(?<![\w.]){name}(?=@\w)", re.IGNORECASE
    )


_LONG_ENOUGH: Final = 4
_ORDINARY: Final = (
    "admin, agent, android, angular, apache, apple, array, async, auth, author, auto, azure, backend",
    "base, bash, before, better, binary, block, body, boot, branch, break, browser, buffer, build",
    "builder, button, byte, cache, call, case, center, change, check, class, clean, clear, click, client",
    "clone, close, cloud, code, color, column, command, comment, commit, common, compile, config, connect",
    "console, container, content, context, core, crash, create, current, custom, daemon, dark, data",
    "database, date, debian, debug, default, delete, demo, deploy, design, desktop, developer, device",
    "diff, docker, docs, domain, download, draft, driver, edit, editor, email, empty, engine, error",
    "event, every, example, export, false, feature, field, file, filter, final, first, flag, flex, float",
    "folder, font, form, format, frame, from, frontend, function, game, generic, ghost, github, global",
    "good, grid, group, guest, handler, hash, have, header, height, hello, help, here, high, home, host",
    "http, icon, image, import, index, info, init, input, install, into, issue, item, java, javascript",
    "json, just, keep, kernel, keyboard, label, language, last, layer, layout, left, library, light, like",
    "line, link, linux, list, load, local, lock, logger, login, long, look, loop, mail, main, manager",
    "master, match, memory, menu, merge, message, method, middleware, mobile, mode, model, module, more",
    "move, name, native, network, next, node, none, normal, note, null, number, object, only, open",
    "option, order, other, output, owner, package, page, panel, parser, patch, path, pixel, plain",
    "platform, player, please, plugin, pointer, policy, port, post, power, private, process, project",
    "prompt, proxy, public, pull, push, python, query, queue, random, react, reader, record, refactor",
    "release, remote, remove, render, replace, report, repository, request, reset, response, result",
    "return, review, reviewer, right, role, root, router, rule, runner, runtime, rust, safe, same, sample",
    "schema, scope, screen, script, search, security, self, send, server, service, session, setting",
    "setup, shell, should, show, side, simple, size, small, snake, socket, some, source, space, spam",
    "stack, stage, start, state, static, status, step, stop, storage, store, stream, string, style",
    "support, swift, switch, syntax, system, table, target, task, team, template, term, terminal, test",
    "tester, testing, text, that, theme, then, there, this, thread, time, timer, title, todo, token, tool",
    "trace, tree, true, type, unit, unix, update, upgrade, upload, user, using, utils, value, vector",
    "version, very, view, void, wait, want, watch, when, widget, width, will, window, with, word, work",
    "worker, workflow, world, would, write, writer, wrong, yaml, your, zero",
)
_ORDINARY_WORDS: Final = frozenset(", ".join(_ORDINARY).split(", "))
"""What any text about software has in it: blotted out, it would tear the text apart."""
