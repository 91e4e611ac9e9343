"""Loads the daemon's configuration: finds the file, lays environment and credentials over it, reports every
problem.

The order is defaults < file < systemd credentials < environment (`MERITOCRAB_SECTION__KEY`). Nothing is
half loaded: either there is a `Config` whose every value has been checked, or a `ConfigError` that lists
all that is wrong with file, line and key, or with the name of the variable. Secrets are never part of a
message.
"""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import platformdirs
from pydantic import SecretStr

from meritocrab.config_sources import (
    CREDENTIALS,
    MAX_SECRET_BYTES,
    Draft,
    exists,
    find_config_file,
    read_bounded,
    read_config,
    reason,
    usual_places,
)
from meritocrab.core.policy import (
    CreditRules,
    LlmRules,
    Policy,
    PolicyRules,
    keys_set_by,
    overlay,
    policy_doubts,
)
from meritocrab.core.toml_errors import Path as KeyPath
from meritocrab.core.toml_errors import Places, check, dotted, in_order, nearest_key, parse_toml, printable
from meritocrab.errors import ConfigError, Problem
from meritocrab.settings import (
    SECRET_FILES,
    ApiSettings,
    DatabaseSettings,
    GithubSettings,
    LlmSettings,
    LoggingSettings,
    NotifySettings,
    PollSettings,
    RelaySettings,
    RetentionSettings,
    Settings,
    anonymous_rules,
    check_repository_name,
    is_loopback,
)

__all__ = [
    "ApiSettings",
    "Config",
    "DatabaseSettings",
    "GithubSettings",
    "LlmSettings",
    "LoggingSettings",
    "NotifySettings",
    "PollSettings",
    "RelaySettings",
    "RetentionSettings",
    "find_config_file",
    "find_socket",
    "find_state_dir",
    "load_config",
    "masked_url",
]

# who set a rule, as `Policy.sources()` names it
FROM_CONFIGURATION = "configuration"
FROM_REPOSITORY_TABLE = "configuration for this repository"

MASK = "**********"


@dataclass(frozen=True)
class Config:
    """The configuration in force, checked. Secrets inside are `SecretStr`; `repr` shows none of them.

    `path` is the file that was read, None when there was none. `socket` is where the local API listens.
    `warnings` are complete sentences about what is legal but probably not meant.
    """

    settings: Settings
    base_policy: Policy
    repository_policies: Mapping[str, Policy]
    path: Path | None
    warnings: tuple[str, ...]
    state_dir: Path
    socket: Path
    places: Places = field(repr=False, compare=False)

    @property
    def github(self) -> GithubSettings:
        """How GitHub is reached; `token` and `private_key` are filled in from their files."""
        return self.settings.github

    @property
    def database(self) -> DatabaseSettings:
        """The database settings as written; `database_url` is what to connect to."""
        return self.settings.database

    @property
    def poll(self) -> PollSettings:
        """Poll intervals in seconds."""
        return self.settings.poll

    @property
    def relay(self) -> RelaySettings:
        """Delays of the relay in seconds."""
        return self.settings.relay

    @property
    def llm(self) -> LlmSettings:
        """The provider and its limits; `confidence` and `confirm_negative` count per repository."""
        return self.settings.llm

    @property
    def api(self) -> ApiSettings:
        """The local API as written; `socket` is where it listens."""
        return self.settings.api

    @property
    def notify(self) -> NotifySettings:
        """How a maintainer is told elsewhere; `token` is filled in from its file."""
        return self.settings.notify

    @property
    def retention(self) -> RetentionSettings:
        """For how many days words are kept."""
        return self.settings.retention

    @property
    def logging(self) -> LoggingSettings:
        """Levels and format of the log."""
        return self.settings.logging

    @property
    def database_url(self) -> str:
        """The database to connect to, password included: `sqlite:///…` or `postgresql://…`. Never log it."""
        if self.database.url is None:
            return f"sqlite:///{self.state_dir / 'meritocrab.db'}"
        url = self.database.url.get_secret_value()
        file = url.removeprefix("sqlite:///")
        if file != url and not file.startswith("/"):
            return f"sqlite:///{self.state_dir / file}"
        return re.sub(r"^postgres:", "postgresql:", url)

    @cached_property
    def _by_name(self) -> dict[str, Policy]:
        return {name.lower(): policy for name, policy in self.repository_policies.items()}

    def policy_for(self, repository: str, *former_names: str) -> Policy:
        """The daemon's policy for "owner/name" (case does not matter), before its `.meritocrab.toml`.

        A table under a name that the repository had earlier counts while there is none under a later one.
        """
        names = (name.lower() for name in (repository, *former_names))
        return next((self._by_name[name] for name in names if name in self._by_name), self.base_policy)

    def secrets(self) -> tuple[str, ...]:
        """Every secret of this configuration, for the log to mask."""
        held = (self.github.token, self.github.private_key, self.llm.api_key, self.notify.token)
        values = [each.get_secret_value() for each in held if each is not None]
        try:
            password = urlsplit(self.database_url).password
        except ValueError:
            password = None
        return (*values, unquote(password)) if password else tuple(values)

    def make_state_dir(self) -> Path:
        """The state directory, created for this user alone where it is missing.

        Raises `ConfigError` when that cannot be done.
        """
        try:
            self.state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            text = f"the state directory cannot be created: {reason(error)}; set STATE_DIRECTORY to another"
            raise ConfigError([Problem(str(self.state_dir), text)]) from None
        return self.state_dir

    def masked(self) -> dict[str, Any]:
        """The effective configuration as plain values in the shape of the file, every secret masked."""
        values = self.settings.model_dump(mode="json", exclude_none=True)
        for secret in SECRET_FILES:
            if secret.file_key in values[secret.table]:
                values[secret.table].pop(secret.key, None)
        if "url_file" not in values["database"]:
            values["database"]["url"] = masked_url(self.database_url)
        tables = {name: _own_rules(policy) for name, policy in self.repository_policies.items()}
        return {**values, "repository": tables} if tables else values

    def sources(self) -> dict[str, str]:
        """For every key of `masked()`, by dotted path, where its value comes from: a place or "default"."""
        return {dotted(path): self._source(path) for path in _leaves(self.masked())}

    def _source(self, path: KeyPath) -> str:
        candidates = [path]
        if path[-1] in ("acceptable", "high"):
            candidates.append((*path[:-1], "bonus"))
        if path[0] == "repository" and "credit" in path:
            candidates += [tuple(part for part in each if part != "credit") for each in candidates]
        places = (self.places.find(each) for each in candidates)
        place = next((each for each in places if each is not None), None)
        if place is None:
            return "default"
        return place.source if place.line is None else f"{place.source}:{place.line}"


def load_config(path: str | Path | None = None, environ: Mapping[str, str] = os.environ) -> Config:
    """The configuration from `path`, or from the first file found where it is looked for, or from no file.

    Raises `ConfigError` with every problem: a file that was named and cannot be read, text that is not
    TOML, keys and values that are wrong in the file, in the environment or in a file that holds a secret.
    """
    file = find_config_file(path, environ)
    source = "configuration" if file is None else str(file)
    text = "" if file is None else read_config(file)
    draft = Draft(parse_toml(text, source), source, text, environ)
    draft.add_credentials()
    draft.add_environment()
    loader = _Loader(draft, file)
    return loader.load()


def masked_url(url: str) -> str:
    """A database address with its password masked, in the user part and in the query alike."""
    try:
        parts = urlsplit(url)
        password = parts.password
    except ValueError:
        return MASK
    netloc = parts.netloc
    if password is not None:
        netloc = f"{netloc.rpartition('@')[0].partition(':')[0]}:{MASK}@{netloc.rpartition('@')[2]}"
    query = re.sub(r"(?i)([^&=]*(?:pass|secret|token)[^&=]*)=[^&]*", rf"\1={MASK}", parts.query)
    head = url[: len(url) - len(url.removeprefix(f"{parts.scheme}://"))]
    return head + netloc + parts.path + (f"?{query}" if query else "")


SOCKET_NAME = "meritocrab.sock"
SYSTEM_SOCKETS = (Path("/run") / SOCKET_NAME, Path("/run/meritocrab") / SOCKET_NAME)
"""Where the daemon of the system listens, as its systemd units have it: with the socket unit, and without."""


def find_socket(path: str | Path | None = None, environ: Mapping[str, str] = os.environ) -> Path:
    """Where a client finds the daemon: as the configuration says, else where a socket is in the usual places.

    The configuration is read as far as the client may: it can hold secrets that are not for everybody who may use the
    socket, and its other mistakes are the daemon's to report.
    """
    variable = environ.get("MERITOCRAB_API__SOCKET")
    if variable:
        return Path(variable).expanduser().absolute()
    try:
        file = find_config_file(path, environ)
        values = parse_toml(read_config(file), str(file)) if file is not None else {}
    except ConfigError:
        file, values = None, {}
    table = values.get("api")
    named = table.get("socket") if isinstance(table, dict) else None
    if file is not None and isinstance(named, str) and named:
        return (file.parent / Path(named).expanduser()).absolute()
    places = (_usual_socket(environ), find_state_dir(environ) / SOCKET_NAME, *SYSTEM_SOCKETS)
    return next((place for place in places if exists(place)), places[0])


def _usual_socket(environ: Mapping[str, str]) -> Path:
    """The socket that nobody named: in systemd's directory, the user's, or beside the database."""
    given = environ.get("RUNTIME_DIRECTORY", "").split(":")[0]
    if given:
        return Path(given) / SOCKET_NAME
    own = environ.get("XDG_RUNTIME_DIR", "")
    if own.startswith("/"):
        return Path(own) / "meritocrab" / SOCKET_NAME
    return find_state_dir(environ) / SOCKET_NAME


def find_state_dir(environ: Mapping[str, str] = os.environ) -> Path:
    """The state directory: systemd's, or the user's own. Variables alone say which, no file does."""
    given = environ.get("STATE_DIRECTORY", "").split(":")[0]
    if given:
        return Path(given)
    home = environ.get("XDG_STATE_HOME", "")
    return (
        Path(home) / "meritocrab"
        if home.startswith("/")
        else platformdirs.user_state_path("meritocrab", False)
    )


class _Loader:
    """Validates a draft step by step, collecting problems, and builds the `Config` when there are none."""

    def __init__(self, draft: Draft, file: Path | None) -> None:
        self._draft = draft
        self._file = file
        self._places = draft.places()
        self._problems = draft.problems
        self._warnings = draft.warnings
        self._broken: set[KeyPath] = set()

    def load(self) -> Config:
        tables = self._draft.data.pop("repository", {})
        settings, problems = check(Settings, self._draft.data, self._places, self._broken)
        self._problems += problems
        if settings is None:
            raise ConfigError(in_order(self._problems))
        settings = self._with_files(settings)
        base = self._base_policy(settings)
        policies = self._repository_policies(tables, base, settings)
        if self._problems:
            raise ConfigError(in_order(self._problems))
        self._warn(settings, base, policies)
        environ = self._draft.environ
        named = settings.api.socket
        socket = self._absolute(named, ("api", "socket")) if named is not None else _usual_socket(environ)
        return Config(
            settings,
            base,
            policies,
            self._file,
            tuple(self._warnings),
            find_state_dir(environ),
            socket,
            self._places,
        )

    def _with_files(self, settings: Settings) -> Settings:
        """The settings with file names made absolute and the secrets in those files read."""
        for secret in SECRET_FILES:
            section = getattr(settings, secret.table)
            name = getattr(section, secret.file_key)
            if name is None:
                continue
            file = self._absolute(name, (secret.table, secret.file_key))
            update: dict[str, Any] = {secret.file_key: str(file)}
            try:
                update[secret.key] = secret.check(SecretStr(read_bounded(file, MAX_SECRET_BYTES).strip()))
            except ValueError as error:
                text = f"{printable(str(file), 200)}: {error}"
                self._problems.append(self._places.problem((secret.table, secret.file_key), text))
            self._warn_if_public(file, "it holds a secret")
            settings = settings.model_copy(update={secret.table: section.model_copy(update=update)})
        return self._with_mock_script(settings)

    def _with_mock_script(self, settings: Settings) -> Settings:
        if settings.llm.mock_script is None:
            return settings
        file = self._absolute(settings.llm.mock_script, ("llm", "mock_script"))
        if not exists(file):
            text = f"{printable(str(file), 200)}: there is no such file"
            self._problems.append(self._places.problem(("llm", "mock_script"), text))
        return settings.model_copy(update={"llm": settings.llm.model_copy(update={"mock_script": str(file)})})

    def _absolute(self, name: str, key: KeyPath) -> Path:
        """A file name relative to the configuration file, or to the current directory when a variable set
        it.
        """
        place = self._places.find(key)
        in_file = self._file is not None and (place is None or place.line is not None)
        base = self._file.parent if in_file and self._file is not None else Path()
        try:
            return (base / Path(name).expanduser()).absolute()
        except RuntimeError:
            return (base / name).absolute()

    def _base_policy(self, settings: Settings) -> Policy:
        values = settings.model_dump(mode="json", include=set(PolicyRules.model_fields))
        values["llm"] = settings.llm.model_dump(mode="json", include=set(LlmRules.model_fields))
        rules = PolicyRules.model_validate({**values, **settings.credit.model_dump(mode="json")})
        written = {key: value for key, value in self._draft.data.items() if key != "credit"}
        credit = self._draft.data.get("credit")
        labels = keys_set_by(written, FROM_CONFIGURATION)
        if isinstance(credit, dict):
            labels |= keys_set_by(credit, FROM_CONFIGURATION)
        return Policy.of(rules, labels)

    def _repository_policies(self, tables: Any, base: Policy, settings: Settings) -> dict[str, Policy]:
        if not isinstance(tables, dict):
            text = 'expected a table for each repository, written [repository."owner/name"]'
            self._problems.append(self._places.problem(("repository",), text))
            return {}
        policies: dict[str, Policy] = {}
        for name, values in tables.items():
            problem = _table_problem(name, values, policies)
            if problem is not None:
                self._problems.append(self._places.problem(("repository", name), problem))
                continue
            policies[name] = self._repository_policy(name, values, base, settings)
        return policies

    def _repository_policy(
        self, name: str, values: dict[str, Any], base: Policy, settings: Settings
    ) -> Policy:
        root: KeyPath = ("repository", name)
        places = self._places.under(root, (*root, "credit"))
        own = self._hoisted(values, places)
        broken = {path[1:] if path[:1] == ("credit",) else path for path in self._broken}
        rules, problems = check(PolicyRules, overlay(base.rules(), own), places, broken)
        self._problems += problems
        if rules is None:
            return base
        credentials_broken = any(path[:1] == ("github",) for path in self._broken)
        if settings.github.auth == "anonymous" and not credentials_broken:
            broken_rules = (rule for rule in anonymous_rules(rules) if rule.keys[0] in own)
            self._problems += [places.problem(rule.keys[:1], rule.text) for rule in broken_rules]
        return Policy.of(rules, dict(base.set_by) | keys_set_by(own, FROM_REPOSITORY_TABLE))

    def _hoisted(self, values: dict[str, Any], places: Places) -> dict[str, Any]:
        """A repository's table with the keys of its `credit` table at the top, where a policy has them."""
        credit = values.get("credit")
        if not isinstance(credit, dict):
            return values
        own = {key: value for key, value in values.items() if key != "credit"}
        for key, value in credit.items():
            problem = _credit_key_problem(key, own)
            if problem is None:
                own[key] = value
            else:
                self._problems.append(places.problem(("credit", key), problem))
        return own

    def _warn(self, settings: Settings, base: Policy, policies: Mapping[str, Policy]) -> None:
        if self._file is None:
            looked = ", ".join(str(each) for each in usual_places(self._draft.environ))
            self._warnings.append(
                f"no configuration file found (looked for {looked}); the defaults are in use"
            )
        self._warnings += [str(each) for each in policy_doubts(base, self._places.under(("credit",)))]
        for name, policy in policies.items():
            if (policy.starting_credit, policy.pr_threshold) != (base.starting_credit, base.pr_threshold):
                root: KeyPath = ("repository", name)
                places = self._places.under(root, (*root, "credit"))
                self._warnings += [str(each) for each in policy_doubts(policy, places)]
        self._warnings += _settings_doubts(settings, self._places)
        self._warnings += [str(each) for each in self._unwatched(settings, policies)]
        if self._file is not None and self._file_holds_secrets():
            self._warn_if_public(self._file, "it holds secrets")

    def _unwatched(self, settings: Settings, policies: Mapping[str, Policy]) -> Iterator[Problem]:
        """Tables of repositories that are not in the list of what is watched: a typing error, most likely."""
        watched = {name.lower() for name in settings.github.repositories}
        for name in policies:
            if watched and name.lower() not in watched:
                near = nearest_key(name, watched)
                hint = f'; did you mean "{near}"?' if near else ""
                text = f"this table has no effect: the repository is not in github.repositories{hint}"
                yield self._places.problem(("repository", name), text)

    def _file_holds_secrets(self) -> bool:
        for path in CREDENTIALS.values():
            place = self._places.find(path)
            if place is not None and place.line is not None:
                value = str(self._draft.data[str(path[0])][str(path[1])])
                if path != ("database", "url") or masked_url(value) != value:
                    return True
        return False

    def _warn_if_public(self, file: Path, why: str) -> None:
        try:
            mode = file.stat().st_mode
        except OSError:
            return
        if stat.S_ISREG(mode) and mode & 0o004:
            self._warnings.append(
                f"{file}: every user of this machine can read this file, and {why}; chmod 600 it"
            )


def _table_problem(name: str, values: Any, seen: Mapping[str, Policy]) -> str | None:
    """What is wrong with a `[repository."owner/name"]` table as a whole."""
    if name.lower() in (each.lower() for each in seen):
        return "this repository has two tables (upper and lower case are the same); merge them"
    try:
        check_repository_name(name)
    except ValueError:
        return 'expected a repository in quotes, written [repository."owner/name"]'
    return None if isinstance(values, dict) else f"expected a table, written [repository.{json.dumps(name)}]"


def _credit_key_problem(key: str, own: Mapping[str, Any]) -> str | None:
    if key in CreditRules.model_fields:
        return "is set twice, in this table and in the one around it; remove one" if key in own else None
    near = nearest_key(key, CreditRules.model_fields)
    if near is not None:
        return f'unknown key; did you mean "{near}"?'
    return f"unknown key; known here: {', '.join(CreditRules.model_fields)}"


def _is_in_the_clear(address: str) -> bool:
    parts = urlsplit(address)
    return parts.scheme == "http" and not is_loopback(parts.hostname)


def _settings_doubts(settings: Settings, places: Places) -> Iterator[str]:
    github, relay = settings.github, settings.relay
    if github.auth == "anonymous" and not github.repositories:
        yield "nothing to watch: set [github] token (or app_id) and repositories"
    if github.auth == "anonymous" and len(github.repositories) > 1 and github.public:
        text = (
            "without a token GitHub answers 60 requests an hour in all; with several repositories set a token"
        )
        yield str(places.problem(("github", "repositories"), text))
    if github.public and relay.write_spacing < 1:
        text = "GitHub asks for at least 1 second between writes; a smaller number invites a ban"
        yield str(places.problem(("relay", "write_spacing"), text))
    if github.public and relay.settle < 60:
        text = "GitHub's lists lag behind its writes; below 60 seconds a comment may be posted twice"
        yield str(places.problem(("relay", "settle"), text))
    if settings.llm.base_url is not None and _is_in_the_clear(settings.llm.base_url):
        text = "http sends the contributions, and the key if there is one, in the clear through your network"
        yield str(places.problem(("llm", "base_url"), text))
    if settings.llm.provider == "mock":
        yield str(
            places.problem(("llm", "provider"), "the mock provider's verdicts mean nothing; for trials only")
        )


def _own_rules(policy: Policy) -> dict[str, Any]:
    """The rules that a repository's table sets, in the shape of that table."""
    mine = {key for key, label in policy.set_by if label == FROM_REPOSITORY_TABLE}
    result: dict[str, Any] = {}
    for path in _leaves(policy.rules()):
        if dotted(path) not in mine:
            continue
        value: Any = policy.rules()
        for part in path:
            value = value[part]
        target = result.setdefault("credit", {}) if path[0] in CreditRules.model_fields else result
        for part in path[:-1]:
            target = target.setdefault(part, {})
        target[path[-1]] = value
    return result


def _leaves(values: Mapping[str, Any], prefix: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, (*prefix, key))
        else:
            yield (*prefix, key)
