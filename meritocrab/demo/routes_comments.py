"""Addresses of comments and reactions."""

from __future__ import annotations

from meritocrab.demo.listings import paged, since
from meritocrab.demo.messages import HttpError, Reply, invalid, not_found
from meritocrab.demo.objects import Comment
from meritocrab.demo.payloads_base import REACTIONS
from meritocrab.demo.rights import kind_of, may_write
from meritocrab.demo.routing import Call, Routes

MAX_BODY = 65536

routes = Routes()


@routes.on("GET", "issues/comments")
def list_repository_comments(call: Call) -> Reply:
    """The comments of all threads; `direction` counts only beside `sort`."""
    call.need_issues()
    query, start = call.request.query, since(call)
    found = [c for c in call.repo.comments.values() if start is None or c.updated_at >= start]
    by_update = query.get("sort") == "updated"
    found.sort(
        key=lambda comment: (comment.updated_at if by_update else comment.created_at, comment.id),
        reverse="sort" in query and query.get("direction", "desc") == "desc",
    )
    return paged(call, found, lambda comment: call.render.comment(call.repo, comment))


@routes.on("GET", "issues/{number}/comments")
def list_thread_comments(call: Call) -> Reply:
    """The comments of one thread, oldest first."""
    start = since(call)
    found = [call.repo.comments[id_] for id_ in call.thread().comment_ids]
    found = sorted((c for c in found if start is None or c.updated_at >= start), key=lambda c: c.id)
    return paged(call, found, lambda comment: call.render.comment(call.repo, comment))


@routes.on("GET", "issues/comments/{number}")
def get_comment(call: Call) -> Reply:
    """One comment."""
    return Reply(call.render.comment(call.repo, one_comment(call)))


def one_comment(call: Call) -> Comment:
    """The comment that the path names."""
    comment = call.repo.comments.get(call.number)
    if comment is None:
        raise not_found()
    return comment


@routes.on("POST", "issues/{number}/comments")
def create_comment(call: Call) -> Reply:
    """Comment on an issue or pull request."""
    thread = call.thread()
    may_write(call, kind_of(thread))
    if thread.locked:
        raise HttpError(403, "Unable to create comment because issue is locked.")
    body = text_of(call, "IssueComment")
    id_ = call.world.comment(call.name, thread.number, call.actor.login, body)
    payload = call.render.comment(call.repo, call.repo.comments[id_])
    return Reply(payload, 201, {"location": payload["url"]})


def text_of(call: Call, resource: str) -> str:
    """The `body` of a comment that is being written."""
    data = call.request.json()
    body = data.get("body") if isinstance(data, dict) else None
    if not isinstance(body, str):
        raise HttpError(422, 'Invalid request.\n\n"body" wasn\'t supplied.')
    if not body.strip():
        raise invalid(resource, "body", "Body can't be blank", "missing_field")
    if len(body) > MAX_BODY:
        raise invalid(resource, "data", "Body is too long (maximum is 65536 characters)", "unprocessable")
    return body


@routes.on("PATCH", "issues/comments/{number}")
def update_comment(call: Call) -> Reply:
    """Edit a comment."""
    comment = one_comment(call)
    may_write(call, kind_of(call.repo.threads[comment.number]), "push", comment.author)
    call.world.edit_comment(call.name, comment.id, text_of(call, "IssueComment"), call.actor.login)
    return Reply(call.render.comment(call.repo, comment))


@routes.on("DELETE", "issues/comments/{number}")
def remove_comment(call: Call) -> Reply:
    """Delete a comment."""
    comment = one_comment(call)
    may_write(call, kind_of(call.repo.threads[comment.number]), "push", comment.author)
    call.world.delete_comment(call.name, comment.id, call.actor.login)
    return Reply(status=204)


@routes.on("POST", "issues/comments/{number}/reactions")
def react_to_comment(call: Call) -> Reply:
    """React to a comment."""
    comment = one_comment(call)
    may_write(call, kind_of(call.repo.threads[comment.number]))
    return react(call, comment_id=comment.id)


@routes.on("POST", "issues/{number}/reactions")
def react_to_thread(call: Call) -> Reply:
    """React to an issue or pull request."""
    thread = call.thread()
    may_write(call, kind_of(thread))
    return react(call, number=thread.number)


def react(call: Call, *, comment_id: int | None = None, number: int = 0) -> Reply:
    """React once; the same emoji again is the old one, with 200."""
    data = call.request.json()
    if data.get("content") not in REACTIONS:
        raise invalid("Reaction", "content", "content is not a reaction", "invalid")
    actor = call.actor.login
    reaction, new = call.world.react(call.name, actor, data["content"], comment_id=comment_id, number=number)
    return Reply(call.render.reaction(reaction), 201 if new else 200)


@routes.on("GET", "issues/comments/{number}/reactions")
def list_comment_reactions(call: Call) -> Reply:
    """The reactions to a comment."""
    return paged(call, one_comment(call).reactions, call.render.reaction)
