"""How much a model may be asked: the limits as values, and the rule that says when one of them is reached.

What is not asked is not lost: it waits in the review queue for a human.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

BUDGET_REQUESTS: Final = "budget_requests"
BUDGET_TOKENS: Final = "budget_tokens"
BUDGET_COST: Final = "budget_cost"
BUDGET_REPOSITORY: Final = "budget_repository"
AUTHOR_CEILING: Final = "author_ceiling"

UNASKED: Final = frozenset({BUDGET_REQUESTS, BUDGET_TOKENS, BUDGET_COST, BUDGET_REPOSITORY, AUTHOR_CEILING})
"""Why an item waits for a human without a verdict."""

MICROS: Final = 1_000_000
"""Money is counted in millionths of the currency that the price table is written in."""


@dataclass(frozen=True, slots=True)
class Price:
    """What a model costs, per million tokens in and out."""

    input: float
    output: float

    def cost(self, input_tokens: int, output_tokens: int) -> int:
        """Millionths of the currency; so many tokens at so much per million make just that."""
        return round(input_tokens * self.input + output_tokens * self.output)


@dataclass(frozen=True, slots=True)
class Budget:
    """The limits: per UTC day over all and for one repository, per hour for one author; None is no limit.

    Money is in millionths of the currency.
    """

    requests: int | None = None
    tokens: int | None = None
    cost: int | None = None
    repository_tokens: int | None = None
    repository_cost: int | None = None
    author_per_hour: int | None = None


@dataclass(frozen=True, slots=True)
class Spent:
    """What was used up so far today, over all and for one repository.

    `author_questions` counts the author's contributions in this repository that were asked about within the hour.
    """

    requests: int = 0
    tokens: int = 0
    cost: int = 0
    repository_tokens: int = 0
    repository_cost: int = 0
    author_questions: int = 0


def exhausted(budget: Budget, spent: Spent, *, tokens: int, cost: int) -> str | None:
    """The limit that one more question of this size would break, as a code; None when it may be asked.

    Args:
        tokens, cost: an estimate from above of what the question and its answer will use.
    """
    limits = (
        (AUTHOR_CEILING, spent.author_questions, 1, budget.author_per_hour),
        (BUDGET_REQUESTS, spent.requests, 1, budget.requests),
        (BUDGET_TOKENS, spent.tokens, tokens, budget.tokens),
        (BUDGET_COST, spent.cost, cost, budget.cost),
        (BUDGET_REPOSITORY, spent.repository_tokens, tokens, budget.repository_tokens),
        (BUDGET_REPOSITORY, spent.repository_cost, cost, budget.repository_cost),
    )
    return next(
        (code for code, used, more, limit in limits if limit is not None and used + more > limit), None
    )
