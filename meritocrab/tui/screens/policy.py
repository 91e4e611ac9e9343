"""The rules in force in a repository, who set each of them, and what is wrong with its own file."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, ClassVar, NamedTuple

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content

from meritocrab.localapi.client import LocalApiError
from meritocrab.localapi.protocol import PolicyAnswer, Topic
from meritocrab.tui import words
from meritocrab.tui.asking import Asking
from meritocrab.tui.columns import Column
from meritocrab.tui.screens.view import View
from meritocrab.tui.text import plain
from meritocrab.tui.widgets.frame import Line
from meritocrab.tui.widgets.rows import RowList

VALUE_LIMIT = 600


class RuleItem(NamedTuple):
    """One rule: its key, its value as it would be written, and who set it."""

    key: str
    value: str
    source: str


def rules_of(policy: PolicyAnswer) -> Iterator[RuleItem]:
    """All rules, in the order of the file's documentation."""
    for key in _keys(policy.rules):
        value: Any = policy.rules
        for part in key.split("."):
            value = value[part]
        yield RuleItem(key, written(value), policy.sources.get(key, "default"))


def _keys(rules: dict[str, Any], before: str = "") -> Iterator[str]:
    for key, value in rules.items():
        if isinstance(value, dict):
            yield from _keys(value, f"{before}{key}.")
        else:
            yield f"{before}{key}"


def written(value: Any) -> str:
    """A value about as TOML writes it."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, list | tuple):
        return "[" + ", ".join(written(item) for item in value) + "]"
    return str(value)


COLUMNS = (Column("rule", 26, grow=1), Column("value", 24, grow=3), Column("set by", 16, grow=1))


def rule_cells(item: RuleItem, _: datetime) -> list[Content]:
    """A rule's row; what nobody set is quiet."""
    style = "dim" if item.source == "default" else "$accent"
    return [plain(item.key), plain(item.value), plain(item.source).stylize(style)]


class PolicyView(View):
    """Rules and sources."""

    NAME = "Policy"
    ABOUT = (
        "A repository's .meritocrab.toml lies over the daemon's configuration, and that over the defaults. A broken"
        " file keeps the last good rules in force; what is wrong with it stands above them."
    )

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "repository", "repository", tooltip="another repository"),
        Binding("d", "defaults", "defaults", tooltip="hide what nobody set, or show it"),
    ]

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self.repository = ""
        self._policy: PolicyAnswer | None = None
        self._reading = Asking(self, self._read)
        self._defaults = True

    def compose(self) -> ComposeResult:
        """Which repository, what is wrong, the rules."""
        yield Line(id="policy-about")
        yield Line(id="policy-error")
        yield RowList(COLUMNS, rule_cells, lambda item: item.key, empty="No rules are known yet.", id="rules")
        yield Line(id="rule-detail")

    def told(self, topics: frozenset[Topic]) -> None:
        """Rules change with polls."""
        if not self.repository and self.board.repositories:
            self.choose(self.board.repositories[0].name)
        elif Topic.REPOSITORIES in topics:
            self._reading.begin()

    def choose(self, repository: str) -> None:
        """The rules of this repository."""
        self.repository, self._policy = repository, None
        self._reading.begin()

    async def _read(self) -> None:
        repository = self.repository
        try:
            policy = await self.ui.client.policy(repository)
        except LocalApiError as error:
            self.ui.tell(str(error), "error")
        else:
            if repository == self.repository:
                self._policy = policy
                self._show()

    def _show(self) -> None:
        policy = self._policy
        if policy is None:
            return
        rules = [rule for rule in rules_of(policy) if self._defaults or rule.source != "default"]
        self.query_one("#rules", RowList).show(rules, self.ui.now)
        self.query_one("#policy-about", Line).say(_about(policy, self.ui.now))
        error = self.query_one("#policy-error", Line)
        error.set_class(bool(policy.error), "shown")
        error.say(Content("\n").join(plain(f"▲ {line}", 1000) for line in policy.error.splitlines()))

    def on_row_list_moved(self, message: RowList.Moved) -> None:
        """A long value in full."""
        rule = message.rows.current
        said = plain(rule.value, VALUE_LIMIT) if isinstance(rule, RuleItem) else Content("")
        self.query_one("#rule-detail", Line).say(Content(" ") + said)

    def tick(self, now: datetime) -> None:
        """Times go on."""
        super().tick(now)
        if self._policy is not None:
            self.query_one("#policy-about", Line).say(_about(self._policy, now))

    def action_repository(self) -> None:
        """Another repository."""
        self.ui.pick_repository(self.repository, self.choose)

    def action_defaults(self) -> None:
        """Only what somebody set, or all."""
        self._defaults = not self._defaults
        self._show()


def _about(policy: PolicyAnswer, now: datetime) -> Content:
    looked = words.ago(policy.read_at, now)
    if policy.error:
        rules = "the last good rules" if policy.file is not None else "the daemon's own settings"
        read = f"its file is broken; {rules} hold"
    elif policy.read_at is None:
        read = "its own file was not read yet: these are the daemon's own settings"
    elif policy.file is None:
        read = f"has no file of its own (looked {looked})"
    else:
        read = f"{policy.file} read {looked}"
    return Content.assemble(
        " ",
        plain(policy.repository).stylize("bold"),
        "  ",
        plain(read),
        (f"  rules {policy.fingerprint[:8]}", "dim"),
    )
