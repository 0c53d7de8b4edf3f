"""The values of a camt statement and of its entries, by the paths of ISO 20022."""

from dataclasses import dataclass, field
from datetime import date
from hashlib import sha256
from typing import Any, Final, NoReturn

from service.statement_files.calendar_dates import iso_day
from service.statement_files.camt_elements import Element
from service.statement_files.canonical import (
    CanonicalEntry,
    Direction,
    EntryPart,
    Kind,
    Stated,
    StatementFoot,
    StatementHead,
)
from service.statement_files.refused import Reason, StatementFileInvalid
from service.statement_files.texts import clean, count_of, fen_of

_OPENINGS: Final = ("OPBD", "PRCD")
_CLOSINGS: Final = {
    Kind.STATEMENT: ("CLBD",),
    Kind.REPORT: ("CLBD", "ITBD"),
    Kind.NOTIFICATION: (),
}
_PAYMENT: Final = "NtryDtls/TxDtls"
_PARTS_MAX: Final = 100_000
_BALANCES_MAX: Final = 64

_CODES: Final = ("Domn/Cd", "Domn/Fmly/Cd", "Domn/Fmly/SubFmlyCd")
_OWN_CODE: Final = "BkTxCd/Prtry/Cd"
_PAGES: Final = ("StmtPgntn", "RptPgntn", "NtfctnPgntn")
_SUMMED: Final = ("TtlNtries", "TtlCdtNtries", "TtlDbtNtries")

_WANTED_OF_STATEMENT: Final = frozenset(
    {
        *("Id", "ElctrncSeqNb", "LglSeqNb", "Acct/Id/Othr/Id", "Acct/Id/IBAN", "Acct/Ccy"),
        *("FrToDt/FrDtTm", "FrToDt/FrDt", "FrToDt/ToDtTm", "FrToDt/ToDt"),
        *(f"{page}/{name}" for page in _PAGES for name in ("PgNb", "LastPgInd")),
        *(f"TxsSummry/{of}/{name}" for of in _SUMMED for name in ("NbOfNtries", "Sum")),
    }
)
"""Values of the statement itself."""

_WANTED_OF_BALANCE: Final = frozenset({"Tp/CdOrPrtry/Cd", "Amt", "CdtDbtInd", "Dt/Dt", "Dt/DtTm"})

_WANTED: Final = frozenset(
    {
        *("NtryRef", "Amt", "CdtDbtInd", "RvslInd", "Sts", "Sts/Cd", "AcctSvcrRef"),
        *("BookgDt/Dt", "BookgDt/DtTm", "ValDt/Dt", "ValDt/DtTm", "AddtlNtryInf"),
        *(f"BkTxCd/{name}" for name in _CODES),
        _OWN_CODE,
    }
)
"""Values of the entry itself."""

_WANTED_OF_PAYMENT: Final = frozenset(
    f"{_PAYMENT}/{path}"
    for path in (
        *("Amt", "AmtDtls/TxAmt/Amt", "Refs/EndToEndId", "Refs/AcctSvcrRef", "RmtInf/Ustrd"),
        *(f"RltdPties/{who}/{name}" for who in ("Dbtr", "Cdtr") for name in ("Nm", "Pty/Nm")),
        *(f"RltdPties/{who}Acct/Id/IBAN" for who in ("Dbtr", "Cdtr")),
        *(f"RltdPties/{who}Acct/Id/Othr/Id" for who in ("Dbtr", "Cdtr")),
    )
)
"""Values of a payment of the entry."""


def _direction(text: str | None, line: int, entry: int | None = None) -> Direction:
    try:
        return Direction((text or "").strip())
    except ValueError:
        raise StatementFileInvalid(Reason.DIRECTION, line=line, entry=entry) from None


@dataclass(slots=True)
class StatementValues:
    """What a statement says of itself, outside its entries."""

    kind: Kind
    currency: str
    entries: int = 0
    left_out: int = 0
    """Entries of a report that are not booked; its counts and sums are with them."""
    head_given: bool = False
    values: dict[str, str] = field(default_factory=dict)
    balances: list[tuple[str, int, date | None]] = field(default_factory=list)
    _balance: dict[str, str] = field(default_factory=dict)

    def keep(self, path: str, element: Element) -> None:
        """Keep a value; at the end of a balance keep the balance."""
        if path == "Bal":
            self._keep_balance(element.line)
        elif path.startswith("Bal/"):
            if path[4:] in _WANTED_OF_BALANCE:
                self._balance[path[4:]] = element.text.strip()
            if path == "Bal/Amt":
                self.refuse_currency(element.attributes.get("Ccy"), element.line)
        elif path in _WANTED_OF_STATEMENT:
            self.values[path] = element.text.strip()
            if path == "Acct/Ccy":
                self.refuse_currency(self.values[path], element.line)

    def refuse_currency(self, said: str | None, line: int, entry: int | None = None) -> None:
        """Refuse another currency than the account's, and an amount without one."""
        if said != self.currency:
            raise StatementFileInvalid(Reason.WRONG_CURRENCY, line=line, entry=entry)

    def head(self, line: int) -> StatementHead:
        """Return the head; the account and the page are known before the first entry."""
        self.head_given = True
        of = self.values
        account = clean(of.get("Acct/Id/Othr/Id") or of.get("Acct/Id/IBAN") or "")
        if not account:
            raise StatementFileInvalid(Reason.WRONG_ACCOUNT, line=line)
        for page in _PAGES:
            if of.get(page + "/LastPgInd", "true") not in {"true", "1"}:
                raise StatementFileInvalid(Reason.PAGE_MISSING, line=line)
            if of.get(page + "/PgNb", "1").lstrip("0") != "1":
                raise StatementFileInvalid(Reason.PAGE_MISSING, line=line)
        sequence = of.get("ElctrncSeqNb") or of.get("LglSeqNb")
        return StatementHead(
            self.kind,
            account,
            clean(of.get("Id", "")),
            count_of(sequence, line=line) if sequence else None,
            self.currency,
        )

    def foot(self, line: int) -> StatementFoot:
        """Return the foot, when the last entry has passed.

        The first day is what the statement says, never the date of the opening balance, which is
        the day before at many banks; the last is the date of the closing balance.
        """
        opening, closing = self._first(_OPENINGS), self._last(_CLOSINGS[self.kind])
        of = self.values
        started = of.get("FrToDt/FrDtTm") or of.get("FrToDt/FrDt")
        ended = of.get("FrToDt/ToDtTm") or of.get("FrToDt/ToDt")
        return StatementFoot(
            opening[0] if opening else None,
            closing[0] if closing else None,
            iso_day(started, line=line) if started else None,
            (closing[1] if closing else None) or (iso_day(ended, line=line) if ended else None),
            Stated() if self.left_out else self._stated(line),
            line,
        )

    def _keep_balance(self, line: int) -> None:
        of = self._balance
        code = of.get("Tp/CdOrPrtry/Cd", "")
        fen = fen_of(of.get("Amt", ""), "XML", line=line)
        if _direction(of.get("CdtDbtInd"), line) is Direction.DEBIT:
            fen = -fen
        day = of.get("Dt/Dt") or of.get("Dt/DtTm")
        self.balances.append((code, fen, iso_day(day, line=line) if day else None))
        if len(self.balances) > _BALANCES_MAX:
            raise StatementFileInvalid(Reason.TOO_LARGE, line=line)
        self._balance = {}

    def _first(self, codes: tuple[str, ...]) -> tuple[int, date | None] | None:
        found = ([b[1:] for b in self.balances if b[0] == code] for code in codes)
        return next((balances[0] for balances in found if balances), None)

    def _last(self, codes: tuple[str, ...]) -> tuple[int, date | None] | None:
        found = ([b[1:] for b in self.balances if b[0] == code] for code in codes)
        return next((balances[-1] for balances in found if balances), None)

    def _stated(self, line: int) -> Stated:
        def count(path: str) -> int | None:
            text = self.values.get(f"TxsSummry/{path}/NbOfNtries")
            return count_of(text, line=line) if text else None

        def total(path: str) -> int | None:
            text = self.values.get(f"TxsSummry/{path}/Sum")
            return fen_of(text, "XML", line=line) if text else None

        both, credits_, debits = _SUMMED
        return Stated(count(both), count(credits_), total(credits_), count(debits), total(debits))


@dataclass(slots=True)
class EntryValues:
    """What an entry and its payments say."""

    number: int
    line: int
    values: dict[str, str] = field(default_factory=dict)
    payments: list[dict[str, str]] = field(default_factory=list)
    _payment: dict[str, str] = field(default_factory=dict)
    _currency: str | None = None
    _hash: Any = field(default_factory=sha256)

    def keep(self, path: str, element: Element) -> None:
        """Keep a value of the entry or of the payment that is open; everything is hashed."""
        self._hash.update(f"{path}\x1f{element.attributes}\x1f{element.text}\x1e".encode())
        if path in _WANTED:
            self.values[path] = element.text.strip()
            if path == "Amt":
                self._currency = element.attributes.get("Ccy")
        elif path in _WANTED_OF_PAYMENT:
            foreign = element.attributes.get("Ccy", self._currency) != self._currency
            self._keep_of_payment(path, "" if foreign else element.text.strip())
        elif path == _PAYMENT:
            self.payments.append(self._payment)
            self._payment = {}
            if len(self.payments) > _PARTS_MAX:
                raise StatementFileInvalid(Reason.TOO_LARGE, line=element.line)

    def entry(self, statement: StatementValues) -> CanonicalEntry | None:
        """Make the entry; None when it is not booked, which only a statement may not hold."""
        if not self._is_booked(statement.kind):
            return None
        statement.refuse_currency(self._currency, self.line, self.number)
        direction = _direction(self.values.get("CdtDbtInd"), self.line, self.number)
        is_reversal = self.values.get("RvslInd") in {"true", "1"}
        booked_on = self._day("BookgDt")
        only = self.payments[0] if len(self.payments) == 1 else {}
        # In a reversal the parties are still those of the payment that is taken back.
        who = "Dbtr" if (direction is Direction.CREDIT) != is_reversal else "Cdtr"
        return CanonicalEntry(
            bank_ref=self._reference(only),
            entry_seq=self.number,
            booked_on=booked_on or self._refused(Reason.DATE),
            value_on=self._day("ValDt") or booked_on or self._refused(Reason.DATE),
            amount_fen=self._amount(),
            direction=direction,
            is_reversal=is_reversal,
            counterparty_name=_one(only, f"RltdPties/{who}/Nm", f"RltdPties/{who}/Pty/Nm"),
            counterparty_account=_one(
                only, f"RltdPties/{who}Acct/Id/Othr/Id", f"RltdPties/{who}Acct/Id/IBAN"
            ),
            purpose=_one(only, "RmtInf/Ustrd") or clean(self.values.get("AddtlNtryInf", "")),
            end_to_end_id=_given(_one(only, "Refs/EndToEndId")),
            raw_hash=self._hash.hexdigest(),
            parts=self._parts(),
            code=self._code(),
        )

    def _keep_of_payment(self, path: str, text: str) -> None:
        within = path[len(_PAYMENT) + 1 :]
        if within == "RmtInf/Ustrd" and within in self._payment:
            text = f"{self._payment[within]} {text}"
            if len(text) > _PARTS_MAX:
                raise StatementFileInvalid(Reason.TOO_LARGE, line=self.line, entry=self.number)
        self._payment[within] = text

    def _code(self) -> str:
        """Return domain, family and subfamily; the bank's own code where it gives no others."""
        given = [self.values.get(f"BkTxCd/{name}", "") for name in _CODES]
        return clean("/".join(one for one in given if one) or self.values.get(_OWN_CODE, ""))

    def _is_booked(self, kind: Kind) -> bool:
        status = self.values.get("Sts/Cd") or self.values.get("Sts", "")
        if status == "BOOK":
            return True
        if kind is Kind.STATEMENT or status not in {"PDNG", "INFO", "FUTR"}:
            raise StatementFileInvalid(Reason.NOT_BOOKED, line=self.line, entry=self.number)
        return False

    def _reference(self, only: dict[str, str]) -> str:
        found = self.values.get("AcctSvcrRef") or _one(only, "Refs/AcctSvcrRef")
        found = clean(found or self.values.get("NtryRef", ""))
        return found or self._refused(Reason.REFERENCE_MISSING)

    def _amount(self) -> int:
        fen = fen_of(self.values.get("Amt", ""), "XML", line=self.line, entry=self.number)
        return fen if fen > 0 else self._refused(Reason.AMOUNT)

    def _day(self, name: str) -> date | None:
        text = self.values.get(name + "/Dt") or self.values.get(name + "/DtTm")
        return iso_day(text, line=self.line, entry=self.number) if text else None

    def _parts(self) -> tuple[EntryPart, ...]:
        if len(self.payments) < 2:  # noqa: PLR2004 - one payment is the entry itself
            return ()
        return tuple(
            EntryPart(_given(_one(p, "Refs/EndToEndId")), self._part_amount(p))
            for p in self.payments
        )

    def _part_amount(self, payment: dict[str, str]) -> int | None:
        text = payment.get("Amt") or payment.get("AmtDtls/TxAmt/Amt")
        return fen_of(text, "XML", line=self.line, entry=self.number) if text else None

    def _refused(self, reason: Reason) -> NoReturn:
        raise StatementFileInvalid(reason, line=self.line, entry=self.number)


def _one(payment: dict[str, str], *paths: str) -> str:
    """Return the first of these values that is there, in one form."""
    return clean(next((payment[path] for path in paths if payment.get(path)), ""))


def _given(end_to_end_id: str) -> str:
    """Return the id, or nothing for the word that stands where the payer gave none."""
    return "" if end_to_end_id == "NOTPROVIDED" else end_to_end_id
