"""pain.001.001.09: the orders of a lease as a payment file (批量付款文件) of ISO 20022.

One payment information block for each custody account, one transaction for each order; the message
is named after the lease, so the same lease is the same message however often it is written. Charges
are the debtor's (DEBT): whom a refund is owed gets the whole of it.
"""

import base64
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from itertools import groupby
from typing import Any, Final
from uuid import UUID

from pyiso20022.pain.pain_001_001_09 import pain_001_001_09 as iso
from xsdata.formats.dataclass.serializers import XmlSerializer
from xsdata.formats.dataclass.serializers.config import SerializerConfig
from xsdata.models.datatype import XmlDate, XmlDateTime

from ledger.money import Money, total
from ledger.refusals import FormatUnavailable
from service.store import end_to_end_ids

NAMESPACE: Final = "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"
NAME_MAX: Final = 140
ACCOUNT_MAX: Final = 34
_BLOCK_BYTES: Final = 20


@dataclass(frozen=True, slots=True)
class Payment:
    """One order of a file; the payee's name, account and bank as far as they are known."""

    order: UUID
    custody_account: UUID
    kind: str
    amount: Money
    payee: Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class Debtor:
    """A custody account that pays: its holder's name, number, and the code of its bank."""

    name: str
    number: str
    bank: str


@dataclass(frozen=True, slots=True)
class PaymentFile:
    """What a file is about: a lease of a journal, made at an instant, to be paid on a day."""

    journal: int
    lease: UUID
    made_at: datetime
    pay_on: date
    initiator: str


def message_id(journal: int, lease: UUID) -> str:
    """Name the message of a lease: 32 capitals and digits."""
    return end_to_end_ids.written(journal, lease, end_to_end_ids.LEASE)


def block_id(lease: UUID, custody_account: UUID) -> str:
    """Name the block of a custody account in the message of a lease: 35 capitals and digits."""
    digest = hashlib.sha256(lease.bytes + custody_account.bytes).digest()
    return "PMT" + base64.b32encode(digest[:_BLOCK_BYTES]).decode("ascii")


def written(
    file: PaymentFile, payments: Sequence[Payment], debtors: Mapping[UUID, Debtor]
) -> bytes:
    """Write the payments, at least one, as UTF-8.

    Raises `FormatUnavailable` for an account number that the format has no room for.
    """
    ordered = sorted(payments, key=lambda payment: (payment.custody_account, payment.order))
    blocks = [
        _block(file, list(group), debtors[account])
        for account, group in groupby(ordered, key=lambda payment: payment.custody_account)
    ]
    header = iso.GroupHeader85(
        msg_id=message_id(file.journal, file.lease),
        cre_dt_tm=XmlDateTime.from_datetime(file.made_at.replace(microsecond=0)),
        nb_of_txs=str(len(ordered)),
        ctrl_sum=_sum(ordered),
        initg_pty=iso.PartyIdentification135(nm=file.initiator[:NAME_MAX]),
    )
    document = iso.Document(
        cstmr_cdt_trf_initn=iso.CustomerCreditTransferInitiationV09(grp_hdr=header, pmt_inf=blocks)
    )
    serializer = XmlSerializer(config=SerializerConfig(indent="  "))
    return serializer.render(document, ns_map={None: NAMESPACE}).encode()


def _block(file: PaymentFile, payments: list[Payment], debtor: Debtor) -> iso.PaymentInstruction30:
    return iso.PaymentInstruction30(
        pmt_inf_id=block_id(file.lease, payments[0].custody_account),
        pmt_mtd=iso.PaymentMethod3Code.TRF,
        btch_bookg=False,
        nb_of_txs=str(len(payments)),
        ctrl_sum=_sum(payments),
        reqd_exctn_dt=iso.DateAndDateTime2Choice(dt=XmlDate.from_date(file.pay_on)),
        dbtr=iso.PartyIdentification135(nm=debtor.name[:NAME_MAX]),
        dbtr_acct=_account(debtor.number, {}),
        dbtr_agt=_agent(
            iso.FinancialInstitutionIdentification18(
                othr=iso.GenericFinancialIdentification1(id=debtor.bank)
            )
        ),
        chrg_br=iso.ChargeBearerType1Code.DEBT,
        cdt_trf_tx_inf=[_transaction(file, payment) for payment in payments],
    )


def _transaction(file: PaymentFile, payment: Payment) -> iso.CreditTransferTransaction34:
    named = end_to_end_ids.written(file.journal, payment.order)
    payee, about = payment.payee, {"order": named}
    name, number, bank = (payee.get(key) for key in ("name", "account_number", "bank_name"))
    return iso.CreditTransferTransaction34(
        pmt_id=iso.PaymentIdentification6(instr_id=named, end_to_end_id=named),
        amt=iso.AmountType4Choice(
            instd_amt=iso.ActiveOrHistoricCurrencyAndAmount(
                value=Decimal(str(payment.amount)), ccy="CNY"
            )
        ),
        cdtr_agt=None
        if not bank
        else _agent(iso.FinancialInstitutionIdentification18(nm=bank[:NAME_MAX])),
        cdtr=None if not name else iso.PartyIdentification135(nm=name[:NAME_MAX]),
        cdtr_acct=None if not number else _account(number, about),
        purp=iso.Purpose2Choice(prtry=payment.kind),
        rmt_inf=iso.RemittanceInformation16(ustrd=[named]),
    )


def _account(number: str, about: Mapping[str, Any]) -> iso.CashAccount38:
    plain = number.replace(" ", "").replace("-", "")
    if len(plain) > ACCOUNT_MAX:
        raise FormatUnavailable(reason="account_too_long", **about)
    return iso.CashAccount38(
        id=iso.AccountIdentification4Choice(othr=iso.GenericAccountIdentification1(id=plain)),
        ccy=None,
    )


def _agent(
    institution: iso.FinancialInstitutionIdentification18,
) -> iso.BranchAndFinancialInstitutionIdentification6:
    return iso.BranchAndFinancialInstitutionIdentification6(fin_instn_id=institution)


def _sum(payments: Iterable[Payment]) -> Decimal:
    return Decimal(str(total([payment.amount for payment in payments])))
