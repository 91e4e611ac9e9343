"""The screens, in the order of their tabs; each is imported when it is first seen, so that the first comes at once."""

from __future__ import annotations

from enum import StrEnum
from importlib import import_module
from typing import NamedTuple

from meritocrab.tui.screens.view import View


class Place(StrEnum):
    """Where one can be."""

    OVERVIEW = "overview"
    REVIEW = "review"
    CONTRIBUTORS = "contributors"
    ACTIVITY = "activity"
    POLICY = "policy"
    NO_DAEMON = "no-daemon"


class _Made(NamedTuple):
    module: str
    name: str


_KINDS = {
    Place.OVERVIEW: _Made("overview", "Overview"),
    Place.REVIEW: _Made("review", "Review"),
    Place.CONTRIBUTORS: _Made("contributors", "Contributors"),
    Place.ACTIVITY: _Made("activity", "Activity"),
    Place.POLICY: _Made("policy", "PolicyView"),
    Place.NO_DAEMON: _Made("no_daemon", "NoDaemonView"),
}

TABS: dict[Place, str] = {
    Place.OVERVIEW: "Overview",
    Place.REVIEW: "Review",
    Place.CONTRIBUTORS: "Contributors",
    Place.ACTIVITY: "Activity",
    Place.POLICY: "Policy",
}
"""The places with a tab, and what it says."""


def make(place: Place) -> View:
    """A screen, to be mounted."""
    module, name = _KINDS[place]
    kind: type[View] = getattr(import_module(f"{__name__}.{module}"), name)
    return kind(id=place.value)
