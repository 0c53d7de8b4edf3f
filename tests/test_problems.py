"""The catalogue of problems: what a refusal's `type` points at, in both languages."""

import httpx
import pytest

from tests.fixtures.service import Service


async def test_a_problems_type_is_an_address_that_explains_it(service: Service) -> None:
    refused = await service.get("/v1/receipts", "")
    explained = await service.http.get(refused.json()["type"])

    assert refused.status_code == 401
    assert explained.json()["code"] == refused.json()["code"] == "not_authenticated"
    assert explained.json()["title"] == refused.json()["title"]


async def test_every_refusal_carries_the_id_of_its_request(service: Service) -> None:
    answers: list[httpx.Response] = [
        await service.get("/v1/receipts", ""),
        await service.get("/v1/receipts", ""),
    ]

    assert len({answer.json()["request_id"] for answer in answers}) == len(answers)


async def test_titles_follow_accept_language_and_codes_do_not(service: Service) -> None:
    chinese = await service.http.get("/v1/receipts", headers={"Accept-Language": "zh-CN"})

    assert (chinese.json()["code"], chinese.json()["title"]) == (
        "not_authenticated",
        "未登录或令牌失效",
    )


async def test_an_unknown_path_and_a_wrong_method_are_problems_too(service: Service) -> None:
    unknown = await service.http.get("/v1/nothing")
    wrong = await service.http.delete("/v1/receipts")

    assert (unknown.status_code, unknown.json()["code"]) == (404, "route_unknown")
    assert (wrong.status_code, wrong.json()["code"]) == (405, "method_unsupported")


@pytest.mark.parametrize("method", ["DELETE", "OPTIONS", "PATCH"])
async def test_a_wrong_method_is_told_which_ones_there_are(service: Service, method: str) -> None:
    wrong = await service.http.request(method, "/v1/receipts")

    assert (wrong.status_code, wrong.json()["code"]) == (405, "method_unsupported")
    assert wrong.headers["allow"] == "GET, POST"
