"""Settings: `SHUYUAN_*` variables, then `shuyuan.toml` in the home folder, then these defaults.

Everything runs on a laptop without any setting.
"""

import difflib
import json
import os
import tomllib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from shuyuan.kernel import errors, origins

Starter = Literal["tutor", "tiny", "none"]
LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]
SECRET = frozenset({"openai_api_key", "database_url"})  # may hold a password: never repeated in an error


class Settings(BaseSettings):
    """What one installation is told. Each field says what it means, its unit and what None or 0 does."""

    model_config = SettingsConfigDict(env_prefix="SHUYUAN_", extra="forbid")

    home: Path = Field(Path("~/.shuyuan").expanduser(), description="Folder of database, keys and artefacts.")
    cache: Path = Field(Path("~/.cache/shuyuan/models").expanduser(), description="Model files shared by all homes.")
    database_url: str | None = Field(
        None, description="SQLAlchemy URL, e.g. postgresql+psycopg://…; None: SQLite inside home."
    )
    storage_url: str | None = Field(None, description="fsspec URL of the artefact store; None: inside home.")
    host: str = Field("127.0.0.1", description="Address to listen on; anything but loopback needs TLS.")
    port: int = Field(8000, ge=0, le=65535, description="TCP port; 0 picks a free one.")
    tls_cert: Path | None = Field(None, description="PEM certificate; None serves plain HTTP on loopback only.")
    tls_key: Path | None = Field(None, description="PEM private key of tls_cert.")
    starter: Starter = Field("tutor", description="Language model pulled at first start; none pulls nothing.")
    max_body_bytes: int = Field(2_000_000, gt=0, description="Largest request body of a path without its own, bytes.")
    max_data_bytes: int = Field(2 * 2**30, gt=0, description="Largest file that becomes a data set, bytes.")
    max_model_bytes: int = Field(4 * 2**30, gt=0, description="Largest model file sent as a new version, bytes.")
    timezone: str = Field("Asia/Shanghai", description="IANA name; school hours are counted in it.")
    openai_base_url: str | None = Field(
        None, description="Use this OpenAI-compatible server for the tutor instead of local models; None: local."
    )
    openai_api_key: SecretStr | None = Field(
        None, description="Key for openai_base_url; None: the variable OPENAI_API_KEY, and without it no key."
    )
    model_memory_bytes: int | None = Field(
        None, gt=0, description="Memory of all loaded models together, bytes; None: 70 % of what is free at start."
    )
    remote_upstreams: Annotated[list[str], NoDecode] = Field(
        [],
        description="Origins that remote versions brought over HTTP may call: 'https://host[:port] KEY_ENV'; []: none.",
    )
    training_slots: int = Field(1, ge=0, le=16, description="Training runs at the same time; 0: none starts here.")
    training_waits_for_exams: bool = Field(True, description="Pause training while any school's exam mode is on.")
    runs_kept_days: int = Field(30, ge=1, description="Days until an ended run's folder goes; what it made stays.")
    tracer_net_answers: int = Field(
        10_000,
        ge=0,
        description="Answers of consenting learners from which on a recurrent tracer is fitted too; 0: never.",
    )
    mlflow_url: str | None = Field(
        None, description="MLflow tracking server that runs are copied to, figures and configs; None: nothing leaves."
    )
    log_level: LogLevel = Field("WARNING", description="Level of the structured log on stderr.")

    @field_validator("remote_upstreams", mode="before")
    @classmethod
    def _listed(cls, said: object) -> object:
        """A variable holds JSON or words separated by commas."""
        if isinstance(said, str):
            said = json.loads(said) if said.lstrip().startswith("[") else said.split(",")
        return [one for one in said if str(one).strip()] if isinstance(said, list) else said

    @field_validator("remote_upstreams")
    @classmethod
    def _origins(cls, said: list[str]) -> list[str]:
        for one in said:
            origins.listed(one)
        return [one.strip() for one in said]

    @property
    def sqlalchemy_url(self) -> str:
        """The database in use."""
        return self.database_url or f"sqlite:///{self.home / 'shuyuan.db'}"

    @property
    def upstream_key(self) -> str:
        """The key for openai_base_url; empty: none."""
        given = self.openai_api_key
        return given.get_secret_value() if given else os.environ.get("OPENAI_API_KEY", "")

    @property
    def artefact_url(self) -> str:
        """Where content-addressed artefacts lie."""
        return self.storage_url or (self.home / "artefacts").absolute().as_uri()


def load(**overrides: object) -> Settings:
    """Read settings. `overrides` (None values are ignored) win over variables and file.

    Raises BadInput naming the unknown or ill-typed setting.
    """
    given = {name: value for name, value in overrides.items() if value is not None}
    try:
        by_env = Settings()
        from_file = _read_toml(Path(str(given.get("home") or by_env.home)) / "shuyuan.toml")
        merged = {**{k: v for k, v in from_file.items() if k not in by_env.model_fields_set}, **given}
        return Settings(**merged)  # type: ignore[arg-type]  # pydantic validates what the file holds
    except ValidationError as wrong:
        raise _in_one_line(wrong) from wrong
    except ValueError as wrong:
        raise errors.BadInput(f"settings: {' '.join(str(wrong).split())}", fix="correct the named setting") from wrong


def _in_one_line(wrong: ValidationError) -> errors.BadInput:
    """Each mistake as the setting, what it was given and what it takes."""
    said, variables = list[str](), list[str]()
    for fault in wrong.errors(include_url=False, include_context=False):
        name = str(fault["loc"][0])
        if fault["type"] == "extra_forbidden":
            like = difflib.get_close_matches(name, Settings.model_fields, n=1)
            said.append(f"there is no setting {name!r}" + (f" (meant: {like[0]}?)" if like else ""))
        else:
            given = "(hidden)" if name in SECRET else repr(fault["input"])
            said.append(f"{name} is {given}: {fault['msg'][:1].lower()}{fault['msg'][1:]}")
            variables.append(f"SHUYUAN_{name.upper()}")
    places = ", ".join(["the option", *dict.fromkeys(variables)]) if variables else "the option"
    fix = f"correct it where it was given: {places} or shuyuan.toml"
    return errors.BadInput(f"settings: {'; '.join(said)}", fix=fix)


def _read_toml(path: Path) -> dict[str, object]:
    if not path.is_file():
        return {}
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except tomllib.TOMLDecodeError as wrong:
        raise errors.BadInput(f"{path}: {wrong}", fix="mend the TOML syntax at the named line") from wrong
