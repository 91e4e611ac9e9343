"""Facts about this installation that the database keeps."""

from __future__ import annotations

import secrets

from meritocrab.store.models import Setting
from meritocrab.store.statements import find_one


def get(name: str) -> str | None:
    """The value, or None."""
    row = find_one(Setting, name=name)
    return row.value if row else None


def put(name: str, value: str) -> None:
    """Set a value."""
    Setting.insert(name=name, value=value).on_conflict(
        conflict_target=[Setting.name], update={"value": value}
    ).execute()


def seed() -> str:
    """A secret of this installation, made once: random delays derive from it and cannot be foreseen."""
    value = get("seed")
    if value is None:
        value = secrets.token_hex(16)
        put("seed", value)
    return value
