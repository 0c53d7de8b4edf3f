"""Six different banks: how each tells what it booked."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Tells(StrEnum):
    """How a bank tells of a line before a statement does."""

    NOTHING = "nothing"
    LINES = "lines"
    """Each by itself."""
    BATCHES = "batches"
    """Receipts together, and debits together."""
    NOTIFICATIONS = "notifications"
    """Both in one message, under a reference of the bank."""


@dataclass(frozen=True, slots=True)
class Profile:
    """A bank's ways: how it tells of lines, and how it writes statements."""

    bank: str
    statement: str
    tells: Tells = Tells.BATCHES


SUMS: Final = "SUMS"
"""A statement as a day's figures in JSON, of a bank that has reported every line."""

PROFILES: Final[Mapping[str, Profile]] = {
    profile.bank: profile
    for profile in (
        Profile("ICBC", "camt.053.001.08"),
        Profile("ABC", SUMS, Tells.LINES),
        Profile("CCB", "camt.053.001.02", Tells.NOTHING),
        Profile("CMB", "MT940"),
        Profile("CQRCB", "CSV-GBK", Tells.NOTHING),
        Profile("CQB", "MT940-GBK", Tells.NOTIFICATIONS),
    )
}
"""A district bank that only sends a CSV, a national one that signs JSON and sends camt.053."""
