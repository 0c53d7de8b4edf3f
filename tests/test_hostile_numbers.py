"""Hostile whole numbers and hostile lists: what is no plain integer, and far too many elements."""

import json
import resource
import typing
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from pydantic import BaseModel, ValidationError

from ledger.refusals import BodyTooLarge
from service.web import bodies, wire
from tests.fixtures.academies import Academy
from tests.fixtures.watched import Watch

NUMBERS = (
    *("1e2", "1.0", "1.5", "-0.0", "1e400", "1e999999999", "true", "false"),
    *('"100"', '"1"', '""', '"٣"', "-1", "-100", "9" * 400, "-" + "9" * 400, "[1]", "{}"),
)
"""As they stand in the body; none is a whole number that any field has room for."""
NO_JSON = ("NaN", "Infinity", "-Infinity", "01", "+1", "0x10", "1_000", "9" * 5_000)


async def put(academy: Academy, path: str, field: str, number: str) -> httpx.Response:
    """Send a body in which all is well but that this number stands in this field."""
    district = academy.district
    account = {"custody_account_id": district.public("cus", academy.custody)}
    nothing = {"opening": "0.00", "closing": "0.00", "credit_sum": "0.00", "debit_sum": "0.00"}
    counts = {"day": "2026-03-01", "credit_count": 0, "debit_count": 0}
    honest: dict[str, tuple[str, dict[str, Any]]] = {
        "enrolments": (academy.token, academy.contract()),
        "statements": (district.banks["ICBC"], account | nothing | counts),
        "payment-orders/fetch": (district.banks["ICBC"], {}),
    }
    token, body = honest[path]
    raw = json.dumps(body | {field: "N"}).replace('"N"', number)
    headers = {
        "Authorization": f"Bearer {token}",
        "Idempotency-Key": f"n-{next(academy.numbers)}",
        "Content-Type": "application/json",
    }
    return await district.service.http.post(f"/v1/{path}", content=raw.encode(), headers=headers)


FIELDS = [
    *[("enrolments", "lessons_paid"), ("enrolments", "lessons_gift")],
    *[("statements", "credit_count"), ("statements", "debit_count")],
    *[("payment-orders/fetch", "limit"), ("payment-orders/fetch", "lease_s")],
]


@pytest.mark.parametrize(("path", "field"), FIELDS)
async def test_a_count_is_a_plain_whole_number_however_it_is_written(
    academy: Academy, path: str, field: str
) -> None:
    plain = await put(academy, path, field, "31")

    for number in NUMBERS:
        answer = await put(academy, path, field, number)

        problem = answer.json()
        assert (answer.status_code, problem["code"]) == (400, "request_invalid"), number
        assert [each["pointer"] for each in problem["errors"]] == [f"/{field}"], number
    assert "request_invalid" not in plain.text, plain.text


@pytest.mark.parametrize("number", NO_JSON)
async def test_what_is_no_number_of_json_is_no_body(academy: Academy, number: str) -> None:
    answer = await put(academy, "statements", "credit_count", number)

    assert (answer.status_code, answer.json()["code"]) == (400, "request_invalid")
    assert answer.json()["facts"]["reason"] in {"not_json", "not_a_number"}


def models(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """All models of bodies there are."""
    for each in model.__subclasses__():
        yield each
        yield from models(each)


def whole(annotation: Any) -> bool:
    """Tell whether a field takes a whole number."""
    return annotation is int or any(map(whole, typing.get_args(annotation)))


COUNTED = sorted(
    {
        (model.__module__, model.__name__, field)
        for model in models(wire.WireIn)
        for field, info in model.model_fields.items()
        if whole(info.annotation)
    }
)


def test_there_are_whole_numbers_in_bodies() -> None:
    assert len(COUNTED) > 15


@pytest.mark.parametrize(("module", "name", "field"), COUNTED)
def test_every_count_of_every_body_is_strict(module: str, name: str, field: str) -> None:
    [model] = [m for m in models(wire.WireIn) if (m.__module__, m.__name__) == (module, name)]

    for number in NUMBERS:
        with pytest.raises(ValidationError) as refused:
            model.model_validate({field: bodies.parse(number.encode())})

        wrong = {each["loc"][:1]: each["type"] for each in refused.value.errors()}
        assert (field,) in wrong, (number, wrong)


MILLION = 10**6


@pytest.mark.parametrize("element", ["0", "{}", "[]", '"x"', "null"])
@pytest.mark.parametrize("body", ['{"items":[%s]}', '{"items":[],"unknown":[%s]}', "[%s]"])
async def test_a_list_of_a_million_is_refused_before_anything_is_made_of_it(
    academy: Academy, watch: Watch, body: str, element: str
) -> None:
    """A model that looks at each of them has a fault to tell of each: minutes, and gigabytes."""
    raw = (body % ",".join([element] * MILLION)).encode()
    headers = {
        "Authorization": f"Bearer {academy.district.banks['ICBC']}",
        "Idempotency-Key": "million",
        "Content-Type": "application/json",
    }
    before = await watch.seen()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    http = academy.district.service.http
    answer = await http.post("/v1/receipts/batch", content=raw, headers=headers)

    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory
    assert len(raw) < bodies.BATCH_BODY_MAX
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
    assert answer.json()["facts"] == {"items_max": wire.BATCH_MAX}
    assert await watch.changed_since(before) == set()
    assert grown < 500 * 1024


def _check_lists(body: Any) -> None:
    bodies.check_lists(json.dumps(body).encode(), body)


def test_many_lists_are_as_long_as_one() -> None:
    fits, items = wire.BATCH_MAX, [0] * (wire.BATCH_MAX // 10)
    many = {"items": [{"parts": items} for _ in range(100)]}

    _check_lists({"items": [0] * fits})
    _check_lists({"items": [{"part": 0}] * fits})
    with pytest.raises(BodyTooLarge) as long:
        _check_lists({"items": {"deep": [[0] * (fits + 1)]}})
    with pytest.raises(BodyTooLarge) as late:
        _check_lists({"long": [0] * (fits + 1), "short": [], "[": "["})
    with pytest.raises(BodyTooLarge) as together:
        _check_lists(many)

    assert long.value.facts == late.value.facts == {"items_max": wire.BATCH_MAX}
    assert together.value.facts == {"elements_max": bodies.ELEMENTS_MAX}
