"""Runs a piece of the store in a process of its own that is killed at its Nth step: a statement or a file operation."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

BEGINNING = """
import os, signal, sys
import peewee
from pathlib import Path
left = int(sys.argv[1])
def counted(fn):
    def wrapper(*args, **kwargs):
        global left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return fn(*args, **kwargs)
    return wrapper
def count():
    peewee.Database.execute_sql = counted(peewee.Database.execute_sql)
    peewee.Database.commit = counted(peewee.Database.commit)
    peewee.Database.close = counted(peewee.Database.close)
    os.link = counted(os.link)
    os.fsync = counted(os.fsync)
    Path.replace = counted(Path.replace)
"""


def run(script: str, step: int, *arguments: str) -> int | None:
    """Run `script` (which calls `count()`) and kill it at this step.

    Returns:
        None when it was killed, else its exit status.
    """
    done = subprocess.run(
        [sys.executable, "-c", BEGINNING + script, str(step), *arguments],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == -signal.SIGKILL:
        return None
    assert done.returncode == 0, done.stderr
    return done.returncode
