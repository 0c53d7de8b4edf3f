"""The vault: what is sealed opens again, in its own place and under its own keys, and not else."""

from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.store.vault import Kind, Place, Unopened, Vault, generation_of, normalised
from service.store.vault_keys import AES_256_GCM, SM4_GCM, KeyRing, Suite, generation

SUITES = (AES_256_GCM, SM4_GCM)
FIELDS = st.dictionaries(
    st.sampled_from(("name", "phone", "account_number", "bank_name")),
    st.none() | st.text(max_size=40),
    max_size=4,
)
KINDS: tuple[Kind, ...] = ("phone", "account", "name", "id_number")


def vault_of(*suites: Suite, index: int = 9) -> Vault:
    ring = {
        number: generation(number, bytes([number]) * suite.key_bytes, suite)
        for number, suite in enumerate(suites, start=1)
    }
    return Vault(KeyRing(ring, bytes([index]) * 32))


VAULTS = [vault_of(suite) for suite in SUITES]


@settings(max_examples=50, deadline=None)
@given(st.sampled_from(VAULTS), st.uuids(), FIELDS, st.none() | st.uuids())
def test_what_is_sealed_opens_as_it_was(
    vault: Vault, subject: UUID, fields: dict[str, str | None], row: UUID | None
) -> None:
    sealed, wrapped = vault.seal(subject, "party", fields, row)

    assert vault.open(subject, "party", sealed, wrapped, row) == fields


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(VAULTS), st.uuids(), st.booleans(), st.data())
def test_a_changed_bit_is_refused(
    vault: Vault, subject: UUID, of_blob: bool, data: st.DataObject
) -> None:
    sealed, wrapped = vault.seal(subject, "party", {"name": "张三"})
    changed = bytearray(sealed if of_blob else wrapped)
    bit = data.draw(st.integers(0, len(changed) * 8 - 1))
    changed[bit // 8] ^= 1 << bit % 8
    blob, key = (bytes(changed), wrapped) if of_blob else (sealed, bytes(changed))

    with pytest.raises(Unopened):
        vault.open(subject, "party", blob, key)


@settings(max_examples=50, deadline=None)
@given(st.sampled_from(VAULTS), st.uuids(), st.uuids(), st.uuids())
def test_another_place_is_refused(vault: Vault, subject: UUID, row: UUID, other: UUID) -> None:
    sealed, wrapped = vault.seal(subject, "claim_note", {"text": "病"}, row)
    places = [(other, "claim_note", row), (subject, "party", row), (subject, "claim_note", other)]

    for who, table, where in places:
        if (who, table, where) == (subject, "claim_note", row):
            continue
        with pytest.raises(Unopened):
            vault.open(who, table, sealed, wrapped, where)


@pytest.mark.parametrize("cut", [0, 1, 12, 13, 20])
def test_a_shortened_blob_or_key_is_refused(cut: int) -> None:
    vault, subject = VAULTS[0], UUID(int=1)
    sealed, wrapped = vault.seal(subject, "party", {"name": "张三"})

    for blob, key in ((sealed[:cut], wrapped), (sealed, wrapped[:cut])):
        with pytest.raises(Unopened):
            vault.open(subject, "party", blob, key)


def test_another_key_opens_nothing() -> None:
    subject = UUID(int=1)
    sealed, wrapped = vault_of(AES_256_GCM).seal(subject, "party", {"name": "张三"})
    stranger = Vault(KeyRing({1: generation(1, b"\xee" * 32)}, b"\x09" * 32))

    with pytest.raises(Unopened):
        stranger.open(subject, "party", sealed, wrapped)


def test_a_batch_draws_a_key_and_nonces_of_its_own_for_every_row() -> None:
    rows = [(Place("party", UUID(int=n), UUID(int=n)), {"name": "张三"}) for n in range(1_000)]

    sealed = VAULTS[0].seal_many(rows)

    assert len({blob[1:13] for blob, _ in sealed}) == len(rows)
    assert len({wrapped[3:15] for _, wrapped in sealed}) == len(rows)
    assert len({blob[13:] for blob, _ in sealed}) == len(rows)


@pytest.mark.parametrize("newer", SUITES)
def test_a_newer_generation_wraps_anew_and_leaves_the_blob(newer: Suite) -> None:
    subject = UUID(int=1)
    place = Place("party", subject, subject)
    sealed, wrapped = vault_of(AES_256_GCM).seal(subject, "party", {"name": "张三"})
    both = vault_of(AES_256_GCM, newer)

    anew = both.rewrapped(place, sealed[:1], wrapped)

    only_newer = Vault(KeyRing({2: both.ring.generations[2]}, b"\x09" * 32))
    assert (generation_of(wrapped), generation_of(anew)) == (1, 2)
    assert only_newer.open(subject, "party", sealed, anew) == {"name": "张三"}
    with pytest.raises(Unopened):
        only_newer.open(subject, "party", sealed, wrapped)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(KINDS), st.text(max_size=20), st.text(max_size=20))
def test_blind_indexes_are_equal_where_the_values_mean_the_same(
    kind: Kind, one: str, other: str
) -> None:
    same = normalised(kind, one) == normalised(kind, other)

    assert (VAULTS[0].blind(kind, one) == VAULTS[0].blind(kind, other)) is same


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        ("phone", "13812345678", "+86 138-1234-5678"),
        ("phone", "13812345678", "1 3 8 1 2 3 4 5 6 7 8"),
        ("account", "6222 0000 0000 0000", "6222000000000000"),
        ("id_number", "50010620150301123x", "50010620150301123X"),
        ("name", "阿依古丽·买买提", "阿依古丽•买买提"),
        ("name", "张 三", "张三"),
    ],
)
def test_one_value_is_written_in_several_ways(kind: Kind, one: str, other: str) -> None:
    assert VAULTS[0].blind(kind, one) == VAULTS[0].blind(kind, other)


def test_blind_indexes_tell_nothing_across_kinds_and_keys() -> None:
    number = "13812345678"
    found = {vault_of(AES_256_GCM, index=n).blind(kind, number) for n in (1, 2) for kind in KINDS}

    assert len(found) == 2 * len(KINDS)


def test_the_vault_prints_no_key() -> None:
    vault = vault_of(AES_256_GCM, SM4_GCM)

    assert repr(vault) == "Vault(2)"
    assert repr(vault.ring) == "KeyRing([1, 2])"


def test_sm4_in_gcm_gives_the_vector_of_its_standard() -> None:
    """RFC 8998, appendix A.1."""
    aead = SM4_GCM.of(bytes.fromhex("0123456789ABCDEFFEDCBA9876543210"))
    plain = "".join(f"{letter * 16}" for letter in "ABCDEFEA")
    aad = bytes.fromhex("FEEDFACEDEADBEEFFEEDFACEDEADBEEFABADDAD2")

    sealed = aead.encrypt(bytes.fromhex("00001234567800000000ABCD"), bytes.fromhex(plain), aad)

    assert sealed.hex().upper() == (
        "17F399F08C67D5EE19D0DC9969C4BB7D5FD46FD3756489069157B282BB200735"
        "D82710CA5C22F0CCFA7CBF93D496AC15A56834CBCF98C397B4024A2691233B8D"
        "83DE3541E4C2B58177E065A9BF7B62EC"
    )
