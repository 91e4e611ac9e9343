"""Two quiet themes, dark and light; the terminal's own colours are there as Textual's `ansi-dark` and `ansi-light`."""

from __future__ import annotations

from textual.theme import Theme

DARK, LIGHT = "meritocrab-dark", "meritocrab-light"

THEMES = (
    Theme(
        name=DARK,
        primary="#6ea8c8",
        secondary="#9db8a5",
        accent="#7fb4d6",
        success="#8fbf86",
        warning="#e0b15e",
        error="#e07a6f",
        foreground="#d7dce0",
        background="#14181c",
        surface="#181d22",
        panel="#20262c",
        dark=True,
    ),
    Theme(
        name=LIGHT,
        primary="#1f6f99",
        secondary="#3d6b4e",
        accent="#1a6a94",
        success="#2f7a34",
        warning="#8a5a00",
        error="#b23a2e",
        foreground="#23292e",
        background="#fbfaf7",
        surface="#f4f2ed",
        panel="#e9e6df",
        dark=False,
    ),
)
