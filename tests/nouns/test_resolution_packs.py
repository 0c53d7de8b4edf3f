"""Resolution packs: made in a moment, opened and recomputed without the service."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.refusals import PackKeysMissing
from service.identity import tokens
from service.identity.callers import Role
from service.resolution import ed25519, sealing, use_cases
from tests.fixtures.academies import Academy
from tests.fixtures.service import open_district
from tests.nouns.packs_opened import fetched, packed, replayed, unpacked


async def busy(academy: Academy) -> dict[str, Any]:
    """Let the academy live a little: paid, taught, pending, legacy, in suspense."""
    enrolment = await academy.enrolled()
    await academy.confirmed(enrolment)
    await academy.recorded(enrolment)
    legacy = await academy.post("enrolments/legacy", academy.token, academy.legacy("12000.00", 80))
    assert legacy.status_code == 201, legacy.text
    await academy.receipt("10.00", payment_code="00000000", payer_name="李四")
    return enrolment


async def test_a_pack_is_recomputed_by_its_own_script_alone(
    academy: Academy, tmp_path: Path
) -> None:
    await busy(academy)

    code, said = replayed(await unpacked(academy, tmp_path))

    assert code == 0, said
    assert "DIFFERS" not in said
    assert "POOLED shares" in said
    assert "TRACED_FIRST shares" in said


async def test_the_same_position_gives_the_same_bytes(academy: Academy) -> None:
    await busy(academy)
    service, journal = academy.district.service, academy.district.journal
    keys = sealing.Keys.load(service.pack_keys)

    packs = [
        await use_cases.made(service.store, journal, academy.institution, keys) for _ in range(2)
    ]

    assert packs[0].content == packs[1].content


async def test_a_changed_byte_of_any_file_is_found_and_named(
    academy: Academy, tmp_path: Path
) -> None:
    await busy(academy)
    folder = await unpacked(academy, tmp_path)
    script = tmp_path / "replay.py"
    script.write_bytes((folder / "replay.py").read_bytes())
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.stat().st_size)
    missed = []

    for path in files:
        before = path.read_bytes()
        middle = len(before) // 2
        path.write_bytes(before[:middle] + bytes([before[middle] ^ 1]) + before[middle + 1 :])
        code, said = replayed(folder, script=script)
        if code != 1 or path.relative_to(folder).as_posix() not in said or "Traceback" in said:
            missed.append((path.name, code, said))
        path.write_bytes(before)

    assert missed == []
    assert len(files) > 15
    assert replayed(folder, script=script)[0] == 0


@pytest.mark.parametrize(
    ("file", "was", "becomes", "named"),
    [
        ("ledger/transactions.jsonl", "499999", "499998", "its hash is not"),
        ("ledger/accounts.jsonl", '"balance":489583', '"balance":489584', "account"),
        ("ledger/entries.csv", ",499999,499999", ",499999,499998", "transaction"),
        ("enrolments.jsonl", '"STUDENT_PREPAID":', '"STUDENT_INTEREST":', "enrolment"),
        ("custody_accounts.jsonl", '"CUSTODY_BANK":', '"CASH_UNDEPOSITED":', "custody account"),
        ("simulation.json", '"pool":', '"later":', "simulation.json"),
    ],
)
async def test_a_lie_is_found_even_under_a_manifest_that_covers_it(
    academy: Academy, tmp_path: Path, file: str, was: str, becomes: str, named: str
) -> None:
    await academy.confirmed(await academy.enrolled())
    folder = await unpacked(academy, tmp_path)
    text = (folder / file).read_text(encoding="utf-8")
    assert was in text
    (folder / file).write_text(text.replace(was, becomes, 1), encoding="utf-8")
    resigned(academy, folder)

    code, said = replayed(folder)

    assert code == 1, said
    assert named in said


def resigned(academy: Academy, folder: Path) -> None:
    """Write the manifest anew and sign it, as only the holder of the key could."""
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    for each in manifest["files"]:
        content = (folder / each["path"]).read_bytes()
        each |= {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    written = json.dumps(manifest).encode()
    (folder / "manifest.json").write_bytes(written)
    signed = sealing.Keys.load(academy.district.service.pack_keys).signed(written)
    (folder / "manifest.sig").write_text(json.dumps(signed))


async def test_another_key_than_the_known_one_is_refused(academy: Academy, tmp_path: Path) -> None:
    folder = await unpacked(academy, tmp_path)
    known = sealing.Keys.load(academy.district.service.pack_keys).public.hex()

    assert replayed(folder, "--public-key", known)[0] == 0
    code, said = replayed(folder, "--public-key", "00" * 32)
    assert (code, "another key" in said) == (1, True)


async def test_names_and_numbers_are_sealed_and_open_with_the_recipients_key_alone(
    academy: Academy, tmp_path: Path
) -> None:
    enrolment = await academy.opened(student={"name": "欧阳密封"})
    await academy.receipt(
        "4999.99",
        payment_code=enrolment["payment_code"],
        payer_name="付款人某",
        payer_account="6222000011112222",
    )
    folder = await unpacked(academy, tmp_path)
    keys = academy.district.service.pack_keys
    assert keys is not None
    private = (keys / sealing.RECIPIENT_PRIVATE).read_bytes()

    everything = "".join(
        path.read_text(encoding="utf-8") for path in folder.rglob("*") if path.is_file()
    )
    opened = sealing.opened((folder / "identities.sealed.json").read_text(), private).decode()

    for secret in ("欧阳密封", "付款人某", "6222000011112222", "13800000000"):
        assert secret not in everything, secret
        assert secret in opened, secret


async def test_a_wrong_private_key_opens_nothing(academy: Academy, tmp_path: Path) -> None:
    folder = await unpacked(academy, tmp_path)
    sealing.make_keys(tmp_path / "other")
    private = (tmp_path / "other" / sealing.RECIPIENT_PRIVATE).read_bytes()

    with pytest.raises(InvalidTag):
        sealing.opened((folder / "identities.sealed.json").read_text(), private)


async def test_the_answer_tells_the_archive_that_is_fetched(academy: Academy) -> None:
    await busy(academy)
    pack = await packed(academy)

    answer = await fetched(academy, pack)

    assert answer.headers["content-type"] == "application/zip"
    assert len(answer.content) == pack["size_bytes"]
    assert hashlib.sha256(answer.content).hexdigest() == pack["sha256"]


async def test_the_same_key_gives_the_same_pack(academy: Academy) -> None:
    await busy(academy)

    one, other = await packed(academy, key="once"), await packed(academy, key="once")

    assert one == other
    assert await academy.district.count("escrow.resolution_pack") == 1


async def test_packs_are_listed_and_seen_in_their_scope_only(academy: Academy) -> None:
    district = academy.district
    pack = await packed(academy)
    path = f"/v1/institutions/{district.public('ins', academy.institution)}/resolution-packs"
    elsewhere = await open_district(district.service)
    get = district.service.get

    listed = await get(path, district.auditor)
    foreign = [
        await get(path, elsewhere.regulator),
        await get(f"/v1/resolution-packs/{pack['id']}", elsewhere.regulator),
        await get(f"/v1/resolution-packs/{pack['id']}/content", elsewhere.regulator),
    ]

    told = {name: value for name, value in pack.items() if name != "transaction_id"}
    assert [
        {name: value for name, value in item.items() if name != "transaction_id"}
        for item in listed.json()["items"]
    ] == [told]
    assert [answer.status_code for answer in foreign] == [404, 404, 404]


async def test_a_department_sees_the_packs_of_its_own_institutions_only(academy: Academy) -> None:
    district = academy.district
    pack = await packed(academy)
    scope = tokens.Scope(district.code, departments=("sports",))
    sports = await district.service.token(Role.REGULATOR, scope)

    answer = await district.service.get(f"/v1/resolution-packs/{pack['id']}", sports)

    assert answer.status_code == 404


def test_without_keys_no_pack_is_made(tmp_path: Path) -> None:
    with pytest.raises(PackKeysMissing):
        sealing.Keys.load(tmp_path)
    with pytest.raises(PackKeysMissing):
        sealing.Keys.load(None)


def test_keys_are_made_once_and_for_their_owner_only(tmp_path: Path) -> None:
    folder = tmp_path / "keys"

    made, again = sealing.make_keys(folder), sealing.make_keys(folder)

    assert (made, again) == (True, False)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}


def test_swapped_keys_are_named(tmp_path: Path) -> None:
    sealing.make_keys(tmp_path)
    (tmp_path / sealing.SIGNING).write_bytes((tmp_path / sealing.RECIPIENT_PRIVATE).read_bytes())

    with pytest.raises(sealing.KeyUnusable, match=r"signing\.pem"):
        sealing.Keys.load(tmp_path)


@given(st.binary(max_size=64), st.integers(0, 63), st.integers(1, 255))
@settings(max_examples=20)
def test_the_packs_own_verifier_agrees_with_the_library(
    message: bytes, at: int, change: int
) -> None:
    key = Ed25519PrivateKey.generate()
    public, signature = key.public_key().public_bytes_raw(), key.sign(message)
    forged = bytearray(signature)
    forged[at] ^= change

    assert ed25519.verify(public, message, signature)
    assert not ed25519.verify(public, message, bytes(forged))
    assert not ed25519.verify(public, message + b"x", signature)
    assert not ed25519.verify(public[:-1], message, signature)
