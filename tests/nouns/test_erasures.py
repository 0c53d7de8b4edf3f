"""Erasing a guardian's data over HTTP: when it can go, who lets it go, and what is left."""

from datetime import UTC, date, datetime
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from service import verify
from service.store import erasures
from service.store.context import Context
from service.store.transact import writing
from service.verify import PersonalData
from tests.fixtures.academies import Academy
from tests.fixtures.approvals import approve
from tests.fixtures.databases import Database
from tests.fixtures.parents import Phone, fresh_phone
from tests.fixtures.refunds import Refunds
from tests.fixtures.vaults import VAULT
from tests.nouns.claim_calls import approved, filed, move_to, taught

NAME, STUDENT, NOTE = "欧阳大锤", "欧阳小锤", "孩子患哮喘"
ACCOUNT = "6222020000000000001"
LONG_AFTER = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.fixture
def number() -> str:
    """A phone that no other test has."""
    return fresh_phone()


@pytest.fixture
async def paid(academy: Academy, number: str) -> dict[str, Any]:
    """A contract whose payer the bank named."""
    guardian = {"name": NAME, "phone": number.removeprefix("+86")}
    opened = await academy.opened(guardian=guardian, student={"name": STUDENT})
    payer = {"payer_name": NAME, "payer_account": ACCOUNT, "purpose": f"{STUDENT}学费"}
    await academy.receipt("4999.99", payment_code=opened["payment_code"], **payer)
    return opened


@pytest.fixture
async def ended(academy: Academy, refunds: Refunds, paid: dict[str, Any]) -> dict[str, Any]:
    """The contract refunded to its last fen and paid out by the bank."""
    await taught(academy, paid, 2)
    await approved(academy, paid, note=NOTE)
    await refunds.debited(await refunds.sent())
    return paid


async def asked(academy: Academy, contract: dict[str, Any]) -> httpx.Response:
    parent = await academy.parent(contract)
    return await academy.post(f"parties/{contract['guardian_id']}/erasure", parent)


async def erased(academy: Academy, contract: dict[str, Any]) -> dict[str, Any]:
    """Ask long after, and let two people carry it out."""
    await move_to(academy, LONG_AFTER)
    request = (await asked(academy, contract)).json()
    assert request["state"] == "FILED", request
    path = f"data-requests/{request['id']}/carry-out"
    waiting = await academy.post(path, academy.district.operator)
    assert waiting.status_code == 202, waiting.text
    done = await approve(academy, waiting.json(), academy.district.regulator)
    assert done.status_code == 200, done.text
    return dict(done.json())


async def everything(academy: Academy) -> str:
    """Return every row of the journal in the schema of personal data, opened where it opens."""
    told = []
    journal = academy.district.journal
    async with writing(academy.district.service.engine) as connection:
        await Context.writer(journal).enter(connection, statement_timeout="10s")
        for table in ("party", "bank_narrative", "claim_note", "data_request", "unmask_grant"):
            found = await connection.execute(
                text(f"SELECT * FROM pii.{table} WHERE journal_id = :journal"),  # noqa: S608
                {"journal": journal},
            )
            told += [repr(dict(row)) for row in found.mappings()]
    return "\n".join(told)


async def test_an_open_contract_keeps_the_data(academy: Academy, paid: dict[str, Any]) -> None:
    refused = await asked(academy, paid)

    told = refused.json()
    assert (refused.status_code, told["state"], told["reason"]) == (
        201,
        "REFUSED",
        "OPEN_CONTRACT",
    )
    assert told["earliest_on"] is None


async def test_an_open_case_keeps_the_data(academy: Academy, paid: dict[str, Any]) -> None:
    claim = await filed(academy, paid)
    await academy.post(f"claims/{claim['id']}/agree", academy.token)

    assert (await asked(academy, paid)).json()["reason"] == "OPEN_CONTRACT"


async def test_money_on_its_way_keeps_the_data(
    academy: Academy, refunds: Refunds, paid: dict[str, Any]
) -> None:
    await approved(academy, paid)
    await refunds.sent()
    await move_to(academy, LONG_AFTER)

    refused = (await asked(academy, paid)).json()

    assert refused["reason"] in {"OPEN_CASE", "OPEN_MONEY"}


async def test_the_law_keeps_the_data_for_years_and_for_storage_alone(
    academy: Academy, ended: dict[str, Any]
) -> None:
    refused = (await asked(academy, ended)).json()

    seen = await academy.get(f"parties/{ended['guardian_id']}", academy.district.regulator)
    assert (refused["state"], refused["reason"]) == ("REFUSED", "RETENTION")
    assert date.fromisoformat(refused["earliest_on"]).year == datetime.now(UTC).year + 3
    assert seen["restricted"] is True


async def test_two_people_destroy_the_keys_and_the_books_stay_whole(
    academy: Academy, ended: dict[str, Any], database: Database, number: str
) -> None:
    parent, gone = await academy.parent(ended), (NAME, number[3:], STUDENT, ACCOUNT, NOTE)

    outcome = await erased(academy, ended)

    seen = await academy.get(f"parties/{ended['guardian_id']}", academy.district.regulator)
    child = await academy.get(f"parties/{ended['student_id']}", academy.district.regulator)
    left = await everything(academy)
    personal = PersonalData(database.url("escrow_app"), VAULT)
    report = await verify.verify(
        database.url("escrow_audit"), journals=[academy.district.journal], personal=personal
    )
    assert outcome["outcome"]["state"] == "DONE"
    assert (seen["erased"], seen["name"], child["erased"], child["name"]) == (True, "", True, "")
    assert "b'" in left
    assert not any(word in left for word in gone)
    assert {code for code in report.violated if code[0] in "IP"} == set()
    copy = await academy.get("own-data", parent)
    assert not any(word in str(copy) for word in gone)


async def test_the_statement_of_an_erased_contract_names_nobody(
    academy: Academy, ended: dict[str, Any]
) -> None:
    await erased(academy, ended)

    paper = await academy.district.service.get(
        f"/v1/enrolments/{ended['id']}/paper", academy.district.regulator, format="html"
    )

    assert paper.status_code == 200, paper.text
    assert NAME not in paper.text


async def test_whoever_logged_in_as_the_guardian_is_a_stranger_again(
    academy: Academy, ended: dict[str, Any], number: str
) -> None:
    parent = Phone.new(academy.district, number)
    await parent.logs_in()
    [link] = await parent.links(state="ACTIVE")

    await erased(academy, ended)

    again = Phone.new(academy.district, number)
    session = await again.logs_in()
    assert link["state"] == "ACTIVE"
    assert await parent.enrolments() == set()
    assert session["links"] == 0


async def test_the_maker_does_not_carry_it_out_alone(
    academy: Academy, ended: dict[str, Any]
) -> None:
    await move_to(academy, LONG_AFTER)
    request = (await asked(academy, ended)).json()
    waiting = await academy.post(
        f"data-requests/{request['id']}/carry-out", academy.district.operator
    )

    alone = await approve(academy, waiting.json(), academy.district.operator)

    assert (alone.status_code, alone.json()["code"]) == (409, "maker_is_checker")


async def test_what_was_opened_meanwhile_is_looked_at_again(
    academy: Academy, ended: dict[str, Any]
) -> None:
    await move_to(academy, LONG_AFTER)
    request = (await asked(academy, ended)).json()
    waiting = await academy.post(
        f"data-requests/{request['id']}/carry-out", academy.district.operator
    )
    values = {
        "guardian": {"party_id": ended["guardian_id"]},
        "student": {"party_id": ended["student_id"]},
        "contract_on": "2029-12-20",
        "charged_on": "2029-12-20",
        "starts_on": "2030-01-05",
        "ends_on": "2030-03-31",
    }
    again = await academy.post("enrolments", academy.token, academy.contract(**values))

    refused = await approve(academy, waiting.json(), academy.district.regulator)

    assert again.status_code == 201, again.text
    assert refused.status_code == 409, refused.text


async def test_it_is_asked_for_once_at_a_time(academy: Academy, ended: dict[str, Any]) -> None:
    await move_to(academy, LONG_AFTER)
    first = await asked(academy, ended)

    second = await asked(academy, ended)

    assert (first.json()["state"], second.status_code) == ("FILED", 409)


@pytest.mark.parametrize(
    ("day", "years", "later"),
    [
        (date(2026, 5, 31), 3, date(2029, 5, 31)),
        (date(2028, 2, 29), 3, date(2031, 3, 1)),
        (date(2028, 2, 29), 4, date(2032, 2, 29)),
    ],
)
def test_years_after_a_day_is_the_same_day(day: date, years: int, later: date) -> None:
    assert erasures.years_after(day, years) == later
