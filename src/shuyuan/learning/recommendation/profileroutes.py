"""HTTP of profiles: read, state, agree, take back; what teachers may know; the courses in their order."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from shuyuan.identity.http import caller
from shuyuan.identity.interface import Principal
from shuyuan.kernel import errors
from shuyuan.learning.people.interface import (
    Decision,
    Education,
    Goal,
    Interest,
    Pace,
    People,
    ProfilePurpose,
    Profiles,
    Stated,
    Style,
)
from shuyuan.learning.recommendation import behaviour
from shuyuan.learning.recommendation.interface import Advising, CourseRanking, Expectation, Outlooks, Recommendation


class StatedBody(BaseModel, extra="forbid"):  # a mistyped name must not wipe what was said before
    """What a learner says of themselves; it replaces what was said before, and everything may stay empty."""

    interests: list[Interest] = Field([], max_length=20)
    education: Education | None = None
    pace: Pace | None = Field(None, description="How long a sitting should be: about 10, 20 or 40 minutes.")
    style: Style | None = Field(None, description="What should come first.")
    goals: list[Goal] = Field([], max_length=10)
    own_words: str = Field("", max_length=300, description="Teachers of the learner can read it.")
    disputed: list[Annotated[str, Field(max_length=40)]] = Field(
        [],
        max_length=20,
        description=f"Derived facts that are wrong, of {', '.join(behaviour.FACTS)}; nothing uses them.",
    )
    plain_courses: bool = Field(False, description="Leave courses in the order of the class.")


class PurposesBody(BaseModel, extra="forbid"):
    """From now on exactly these uses."""

    purposes: set[ProfilePurpose] = Field(
        max_length=3,
        description="`suggestions`: order courses and activities. `outlook`: foretell attitude and goals to teachers. "
        "`peers`: results count for others, added up with those of at least four.",
    )
    paper_dated: date | None = Field(
        None, description="For an administrator's yes below the age line: the day the family signed its paper."
    )


class ProfileTold(BaseModel):
    """A profile as its reader may see it."""

    learner_id: str
    stated: StatedBody
    agreed: list[ProfilePurpose]
    may_agree: bool = Field(
        description="Whether the reader may say yes: the learner alone, below the age line an administrator who has "
        "the family's paper. Everybody else may only take back."
    )
    given: Mapping[ProfilePurpose, Decision] = Field(description="Who agreed to each use, and when.")
    decided: Decision | None = Field(description="The last change of what is agreed to, a taking back as well.")
    changed_at: datetime | None = Field(description="When the learner last stated something; null: never.")
    facts: Mapping[str, float] = Field(description="Counted from four weeks of answers; empty without an agreed use.")
    expected: Expectation | None = Field(
        None, description="What is foretold, with evidence and its end. Always null for a student."
    )


class CourseTold(BaseModel):
    """One course."""

    course_id: str
    title: Mapping[str, str]
    taken: bool = Field(description="Whether the class takes it.")
    reason: Mapping[str, str] = Field(description="Why it is where it is, zh and en; empty in the plain order.")


class RankingTold(BaseModel):
    """Courses in their order."""

    ranked: bool = Field(description="False: the plain order of the class, without reasons.")
    agreed: bool = Field(description="Whether suggestions are agreed to.")
    by: Literal["meaning", "words"] | None = Field(description="How nearness to what was stated was found.")
    courses: list[CourseTold]


def router(
    profiles: Profiles, outlooks: Outlooks, advising: Advising, recommendation: Recommendation, people: People
) -> APIRouter:
    """The routes under /api/learners/{learner_id}: profile, outlook, courses."""
    api = APIRouter(tags=["learning"])
    _reading(api, profiles, outlooks, advising, recommendation, people)
    _changing(api, profiles, outlooks)
    return api


def _reading(
    api: APIRouter,
    profiles: Profiles,
    outlooks: Outlooks,
    advising: Advising,
    recommendation: Recommendation,
    people: People,
) -> None:
    @api.get("/api/learners/{learner_id}/profile")
    def profile(learner_id: str, principal: Principal = Depends(caller)) -> ProfileTold:
        """What a learner states, what it may be used for and what was counted; for their teachers also what is
        foretold. A teacher's visit is noted for the learner to see."""
        found, decided = profiles.of(principal, learner_id), profiles.decided(principal, learner_id)
        told = ProfileTold(
            learner_id=learner_id,
            stated=StatedBody.model_validate(asdict(found.stated)),
            agreed=sorted(found.agreed),
            may_agree=found.may_agree,
            given=decided.given,
            decided=decided.last,
            changed_at=found.changed_at,
            facts=recommendation.facts(principal, learner_id),
            expected=None if principal.role == "student" else outlooks.of(principal, learner_id),
        )
        people.record_view(principal, learner_id)
        return told

    @api.get("/api/learners/{learner_id}/courses", response_model=RankingTold)
    async def courses(learner_id: str, principal: Principal = Depends(caller)) -> CourseRanking:
        """Courses of the class and of the school, best first with reasons where suggestions are agreed to and the order
        is not turned off; else in the plain order of the class. A teacher's visit is noted for the learner to see."""
        found = await advising.ranking(principal, learner_id)
        await run_in_threadpool(people.record_view, principal, learner_id)
        return found


def _changing(api: APIRouter, profiles: Profiles, outlooks: Outlooks) -> None:
    @api.put("/api/learners/{learner_id}/profile", status_code=204)
    def state(learner_id: str, body: StatedBody, principal: Principal = Depends(caller)) -> None:
        """Replace what the caller states of themselves."""
        _require_self(principal, learner_id)
        _require_facts(body.disputed)
        lists = {"interests": tuple(body.interests), "goals": tuple(body.goals), "disputed": tuple(body.disputed)}
        profiles.state(principal, Stated(**{**body.model_dump(), **lists}))

    @api.delete("/api/learners/{learner_id}/profile", status_code=204)
    def forget(learner_id: str, principal: Principal = Depends(caller)) -> None:
        """Delete the caller's profile and take back every use."""
        _require_self(principal, learner_id)
        profiles.forget(principal)

    @api.put("/api/learners/{learner_id}/profile/purposes", status_code=204)
    def agree(learner_id: str, body: PurposesBody, principal: Principal = Depends(caller)) -> None:
        """What the profile may be used for. Yes says the learner; below the age line an administrator notes the
        family's paper. What is left out is taken back at once, by a teacher too, and what was derived is deleted."""
        profiles.agree(principal, learner_id, frozenset(body.purposes), paper_dated=body.paper_dated)

    @api.delete("/api/learners/{learner_id}/outlook", status_code=204)
    def dismiss(learner_id: str, principal: Principal = Depends(caller)) -> None:
        """The teacher disagrees with what is foretold: it goes, and is not made again before it would have run out."""
        outlooks.dismiss(principal, learner_id)


def _require_facts(disputed: list[str]) -> None:
    if unknown := [one for one in disputed if one not in behaviour.FACTS]:
        raise errors.BadInput(f"disputed: unknown {unknown[0]!r}", fix=f"use {', '.join(behaviour.FACTS)}")


def _require_self(principal: Principal, learner_id: str) -> None:
    if principal.account_id != learner_id:
        raise errors.NotFound(f"learner {learner_id} is not you", fix="use the id of your own account: /api/session")
