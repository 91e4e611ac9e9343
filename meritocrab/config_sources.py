"""Where configuration values come from: the file that is found, systemd credentials, environment variables.

`Draft` lays them over each other and remembers who set what; nothing is judged here beyond whether a
variable means a key at all. `meritocrab.config` validates the result.
"""

from __future__ import annotations

import json
import os
import types
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Union, get_args, get_origin

import platformdirs
from pydantic import SecretStr

from meritocrab.core.toml_errors import Path as KeyPath
from meritocrab.core.toml_errors import Place, Places, Table, nearest_key, table_of
from meritocrab.errors import ConfigError, Problem
from meritocrab.settings import SECRET_FILES, Settings

CONFIG_FILE_NAME = "meritocrab.toml"
CONFIG_VARIABLE = "MERITOCRAB_CONFIG"
VARIABLE_PREFIX = "MERITOCRAB_"

_MAX_CONFIG_BYTES = 1024 * 1024
MAX_SECRET_BYTES = 64 * 1024
_OTHER_VARIABLES = frozenset({CONFIG_VARIABLE, "MERITOCRAB_SOCKET"})
CREDENTIALS: dict[str, KeyPath] = {
    "github-token": ("github", "token"),
    "github-private-key": ("github", "private_key"),
    "llm-api-key": ("llm", "api_key"),
    "notify-token": ("notify", "token"),
    "database-url": ("database", "url"),
}
_TRUTH = {
    "true": True,
    "yes": True,
    "on": True,
    "1": True,
    "false": False,
    "no": False,
    "off": False,
    "0": False,
}


def find_config_file(path: str | Path | None, environ: Mapping[str, str] = os.environ) -> Path | None:
    """The file to read: the named one, `$MERITOCRAB_CONFIG`, `$CONFIGURATION_DIRECTORY`, the user's
    directory.

    A named file is returned whether or not it exists; None when nothing is named and nothing found.
    """
    named = path if path is not None else environ.get(CONFIG_VARIABLE)
    if named:
        return Path(named).expanduser()
    return next((each for each in usual_places(environ) if exists(each)), None)


def usual_places(environ: Mapping[str, str]) -> Iterator[Path]:
    """Where the configuration is looked for when nobody names it, in this order."""
    for folder in environ.get("CONFIGURATION_DIRECTORY", "").split(":"):
        if folder:
            yield Path(folder) / CONFIG_FILE_NAME
    home = environ.get("XDG_CONFIG_HOME", "")
    own = (
        Path(home) / "meritocrab"
        if home.startswith("/")
        else platformdirs.user_config_path("meritocrab", False)
    )
    yield own / CONFIG_FILE_NAME


def exists(file: Path) -> bool:
    """Is there something at this path? One that may not be looked at counts: reading it says why."""
    try:
        return file.exists()
    except OSError:
        return True


def reason(error: OSError) -> str:
    """Why a file cannot be read, in words."""
    reasons: dict[type[OSError], str] = {
        FileNotFoundError: "there is no such file",
        PermissionError: "this user may not read it",
        IsADirectoryError: "it is a directory",
        NotADirectoryError: "a part of its path is not a directory",
    }
    return reasons.get(type(error)) or (error.strerror or "it cannot be read").lower()


def read_bounded(file: Path, limit: int) -> str:
    """The text of a file; raises `ValueError` in words for whatever is wrong with it."""
    try:
        with file.open("rb") as stream:
            raw = stream.read(limit + 1)
    except OSError as error:
        raise ValueError(reason(error)) from None
    if len(raw) > limit:
        raise ValueError(f"it is larger than {limit} bytes")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ValueError(f"line {line} is not UTF-8 text; save it as UTF-8") from None


def read_config(file: Path) -> str:
    """The text of the configuration file; raises `ConfigError`."""
    try:
        return read_bounded(file, _MAX_CONFIG_BYTES)
    except ValueError as error:
        advice = f"name another with --config or ${CONFIG_VARIABLE}"
        raise ConfigError(
            [Problem(str(file), f"the configuration cannot be read: {error}; {advice}")]
        ) from None


class Draft:
    """The file's values with credentials and environment laid over them, not validated yet."""

    def __init__(self, data: dict[str, Any], source: str, text: str, environ: Mapping[str, str]) -> None:
        self.data = data
        self.environ = environ
        self.problems: list[Problem] = []
        self.warnings: list[str] = []
        self._source = source
        self._text = text
        self._elsewhere: dict[KeyPath, Place] = {}

    def places(self) -> Places:
        """Who set what, for messages."""
        return Places(self._source, self._text, self._elsewhere)

    def add_credentials(self) -> None:
        """What systemd hands over in `$CREDENTIALS_DIRECTORY`."""
        folder = self.environ.get("CREDENTIALS_DIRECTORY", "")
        for name, path in CREDENTIALS.items():
            file = Path(folder) / name
            if folder and exists(file):
                try:
                    self._put(path, read_bounded(file, MAX_SECRET_BYTES).strip(), f"credential {name}")
                except ValueError as error:
                    self.problems.append(Problem(f"credential {name}", str(error)))

    def add_environment(self) -> None:
        """`MERITOCRAB_SECTION__KEY` variables; an empty one, as compose files leave it, counts as not set."""
        for variable, value in sorted(self.environ.items()):
            if variable.startswith(VARIABLE_PREFIX) and variable not in _OTHER_VARIABLES and value != "":
                self._add_variable(variable, value)

    def _add_variable(self, variable: str, value: str) -> None:
        names = tuple(variable.removeprefix(VARIABLE_PREFIX).lower().split("__"))
        target = _variable_target(names)
        if isinstance(target, _Unknown):
            if len(names) == 1 and not target.near:
                self.warnings.append(f"{variable}: unknown variable, ignored")
            else:
                self.problems.append(Problem(variable, target.text))
            return
        self._put(names, _converted(value, target), variable)

    def _put(self, path: KeyPath, value: Any, source: str) -> None:
        """Sets a value, and drops the other spelling of the same secret that a lower source may have set."""
        table, key = path[:-1], path[-1]
        values: Any = self.data
        for part in table:
            values = values.setdefault(part, {})
            if not isinstance(values, dict):
                return  # the file has a plain value where a table belongs; that is reported anyway
        values[key] = value
        for secret in SECRET_FILES:
            if table == (secret.table,) and key in (secret.key, secret.file_key):
                other = secret.file_key if key == secret.key else secret.key
                if self._elsewhere.get((*table, other), Place("")).source.startswith(VARIABLE_PREFIX):
                    continue
                values.pop(other, None)
        self._elsewhere[path] = Place(source)


@dataclass(frozen=True)
class _Unknown:
    """A variable that sets nothing, and why."""

    text: str
    near: bool = True


def _variable_target(names: tuple[str, ...]) -> Any:
    """The type of the key that a variable sets, or `_Unknown`."""
    if names[0] == "repository":
        return _Unknown("tables of single repositories can only stand in the file")
    table: type[Table] = Settings
    annotation: Any = Settings
    for index, name in enumerate(names):
        if get_origin(annotation) is dict:
            annotation = get_args(annotation)[1]
            continue
        if table_of(annotation) is None and index > 0:
            return _Unknown(f"unknown key; {names[index - 1]} holds no keys")
        found = table.model_fields.get(name)
        if found is None:
            return _no_such_key(name, table, names[:index])
        annotation = found.annotation
        table = table_of(annotation) or table
    if table_of(annotation) is not None or get_origin(annotation) is dict:
        known = ", ".join(_variable((*names, key)) for key in table.model_fields)
        return _Unknown(f"names a whole table; set one of {known}")
    return annotation


def _no_such_key(name: str, table: type[Table], parents: tuple[str, ...]) -> _Unknown:
    near = nearest_key(name, table.model_fields)
    if near is not None:
        return _Unknown(f"unknown key; did you mean {_variable((*parents, near))}?")
    known = ", ".join(_variable((*parents, key)) for key in table.model_fields)
    return _Unknown(f"unknown key; known here: {known}", near=False)


def _variable(names: Iterable[str]) -> str:
    return VARIABLE_PREFIX + "__".join(names).upper()


def _converted(text: str, annotation: Any) -> Any:
    """The text of a variable as the type its key takes; text that does not fit stays text and fails
    validation.
    """
    item = _item_type(annotation)
    if item is not None:
        return _converted_list(text, item)
    kinds = _plain_types(annotation)
    if bool in kinds:
        return _TRUTH.get(text.strip().lower(), text)
    for kind in (int, float):
        if kind in kinds:
            try:
                return kind(text)
            except ValueError:
                continue
    return text if SecretStr not in kinds else text.strip()


def _converted_list(text: str, item: Any) -> Any:
    if text.lstrip().startswith("["):
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return text
    return [_converted(part.strip(), item) for part in text.split(",") if part.strip()]


def _item_type(annotation: Any) -> Any:
    """What a list key holds; None when the key is not a list."""
    if get_origin(annotation) is tuple:
        return get_args(annotation)[0]
    if get_origin(annotation) is Annotated:
        return _item_type(get_args(annotation)[0])
    return None


def _plain_types(annotation: Any) -> set[Any]:
    if get_origin(annotation) is Annotated:
        return _plain_types(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return {kind for each in get_args(annotation) for kind in _plain_types(each)}
    return {annotation}
