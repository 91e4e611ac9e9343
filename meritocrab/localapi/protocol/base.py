"""What all models of the local API have in common, and how large things may be."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

MAX_BODY_BYTES = 64 * 1024
LARGEST_PAGE = 200
LARGEST_DELTA = 10_000
LARGEST_PATCH = 20_000
REQUEST_ID = r"^[A-Za-z0-9._:-]{1,100}$"
IDEMPOTENCY_HEADER = "Idempotency-Key"


class Answer(BaseModel):
    """What the daemon says."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Body(BaseModel):
    """What the daemon is told: unknown keys are mistakes."""

    model_config = ConfigDict(frozen=True, extra="forbid")
