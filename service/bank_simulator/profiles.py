"""Six different banks: how each tells what it booked."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Profile:
    """A bank's ways: whether it reports lines at once, in batches, and how it writes statements."""

    bank: str
    statement: str
    pushes: bool = True
    batches: bool = True


SUMS: Final = "SUMS"
"""A statement as a day's figures in JSON, of a bank that has reported every line."""

PROFILES: Final[Mapping[str, Profile]] = {
    profile.bank: profile
    for profile in (
        Profile("ICBC", "camt.053.001.08"),
        Profile("ABC", SUMS, batches=False),
        Profile("CCB", "camt.053.001.02", pushes=False),
        Profile("CMB", "MT940"),
        Profile("CQRCB", "CSV-GBK", pushes=False),
        Profile("CQB", "MT940-GBK"),
    )
}
"""A district bank that only sends a CSV, a national one that signs JSON and sends camt.053."""
