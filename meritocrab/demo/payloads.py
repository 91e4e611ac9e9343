"""JSON shapes of what happens in a repository: threads, comments, reviews, events, files and statuses."""

from __future__ import annotations

import hashlib

from meritocrab.demo.messages import JSON, not_found
from meritocrab.demo.objects import (
    Account,
    Comment,
    FeedEntry,
    IssueEvent,
    PullFile,
    Repository,
    Review,
    Status,
    Thread,
    node_id,
    stamp,
)
from meritocrab.demo.payloads_base import WEB, BaseRender


class Render(BaseRender):
    """Objects of the world as GitHub's JSON."""

    def _common(self, repo: Repository, thread: Thread) -> JSON:
        """What issues and pull requests show alike."""
        association = thread.association or repo.association(thread.author, opener=thread.pull is not None)
        assignees = [self.user(account) for account in thread.assignees]
        return {
            "number": thread.number,
            "state": thread.state,
            "locked": thread.locked,
            "active_lock_reason": thread.lock_reason,
            "title": thread.title,
            "user": self.user(thread.author),
            "body": thread.body,
            "labels": [self.label(repo, name) for name in thread.labels],
            "milestone": None,
            "assignee": assignees[0] if assignees else None,
            "assignees": assignees,
            "created_at": stamp(thread.created_at),
            "closed_at": stamp(thread.closed_at) if thread.closed_at is not None else None,
            "author_association": association,
        }

    def issue(self, repo: Repository, thread: Thread, *, single: bool = False) -> JSON:
        """An issue, or the issue side of a pull request."""
        root = self.repo_url(repo)
        url, kind = f"{root}/issues/{thread.number}", "issues" if thread.pull is None else "pull"
        payload = self._common(repo, thread) | {
            "id": thread.id,
            "node_id": thread.node_id if thread.pull is None else thread.pull.node_id,
            "url": url,
            "repository_url": root,
            "labels_url": f"{url}/labels{{/name}}",
            "comments_url": f"{url}/comments",
            "events_url": f"{url}/events",
            "html_url": f"{WEB}/{repo.full_name}/{kind}/{thread.number}",
            "comments": len(thread.comment_ids),
            "updated_at": stamp(thread.updated_at),
            "reactions": self.rollup(url, thread.reactions),
            "timeline_url": f"{url}/timeline",
            "performed_via_github_app": None,
            "state_reason": thread.state_reason,
        }
        if thread.pull is not None:
            payload["draft"] = thread.pull.draft
            payload["pull_request"] = self._pull_link(root, repo, thread)
        if single:
            payload["closed_by"] = self.user(thread.closed_by)
        return payload

    def _pull_link(self, root: str, repo: Repository, thread: Thread) -> JSON:
        page = f"{WEB}/{repo.full_name}/pull/{thread.number}"
        merged_at = thread.pull.merged_at if thread.pull is not None else None
        return {
            "url": f"{root}/pulls/{thread.number}",
            "html_url": page,
            "diff_url": f"{page}.diff",
            "patch_url": f"{page}.patch",
            "merged_at": stamp(merged_at) if merged_at is not None else None,
        }

    def pull(self, repo: Repository, thread: Thread, repo_payload: JSON) -> JSON:
        """A pull request as the list shows it; each one embeds the repository."""
        pull, root = thread.pull, self.repo_url(repo)
        if pull is None:
            raise not_found()
        url, issue_url = f"{root}/pulls/{thread.number}", f"{root}/issues/{thread.number}"
        page = f"{WEB}/{repo.full_name}/pull/{thread.number}"
        return self._common(repo, thread) | {
            "id": pull.id,
            "node_id": pull.node_id,
            "url": url,
            "html_url": page,
            "diff_url": f"{page}.diff",
            "patch_url": f"{page}.patch",
            "issue_url": issue_url,
            "commits_url": f"{url}/commits",
            "review_comments_url": f"{url}/comments",
            "review_comment_url": f"{root}/pulls/comments{{/number}}",
            "comments_url": f"{issue_url}/comments",
            "statuses_url": f"{root}/statuses/{pull.head_sha}",
            "updated_at": stamp(pull.updated_at),
            "merged_at": stamp(pull.merged_at) if pull.merged_at is not None else None,
            "merge_commit_sha": pull.merge_commit_sha,
            "requested_reviewers": [self.user(account) for account in pull.reviewers],
            "requested_teams": [],
            "draft": pull.draft,
            "head": self._head(repo, thread.author, pull.head_ref, pull.head_sha),
            "base": {
                "label": f"{repo.owner.login}:{pull.base_ref}",
                "ref": pull.base_ref,
                "sha": hashlib.sha1(repo.full_name.encode(), usedforsecurity=False).hexdigest(),
                "user": self.user(repo.owner),
                "repo": repo_payload,
            },
            "_links": {
                name: {"href": address} for name, address in self._pull_addresses(repo, thread).items()
            },
            "auto_merge": None,
        }

    def _pull_addresses(self, repo: Repository, thread: Thread) -> dict[str, str]:
        root, sha = self.repo_url(repo), thread.pull.head_sha if thread.pull is not None else ""
        url, issue_url = f"{root}/pulls/{thread.number}", f"{root}/issues/{thread.number}"
        return {
            "self": url,
            "html": f"{WEB}/{repo.full_name}/pull/{thread.number}",
            "issue": issue_url,
            "comments": f"{issue_url}/comments",
            "review_comments": f"{url}/comments",
            "review_comment": f"{root}/pulls/comments{{/number}}",
            "commits": f"{url}/commits",
            "statuses": f"{root}/statuses/{sha}",
        }

    def _head(self, repo: Repository, author: Account | None, ref: str, sha: str) -> JSON:
        user = self.user(author)
        if author is None or user is None or author.deleted:
            return {"label": f"unknown repository:{ref}", "ref": ref, "sha": sha, "user": user, "repo": None}
        twin = Repository(repo.id + author.id, author, repo.name, repo.created_at, node_id=repo.node_id)
        twin.default_branch = repo.default_branch
        fork = self.repo(twin) | {"fork": True}
        return {"label": f"{author.login}:{ref}", "ref": ref, "sha": sha, "user": user, "repo": fork}

    def single_pull(self, repo: Repository, thread: Thread) -> JSON:
        """A pull request with what only its own address tells."""
        payload, pull = self.pull(repo, thread, self.repo(repo)), thread.pull
        if pull is None:
            raise not_found()
        additions, deletions, changed = pull.changes
        return payload | {
            "merged": pull.merged_at is not None,
            "mergeable": None if thread.state == "closed" else True,
            "rebaseable": None if thread.state == "closed" else True,
            "mergeable_state": "unknown" if thread.state == "closed" else "clean",
            "merged_by": self.user(pull.merged_by),
            "comments": len(thread.comment_ids),
            "review_comments": 0,
            "maintainer_can_modify": False,
            "commits": pull.commits,
            "additions": additions,
            "deletions": deletions,
            "changed_files": changed,
        }

    def comment(self, repo: Repository, comment: Comment) -> JSON:
        """A conversation comment."""
        root = self.repo_url(repo)
        thread = repo.threads.get(comment.number)
        kind = "pull" if thread is not None and thread.pull is not None else "issues"
        url = f"{root}/issues/comments/{comment.id}"
        return {
            "url": url,
            "html_url": f"{WEB}/{repo.full_name}/{kind}/{comment.number}#issuecomment-{comment.id}",
            "issue_url": f"{root}/issues/{comment.number}",
            "id": comment.id,
            "node_id": comment.node_id,
            "user": self.user(comment.author),
            "created_at": stamp(comment.created_at),
            "updated_at": stamp(comment.updated_at),
            "author_association": comment.association or repo.association(comment.author),
            "body": comment.body,
            "reactions": self.rollup(url, comment.reactions),
            "performed_via_github_app": self.app(comment.app),
        }

    def node_comment(self, repo: Repository, comment: Comment) -> JSON:
        """A comment as GraphQL shows it."""
        edited = comment.last_edited_at
        return {
            "__typename": "IssueComment",
            "id": comment.node_id,
            "databaseId": comment.id,
            "fullDatabaseId": str(comment.id),
            "author": self.node_actor(comment.author),
            "editor": self.node_actor(comment.editor),
            "lastEditedAt": stamp(edited) if edited is not None else None,
            "includesCreatedEdit": False,
            "body": comment.body,
            "createdAt": stamp(comment.created_at),
            "updatedAt": stamp(comment.updated_at),
            "url": self.comment(repo, comment)["html_url"],
        }

    def review(self, repo: Repository, number: int, review: Review) -> JSON:
        """A review; a pending one has no `submitted_at`."""
        url = f"{self.repo_url(repo)}/pulls/{number}"
        page = f"{WEB}/{repo.full_name}/pull/{number}#pullrequestreview-{review.id}"
        payload = {
            "id": review.id,
            "node_id": review.node_id,
            "user": self.user(review.author),
            "body": review.body,
            "state": review.state,
            "html_url": page,
            "pull_request_url": url,
            "author_association": review.association or repo.association(review.author),
            "_links": {"html": {"href": page}, "pull_request": {"href": url}},
            "commit_id": review.commit_id,
        }
        if review.submitted_at is not None:
            payload["submitted_at"] = stamp(review.submitted_at)
        return payload

    def event(self, repo: Repository, event: IssueEvent) -> JSON:
        """A transition in a thread."""
        extra = {key: self.user(v) if isinstance(v, Account) else v for key, v in event.extra.items()}
        commit = extra.get("commit_id")
        return {
            "id": event.id,
            "node_id": event.node_id,
            "url": f"{self.repo_url(repo)}/issues/events/{event.id}",
            "actor": self.user(event.actor),
            "event": event.event,
            "commit_id": None,
            "commit_url": f"{self.repo_url(repo)}/commits/{commit}" if commit else None,
            "created_at": stamp(event.created_at),
            "performed_via_github_app": self.app(event.app),
            **extra,
        }

    def file(self, repo: Repository, sha: str, changed: PullFile) -> JSON:
        """A changed file; binaries have no patch."""
        blob = hashlib.sha1(f"{sha}{changed.filename}".encode(), usedforsecurity=False).hexdigest()
        payload: JSON = {
            "sha": blob,
            "filename": changed.filename,
            "status": "modified" if changed.deletions else "added",
            "additions": changed.additions,
            "deletions": changed.deletions,
            "changes": changed.additions + changed.deletions,
            "blob_url": f"{WEB}/{repo.full_name}/blob/{sha}/{changed.filename}",
            "raw_url": f"{WEB}/{repo.full_name}/raw/{sha}/{changed.filename}",
            "contents_url": f"{self.repo_url(repo)}/contents/{changed.filename}?ref={sha}",
        }
        if changed.patch is not None:
            payload["patch"] = changed.patch
        return payload

    def status(self, repo: Repository, sha: str, status: Status) -> JSON:
        """A commit status."""
        return {
            "url": f"{self.repo_url(repo)}/statuses/{sha}",
            "id": status.id,
            "node_id": node_id("SC", status.id),
            "state": status.state,
            "description": status.description,
            "target_url": status.target_url,
            "context": status.context,
            "created_at": stamp(status.created_at),
            "updated_at": stamp(status.created_at),
            "creator": (creator := self.user(status.creator)),
            "avatar_url": creator["avatar_url"] if creator is not None else None,
        }

    def feed_entry(self, repo: Repository, entry: FeedEntry) -> JSON:
        """An item of the Events API."""
        thread = repo.threads.get(entry.number)
        payload: JSON = {"action": entry.action, "number": entry.number}
        if thread is not None:
            payload["issue"] = self.issue(repo, thread)
        if entry.kind == "IssueCommentEvent" and entry.object_id in repo.comments:
            payload["comment"] = self.comment(repo, repo.comments[entry.object_id])
        return {
            "id": str(entry.id),
            "type": entry.kind,
            "actor": self.user(entry.actor),
            "repo": {"id": repo.id, "name": repo.full_name, "url": self.repo_url(repo)},
            "payload": payload,
            "public": not repo.private,
            "created_at": stamp(entry.created_at),
        }
