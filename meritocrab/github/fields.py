"""Reading one JSON object field by field, so that a wrong shape is named by its field and its place.

Kept apart from `payloads`, which says what the objects mean: here is only how a value is checked.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from meritocrab.core.events import Account
from meritocrab.core.names import AccountType
from meritocrab.github.errors import BadAnswer
from meritocrab.github.sansio import clean_text, parse_stamp

T = TypeVar("T")

_HIGHEST = 2**63 - 1  # what a 64-bit column holds
_NUMBER_IN_URL = re.compile(r"/(?:issues|pull|pulls)/(\d{1,18})(?:[/?#]|$)")


@dataclass(frozen=True, slots=True)
class Problem:
    """A list item that could not be read: its id, its place in the order if any, and what is wrong."""

    id: int
    updated_at: datetime | None
    reason: str


@dataclass(frozen=True, slots=True)
class Batch(Generic[T]):
    """A list as read: the good items, the bad ones, and the id and stamp of all of them in the list's order.

    `stamps` is empty for lists that are not ordered by a time.
    """

    items: tuple[T, ...]
    problems: tuple[Problem, ...] = ()
    stamps: tuple[tuple[int, datetime], ...] = ()


class Fields:
    """One JSON object; `where` is the request it came from (method and path), for the errors.

    Every reader raises `BadAnswer` when the field is missing or of another type.
    """

    def __init__(self, data: Any, where: str, prefix: str = "") -> None:
        self._where = where
        self._prefix = prefix
        if not isinstance(data, dict):
            raise self.wrong("", "an object", data)
        self._data: dict[str, Any] = data

    def has(self, name: str) -> bool:
        """Whether the field is there and not null."""
        return self._data.get(name) is not None

    def integer(self, name: str) -> int:
        """A whole number from 0 up that fits 64 bits."""
        value = self._data.get(name)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _HIGHEST:
            raise self.wrong(name, "a whole number", value)
        return value

    def optional_integer(self, name: str) -> int | None:
        """Like `integer`; None when missing or null."""
        return self.integer(name) if self.has(name) else None

    def text(self, name: str) -> str:
        """A text, cleaned of what databases refuse; null and missing are errors."""
        value = self._data.get(name)
        if not isinstance(value, str):
            raise self.wrong(name, "a text", value)
        return clean_text(value)

    def optional_text(self, name: str) -> str:
        """Like `text`; empty when missing or null."""
        return self.text(name) if self.has(name) else ""

    def flag(self, name: str) -> bool:
        """A truth value; False when missing or null."""
        value = self._data.get(name)
        if value is None:
            return False
        if not isinstance(value, bool):
            raise self.wrong(name, "true or false", value)
        return value

    def stamp(self, name: str) -> datetime:
        """A time, as aware UTC."""
        value = self._data.get(name)
        try:
            return parse_stamp(value)  # type: ignore[arg-type]  # another type is the TypeError below
        except (TypeError, ValueError, OverflowError):
            raise self.wrong(name, "a time", value) from None

    def optional_stamp(self, name: str) -> datetime | None:
        """Like `stamp`; None when missing or null."""
        return self.stamp(name) if self.has(name) else None

    def inner(self, name: str) -> Fields:
        """The object in a field."""
        return Fields(self._data.get(name), self._where, f"{self._prefix}{name}.")

    def optional_inner(self, name: str) -> Fields | None:
        """Like `inner`; None when missing or null."""
        return self.inner(name) if self.has(name) else None

    def flags(self, name: str) -> frozenset[str]:
        """The names in an object of truth values that are true; empty when missing or null."""
        inner = self.optional_inner(name)
        if inner is None:
            return frozenset()
        return frozenset(name for name, on in inner._data.items() if on is True)

    def texts(self, name: str) -> dict[str, str]:
        """The text values of an object; empty when missing or null."""
        inner = self.optional_inner(name)
        if inner is None:
            return {}
        pairs = inner._data.items()
        return {clean_text(key): clean_text(value) for key, value in pairs if isinstance(value, str)}

    def rows(self, name: str) -> list[Any]:
        """The list in a field."""
        value = self._data.get(name)
        if not isinstance(value, list):
            raise self.wrong(name, "a list", value)
        return value

    def number_in(self, name: str) -> int:
        """The issue or pull request number at the end of a URL."""
        found = _NUMBER_IN_URL.search(self.text(name))
        if found is None:
            raise self.wrong(name, "the address of an issue or pull request", self._data.get(name))
        return int(found.group(1))

    def account(self, name: str) -> Account | None:
        """The account in a field; None when GitHub shows none (a deleted account)."""
        inner = self.optional_inner(name)
        return None if inner is None else inner.as_account()

    def as_account(self) -> Account:
        """This object as an account."""
        kind = account_type(self.optional_text("type") or AccountType.USER)
        return Account(id=self.integer("id"), login=self.text("login"), type=kind)

    def wrong(self, name: str, wanted: str, value: Any = None) -> BadAnswer:
        """The error for a field of another shape than `wanted`; it tells the value's type, not the value."""
        place = f"{self._prefix}{name}".rstrip(".") or "the answer"
        found = "nothing" if value is None else f"a {type(value).__name__}"
        return BadAnswer(
            f"{self._where}: GitHub's answer has an unexpected shape: "
            f"{place} should be {wanted}, found {found}.",
            applied=None,
        )


def read_batch(data: Any, where: str, parse: Callable[[Fields], T], stamp: str | None = None) -> Batch[T]:
    """A JSON list, item by item; one that cannot be read is set aside with its reason.

    Args:
        data: the list as decoded.
        where: method and path of the request.
        parse: makes an item of one object.
        stamp: the field the list is ordered by, if it is one.

    Raises:
        BadAnswer: not a list, or an item without an id or without the stamp (its place would be unknown).
    """
    if not isinstance(data, list):
        found = type(data).__name__
        raise BadAnswer(f"{where}: GitHub's answer should be a list, found a {found}.", applied=None)
    items: list[T] = []
    problems: list[Problem] = []
    stamps: list[tuple[int, datetime]] = []
    for row in data:
        fields = Fields(row, where)
        identity = fields.integer("id")
        moment = fields.stamp(stamp) if stamp else None
        if moment is not None:
            stamps.append((identity, moment))
        try:
            items.append(parse(fields))
        except BadAnswer as error:
            problems.append(Problem(identity, moment, str(error)))
    return Batch(tuple(items), tuple(problems), tuple(stamps))


def account_type(name: str) -> AccountType:
    """GitHub's account type by its name.

    One we do not know is read as an organization: whoever it is, it holds no credit and cannot lose any.
    """
    return AccountType(name) if name in set(AccountType) else AccountType.ORGANIZATION


def digest(parts: Sequence[object]) -> str:
    """A short fingerprint of values, stable between runs and versions."""
    return hashlib.sha256(repr(tuple(str(part) for part in parts)).encode()).hexdigest()[:32]
