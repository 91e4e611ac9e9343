"""The screens, in the order of their tabs."""

from __future__ import annotations

from meritocrab.tui.screens.activity import Activity
from meritocrab.tui.screens.contributors import Contributors
from meritocrab.tui.screens.overview import Overview
from meritocrab.tui.screens.policy import PolicyView
from meritocrab.tui.screens.review import Review
from meritocrab.tui.screens.view import View

VIEWS: tuple[type[View], ...] = (Overview, Review, Contributors, Activity, PolicyView)
