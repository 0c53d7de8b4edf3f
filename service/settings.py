"""Settings from the environment (`ESCROW_…`); everything has a default that a newcomer can run."""

from pathlib import Path
from typing import Literal

from pydantic import Field, IPvAnyNetwork
from pydantic_settings import BaseSettings, SettingsConfigDict

from service.identity.limits import Ceiling, Ceilings, CostClass, Kind, with_defaults


class Settings(BaseSettings):
    """How the service runs.

    Without `database_url` an embedded PostgreSQL is started under `data`. The URL logs in as
    `escrow_app`; `admin_url` is for `escrow migrate` alone,
    `audit_url` (as `escrow_audit`) for `escrow verify`. `paper_fonts` is a folder with a Chinese
    font for papers as PDF, beside the system's own fonts; `pack_keys` one with the keys of
    resolution packs, `keys` one with those of the vault of personal data, which the service at
    `kms_url` unwraps, if there is one. `limits` is JSON,
    ceilings in place of the defaults of service/identity/limits.py, as {"service": {"command":
    {"count": 500, "seconds": 1, "burst": 5000, "lease": 100}}}, null for none; a demonstration
    has none but those given. `trusted_proxies` are the networks whose X-Forwarded-For is
    believed. `authorities` is JSON, the names (host, and port where it is not the default) that
    banks sign their requests to; `signing_keys` a folder with the keys that answers to them are
    signed with. `bank_tokens` lets banks in by bearer tokens too, for trials only. `issuer` is the
    name, best the public address, that clients' signed assertions are meant for. `sms_url` is the
    gateway for short messages, `sms_token` a file with its token; without them none are sent.
    `heads` is a file outside the database, in which the service keeps how far its journals reach.
    `failpoints` is for tests alone and refused by what is no demonstration (service/failpoints.py).
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
    sms_url: str | None = None
    sms_token: Path | None = None
    kms_url: str | None = None
    kms_token_file: Path | None = None
    limits: dict[Kind, dict[CostClass, Ceiling | None]] = Field(default_factory=dict)
    trusted_proxies: list[IPvAnyNetwork] = Field(default_factory=list)
    authorities: tuple[str, ...] = ()
    signing_keys: Path | None = None
    bank_tokens: bool = False
    issuer: str = "urn:tuition-escrow"
    heads: Path | None = None
    failpoints: str = ""

    @property
    def ceilings(self) -> Ceilings:
        """The ceilings to count by."""
        return self.limits if self.demo else with_defaults(self.limits)
