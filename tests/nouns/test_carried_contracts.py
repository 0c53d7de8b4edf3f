"""Contracts with money missing over HTTP: from before custody, or collected outside it."""

from tests.fixtures.academies import Academy


async def test_legacy_contracts_show_their_gap_from_the_first_day(academy: Academy) -> None:
    contracts = [
        academy.legacy("12000.00", 120, contract_on="2025-01-01"),
        academy.legacy("6600.00", 66, contract_on="2025-02-01"),
        academy.legacy("2400.00", 24, contract_on="2025-03-01"),
    ]
    answer = await academy.post("enrolments/legacy/batch", academy.token, {"items": contracts})
    oldest, middle, newest = [r["result"] for r in answer.json()["results"]]

    await academy.receipt("9000.00", kind="TOP_UP")
    funded = [(await academy.money(c))["unfunded"] for c in (oldest, middle, newest)]
    await academy.confirmed(newest)
    released = await academy.money(newest)
    for amount in ("4000.00", "4000.00", "3900.00"):
        await academy.receipt(amount, kind="TOP_UP")
    closed = [await academy.money(c) for c in (oldest, middle, newest)]

    assert {c["state"] for c in (oldest, middle, newest)} == {"ACTIVE"}
    assert oldest["balances"] == {"prepaid": "12000.00", "due_from_institution": "12000.00"}
    assert funded == ["3000.00", "6600.00", "2400.00"]
    assert (released["prepaid"], released["unfunded"]) == ("2300.00", "2300.00")
    assert [c["unfunded"] for c in closed] == ["0.00"] * 3


async def test_own_funds_cover_a_legacy_contract_at_once(academy: Academy) -> None:
    await academy.receipt("1500.00", kind="TOP_UP")

    answer = await academy.post("enrolments/legacy", academy.token, academy.legacy("2000.00", 20))

    assert answer.json()["balances"] == {"prepaid": "2000.00", "due_from_institution": "500.00"}


async def test_only_a_regulator_says_where_a_legacy_guardian_is_paid(academy: Academy) -> None:
    account = {"account_number": "6222000000000000000", "bank_name": "中国工商银行"}
    body = academy.legacy("2000.00", 20)
    body["guardian"] = {"name": "张三", "phone": "13800000000", **account}

    school = await academy.post("enrolments/legacy", academy.token, body)
    half = await academy.post(
        "enrolments/legacy",
        academy.district.regulator,
        {**body, "guardian": {"name": "张三", "account_number": "6222000000000000000"}},
    )
    answer = await academy.post("enrolments/legacy", academy.district.regulator, body)
    again = await academy.post("enrolments/legacy", academy.district.regulator, body)

    assert (school.status_code, school.json()["code"]) == (403, "verb_forbidden")
    assert half.status_code == 400
    assert answer.status_code == 201, answer.text
    assert again.json()["id"] == answer.json()["id"]
    assert "6222000000000000000" not in answer.text


async def test_a_diversion_is_the_regulators_to_record(academy: Academy) -> None:
    body = academy.legacy("3000.00", 30)

    found = await academy.post("enrolments/diversions", academy.district.regulator, body)
    school = await academy.post("enrolments/diversions", academy.token, body)

    assert (found.status_code, found.json()["origin"]) == (201, "DIVERSION")
    assert (await academy.money(found.json()))["unfunded"] == "3000.00"
    assert school.status_code == 403
