"""The rule packs that come with the service, one JSON document each, and their loader.

`cn-national` holds what is in force everywhere; a jurisdiction's own pack is complete in itself and
inherits nothing, so that every value in force can be read in one place with its source.
"""

from pathlib import Path

from ledger import rule_packs
from ledger.policy import RulePack

_HERE = Path(__file__).resolve().parent


def codes() -> tuple[str, ...]:
    """Return the codes of the packs that are here, sorted."""
    return tuple(sorted(path.stem for path in _HERE.glob("*.json")))


def text_of(code: str) -> str:
    """Return a pack's document as written; FileNotFoundError when there is none of that code."""
    if code not in codes():
        raise FileNotFoundError(f"no rule pack {code}; there are {', '.join(codes())}")
    return (_HERE / f"{code}.json").read_text(encoding="utf-8")


def load(source: str | Path) -> RulePack:
    """Read a pack by its code, or any pack from a path.

    Raises FileNotFoundError, and `ledger.rule_packs.RulePackInvalid` for what is not a rule pack.
    """
    text = source.read_text(encoding="utf-8") if isinstance(source, Path) else text_of(source)
    return rule_packs.parse(text)
