"""The first line of every screen: how the daemon is, in the fewest words. Pure."""

from __future__ import annotations

from datetime import datetime

from textual.content import Content

from meritocrab.localapi.protocol import Health, HealthStatus, QuotaHealth
from meritocrab.tui import words
from meritocrab.tui.board import Board
from meritocrab.tui.messages import LinkState

STATUS = {
    HealthStatus.HEALTHY: words.Look("●", "healthy", words.GOOD),
    HealthStatus.DEGRADED: words.Look("▲", "degraded", words.FAIR),
    HealthStatus.UNHEALTHY: words.Look("✗", "unhealthy", words.BAD),
}
LINK = {
    LinkState.CONNECTING: words.Look("◌", "connecting …", words.QUIET),
    LinkState.NO_DAEMON: words.Look("✗", "no daemon", words.BAD),
    LinkState.NO_PERMISSION: words.Look("✗", "no permission", words.BAD),
    LinkState.NOT_UNDERSTOOD: words.Look("✗", "another version", words.BAD),
}


def state(board: Board) -> words.Look:
    """How the daemon is, or why that is not known."""
    if board.link is LinkState.LIVE and board.health is not None:
        return STATUS[board.health.status]
    return LINK.get(board.link, LINK[LinkState.CONNECTING])


def status_line(board: Board, now: datetime) -> Content:
    """State, enforcement, quota and queue."""
    look = state(board)
    parts: list[Content] = [Content.styled("meritocrab", "bold"), Content.styled(look.label, look.style)]
    if board.health is not None:
        parts.append(Content(str(board.health.enforcement)))
        parts += _quota(board.health, now)
        review = board.health.queues.review
        parts.append(
            Content.styled(f"{review:,} to review", f"{words.NOTED} bold" if review else words.QUIET)
        )
    return Content(" ") + Content.styled("  ·  ", "dim").join(parts)


def warning(board: Board) -> str:
    """What every screen has to say above all else: that it shows old things, or that everything is paused."""
    if board.health is None:
        return ""
    if board.link is not LinkState.LIVE:
        return f"▲ {board.link.capitalize()}. What you see is old; ctrl+r tries again now. {board.reason}"
    paused = board.health.paused
    if paused is None:
        return ""
    by = f" by {paused.by}" if paused.by else ""
    why = f": {paused.reason}" if paused.reason else ""
    return f"‖ Everything is paused{by}{why}. Nothing is written to GitHub until `meritocrab resume`."


def scarcest(health: Health) -> QuotaHealth | None:
    """The credential with the least of its limit left."""
    known = [quota for quota in health.quota if quota.limit and quota.remaining is not None]
    return min(known, key=lambda quota: (quota.remaining or 0) / (quota.limit or 1), default=None)


def _quota(health: Health, now: datetime) -> list[Content]:
    quota = scarcest(health)
    if quota is None:
        return []
    if quota.blocked_until is not None and quota.blocked_until > now:
        return [Content.styled(f"▲ GitHub limit {words.until(quota.blocked_until, now)}", words.FAIR)]
    few = (quota.remaining or 0) * 10 < (quota.limit or 1)
    return [Content.styled(f"quota {quota.remaining:,}/{quota.limit:,}", words.FAIR if few else "")]
