"""Which pictures there are, and which keys lead there, in the village after its two days."""

from __future__ import annotations

from typing import NamedTuple


class Scene(NamedTuple):
    """A picture: its name, and the keys from the start."""

    name: str
    keys: tuple[str, ...]


SCENES = (
    Scene("overview", ()),
    Scene("review", ("2", "down", "down")),
    Scene("review-flagged", ("2", *("down",) * 6)),
    Scene("review-blind", ("2", "down", "b")),
    Scene("review-number", ("2", "down", "n")),
    Scene("review-diff", ("2", "down", "down", "d")),
    Scene("review-zoom", ("2", "down", "down", "enter")),
    Scene("review-batch", ("2", "v", "v", "a")),
    Scene("contributors", ("3",)),
    Scene("contributor", ("3", "down", "enter")),
    Scene("blacklist", ("3", "down", "x")),
    Scene("activity", ("4",)),
    Scene("why", ("4", "w")),
    Scene("policy", ("5", "r", *"green", "enter")),
    Scene("help", ("2", "question_mark")),
    Scene("palette", ("2", "ctrl+p", *"why")),
)

FOR_THE_README = ("overview", "review", "review-flagged", "contributor", "activity", "policy")
