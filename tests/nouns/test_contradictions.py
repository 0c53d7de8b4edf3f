"""What a bank says against an entry that stands, over HTTP: refused, and a break for people."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from service import verify
from service.verify.snapshot import Snapshot
from tests.fixtures import statement_writers as writers
from tests.fixtures.academies import Academy
from tests.fixtures.corruptions import insider
from tests.fixtures.databases import Database
from tests.fixtures.days import today
from tests.fixtures.statement_uploads import Uploads
from tests.fixtures.watched import Watch

CODE = "bank_entry_contradicted"
DAY = "2026-03-02"


def said(academy: Academy, **values: Any) -> dict[str, Any]:
    """Write the push of an entry, R-1 unless said otherwise."""
    return {
        "custody_account_id": academy.district.public("cus", academy.custody),
        "bank_ref": "R-1",
        "amount": "100.00",
        "book_on": DAY,
        "value_on": DAY,
        "payer_name": "张三",
        "payer_account": "6222000000000000000",
    } | values


async def push(academy: Academy, path: str = "receipts", **values: Any) -> httpx.Response:
    return await academy.post(path, academy.district.banks["ICBC"], said(academy, **values))


async def pushed(academy: Academy, **values: Any) -> dict[str, Any]:
    answer = await push(academy, **values)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def opened(academy: Academy, token: str | None = None) -> list[dict[str, Any]]:
    """Read the contradictions, as the school sees them unless said otherwise."""
    listed = await academy.get("breaks", token or academy.token, kind="CONTRADICTED")
    return list(listed["items"])


async def reconciled(academy: Academy) -> dict[str, Any]:
    body = {"custody_account_id": academy.district.public("cus", academy.custody)}
    made = await academy.post("reconciliations", academy.district.operator, body)
    assert made.status_code == 201, made.text
    found = await academy.get(f"reconciliations/{made.json()['id']}", academy.district.operator)
    return dict(found)


async def violated(database: Database, academy: Academy) -> list[str]:
    report = await verify.verify(database.url("escrow_audit"), journals=[academy.district.journal])
    return sorted(report.violated)


@pytest.mark.parametrize(
    ("path", "change", "differs", "amount", "day"),
    [
        ("receipts", {"amount": "2.00"}, ["AMOUNT"], "-98.00", DAY),
        ("debits", {"kind": "OTHER"}, ["DIRECTION", "PAYER"], "-200.00", DAY),
        ("receipts", {"payer_name": "李四"}, ["PAYER"], "0.00", DAY),
        ("receipts", {"payer_account": None}, ["PAYER"], "0.00", DAY),
        ("receipts", {"book_on": "2026-03-01"}, ["DATE"], "0.00", "2026-03-01"),
    ],
    ids=["amount", "direction", "payer", "payer's account", "date"],
)
async def test_a_contradiction_is_refused_and_opens_a_break(
    academy: Academy,
    path: str,
    change: dict[str, Any],
    differs: list[str],
    amount: str,
    day: str,
) -> None:
    entry = await pushed(academy)
    payer = {"payer_name", "payer_account"} if path == "debits" else set()
    body = {name: value for name, value in said(academy, **change).items() if name not in payer}

    answer = await academy.post(path, academy.district.banks["ICBC"], body)

    assert (answer.status_code, answer.json()["code"]) == (409, CODE)
    [one] = await opened(academy)
    assert (one["subject"], one["subject_key"]) == ("BANK_MESSAGE", entry["id"])
    assert (one["custody_account_id"], one["bank_ref"]) == (body["custody_account_id"], "R-1")
    assert (one["differs"], one["amount"], one["arose_on"]) == (differs, amount, day)
    assert (one["state"], one["owner"], one["level"]) == ("OPEN", "BANK", 0)
    assert "李四" not in str(one)


async def test_whoever_reads_breaks_reads_contradictions(academy: Academy) -> None:
    await pushed(academy)
    await push(academy, amount="2.00")
    district = academy.district

    seen = [
        await opened(academy, token)
        for token in (district.operator, district.regulator, district.banks["ICBC"])
    ]
    elsewhere = await opened(academy, district.banks["CMB"])
    one = await academy.get(f"breaks/{seen[0][0]['id']}", district.operator)

    assert seen == [[one]] * 3
    assert elsewhere == []


async def test_the_same_contradiction_again_opens_no_other(academy: Academy, watch: Watch) -> None:
    await pushed(academy)
    first = await push(academy, amount="2.00")
    before = await watch.seen()

    again = await push(academy, amount="2.00")

    assert (first.status_code, again.status_code) == (409, 409)
    assert await watch.changed_since(before) == set()
    assert len(await opened(academy)) == 1


async def test_the_same_key_again_is_answered_as_before(academy: Academy, watch: Watch) -> None:
    await pushed(academy)
    bank, body = academy.district.banks["ICBC"], said(academy, amount="2.00")
    first = await academy.post("receipts", bank, body, key="k-1")
    before = await watch.seen()

    again = await academy.post("receipts", bank, body, key="k-1")

    assert (first.status_code, again.status_code) == (409, 409)
    assert again.json()["code"] == CODE
    assert await watch.changed_since(before) == set()


async def test_another_contradiction_of_the_same_entry_is_another_break(academy: Academy) -> None:
    await pushed(academy)

    await push(academy, amount="2.00")
    await push(academy, amount="3.00")
    await push(academy, amount="2.00", book_on="2026-03-01")

    found = {(one["amount"], one["arose_on"]) for one in await opened(academy)}
    assert found == {("-98.00", DAY), ("-97.00", DAY), ("-98.00", "2026-03-01")}


async def test_each_item_of_a_batch_opens_its_own(academy: Academy) -> None:
    await pushed(academy)
    items = [
        said(academy, amount="2.00"),
        said(academy, amount="2.00"),
        said(academy, bank_ref="R-2"),
        said(academy, bank_ref="R-2", amount="3.00"),
    ]

    answer = await academy.post(
        "receipts/batch", academy.district.banks["ICBC"], {"mode": "independent", "items": items}
    )

    assert [each["code"] for each in answer.json()["results"]] == [CODE, CODE, "done", CODE]
    assert sorted(one["bank_ref"] for one in await opened(academy)) == ["R-1", "R-2"]


async def test_of_a_batch_that_is_all_or_nothing_nothing_is_kept(
    academy: Academy, watch: Watch
) -> None:
    await pushed(academy)
    items = [said(academy, bank_ref="R-2"), said(academy, amount="2.00")]
    before = await watch.seen()

    answer = await academy.post(
        "receipts/batch", academy.district.banks["ICBC"], {"mode": "all_or_nothing", "items": items}
    )

    assert answer.status_code == 422
    assert [each["code"] for each in answer.json()["results"]] == ["batch_refused", CODE]
    assert await watch.changed_since(before) == set()


async def test_a_dry_run_says_so_and_opens_nothing(academy: Academy, watch: Watch) -> None:
    await pushed(academy)
    bank, before = academy.district.banks["ICBC"], await watch.seen()

    answer = await academy.post("receipts", bank, said(academy, amount="2.00"), dry_run=True)

    assert (answer.status_code, answer.json()["code"]) == (409, CODE)
    assert await watch.changed_since(before) == set()


async def test_an_item_of_a_notification_opens_one(academy: Academy) -> None:
    await pushed(academy)
    body = {"reference": "N-1", "items": [{"receipt": said(academy, amount="2.00")}]}

    answer = await academy.post("notifications", academy.district.banks["ICBC"], body)

    assert [each["code"] for each in answer.json()["results"]] == [CODE]
    assert len(await opened(academy)) == 1


async def test_a_capture_of_a_channel_opens_one(academy: Academy) -> None:
    body = {
        "custody_account_id": academy.district.public("cus", academy.custody),
        "channel": "WECHAT",
        "reference": "42000001",
        "amount": "10.00",
        "captured_on": DAY,
        "payment_code": "TE23456789AA",
    }
    bank = academy.district.banks["ICBC"]
    await academy.post("channel-captures", bank, body)

    other = await academy.post("channel-captures", bank, body | {"amount": "10.01"})

    assert (other.status_code, other.json()["code"]) == (409, CODE)
    [one] = await opened(academy)
    assert (one["bank_ref"], one["amount"]) == ("WECHAT:42000001", "0.01")


async def test_a_school_that_says_two_things_of_its_cash_opens_none(
    academy: Academy, watch: Watch
) -> None:
    enrolment = await academy.opened()
    body = {"enrolment_id": enrolment["id"], "reference": "SJ-1", "amount": "10.00"}
    body |= {"taken_on": DAY, "payer_name": "张三"}
    await academy.post("cash-receipts", academy.token, body)
    before = await watch.seen()

    other = await academy.post("cash-receipts", academy.token, body | {"amount": "10.01"})

    assert (other.status_code, other.json()["code"]) == (409, CODE)
    assert await watch.changed_since(before) == set()


async def test_a_line_of_a_statement_opens_one_at_once_and_the_push_of_it_none(
    uploads: Uploads,
) -> None:
    academy, line = uploads.academy, uploads.entry(10_000)
    entry = await pushed(academy, bank_ref=line.bank_ref, amount="100.01")
    await uploads.sent(uploads.camt(line))
    [one] = await opened(academy)

    other = await push(academy, bank_ref=line.bank_ref, payer_name="张三", payer_account=None)

    assert (one["subject_key"], one["differs"], one["amount"]) == (entry["id"], ["AMOUNT"], "-0.01")
    assert other.json()["code"] == CODE
    assert {tuple(each["differs"]) for each in await opened(academy)} == {
        ("AMOUNT",),
        ("AMOUNT", "PAYER"),
    }


async def test_a_push_against_a_line_of_a_statement_opens_one(uploads: Uploads) -> None:
    academy, line = uploads.academy, uploads.entry(10_000)
    await uploads.sent(uploads.camt(line))

    alike = await push(academy, bank_ref=line.bank_ref)
    other = await push(academy, bank_ref=line.bank_ref, amount="100.01")

    assert (alike.status_code, other.status_code) == (200, 409)
    [one] = await opened(academy)
    assert (one["differs"], one["amount"]) == (["AMOUNT"], "0.01")


async def test_a_report_of_the_day_and_its_statement_open_one(uploads: Uploads) -> None:
    academy, line = uploads.academy, uploads.entry(10_000)
    await pushed(academy, bank_ref=line.bank_ref, amount="100.01")
    statement = uploads.statement(line)
    await uploads.sent(writers.camt(statement, message="052"))

    await uploads.sent(writers.camt(statement))

    assert [one["differs"] for one in await opened(academy)] == [["AMOUNT"]]


@pytest.mark.parametrize("message", ["052", "053"])
async def test_a_line_that_names_another_payer_opens_none(uploads: Uploads, message: str) -> None:
    academy, line = uploads.academy, uploads.entry(10_000, counterparty_name="李四")
    await pushed(academy, bank_ref=line.bank_ref)

    await uploads.sent(writers.camt(uploads.statement(line), message=message))

    assert await opened(academy) == []


async def test_reconciliations_show_it_until_it_is_signed_off_and_verify_agrees(
    academy: Academy, database: Database
) -> None:
    await pushed(academy)
    await push(academy, amount="2.00")
    await pushed(academy, bank_ref="R-2")
    district = academy.district
    [one] = await opened(academy)
    before = await reconciled(academy)
    found = await violated(database, academy)

    signed = await academy.post(
        f"breaks/{one['id']}/sign-off", district.operator, {"cause": "BANK_CORRECTED"}
    )
    after = await reconciled(academy)
    again = await push(academy, amount="2.00")

    assert ([each["id"] for each in before["breaks"]], before["breaks_open"]) == ([one["id"]], 0)
    assert (found, await violated(database, academy)) == ([], [])
    assert signed.json()["state"] == "SIGNED_OFF", signed.text
    assert after["breaks"] == []
    assert again.status_code == 409
    assert [each["state"] for each in await opened(academy)] == ["CLOSED"]


async def test_an_old_one_climbs(academy: Academy, watch: Watch) -> None:
    await pushed(academy)
    await push(academy, amount="2.00")
    await watch.connection.execute(
        "UPDATE escrow.reconciliation_break SET opened_on = $2 WHERE journal_id = $1",
        academy.district.journal,
        today() - timedelta(days=40),
    )

    found = await reconciled(academy)

    [one] = found["breaks"]
    assert (one["level"], one["escalated_on"]) == (3, today().isoformat())


@pytest.mark.parametrize(
    "corruption",
    [
        "DELETE FROM escrow.reconciliation_break WHERE journal_id = {j}",
        "UPDATE escrow.reconciliation_break SET differs = 'DATE' WHERE journal_id = {j}",
        "UPDATE escrow.reconciliation_break SET bank_ref = 'R-0' WHERE journal_id = {j}",
    ],
)
async def test_verify_names_a_contradiction_that_was_touched(
    academy: Academy, database: Database, corruption: str
) -> None:
    await pushed(academy)
    await push(academy, amount="2.00")
    journal = academy.district.journal

    async with insider(database) as connection:
        await connection.execute(corruption.format(j=journal))
        await connection.execute("SET LOCAL session_replication_role = origin")
        await connection.execute("SET LOCAL ROLE escrow_audit")
        report = await verify.verify_snapshot(Snapshot(connection), journals=[journal])

    assert set(report.violated) == {"I-37"}, report.findings
