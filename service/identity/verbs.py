"""Verbs: what callers may do, and in which role and duty they may.

The table below is the whole of "role x duty x verb"; a route names its verb and may narrow the
roles, never widen them. A role without duties of its own is written with none.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from service.identity.callers import DUTIES, Duty, Role

Duties = frozenset[Duty]


class Verb(StrEnum):
    """What a route does, as a supervisor would say it."""

    # Everybody, about themselves.
    KEEP_OWN_ACCESS = "keep own access"
    # Reading.
    READ_REGISTRY = "read registry"
    READ_AGGREGATES = "read aggregates"
    READ_BOOKS = "read books"
    READ_CONTRACTS = "read contracts"
    READ_LESSONS = "read lessons"
    READ_CASES = "read cases"
    READ_APPROVALS = "read approvals"
    READ_PACKS = "read packs"
    READ_AUDIT = "read audit"
    READ_PERSONAL = "read personal data"
    # Supervising.
    KEEP_REGISTRY = "keep registry"
    REVIEW_COURSES = "review courses"
    RESTRAIN = "restrain"
    RULE_ON_LESSONS = "rule on lessons"
    DECIDE_CLAIMS = "decide claims"
    SUPERVISE_MONEY = "supervise money"
    PREPARE_WIND_DOWN = "prepare wind-down"
    DECIDE_WIND_DOWN = "decide wind-down"
    APPROVE = "approve"
    SET_PARAMETERS = "set parameters"
    # Running the platform.
    SET_UP = "set up"
    RUN_JOBS = "run jobs"
    RESOLVE_MONEY = "resolve money"
    ADMINISTER_CALLERS = "administer callers"
    ADMINISTER_KEYS = "administer keys"
    # Banks.
    REPORT_BANK_FACTS = "report bank facts"
    EXECUTE_ORDERS = "execute orders"
    # Institutions.
    FILE_COURSES = "file courses"
    ENROL = "enrol"
    RECORD_LESSONS = "record lessons"
    TAKE_CASH = "take cash"
    REQUEST_PAYOUTS = "request payouts"
    ANSWER_CLAIMS = "answer claims"
    PLACE_STUDENTS = "place students"
    # Parents.
    CONFIRM_LESSONS = "confirm lessons"
    CLAIM = "claim"
    CHOOSE_PLACES = "choose places"
    KEEP_OWN_DATA = "keep own data"
    KEEP_GUARDIANS = "keep guardians"


ALL: Final = {role: DUTIES[role] for role in Role}


def _only(role: Role, *duties: Duty) -> dict[Role, Duties]:
    return {role: frozenset(duties) if duties else ALL[role]}


_REGULATORS: Final = _only(Role.REGULATOR, Duty.OFFICER, Duty.TASK_FORCE)
_OFFICERS: Final = _only(Role.REGULATOR, Duty.OFFICER)
_FINANCE: Final = _only(Role.INSTITUTION, Duty.OWNER, Duty.FINANCE)
_SUPPORT: Final = _only(Role.OPERATOR, Duty.SUPPORT)
_BANK: Final = _only(Role.BANK)
_PARENT: Final = _only(Role.PARENT)
_AUDITOR: Final = _only(Role.AUDITOR)

MAY: Final[Mapping[Verb, Mapping[Role, Duties]]] = {
    Verb.KEEP_OWN_ACCESS: ALL,
    Verb.READ_REGISTRY: ALL,
    Verb.READ_AGGREGATES: {
        **_only(Role.REGULATOR, Duty.OFFICER, Duty.TASK_FORCE, Duty.OBSERVER),
        **_FINANCE,
        **_PARENT,
        **_SUPPORT,
        **_AUDITOR,
    },
    Verb.READ_BOOKS: {**_REGULATORS, **_FINANCE, **_BANK, **_PARENT, **_SUPPORT, **_AUDITOR},
    Verb.READ_CONTRACTS: {
        **_REGULATORS,
        **_only(Role.INSTITUTION, Duty.OWNER, Duty.FINANCE, Duty.ACADEMIC),
        **_PARENT,
        **_SUPPORT,
        **_AUDITOR,
    },
    Verb.READ_LESSONS: {
        **_REGULATORS,
        **_only(Role.INSTITUTION),
        **_PARENT,
        **_AUDITOR,
    },
    Verb.READ_CASES: {
        **_only(Role.REGULATOR, Duty.OFFICER, Duty.TASK_FORCE, Duty.OBSERVER),
        **_only(Role.INSTITUTION, Duty.OWNER, Duty.FINANCE, Duty.ACADEMIC),
        **_PARENT,
        **_SUPPORT,
        **_AUDITOR,
    },
    Verb.READ_APPROVALS: {
        **_only(Role.REGULATOR, Duty.OFFICER, Duty.TASK_FORCE, Duty.SECURITY),
        **_only(Role.OPERATOR),
        **_AUDITOR,
    },
    Verb.READ_PACKS: {**_REGULATORS, **_AUDITOR},
    Verb.READ_AUDIT: {
        **_only(Role.REGULATOR, Duty.SECURITY),
        **_only(Role.OPERATOR, Duty.SECURITY),
        **_AUDITOR,
    },
    Verb.READ_PERSONAL: {
        **_REGULATORS,
        **_only(Role.INSTITUTION, Duty.OWNER, Duty.FINANCE, Duty.ACADEMIC),
        **_BANK,
        **_PARENT,
        **_SUPPORT,
        **_AUDITOR,
    },
    Verb.KEEP_REGISTRY: {**_OFFICERS, **_only(Role.OPERATOR, Duty.SYSTEM)},
    Verb.REVIEW_COURSES: _OFFICERS,
    Verb.RESTRAIN: _OFFICERS,
    Verb.RULE_ON_LESSONS: _REGULATORS,
    Verb.DECIDE_CLAIMS: _REGULATORS,
    Verb.SUPERVISE_MONEY: {**_OFFICERS, **_FINANCE, **_SUPPORT},
    Verb.PREPARE_WIND_DOWN: {**_REGULATORS, **_only(Role.OPERATOR, Duty.SYSTEM)},
    Verb.DECIDE_WIND_DOWN: _OFFICERS,
    Verb.APPROVE: {
        **_only(Role.REGULATOR, Duty.OFFICER, Duty.SECURITY),
        **_only(Role.OPERATOR),
    },
    Verb.SET_PARAMETERS: {**_OFFICERS, **_only(Role.OPERATOR, Duty.SYSTEM)},
    Verb.SET_UP: _only(Role.OPERATOR, Duty.SYSTEM),
    Verb.RUN_JOBS: {**_OFFICERS, **_only(Role.OPERATOR, Duty.SYSTEM)},
    Verb.RESOLVE_MONEY: {**_OFFICERS, **_SUPPORT},
    Verb.ADMINISTER_CALLERS: {
        **_only(Role.REGULATOR, Duty.SECURITY),
        **_only(Role.INSTITUTION, Duty.OWNER),
        **_only(Role.OPERATOR, Duty.SECURITY),
    },
    Verb.ADMINISTER_KEYS: {**_BANK, **_only(Role.OPERATOR, Duty.SECURITY)},
    Verb.REPORT_BANK_FACTS: _BANK,
    Verb.EXECUTE_ORDERS: _BANK,
    Verb.FILE_COURSES: _only(Role.INSTITUTION, Duty.OWNER, Duty.ACADEMIC),
    Verb.ENROL: {**_OFFICERS, **_only(Role.INSTITUTION, Duty.OWNER, Duty.ACADEMIC)},
    Verb.RECORD_LESSONS: _only(Role.INSTITUTION, Duty.ACADEMIC, Duty.TEACHER),
    Verb.TAKE_CASH: _FINANCE,
    Verb.REQUEST_PAYOUTS: {**_FINANCE, **_SUPPORT},
    Verb.ANSWER_CLAIMS: {**_REGULATORS, **_FINANCE, **_PARENT},
    Verb.PLACE_STUDENTS: {**_REGULATORS, **_only(Role.INSTITUTION, Duty.OWNER, Duty.ACADEMIC)},
    Verb.CONFIRM_LESSONS: _PARENT,
    Verb.CLAIM: {**_REGULATORS, **_PARENT},
    Verb.CHOOSE_PLACES: _PARENT,
    Verb.KEEP_OWN_DATA: _PARENT,
    Verb.KEEP_GUARDIANS: {
        **_only(Role.INSTITUTION, Duty.OWNER, Duty.ACADEMIC),
        **_PARENT,
        **_SUPPORT,
    },
}
"""Who may, by verb: the roles, and in each the duties of which one is enough."""
