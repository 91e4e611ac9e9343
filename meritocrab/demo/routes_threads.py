"""Addresses of issues and pull requests, which share most of what can be asked and changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from meritocrab.demo.listings import in_state, paged, since
from meritocrab.demo.messages import HttpError, Reply, invalid
from meritocrab.demo.objects import Thread
from meritocrab.demo.rights import kind_of, may_write
from meritocrab.demo.routing import Call, Routes

routes = Routes()


@routes.on("GET", "issues")
def list_issues(call: Call) -> Reply:
    """Issues and pull requests; `since` goes by the last update."""
    call.need_issues()
    query, start = call.request.query, since(call)
    found = in_state(call, call.repo.threads.values())
    if start is not None:
        found = [thread for thread in found if thread.updated_at >= start]
    for name in filter(None, query.get("labels", "").split(",")):
        found = [thread for thread in found if name.lower() in map(str.lower, thread.labels)]
    if "creator" in query:
        found = [
            t for t in found if t.author is not None and t.author.login.lower() == query["creator"].lower()
        ]
    found.sort(key=_issue_order(query.get("sort", "created")), reverse=query.get("direction") != "asc")
    return paged(call, found, lambda thread: call.render.issue(call.repo, thread))


def _issue_order(sort: str) -> Callable[[Thread], Any]:
    if sort == "updated":
        return lambda thread: (thread.updated_at, thread.number)
    if sort == "comments":
        return lambda thread: (len(thread.comment_ids), thread.number)
    return lambda thread: (thread.created_at, thread.number)


@routes.on("GET", "issues/{number}")
def get_issue(call: Call) -> Reply:
    """One issue, or the issue side of a pull request."""
    return Reply(call.render.issue(call.repo, call.thread(), single=True))


@routes.on("GET", "issues/{number}/events")
def list_events(call: Call) -> Reply:
    """The transitions of a thread, oldest first."""
    return paged(call, call.thread().events, lambda event: call.render.event(call.repo, event))


@routes.on("GET", "issues/{number}/timeline")
def list_timeline(call: Call) -> Reply:
    """Transitions, comments and reviews of a thread in one list."""
    thread, repo, render = call.thread(), call.repo, call.render
    items = [(event.created_at, render.event(repo, event)) for event in thread.events]
    for comment in (repo.comments[id_] for id_ in thread.comment_ids):
        told = render.comment(repo, comment)
        items.append((comment.created_at, told | {"event": "commented", "actor": told["user"]}))
    for review in thread.pull.reviews if thread.pull is not None else ():
        if review.submitted_at is not None:
            told = render.review(repo, thread.number, review)
            items.append((review.submitted_at, told | {"event": "reviewed"}))
    return paged(call, sorted(items, key=lambda item: item[0]), lambda item: item[1])


@routes.on("GET", "issues/{number}/labels")
def list_labels(call: Call) -> Reply:
    """The labels of a thread."""
    return paged(call, call.thread().labels, lambda name: call.render.label(call.repo, name))


@routes.on("GET", "pulls")
def list_pulls(call: Call) -> Reply:
    """Pull requests. There is no `since` here, and none is refused."""
    query = call.request.query
    sort = query.get("sort", "created")
    found = in_state(call, (thread for thread in call.repo.threads.values() if thread.pull is not None))
    direction = query.get("direction", "desc" if sort == "created" else "asc")
    found.sort(key=_pull_order(sort), reverse=direction == "desc")
    embedded = call.render.repo(call.repo)
    return paged(call, found, lambda thread: call.render.pull(call.repo, thread, embedded))


def _pull_order(sort: str) -> Callable[[Thread], Any]:
    if sort == "updated":
        return lambda thread: (thread.pull.updated_at if thread.pull else thread.updated_at, thread.number)
    return _issue_order("comments" if sort == "popularity" else "created")


@routes.on("GET", "pulls/{number}")
def get_pull(call: Call) -> Reply:
    """One pull request with its counts."""
    return Reply(call.render.single_pull(call.repo, call.thread(pull=True)))


@routes.on("GET", "pulls/{number}/reviews")
def list_reviews(call: Call) -> Reply:
    """The reviews of a pull request, oldest first; a pending one shows to its author only."""
    thread = call.thread(pull=True)
    reviews = thread.pull.reviews if thread.pull is not None else []
    shown = [r for r in reviews if r.state != "PENDING" or r.author is call.principal.account]
    return paged(call, shown, lambda review: call.render.review(call.repo, thread.number, review))


@routes.on("GET", "pulls/{number}/files")
def list_files(call: Call) -> Reply:
    """The changed files with their patches."""
    pull = call.thread(pull=True).pull
    files, sha = (pull.files, pull.head_sha) if pull is not None else ([], "")
    return paged(call, files, lambda changed: call.render.file(call.repo, sha, changed))


@routes.on("PATCH", "issues/{number}")
def update_issue(call: Call) -> Reply:
    """Close, reopen or reword an issue, or a pull request by its issue side."""
    thread = call.thread()
    change_thread(call, thread, "Issue", kind_of(thread))
    return Reply(call.render.issue(call.repo, thread, single=True))


@routes.on("PATCH", "pulls/{number}")
def update_pull(call: Call) -> Reply:
    """Close, reopen or reword a pull request."""
    thread = call.thread(pull=True)
    change_thread(call, thread, "PullRequest", ("pull_requests",))
    return Reply(call.render.single_pull(call.repo, thread))


def change_thread(call: Call, thread: Thread, resource: str, permissions: tuple[str, ...]) -> None:
    """Apply the state, title and body of a PATCH."""
    data = call.request.json()
    may_write(call, permissions, "triage", thread.author)
    state, actor = data.get("state"), call.actor.login
    if state not in (None, "open", "closed"):
        raise invalid(resource, "state", f"{state} is not a valid state", "invalid")
    if state == "open":
        _reopen(call, thread)
    if state == "closed":
        call.world.close(call.name, thread.number, actor, data.get("state_reason"))
    if data.get("title"):
        call.world.edit_title(call.name, thread.number, data["title"], actor)
    if "body" in data:
        call.world.edit_body(call.name, thread.number, data["body"])


def _reopen(call: Call, thread: Thread) -> None:
    pull = thread.pull
    if pull is not None and thread.state == "closed":
        if pull.merged_at is not None:
            raise invalid(
                "PullRequest", "state", "state cannot be changed. The pull request is merged.", "invalid"
            )
        if pull.cannot_reopen:
            message = f"state cannot be changed. The {pull.head_ref} branch was force-pushed or recreated."
            raise invalid("PullRequest", "state", message, "invalid")
    call.world.reopen(call.name, thread.number, call.actor.login)


@routes.on("POST", "issues/{number}/labels")
def add_labels(call: Call) -> Reply:
    """Add labels; new names become labels of the repository."""
    thread, data = call.thread(), call.request.json()
    names = data.get("labels") if isinstance(data, dict) else data
    may_write(call, kind_of(thread), "triage")
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise HttpError(422, 'Invalid request.\n\n"labels" wasn\'t supplied.')
    for name in names:
        if len(name) > 50:
            raise invalid("Label", "name", "name is too long (maximum is 50 characters)")
        call.world.label(call.name, thread.number, name, call.actor.login)
    return Reply([call.render.label(call.repo, name) for name in thread.labels])


@routes.on("DELETE", "issues/{number}/labels/{name}")
def remove_label(call: Call) -> Reply:
    """Remove one label."""
    thread, name = call.thread(), call.args[1]
    may_write(call, kind_of(thread), "triage")
    if name.lower() not in map(str.lower, thread.labels):
        raise HttpError(404, "Label does not exist")
    call.world.unlabel(call.name, thread.number, name, call.actor.login)
    return Reply([call.render.label(call.repo, name) for name in thread.labels])
