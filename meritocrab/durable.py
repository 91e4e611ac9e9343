"""What survives a power cut: contents and names count as written only when the system says that the disk has them."""

from __future__ import annotations

import os
from pathlib import Path


def sync(path: Path) -> None:
    """Return when a file's contents, or the entries of a directory, are on the disk.

    Raises:
        OSError: they could not be written.
    """
    opened = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
