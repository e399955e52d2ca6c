"""A turn over HTTP is waited for, and never fitted beside another one."""

from typing import Any

import pytest
from fastapi.routing import APIRoute
from tests.learning.improvement.school import School

from shuyuan.kernel import jobs
from shuyuan.kernel.errands import Errands
from shuyuan.learning.improvement import routes
from shuyuan.learning.improvement.interface import TURNING, NothingNew, TurnUnderWay
from shuyuan.science.tracing import online


def test_one_turn_at_a_time_for_a_school_and_who_asks_meanwhile_is_told(school: School) -> None:
    errands, fits = Errands(jobs.Scheduler()), list[str]()

    def fit(table: online.Interactions, *, seed: int) -> online.Params:
        fits.append("fitted")
        with pytest.raises(TurnUnderWay) as refused:
            turn(school.admin)
        assert (refused.value.status, refused.value.error_code) == (409, "turn_under_way")
        assert look(school.admin)["working_since"]
        return online.fit(table, seed=seed)

    gathering: Any = school.platform.get("gathering")
    api = routes.router(school.loop(fit=fit), gathering, errands)
    ends = {(route.path, *(route.methods or ())): route.endpoint for route in api.routes if isinstance(route, APIRoute)}
    turn, look = ends["/api/loop/turn", "POST"], ends["/api/loop", "GET"]
    assert turn(school.admin)["number"] == 1
    assert look(school.admin)["working_since"] is None
    with errands.take(TURNING, "another school"), pytest.raises(NothingNew):
        turn(school.admin)
    assert fits == ["fitted"] * 2
