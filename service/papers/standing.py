"""Whose paper it is: institution, contract, people and account, as its reader may see them."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.accounts import AccountKind
from service.identity.callers import Caller, Role
from service.papers.paper import Cell, Fact, Proof, Section, Words, day, or_dash
from service.store import custodians, ids, paper_reads
from service.store.facts import Record
from service.store.positions import Positions
from service.store.tables import Course, CustodyAccount, Institution
from service.web import masks


@dataclass(frozen=True, slots=True)
class Standing:
    """An enrolment with all that a paper names beside it; `caller` is the reader."""

    caller: Caller
    journal: int
    enrolment: Record
    institution: Record
    course: Record | None
    custody: Record
    bank: str
    people: dict[UUID, Record]

    def public(self, prefix: str, value: UUID) -> str:
        """Write an id as the API does."""
        return ids.public(prefix, self.journal, value)

    def person(self, party: UUID) -> str:
        """Name a party as far as the reader may see it."""
        row = self.people.get(party)
        return "" if row is None else name_for(self.caller, row)


def name_for(caller: Caller, party: Record) -> str:
    """Name a party whole to a parent (it is of their own contract) and to its institution."""
    own = caller.role is Role.INSTITUTION and party.institution_id == caller.institution
    if own or caller.role is Role.PARENT:
        return party.name or ""
    return masks.name(party.name)


async def standing(
    connection: AsyncConnection, caller: Caller, journal: int, enrolment: Record
) -> Standing:
    """Read what stands beside an enrolment that the caller was seen to see."""
    await paper_reads.widen(connection, journal)
    institutions = await paper_reads.keyed(
        connection, Institution, journal, [enrolment.institution_id]
    )
    courses = await paper_reads.keyed(connection, Course, journal, [enrolment.course_id])
    accounts = await paper_reads.keyed(
        connection, CustodyAccount, journal, [enrolment.custody_account_id]
    )
    custody = accounts[enrolment.custody_account_id]
    people = await paper_reads.parties(
        connection, journal, [enrolment.guardian_id, enrolment.student_id]
    )
    bank = await custodians.bank_by_code(connection, custody.bank_code)
    return Standing(
        caller=caller,
        journal=journal,
        enrolment=enrolment,
        institution=institutions[enrolment.institution_id],
        course=None if enrolment.course_id is None else courses[enrolment.course_id],
        custody=custody,
        bank=custody.bank_code if bank is None else bank.name,
        people=people,
    )


def contract_section(told: Standing) -> Section:
    """Say which contract, whose, and where its money rests."""
    row = told.enrolment
    facts: tuple[tuple[str, str, Cell | None], ...] = (
        ("培训机构", "Institution", told.institution.name),
        ("办学许可证", "School licence", told.institution.school_licence),
        ("合同编号", "Contract number", row.contract_number),
        ("报名编号", "Enrolment", told.public("enr", row.enrolment_id)),
        ("课程", "Course", None if told.course is None else told.course.name),
        ("学员", "Student", told.person(row.student_id)),
        ("监护人", "Guardian", told.person(row.guardian_id)),
        ("签约日期", "Contract date", day(row.contract_on)),
        ("课程期间", "Term", f"{day(row.starts_on)} – {day(row.ends_on)}"),
        ("托管银行", "Custodian bank", told.bank),
        ("托管专户", "Custody account", told.custody.account_name),
        ("专户账号", "Account number", told.custody.account_number),
    )
    return Section(
        Words("合同与托管账户", "Contract and custody account"),
        tuple(Fact(Words(zh, en), or_dash(value)) for zh, en, value in facts),
    )


async def proof(
    connection: AsyncConnection, journal: int, at: Positions, seqs: Iterable[int] = ()
) -> Proof:
    """Say at which position the paper is true, and which transactions it tells of."""
    seq = at.seq(journal)
    return Proof(
        as_of=at.as_of,
        known_at=at.known_at,
        position=at.written,
        sealed=await paper_reads.sealed_hash(connection, journal, seq),
        transactions=tuple(ids.public_transaction(journal, each) for each in sorted(set(seqs))),
    )


def of_kind(lines: Iterable[paper_reads.Line], kind: AccountKind) -> list[paper_reads.Line]:
    """Return the lines on accounts of one kind."""
    return [line for line in lines if line.account_kind == kind]
