"""Plain JSON at a glance: a body in which nothing can be wrong is spared a closer look.

A large body is a long list of plain items; looking at each character and each object of it costs
more than all that is done with it before it is decided on. Here a few searches over the whole of it
show that nothing needs looking at. Whatever is not plain is looked at closely, and refused there.
"""

import json
import re
from typing import Any, Final

_SUSPECT: Final = re.compile(
    rb"\\(?:[bfnrt]|u00[01]|u007[fF]|u[dD][89a-fA-F]"
    rb"|u061[cC]|u200[bBeEfF]|u202|u206|u[fF][eE][fF][fF]|u[fF]{3})"
)
_DELETE: Final = b"\x7f"
_INVISIBLE: Final = (b"\xd8\x9c", b"\xe2\x80", b"\xe2\x81", b"\xef\xbb\xbf", b"\xef\xbf")
"""Without these no text has a control character, a lone surrogate, a mark of direction or anything
else in it that is not seen; some of what begins so is."""
_UNSEEN: Final = re.compile(
    rb"\xd8\x9c|\xe2\x80[\x8b\x8e\x8f\xa8-\xae]|\xe2\x81[\xa0-\xa9]|\xef\xbb\xbf|\xef\xbf[\xb9-\xbb]"
)
_STRING: Final = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"')
_ONE_KIND: Final = bytes.maketrans(b"[]", b"{}")
_NO_BRACKET: Final = bytes(byte for byte in range(256) if byte not in b"{}[]")


def at_a_glance(raw: bytes, text: str, depth_max: int) -> Any:  # noqa: ANN401 - any JSON value
    """Parse an object or array in which nothing can be wrong; None where a closer look is needed.

    `text` is what the bytes say in UTF-8.
    """
    if _DELETE in raw or _SUSPECT.search(raw) is not None:
        return None
    if any(each in raw for each in _INVISIBLE) and _UNSEEN.search(raw) is not None:
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
        if not nested:
            break
        nested = nested.replace(b"{}", b"")
    return not nested


def _names_in(value: Any) -> int:  # noqa: ANN401 - any JSON value
    if type(value) is dict:
        inner = [each for each in value.values() if type(each) is dict or type(each) is list]
        return len(value) + sum([_names_in(each) for each in inner])
    if type(value) is list:
        return sum([_names_in(each) for each in value])
    return 0
