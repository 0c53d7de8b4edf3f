"""Settings from the environment (`ESCROW_…`); everything has a default that a newcomer can run."""

from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """How the service runs.

    Without `database_url` an embedded PostgreSQL is started under `data`. The URL logs in as
    `escrow_app`; `admin_url` is for `escrow migrate` alone,
    `audit_url` (as `escrow_audit`) for `escrow verify`. `paper_fonts` is a folder with a Chinese
    font for papers as PDF, beside the system's own fonts; `pack_keys` one with the keys of
    resolution packs; `keys` the folder with the keys of the vault of personal data.
    """

    model_config = SettingsConfigDict(env_prefix="ESCROW_", extra="ignore")

    database_url: str | None = None
    admin_url: str | None = None
    audit_url: str | None = None
    data: Path | None = None
    database: str = "escrow"
    demo: bool = False
    sweep_interval_s: int = Field(default=5, ge=1, le=3600)
    pool_size: int = Field(default=20, ge=1, le=500)
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_json: bool = True
    paper_fonts: Path | None = None
    pack_keys: Path | None = None
    keys: Path | None = None
