"""The form that brings a model: a remote one is the administrators', and leads only where the setting allows."""

import dataclasses
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.datastructures import UploadFile
from tests.web import schools

from shuyuan.identity.interface import Principal
from shuyuan.kernel import errors
from shuyuan.web import uploads

FAR = json.dumps({"upstreams": [{"url": "https://api.example.org/v1", "model": "m"}]}).encode()
SETTINGS: dict[str, list[str]] = {"listed": ["https://api.example.org"], "empty": []}


@pytest.fixture
def office(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[schools.Office]:
    listed = SETTINGS[request.param]
    with schools.empty(tmp_path / "home", cache=tmp_path / "cache", starter="none", remote_upstreams=listed) as made:
        yield made


def bring(office: schools.Office) -> tuple[int, str]:
    form = {"name": "far", "champion": "1", "runner": "remote", "reason": "our own service"}
    answer = office.admin.post("/admin/models/bring", data=form, files={"file": ("far.json", FAR)})
    return answer.status_code, answer.headers.get("location") or answer.text


@pytest.mark.parametrize("office", ["listed"], indirect=True)
def test_a_remote_model_that_leads_where_the_setting_allows_is_kept(office: schools.Office) -> None:
    assert bring(office) == (303, "/admin/models/far?notice=brought")


@pytest.mark.parametrize("office", ["empty"], indirect=True)
def test_another_is_refused_and_the_setting_named(office: schools.Office) -> None:
    status, page = bring(office)
    assert status == 403
    assert "SHUYUAN_REMOTE_UPSTREAMS" in page


@pytest.mark.parametrize("office", ["listed"], indirect=True)
def test_only_an_administrator_brings_one(office: schools.Office) -> None:
    admin: Principal = office.platform.get("identity").sign_in("office", schools.PASSWORD).principal
    developer = dataclasses.replace(admin, role="developer")
    given = uploads.Given(name="far", runner="remote", file=UploadFile(io.BytesIO(FAR), filename="far.json"))
    with pytest.raises(errors.Forbidden):
        uploads.register(office.platform.get("catalogue"), developer, given)
