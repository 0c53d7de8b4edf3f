"""The JSON contract of resolution packs: what one is, without its content."""

from typing import Annotated, Any, Final, Literal

from pydantic import ConfigDict, Field

from service.web.wire import Day, IdOf, Instant, Page, WireOut, example_id

PackId = Annotated[str, IdOf("pck")]

_EXAMPLE: Final[dict[str, Any]] = {
    "id": example_id("pck"),
    "institution_id": example_id("ins"),
    "cause": "ON_DEMAND",
    "made_at": "2026-03-31T10:15:00.123456Z",
    "made_on": "2026-03-31",
    "position": "1:4711",
    "size_bytes": 184320,
    "sha256": "ab" * 32,
    "signature": "cd" * 64,
    "key_id": "0123456789abcdef",
}


class PackOut(WireOut):
    """A resolution pack (处置包): one signed archive, true at `position`."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, json_schema_extra={"examples": [_EXAMPLE]}
    )

    id: PackId
    institution_id: str
    cause: Literal["NIGHTLY", "ON_DEMAND", "FREEZE"]
    made_at: Instant
    made_on: Day
    position: str = Field(description="Journal and sequence number that it is true at")
    size_bytes: int
    sha256: str = Field(description="Of the archive")
    signature: str = Field(description="Ed25519 over the manifest in the archive")
    key_id: str = Field(description="Beginning of the SHA-256 of the public key")
    transaction_id: str | None = None


class PackPage(Page[PackOut]):
    """A page of packs, oldest first."""
