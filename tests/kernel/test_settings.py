"""Settings: what is given over variables over shuyuan.toml over defaults; every mistake named."""

import os
from pathlib import Path

import pytest

from shuyuan.kernel import errors, settings


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No SHUYUAN_* variable but the home."""
    for name in [name for name in os.environ if name.startswith("SHUYUAN_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("SHUYUAN_HOME", str(tmp_path))
    return tmp_path


def test_everything_has_a_default() -> None:
    found = settings.load()
    assert (found.host, found.port, found.starter) == ("127.0.0.1", 8000, "tutor")
    assert found.sqlalchemy_url == f"sqlite:///{found.home / 'shuyuan.db'}"
    assert found.artefact_url.startswith("file://")


def test_the_order_is_given_then_variable_then_file_then_default(clean: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (clean / "shuyuan.toml").write_text('port = 1111\nhost = "10.0.0.1"\nstarter = "tiny"\n', "utf-8")
    monkeypatch.setenv("SHUYUAN_PORT", "2222")
    monkeypatch.setenv("SHUYUAN_HOST", "10.0.0.2")
    found = settings.load(port=3333, host=None)
    assert (found.port, found.host, found.starter, found.log_level) == (3333, "10.0.0.2", "tiny", "WARNING")


def test_the_file_is_read_from_the_home_that_is_given(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "shuyuan.toml").write_text("port = 4444\n", "utf-8")
    assert (settings.load(home=other).port, settings.load(home=other).home) == (4444, other)
    assert settings.load().port == 8000


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("port = \n", "shuyuan.toml"),
        ("port = 70000\n", "port"),
        ('starter = "huge"\n', "starter"),
        ("colour = 1\n", "colour"),
        ('log_level = "LOUD"\n', "log_level"),
        ("max_body_bytes = 0\n", "max_body_bytes"),
    ],
)
def test_a_mistake_in_the_file_is_named(clean: Path, text: str, named: str) -> None:
    (clean / "shuyuan.toml").write_text(text, "utf-8")
    with pytest.raises(errors.BadInput) as refused:
        settings.load()
    assert named in refused.value.message
    assert "\n" not in refused.value.message + refused.value.fix
    assert refused.value.fix


def test_every_mistake_stands_in_one_line_with_its_value_and_where_to_mend_it(
    clean: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHUYUAN_PORT", "99999")
    (clean / "shuyuan.toml").write_text('log_level = "LOUD"\nstartr = "tiny"\n', "utf-8")
    with pytest.raises(errors.BadInput) as refused:
        settings.load()
    said, fix = refused.value.message, refused.value.fix
    assert "port is '99999'" in said, "the variable is read first"
    assert ("SHUYUAN_PORT" in fix, "shuyuan.toml" in fix) == (True, True)
    monkeypatch.delenv("SHUYUAN_PORT")
    with pytest.raises(errors.BadInput) as refused:
        settings.load()
    assert "log_level is 'LOUD'" in refused.value.message
    assert "no setting 'startr' (meant: starter?)" in refused.value.message
    assert "\n" not in refused.value.message


@pytest.mark.parametrize("text", ["openai_api_key = 12345678\n", "database_url = 12345678\n"])
def test_what_may_hold_a_password_is_not_repeated_in_an_error(clean: Path, text: str) -> None:
    (clean / "shuyuan.toml").write_text(text, "utf-8")
    with pytest.raises(errors.BadInput) as refused:
        settings.load()
    assert "(hidden)" in refused.value.message
    assert "12345678" not in refused.value.message


def test_a_mistake_in_a_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHUYUAN_PORT", "eighty")
    with pytest.raises(errors.BadInput, match="port"):
        settings.load()


@pytest.mark.parametrize("level", ["DEBUG", "INFO", "WARNING", "ERROR"])
def test_the_log_level_is_the_one_that_was_set(monkeypatch: pytest.MonkeyPatch, level: str) -> None:
    monkeypatch.setenv("SHUYUAN_LOG_LEVEL", level)
    assert settings.load().log_level == level


def test_the_key_of_the_other_server_is_a_setting_and_else_the_usual_variable(
    clean: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    assert settings.load().upstream_key == ""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-usual")
    assert settings.load().upstream_key == "sk-usual"
    (clean / "shuyuan.toml").write_text('openai_api_key = "sk-file"\n', "utf-8")
    assert settings.load().upstream_key == "sk-file"
    monkeypatch.setenv("SHUYUAN_OPENAI_API_KEY", "sk-own")
    assert settings.load().upstream_key == "sk-own"
    assert "sk-own" not in repr(settings.load())


def test_every_setting_says_what_it_means() -> None:
    assert [name for name, field in settings.Settings.model_fields.items() if not field.description] == []


@pytest.mark.parametrize(
    "said",
    [
        "https://a.example A_API_KEY, http://127.0.0.1:11434",
        '["https://a.example A_API_KEY", "http://127.0.0.1:11434"]',
    ],
)
def test_a_list_is_words_between_commas_or_json(monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    assert settings.load().remote_upstreams == []
    monkeypatch.setenv("SHUYUAN_REMOTE_UPSTREAMS", said)
    assert settings.load().remote_upstreams == ["https://a.example A_API_KEY", "http://127.0.0.1:11434"]


@pytest.mark.parametrize("said", ["a.example", "https://a.example/v1", "https://a.example HOME", "[3", "[3]"])
def test_a_wrong_upstream_is_named(monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    monkeypatch.setenv("SHUYUAN_REMOTE_UPSTREAMS", said)
    with pytest.raises(errors.BadInput, match="remote_upstreams"):
        settings.load()


def test_upstreams_stand_in_the_file_as_a_list(clean: Path) -> None:
    (clean / "shuyuan.toml").write_text('remote_upstreams = ["https://a.example"]\n', "utf-8")
    assert settings.load().remote_upstreams == ["https://a.example"]


def test_a_home_told_from_here_has_its_artefacts_in_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert settings.Settings(home=Path("school")).artefact_url == (tmp_path / "school" / "artefacts").as_uri()
