"""Plain JSON at a glance: a body in which nothing can be wrong is spared a closer look.

A large body is a long list of plain items; looking at each character and each object of it costs
more than all that is done with it before it is decided on. Here a few searches over the whole of it
show that nothing needs looking at. Whatever is not plain is looked at closely, and refused there.
"""

import json
import re
from typing import Any, Final

_SUSPECT: Final = re.compile(rb"\\(?:[bfnrt]|u00[01]|u007[fF]|u[dD][89a-fA-F])")
_DELETE: Final = b"\x7f"
"""Without these no text has a control character or a lone surrogate in it."""
_STRING: Final = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"')
_ONE_KIND: Final = bytes.maketrans(b"[]", b"{}")
_NO_BRACKET: Final = bytes(byte for byte in range(256) if byte not in b"{}[]")


def at_a_glance(raw: bytes, text: str, depth_max: int) -> Any:  # noqa: ANN401 - any JSON value
    """Parse an object or array in which nothing can be wrong; None where a closer look is needed.

    `text` is what the bytes say in UTF-8.
    """
    if _DELETE in raw or _SUSPECT.search(raw) is not None:
        return None
    outside = _outside_texts(raw)
    # Not-a-number and the infinities are the only words with these letters.
    if b"N" in outside or b"I" in outside or not _is_flat(outside, depth_max):
        return None
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError):
        return None
    # As many names as colons: none stood twice in the same object.
    return parsed if outside.count(b":") == _names_in(parsed) else None


def _outside_texts(raw: bytes) -> bytes:
    if b'\\"' in raw or b"\\\\" in raw:
        return _STRING.sub(b"", raw)
    # No quote is escaped, so every other piece between them is a text.
    return b"".join(raw.split(b'"')[::2])


def _is_flat(outside: bytes, depth_max: int) -> bool:
    """Tell whether brackets pair up and nest no deeper than they may: each round takes a level."""
    nested = outside.translate(_ONE_KIND, _NO_BRACKET)
    for _ in range(depth_max):
        nested = nested.replace(b"{}", b"")
    return not nested


def _names_in(value: Any) -> int:  # noqa: ANN401 - any JSON value
    if type(value) is dict:
        inner = [each for each in value.values() if type(each) is dict or type(each) is list]
        return len(value) + sum([_names_in(each) for each in inner])
    if type(value) is list:
        return sum([_names_in(each) for each in value])
    return 0
