"""Addresses of commit statuses."""

from __future__ import annotations

from meritocrab.demo.listings import paged
from meritocrab.demo.messages import HttpError, Reply, invalid
from meritocrab.demo.rights import may_write
from meritocrab.demo.routing import Call, Routes

STATUS_STATES = ("error", "failure", "pending", "success")

routes = Routes()


@routes.on("POST", "statuses/{name}")
def create_status(call: Call) -> Reply:
    """Set a commit status."""
    may_write(call, ("statuses",), "push")
    sha, data = call.args[0], call.request.json()
    if sha not in call.repo.shas:
        raise HttpError(422, f"No commit found for SHA: {sha}")
    if data.get("state") not in STATUS_STATES:
        raise invalid("Status", "state", f"state must be one of {', '.join(STATUS_STATES)}", "invalid")
    description, context = data.get("description"), data.get("context", "default")
    if description is not None and len(description) > 140:
        raise invalid("Status", "description", "description is too long (maximum is 140 characters)")
    actor, url = call.actor.login, data.get("target_url")
    status = call.world.set_status(call.name, sha, data["state"], context, description, actor, url)
    return Reply(call.render.status(call.repo, sha, status), 201)


@routes.on("GET", "commits/{name}/statuses")
def list_statuses(call: Call) -> Reply:
    """All statuses of a commit, newest first."""
    sha = known_sha(call)
    found = list(reversed(call.repo.statuses.get(sha, [])))
    return paged(call, found, lambda status: call.render.status(call.repo, sha, status))


@routes.on("GET", "commits/{name}/status")
def combined_status(call: Call) -> Reply:
    """The latest status of each context, and what they add up to."""
    sha = known_sha(call)
    latest = {status.context: status for status in call.repo.statuses.get(sha, [])}
    states = {status.state for status in latest.values()}
    state = "failure" if states & {"error", "failure"} else "success" if states == {"success"} else "pending"
    shown = [call.render.status(call.repo, sha, status) for status in latest.values()]
    url = f"{call.render.repo_url(call.repo)}/commits/{sha}"
    repo = call.render.repo(call.repo)
    return Reply(
        {
            "state": state,
            "statuses": shown,
            "sha": sha,
            "total_count": len(shown),
            "repository": repo,
            "commit_url": url,
            "url": f"{url}/status",
        }
    )


def known_sha(call: Call) -> str:
    """The commit that the path names."""
    if call.args[0] not in call.repo.shas:
        raise HttpError(422, f"No commit found for SHA: {call.args[0]}")
    return call.args[0]
