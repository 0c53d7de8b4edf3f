"""Hostile input, line by line: amounts, texts, times and headers (faults 56 to 60)."""

import gzip
import json
import resource
import unicodedata
from datetime import datetime
from typing import Any

import httpx
import pytest

from service.web import bodies
from tests.campaigns.mutations import AMOUNTS, DATES, INSTANTS, NUMBERS
from tests.fixtures.academies import Academy
from tests.fixtures.service import fresh_id

PEOPLE = ("张三\u202e", "a\u200bb", "\ufeff李四", "王\u2066五")
"""Names that do not read as they are written: bidi controls and what has no width."""
INJECTED = (
    *("'; DROP TABLE escrow.account; --", "x' OR '1'='1", "%s%n%x", "{0.__class__}", "${jndi:x}"),
    *("../../etc/passwd", "<script>alert(1)</script>", "$(id)", "`id`", "\\x00", "%00"),
)


def receipt(academy: Academy, **values: Any) -> dict[str, Any]:
    return {
        "custody_account_id": academy.district.public("cus", academy.custody),
        "bank_ref": f"R-{next(academy.numbers)}",
        "amount": "1.00",
        "book_on": "2026-03-01",
        "value_on": "2026-03-01",
    } | values


async def sent(academy: Academy, body: bytes, **headers: str) -> httpx.Response:
    given = {
        "Authorization": f"Bearer {academy.district.banks['ICBC']}",
        "Idempotency-Key": f"k-{next(academy.numbers)}",
        "Content-Type": "application/json",
    }
    http = academy.district.service.http
    return await http.post("/v1/receipts", content=body, headers=given | headers)


async def test_an_amount_is_ascii_digits_a_point_and_two_digits(academy: Academy) -> None:
    others: list[Any] = [each for each in AMOUNTS if each != "12.34\n"] + [
        True,
        None,
        [],
        {},
        100,
        1.5,
    ]

    for amount in others:
        answer = await academy.post(
            "receipts", academy.district.banks["ICBC"], receipt(academy, amount=amount)
        )

        assert (answer.status_code, answer.json()["code"]) == (400, "request_invalid"), amount
        assert [each["pointer"] for each in answer.json()["errors"]] == ["/amount"], amount


async def test_a_line_end_is_no_part_of_an_amount(academy: Academy) -> None:
    answer = await academy.post(
        "receipts", academy.district.banks["ICBC"], receipt(academy, amount="12.34\n")
    )

    assert (answer.status_code, answer.json()["facts"]["reason"]) == (400, "control_characters")


@pytest.mark.parametrize(("path", "kind"), [("receipts", "PAYMENT"), ("debits", "OTHER")])
async def test_a_movement_of_nothing_is_refused_alone(
    academy: Academy, path: str, kind: str
) -> None:
    bank = academy.district.banks["ICBC"]
    nothing, something = (receipt(academy, amount=each, kind=kind) for each in ("0.00", "0.01"))

    single = await academy.post(path, bank, nothing)
    batch = await academy.post(f"{path}/batch", bank, {"items": [nothing, something]})

    assert (single.status_code, single.json()["code"]) == (422, "amount_zero")
    assert [each["code"] for each in batch.json()["results"]] == ["amount_zero", "done"]


async def test_a_debit_of_orders_has_no_part_of_nothing(academy: Academy) -> None:
    orders = [academy.district.public("ord", fresh_id()) for _ in range(2)]
    amounts = zip(orders, ("1.00", "0.00"), strict=True)
    parts = [{"end_to_end_id": order, "amount": amount} for order, amount in amounts]

    answer = await academy.post(
        "debits",
        academy.district.banks["ICBC"],
        receipt(academy, kind="ORDERS", parts=parts),
    )

    assert (answer.status_code, answer.json()["code"]) == (422, "amount_zero")


@pytest.mark.parametrize("number", NUMBERS)
async def test_a_json_number_is_no_amount_however_it_is_written(
    academy: Academy, number: str
) -> None:
    body = json.dumps(receipt(academy, amount="N")).replace('"N"', number)

    answer = await sent(academy, body.encode())

    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (400, "request_invalid")
    if number in {"NaN", "Infinity"}:  # JSON has no such words: there is no body to point into.
        assert problem["facts"]["reason"] == "not_a_number"
    else:
        assert [each["pointer"] for each in problem["errors"]] == ["/amount"]


async def test_a_date_is_a_day_there_is_written_in_ten_characters(academy: Academy) -> None:
    wrong = [each for each in DATES if each not in {"0001-01-01", "9999-12-31", "2026-01-01\n"}]

    for day in wrong:
        answer = await academy.post(
            "receipts", academy.district.banks["ICBC"], receipt(academy, book_on=day)
        )

        assert (answer.status_code, answer.json()["code"]) == (400, "request_invalid"), day


@pytest.mark.parametrize("day", ["9999-12-31", "2999-01-01"])
async def test_an_advice_of_a_day_to_come_is_refused(academy: Academy, day: str) -> None:
    body = receipt(academy, book_on=day, value_on=day)

    answer = await academy.post("receipts", academy.district.banks["ICBC"], body)

    assert (answer.status_code, answer.json()["code"]) == (422, "date_in_future")


@pytest.mark.parametrize("day", ["0001-01-01", "1900-01-01"])
async def test_an_advice_of_long_ago_is_kept_as_the_bank_sent_it(
    academy: Academy, day: str
) -> None:
    body = receipt(academy, book_on=day, value_on=day)

    answer = await academy.post("receipts", academy.district.banks["ICBC"], body)

    assert answer.status_code == 201, answer.text


async def test_an_instant_has_its_offset_and_is_one_there_is(academy: Academy) -> None:
    enrolment = await academy.enrolled()

    for instant in INSTANTS:
        body = {
            "enrolment_id": enrolment["id"],
            "reference": f"L-{next(academy.numbers)}",
            "starts_at": instant,
            "ends_at": "2026-03-03T17:30:00+08:00",
        }
        answer = await academy.post("lessons", academy.token, body)

        assert answer.status_code in (400, 422), (instant, answer.text)


async def test_a_lesson_out_of_reach_is_refused_for_both_its_ends(academy: Academy) -> None:
    enrolment = await academy.enrolled()

    for instant in OUT_OF_REACH:
        body = {
            "enrolment_id": enrolment["id"],
            "reference": f"L-{next(academy.numbers)}",
            "starts_at": instant,
            "ends_at": instant,
        }
        answer = await academy.post("lessons", academy.token, body)

        pointers = [each["pointer"] for each in answer.json()["errors"]]
        assert (answer.status_code, pointers) == (400, ["/starts_at", "/ends_at"]), instant


async def test_the_first_and_the_last_instant_are_told_as_they_were_said(academy: Academy) -> None:
    enrolment = await academy.enrolled()
    for starts, ends in (
        ("1970-01-01T08:00:00+08:00", "1970-01-01T09:00:00+08:00"),
        ("9998-12-31T14:00:00-08:00", "9998-12-31T15:59:59-08:00"),
    ):
        body = {
            "enrolment_id": enrolment["id"],
            "reference": f"L-{next(academy.numbers)}",
            "starts_at": starts,
            "ends_at": ends,
        }
        answer = await academy.post("lessons", academy.token, body)
        assert answer.status_code == 201, answer.text
        read = await academy.get(f"lessons/{answer.json()['id']}", academy.token)

        assert datetime.fromisoformat(read["starts_at"]) == datetime.fromisoformat(starts)


NO_INSTANTS = ["0", "0.5", "1767225600", "-1", "1e3", "2026-03-02", "T", ""]
OUT_OF_REACH = [
    "0001-01-01T00:00:00+08:00",  # the year before the first, in UTC
    "1969-12-31T23:59:59Z",
    "9999-12-31T23:59:59-08:00",  # the year after the last, in UTC
]


@pytest.mark.parametrize("instant", [*NO_INSTANTS, *OUT_OF_REACH])
async def test_what_is_no_instant_of_a_query_is_refused(academy: Academy, instant: str) -> None:
    school = academy.district.public("ins", academy.institution)
    query = {"institution_id": school, "known_at": instant}

    answer = await academy.district.service.get("/v1/balances", academy.token, **query)

    assert (answer.status_code, answer.json()["code"]) == (400, "request_invalid")
    assert [each["pointer"] for each in answer.json()["errors"]] == ["/known_at"]


async def test_the_same_instant_is_the_same_at_any_offset(academy: Academy) -> None:
    enrolment = await academy.enrolled()

    planned = await academy.scheduled(
        enrolment,
        starts_at="2026-03-03T22:30:00+14:00",
        ends_at="2026-03-02T21:30:00-12:00",
    )

    read = await academy.get(f"lessons/{planned['id']}", academy.token)
    assert read["starts_at"] == "2026-03-03T08:30:00Z"
    assert read["ends_at"] == "2026-03-03T09:30:00Z"


@pytest.mark.parametrize("text", INJECTED)
async def test_a_text_is_a_text_whatever_it_says(academy: Academy, text: str) -> None:
    enrolment = await academy.opened(guardian={"name": text, "phone": "13800000000"})

    listed = await academy.get("enrolments", academy.token, limit=500)

    assert enrolment["id"] in {each["id"] for each in listed["items"]}


@pytest.mark.parametrize("name", PEOPLE)
async def test_a_name_reads_as_it_is_written(academy: Academy, name: str) -> None:
    contract = academy.contract(guardian={"name": name, "phone": "13800000000"})

    answer = await academy.post("enrolments", academy.token, contract)

    assert (answer.status_code, answer.json()["code"]) == (400, "request_invalid")


async def test_a_name_composed_otherwise_is_other_content_under_its_key(academy: Academy) -> None:
    name = "Zoé Ångström"
    contracts = [
        academy.contract(contract_number="NFC-1", guardian={"name": each, "phone": "13800000000"})
        for each in (unicodedata.normalize("NFC", name), unicodedata.normalize("NFD", name))
    ]
    post = academy.district.service.post

    first, other, again = [
        await post("/v1/enrolments", academy.token, body, key="composed")
        for body in (contracts[0], contracts[1], contracts[0])
    ]

    assert first.status_code == 201, first.text
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert again.content == first.content
    assert await academy.district.count("escrow.enrolment") == 1


@pytest.mark.parametrize(
    "reference", ["R 1", "R\u00a01", "Ｒ1", "Р-1", "é", "R\u0301", "", "x" * 65]
)
async def test_a_reference_is_visible_ascii(academy: Academy, reference: str) -> None:
    body = receipt(academy, bank_ref=reference)

    answer = await academy.post("receipts", academy.district.banks["ICBC"], body)

    assert (answer.status_code, answer.json()["code"]) == (400, "request_invalid")


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("X-Forwarded-For", "127.0.0.1"),
        ("X-Forwarded-Host", "evil.test"),
        ("Host", "evil.test"),
        ("X-HTTP-Method-Override", "DELETE"),
        ("X-Original-URL", "/v1/clients"),
        ("Forwarded", "for=127.0.0.1;host=evil.test"),
    ],
)
async def test_a_header_that_a_proxy_might_believe_changes_nothing(
    academy: Academy, header: str, value: str
) -> None:
    http, token = academy.district.service.http, academy.district.regulator
    bearer = {"Authorization": f"Bearer {token}"}

    plain = await http.get("/v1/institutions", headers=bearer)
    forged = await http.get("/v1/institutions", headers=bearer | {header: value})

    assert forged.content == plain.content
    assert "evil.test" not in str(forged.headers)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "gzip, gzip"])
async def test_a_compressed_body_is_not_unpacked(academy: Academy, encoding: str) -> None:
    bomb = gzip.compress(b"[" + b"0," * 2_000_000 + b"0]")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    answer = await sent(academy, bomb, **{"Content-Encoding": encoding})

    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert (answer.status_code, answer.json()["code"]) == (415, "media_type_unsupported")
    assert grown < 50 * 1024


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'{"unknown":[', b'[{"b":'])
async def test_a_bottomless_body_is_refused_before_it_is_read(
    academy: Academy, opening: bytes
) -> None:
    fits, all_there_is = bodies.BODY_MAX // len(opening) // 2, 100_000

    deep = await sent(academy, opening * fits)
    large = await sent(academy, opening * all_there_is)

    assert (deep.status_code, deep.json()["facts"]["reason"]) == (400, "too_deep")
    assert (large.status_code, large.json()["code"]) == (413, "body_too_large")


async def test_a_body_without_a_declared_length_ends_where_its_limit_is(academy: Academy) -> None:
    async def endless() -> Any:
        for _ in range(10_000):
            yield b"[" * 8_192

    headers = {
        "Authorization": f"Bearer {academy.district.banks['ICBC']}",
        "Idempotency-Key": "endless",
        "Content-Type": "application/json",
    }
    http = academy.district.service.http

    answer = await http.post("/v1/receipts", content=endless(), headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
