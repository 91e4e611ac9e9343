"""The application: one connection, one owner of what is known, five screens that are told.

The connection posts messages; the handlers here change the board, ask for what changed, and tell the screen that is
seen. Nothing that goes wrong on the way ends the program: it becomes a notice.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime
from functools import partial
from typing import Any, ClassVar

from textual import events, work
from textual.app import App, ComposeResult, SystemCommand
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widgets import ContentSwitcher, Input
from textual.worker import Worker, WorkerState

from meritocrab.core.names import EvaluationState
from meritocrab.localapi.client import BadAnswer, LocalApiError, LocalClient, Lost, NoPermission
from meritocrab.localapi.protocol import ActAnswer, Bye, Health, Topic, WhyAnswer
from meritocrab.localapi.protocol import Changed as ChangedTopics
from meritocrab.tui import words
from meritocrab.tui.asking import Asking
from meritocrab.tui.board import Board
from meritocrab.tui.commands import Places
from meritocrab.tui.links import is_link, is_reference
from meritocrab.tui.messages import Changed, Connected, Disconnected, LinkState
from meritocrab.tui.screens import TABS, Place, make
from meritocrab.tui.screens.dialogs import Confirm, Help, Pick
from meritocrab.tui.screens.view import Thread, View
from meritocrab.tui.status import status_line, warning
from meritocrab.tui.text import plain, plain_str
from meritocrab.tui.themes import DARK, LIGHT, THEMES
from meritocrab.tui.widgets.frame import Keys, Line, Tab, Tabs

NOTICE_SECONDS = 8.0
QUEUE_PAGE, QUEUE_MOST = 200, 1000
RECENT = 30
RETRY_SECONDS = 0.5
BANNER_LIMIT = 500

SIGNS = {"information": ("✓", "$success"), "warning": ("▲", "$warning"), "error": ("✗", "$error")}


def local_time() -> datetime:
    """Now."""
    return datetime.now(UTC)


class MeritocrabApp(App[None]):
    """The terminal UI.

    Args:
        client: whom it asks; closed when the program ends.
        clock: what time it is.
        retry_seconds: how long to wait before the first new try when the daemon is gone.
        remote: does the maintainer sit at another machine? Then no browser is opened here.
    """

    TITLE = "meritocrab"
    CSS_PATH = "app.tcss"
    COMMANDS = App.COMMANDS | {Places}
    ENABLE_COMMAND_PALETTE = True

    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            Binding(str(number), f"go('{place}')", name, show=False, tooltip=f"go to {name}")
            for number, (place, name) in enumerate(TABS.items(), 1)
        ),
        Binding("question_mark", "help", "help", show=False, key_display="?", tooltip="this list of keys"),
        Binding("ctrl+r", "reconnect", "reconnect", show=False, tooltip="connect again, now"),
        Binding("ctrl+t", "turn_light", "theme", show=False, tooltip="light or dark"),
        Binding("q", "quit", "quit", show=False, tooltip="leave; the daemon goes on"),
    ]

    def __init__(
        self,
        client: LocalClient,
        *,
        clock: Callable[[], datetime] = local_time,
        retry_seconds: float = RETRY_SECONDS,
        remote: bool = False,
    ) -> None:
        super().__init__()
        self.client, self.clock, self.remote = client, clock, remote
        self.board = Board()
        self.blind = False
        self._retry_seconds = retry_seconds
        self._wanted: set[Topic] = set()
        self._asking = Asking(self, self._ask)
        self._view = Place.OVERVIEW
        self._notices = 0

    # ---- the frame

    def compose(self) -> ComposeResult:
        """Status, tabs, the screens, a notice, the keys."""
        yield Line(id="status")
        yield Tabs(id="tabs")
        yield Line(id="banner", lines=3)
        with ContentSwitcher(initial=self._view, id="views"):
            yield make(self._view)
        yield Line(id="notice", lines=3)
        yield Keys(id="keys")

    def on_mount(self) -> None:
        """Begin."""
        for theme in THEMES:
            self.register_theme(theme)
        if self.theme == "textual-dark":
            self.theme = DARK
        self._show_frame()
        self.view.focus_first()
        self.set_interval(1.0, self._tick)
        self.follow()

    async def on_unmount(self) -> None:
        """Let go of the connection."""
        await self.client.aclose()

    @property
    def now(self) -> datetime:
        """What time it is."""
        return self.clock()

    @property
    def view(self) -> View:
        """The screen that is seen."""
        return self.screen_stack[0].query_one(f"#{self._view}", View)

    @property
    def _is_up(self) -> bool:
        """Is there a screen? While the program ends, what was asked before may still be answered."""
        return bool(self._screen_stack) and bool(self.screen_stack[0].query("#status"))

    def _line(self, name: str) -> Line:
        return self.screen_stack[0].query_one(f"#{name}", Line)

    def _show_frame(self) -> None:
        base = self.screen_stack[0]
        self._line("status").say(status_line(self.board, self.now))
        waiting = len(self.board.waiting(self.now)) + max(0, self.board.queue_total - len(self.board.queue))
        tabs = [Tab(place, name, waiting if place is Place.REVIEW else 0) for place, name in TABS.items()]
        base.query_one(Tabs).show(tabs, self._view)
        self._show_banner()

    def _show_banner(self) -> None:
        """What is seen stays while the daemon is away, and says so; what was never seen is replaced by advice."""
        said, banner = warning(self.board), self._line("banner")
        banner.set_class(bool(said), "shown")
        banner.say(plain(said, BANNER_LIMIT))

    def _tick(self) -> None:
        if self._is_up:
            self._show_frame()
            self.view.tick(self.now)

    # ---- going about

    def on_key(self, event: events.Key) -> None:
        """A letter typed before its field had the focus belongs into the field, and is no key of the screen."""
        if isinstance(self.focused, Input) and event.is_printable and event.character:
            self.focused.insert_text_at_cursor(event.character)
            event.prevent_default()

    async def action_go(self, place: str) -> None:
        """Go to a screen; without a daemon there is only one."""
        if self.board.health is not None:
            await self.go(Place(place))

    async def go(self, place: Place) -> View:
        """Go to a screen."""
        switcher = self.screen_stack[0].query_one(ContentSwitcher)
        if not switcher.query(f"#{place}"):
            await switcher.mount(make(place))
        switcher.current = self._view = place
        found = self.view
        found.told(frozenset(Topic))
        found.focus_first()
        self._show_frame()
        return found

    async def on_tabs_picked(self, message: Tabs.Picked) -> None:
        """A tab was clicked."""
        await self.action_go(message.view)

    def action_help(self) -> None:
        """All keys of this screen."""
        if not isinstance(self.screen, Help):
            self.push_screen(Help(self.view))

    def action_turn_light(self) -> None:
        """From dark to light and back."""
        self.theme = LIGHT if self.current_theme.dark else DARK

    def action_reconnect(self) -> None:
        """Try the daemon again at once."""
        self.tell("connecting …")
        self.follow()

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """Textual's own commands, without those that write files."""
        return (found for found in super().get_system_commands(screen) if found.title != "Screenshot")

    # ---- notices

    def tell(self, text: str, severity: str = "information") -> None:
        """Say something in the line above the keys, for a while."""
        if not self._is_up:
            return
        sign, style = SIGNS.get(severity, SIGNS["information"])
        line = self._line("notice")
        line.say(plain(f"{sign} {' '.join(text.split())}").stylize(style, 0, 1))
        line.add_class("shown")
        self._notices += 1
        number = self._notices
        self.set_timer(NOTICE_SECONDS, lambda: self._untell(number))

    def _untell(self, number: int) -> None:
        if number == self._notices and self._is_up:
            self._line("notice").remove_class("shown")

    def notify(self, message: str, *, severity: str = "information", **_: Any) -> None:
        """Textual's own notices go the same way, and are never read as markup."""
        self.tell(message, severity)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """What went wrong in the background is said, and ends nothing."""
        if event.state is WorkerState.ERROR:
            self.tell(f"something went wrong here: {plain_str(repr(event.worker.error))}", "error")

    # ---- the connection

    @work(exclusive=True, group="link", exit_on_error=False)
    async def follow(self) -> None:
        """Follow what changes, for as long as the program runs."""
        async for said in self.client.events(retry_seconds=self._retry_seconds):
            match said:
                case Health():
                    self.post_message(Connected(said))
                case ChangedTopics():
                    self.post_message(Changed(frozenset(said.topics)))
                case Lost():
                    self.post_message(Disconnected(*await self._what_is_wrong(said.reason)))
                case Bye():
                    self.post_message(Disconnected(LinkState.NO_DAEMON, "The daemon is stopping."))

    async def _what_is_wrong(self, reason: str) -> tuple[LinkState, str]:
        """The stream says in words why it broke off; which kind of trouble it is shows when asked again."""
        try:
            await self.client.health()
        except NoPermission as error:
            return LinkState.NO_PERMISSION, str(error)
        except BadAnswer as error:
            return LinkState.NOT_UNDERSTOOD, str(error)
        except LocalApiError as error:
            return LinkState.NO_DAEMON, str(error)
        return LinkState.CONNECTING, reason

    async def on_connected(self, message: Connected) -> None:
        """The daemon is there: ask for everything."""
        if not self._is_up:
            return
        first = self.board.health is None
        self.board.link, self.board.reason, self.board.health = LinkState.LIVE, "", message.health
        if self._view is Place.NO_DAEMON:
            await self.go(Place.OVERVIEW)
        if not first:
            self.tell("connected to the daemon")
        self._show_frame()
        self.ask(frozenset(Topic))

    async def on_disconnected(self, message: Disconnected) -> None:
        """The daemon is away."""
        if not self._is_up:
            return
        self.board.link, self.board.reason = message.state, message.reason
        if self.board.health is None:
            await self.go(Place.NO_DAEMON)
        self._show_frame()

    def on_changed(self, message: Changed) -> None:
        """Something changed: ask for it."""
        self.ask(message.topics)

    # ---- asking

    def ask(self, topics: Iterable[Topic]) -> None:
        """Ask for what changed; what changes meanwhile is asked for afterwards, once."""
        self._wanted |= set(topics)
        self._asking.begin()

    async def _ask(self) -> None:
        topics, self._wanted = frozenset(self._wanted), set()
        try:
            await self._read(topics)
        except LocalApiError as error:
            if self.board.link is LinkState.LIVE:
                self.tell(str(error), "error")
        else:
            if self._is_up:
                self._show_frame()
                self.view.told(topics)

    async def _read(self, topics: frozenset[Topic]) -> None:
        """Bring the board up to date."""
        board = self.board
        if topics & {Topic.HEALTH, Topic.REPOSITORIES, Topic.EVALUATIONS, Topic.OUTBOX}:
            board.health = await self.client.health()
        if topics & {Topic.REPOSITORIES, Topic.EVALUATIONS, Topic.OUTBOX}:
            board.repositories = (await self.client.repositories()).items
        if Topic.EVALUATIONS in topics:
            await self._read_queue()
        if Topic.LEDGER in topics:
            board.recent = (await self.client.activity(limit=RECENT)).items

    async def _read_queue(self) -> None:
        status = EvaluationState.PENDING
        page = await self.client.evaluations(status=status, limit=QUEUE_PAGE)
        items = list(page.items)
        while page.next is not None and len(items) < QUEUE_MOST:
            page = await self.client.evaluations(status=status, limit=QUEUE_PAGE, cursor=page.next)
            items += page.items
        self.board.queue_changed(tuple(items), page.total)

    # ---- acting

    @work(group="acts", exit_on_error=False)
    async def act(
        self,
        call: Callable[[], Awaitable[ActAnswer]],
        done: Callable[[ActAnswer], None],
        failed: Callable[[LocalApiError], None] | None = None,
    ) -> None:
        """Have the daemon do something; what it says is told."""
        try:
            answer = await call()
        except LocalApiError as error:
            if failed is not None:
                failed(error)
            else:
                self.tell(str(error), "error")
        else:
            done(answer)

    # ---- what screens and palette have in common

    def toggle_blind(self) -> None:
        """Hide verdicts until one has decided, or show them."""
        self.blind = not self.blind
        for view in self.screen_stack[0].query(View):
            view.redraw()
        self.tell("blind mode: verdicts are hidden" if self.blind else "verdicts are shown")

    async def poll_all(self) -> None:
        """Poll every repository that is watched."""
        watched = [item.name for item in self.board.repositories if item.watched and not item.paused]
        for name in watched:
            self.act(partial(self.client.poll, name), lambda _: None)
        self.tell(f"{words.counted(len(watched), 'repository', 'repositories')} polled now")

    async def show_people(self, repository: str) -> None:
        """The contributors of a repository."""
        (await self.go(Place.CONTRIBUTORS)).choose(repository)

    async def show_person(self, repository: str, user: str) -> None:
        """One contributor."""
        (await self.go(Place.CONTRIBUTORS)).open(repository, user)

    async def show_policy(self, repository: str) -> None:
        """The rules of a repository."""
        (await self.go(Place.POLICY)).choose(repository)

    def pick_repository(
        self, current: str, chosen: Callable[[str], None], *, everything: bool = False
    ) -> None:
        """Ask for a repository; "" stands for all."""
        names = [(item.name, item.name) for item in self.board.repositories]
        choices = [("", "all repositories"), *names] if everything else names

        def answered(name: str | None) -> None:
            if name is not None:
                chosen(name)

        self.push_screen(Pick("Which repository?", choices, current), answered)

    @work(exclusive=True, group="why", exit_on_error=False)
    async def show_why(self, thread: Thread) -> None:
        """Everything decided about an issue or pull request."""
        from meritocrab.tui.screens.why import Why

        answer = await self._why(thread)
        if answer is not None:
            self.push_screen(Why(answer, blind=self.blind))

    @work(exclusive=True, group="why", exit_on_error=False)
    async def copy_link_of(self, thread: Thread) -> None:
        """The link of an issue or pull request into the clipboard."""
        from meritocrab.tui.chain import link_of

        answer = await self._why(thread)
        if answer is not None:
            self.copy_link(link_of(answer))

    async def _why(self, thread: Thread) -> WhyAnswer | None:
        try:
            return await self.client.why(thread.repository, thread.number)
        except LocalApiError as error:
            self.tell(str(error), "error")
            return None

    def copy_link(self, link: str) -> None:
        """Put a link, or a thread's name, into the clipboard of the terminal, which may be far away."""
        if is_link(link) or is_reference(link):
            self.copy_to_clipboard(link)
            self.tell(f"copied, if your terminal allows it: {link}")
        else:
            self.tell("there is no link to this", "warning")

    def offer_link(self, link: str) -> None:
        """Open a link in the browser, if there is one at this machine and the maintainer says so."""
        if self.remote or not is_link(link):
            self.copy_link(link)
            return
        self.push_screen(
            Confirm("Open this in your browser?", [link]), lambda yes: self.open_url(link) if yes else None
        )
