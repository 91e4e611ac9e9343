"""The policy in force of each repository: its own file, as last read and still good, over the daemon's settings."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from meritocrab.core.names import Enforcement
from meritocrab.core.policy import POLICY_FILE_NAME, Policy, parse_repository_policy
from meritocrab.store import repositories
from meritocrab.store.models import Repository

BREAKER = "breaker"
"""Who set the enforcement of a braked repository, as the sources of a policy name it."""

BasePolicy = Callable[..., Policy]
"""The daemon's own settings for a repository, by its full name and the names it had before."""


def own_settings(repository: Repository, base: BasePolicy) -> Policy:
    """The daemon's settings for this repository: a table under a former name counts until one has the new name."""
    return base(repository.full_name, *repositories.former_names(repository.id))


def in_force(repository: Repository, base: BasePolicy) -> Policy | None:
    """The rules for this repository; None while its own file was never read.

    Raises:
        PolicyError: the stored file does not fit the daemon's present settings.
    """
    if repository.policy_read_at is None:
        return None
    policy = own_settings(repository, base)
    if repository.policy_text is not None:
        policy = _overlay(repository.policy_text, policy)
    if repository.access == "anonymous":
        policy = policy.model_copy(update={"enforcement": Enforcement.OBSERVE, "answer_commands": False})
    return braked(policy, repository)


def braked(policy: Policy, repository: Repository) -> Policy:
    """The same rules, at `observe` while the breaker is in force, and naming it as the source."""
    return policy if repository.braked_at is None else policy.at_most_observing(BREAKER)


@lru_cache(maxsize=256)
def _overlay(text: str, base: Policy) -> Policy:
    return parse_repository_policy(text, base, POLICY_FILE_NAME).policy
