"""Schedules: when they start, what they make up for, who may have them."""

import pytest
from fastapi.testclient import TestClient
from pydantic import ValidationError
from tests.maas.pipelines.conftest import Clock
from tests.maas.pipelines.house import House

from shuyuan.identity import http as identity_http
from shuyuan.identity.interface import Principal, Role
from shuyuan.kernel import audit, errors, http
from shuyuan.maas.pipelines import interface, routes


def test_a_daily_schedule_starts_once_a_day_outside_school_hours(house: House, clock: Clock) -> None:
    new = interface.NewSchedule(spec=house.spec(), every="daily", hour=6)
    made = house.pipelines.schedule(house.school, house.person, new)
    assert str(made.next_at) == "2050-01-03 06:00:00+08:00"
    assert made.time_zone == "Asia/Shanghai"
    assert house.pipelines.start_due() == 0, "not for a day that was before it"
    clock.pass_s(24 * 3600)  # Monday noon: school
    assert house.pipelines.start_due() == 0
    assert str(house.pipelines.schedules(house.school)[0].next_at) == "2050-01-03 18:00:00+08:00", "after school"
    clock.pass_s(8 * 3600)  # Monday evening
    assert [house.pipelines.start_due() for _ in range(3)] == [1, 0, 0]
    (started,) = house.pipelines.pipelines(house.school)
    (schedule,) = house.pipelines.schedules(house.school)
    assert (started.schedule_id, schedule.last_pipeline, schedule.id) == (made.id, started.id, started.schedule_id)
    assert house.run(started).state == "finished"


def test_what_was_missed_while_the_server_was_off_is_done_once(house: House, clock: Clock) -> None:
    house.pipelines.schedule(
        house.school, house.person, interface.NewSchedule(spec=house.spec(), every="daily", hour=6)
    )
    clock.pass_s(6 * 24 * 3600)  # Saturday noon: six days have gone by
    assert [house.pipelines.start_due() for _ in range(3)] == [1, 0, 0]
    assert str(house.pipelines.schedules(house.school)[0].next_at) == "2050-01-09 06:00:00+08:00"


def test_a_paused_schedule_starts_nothing_and_does_not_make_up_for_its_pause(house: House, clock: Clock) -> None:
    new = interface.NewSchedule(spec=house.spec(), every="daily", hour=6)
    made = house.pipelines.schedule(house.school, house.person, new)
    paused = house.pipelines.pause(house.school, house.person, made.id, True)
    assert (paused.paused, paused.next_at) == (True, None)
    clock.pass_s(6 * 24 * 3600)
    assert house.pipelines.start_due() == 0
    resumed = house.pipelines.pause(house.school, house.person, made.id, False)
    assert (resumed.paused, str(resumed.next_at)) == (False, "2050-01-09 06:00:00+08:00")
    assert house.pipelines.start_due() == 0
    clock.pass_s(24 * 3600)
    assert house.pipelines.start_due() == 1
    with pytest.raises(errors.NotFound):
        house.pipelines.pause(house.identity.create_school("South").id, house.person, made.id, True)


def test_an_hour_of_school_is_refused_where_it_would_only_wait(house: House) -> None:
    for every, weekday in (("daily", 5), ("weekly", 4)):
        said = {"spec": house.spec(), "every": every, "hour": 8, "weekday": weekday}
        new = interface.NewSchedule.model_validate(said)
        with pytest.raises(errors.BadInput, match="within school hours"):
            house.pipelines.schedule(house.school, house.person, new)
    weekend = interface.NewSchedule(spec=house.spec(), every="weekly", hour=8, weekday=5)
    assert house.pipelines.schedule(house.school, house.person, weekend).next_at is not None


def test_a_schedule_of_the_command_line_has_no_author_to_lose(house: House, clock: Clock) -> None:
    new = interface.NewSchedule(spec=house.spec(), every="daily", hour=6)
    house.pipelines.schedule(house.school, audit.SYSTEM, new)
    clock.pass_s(6 * 24 * 3600)
    assert house.pipelines.start_due() == 1


CLEAN = {"name": "clean", "plan": {"rules": [{"rule": "duplicates"}]}}


@pytest.mark.parametrize("name", [None, "pupils"])
def test_a_pipeline_that_would_start_itself_again_by_what_it_prepares_is_refused(
    house: House, name: str | None
) -> None:
    new = interface.NewSchedule(spec=house.spec(prepare={**CLEAN, "name": name}), every="new_data")
    with pytest.raises(errors.BadInput, match="each would start it again"):
        house.pipelines.schedule(house.school, house.person, new)


def test_a_clock_set_back_starts_nothing_twice(house: House, clock: Clock) -> None:
    house.pipelines.schedule(
        house.school, house.person, interface.NewSchedule(spec=house.spec(), every="daily", hour=6)
    )
    clock.pass_s(6 * 24 * 3600)
    assert house.pipelines.start_due() == 1
    clock.pass_s(-24 * 3600)
    assert house.pipelines.start_due() == 0


def test_a_schedule_for_new_data_starts_with_each_version(house: House) -> None:
    new = interface.NewSchedule(spec=house.spec(), every="new_data")
    house.pipelines.schedule(house.school, house.person, new)
    assert house.pipelines.start_due() == 0
    house.data.add()
    assert [house.pipelines.start_due() for _ in range(2)] == [1, 0]
    (started,) = house.pipelines.pipelines(house.school)
    assert started.spec.data == "data:/pupils/2"
    house.data.add(personal=True)
    assert house.pipelines.start_due() == 0
    (schedule,) = house.pipelines.schedules(house.school)
    assert "no consent" in schedule.error
    with pytest.raises(ValidationError, match="without a number"):
        interface.NewSchedule(spec=house.spec(data="data:/pupils/1"), every="new_data")


def test_a_schedule_starts_nothing_once_its_author_has_left_or_lost_the_role(house: House) -> None:
    admin = Principal(house.person, house.school, "admin")
    author = house.account("developer")
    house.pipelines.schedule(house.school, author, interface.NewSchedule(spec=house.spec(), every="new_data"))
    house.data.add()
    house.identity.set_active(admin, author, False)
    assert house.pipelines.start_due() == 0
    (schedule,) = house.pipelines.schedules(house.school)
    assert "may start no pipelines any more" in schedule.error
    house.identity.set_active(admin, author, True)
    house.identity.set_role(admin, author, "teacher")
    assert house.pipelines.start_due() == 0
    house.identity.set_role(admin, author, "developer")
    assert house.pipelines.start_due() == 1
    (schedule,) = house.pipelines.schedules(house.school)
    assert schedule.error == ""


def test_a_schedule_is_its_school_s_to_drop(house: House) -> None:
    made = house.pipelines.schedule(
        house.school, house.person, interface.NewSchedule(spec=house.spec(), every="weekly", weekday=6, hour=3)
    )
    assert made.last == "2050-01-02", "this Sunday is over already"
    other = house.identity.create_school("South").id
    with pytest.raises(errors.NotFound):
        house.pipelines.unschedule(other, house.person, made.id)
    house.pipelines.unschedule(house.school, house.person, made.id)
    assert house.pipelines.schedules(house.school) == []


def test_schedules_pause_and_go_on_over_http_and_what_each_task_can_do_is_told(house: House, clock: Clock) -> None:
    made = house.pipelines.schedule(
        house.school, house.person, interface.NewSchedule(spec=house.spec(), every="daily", hour=6)
    )
    gate, api = identity_http.gate(house.identity), [routes.router(house.pipelines)]
    app = http.build_app(version="test", gate=gate, ready=dict, max_body_bytes=10_000, routers=api)
    with TestClient(app, headers={"origin": "http://testserver"}) as client:
        path = f"/api/pipeline-schedules/{made.id}"
        _enter(client, house, "developer")
        paused = client.post(f"{path}/pause").json()
        assert (paused["paused"], paused["next_at"]) == (True, None)
        assert [one["paused"] for one in client.get("/api/pipeline-schedules").json()] == [True]
        resumed = client.post(f"{path}/resume").json()
        assert (resumed["paused"], resumed["next_at"] is None) == (False, False)
        assert client.post("/api/pipeline-schedules/nothing/pause").status_code == 404
        told = client.get("/api/pipeline-tasks").json()
        assert told == [one.model_dump(mode="json") for one in house.pipelines.abilities()]
        assert told, "what is told is not empty"
        _enter(client, house, "teacher")
        assert client.get("/api/pipeline-tasks").status_code == 200
        for verb in ("pause", "resume"):
            assert client.post(f"{path}/{verb}").status_code == 403


def _enter(client: TestClient, house: House, role: Role) -> None:
    account = house.db.write(
        lambda uow: house.identity.create_account(
            uow, school_id=house.school, role=role, name=role, login=role, secret=None
        )
    )
    client.cookies.set(identity_http.COOKIE, house.identity.sign_in_as(account).token)
