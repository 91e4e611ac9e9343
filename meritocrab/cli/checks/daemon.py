"""Is a daemon running, may we talk to it, and what does systemd know of it?"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator, Mapping

from meritocrab.cli.checks.base import Check, Examined, failure, ok, skipped, warning
from meritocrab.localapi.client import BadAnswer, LocalApiError, LocalClient, NoDaemon, NoPermission
from meritocrab.localapi.protocol import Health, HealthStatus

SOCKET, SYSTEMD = "socket", "systemd"

ANSWER_SECONDS = 10.0
UNITS = ("meritocrab.service", "meritocrab.socket")
PROPERTIES = ("Id", "LoadState", "UnitFileState", "ActiveState", "SubState", "Result")


async def look_at_socket(examined: Examined) -> AsyncIterator[Check]:
    """Ask the running daemon how it is."""
    path = examined.socket
    try:
        async with asyncio.timeout(ANSWER_SECONDS), LocalClient(path) as client:
            health = await client.health()
    except TimeoutError:
        what = f"the daemon at {path} does not answer within {ANSWER_SECONDS:.0f} seconds"
        yield failure(SOCKET, what, "`journalctl -u meritocrab` may tell why; then restart it")
    except NoDaemon as error:
        yield _nobody(examined, error)
    except (NoPermission, BadAnswer) as error:
        yield failure(SOCKET, str(error))
    except LocalApiError as error:
        yield failure(SOCKET, f"{path}: {error}")
    else:
        for check in _healthy(examined, health):
            yield check


def _nobody(examined: Examined, error: NoDaemon) -> Check:
    path = examined.socket
    if path.exists() and not path.is_socket():
        return failure(SOCKET, str(error), f"remove {path}, or set [api] socket")
    if path.is_socket():
        what = f"nobody listens at {path}, which a daemon that was killed has left"
        return warning(SOCKET, what, "start the daemon; it puts its own in the place")
    return warning(
        SOCKET,
        f"no daemon is running: there is no {path}",
        "`meritocrab run`, or `meritocrab service install`",
    )


def _healthy(examined: Examined, health: Health) -> Iterator[Check]:
    what = f"meritocrab {health.version} answers at {examined.socket}: {health.status}"
    if health.status is HealthStatus.HEALTHY:
        yield ok(SOCKET, what)
        return
    line = failure if health.status is HealthStatus.UNHEALTHY else warning
    yield line(SOCKET, f"{what} ({'; '.join(health.reasons)})", "`meritocrab status` tells more")


# --- systemd


async def look_at_systemd(_: Examined) -> AsyncIterator[Check]:
    """Is there a unit of the system or of this user, does it start by itself, and does it run?"""
    if shutil.which("systemctl") is None:
        yield skipped(SYSTEMD, "there is no systemd here")
        return
    scopes = (("", ()), (" --user", ("--user",)))
    found = {word: await _show(options) for word, options in scopes}
    if all(units is None for units in found.values()):
        yield skipped(SYSTEMD, "systemd does not run here")
        return
    installed = {word: units for word, units in found.items() if units and _is_installed(units)}
    if not installed:
        yield warning(
            SYSTEMD, "no unit is installed: nothing starts the daemon", "`meritocrab service install`"
        )
    for word, units in installed.items():
        for check in _judged(word, units):
            yield check


Units = Mapping[str, Mapping[str, str]]


async def _show(options: tuple[str, ...]) -> Units | None:
    """The properties of our units by name; None when this systemd does not answer."""
    process = await asyncio.create_subprocess_exec(
        *("systemctl", *options, "show", *UNITS, f"--property={','.join(PROPERTIES)}"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            out, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        return None
    return _parsed(out.decode("utf-8", "replace")) if process.returncode == 0 else None


def _parsed(text: str) -> Units:
    """One block of KEY=VALUE lines for each unit, with an empty line between them."""
    units = {}
    for block in text.strip().split("\n\n"):
        values = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        units[values.get("Id", "")] = values
    return units


def _is_installed(units: Units) -> bool:
    return units.get(UNITS[0], {}).get("LoadState", "not-found") not in ("not-found", "")


def _judged(word: str, units: Units) -> Iterator[Check]:
    service = units[UNITS[0]]
    load, enabled, active = (service.get(key, "") for key in ("LoadState", "UnitFileState", "ActiveState"))
    name, control = f"{UNITS[0]}{' of this user' if word else ''}", f"systemctl{word}"
    if load != "loaded":
        yield failure(SYSTEMD, f"{name} is {load}", f"`{control} status meritocrab` tells why")
        return
    if active == "failed":
        what = f"{name} has failed ({service.get('Result', 'no reason given')})"
        yield failure(SYSTEMD, what, f"`journalctl{word} -u meritocrab -e` tells why")
    elif active == "activating" and service.get("SubState") == "auto-restart":
        yield failure(
            SYSTEMD, f"{name} ends again and again", f"`journalctl{word} -u meritocrab -e` tells why"
        )
    elif active not in ("active", "activating", "reloading"):
        yield warning(SYSTEMD, f"{name} is {active or 'not running'}", f"`{control} start meritocrab`")
    else:
        yield ok(SYSTEMD, f"{name} is {active}, {enabled or 'not enabled'}")
    if enabled not in ("enabled", "enabled-runtime", "linked", "static", "generated", "alias"):
        yield warning(SYSTEMD, f"{name} does not start with the machine", f"`{control} enable meritocrab`")
