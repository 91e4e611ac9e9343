"""Every key of the daemon's configuration file, with its bounds and its default.

Where the values come from (file, environment, credentials) is `meritocrab.config`'s business. Secrets are
`SecretStr`, so that no representation of these models shows one.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable
from typing import Annotated, Any, Literal, NamedTuple
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, Field, SecretStr, model_validator

from meritocrab.core.names import Enforcement, NoticeKind
from meritocrab.core.policy import ConductRules, CreditRules, LlmRules
from meritocrab.core.retention import Keep
from meritocrab.core.toml_errors import Expected, Rule, Table

PUBLIC_GITHUB_API = "https://api.github.com"
PUBLIC_GITHUB = "https://github.com"

_CREDENTIAL_KEYS = ("github.token", "github.token_file", "github.app_id", "github.private_key_path")
_REPOSITORY = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,99})/(?!\.{1,2}$)[A-Za-z0-9._-]{1,100}")
_TOKEN = re.compile(r"[!-~]{8,512}")


def is_loopback(host: str | None) -> bool:
    """Does this host name mean this machine?"""
    if host is None:
        return False
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def check_repository_name(name: str) -> str:
    """`name` if it reads owner/name; raises `ValueError` in words otherwise."""
    if not _REPOSITORY.fullmatch(name):
        raise ValueError('expected a repository written "owner/name", as in its address on GitHub')
    return name


def _url(text: str) -> SplitResult:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        raise ValueError("is not an address; write https://host or https://host/path") from None
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        raise ValueError("must hold a host and a path only, no user, password, query or fragment")
    if parts.scheme not in ("http", "https") or not parts.hostname or re.search(r"[\s\x00-\x20]", text):
        raise ValueError("is not an address; write https://host or https://host/path")
    return parts


def _api_url(text: str) -> str:
    parts = _url(text)
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError(
            "http would send the token in the clear; write https (http is for this machine only)"
        )
    return text.rstrip("/")


def _base_url(text: str) -> str:
    _url(text)
    return text.rstrip("/")


def _token(value: SecretStr) -> SecretStr:
    if not _TOKEN.fullmatch(value.get_secret_value()):
        raise ValueError("is not a token: expected 8 to 512 characters without spaces or line breaks")
    return value


def _private_key(value: SecretStr) -> SecretStr:
    if not re.match(r"\s*-----BEGIN [A-Z ]*PRIVATE KEY-----", value.get_secret_value()):
        raise ValueError(
            'is not a private key: expected the downloaded PEM file, "-----BEGIN … PRIVATE KEY-----"'
        )
    return value


def _database_url(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if text.startswith("sqlite:"):
        if not text.startswith("sqlite:///") or len(text) == len("sqlite:///"):
            raise ValueError(
                "needs three slashes and a path: sqlite:///relative.db or sqlite:////absolute/path.db"
            )
        return value
    if not text.startswith(("postgresql://", "postgres://")):
        raise ValueError("expected sqlite:///PATH or postgresql://USER:PASSWORD@HOST/DATABASE")
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        raise ValueError(
            "is not a database address; special characters in a password are written %XX"
        ) from None
    if len(parts.path) < 2:
        raise ValueError("names no database; write postgresql://USER:PASSWORD@HOST/DATABASE")
    return value


def _no_repeats(names: tuple[str, ...]) -> tuple[str, ...]:
    seen: set[str] = set()
    for name in names:
        if name.lower() in seen:
            raise ValueError(f'lists "{name}" twice (upper and lower case are the same); remove one')
        seen.add(name.lower())
    return names


FileName = Annotated[str, Field(min_length=1, max_length=4096), Expected("a file name")]
Token = Annotated[SecretStr, AfterValidator(_token)]
PrivateKey = Annotated[SecretStr, AfterValidator(_private_key)]
PollSeconds = Annotated[
    int, Field(strict=True, ge=1, le=86_400), Expected("an integer number of seconds between 1 and 86400")
]
Level = Literal["debug", "info", "warning", "error"]


class GithubSettings(Table):
    """How the daemon reaches GitHub and what it watches there."""

    api_url: Annotated[
        str, AfterValidator(_api_url), Expected("an address such as https://api.github.com")
    ] = PUBLIC_GITHUB_API
    token: Annotated[Token | None, Expected("a token", secret=True)] = None
    token_file: Annotated[FileName | None, Expected("a file name")] = None
    app_id: Annotated[
        Annotated[int, Field(strict=True, ge=1, le=2**63 - 1)] | None,
        Expected("the numeric id of a GitHub App, as its settings page shows it"),
    ] = None
    private_key: Annotated[PrivateKey | None, Expected("a private key in PEM form", secret=True)] = None
    private_key_path: Annotated[FileName | None, Expected("a file name")] = None
    repositories: Annotated[
        tuple[Annotated[str, AfterValidator(check_repository_name)], ...],
        AfterValidator(_no_repeats),
        Field(max_length=1000),
        Expected('a list of up to 1000 repositories, each written "owner/name"'),
    ] = ()
    timeout: Annotated[
        float,
        Field(strict=True, ge=1, le=300, allow_inf_nan=False),
        Expected("a number of seconds between 1 and 300"),
    ] = 30.0

    @property
    def auth(self) -> Literal["token", "app", "anonymous"]:
        """In whose name requests are sent."""
        if self.token is not None or self.token_file is not None:
            return "token"
        return "anonymous" if self.app_id is None else "app"

    @property
    def web_url(self) -> str:
        """Where people look at repositories: github.com, or the server that `api_url` belongs to."""
        return PUBLIC_GITHUB if self.public else self.api_url.removesuffix("/api/v3")

    @property
    def public(self) -> bool:
        """Is this github.com itself (and not an Enterprise server or a simulation)?"""
        return self.api_url.lower() == PUBLIC_GITHUB_API

    def broken_rules(self) -> Iterable[Rule]:
        """Credentials that contradict each other or are incomplete."""
        has_key = self.private_key is not None or self.private_key_path is not None
        if self.token is not None and self.token_file is not None:
            yield Rule(("token_file", "token"), "the token is given twice; set token or token_file")
        if self.private_key is not None and self.private_key_path is not None:
            yield Rule(
                ("private_key_path", "private_key"),
                "the key is given twice; set private_key or private_key_path",
            )
        if self.auth == "token" and (self.app_id is not None or has_key):
            yield Rule(("app_id", "token"), "a token and an App are both set; remove one of them")
        if self.app_id is not None and not has_key:
            yield Rule(("app_id",), "an App needs its private key; set private_key_path")
        if has_key and self.app_id is None:
            yield Rule(("private_key_path", "private_key"), "a private key needs its App; set app_id")
        if self.auth == "token" and not self.repositories:
            yield Rule(
                ("repositories", "token", "token_file"),
                'with a token, name what to watch: repositories = ["owner/name"]',
            )


class DatabaseSettings(Table):
    """Where the daemon keeps everything; without `url` it is a SQLite file in the state directory."""

    url: Annotated[
        Annotated[SecretStr, AfterValidator(_database_url)] | None,
        Expected("an address such as sqlite:///PATH or postgresql://USER@HOST/DATABASE", secret=True),
    ] = None
    url_file: Annotated[FileName | None, Expected("a file name")] = None

    def broken_rules(self) -> Iterable[Rule]:
        """The address given twice."""
        if self.url is not None and self.url_file is not None:
            yield Rule(("url_file", "url"), "the address is given twice; set url or url_file")


class PollSettings(Table):
    """How often a repository is polled, in seconds; the bounds follow `interval` where they are not set.

    `review_interval` is the time between two looks at all recent pull requests, which find reviews that moved
    nothing else.
    """

    interval: PollSeconds = 60
    min_interval: PollSeconds = 15
    max_interval: PollSeconds = 900
    review_interval: PollSeconds = 900

    @model_validator(mode="before")
    @classmethod
    def _follow_interval(cls, data: Any) -> Any:
        interval = data.get("interval") if isinstance(data, dict) else None
        if not isinstance(interval, int) or isinstance(interval, bool) or not 1 <= interval <= 86_400:
            return data
        return {"min_interval": min(15, interval), "max_interval": max(900, interval), **data}

    def broken_rules(self) -> Iterable[Rule]:
        """Bounds that leave no room for the interval."""
        if self.min_interval > self.interval:
            text = f"min_interval ({self.min_interval}) is above interval ({self.interval}); lower it"
            yield Rule(("min_interval", "interval"), text)
        if self.max_interval < self.interval:
            text = f"max_interval ({self.max_interval}) is below interval ({self.interval}); raise it"
            yield Rule(("max_interval", "interval"), text)


class RelaySettings(Table):
    """How writes reach GitHub."""

    settle: Annotated[
        float,
        Field(strict=True, ge=0, le=3600, allow_inf_nan=False),
        Expected("a number of seconds between 0 and 3600"),
    ] = 60.0
    write_spacing: Annotated[
        float,
        Field(strict=True, ge=0, le=60, allow_inf_nan=False),
        Expected("a number of seconds between 0 and 60"),
    ] = 1.0


Amount = Annotated[
    float,
    Field(strict=True, ge=0, le=1_000_000, allow_inf_nan=False),
    Expected("an amount of money between 0 and 1000000"),
]
TokenCount = Annotated[int, Field(strict=True, ge=0, le=1_000_000_000)]


class LlmSettings(LlmRules):
    """Which provider judges contributions, and how much it may be asked.

    The budgets are for providers that cost something; money is in the currency of `prices`.
    """

    provider: Annotated[
        Literal["heuristic", "mock", "claude", "openai"],
        Expected('"heuristic", "claude", "openai" or "mock"'),
    ] = "heuristic"
    model: Annotated[
        Annotated[str, Field(min_length=1, max_length=200)] | None, Expected("the name of a model")
    ] = None
    api_key: Annotated[Token | None, Expected("an API key", secret=True)] = None
    api_key_file: Annotated[FileName | None, Expected("a file name")] = None
    base_url: Annotated[
        Annotated[str, AfterValidator(_base_url)] | None,
        Expected("an address such as http://localhost:8080/v1"),
    ] = None
    timeout: Annotated[
        float,
        Field(strict=True, ge=1, le=600, allow_inf_nan=False),
        Expected("a number of seconds between 1 and 600"),
    ] = 60.0
    max_concurrent: Annotated[
        int, Field(strict=True, ge=1, le=32), Expected("a whole number between 1 and 32")
    ] = 2
    max_requests_per_day: Annotated[
        int, Field(strict=True, ge=0, le=1_000_000), Expected("a whole number between 0 and 1000000")
    ] = 1_000
    max_tokens_per_day: Annotated[
        int, Field(strict=True, ge=0, le=1_000_000_000), Expected("a whole number between 0 and 1000000000")
    ] = 2_000_000
    max_tokens_per_day_per_repository: Annotated[
        TokenCount | None, Expected("a whole number between 0 and 1000000000")
    ] = None
    max_cost_per_day: Annotated[Amount | None, Expected("an amount of money between 0 and 1000000")] = None
    max_cost_per_day_per_repository: Annotated[
        Amount | None, Expected("an amount of money between 0 and 1000000")
    ] = None
    max_per_author_per_hour: Annotated[
        int, Field(strict=True, ge=1, le=1_000), Expected("a whole number between 1 and 1000")
    ] = 10
    prices: Annotated[
        dict[Annotated[str, Field(min_length=1, max_length=200)], tuple[Amount, Amount]],
        Expected("for each model what a million tokens cost: [in, out]"),
    ] = Field(default_factory=dict)
    expire_after_days: Annotated[
        int, Field(strict=True, ge=1, le=3_650), Expected("a whole number between 1 and 3650")
    ] = 30
    mock_script: Annotated[FileName | None, Expected("a file name")] = None

    @property
    def has_money_budget(self) -> bool:
        """Is there a limit in money?"""
        return self.max_cost_per_day is not None or self.max_cost_per_day_per_repository is not None

    def broken_rules(self) -> Iterable[Rule]:
        """A provider without its key, keys that contradict each other, or a budget that nothing can be held to."""
        if self.has_money_budget and (self.model is None or self.model not in self.prices):
            known = (
                f'add [llm.prices."{self.model}"]'
                if self.model
                else "name the model, and its price in [llm.prices]"
            )
            yield Rule(
                ("max_cost_per_day", "max_cost_per_day_per_repository"),
                f"a limit in money needs the price of the model; {known} to [llm.prices]",
            )
        has_key = self.api_key is not None or self.api_key_file is not None
        if self.provider == "claude" and not has_key:
            yield Rule(("provider",), 'the "claude" provider needs a key; set api_key_file or api_key')
        if self.provider == "openai" and not has_key and self.base_url is None:
            text = 'the "openai" provider needs a key, or a server of yours; set api_key_file, api_key or base_url'
            yield Rule(("provider",), text)
        if self.api_key is not None and self.api_key_file is not None:
            yield Rule(("api_key_file", "api_key"), "the key is given twice; set api_key or api_key_file")
        if self.mock_script is not None and self.provider != "mock":
            yield Rule(("mock_script", "provider"), 'only the "mock" provider reads a script; remove it')


def _loopback_address(text: str) -> str:
    host, colon, port = text.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or not 1 <= int(port) <= 65_535:
        raise ValueError('expected an address and a port, such as "127.0.0.1:9464"')
    try:
        is_own = ipaddress.ip_address(host.removeprefix("[").removesuffix("]")).is_loopback
    except ValueError:
        is_own = False
    if not is_own:
        raise ValueError("must be an address of this machine alone, such as 127.0.0.1 or [::1]")
    return text


class ApiSettings(Table):
    """Where the local API listens: a Unix socket for everything, and for health and figures perhaps a port."""

    socket: Annotated[FileName | None, Expected("a file name")] = None
    listen: Annotated[
        Annotated[str, AfterValidator(_loopback_address)] | None,
        Expected('an address and a port of this machine, such as "127.0.0.1:9464"'),
    ] = None

    @property
    def address(self) -> tuple[str, int] | None:
        """What `listen` means."""
        if self.listen is None:
            return None
        host, _, port = self.listen.rpartition(":")
        return host.removeprefix("[").removesuffix("]"), int(port)


def _notify_url(text: str) -> str:
    parts = _url(text)
    if parts.scheme == "http" and not _is_at_home(parts.hostname or ""):
        raise ValueError(
            "http would send what happens here in the clear; write https (http is for your own network)"
        )
    return text


def _is_at_home(host: str) -> bool:
    """Does this host name mean this machine, or one of the private network around it?"""
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return is_loopback(host) or "." not in host or host.endswith(_HOME_DOMAINS)


_HOME_DOMAINS = (".local", ".lan", ".home", ".internal", ".home.arpa")


class NotifySettings(Table):
    """How a maintainer is told elsewhere what happens: by a command, by an address to post to, or by both."""

    command: Annotated[
        tuple[Annotated[str, Field(min_length=1, max_length=4096)], ...],
        Field(max_length=100),
        Expected("a program and its arguments, as a list of texts"),
    ] = ()
    url: Annotated[
        Annotated[str, AfterValidator(_notify_url)] | None,
        Expected("an address such as https://ntfy.example/your-topic"),
    ] = None
    token: Annotated[Token | None, Expected("a token", secret=True)] = None
    token_file: Annotated[FileName | None, Expected("a file name")] = None
    events: Annotated[
        tuple[NoticeKind, ...],
        Expected('a list out of "queue", "close", "error" and "breaker"'),
    ] = tuple(NoticeKind)
    min_interval: Annotated[
        int, Field(strict=True, ge=0, le=86_400), Expected("a number of seconds between 0 and 86400")
    ] = 60
    texts: Annotated[bool, Field(strict=True), Expected("true or false")] = False

    def broken_rules(self) -> Iterable[Rule]:
        """A token that is given twice, or for nothing."""
        has_token = self.token is not None or self.token_file is not None
        if self.token is not None and self.token_file is not None:
            yield Rule(("token_file", "token"), "the token is given twice; set token or token_file")
        if has_token and self.url is None:
            yield Rule(("token_file", "token"), "a token needs the address that takes it; set url")


Days = Annotated[
    int, Field(strict=True, ge=0, le=36_500), Expected("a whole number of days between 0 and 36500")
]


class RetentionSettings(Table):
    """For how many days words are kept, 0 for ever. Keys, ids, numbers and the ledger are kept in any case."""

    event_payloads_days: Days = 0
    texts_days: Days = 0
    notes_days: Days = 0
    messages_days: Days = 0

    @property
    def keep(self) -> Keep:
        """The same as the core knows it."""
        return Keep(self.event_payloads_days, self.texts_days, self.notes_days, self.messages_days)


Area = Literal[
    "access",
    "config",
    "daemon",
    "demo",
    "evaluation",
    "github",
    "localapi",
    "notify",
    "poller",
    "processor",
    "relay",
    "repositories",
    "retention",
    "sync",
]
"""The parts of the program that log under a name of their own, `meritocrab.AREA`."""


class LoggingSettings(Table):
    """What the log holds and how it looks."""

    level: Annotated[Level, Expected('"debug", "info", "warning" or "error"')] = "info"
    format: Annotated[Literal["auto", "text", "json"], Expected('"auto", "text" or "json"')] = "auto"
    areas: Annotated[
        dict[Area, Level],
        Expected('for each part of the program a level: "debug", "info", "warning" or "error"'),
    ] = Field(default_factory=dict)


class Settings(ConductRules):
    """The whole file, apart from the `[repository."owner/name"]` tables, which lie over it."""

    github: GithubSettings = GithubSettings()
    database: DatabaseSettings = DatabaseSettings()
    poll: PollSettings = PollSettings()
    relay: RelaySettings = RelaySettings()
    llm: LlmSettings = LlmSettings()
    credit: CreditRules = CreditRules()
    api: ApiSettings = ApiSettings()
    notify: NotifySettings = NotifySettings()
    retention: RetentionSettings = RetentionSettings()
    logging: LoggingSettings = LoggingSettings()

    def broken_rules(self) -> Iterable[Rule]:
        """Writes without credentials."""
        if self.github.auth == "anonymous":
            yield from anonymous_rules(self)


def anonymous_rules(rules: ConductRules) -> Iterable[Rule]:
    """What cannot be done without a token or an App."""
    remedy = "nothing can be written without a token or an App; set [github] token or app_id"
    if rules.enforcement is not Enforcement.OBSERVE:
        yield Rule(("enforcement", *_CREDENTIAL_KEYS), f'{remedy}, or enforcement = "observe"')
    if rules.answer_commands:
        yield Rule(("answer_commands", *_CREDENTIAL_KEYS), f"{remedy}, or answer_commands = false")


class SecretFile(NamedTuple):
    """A secret that may stand in a file of its own: the keys for its value and for that file's name."""

    table: str
    key: str
    file_key: str
    check: Callable[[SecretStr], SecretStr]


SECRET_FILES = (
    SecretFile("github", "token", "token_file", _token),
    SecretFile("github", "private_key", "private_key_path", _private_key),
    SecretFile("llm", "api_key", "api_key_file", _token),
    SecretFile("notify", "token", "token_file", _token),
    SecretFile("database", "url", "url_file", _database_url),
)
