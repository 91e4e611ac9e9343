"""The rules in force for one repository, and how a repository's own `.meritocrab.toml` changes them.

Everything that decides (gate, scores, blacklist, wording) asks a `Policy` and nothing else, so that the
same policy, stored, gives the same decision again. The file in the repository lies over the daemon's
settings key by key; it is a stranger's text until it has passed through `parse_repository_policy`, and it
may lower how far the daemon goes on GitHub, never raise it.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from string import Formatter
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from meritocrab.core.names import Classification, Enforcement, Role
from meritocrab.core.toml_errors import Expected, Path, Places, Rule, Table, dotted, parse_toml, validate
from meritocrab.errors import ConfigError, PolicyError, Problem

POLICY_FILE_NAME = ".meritocrab.toml"
MAX_POLICY_BYTES = 64 * 1024
MAX_CREDIT = 10_000
MAX_JUDGE_NOTES = 4_000
MAX_WORDING = 2_000

DEFAULT_SOURCE = "default"

# The accounts behind the common maintenance apps: dependabot, renovate, github-actions, pre-commit-ci
DEFAULT_APP_IDS = (49_699_333, 29_139_614, 41_898_282, 66_853_113)

_GATING_ROLES = frozenset({Role.ADMIN, Role.MAINTAIN, Role.WRITE, Role.TRIAGE})
_ROLE_WORDS = '"admin", "maintain", "write" or "triage"'


def _may_be_privileged(role: Role) -> Role:
    if role not in _GATING_ROLES:
        raise ValueError(
            f'"{role.value}" cannot be listed: on a public repository everybody has it; use {_ROLE_WORDS}'
        )
    return role


def _distinct(values: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(dict.fromkeys(values))


def _plain_text(text: str) -> str:
    bad = next((char for char in text if char not in "\n\t" and not _is_text(char)), None)
    if bad is not None:
        raise ValueError(f"holds the control character U+{ord(bad):04X}; remove it")
    return text


def _is_text(char: str) -> bool:
    return char.isprintable() or (char.isspace() and char not in "\r\v\f\x1c\x1d\x1e\x1f\x85\u2028\u2029")


def _template(allowed: tuple[str, ...]) -> AfterValidator:
    """A check that a text is a template with these placeholders only, and hides nothing in HTML comments."""

    def check(text: str) -> str:
        if not text.strip():
            raise ValueError("is empty; write a text, or leave the key out for the built-in one")
        if "<!--" in text or "-->" in text:
            raise ValueError("must not hold an HTML comment; the bot marks its own comments with them")
        for name in _placeholders(text):
            if name not in allowed:
                known = ", ".join(f"{{{each}}}" for each in allowed) or "none"
                shown = json.dumps(f"{{{name[:40]}}}")
                raise ValueError(
                    f"unknown placeholder {shown}; allowed: {known}; write a brace as {{{{ or }}}}"
                )
        return text

    return AfterValidator(check)


def _placeholders(text: str) -> Iterator[str]:
    try:
        for _, name, spec, conversion in Formatter().parse(text):
            if name is not None:
                extras = (f"!{conversion}" if conversion else "") + (f":{spec}" if spec else "")
                yield name + extras
    except ValueError:
        raise ValueError("has an unpaired brace; write a brace as {{ or }}") from None


Delta = Annotated[
    int,
    Field(strict=True, ge=-MAX_CREDIT, le=MAX_CREDIT),
    Expected("a whole number between -10000 and 10000"),
]
Credit = Annotated[
    int, Field(strict=True, ge=0, le=MAX_CREDIT), Expected("a whole number between 0 and 10000")
]
WordingText = Annotated[str, Field(max_length=MAX_WORDING), AfterValidator(_plain_text)]
Roles = Annotated[
    tuple[Annotated[Role, AfterValidator(_may_be_privileged)], ...],
    AfterValidator(_distinct),
    Expected(f"a list of roles out of {_ROLE_WORDS}"),
]
AccountId = Annotated[int, Field(strict=True, ge=1, le=2**63 - 1)]
AccountIds = Annotated[
    tuple[AccountId, ...],
    AfterValidator(_distinct),
    Field(max_length=1000),
    Expected(
        "a list of up to 1000 numeric account ids (a login can pass to somebody else; "
        "api.github.com/users/LOGIN shows the id)"
    ),
]
Seconds = Annotated[int, Field(strict=True, ge=0, le=86_400)]


class ScoreTable(Table):
    """What one kind of contribution earns or costs, by the class of its verdict."""

    spam: Delta = 0
    low: Delta = 0
    acceptable: Delta = 0
    high: Delta = 0

    def for_class(self, classification: Classification) -> int:
        """The signed change of credit for a verdict of this class."""
        scores = {
            Classification.SPAM: self.spam,
            Classification.LOW: self.low,
            Classification.ACCEPTABLE: self.acceptable,
            Classification.HIGH: self.high,
        }
        return scores[classification]


class PullRequestScores(ScoreTable):
    """A pull request opened."""

    spam: Delta = -25
    low: Delta = -5
    acceptable: Delta = 5
    high: Delta = 15


class CommentScores(ScoreTable):
    """A comment on a pull request."""

    spam: Delta = -10
    low: Delta = -2
    acceptable: Delta = 1
    high: Delta = 3


class BonusScores(ScoreTable):
    """A kind of contribution for which `bonus = N` may stand for `acceptable` and `high` alike."""

    bonus: Annotated[Delta | None, Expected("a whole number between -10000 and 10000")] = Field(
        default=None, exclude=True, repr=False
    )

    @model_validator(mode="before")
    @classmethod
    def _spread_bonus(cls, data: Any) -> Any:
        bonus = data.get("bonus") if isinstance(data, dict) else None
        if not isinstance(bonus, int) or isinstance(bonus, bool) or abs(bonus) > MAX_CREDIT:
            return data
        return {"acceptable": bonus, "high": bonus, **data}

    def broken_rules(self) -> Iterable[Rule]:
        """`bonus` together with other numbers for what it stands for."""
        if self.bonus is not None and not self.bonus == self.acceptable == self.high:
            yield Rule(
                ("bonus", "acceptable", "high"),
                'is another spelling of "acceptable" and "high"; set one or the other',
            )


class MergeScores(BonusScores):
    """A pull request merged."""

    acceptable: Delta = 20
    high: Delta = 20


class ReviewScores(BonusScores):
    """A review submitted."""

    acceptable: Delta = 5
    high: Delta = 5


class RoleRules(Table):
    """Whom the gate lets pass by role, and who may command the bot."""

    privileged: Roles = (Role.ADMIN, Role.MAINTAIN, Role.WRITE)
    commanders: Roles = (Role.ADMIN, Role.MAINTAIN)


class ExemptRules(Table):
    """Accounts that pass the gate whatever their credit, by numeric id."""

    users: AccountIds = ()
    apps: AccountIds = DEFAULT_APP_IDS

    def covers(self, account_id: int) -> bool:
        """Is this account listed, as a user or as an app?"""
        return account_id in self.users or account_id in self.apps


class BlacklistRules(Table):
    """How people come to the blacklist, and how a shadow close is timed."""

    automatic: Annotated[
        Literal["on", "confirm"],
        Expected('"on" (crossing the threshold blacklists) or "confirm" (it proposes that in the queue)'),
    ] = "on"
    delay: Annotated[
        tuple[Seconds, Seconds],
        Expected("two whole numbers of seconds between 0 and 86400, the shortest and the longest delay"),
    ] = (30, 120)

    def broken_rules(self) -> Iterable[Rule]:
        """A shortest delay that is longer than the longest."""
        if self.delay[0] > self.delay[1]:
            yield Rule(
                ("delay",), "the first number is larger than the second; write the shortest delay first"
            )


class LlmRules(Table):
    """When a verdict applies without a human. With `confirm_negative`, what costs credit needs two that agree."""

    confidence: Annotated[
        float,
        Field(strict=True, ge=0, le=1, allow_inf_nan=False),
        Expected("a number between 0 and 1"),
    ] = 0.85
    confirm_negative: Annotated[bool, Field(strict=True), Expected("true or false")] = True


class BreakerRules(Table):
    """When the daemon stops closing by itself; 0 lets it close as many as it wants."""

    closes_per_hour: Annotated[
        int, Field(strict=True, ge=0, le=10_000), Expected("a whole number between 0 and 10000")
    ] = 10

    @property
    def bound(self) -> float:
        """The limit as a number that can be compared."""
        return self.closes_per_hour or math.inf


class WordingRules(Table):
    """A repository's own texts in place of the built-in ones; None keeps the built-in one."""

    denied: Annotated[
        Annotated[WordingText, _template(("login", "score", "threshold"))] | None,
        Expected(f"a text of up to {MAX_WORDING} characters"),
    ] = None
    blacklisted: Annotated[
        Annotated[WordingText, _template(())] | None,
        Expected(f"a text of up to {MAX_WORDING} characters"),
    ] = None


class CreditRules(Table):
    """The numbers: the `[credit]` table of the daemon's file, the top level of `.meritocrab.toml`."""

    starting_credit: Credit = 100
    pr_threshold: Credit = 50
    blacklist_threshold: Credit = 0
    earn_daily_cap: Credit = 10
    pr_opened: PullRequestScores = PullRequestScores()
    comment: CommentScores = CommentScores()
    pr_merged: MergeScores = MergeScores()
    review_submitted: ReviewScores = ReviewScores()

    def broken_rules(self) -> Iterable[Rule]:
        """Thresholds that contradict each other."""
        if self.blacklist_threshold >= self.starting_credit:
            yield Rule(
                ("blacklist_threshold", "starting_credit"),
                f"blacklist_threshold ({self.blacklist_threshold}) must be below starting_credit "
                f"({self.starting_credit}), or every newcomer starts blacklisted; lower it",
            )
        if self.pr_threshold <= self.blacklist_threshold:
            yield Rule(
                ("pr_threshold", "blacklist_threshold"),
                f"pr_threshold ({self.pr_threshold}) must be above blacklist_threshold "
                f"({self.blacklist_threshold}); raise it",
            )


class ConductRules(Table):
    """What the daemon does in a repository, apart from the numbers."""

    enforcement: Annotated[Enforcement, Expected('"observe", "label", "hold" or "close"')] = (
        Enforcement.OBSERVE
    )
    answer_commands: Annotated[bool, Field(strict=True), Expected("true or false")] = False
    status_answers_per_day: Annotated[
        int, Field(strict=True, ge=0, le=100), Expected("a whole number between 0 and 100")
    ] = 3
    judge_notes: Annotated[
        str,
        Field(max_length=MAX_JUDGE_NOTES),
        AfterValidator(_plain_text),
        Expected(f"a text of up to {MAX_JUDGE_NOTES} characters"),
    ] = ""
    roles: RoleRules = RoleRules()
    exempt: ExemptRules = ExemptRules()
    blacklist: BlacklistRules = BlacklistRules()
    breaker: BreakerRules = BreakerRules()
    llm: LlmRules = LlmRules()
    wording: WordingRules = WordingRules()


class PolicyRules(CreditRules, ConductRules):
    """Every key that `.meritocrab.toml` knows."""


class Policy(PolicyRules):
    """All rules in force for one repository; `Policy()` is the built-in default.

    `set_by` names the source of every key that is not the default. It explains a policy and decides nothing:
    compare `fingerprint()` to learn whether two policies are the same rules.
    """

    set_by: tuple[tuple[str, str], ...] = Field(default=(), repr=False)

    def fingerprint(self) -> str:
        """16 hexadecimal digits that change when a rule changes; the same on every machine."""
        return self._digest

    @cached_property
    def _digest(self) -> str:
        return hashlib.sha256(_canonical(self.rules()).encode()).hexdigest()[:16]

    def at_most_observing(self, source: str) -> Policy:
        """These rules with enforcement `observe`, whoever set it before; `source` is named as the one who did."""
        labels = tuple(sorted({**dict(self.set_by), "enforcement": source}.items()))
        lowered = self.model_copy(update={"enforcement": Enforcement.OBSERVE, "set_by": labels})
        lowered.__dict__.pop("_digest", None)  # the copy would keep the fingerprint of other rules
        return lowered

    def rules(self) -> dict[str, Any]:
        """Every rule as plain JSON values, without the sources."""
        return self.model_dump(mode="json", exclude={"set_by"})

    def to_json(self) -> str:
        """The policy with its sources as one line of JSON, for `from_json`."""
        return _canonical({**self.rules(), "set_by": self.set_by})

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The policy that `to_json` wrote.

        Raises pydantic's `ValidationError` (a `ValueError`) when the text is not such a policy, for
        instance one cached by another version: read the policy afresh then.
        """
        return cls.model_validate_json(text)

    def sources(self) -> dict[str, str]:
        """For every key, by dotted path, who set it: `DEFAULT_SOURCE` or a source's label."""
        known = dict(self.set_by)
        return {key: known.get(key, DEFAULT_SOURCE) for key in dotted_keys(self.rules())}

    def overlaid(self, values: Mapping[str, Any], places: Places, label: str) -> Policy:
        """This policy with the values of one configuration source on top; tables lie over tables key by key.

        `label` is how `sources()` will name that source. Raises `ConfigError` with all problems.
        """
        rules = validate(PolicyRules, overlay(self.rules(), values), places)
        return Policy.of(rules, dict(self.set_by) | keys_set_by(values, label))

    @classmethod
    def of(cls, rules: PolicyRules, set_by: Mapping[str, str]) -> Policy:
        """These rules with their sources, by dotted key (those of unknown keys are left out)."""
        values = rules.model_dump(mode="json", exclude={"set_by"})
        known = {key: set_by[key] for key in dotted_keys(values) if key in set_by}
        return cls.model_validate({**values, "set_by": tuple(sorted(known.items()))})


@dataclass(frozen=True, slots=True)
class PolicyFile:
    """A repository's policy file, read: the policy in force and what the maintainer should know about it."""

    policy: Policy
    source: str
    notices: tuple[Problem, ...] = ()


def parse_repository_policy(text: str | bytes, base: Policy, source: str) -> PolicyFile:
    """The policy that a repository's `.meritocrab.toml` makes of `base`, the daemon's policy for that
    repository.

    `source` names the file in messages, such as "owner/name/.meritocrab.toml". An enforcement above the
    daemon's, or answers that the daemon does not allow, are cut back and reported as notices. Raises
    `PolicyError` with all problems; the text is untrusted and nothing else is raised, whatever it holds.
    """
    try:
        decoded = _decoded(text, source)
        values = parse_toml(decoded, source)
        places = Places(source, decoded)
        policy = base.overlaid(values, places, POLICY_FILE_NAME)
    except ConfigError as error:
        raise PolicyError(_with_hints(error.problems)) from None
    except RecursionError:
        raise PolicyError([Problem(source, "values are nested too deeply")]) from None
    bounded, clamped = _within(base, policy, places)
    return PolicyFile(bounded, source, (*clamped, *_doubts(bounded, places)))


def overlay(base: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with `values` on top, key by key; `bonus` takes the place of the numbers that it stands for."""
    merged = dict(base)
    for key, value in values.items():
        below = merged.get(key)
        if isinstance(value, Mapping) and isinstance(below, Mapping):
            hidden = ("acceptable", "high") if "bonus" in value else ()
            merged[key] = overlay({name: each for name, each in below.items() if name not in hidden}, value)
        else:
            merged[key] = value
    return merged


def keys_set_by(values: Mapping[str, Any], label: str) -> dict[str, str]:
    """`label` for every dotted key that one configuration source sets."""
    return dict.fromkeys(dotted_keys(_spread(values)), label)


def dotted_keys(values: Mapping[str, Any], prefix: Path = ()) -> Iterator[str]:
    """The dotted path of every value that is not a table."""
    for key, value in values.items():
        path = (*prefix, key)
        if isinstance(value, Mapping):
            yield from dotted_keys(value, path)
        else:
            yield dotted(path)


def policy_doubts(policy: Policy, places: Places) -> tuple[Problem, ...]:
    """Legal settings that probably mean something else, as warnings for the maintainer."""
    return tuple(_doubts(policy, places))


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _decoded(text: str | bytes, source: str) -> str:
    size = len(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
    if size > MAX_POLICY_BYTES:
        raise ConfigError([Problem(source, f"is {size} bytes long; keep it below {MAX_POLICY_BYTES}")])
    try:
        raw = text if isinstance(text, bytes) else text.encode("utf-8")
        return raw.decode("utf-8-sig")
    except UnicodeError:
        raise ConfigError([Problem(source, "is not UTF-8 text; save it as UTF-8")]) from None


def _with_hints(problems: Iterable[Problem]) -> Iterator[Problem]:
    for problem in problems:
        if problem.key == "credit":
            text = "unknown key; in this file the keys of [credit] stand at the top, without that heading"
            yield Problem(problem.source, text, problem.key, problem.line)
        else:
            yield problem


def _within(base: Policy, policy: Policy, places: Places) -> tuple[Policy, list[Problem]]:
    """The policy cut back to what the daemon's own configuration allows, with what was cut."""
    changes: dict[str, Any] = {}
    if policy.enforcement.rank > base.enforcement.rank:
        changes["enforcement"] = base.enforcement
    if policy.answer_commands and not base.answer_commands:
        changes["answer_commands"] = False
    if policy.breaker.bound > base.breaker.bound:
        changes["breaker"] = base.breaker
    if not changes:
        return policy, []
    paths = {key: (key, "closes_per_hour") if key == "breaker" else (key,) for key in changes}
    notices = [_clamped(path, base, places) for path in paths.values()]
    cut, labels = [dotted(path) for path in paths.values()], dict(base.set_by)
    kept = {key: label for key, label in policy.set_by if key not in cut}
    kept |= {key: labels[key] for key in cut if key in labels}
    return policy.model_copy(update={**changes, "set_by": tuple(sorted(kept.items()))}), notices


def _clamped(path: Path, base: Policy, places: Places) -> Problem:
    allowed: Any = base
    for key in path:
        allowed = getattr(allowed, str(key))
    value = str(allowed).lower()
    text = (
        f"a repository can only lower this; the daemon's own configuration says {value}, which stays in force"
    )
    return places.problem(path, text)


def _doubts(policy: Policy, places: Places) -> Iterator[Problem]:
    if policy.starting_credit < policy.pr_threshold:
        written = [key for key in ("pr_threshold", "starting_credit") if places.find((key,))]
        text = (
            f"newcomers start with {policy.starting_credit} credit, below the threshold of "
            f"{policy.pr_threshold}: the gate stops everybody's first pull request"
        )
        yield places.problem(((written or ["pr_threshold"])[0],), text)


def _spread(values: Mapping[str, Any]) -> dict[str, Any]:
    """`values` with `bonus` written out as the keys that it sets."""
    result: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping) and "bonus" in value:
            others = {name: each for name, each in value.items() if name != "bonus"}
            result[key] = {**others, "acceptable": value["bonus"], "high": value["bonus"]}
        else:
            result[key] = value
    return result
