"""Strict bodies: what a long plain body is spared is never what would have been refused."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.refusals import RequestInvalid
from service.web import bodies

ITEM = '{"bank_ref":"P-1","amount":"0.55","payer":"张三","note":"\\u5f20","count":12,"last":null}'
WRONG = {
    "duplicate_keys": [
        '{"a":1,"a":2}',
        '{"items":[{"a":"x","b":{"c":1,"c":1}}]}',
        '{"a":1,"\\u0061":2}',
    ],
    "control_characters": [
        '{"a":"\\n"}',
        '{"a":"\\u0000"}',
        '{"a":"\\u001F"}',
        '{"a":"\\u007f"}',
        '{"a":"\x7f"}',
        '{"a":"\\ud800"}',
        '{"a":"\\uDfff"}',
        '{"\\t":1}',
        '["\\b","\\f","\\r"]',
        '{"a":"张三\u202e"}',
        '{"a":"\\u202E"}',
        '{"a\u200b":1}',
        '{"a":"\ufeff"}',
        '{"a":"\\uFEFF"}',
        '["\u2028"]',
        '["\\u2066"]',
        '["\u061c"]',
        '["\ufffb"]',
        '{"a":"\\"\\n"}',
    ],
    "not_a_number": ['{"a":NaN}', "[Infinity]", "[-Infinity]", '{"a":"N","b":NaN}'],
    "not_json": [
        "",
        "{",
        '{"a":1}}',
        '{"a":1]',
        '["\n"]',
        "[1,]",
        "{'a':1}",
        '{"a":01}',
        '{"a":"x}',
        '{"a":"\\x41"}',
        "nul",
        "[1] [2]",
    ],
    "too_deep": ["[" * 33 + "]" * 33, '{"a":' * 33 + "1" + "}" * 33, "[" * 33],
    "byte_order_mark": ['\ufeff{"a":1}'],
}
RIGHT = [
    "{}",
    "[]",
    "0",
    '"text"',
    '{"items":[' + ",".join([ITEM] * 3) + "]}",
    '{\n\t"a" : [ { } , [ ] ] ,\r\n "b":"\\\\n \\" \\/ [{:"}',
    '{"a":"\\\\u0000"}',
    '{"a":"NaN I N","IN":-1.5e3}',
    '{"a":"\\ud83d\\ude00"}',
    '{"a":"“张三”—…\u200d，。！"}',
    '{"a":"\\u2014\\u200d"}',
    "[" * 32 + "]" * 32,
]


def outcome(raw: bytes, parse: Any) -> tuple[str, Any]:
    """Tell what comes of a body: its value, or why it is refused."""
    try:
        return "read", repr(parse(raw))
    except RequestInvalid as refusal:
        return "refused", refusal.facts


def closely(raw: bytes) -> Any:
    """Look at every character and object, as once was done with every body."""
    return bodies.closely(raw, raw.decode())


@pytest.mark.parametrize(
    ("reason", "text"), [(reason, text) for reason, texts in WRONG.items() for text in texts]
)
def test_a_body_with_something_wrong_is_refused_for_it(reason: str, text: str) -> None:
    with pytest.raises(RequestInvalid) as refused:
        bodies.parse(text.encode())

    assert refused.value.facts["reason"] == reason


@pytest.mark.parametrize("text", RIGHT)
def test_a_body_with_nothing_wrong_is_read_as_json_is(text: str) -> None:
    assert bodies.parse(text.encode()) == json.loads(text)


def test_bytes_that_are_no_utf_8_are_refused() -> None:
    with pytest.raises(RequestInvalid) as refused:
        bodies.parse(b'{"a":"\xff"}')

    assert refused.value.facts["reason"] == "not_utf8"


pieces = st.sampled_from(
    [
        *'{}[]:,"\\ \n\t0N',
        '"a"',
        '"b":1',
        '"a":',
        '"\\n"',
        '"\\u0041"',
        '"\\ud800"',
        "NaN",
        "-1.5",
        "true",
        '"\x7f"',
        '"张"',
        '"\u202e"',
        '"\\u200B"',
        '"—"',
        '{"a":1,"a":2}',
        ITEM,
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(pieces, max_size=12).map("".join))
def test_a_glance_never_passes_what_a_closer_look_refuses(text: str) -> None:
    raw = text.encode()

    assert outcome(raw, bodies.parse) == outcome(raw, closely)


@settings(max_examples=200, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=4),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
        max_leaves=8,
    ),
    st.booleans(),
)
def test_any_document_comes_to_the_same_at_a_glance(document: Any, escaped: bool) -> None:
    raw = json.dumps(document, ensure_ascii=escaped).encode(errors="surrogatepass")

    try:
        raw.decode()
    except UnicodeDecodeError:
        return
    assert outcome(raw, bodies.parse) == outcome(raw, closely)
