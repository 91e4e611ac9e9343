"""What only pull requests can do: drafts, pushes, reviews, merges, and the statuses of their commits."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime

from meritocrab.demo.foundation import locked
from meritocrab.demo.objects import Pull, PullFile, Repository, Review, Status, Thread, node_id
from meritocrab.demo.threads import Threads

ChangedFile = tuple[str, int, int, str | None]


class Pulls(Threads):
    """Pull requests beyond their issue side."""

    def __init__(self, start: datetime | None = None) -> None:
        super().__init__(start)
        self.reviews_touch_issue = False

    @locked
    def open_pull(
        self,
        repo: str,
        author: str | None,
        title: str = "A change",
        body: str | None = "It makes things better.",
        *,
        draft: bool = False,
        files: Iterable[ChangedFile] = (("README.md", 1, 0, "@@ -1 +1,2 @@\n title\n+line"),),
        head_sha: str | None = None,
        head_ref: str = "patch-1",
    ) -> int:
        """Open a pull request and return its number; `files` are (name, additions, deletions, patch)."""
        repository = self._edit(repo)
        thread = self._new_thread(repository, author, title, body)
        sha = head_sha or self._fresh_sha(repository, thread.number)
        thread.pull = Pull(
            self.next_id(), sha, head_ref, repository.default_branch, thread.updated_at, draft=draft
        )
        thread.pull.node_id = node_id("PR", thread.pull.id)
        thread.pull.files = [PullFile(*changed) for changed in files]
        repository.shas.add(sha)
        self._announce("opened", repository, thread, thread.author)
        return thread.number

    def _fresh_sha(self, repository: Repository, number: int) -> str:
        text = f"{repository.id}/{number}/{self.next_id()}"
        return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()

    def _pull_for_edit(self, repo: str, number: int) -> tuple[Repository, Thread, Pull]:
        repository, thread = self._open_for_edit(repo, number)
        if thread.pull is None:
            raise ValueError(f"{repo}#{number} is an issue")
        return repository, thread, thread.pull

    @locked
    def request_review(self, repo: str, number: int, reviewer: str, actor: str | None = None) -> None:
        """Ask somebody for a review."""
        _, thread, pull = self._pull_for_edit(repo, number)
        account, by = self.ensure_user(reviewer), self._actor_or_author(actor, thread)
        pull.reviewers.append(account)
        self._event(thread, "review_requested", by, requested_reviewer=account, review_requester=by)

    @locked
    def review(
        self, repo: str, number: int, author: str | None, state: str = "APPROVED", body: str = ""
    ) -> int:
        """Submit a review and return its id; state is APPROVED, CHANGES_REQUESTED, COMMENTED or PENDING."""
        repository, thread, pull = self._pull_for_edit(repo, number)
        now, id_, account = self._second(), self.next_id(), self._someone(author)
        submitted = None if state == "PENDING" else now
        review = Review(id_, account, state, body, submitted, pull.head_sha, node_id("PRR", id_))
        pull.reviews.append(review)
        if submitted is not None:
            thread.moved(now, issue=self.reviews_touch_issue)
            self._announce("reviewed", repository, thread, account, id_, body)
        return id_

    @locked
    def dismiss_review(
        self, repo: str, number: int, review_id: int, actor: str | None, message: str = ""
    ) -> None:
        """Dismiss a review."""
        _, thread, pull = self._pull_for_edit(repo, number)
        review = next(review for review in pull.reviews if review.id == review_id)
        told = {"state": review.state.lower(), "review_id": review_id, "dismissal_message": message}
        review.state = "DISMISSED"
        self._event(thread, "review_dismissed", self._someone(actor), dismissed_review=told)

    @locked
    def merge(self, repo: str, number: int, actor: str | None) -> None:
        """Merge an open pull request, which also closes it."""
        repository, thread, pull = self._pull_for_edit(repo, number)
        if thread.state != "open":
            raise ValueError(f"{repo}#{number} is closed")
        account = self._someone(actor)
        pull.merged_at, pull.merged_by = self._second(), account
        pull.merge_commit_sha = self._fresh_sha(repository, number)
        if thread.author is not None:
            repository.contributors.add(thread.author.id)
        self._event(thread, "merged", account, commit_id=pull.merge_commit_sha)
        self._close(repository, thread, account)
        self._announce("merged", repository, thread, account)

    @locked
    def ready_for_review(self, repo: str, number: int, actor: str | None = None) -> None:
        """Turn a draft into a pull request proper, by its author unless `actor` says otherwise."""
        _, thread, pull = self._pull_for_edit(repo, number)
        if pull.draft:
            pull.draft = False
            self._event(thread, "ready_for_review", self._actor_or_author(actor, thread))

    @locked
    def convert_to_draft(self, repo: str, number: int, actor: str | None = None) -> None:
        """Turn a pull request into a draft, by its author unless `actor` says otherwise."""
        _, thread, pull = self._pull_for_edit(repo, number)
        if not pull.draft:
            pull.draft = True
            self._event(thread, "convert_to_draft", self._actor_or_author(actor, thread))

    @locked
    def push(
        self, repo: str, number: int, head_sha: str | None = None, files: Iterable[ChangedFile] | None = None
    ) -> str:
        """Add a commit and return the new head; a closed pull request keeps its old one."""
        repository, thread, pull = self._pull_for_edit(repo, number)
        sha = head_sha or self._fresh_sha(repository, number)
        repository.shas.add(sha)
        if thread.state == "open":
            pull.head_sha = sha
            pull.commits += 1
            if files is not None:
                pull.files = [PullFile(*changed) for changed in files]
            thread.moved(self._second())
        return sha

    @locked
    def force_push(
        self, repo: str, number: int, head_sha: str | None = None, actor: str | None = None
    ) -> str:
        """Rewrite the branch and return the new head; done while closed, it rules out reopening."""
        repository, thread, pull = self._pull_for_edit(repo, number)
        sha = head_sha or self._fresh_sha(repository, number)
        repository.shas.add(sha)
        if thread.state == "open":
            pull.head_sha = sha
        else:
            pull.cannot_reopen = True
        self._event(thread, "head_ref_force_pushed", self._actor_or_author(actor, thread), commit_id=sha)
        return sha

    @locked
    def set_status(
        self,
        repo: str,
        sha: str,
        state: str,
        context: str = "default",
        description: str | None = None,
        creator: str | None = None,
        target_url: str | None = None,
    ) -> Status:
        """Set a commit status."""
        repository = self._edit(repo)
        account = self._someone(creator)
        status = Status(self.next_id(), state, context, description, target_url, account, self._second())
        repository.statuses.setdefault(sha, []).append(status)
        on = next((t for t in repository.threads.values() if t.pull and t.pull.head_sha == sha), None)
        if on is not None:
            self._announce("status", repository, on, account, status.id, state)
        return status

    @locked
    def statuses(self, repo: str, sha: str) -> list[Status]:
        """The statuses of a commit, oldest first."""
        return list(self.repository(repo).statuses.get(sha, []))
