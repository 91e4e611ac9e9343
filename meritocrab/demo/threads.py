"""What issues and pull requests have in common: states, labels, assignees, locks and titles.

On GitHub a pull request is an issue with more to it. Everything that both can do is here, with the issue
events and stamps it leaves behind.
"""

from __future__ import annotations

from typing import Any

from meritocrab.demo.audience import Audience
from meritocrab.demo.foundation import locked
from meritocrab.demo.objects import Account, IssueEvent, Repository, Thread, node_id
from meritocrab.demo.repositories import Repositories


class Threads(Repositories, Audience):
    """Issues, and the issue side of pull requests."""

    def _new_thread(self, repository: Repository, author: str | None, title: str, body: str | None) -> Thread:
        number, id_, now = repository.next_number, self.next_id(), self._second()
        repository.next_number = number + 1
        thread = Thread(id_, number, title, body, self._someone(author), now, now, node_id("I", id_))
        repository.threads[number] = thread
        return thread

    @locked
    def open_issue(
        self, repo: str, author: str | None, title: str = "An issue", body: str | None = "It does not work."
    ) -> int:
        """Open an issue and return its number."""
        repository = self._edit(repo)
        thread = self._new_thread(repository, author, title, body)
        self._announce("opened", repository, thread, thread.author)
        return thread.number

    @locked
    def thread(self, repo: str, number: int) -> Thread:
        """The issue or pull request of this number."""
        found = self.repository(repo).threads.get(number)
        if found is None:
            raise KeyError(f"{repo} has no issue or pull request {number}")
        return found

    def _open_for_edit(self, repo: str, number: int) -> tuple[Repository, Thread]:
        thread = self.thread(repo, number)
        return self._edit(repo), thread

    def _event(self, thread: Thread, event: str, actor: Account | None, **extra: Any) -> IssueEvent:
        now, id_ = self._second(), self.next_id()
        happened = IssueEvent(id_, event, actor, now, extra, self._app, node_id("EV", id_))
        thread.events.append(happened)
        thread.moved(now)
        return happened

    def _actor_or_author(self, actor: str | None, thread: Thread) -> Account | None:
        return thread.author if actor is None else self._someone(actor)

    @locked
    def close(self, repo: str, number: int, actor: str | None, reason: str | None = None) -> None:
        """Close an issue or pull request; closing a closed one does nothing."""
        repository, thread = self._open_for_edit(repo, number)
        if thread.state == "open":
            self._close(repository, thread, self._someone(actor), reason)

    def _close(
        self, repository: Repository, thread: Thread, actor: Account | None, reason: str | None = None
    ) -> None:
        thread.state, thread.closed_at, thread.closed_by = "closed", self._second(), actor
        extra: dict[str, Any] = {}
        if thread.pull is None:
            thread.state_reason = extra["state_reason"] = reason or "completed"
        self._event(thread, "closed", actor, **extra)
        self._announce("closed", repository, thread, actor)

    @locked
    def reopen(self, repo: str, number: int, actor: str | None) -> None:
        """Reopen; refused for merged pull requests and for those force-pushed while closed."""
        repository, thread = self._open_for_edit(repo, number)
        if thread.state == "open":
            return
        if thread.pull is not None and (thread.pull.merged_at is not None or thread.pull.cannot_reopen):
            raise ValueError(f"{repo}#{number} cannot be reopened")
        account = self._someone(actor)
        thread.state, thread.closed_at, thread.closed_by = "open", None, None
        thread.state_reason = "reopened" if thread.pull is None else None
        self._event(thread, "reopened", account)
        self._announce("reopened", repository, thread, account)

    @locked
    def assign(self, repo: str, number: int, assignee: str, actor: str | None = None) -> None:
        """Assign somebody, who does so themselves unless `actor` says otherwise."""
        _, thread = self._open_for_edit(repo, number)
        account, by = self.ensure_user(assignee), self.ensure_user(actor or assignee)
        if account not in thread.assignees:
            thread.assignees.append(account)
            self._event(thread, "assigned", by, assignee=account, assigner=by)

    @locked
    def unassign(self, repo: str, number: int, assignee: str, actor: str | None = None) -> None:
        """Take somebody off a thread."""
        _, thread = self._open_for_edit(repo, number)
        account, by = self.ensure_user(assignee), self.ensure_user(actor or assignee)
        if account in thread.assignees:
            thread.assignees.remove(account)
            self._event(thread, "unassigned", by, assignee=account, assigner=by)

    @locked
    def label(self, repo: str, number: int, name: str, actor: str | None) -> None:
        """Add a label, creating it in the repository when it is new there."""
        repository, thread = self._open_for_edit(repo, number)
        if name.lower() in (label.lower() for label in thread.labels):
            return
        account = self._someone(actor)
        repository.labels.setdefault(name, self.next_id())
        thread.labels.append(name)
        self._event(thread, "labeled", account, label={"name": name, "color": "ededed"})
        self._announce("labeled", repository, thread, account, text=name)

    @locked
    def unlabel(self, repo: str, number: int, name: str, actor: str | None) -> None:
        """Remove a label."""
        repository, thread = self._open_for_edit(repo, number)
        kept = [label for label in thread.labels if label.lower() != name.lower()]
        if len(kept) == len(thread.labels):
            raise KeyError(f"{repo}#{number} has no label {name}")
        account = self._someone(actor)
        thread.labels = kept
        self._event(thread, "unlabeled", account, label={"name": name, "color": "ededed"})
        self._announce("unlabeled", repository, thread, account, text=name)

    @locked
    def lock_thread(self, repo: str, number: int, actor: str | None, reason: str | None = None) -> None:
        """Lock the conversation."""
        _, thread = self._open_for_edit(repo, number)
        thread.locked, thread.lock_reason = True, reason
        self._event(thread, "locked", self._someone(actor), lock_reason=reason)

    @locked
    def unlock_thread(self, repo: str, number: int, actor: str | None) -> None:
        """Unlock the conversation."""
        _, thread = self._open_for_edit(repo, number)
        thread.locked, thread.lock_reason = False, None
        self._event(thread, "unlocked", self._someone(actor))

    @locked
    def edit_title(self, repo: str, number: int, title: str, actor: str | None = None) -> None:
        """Change the title, by the author unless `actor` says otherwise."""
        repository, thread = self._open_for_edit(repo, number)
        renamed = {"from": thread.title, "to": title}
        thread.title = title
        account = self._actor_or_author(actor, thread)
        self._event(thread, "renamed", account, rename=renamed)
        self._announce("edited", repository, thread, account, text=title)

    @locked
    def edit_body(self, repo: str, number: int, body: str | None) -> None:
        """Change the opening text."""
        _, thread = self._open_for_edit(repo, number)
        thread.body = body
        thread.moved(self._second())
