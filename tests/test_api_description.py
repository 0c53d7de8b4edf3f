"""The API description: what it shows is what the service takes and answers."""

import io
from collections.abc import Iterator
from datetime import datetime
from typing import Any, get_args

import pytest
from litestar import Litestar
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import create_async_engine

from service.app import create_app
from service.payouts import pain002
from service.settings import Settings
from service.web.instants import QueryInstant
from service.web.openapi import models
from service.web.policy import routes

BANK_ANSWERS = (
    "acknowledgePaymentOrders",
    "getBankMessage",
    "getBankTerms",
    "getStatementMapping",
    "listOrderQueries",
    "listSuspectedReceipts",
    "notify",
    "postCapture",
    "postCaptures",
    "proposeMatches",
    "reportOrdersByFile",
    "setBankTerms",
    "setStatementMapping",
    "takeCash",
)


@pytest.fixture(scope="module")
def app() -> Litestar:
    """Make an application that never meets its database."""
    return create_app(create_async_engine("postgresql+asyncpg://nobody@/none"), Settings())


@pytest.fixture(scope="module")
def described(app: Litestar) -> dict[str, Any]:
    """Render the description."""
    return app.openapi_schema.to_schema()


def operations(described: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for path in described["paths"].values():
        yield from path.values()


def has_example(described: dict[str, Any], content: dict[str, Any]) -> bool:
    name = content["schema"].get("$ref", "").rpartition("/")[2]
    return bool(described["components"]["schemas"].get(name, {}).get("examples"))


def test_every_json_body_is_shown_by_an_example(described: dict[str, Any]) -> None:
    bodies = {
        operation["operationId"]: operation["requestBody"]["content"].get("application/json")
        for operation in operations(described)
        if "requestBody" in operation
    }

    bare = [name for name, body in bodies.items() if body and not has_example(described, body)]

    assert len(bodies) > 50
    assert bare == []


def test_what_a_bank_is_answered_is_shown_by_examples(described: dict[str, Any]) -> None:
    answers = {
        operation["operationId"]: answer["content"]["application/json"]
        for operation in operations(described)
        for status, answer in operation["responses"].items()
        if operation["operationId"] in BANK_ANSWERS and status.startswith("2")
    }

    bare = [name for name, answer in answers.items() if not has_example(described, answer)]

    assert sorted(answers) == sorted(BANK_ANSWERS)
    assert bare == []


def test_every_dry_run_is_described_as_answered_with_200(described: dict[str, Any]) -> None:
    commands = [
        operation
        for operation in operations(described)
        if "dry_run" in {each["name"] for each in operation.get("parameters", [])}
    ]

    assert len(commands) > 100
    assert [each["operationId"] for each in commands if "200" not in each["responses"]] == []


def test_every_json_answer_has_a_shape(described: dict[str, Any]) -> None:
    shapes = [
        (operation["operationId"], content["schema"])
        for operation in operations(described)
        for status, answer in operation["responses"].items()
        for media, content in answer.get("content", {}).items()
        if status.startswith("2") and media == "application/json"
    ]

    assert len(shapes) > 200
    assert [name for name, schema in shapes if not schema or {} in schema.get("anyOf", [])] == []


def test_whoever_names_an_object_may_be_told_that_there_is_none(described: dict[str, Any]) -> None:
    silent = [
        operation["operationId"]
        for operation in operations(described)
        if any(each["name"].endswith("_id") for each in operation.get("parameters", []))
        and "404" not in operation["responses"]
    ]

    assert silent == []


def test_no_query_is_read_as_a_plain_datetime(app: Litestar) -> None:
    """A plain `datetime` would take "0.5" for half a second of 1970: those are `QueryInstant`."""
    plain = [
        f"{handler}: {name}"
        for _, _, handler in routes(app)
        for name, parameter in handler.parsed_fn_signature.parameters.items()
        if parameter.has_inner_subclass_of(datetime) or parameter.is_subclass_of(datetime)
        if QueryInstant not in (parameter.annotation, *get_args(parameter.annotation))
    ]

    assert plain == []


def test_a_page_is_shown_with_its_cursor_and_no_mode(described: dict[str, Any]) -> None:
    [shown] = described["components"]["schemas"]["QueryPage"]["examples"]

    assert sorted(shown) == ["items", "next_cursor"]


def shown_by(model: type[BaseModel]) -> list[Any]:
    extra = model.model_config.get("json_schema_extra")
    return list(extra.get("examples", [])) if isinstance(extra, dict) else []  # type: ignore[arg-type]


@pytest.mark.usefixtures("described")
def test_every_example_is_one_that_its_model_takes() -> None:
    shown = [(model, example) for model in models() for example in shown_by(model)]

    for model, example in shown:
        model.model_validate(example)

    assert len(shown) > 100


def test_files_of_orders_are_shown_as_the_service_reads_and_writes_them(
    described: dict[str, Any],
) -> None:
    taken = described["paths"]["/v1/payment-orders/reports"]["post"]["requestBody"]["content"]
    written = described["paths"]["/v1/payment-orders/export"]["get"]["responses"]["200"]["content"]

    statuses = pain002.read(io.BytesIO(taken["application/xml"]["example"].encode()))

    assert [each.status for block in statuses.blocks for each in block.payments] == ["ACSP"]
    assert statuses.original_message_id in written["application/xml"]["example"]
