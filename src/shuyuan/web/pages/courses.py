"""Courses: which one next, and why? Those of the class and of the school, with a switch that brings back the plain
order at once."""

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from starlette.concurrency import run_in_threadpool

from shuyuan.identity.interface import Principal
from shuyuan.learning.recommendation.interface import CourseRanking
from shuyuan.web import needs as web_needs
from shuyuan.web.reading import Reader

SEE_OTHER = 303


def router(needs: web_needs.Needs) -> APIRouter:
    """`/learn/courses`."""
    api = APIRouter(include_in_schema=False)

    @api.get("/learn/courses")
    async def courses(request: Request, reader: Reader) -> Response:
        ranking = await needs.advising.ranking(reader, reader.account_id)
        return await run_in_threadpool(_show, needs, request, reader, ranking)

    @api.post("/learn/courses/order")
    def order(reader: Reader, plain: Annotated[str, Form()] = "") -> Response:
        stated = needs.profiles.of(reader, reader.account_id).stated
        needs.profiles.state(reader, replace(stated, plain_courses=bool(plain)))
        return RedirectResponse("/learn/courses", SEE_OTHER)

    return api


def _show(needs: web_needs.Needs, request: Request, reader: Principal, ranking: CourseRanking) -> Response:
    return needs.shell.show(
        request,
        "learn/courses.html",
        principal=reader,
        here="course",
        ranking=ranking,
        mine=[one for one in ranking.courses if one.taken],
        further=[one for one in ranking.courses if not one.taken],
    )
