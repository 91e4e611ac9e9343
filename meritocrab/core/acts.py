"""What people order: `/credit` comments and a maintainer's acts at the terminal, decided the same way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from meritocrab.core import comments, review, standing, upkeep
from meritocrab.core.actions import (
    Action,
    Actor,
    CreditEvent,
    Decision,
    note,
    refuse,
)
from meritocrab.core.commands import (
    Blacklist,
    Broken,
    Check,
    Command,
    Help,
    Override,
    Status,
    Unblacklist,
)
from meritocrab.core.commands import Target as Named
from meritocrab.core.events import Event, OperatorFacts
from meritocrab.core.names import (
    ActionBasis,
    ActionKind,
    ActorKind,
    CreditReason,
    Enforcement,
)
from meritocrab.core.permissions import may_command
from meritocrab.core.policy import Policy
from meritocrab.core.situation import Contributor, Situation, Target

OBEYED_FOR = timedelta(days=1)
"""A command older than this when it is first handled is history."""


def obey(
    event: Event,
    commands: Sequence[Command | Broken],
    situation: Situation,
    policy: Policy,
    now: datetime,
) -> Decision:
    """Carry out the commands of one comment, in order, and answer them in one reply."""
    person = situation.author
    if person is None or not person.account.holds_credit:
        return note("command ignored: not by a person")
    if now - event.occurred_at > OBEYED_FOR:
        return note("command ignored: older than a day")
    if situation.edited_by_other:
        return note("command ignored: the comment was edited by somebody else")
    if not may_command(person.role, policy):
        return _status_only(event, commands, person, situation, policy)
    session = _Session(
        event, situation, policy, now, Actor(ActorKind.GITHUB, person.account.id, person.account.login)
    )
    for index, command in enumerate(commands):
        session.run(index, command)
    return session.decision() + note(f"obeyed {len(commands)} command(s) of {person.account.login}")


def _status_only(
    event: Event,
    commands: Sequence[Command | Broken],
    person: Contributor,
    situation: Situation,
    policy: Policy,
) -> Decision:
    """Anybody may ask about themselves; all else of a stranger is ignored in silence."""
    if not any(isinstance(command, Status) for command in commands):
        return note("command ignored: not by a maintainer")
    if person.blacklisted:
        return note("no answer to a blacklisted person")
    if situation.status_answers_today >= policy.status_answers_per_day:
        return note("no further answer today")
    text = comments.status(person.account.login, credit=person.credit, threshold=policy.pr_threshold)
    return _answer(event, [text], policy, key=f"{event.key}/status", account_id=person.account.id)


def _answer(
    event: Event,
    sections: Sequence[str],
    policy: Policy,
    *,
    key: str,
    account_id: int,
    understood: bool = True,
) -> Decision:
    observed = policy.enforcement is Enforcement.OBSERVE and not policy.answer_commands
    reaction = Action(
        key=f"{event.key}/reaction",
        kind=ActionKind.REACTION,
        basis=ActionBasis.COMMAND,
        number=event.number or 0,
        account_id=account_id,
        body="+1",
        target_id=event.github_id,
        observed=observed,
    )
    reply = replace(reaction, key=key, kind=ActionKind.COMMENT, body=comments.reply(sections), target_id=None)
    return Decision(actions=(reaction, reply) if understood else (reply,))


@dataclass
class _Session:
    """The commands of one comment share their people: the second sees what the first changed."""

    event: Event
    situation: Situation
    policy: Policy
    now: datetime
    actor: Actor
    people: dict[int, Contributor] = field(default_factory=dict)
    sections: list[str] = field(default_factory=list)
    done: Decision = field(default_factory=Decision)
    understood: bool = False

    def decision(self) -> Decision:
        assert self.actor.id is not None  # noqa: S101
        answer = _answer(
            self.event,
            self.sections,
            self.policy,
            key=f"{self.event.key}/reply",
            account_id=self.actor.id,
            understood=self.understood,
        )
        return self.done + answer

    def run(self, index: int, command: Command | Broken) -> None:
        key = f"{self.event.key}/{index}"
        self.understood |= not isinstance(command, Broken)
        match command:
            case Broken():
                self.sections.append(comments.usage(command.line, command.problem))
            case Help():
                self.sections.append(comments.help_text())
            case Status():
                self._status()
            case Check() | Override() | Blacklist() | Unblacklist():
                person = self._person(command.target)
                if person is not None:
                    self._about(key, command, person)

    def _status(self) -> None:
        author = self.situation.author
        assert author is not None  # noqa: S101
        person = self.people.get(author.account.id, author)
        self.sections.append(
            comments.status(person.account.login, credit=person.credit, threshold=self.policy.pr_threshold)
        )

    def _person(self, named: Named) -> Contributor | None:
        target = self.situation.targets.get(str(named), Target())
        if target.contributor is None:
            if target.candidates:
                self.sections.append(comments.ambiguous(str(named), target.candidates))
            else:
                self.sections.append(comments.unknown_account(str(named)))
            return None
        person = target.contributor
        if not person.account.holds_credit:
            self.sections.append(comments.holds_no_credit(person.account.login))
            return None
        return self.people.get(person.account.id, person)

    def _about(
        self, key: str, command: Check | Override | Blacklist | Unblacklist, person: Contributor
    ) -> None:
        login = person.account.login or f"id:{person.account.id}"
        match command:
            case Check():
                self.sections.append(
                    comments.check(
                        login,
                        credit=person.credit,
                        role=person.role,
                        blacklisted=person.blacklisted,
                        latest=person.latest,
                    )
                )
            case Override():
                after = self._override(key, command, person)
                self.sections.append(
                    comments.override_done(
                        login,
                        before=person.credit,
                        after=after.credit,
                        reason=command.reason,
                        delta=command.delta,
                    )
                )
            case Blacklist():
                self._keep(
                    replace(person, blacklisted=True),
                    standing.blacklist(person, f"{key}/blacklist", self.actor, self.event.number),
                )
                self.sections.append(comments.STATUS_UPDATED)
            case Unblacklist():
                after, decision = standing.unblacklist(
                    person, f"{key}/unblacklist", self.actor, self.event.number, self.policy, self.now
                )
                self._keep(after, decision)
                self.sections.append(comments.unblacklisted(login, credit=after.credit))

    def _override(self, key: str, command: Override, person: Contributor) -> Contributor:
        credit = CreditEvent(
            key=f"{key}/override",
            account_id=person.account.id,
            requested=command.delta,
            reason=CreditReason.OVERRIDE,
            actor=self.actor,
            number=self.event.number,
            text=command.reason,
        )
        after, decision = standing.change(person, credit, self.policy, self.now)
        self._keep(after, decision)
        return after

    def _keep(self, person: Contributor, decision: Decision) -> None:
        self.people[person.account.id] = person
        self.done += decision


def operate(
    event: Event, facts: OperatorFacts, situation: Situation, policy: Policy, now: datetime
) -> Decision:
    """Carry out an act of a maintainer at the terminal; an act that came too late says so in its note."""
    actor = Actor(ActorKind.LOCAL, facts.uid, facts.user)
    if facts.act in upkeep.ACTS:
        return upkeep.decide(facts, situation)
    if facts.act in review.ACTS:
        return review.decide(event, facts, situation, policy, now, actor)
    if facts.act == "undo":
        return _undo(event, situation, policy, now, actor, facts)
    person = situation.author
    if person is None:
        return refuse(f"{facts.act}: nobody is named")
    if not person.account.holds_credit:
        return refuse(f"{facts.act}: {person.account.login} holds no credit")
    return _about_person(event, facts, person, policy, now, actor)


def _about_person(
    event: Event, facts: OperatorFacts, person: Contributor, policy: Policy, now: datetime, actor: Actor
) -> Decision:
    if facts.act == "blacklist" and person.blacklisted:
        return refuse("already blacklisted")
    if facts.act == "unblacklist" and not person.blacklisted:
        return refuse("not blacklisted")
    if facts.act == "blacklist":
        return standing.blacklist(person, f"{event.key}/blacklist", actor, event.number, facts.reason)
    if facts.act == "unblacklist":
        key = f"{event.key}/unblacklist"
        return standing.unblacklist(person, key, actor, event.number, policy, now, facts.reason)[1]
    if facts.act == "adjust":
        credit = CreditEvent(
            key=f"{event.key}/adjust",
            account_id=person.account.id,
            requested=facts.delta or 0,
            reason=CreditReason.OVERRIDE,
            actor=actor,
            number=event.number,
            text=facts.reason,
        )
        return standing.change(person, credit, policy, now)[1]
    return refuse(f"unknown act: {facts.act}")


def _undo(
    event: Event, situation: Situation, policy: Policy, now: datetime, actor: Actor, facts: OperatorFacts
) -> Decision:
    row, person = situation.undone, situation.author
    if row is None or person is None or row.account_id != person.account.id:
        return refuse("undo: there is no such ledger row")
    if row.undone:
        return refuse("undo: undone before")
    return standing.take_back(row, person, actor, event.number, policy, now, facts.reason)
