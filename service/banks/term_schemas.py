"""The JSON contract of banks' terms: when orders are carried out, and how large one may be."""

from typing import Annotated, Any, Final

from pydantic import Field, StringConstraints, model_validator

from service.banks.terms import SetTerms
from service.web.wire import Amount, Day, Instant, WireIn, WireOut, examples, money

Hour = Annotated[str, StringConstraints(strict=True, pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
_HOUR: Final = "HH:MM in Asia/Shanghai"
EXAMPLE: Final[dict[str, Any]] = {
    "effective_on": "2026-12-01",
    "opens_at": "20:30",
    "cut_off_at": "17:30",
    "working_days_only": True,
    "item_limit": None,
    "small_value_limit": "1000000.00",
    "small_value_holiday_limit": "500000.00",
}


class TermsIn(WireIn):
    """Terms of a bank from a day on; what is left out does not limit."""

    model_config = examples(EXAMPLE)

    effective_on: Day
    opens_at: Hour | None = Field(
        default=None, description=f"On the calendar day before the banking day, {_HOUR}"
    )
    cut_off_at: Hour | None = Field(
        default=None, description=f"Until when a banking day takes orders, {_HOUR}"
    )
    working_days_only: bool = Field(
        default=False, strict=True, description="Whether only working days are banking days"
    )
    item_limit: Amount | None = Field(default=None, description="The largest payment ever made")
    small_value_limit: Amount | None = Field(
        default=None, description="The largest payment made at any hour of a working day"
    )
    small_value_holiday_limit: Amount | None = Field(
        default=None, description="The largest payment made on other days"
    )

    @model_validator(mode="after")
    def _opens(self) -> "TermsIn":
        """Refuse a banking day that has ended before it begins."""
        if self.cut_off_at == "00:00":
            raise ValueError("cut_off_at is after 00:00")
        return self

    def facts(self, bank: str) -> SetTerms:
        """Make the command of it."""
        return SetTerms(
            bank,
            self.effective_on,
            self.opens_at,
            self.cut_off_at,
            self.working_days_only,
            _fen(self.item_limit),
            _fen(self.small_value_limit),
            _fen(self.small_value_holiday_limit),
        )


class TermsOut(WireOut):
    """Terms of a bank; those of the latest day that has come are in force."""

    model_config = WireOut.model_config | {
        "json_schema_extra": {
            "examples": [
                EXAMPLE | {"bank": "ICBC", "set_by": "bank", "set_at": "2026-11-20T10:00:00+08:00"}
            ]
        }
    }

    bank: str
    effective_on: Day
    opens_at: str | None
    cut_off_at: str | None
    working_days_only: bool
    item_limit: Amount | None
    small_value_limit: Amount | None
    small_value_holiday_limit: Amount | None
    set_by: str
    set_at: Instant


class TermsList(WireOut):
    """Every version of a bank's terms, the newest first; none means no limits."""

    items: list[TermsOut]


def _fen(amount: str | None) -> int | None:
    return None if amount is None else money(amount).fen
