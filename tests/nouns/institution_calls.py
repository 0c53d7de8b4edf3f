"""Calls about institutions that several tests make: enter one, license it, tell it something."""

import uuid
from typing import Any

from seeds.credit_codes import credit_code
from tests.fixtures.service import District

PATH = "/v1/institutions"
REASON = {"reason": "INSPECTION"}


def body_of(district: District, **changes: Any) -> dict[str, Any]:
    organisation = uuid.uuid4().hex[:8].upper()
    return {
        "name": "示例青禾艺术培训有限公司",
        "jurisdiction_code": district.code,
        "category": "art",
        "business_registration": credit_code(kind="91", adcode="500106", organisation=organisation),
        "responsible_officer": "文旅委第1责任区包保责任人",
        "settlement_account": {
            "name": "示例青禾",
            "account_number": "999900000000000001",
            "bank_name": "重庆银行",
        },
    } | changes


async def registered(district: District, **changes: Any) -> dict[str, Any]:
    answer = await district.service.post(PATH, district.regulator, body_of(district, **changes))
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def told(district: District, ins: str, verb: str, **body: Any) -> Any:
    return await district.service.post(f"{PATH}/{ins}/{verb}", district.regulator, body)


async def licensed(district: District) -> dict[str, Any]:
    made = await registered(district)
    answer = await told(
        district,
        made["id"],
        "licence",
        school_licence="示例许可1号",
        licensed_on="2019-06-01",
        valid_until="2028-12-31",
    )
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found
