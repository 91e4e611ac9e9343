"""Starts a program behind the walls of systemd/meritocrab.service, as far as that goes without systemd as process 1.

`unshare --mount --ipc python -m tests.service.sandbox PLAN`, as root; PLAN is a JSON file: {"writable": [paths],
"readable": [paths that must stay in sight], "command": [...], "environ": {...}, "uid": number}.

Applied, from what the unit says: the file system read-only (ProtectSystem=strict), /home, /root and /run/user empty
(ProtectHome), /tmp and /var/tmp new (PrivateTmp), a /dev of six devices (PrivateDevices), /proc with processes only
(ProcSubset, ProtectProc), no capability at all (CapabilityBoundingSet, NoNewPrivileges), and as seccomp filters
SystemCallFilter, SystemCallErrorNumber, RestrictAddressFamilies, RestrictNamespaces and MemoryDenyWriteExecute.

Not applied: User= (the tests' own installation is often readable for its owner only: the same user goes on, without
any capability), control groups (MemoryMax, TasksMax, DevicePolicy), and RestrictRealtime, RestrictSUIDSGID,
LockPersonality, ProtectClock, ProtectHostname, KeyringMode. The paths that must be seen are bound into the new /tmp.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import errno
import json
import mmap
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.service.units import SERVICE, directives, system_calls

HIDDEN = ("/home", "/root", "/run/user", "/tmp", "/var/tmp")
DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
KEPT_WRITABLE = ("/tmp", "/var/tmp", "/dev", "/proc")

libc = ctypes.CDLL(None, use_errno=True)
MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC = 1, 32, 4096, 16384
PR_SET_NO_NEW_PRIVS, PR_CAPBSET_DROP = 38, 24


def mount(source: str, target: str, kind: str | None, flags: int, options: str | None = None) -> None:
    def raw(text: str | None) -> bytes | None:
        return None if text is None else text.encode()

    if libc.mount(raw(source), raw(target), raw(kind), flags, raw(options)) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), target)


def prctl(option: int, value: int) -> bool:
    return bool(libc.prctl(option, value, 0, 0, 0) == 0)


# ---- the file system


def build_file_system(writable: list[str], readable: list[str]) -> None:
    """Everything read-only, what is private empty, apart from the paths that were named."""
    held = {path: os.open(path, os.O_PATH) for path in [*readable, *writable]}
    devices = {name: os.open(f"/dev/{name}", os.O_PATH) for name in DEVICES if os.path.exists(f"/dev/{name}")}
    for place in HIDDEN:
        if os.path.isdir(place):
            mount("tmpfs", place, "tmpfs", 0, "mode=1777" if "tmp" in place else "mode=755")
    for path, number in sorted(held.items()):
        _bind_again(number, path)
    mount("tmpfs", "/dev", "tmpfs", 0, "mode=755")
    for name, number in devices.items():
        Path("/dev", name).touch()
        mount(f"/proc/self/fd/{number}", f"/dev/{name}", None, MS_BIND)
    kept = (*KEPT_WRITABLE, *writable)
    for point in reversed(_mount_points()):
        if not os.path.exists(point):
            continue  # it lies in what was covered, out of everybody's reach
        if not any(point == keep or point.startswith(("/dev/", "/proc/")) for keep in kept):
            mount("none", point, None, MS_REMOUNT | MS_BIND | MS_RDONLY)
    mount("proc", "/proc", "proc", 0, "hidepid=invisible,subset=pid")


def _bind_again(number: int, path: str) -> None:
    """Put what is held open back into its place, which may have been covered."""
    target, source = Path(path), Path(f"/proc/self/fd/{number}")
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            target.mkdir()
        else:
            target.touch()
    mount(str(source), path, None, MS_BIND | MS_REC)


def _mount_points() -> list[str]:
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    return [line.split()[4].replace("\\040", " ") for line in lines]


# ---- the system calls


class Comparison(ctypes.Structure):
    """libseccomp's `struct scmp_arg_cmp`."""

    _fields_ = (
        ("arg", ctypes.c_uint),
        ("op", ctypes.c_int),
        ("a", ctypes.c_uint64),
        ("b", ctypes.c_uint64),
    )


NOT_EQUAL, LESS, EQUAL, GREATER, MASKED_EQUAL = 1, 2, 4, 6, 7
ALLOW = 0x7FFF0000


def refuse(number: int) -> int:
    return 0x00050000 | number


class Filter:
    """One seccomp filter; several may lie over each other."""

    def __init__(self, default: int) -> None:
        self._lib = ctypes.CDLL(ctypes.util.find_library("seccomp"))
        self._lib.seccomp_init.restype = ctypes.c_void_p
        self._context = ctypes.c_void_p(self._lib.seccomp_init(ctypes.c_uint32(default)))

    def add(self, action: int, call: str, *comparisons: Comparison) -> None:
        """One rule; calls that this machine does not know are passed over, as systemd does."""
        number = self._lib.seccomp_syscall_resolve_name(call.encode())
        if number < 0:
            return
        array = (Comparison * len(comparisons))(*comparisons)
        result = self._lib.seccomp_rule_add_array(
            self._context, ctypes.c_uint32(action), number, len(comparisons), array
        )
        if result != 0:
            raise OSError(-result, f"seccomp refuses the rule about {call}")

    def load(self) -> None:
        """From now on, for this process and all that comes of it."""
        result = self._lib.seccomp_load(self._context)
        if result != 0:
            raise OSError(-result, "seccomp cannot load the filter")


def forbid_system_calls(allowed: set[str]) -> None:
    """The unit's filters."""
    unit = directives(SERVICE)
    calls = Filter(refuse(getattr(errno, unit["SystemCallErrorNumber"][0])))
    for name in allowed:
        calls.add(ALLOW, name)
    others = Filter(ALLOW)
    families = sorted(int(getattr(socket, name)) for name in unit["RestrictAddressFamilies"][0].split())
    refused = refuse(errno.EAFNOSUPPORT)
    others.add(refused, "socket", Comparison(0, LESS, families[0]))
    others.add(refused, "socket", Comparison(0, GREATER, families[-1]))
    for family in set(range(families[0], families[-1])) - set(families):
        others.add(refused, "socket", Comparison(0, EQUAL, family))
    if unit["RestrictNamespaces"] == ["yes"]:
        others.add(refuse(errno.EPERM), "unshare")
        others.add(refuse(errno.EPERM), "setns")
    if unit["MemoryDenyWriteExecute"] == ["yes"]:
        both = mmap.PROT_WRITE | mmap.PROT_EXEC
        others.add(refuse(errno.EPERM), "mmap", Comparison(2, MASKED_EQUAL, both, both))
        for name in ("mprotect", "pkey_mprotect"):
            others.add(refuse(errno.EPERM), name, Comparison(2, MASKED_EQUAL, mmap.PROT_EXEC, mmap.PROT_EXEC))
    others.load()
    calls.load()


# ---- from outside


def possible() -> str:
    """Empty when this can work here, else the reason why not."""
    if os.getuid() != 0:
        return "only root may build the unit's file system without systemd"
    if ctypes.util.find_library("seccomp") is None:
        return "libseccomp is not installed"
    for command in (["unshare", "--mount", "--ipc", "true"], ["systemd-analyze", "syscall-filter", "@chown"]):
        try:
            result = subprocess.run(command, capture_output=True, text=True, check=False)
        except FileNotFoundError:
            return f"{command[0]} is not installed"
        if result.returncode != 0:
            return f"{command[0]} is not allowed here: {result.stderr.strip()}"
    return ""


def main(plan: dict[str, Any]) -> None:
    """Build the walls, then become the program."""
    allowed = system_calls(SERVICE)  # asks systemd-analyze, which could not run behind the walls
    build_file_system(plan["writable"], plan["readable"])
    for capability in range(64):
        prctl(PR_CAPBSET_DROP, capability)
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    os.chdir("/")
    forbid_system_calls(allowed)
    os.execve(plan["command"][0], plan["command"], plan["environ"])


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text()))
