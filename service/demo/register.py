"""Chapter one: institutions entered, licensed, under agreement and with custody accounts."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from service.demo.bank_books import BankBook
from service.demo.client import together
from service.demo.stage import Stage

if TYPE_CHECKING:
    from seeds.records import Institution


async def register(stage: Stage, bank_names: dict[str, str]) -> None:
    """Enter every institution of the district with its custody accounts."""
    schools = stage.district.institutions
    with stage.chapter("institutions", len(schools)) as bar:
        await together((_register(stage, school, bank_names) for school in schools), bar)
    stage.books = {
        account: BankBook(account, number, bank)
        for (number, bank), account in sorted(stage.accounts.items())
    }


async def _register(stage: Stage, school: Institution, bank_names: dict[str, str]) -> None:
    api, regulator = stage.api, stage.cast.regulator
    entered = await api.post(
        "/v1/institutions",
        regulator,
        {
            "name": school.name,
            "jurisdiction_code": stage.cast.code,
            "category": school.category.value,
            "business_registration": school.business_registration,
            "responsible_officer": school.responsible_officer,
            "settlement_account": {
                "name": school.name,
                "account_number": school.settlement_account,
                "bank_name": bank_names[school.settlement_bank],
            },
        },
        key=stage.key("institution", school.number),
    )
    found = stage.institutions[school.number] = entered["id"]
    await api.post(
        f"/v1/institutions/{found}/licence",
        regulator,
        {
            "school_licence": school.school_licence,
            "licensed_on": school.licensed_on.isoformat(),
            "valid_until": school.licence_valid_until.isoformat(),
        },
        key=stage.key("licence", school.number),
        of="/v1/institutions/{id}/licence",
    )
    for bank in school.custody_banks:
        await _open_account(stage, school, bank)


async def _open_account(stage: Stage, school: Institution, bank: str) -> None:
    found = stage.institutions[school.number]
    await stage.api.post(
        f"/v1/institutions/{found}/agreements",
        stage.cast.regulator,
        {
            "bank": bank,
            "settlement_cadence": "WEEK",
            "document_hash": hashlib.sha256(f"{school.number}/{bank}".encode()).hexdigest(),
            "valid_from": stage.today.isoformat(),
        },
        key=stage.key("agreement", school.number, bank),
        of="/v1/institutions/{id}/agreements",
    )
    opened = await stage.api.post(
        "/v1/custody-accounts",
        stage.cast.regulator,
        {
            "institution_id": found,
            "bank": bank,
            "account_name": f"{school.name}预收费监管专户",
            "account_number": f"888800{school.number:06d}",
            "is_default": bank == school.custody_banks[0],
        },
        key=stage.key("account", school.number, bank),
    )
    stage.accounts[(school.number, bank)] = opened["id"]
