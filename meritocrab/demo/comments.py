"""What people say in threads: comments, edits, deletions and reactions.

Comments have a global id of their own, by which they are found without knowing their thread; whoever deletes
a comment, or an issue with its comments, must take that id away too.
"""

from __future__ import annotations

from datetime import datetime

from meritocrab.demo.foundation import locked
from meritocrab.demo.objects import Comment, Reaction, Repository, node_id
from meritocrab.demo.threads import Threads


class Comments(Threads):
    """The conversation in each thread."""

    def __init__(self, start: datetime | None = None) -> None:
        super().__init__(start)
        self._nodes: dict[str, tuple[Repository, Comment]] = {}

    @locked
    def comment(self, repo: str, number: int, author: str | None, body: str) -> int:
        """Comment on an issue or pull request and return the comment's id."""
        repository, thread = self._open_for_edit(repo, number)
        now, id_ = self._second(), self.next_id()
        account = self._someone(author)
        comment = Comment(id_, number, account, body, now, now, node_id("IC", id_), app=self._app)
        self.import_comment(repository, comment)
        thread.moved(now)
        self._announce("commented", repository, thread, account, comment.id, body)
        return id_

    def import_comment(self, repository: Repository, comment: Comment) -> None:
        """File a comment under its thread and its node id; later ids will be greater than its own."""
        self._last_id = max(self._last_id, comment.id)
        repository.comments[comment.id] = comment
        repository.threads[comment.number].comment_ids.append(comment.id)
        self._nodes[comment.node_id] = (repository, comment)

    @locked
    def comments(self, repo: str, number: int) -> list[Comment]:
        """The comments of a thread in the order they were made."""
        repository = self.repository(repo)
        return [repository.comments[id_] for id_ in self.thread(repo, number).comment_ids]

    def find_node(self, node: str) -> tuple[Repository, Comment] | None:
        """The comment with this global id, if it still exists."""
        return self._nodes.get(node)

    @locked
    def edit_comment(self, repo: str, comment_id: int, body: str, editor: str | None = None) -> None:
        """Change a comment's text, by its author unless `editor` says otherwise."""
        repository = self._edit(repo)
        comment = repository.comments[comment_id]
        comment.editor = self._someone(editor) if editor is not None else comment.author
        comment.body = body
        comment.updated_at = comment.last_edited_at = self._second()
        thread = repository.threads[comment.number]
        thread.moved(comment.updated_at)
        self._announce("comment_edited", repository, thread, comment.editor, comment_id, body)

    @locked
    def delete_comment(self, repo: str, comment_id: int, actor: str | None = None) -> None:
        """Delete a comment; only an issue event tells of it."""
        repository = self._edit(repo)
        comment = repository.comments.pop(comment_id)
        self._nodes.pop(comment.node_id, None)
        thread = repository.threads[comment.number]
        thread.comment_ids.remove(comment_id)
        by = self._someone(actor) if actor is not None else comment.author
        self._event(thread, "comment_deleted", by)
        self._announce("comment_deleted", repository, thread, by, comment_id)

    @locked
    def delete_issue(self, repo: str, number: int) -> None:
        """Delete an issue, which then answers 410."""
        repository, thread = self._open_for_edit(repo, number)
        for id_ in thread.comment_ids:
            self._nodes.pop(repository.comments.pop(id_).node_id, None)
        del repository.threads[number]
        repository.gone.add(number)

    @locked
    def react(
        self, repo: str, author: str | None, content: str, *, comment_id: int | None = None, number: int = 0
    ) -> tuple[Reaction, bool]:
        """React to a comment, or to a thread; returns the reaction and whether it is new."""
        repository = self._edit(repo)
        comment = repository.comments[comment_id] if comment_id is not None else None
        thread = self.thread(repo, comment.number if comment is not None else number)
        holder, account = comment or thread, self._someone(author)
        for known in holder.reactions:
            if known.user is account and known.content == content:
                return known, False
        reaction = Reaction(self.next_id(), account, content, self._second())
        holder.reactions = [*holder.reactions, reaction]
        self._announce("reacted", repository, thread, account, comment_id, content)
        return reaction, True
