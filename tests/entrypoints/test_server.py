"""The application as the server builds it: body caps per path, larger ones for those who are known."""

from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from shuyuan import compose
from shuyuan.entrypoints import server
from shuyuan.kernel.settings import Settings

CAP = 50


def test_a_cap_is_a_number_of_bytes_or_the_setting_it_names() -> None:
    caps = compose.body_caps(Settings(max_model_bytes=5))
    assert caps["/api/models/{name}/versions"] == 5
    assert caps["/v1/audio"] == 25_000_000
    assert all(isinstance(cap, int) and path.startswith("/") for path, cap in caps.items())


@pytest.mark.parametrize("path", sorted(compose.BODY_CAPS))
def test_a_stranger_sends_no_more_than_to_any_other_path(path: str, tmp_path: Path, sqlite_template: Path) -> None:
    (tmp_path / "shuyuan.db").write_bytes(sqlite_template.read_bytes())
    platform = compose.Platform(Settings(home=tmp_path, starter="none", max_body_bytes=CAP))
    client = TestClient(server.build_app(platform, compose.PLANES["maas"]))
    try:
        for key in ({}, {"authorization": "Bearer sk-nobody"}):
            assert client.post(path.replace("{name}", "any"), content=b"x" * (CAP + 1), headers=key).status_code == 413
    finally:
        platform.close()
