"""What may be opened or copied: plain addresses and names of threads, with nothing that a terminal obeys. Pure."""

from __future__ import annotations

import re

_LINK = re.compile(r"https?://[A-Za-z0-9.-]+(?::\d{1,5})?(?:/[A-Za-z0-9._~%/#?&=+@:-]*)?")
_REFERENCE = re.compile(r"[A-Za-z0-9._-]+/[A-Za-z0-9._-]+#\d+")
LONGEST = 500


def is_link(text: str) -> bool:
    """Is this an address that does no harm?"""
    return len(text) <= LONGEST and _LINK.fullmatch(text) is not None


def is_reference(text: str) -> bool:
    """Is this an issue or pull request as people write it, `owner/name#12`?"""
    return len(text) <= LONGEST and _REFERENCE.fullmatch(text) is not None
