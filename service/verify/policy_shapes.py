"""Which row-level policies are as they have to be: everything else is a guard let down.

A policy of a tenant table looks at the caller's journals, one that writes at the writer's mode as
well. What differs is named here: tables of the door, which are nobody's journal; what the owner,
whom nobody logs in as, needs for the functions that answer for it.
"""

from typing import Final

from service.verify.snapshot import Row

_BY_JOURNAL: Final = "journals()"
_WRITES: Final = "is_writer()"
_DOOR: Final = "doorkeeper"

OF_THE_DOOR: Final = frozenset(
    {"escrow.failed_login", "escrow.used_assertion", "pii.one_time_code", "pii.parent"}
)
"""Tables that only a login writes to, before there is a caller."""

OF_THE_OWNER: Final = frozenset(
    {
        ("escrow.client", "answers", "SELECT"),
        ("escrow.guardian_link", "answers", "SELECT"),
        ("escrow.person", "answers", "SELECT"),
        ("escrow.person_secret", "answers", "SELECT"),
        ("escrow.failed_login", "forgets", "ALL"),
        ("escrow.ticket", "forgets", "ALL"),
        ("escrow.used_assertion", "forgets", "ALL"),
    }
)
"""What functions that run as the owner read and clear away, by table, name and command."""


def is_safe(policy: Row) -> bool:
    """Tell whether a policy lets its roles see and write no more than their context says."""
    match policy["roles"]:
        case ["escrow_app"]:
            return _of_service(policy)
        case ["escrow_audit"]:
            return bool(policy["name"] == "audits" and policy["cmd"] == "SELECT")
        case ["escrow_owner"]:
            return _of_owner(policy)
    return False


def _of_service(policy: Row) -> bool:
    qual, checked = policy["qual"], policy["checked"]
    if policy["name"] == "narrows":
        narrower = policy["permissive"] == "RESTRICTIVE" and policy["cmd"] == "SELECT"
        return narrower and "is_narrowed()" in qual
    if policy["table"] in OF_THE_DOOR:
        return _at_the_door(policy)
    match policy["name"], policy["cmd"]:
        case "reads", "SELECT":
            return _BY_JOURNAL in qual
        case "inserts", "INSERT":
            return _BY_JOURNAL in checked and _WRITES in checked
        case "updates", "UPDATE":
            return all(w in text for w in (_BY_JOURNAL, _WRITES) for text in (qual, checked))
    return False


def _at_the_door(policy: Row) -> bool:
    qual, checked = policy["qual"], policy["checked"]
    match policy["name"], policy["cmd"]:
        case "reads", "SELECT":
            return _DOOR in qual
        case "inserts", "INSERT":
            return _DOOR in checked
        case "updates", "UPDATE":
            return _DOOR in qual and _DOOR in checked
        case "clears", "DELETE":
            return bool(policy["table"] == "pii.one_time_code" and _DOOR in qual)
        case "forgets", "UPDATE":
            # A parent's login goes with the guardian that it stood for.
            return all(w in text for w in (_WRITES, "guardian_link") for text in (qual, checked))
    return False


def _of_owner(policy: Row) -> bool:
    table, name, command = policy["table"], policy["name"], policy["cmd"]
    match name, command:
        case "opens", "INSERT":
            return bool(table == "escrow.journal_head" and policy["checked"] == "(seq = 0)")
        case "positions", "SELECT":
            return bool(table == "escrow.journal_transaction" and _BY_JOURNAL in policy["qual"])
    return (table, name, command) in OF_THE_OWNER
