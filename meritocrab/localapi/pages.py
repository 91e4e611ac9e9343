"""Cursors: opaque strings that say behind which row a page begins, so that pages never shift. Pure.

A cursor belongs to one listing in one order and holds the sorted columns of the last row that was shown.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence

from meritocrab.localapi.errors import ApiError
from meritocrab.localapi.protocol import ErrorCode

Value = int | str
LARGEST = 2**63 - 1


def encode_cursor(listing: str, values: Sequence[Value]) -> str:
    """The cursor of this listing behind the row with these values."""
    text = json.dumps([listing, *values], separators=(",", ":"), ensure_ascii=True)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode_cursor(listing: str, cursor: str, types: Sequence[type[Value]]) -> tuple[Value, ...]:
    """The values that `encode_cursor` took, of these types.

    Raises:
        ApiError: it is no cursor, or one of another listing or order.
    """
    values = _load(cursor)
    if values is None or len(values) != len(types) + 1 or values[0] != listing:
        raise _bad()
    found: list[Value] = []
    for value, wanted in zip(values[1:], types, strict=True):
        if type(value) is not wanted or (isinstance(value, int) and abs(value) > LARGEST):
            raise _bad()
        if isinstance(value, str) and not _is_storable(value):
            raise _bad()
        found.append(value)
    return tuple(found)


def _load(cursor: str) -> list[object] | None:
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        values = json.loads(raw)
    except (ValueError, binascii.Error, RecursionError):
        return None
    return values if isinstance(values, list) else None


def _is_storable(text: str) -> bool:
    """Whether a database takes it: no NUL, no half of a surrogate pair."""
    return "\0" not in text and not any("\ud800" <= char <= "\udfff" for char in text)


def _bad() -> ApiError:
    return ApiError(
        ErrorCode.BAD_CURSOR, "the cursor does not belong to this listing in this order; ask without it"
    )
