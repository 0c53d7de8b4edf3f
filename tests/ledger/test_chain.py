"""The chain: one encoding for one meaning, digests that any change breaks, and Merkle proofs."""

import json
from collections.abc import Sequence
from hashlib import sha256
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.chain import (
    EMPTY_ROOT,
    Field,
    canonical_json,
    consistency_proof,
    digest,
    encode,
    genesis,
    inclusion_proof,
    leaf_hash,
    merkle_root,
    verify_consistency,
    verify_inclusion,
)

fields: st.SearchStrategy[Field] = st.one_of(
    st.none(),
    st.integers(),
    st.text(st.characters(codec="utf-8"), max_size=8),
    st.binary(max_size=8),
)
records = st.lists(fields, max_size=6)
documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=5), inner, max_size=4)
    ),
    max_leaves=12,
)


def typed(record: Sequence[Field]) -> list[tuple[type, Field]]:
    return [(type(field), field) for field in record]


def decode(data: bytes) -> list[Field]:
    """Read the encoding back, written apart from it."""
    record: list[Field] = []
    while data:
        kind, size = data[:1], int.from_bytes(data[1:5], "big")
        payload, data = data[5 : 5 + size], data[5 + size :]
        assert len(payload) == size
        record.append(field_of(kind, payload))
    return record


def field_of(kind: bytes, payload: bytes) -> Field:
    if kind == b"s":
        return payload.decode()
    if kind == b"i":
        return int(payload)
    return payload if kind == b"b" else None


# --- encoding -----------------------------------------------------------------------------------


def test_the_encoding_is_as_documented() -> None:
    encoded = encode(["分", b"\0", -12, None, ""])

    assert encoded == (
        b"s\0\0\0\3\xe5\x88\x86"  # text
        b"b\0\0\0\1\0"  # bytes
        b"i\0\0\0\3-12"  # integer
        b"n\0\0\0\0"  # None
        b"s\0\0\0\0"  # empty text
    )


@given(records)
def test_what_was_encoded_can_be_read_back_so_no_two_records_share_an_encoding(
    record: list[Field],
) -> None:
    assert typed(decode(encode(record))) == typed(record)


@given(records, records)
def test_different_records_have_different_encodings(one: list[Field], other: list[Field]) -> None:
    assert (encode(one) == encode(other)) is (typed(one) == typed(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (["ab", "c"], ["a", "bc"]),
        ([None], [""]),
        ([""], [b""]),
        ([1], ["1"]),
        (["1"], [b"1"]),
        ([], [None]),
        ([0], [None]),
        (["a", ""], ["a"]),
    ],
)
def test_records_that_are_easily_confused_are_not(one: list[Field], other: list[Field]) -> None:
    assert encode(one) != encode(other)


@pytest.mark.parametrize("field", [1.5, True, ["a"], {"a": 1}])
def test_a_field_of_another_type_is_refused(field: object) -> None:
    with pytest.raises(TypeError, match="a field is"):
        encode([cast("Any", field)])


# --- digests ------------------------------------------------------------------------------------


def test_a_digest_is_the_same_for_ever() -> None:
    first = digest(genesis(500106), [1, "RECEIPT_MATCHED", None, b"\1"])

    framed = b"i\0\0\0\x011s\0\0\0\x0fRECEIPT_MATCHEDn\0\0\0\0b\0\0\0\1\1"
    start = sha256(b"tuition-escrow/genesis/1\0" + (500106).to_bytes(8, "big")).digest()
    assert first == sha256(b"tuition-escrow/record/1\0" + start + framed).digest()


@given(st.lists(fields, min_size=1, max_size=6), st.data())
def test_a_change_of_any_field_changes_the_digest(record: list[Field], data: st.DataObject) -> None:
    index = data.draw(st.integers(min_value=0, max_value=len(record) - 1))
    other = data.draw(fields)
    changed = [*record[:index], other, *record[index + 1 :]]

    same = typed(changed) == typed(record)

    assert (digest(genesis(1), changed) == digest(genesis(1), record)) is same


@given(st.lists(records, min_size=2, max_size=6), st.data())
def test_a_change_of_any_record_changes_every_digest_after_it(
    journal: list[list[Field]], data: st.DataObject
) -> None:
    index = data.draw(st.integers(min_value=0, max_value=len(journal) - 1))
    changed = [*journal[:index], [*journal[index], "more"], *journal[index + 1 :]]

    before, after = chained(journal), chained(changed)

    assert before[:index] == after[:index]
    assert not set(before[index:]) & set(after[index:])


def chained(journal: list[list[Field]]) -> list[bytes]:
    heads = [genesis(1)]
    for record in journal:
        heads.append(digest(heads[-1], record))
    return heads[1:]


@given(st.integers(0, 2**16), st.integers(0, 2**16))
def test_every_journal_begins_differently(one: int, other: int) -> None:
    assert (genesis(one) == genesis(other)) is (one == other)
    assert len(genesis(one)) == 32


def test_a_record_follows_a_whole_digest() -> None:
    with pytest.raises(AssertionError, match="follows a digest"):
        digest(b"", ["a"])


# --- canonical JSON -----------------------------------------------------------------------------


def test_canonical_json_sorts_keys_and_has_no_spaces() -> None:
    text = canonical_json({"b": [1, True, None], "a": {"分": "元", "Z": "\n"}})

    assert text == '{"a":{"Z":"\\n","分":"元"},"b":[1,true,null]}'


@given(documents)
def test_canonical_json_reads_back_as_the_same_document(document: object) -> None:
    text = canonical_json(document)

    assert json.loads(text) == document
    assert canonical_json(json.loads(text)) == text


@given(st.dictionaries(st.text(st.characters(codec="utf-8")), st.integers(), max_size=6))
def test_the_order_in_which_keys_were_given_is_not_seen(document: dict[str, int]) -> None:
    turned = dict(reversed(document.items()))

    assert canonical_json(turned) == canonical_json(document)


@pytest.mark.parametrize(
    "document", [1.5, float("nan"), {"a": [0.0]}, (1, 2), b"a", {1: "a"}, {None: 1}, {"a": {2}}]
)
def test_what_has_no_canonical_form_is_refused(document: object) -> None:
    with pytest.raises(TypeError):
        canonical_json(document)


@pytest.mark.parametrize("document", ["\ud800", {"\ud800": 1}])
def test_text_that_cannot_be_stored_is_refused(document: object) -> None:
    with pytest.raises(UnicodeEncodeError):
        canonical_json(document)


# --- Merkle log ---------------------------------------------------------------------------------

RFC_LEAVES = [
    leaf_hash(bytes.fromhex(data))
    for data in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
RFC_ROOTS = {
    0: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    4: "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}

logs = st.integers(min_value=1, max_value=40).map(
    lambda size: [leaf_hash(b"%d" % number) for number in range(size)]
)


@pytest.mark.parametrize("size", RFC_ROOTS)
def test_roots_are_those_of_certificate_transparency(size: int) -> None:
    assert merkle_root(RFC_LEAVES[:size]).hex() == RFC_ROOTS[size]


def test_every_leaf_of_every_small_log_is_proven_at_its_place_and_no_other() -> None:
    for size in range(1, 18):
        leaves = [leaf_hash(b"%d" % number) for number in range(size)]
        root = merkle_root(leaves)
        for index in range(size):
            proof = inclusion_proof(index, leaves)
            proven = [
                place
                for place in range(-1, size + 1)
                if verify_inclusion(place, size, leaves[index], proof, root)
            ]
            assert proven == [index]


@given(logs, st.data())
def test_a_proof_does_not_fit_another_leaf_root_or_length(
    leaves: list[bytes], data: st.DataObject
) -> None:
    size, root = len(leaves), merkle_root(leaves)
    index = data.draw(st.integers(min_value=0, max_value=size - 1))
    proof = inclusion_proof(index, leaves)

    assert verify_inclusion(index, size, leaves[index], proof, root)
    assert not verify_inclusion(index, size, leaf_hash(b"other"), proof, root)
    assert not verify_inclusion(index, size, leaves[index], proof, leaf_hash(b"other"))
    assert not verify_inclusion(index, size, leaves[index], [*proof, root], root)
    assert not proof or not verify_inclusion(index, size, leaves[index], proof[:-1], root)


def test_every_small_log_is_proven_to_begin_with_each_shorter_one() -> None:
    for size in range(18):
        leaves = [leaf_hash(b"%d" % number) for number in range(size)]
        for old_size in range(size + 1):
            proof = consistency_proof(old_size, leaves)
            old_root = merkle_root(leaves[:old_size])
            assert verify_consistency(old_size, size, old_root, merkle_root(leaves), proof)


@given(logs, st.data())
def test_a_log_whose_past_was_changed_is_not_proven(
    leaves: list[bytes], data: st.DataObject
) -> None:
    size, root = len(leaves), merkle_root(leaves)
    old_size = data.draw(st.integers(min_value=1, max_value=size))
    index = data.draw(st.integers(min_value=0, max_value=old_size - 1))
    forged = [*leaves[:index], leaf_hash(b"forged"), *leaves[index + 1 :]]

    old_root = merkle_root(leaves[:old_size])

    proof = consistency_proof(old_size, forged)
    assert not verify_consistency(old_size, size, old_root, merkle_root(forged), proof)
    assert not verify_consistency(old_size, size, merkle_root(forged[:old_size]), root, proof)


@given(logs, st.data())
def test_a_consistency_proof_cut_short_or_drawn_out_is_not_one(
    leaves: list[bytes], data: st.DataObject
) -> None:
    size, root = len(leaves), merkle_root(leaves)
    old_size = data.draw(st.integers(min_value=0, max_value=size))
    old_root = merkle_root(leaves[:old_size])
    proof = consistency_proof(old_size, leaves)

    assert not verify_consistency(old_size, size, old_root, root, [*proof, root])
    assert not proof or not verify_consistency(old_size, size, old_root, root, proof[:-1])


def test_an_empty_log_begins_every_log_and_a_longer_one_none() -> None:
    root = merkle_root(RFC_LEAVES)

    assert verify_consistency(0, 8, EMPTY_ROOT, root, [])
    assert not verify_consistency(0, 8, root, root, [])
    assert not verify_consistency(9, 8, root, root, [])
    assert not verify_consistency(3, 8, merkle_root(RFC_LEAVES[:3]), root, [])
    assert not verify_consistency(-1, 8, EMPTY_ROOT, root, [])
    assert not verify_consistency(8, 8, EMPTY_ROOT, root, [])


def test_proofs_are_asked_only_of_what_is_in_the_log() -> None:
    with pytest.raises(AssertionError, match="one of the log's"):
        inclusion_proof(8, RFC_LEAVES)
    with pytest.raises(AssertionError, match="older log"):
        consistency_proof(9, RFC_LEAVES)
