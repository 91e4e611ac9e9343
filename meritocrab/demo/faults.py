"""What can go wrong between us and GitHub, on demand.

A daemon that has only met a healthy GitHub has not been tested. Each fault here is something the real
service or the network in between is known to do: answers that never come, answers to writes that did
happen, half a body, a page of HTML, limits with and without advice. Faults are picked by rule and by seed,
never by the clock, so a failing run can be repeated.
"""

from __future__ import annotations

import random
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal[
    "status",
    "cut",
    "truncated",
    "html",
    "hold",
    "secondary",
    "primary",
    "unauthorized",
    "bogus",
    "stale",
    "call",
]
"""What each kind does:

* status: an error answer (502, or `status`).
* cut: the connection dies. truncated: half the body comes, then the connection dies.
* html: a body that is no JSON. bogus: the JSON is changed by `change`.
* hold: the answer waits `seconds`.
* secondary: a limit on bursts (403, or `status`), with or without `retry_after`.
* primary: the hour's quota is used up, for `seconds` more. unauthorized: 401.
* stale: reads show what was `seconds` ago.
* call: run `call(method, path)` before the answer is made, e.g. to shift a list between two pages.
"""

_ALONGSIDE = ("stale", "call")
_LATE = ("truncated", "html", "bogus")


class ConnectionCutError(Exception):
    """Raised by a hook of the world to cut the connection at that point."""


@dataclass
class Fault:
    """One rule: which requests it meets, how often, and what happens to them."""

    kind: Kind
    pattern: re.Pattern[str]
    times: int | None = None
    every: int | None = None
    skip: int = 0
    probability: float | None = None
    seed: int = 0
    when: Literal["before", "after"] = "before"
    status: int | None = None
    seconds: float = 30.0
    retry_after: int | Literal["date"] | None = None
    message: str = ""
    change: Callable[[Any], Any] | None = None
    call: Callable[[str, str], None] | None = None
    seen: int = 0
    fired: int = 0
    _random: random.Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        if self.kind == "bogus" and self.change is None:
            raise ValueError("a bogus fault needs change=, a function from JSON to JSON")
        if self.kind == "call" and self.call is None:
            raise ValueError("a call fault needs call=, a function of method and path")
        if self.kind in _LATE:
            self.when = "after"

    def meets(self, method: str, target: str) -> bool:
        """Whether the rule is about this request; `target` is the path with its query, if any."""
        path = target.partition("?")[0]
        search = self.pattern.search
        return bool(search(f"{method} {target}") or search(f"{method} {path}"))

    def strikes(self) -> bool:
        """Count one request that the rule is about, and say whether it is hit."""
        self.seen += 1
        if self.seen <= self.skip or (self.times is not None and self.fired >= self.times):
            return False
        if self.every is not None and (self.seen - self.skip) % self.every:
            return False
        if self.probability is not None and self._random.random() >= self.probability:
            return False
        self.fired += 1
        return True


class Faults:
    """The rules in force. The first that strikes decides the answer; stale reads and calls come on top."""

    def __init__(self) -> None:
        self.offline = False
        """While true every connection is cut, as when the line at home is down."""
        self._rules: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, kind: Kind, match: str = "", **rule: Any) -> Fault:
        """Put a rule in force and return it (`fired` counts its hits).

        `match` is a regular expression searched in `METHOD /path?query` and in `METHOD /path`. How often:
        `times=n` for the first n, `every=k` for each k-th, `probability=p, seed=s`, `skip=n` to let n pass
        first. `when` is "before" the request is applied (the default) or "after" it.
        """
        fault = Fault(kind=kind, pattern=re.compile(match), **rule)
        with self._lock:
            self._rules.append(fault)
        return fault

    def remove(self, fault: Fault) -> None:
        """Take one rule out of force."""
        with self._lock:
            self._rules = [rule for rule in self._rules if rule is not fault]

    def clear(self) -> None:
        """Take all rules out of force and bring the line back."""
        with self._lock:
            self._rules = []
        self.offline = False

    def pick(self, method: str, target: str) -> tuple[Fault | None, list[Fault]]:
        """The fault that decides this answer, if any, and those that come on top."""
        with self._lock:
            met = [rule for rule in self._rules if rule.meets(method, target)]
            alongside = [rule for rule in met if rule.kind in _ALONGSIDE and rule.strikes()]
            decisive = (rule for rule in met if rule.kind not in _ALONGSIDE and rule.strikes())
            return next(decisive, None), alongside

    def keeps_the_past(self) -> bool:
        """Whether a stale rule is in force, so that earlier states must be kept."""
        return any(rule.kind == "stale" for rule in self._rules)

    def longest_lag(self) -> float:
        """How far back the stale rules look, in seconds."""
        return max((rule.seconds for rule in self._rules if rule.kind == "stale"), default=0.0)


def set_field(name: str, value: Any) -> Callable[[Any], Any]:
    """A `change` that sets a top-level field of the object, or of each object in the list."""
    return _on_each(lambda item: {**item, name: value})


def drop_field(name: str) -> Callable[[Any], Any]:
    """A `change` that removes a top-level field of the object, or of each object in the list."""
    return _on_each(lambda item: {key: value for key, value in item.items() if key != name})


def _on_each(edit: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[[Any], Any]:
    def change(payload: Any) -> Any:
        if isinstance(payload, list):
            return [edit(item) if isinstance(item, dict) else item for item in payload]
        return edit(payload) if isinstance(payload, dict) else payload

    return change
