"""The JSON contract of refunds."""

from typing import Annotated, Any, Final, Literal

from pydantic import Field, StringConstraints

from service.store.parties import NewParty, PartyKind
from service.store.refund_reads import RefundState
from service.web.command import Command
from service.web.wire import (
    Amount,
    Day,
    Label,
    Page,
    Reference,
    WireIn,
    WireOut,
    example_id,
    examples,
)

AccountNumber = Annotated[str, StringConstraints(strict=True, pattern=r"^[0-9A-Za-z-]{5,40}$")]
Sha256 = Annotated[str, StringConstraints(strict=True, pattern=r"^[0-9a-f]{64}$")]
RefundStates = Literal[
    "RETURNED",
    "WAITING_FOR_PAYEE",
    "WAITING_FOR_MONEY",
    "IN_TRANSIT",
    "PAYABLE",
    "LODGED",
    "PAID",
    "TAKEN_BACK",
]

EXAMPLE: Final[dict[str, Any]] = {
    "id": example_id("rfd"),
    "source": "CLAIM",
    "source_id": example_id("clm"),
    "enrolment_id": example_id("enr"),
    "institution_id": example_id("ins"),
    "custody_account_id": example_id("cus"),
    "receipt_id": example_id("bke"),
    "state": "IN_TRANSIT",
    "waiting_for": None,
    "payee_known": True,
    "payee_hold_until": None,
    "amount": "3229.17",
    "payable": "0.00",
    "in_transit": "3229.17",
    "returned": "0.00",
    "paid": "0.00",
    "lodged": "0.00",
    "taken_back": "0.00",
    "created_on": "2026-04-10",
    "returned_on": None,
    "paid_on": None,
}
_ACCOUNT = {
    "name": "张三",
    "account_number": "6222000000000000000",
    "bank_name": "中国工商银行",
}
_PROOF = {"document_hash": "ab" * 32}


class RefundOut(WireOut):
    """What one payer of one enrolment gets back (应退费), and where it stands."""

    model_config = WireOut.model_config | {"json_schema_extra": {"examples": [EXAMPLE]}}

    id: str
    source: Literal["CLAIM", "DIVIDEND", "RECOVERY", "PORTING"]
    source_id: str = Field(description="The claim, entitlement or porting it is owed for")
    enrolment_id: str
    institution_id: str
    custody_account_id: str
    receipt_id: str | None = Field(
        default=None, description="The receipt it goes back on; none when no bank entry brought it"
    )
    state: RefundState
    waiting_for: Literal["MONEY", "PAYEE"] | None = None
    payee_known: bool
    payee_hold_until: Day | None = Field(
        default=None, description="A changed payee is not paid before this day (冷静期)"
    )
    amount: Amount
    payable: Amount
    in_transit: Amount
    returned: Amount
    paid: Amount
    lodged: Amount
    taken_back: Amount = Field(
        description="Put back into the enrolment before a wind-down, or borne a chargeback"
    )
    created_on: Day
    returned_on: Day | None = None
    paid_on: Day | None = None


class RefundPage(Page[RefundOut]):
    """A page of refunds."""


class AccountIn(WireIn):
    """An account that money can be paid to."""

    name: Label = Field(description="Holder of the account (户名)")
    account_number: AccountNumber
    bank_name: Label

    def party(self, command: Command, kind: PartyKind) -> NewParty:
        """Make the party of it that is to be written down."""
        return NewParty(
            command.new_id(),
            kind,
            name=self.name,
            account_number=self.account_number,
            bank_name=self.bank_name,
        )


class PayeeIn(AccountIn):
    """A changed payee, with the proof that was seen, by its hash."""

    model_config = examples(_ACCOUNT | _PROOF)

    document_hash: Sha256


class PayeeAccountIn(AccountIn):
    """A guardian's own account, where nobody's bank entry brought the money."""

    model_config = examples(_ACCOUNT)

    document_hash: Sha256 | None = None


class LodgeIn(AccountIn):
    """The notary's account, and the proof of the deposit, by its hash."""

    model_config = examples(
        _ACCOUNT | {"name": "重庆市公证处"} | _PROOF,
    )

    document_hash: Sha256


class SettleIn(WireIn):
    """Pay every refund of a journal that can be paid now."""

    model_config = examples({"jurisdiction": "500106"})

    jurisdiction: Reference | None = Field(
        default=None, description="Needed when the caller's scope holds several journals"
    )
    limit: Annotated[int, Field(strict=True, ge=1, le=4_000)] = 4_000


class SettleOut(WireOut):
    """What a settlement of refunds did: orders made, and refunds that could not be paid in full."""

    model_config = WireOut.model_config | {
        "json_schema_extra": {"examples": [{"orders": 12, "waiting": 1, "refused": 0}]}
    }

    orders: int
    waiting: int = Field(description="Refunds of which a part waits for money now")
    refused: int = Field(description="Refunds that something stops: a fence, a freeze")
