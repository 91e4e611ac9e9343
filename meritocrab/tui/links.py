"""Which addresses may be opened or copied: plain ones of the web, with nothing that a terminal obeys. Pure."""

from __future__ import annotations

import re

_LINK = re.compile(r"https?://[A-Za-z0-9.-]+(?::\d{1,5})?(?:/[A-Za-z0-9._~%/#?&=+@:-]*)?")
LONGEST = 500


def is_link(text: str) -> bool:
    """Is this an address that does no harm?"""
    return len(text) <= LONGEST and _LINK.fullmatch(text) is not None
