"""Own money in one custody account covers a gap in another, over HTTP (E60)."""

from tests.fixtures.academies import Academy
from tests.fixtures.transfers import TwoAccounts, credited, debited, fetched, line


async def test_a_gap_closes_when_the_money_arrives_and_not_before(accounts: TwoAccounts) -> None:
    order = await accounts.covered()
    await fetched(accounts.academy, "CMB")
    await debited(accounts.academy, "CMB", order)
    between = await accounts.owed()

    arrived = await credited(accounts.academy, "ICBC", order)

    assert (order["kind"], order["purpose"], order["amount"]) == ("TRANSFER", "OWN_FUNDS", "300.00")
    assert between == ["1000.00"]
    assert (arrived["outcome"], arrived["balances"]) == ("TRANSFER", {"custody_bank": "300.00"})
    assert await accounts.owed() == ["700.00"]
    assert (await accounts.preview(accounts.source))["own_funds"] == "0.00"


async def test_the_paying_bank_is_told_the_account_and_nobody_else_is(
    accounts: TwoAccounts,
) -> None:
    order = await accounts.covered("120.00")

    handed = await fetched(accounts.academy, "CMB")
    read = await accounts.academy.get(
        f"payment-orders/{order['id']}", accounts.academy.district.banks["CMB"]
    )
    schools = await accounts.academy.get(f"payment-orders/{order['id']}", accounts.academy.token)

    expected = {
        "name": "托管专户",
        "account_number": accounts.academy.custody.hex,
        "bank_name": "ICBC",
    }
    assert [found["payee"] for found in handed] == [expected]
    assert (read["payee"], schools["payee"]) == (expected, None)
    assert read["target_custody_account_id"] == accounts.gap


async def test_an_arrival_before_its_debit_is_kept_and_posted_after_it(
    accounts: TwoAccounts,
) -> None:
    order = await accounts.covered()

    early = await credited(accounts.academy, "ICBC", order)
    before = await accounts.owed()
    await debited(accounts.academy, "CMB", order)

    assert early["outcome"] == "KEPT"
    assert before == ["1000.00"]
    assert await accounts.owed() == ["700.00"]
    entry = await accounts.academy.get(
        f"receipts/{early['id']}", accounts.academy.district.operator
    )
    assert entry["outcome"] == "TRANSFER"


async def test_an_arrival_is_posted_once(accounts: TwoAccounts) -> None:
    order = await accounts.covered()
    await debited(accounts.academy, "CMB", order)
    await credited(accounts.academy, "ICBC", order)

    again = await credited(accounts.academy, "ICBC", order, "A-2")

    assert (again["outcome"], again["suspense"]) == ("SUSPENSE", "300.00")
    assert await accounts.owed() == ["700.00"]


async def test_another_amount_is_no_arrival(accounts: TwoAccounts) -> None:
    order = await accounts.covered()
    await debited(accounts.academy, "CMB", order)

    other = await credited(accounts.academy, "ICBC", order, amount="299.99")

    assert other["outcome"] == "SUSPENSE"


async def test_what_comes_back_is_own_funds_as_before(accounts: TwoAccounts) -> None:
    order = await accounts.covered()
    await debited(accounts.academy, "CMB", order)

    back = await credited(
        accounts.academy, "CMB", order, kind="RETURN", custody_account_id=accounts.source
    )
    late = await credited(accounts.academy, "ICBC", order, "A-2")

    assert (back["outcome"], back["balances"]) == ("RETURN", {"custody_bank": "300.00"})
    assert (await accounts.preview(accounts.source))["own_funds"] == "300.00"
    assert late["outcome"] == "SUSPENSE"


async def test_a_return_after_the_arrival_is_nobodys(accounts: TwoAccounts) -> None:
    order = await accounts.covered()
    await debited(accounts.academy, "CMB", order)
    await credited(accounts.academy, "ICBC", order)

    back = await credited(
        accounts.academy, "CMB", order, kind="RETURN", custody_account_id=accounts.source
    )

    assert (back["outcome"], back["suspense"]) == ("SUSPENSE", "300.00")


async def test_a_cancelled_transfer_may_be_asked_for_again(accounts: TwoAccounts) -> None:
    order = await accounts.covered()

    cancelled = await accounts.academy.post(
        f"payment-orders/{order['id']}/cancel", accounts.academy.token
    )

    assert cancelled.json()["state"] == "CANCELLED"
    assert (await accounts.covered())["amount"] == "300.00"


async def test_the_same_money_is_not_sent_twice(accounts: TwoAccounts) -> None:
    await accounts.covered("200.00")

    answer = await accounts.cover("100.01")

    assert (answer.status_code, answer.json()["code"]) == (422, "balance_too_low")
    assert (await accounts.covered())["amount"] == "100.00"


async def test_no_more_goes_than_is_owed(accounts: TwoAccounts) -> None:
    top_up = line(accounts.source, "5000.00", "T-2", kind="TOP_UP")
    await accounts.academy.post("receipts", accounts.academy.district.banks["CMB"], top_up)

    over = await accounts.cover("1000.01")
    order = await accounts.covered()
    more = await accounts.cover()

    assert over.json()["code"] == "balance_too_low"
    assert order["amount"] == "1000.00"
    assert more.json()["code"] == "amount_zero"


async def test_a_frozen_school_does_not_send_but_its_supervisor_does(
    accounts: TwoAccounts,
) -> None:
    academy = accounts.academy
    await academy.restrained("FREEZE")
    body = {"source_custody_account_id": accounts.source}

    schools = await accounts.cover()
    supervisors = await academy.post(
        f"custody-accounts/{accounts.gap}/cover", academy.district.regulator, body
    )

    assert schools.json()["code"] == "institution_frozen"
    assert supervisors.status_code == 201
    assert [order["amount"] for order in await fetched(academy, "CMB")] == ["300.00"]


async def test_an_account_does_not_cover_itself_nor_anothers(
    accounts: TwoAccounts, academy: Academy
) -> None:
    stranger = await academy.district.plant_institution()
    other = await academy.district.plant_custody_account(stranger)

    itself = await accounts.cover(source_custody_account_id=accounts.gap)
    foreign = await accounts.cover(source_custody_account_id=academy.district.public("cus", other))

    assert itself.json()["code"] == "custody_account_invalid"
    assert (foreign.status_code, foreign.json()["code"]) == (404, "custody_account_unknown")


async def test_a_kept_arrival_of_an_order_that_was_never_paid_is_a_payers(
    accounts: TwoAccounts,
) -> None:
    order = await accounts.covered()
    await fetched(accounts.academy, "CMB")
    early = await credited(accounts.academy, "ICBC", order)
    await accounts.academy.post(
        f"payment-orders/{order['id']}/report",
        accounts.academy.district.banks["CMB"],
        {"status": "REJECTED", "reason": "AC04"},
    )

    await accounts.academy.receipt("1.00", kind="TOP_UP")

    entry = await accounts.academy.get(
        f"receipts/{early['id']}", accounts.academy.district.operator
    )
    assert (entry["outcome"], entry["suspense"]) == ("SUSPENSE", "300.00")


async def test_the_pool_of_a_wind_down_is_put_where_it_is_paid_out(accounts: TwoAccounts) -> None:
    order = await accounts.moved("POOL", "200.00")
    await fetched(accounts.academy, "CMB")
    await debited(accounts.academy, "CMB", order)

    arrived = await credited(accounts.academy, "ICBC", order)

    assert (order["purpose"], arrived["outcome"]) == ("POOL", "TRANSFER")
    assert await accounts.owed() == ["800.00"]
    assert (await accounts.preview(accounts.source))["own_funds"] == "100.00"
