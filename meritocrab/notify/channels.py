"""Which ways out are configured."""

from __future__ import annotations

from collections.abc import Mapping

from meritocrab.notify.address import Address
from meritocrab.notify.base import Channel
from meritocrab.notify.command import Command
from meritocrab.settings import NotifySettings


def channels_of(settings: NotifySettings, *, show_output: bool = False) -> Mapping[str, Channel]:
    """The configured channels by name: `command`, `url`.

    Args:
        show_output: let the command write to our own terminal.
    """
    found: dict[str, Channel] = {}
    if settings.command:
        found["command"] = Command(settings.command, show_output=show_output)
    if settings.url is not None:
        token = settings.token.get_secret_value() if settings.token is not None else None
        found["url"] = Address(settings.url, token)
    return found
