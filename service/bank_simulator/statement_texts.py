"""The formats in which a bank writes a statement: camt.053, MT940, a CSV in GBK, or plain sums."""

import csv
import io
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, Final
from xml.sax.saxutils import escape

from service.bank_simulator.books import Entry, Side, Statement, yuan

CSV_COLUMNS: Final = (
    *("交易流水号", "记账日期", "起息日", "贷方金额", "借方金额", "冲正标志", "余额", "币种"),
    *("对方户名", "对方账号", "摘要", "业务编号"),
)
_WRAPPED: Final = 65
_STRUCTURED_SINCE: Final = 7
"""The camt version since which a status and a party are elements of their own."""


def camt(statement: Statement, version: int) -> bytes:
    """Write camt.053.001 of this version, in UTF-8."""
    day = statement.day
    (came, credited), (went, debited) = (statement.sums(side) for side in Side)
    opening = _camt_balance("OPBD", statement.opening, day)
    closing = _camt_balance("CLBD", statement.closing, day)
    entries = "".join(_camt_entry(entry, version) for entry in statement.entries)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.{version:02}">\n'
        f"<BkToCstmrStmt><GrpHdr><MsgId>{_name(statement)}</MsgId>"
        f"<CreDtTm>{day}T23:30:00</CreDtTm></GrpHdr>\n"
        f"<Stmt><Id>{_name(statement)}</Id><ElctrncSeqNb>{statement.sequence}</ElctrncSeqNb>"
        f"<CreDtTm>{day}T23:30:00</CreDtTm>\n"
        f"<FrToDt><FrDtTm>{day}T00:00:00</FrDtTm><ToDtTm>{day}T23:59:59</ToDtTm></FrToDt>\n"
        f"<Acct><Id><Othr><Id>{statement.account}</Id></Othr></Id><Ccy>CNY</Ccy></Acct>\n"
        f"{opening}{closing}<TxsSummry>"
        f"<TtlNtries><NbOfNtries>{came + went}</NbOfNtries></TtlNtries>"
        f"<TtlCdtNtries><NbOfNtries>{came}</NbOfNtries><Sum>{yuan(credited)}</Sum>"
        f"</TtlCdtNtries><TtlDbtNtries><NbOfNtries>{went}</NbOfNtries>"
        f"<Sum>{yuan(debited)}</Sum></TtlDbtNtries></TxsSummry>\n"
        f"{entries}</Stmt></BkToCstmrStmt></Document>\n"
    ).encode()


def _name(statement: Statement) -> str:
    return f"{statement.account[-12:]}-{statement.day:%Y%m%d}"


def _camt_balance(code: str, amount: int, day: date) -> str:
    side = Side.DEBIT if amount < 0 else Side.CREDIT
    return (
        f"<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp>"
        f'<Amt Ccy="CNY">{yuan(abs(amount))}</Amt><CdtDbtInd>{side}</CdtDbtInd>'
        f"<Dt><Dt>{day}</Dt></Dt></Bal>\n"
    )


def _camt_entry(entry: Entry, version: int) -> str:
    structured = version >= _STRUCTURED_SINCE
    status = "<Cd>BOOK</Cd>" if structured else "BOOK"
    amount = f'<Amt Ccy="CNY">{yuan(entry.fen)}</Amt><CdtDbtInd>{entry.side}</CdtDbtInd>'
    reversal = "<RvslInd>true</RvslInd>" if entry.is_reversal else ""
    refs = f"<EndToEndId>{entry.end_to_end_id or 'NOTPROVIDED'}</EndToEndId>"
    told = f"<RmtInf><Ustrd>{escape(entry.purpose)}</Ustrd></RmtInf>" if entry.purpose else ""
    return (
        f"<Ntry><NtryRef>{entry.number}</NtryRef>{amount}{reversal}<Sts>{status}</Sts>"
        f"<BookgDt><Dt>{entry.book_on}</Dt></BookgDt><ValDt><Dt>{entry.value_on}</Dt></ValDt>"
        f"<AcctSvcrRef>{entry.ref}</AcctSvcrRef>{_bank_code(entry)}<NtryDtls><TxDtls>"
        f"<Refs>{refs}</Refs>{amount if version > 2 else ''}"  # noqa: PLR2004 - since camt.053.001.03
        f"{_parties(entry, structured=structured)}{told}</TxDtls></NtryDtls></Ntry>\n"
    )


def _bank_code(entry: Entry) -> str:
    """Name a charge or interest by ISO 20022's bank transaction code."""
    family = {"CHARGE": "CHRG", "CHARGE_REIMBURSED": "CHRG", "INTEREST": "INTR"}.get(entry.kind)
    if family is None:
        return "<BkTxCd/>"
    family_of = "MCOP" if entry.side is Side.CREDIT else "MDOP"
    return (
        f"<BkTxCd><Domn><Cd>ACMT</Cd><Fmly><Cd>{family_of}</Cd><SubFmlyCd>{family}</SubFmlyCd>"
        "</Fmly></Domn></BkTxCd>"
    )


def _parties(entry: Entry, *, structured: bool) -> str:
    who = "Dbtr" if (entry.side is Side.CREDIT) != entry.is_reversal else "Cdtr"
    told = ""
    if entry.payer_name:
        name = f"<Nm>{escape(entry.payer_name)}</Nm>"
        told += f"<{who}>{f'<Pty>{name}</Pty>' if structured else name}</{who}>"
    if entry.payer_account:
        number = f"<Othr><Id>{entry.payer_account}</Id></Othr>"
        told += f"<{who}Acct><Id>{number}</Id></{who}Acct>"
    return f"<RltdPties>{told}</RltdPties>" if told else ""


def mt940(statement: Statement, encoding: str) -> bytes:
    """Write one page of MT940."""
    day = statement.day
    text = f":20:{day:%Y%m%d}{statement.sequence:06d}\r\n:25:{statement.account}\r\n"
    text += f":28C:{statement.sequence}/1\r\n:60F:{_swift_balance(statement.opening, day)}\r\n"
    text += "".join(map(_swift_entry, statement.entries))
    text += f":62F:{_swift_balance(statement.closing, day)}\r\n-\r\n"
    return text.encode(encoding)


def _swift_amount(amount: int) -> str:
    return yuan(abs(amount)).replace(".", ",")


def _swift_balance(amount: int, day: date) -> str:
    return f"{'D' if amount < 0 else 'C'}{day:%y%m%d}CNY{_swift_amount(amount)}"


def _swift_entry(entry: Entry) -> str:
    # RC takes back a credit, and so is a debit.
    mark = "C" if (entry.side is Side.CREDIT) != entry.is_reversal else "D"
    kind = "NCHG" if entry.kind == "CHARGE" else "NTRF"
    mark = f"R{mark}" if entry.is_reversal else mark
    line = f":61:{entry.value_on:%y%m%d}{entry.book_on:%m%d}{mark}{_swift_amount(entry.fen)}"
    words = (
        ("EREF", entry.end_to_end_id),
        ("NAME", entry.payer_name),
        ("ACCT", entry.payer_account),
        ("REMI", entry.purpose),
    )
    told = "".join(f"/{word}/{value}" for word, value in words if value)
    wrapped = "\r\n".join(told[at : at + _WRAPPED] for at in range(0, len(told), _WRAPPED))
    return f"{line}{kind}NONREF//{entry.ref}\r\n" + (f":86:{wrapped}\r\n" if told else "")


def gbk_csv(statement: Statement) -> bytes:
    """Write a CSV with Chinese headings, in GB18030."""
    day = f"{statement.day:%Y%m%d}"
    (came, credited), (went, debited) = (statement.sums(side) for side in Side)
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerows([["账号:", statement.account], ["序号", statement.sequence]])
    writer.writerows([["起始日期", day], ["截止日期", day], ["期初余额", yuan(statement.opening)]])
    writer.writerow(CSV_COLUMNS)
    balance = statement.opening
    for entry in statement.entries:
        balance += entry.signed_fen
        writer.writerow(_row(entry, balance))
    writer.writerows([["期末余额", yuan(statement.closing)], ["总笔数", came + went]])
    writer.writerows([["贷方合计", yuan(credited)], ["借方合计", yuan(debited)]])
    return out.getvalue().encode("gb18030")


def _row(entry: Entry, balance: int) -> list[str]:
    amount = yuan(entry.fen)
    sides = (amount, "") if entry.side is Side.CREDIT else ("", amount)
    mark = "冲正" if entry.is_reversal else ""
    dates = (f"{entry.book_on:%Y%m%d}", f"{entry.value_on:%Y%m%d}")
    # The tab keeps a spreadsheet from rounding an account number.
    told = (entry.payer_name, f"{entry.payer_account}\t", entry.purpose, entry.end_to_end_id)
    return [entry.ref, *dates, *sides, mark, yuan(balance), "人民币", *told]


def sums(statement: Statement, account: str) -> dict[str, Any]:
    """Write a day's figures as JSON, for a bank that reports every line at once."""
    (came, credited), (went, debited) = (statement.sums(side) for side in Side)
    return {
        "custody_account_id": account,
        "day": statement.day.isoformat(),
        "opening": yuan(statement.opening),
        "closing": yuan(statement.closing),
        "credit_count": came,
        "credit_sum": yuan(credited),
        "debit_count": went,
        "debit_sum": yuan(debited),
    }


FILES: Final[Mapping[str, tuple[str, Callable[[Statement], bytes]]]] = {
    "camt.053.001.02": ("application/xml", lambda statement: camt(statement, 2)),
    "camt.053.001.08": ("application/xml", lambda statement: camt(statement, 8)),
    "MT940": ("text/plain", lambda statement: mt940(statement, "utf-8")),
    "MT940-GBK": ("text/plain", lambda statement: mt940(statement, "gb18030")),
    "CSV-GBK": ("text/csv", gbk_csv),
}
"""Formats that are files: content type and writer."""
