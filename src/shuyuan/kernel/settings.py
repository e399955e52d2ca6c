"""Settings: `SHUYUAN_*` variables, then `shuyuan.toml` in the home folder, then these defaults.

Everything runs on a laptop without any setting.
"""

import os
import tomllib
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from shuyuan.kernel import errors

Starter = Literal["tutor", "tiny", "none"]
LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]


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
    max_body_bytes: int = Field(2_000_000, gt=0, description="Largest request body, bytes.")
    timezone: str = Field("Asia/Shanghai", description="IANA name; school hours are counted in it.")
    openai_base_url: str | None = Field(
        None, description="Use this OpenAI-compatible server for the tutor instead of local models; None: local."
    )
    openai_api_key: SecretStr | None = Field(
        None, description="Key for openai_base_url; None: the variable OPENAI_API_KEY, and without it no key."
    )
    log_level: LogLevel = Field("WARNING", description="Level of the structured log on stderr.")

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
        return self.storage_url or (self.home / "artefacts").as_uri()


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
    except ValueError as wrong:
        raise errors.BadInput(f"settings: {wrong}", fix="correct the named setting") from wrong


def _read_toml(path: Path) -> dict[str, object]:
    if not path.is_file():
        return {}
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except tomllib.TOMLDecodeError as wrong:
        raise errors.BadInput(f"{path}: {wrong}", fix="mend the TOML syntax at the named line") from wrong
