"""Small windows: a question with yes and no, a form for number and reason, a choice, the help."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar, NamedTuple

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.dom import DOMNode
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from meritocrab.localapi.protocol import LARGEST_DELTA
from meritocrab.tui.screens.view import View
from meritocrab.tui.text import plain, plain_str
from meritocrab.tui.widgets.frame import Line

REASON_LIMIT = 2000


class Confirm(ModalScreen[bool]):
    """A question about something that is hard to take back."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y,enter", "answer(True)", "yes"),
        Binding("n,escape,q", "answer(False)", "no"),
    ]

    def __init__(self, question: str, consequences: Iterable[str] = ()) -> None:
        super().__init__()
        self._question, self._consequences = question, tuple(consequences)

    def compose(self) -> ComposeResult:
        """Question, consequences, keys."""
        with Vertical(classes="dialog"):
            yield Line(plain(self._question, 600), classes="dialog-title")
            consequences = [plain(text, 600) for text in self._consequences]
            yield Line(Content("\n").join(consequences), classes="dialog-line")
            yield Line(keys(("y", "yes"), ("n", "no")), classes="dialog-keys")

    def action_answer(self, yes: bool) -> None:
        """The answer."""
        self.dismiss(yes)


class Said(NamedTuple):
    """What a form was filled with; `delta` is None where no number was asked for."""

    delta: int | None
    reason: str


class Ask(ModalScreen[Said | None]):
    """Asks for a reason, and perhaps for a number."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "cancel", "cancel")]

    def __init__(self, title: str, consequences: Iterable[str] = (), *, number: bool = False) -> None:
        super().__init__()
        self._title, self._consequences, self._number = title, tuple(consequences), number

    def compose(self) -> ComposeResult:
        """Title, fields, what is wrong with them, keys."""
        with Vertical(classes="dialog"):
            yield Line(plain(self._title, 600), classes="dialog-title")
            for text in self._consequences:
                yield Line(plain(text, 600), classes="dialog-line")
            if self._number:
                yield Input(placeholder="change, such as +10 or -25", id="delta", compact=True)
            yield Input(
                placeholder="reason, for the record", id="reason", compact=True, max_length=REASON_LIMIT
            )
            yield Line(id="wrong")
            yield Line(keys(("enter", "do it"), ("escape", "leave it")), classes="dialog-keys")

    def on_input_submitted(self, message: Input.Submitted) -> None:
        """From the number to the reason, and then done."""
        if message.input.id == "delta" and self._delta() is not None:
            self.query_one("#reason", Input).focus()
        elif not self._number:
            self.dismiss(Said(None, self.query_one("#reason", Input).value.strip()))
        elif (delta := self._delta()) is not None:
            self.dismiss(Said(delta, self.query_one("#reason", Input).value.strip()))

    def _delta(self) -> int | None:
        delta = parse_delta(self.query_one("#delta", Input).value)
        if delta is None:
            self.query_one("#wrong", Line).say(
                Content.styled(
                    f"a whole number from -{LARGEST_DELTA:,} to {LARGEST_DELTA:,}, not 0", "$error"
                )
            )
            self.query_one("#delta", Input).focus()
        return delta

    def action_cancel(self) -> None:
        """Nothing is done."""
        self.dismiss(None)


def parse_delta(text: str) -> int | None:
    """A change of credit as people write it; None when it is none."""
    digits = text.strip().replace("−", "-").removeprefix("+")
    if not digits.removeprefix("-").isascii() or not digits.removeprefix("-").isdigit() or len(digits) > 6:
        return None
    delta = int(digits)
    return delta if delta and abs(delta) <= LARGEST_DELTA else None


class Pick(ModalScreen[str | None]):
    """A choice among a few names; typing narrows them down."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "cancel"),
        Binding("down", "step(1)", show=False, priority=True),
        Binding("up", "step(-1)", show=False, priority=True),
    ]

    def __init__(self, title: str, choices: Sequence[tuple[str, str]], current: str = "") -> None:
        super().__init__()
        self._title, self._choices, self._current = title, tuple(choices), current

    def compose(self) -> ComposeResult:
        """Title, filter, names."""
        with Vertical(classes="dialog"):
            yield Line(plain(self._title), classes="dialog-title")
            yield Input(placeholder="type to narrow down", compact=True)
            yield OptionList(markup=False, compact=True)
            yield Line(keys(("enter", "choose"), ("escape", "leave it")), classes="dialog-keys")

    def on_mount(self) -> None:
        """All names."""
        self._fill("")
        self.query_one(Input).focus()

    def on_input_changed(self, message: Input.Changed) -> None:
        """Fewer names."""
        self._fill(message.value.strip().lower())

    def _fill(self, typed: str) -> None:
        options = self.query_one(OptionList)
        fitting = [(value, name) for value, name in self._choices if typed in name.lower()]
        options.set_options(
            Option(plain(name), id=f"choice-{self._choices.index((value, name))}") for value, name in fitting
        )
        values = [value for value, _ in fitting]
        options.highlighted = (
            values.index(self._current) if self._current in values else 0 if fitting else None
        )

    def action_step(self, by: int) -> None:
        """Another name."""
        options = self.query_one(OptionList)
        options.action_cursor_down() if by > 0 else options.action_cursor_up()

    def on_input_submitted(self, _: Input.Submitted) -> None:
        """Take the highlighted one."""
        self.query_one(OptionList).action_select()

    def on_option_list_option_selected(self, message: OptionList.OptionSelected) -> None:
        """This one."""
        place = int(str(message.option.id).removeprefix("choice-"))
        self.dismiss(self._choices[place][0])

    def action_cancel(self) -> None:
        """None."""
        self.dismiss(None)


class Help(ModalScreen[None]):
    """All keys of a screen, and those that work everywhere."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,question_mark,enter", "leave", "close")]

    LISTS = (
        ("↑ ↓ / j k", "up, down"),
        ("home end / g G", "first, last"),
        ("page up / down", "a screenful"),
        ("tab", "to the next part of the screen"),
        ("ctrl+p", "command palette: any screen, repository or person"),
    )

    def __init__(self, view: View) -> None:
        super().__init__()
        self._view = view

    def compose(self) -> ComposeResult:
        """A text that can be scrolled."""
        with VerticalScroll(classes="dialog help"):
            yield Line(Content.assemble((self._view.NAME, "bold")), classes="dialog-title")
            if self._view.ABOUT:
                yield Line(Content(self._view.ABOUT), classes="dialog-line")
            yield Line(Content("\n").join(self._lines()))
            yield Line(keys(("escape", "close")), classes="dialog-keys")

    def _lines(self) -> list[Content]:
        own = [
            (self._shown_key(binding), binding.tooltip or binding.description)
            for binding in _bindings(self._view)
        ]
        everywhere = [
            (self._shown_key(binding), binding.tooltip or binding.description)
            for binding in _bindings(self.app)
        ]
        sections = (("Here", own), ("In lists and texts", self.LISTS), ("Everywhere", everywhere))
        lines: list[Content] = []
        for title, found in sections:
            if found:
                lines += [Content(""), Content.styled(title, "bold")]
                lines += [
                    Content.assemble((f"  {key:<16} ", "$accent bold"), plain_str(word))
                    for key, word in found
                ]
        return lines

    def _shown_key(self, binding: Binding) -> str:
        return binding.key_display or self.app.get_key_display(binding)

    def action_leave(self) -> None:
        """Back."""
        self.dismiss(None)


def _bindings(node: DOMNode) -> list[Binding]:
    """The documented keys of a screen or of the application, each act once, our own before Textual's."""
    found: dict[str, Binding] = {}
    for _, binding in node._bindings:
        if binding.tooltip:
            found[binding.action] = binding
    return list(found.values())


def keys(*pairs: tuple[str, str]) -> Content:
    """A line of keys and what they do."""
    return Content("   ").join(Content.assemble((key, "$accent bold"), f" {word}") for key, word in pairs)
