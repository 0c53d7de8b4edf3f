"""The chain's encoding put together piece by piece: the same bytes as all at once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.accounts import Reason
from ledger.chain import (
    Field,
    canonical_json,
    canonical_texts,
    digest,
    digest_of,
    encode,
    encode_field,
    genesis,
)

fields: st.SearchStrategy[Field] = st.one_of(
    st.none(),
    st.integers(),
    st.text(st.characters(codec="utf-8"), max_size=8),
    st.binary(max_size=8),
)
records = st.lists(fields, max_size=6)


@given(
    st.dictionaries(
        st.text(st.characters(codec="utf-8"), max_size=5),
        st.text(st.characters(codec="utf-8"), max_size=8),
        max_size=4,
    )
)
def test_an_object_of_texts_is_written_as_canonical_json(texts: dict[str, str]) -> None:
    assert canonical_texts(texts) == canonical_json(texts)


@pytest.mark.parametrize(
    "texts",
    [
        {},
        {"lesson": "01956f2e-8c00-7000-8000-000000000001", "enrolment": "x", "slot": "1"},
        {"a": 'b","c":"d'},
        {"a": "\\u0041"},
        {"a": "\x7f"},
        {"a": "\n", "分": "元"},
        {'"': '"'},
    ],
)
def test_texts_that_need_escaping_are_escaped(texts: dict[str, str]) -> None:
    assert canonical_texts(texts) == canonical_json(texts)


@given(records)
def test_the_encodings_of_fields_put_together_are_the_encoding_of_all(record: list[Field]) -> None:
    assert b"".join(map(encode_field, record)) == encode(record)


@given(records)
def test_a_digest_is_one_of_the_encoded_fields(record: list[Field]) -> None:
    previous = genesis(1)

    assert digest_of(previous, encode(record)) == digest(previous, record)


def test_a_code_of_an_enumeration_is_encoded_as_its_text() -> None:
    assert encode([Reason.PAID]) == encode(["PAID"])
