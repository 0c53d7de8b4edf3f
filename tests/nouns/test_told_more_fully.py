"""The same entry told by a statement and by a push, of which one says more (I-39)."""

from typing import Any

from service import verify
from tests.fixtures.databases import Database
from tests.fixtures.statement_uploads import Uploads

DAY = {"book_on": "2026-03-02", "value_on": "2026-03-02"}


async def entry_of(uploads: Uploads, ref: str) -> dict[str, Any]:
    found = await uploads.academy.get("receipts", uploads.academy.district.operator)
    [entry] = [item for item in found["items"] if item["bank_ref"] == ref]
    return dict(entry)


async def told_of(
    uploads: Uploads, amount: str, ref: str, *, path: str = "receipts", **values: str
) -> dict[str, Any]:
    academy = uploads.academy
    custody = academy.district.public("cus", academy.custody)
    body = {"custody_account_id": custody, "amount": amount, "bank_ref": ref} | DAY | values
    answer = await academy.post(path, academy.district.banks["ICBC"], body)
    assert answer.is_success, answer.text
    return dict(answer.json())


async def findings(uploads: Uploads, database: Database) -> list[Any]:
    journal = uploads.academy.district.journal
    report = await verify.verify(database.url("escrow_audit"), journals=[journal])
    return [(finding.check, finding.example) for finding in report.findings]


async def test_what_a_statement_left_in_suspense_becomes_what_the_push_says(
    uploads: Uploads, database: Database
) -> None:
    academy = uploads.academy
    opened = await academy.opened()
    code, top_up = uploads.entry(10_000, purpose="学费"), uploads.entry(7_000, purpose="")
    await uploads.sent(uploads.camt(code, top_up))
    before = await entry_of(uploads, code.bank_ref)

    paid = await told_of(uploads, "100.00", code.bank_ref, payment_code=opened["payment_code"])
    own = await told_of(uploads, "70.00", top_up.bank_ref, kind="TOP_UP")

    assert before["outcome"] == "SUSPENSE"
    assert (paid["id"], paid["outcome"], paid["suspense"]) == (before["id"], "ENROLMENT", "0.00")
    assert (own["kind"], own["outcome"]) == ("TOP_UP", "TOP_UP")
    assert own["balances"] == {"custody_bank": "170.00"}
    assert (await academy.money(opened))["prepaid"] == "100.00"
    assert await findings(uploads, database) == []


async def test_a_push_that_comes_again_after_it_said_more_is_a_duplicate(
    uploads: Uploads,
) -> None:
    line = uploads.entry(7_000, purpose="")
    await uploads.sent(uploads.camt(line))
    first = await told_of(uploads, "70.00", line.bank_ref, kind="TOP_UP")

    again = await told_of(uploads, "70.00", line.bank_ref, kind="TOP_UP")

    assert again["id"] == first["id"]
    assert (again["outcome"], again["balances"]) == ("TOP_UP", {"custody_bank": "70.00"})


async def test_what_a_person_has_matched_meanwhile_stays_as_it_is(uploads: Uploads) -> None:
    academy = uploads.academy
    opened, other = [await academy.opened() for _ in range(2)]
    line = uploads.entry(10_000, purpose="学费")
    await uploads.sent(uploads.camt(line))
    entry = await entry_of(uploads, line.bank_ref)
    matched = await academy.post(
        f"receipts/{entry['id']}/match",
        academy.district.operator,
        {"enrolment_id": opened["id"]},
    )
    assert matched.status_code == 201, matched.text

    told = await told_of(uploads, "100.00", line.bank_ref, payment_code=other["payment_code"])

    assert (told["outcome"], told["enrolment_id"]) == ("ENROLMENT", opened["id"])
    assert (await academy.money(other))["prepaid"] == "0.00"


async def test_a_debit_kept_from_a_statement_is_posted_once_the_push_explains_it(
    uploads: Uploads, database: Database
) -> None:
    line = uploads.entry(-500, purpose="")
    await uploads.sent(uploads.camt(uploads.entry(4_000, purpose="x"), line))
    assert (await entry_of(uploads, line.bank_ref))["outcome"] == "KEPT"

    charged = await told_of(uploads, "5.00", line.bank_ref, path="debits", kind="CHARGE")

    assert (charged["outcome"], charged["balances"]) == ("CHARGE", {"custody_bank": "35.00"})
    assert await findings(uploads, database) == []


async def test_a_statement_explains_what_a_push_left_open(
    uploads: Uploads, database: Database
) -> None:
    academy = uploads.academy
    opened = await academy.opened()
    line = uploads.entry(10_000, purpose=f"学费 {opened['payment_code']}")
    held = await told_of(uploads, "100.00", line.bank_ref, purpose="转账")

    await uploads.sent(uploads.camt(line))

    entry = await entry_of(uploads, line.bank_ref)
    assert held["outcome"] == "SUSPENSE"
    assert (entry["outcome"], entry["confirmed"]) == ("ENROLMENT", True)
    assert (await academy.money(opened))["prepaid"] == "100.00"
    assert await findings(uploads, database) == []
