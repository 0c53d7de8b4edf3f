"""The policy as a pure function: verbs by role and duty, objects by scope, duty and state."""

from dataclasses import replace
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.identity.authorize import Ruling, Target, authorize, in_scope, may
from service.identity.callers import APART, DUTIES, Caller, Duty, Role, may_hold
from service.identity.verbs import MAY, Verb

SCHOOL, OTHER_SCHOOL, CHILD = UUID(int=1), UUID(int=2), UUID(int=3)
TARGET = Target(
    journal=1,
    area="500106",
    department="culture",
    state="LICENSED",
    institutions=frozenset({SCHOOL}),
    banks=frozenset({"ICBC"}),
    guardians=frozenset({CHILD}),
    about_students=True,
)
AREAS = (
    "",
    "50",
    "5001",
    "500106",
    "500106~Z1",
    "500106~Z11",
    "500229",
    "5105",
    "371003",
    "371081",
)


def caller(role: Role, *duties: Duty, **scope: object) -> Caller:
    bound = Caller("somebody", role, (1,), duties=frozenset(duties))
    needs: dict[Role, dict[str, object]] = {
        Role.INSTITUTION: {"institution": SCHOOL},
        Role.BANK: {"bank": "ICBC"},
        Role.PARENT: {"parties": (CHILD,)},
    }
    return replace(bound, **(needs.get(role, {}) | scope))  # type: ignore[arg-type]


def drawn_callers() -> st.SearchStrategy[Caller]:
    return st.sampled_from(Role).flatmap(
        lambda role: st.builds(
            lambda duties, areas, departments: caller(
                role, *duties, areas=areas, departments=departments
            ),
            st.sets(st.sampled_from(sorted(DUTIES[role])) if DUTIES[role] else st.nothing()),
            st.none() | st.tuples(st.sampled_from(AREAS)),
            st.none() | st.tuples(st.sampled_from(("culture", "sports"))),
        )
    )


def drawn_targets() -> st.SearchStrategy[Target]:
    return st.builds(
        Target,
        journal=st.sampled_from((1, 2)),
        area=st.sampled_from(AREAS),
        department=st.sampled_from(("culture", "sports")),
        state=st.sampled_from(("LICENSED", "FROZEN", "WINDING_DOWN")),
        institutions=st.sets(st.sampled_from((SCHOOL, OTHER_SCHOOL)), min_size=1).map(frozenset),
        banks=st.sets(st.sampled_from(("ICBC", "CMB"))).map(frozenset),
        guardians=st.sets(st.sampled_from((CHILD, uuid4()))).map(frozenset),
        about_students=st.booleans(),
    )


@given(drawn_callers(), st.sampled_from(Verb), drawn_targets())
def test_a_verb_comes_before_an_object_and_an_object_never_widens_it(
    who: Caller, verb: Verb, target: Target
) -> None:
    ruling = authorize(who, verb, target)

    assert (ruling is Ruling.FORBIDDEN) == (authorize(who, verb) is Ruling.FORBIDDEN)
    assert (ruling is Ruling.ALLOWED) == (may(who, verb) and in_scope(who, target))


@given(drawn_callers(), drawn_targets())
def test_another_journal_or_institution_is_never_in_scope(who: Caller, target: Target) -> None:
    elsewhere = replace(target, journal=2)
    anothers = replace(
        target,
        institutions=frozenset({uuid4()}),
        banks=frozenset({"NOBODY"}),
        guardians=frozenset({uuid4()}),
    )

    assert not in_scope(who, elsewhere)
    if who.role in (Role.INSTITUTION, Role.BANK, Role.PARENT):
        assert not in_scope(who, anothers)


@given(drawn_callers(), drawn_targets())
def test_fewer_duties_or_a_narrower_scope_never_show_more(who: Caller, target: Target) -> None:
    whole = replace(who, duties=frozenset(), areas=None, departments=None)

    assert in_scope(whole, target) or not in_scope(who, target)
    assert all(may(whole, verb) or not may(who, verb) for verb in Verb)


def test_every_verb_is_somebodys_and_names_duties_of_the_role_only() -> None:
    assert set(MAY) == set(Verb)
    for roles in MAY.values():
        assert roles
        assert all(duties <= DUTIES[role] for role, duties in roles.items())
        assert all(duties or not DUTIES[role] for role, duties in roles.items())


@pytest.mark.parametrize(
    ("duty", "may_do", "may_not"),
    [
        (Duty.FINANCE, Verb.REQUEST_PAYOUTS, Verb.RECORD_LESSONS),
        (Duty.OWNER, Verb.REQUEST_PAYOUTS, Verb.RECORD_LESSONS),
        (Duty.ACADEMIC, Verb.RECORD_LESSONS, Verb.REQUEST_PAYOUTS),
        (Duty.TEACHER, Verb.RECORD_LESSONS, Verb.READ_CONTRACTS),
        (Duty.OWNER, Verb.ADMINISTER_CALLERS, Verb.RECORD_LESSONS),
    ],
)
def test_an_institutions_staff_is_divided(duty: Duty, may_do: Verb, may_not: Verb) -> None:
    assert may(caller(Role.INSTITUTION, duty), may_do)
    assert not may(caller(Role.INSTITUTION, duty), may_not)


def test_who_records_lessons_never_asks_for_payouts_whatever_duties_one_person_holds() -> None:
    for one in DUTIES[Role.INSTITUTION]:
        for other in DUTIES[Role.INSTITUTION]:
            if may_hold(Role.INSTITUTION, {one, other}):
                held = caller(Role.INSTITUTION, one, other)
                assert not (may(held, Verb.RECORD_LESSONS) and may(held, Verb.REQUEST_PAYOUTS))


def test_the_three_administrators_of_the_platform_are_three_people() -> None:
    three = (Duty.SYSTEM, Duty.SECURITY, Duty.SUPPORT)

    assert all(may_hold(Role.OPERATOR, {duty}) for duty in three)
    assert not any(
        may_hold(Role.OPERATOR, {one, other}) for one in three for other in three if one != other
    )
    assert all(len(pair) == 2 for pair in APART)
    assert not may_hold(Role.OPERATOR, set())
    assert not may_hold(Role.OPERATOR, {Duty.OFFICER})


def test_an_observer_sees_figures_and_never_students() -> None:
    observer = caller(Role.REGULATOR, Duty.OBSERVER)

    assert authorize(observer, Verb.READ_AGGREGATES) is Ruling.ALLOWED
    assert authorize(observer, Verb.READ_LESSONS) is Ruling.FORBIDDEN
    assert not in_scope(observer, TARGET)
    assert in_scope(observer, replace(TARGET, about_students=False))


def test_a_task_force_sees_the_file_of_a_collapsed_institution_only() -> None:
    force = caller(Role.REGULATOR, Duty.TASK_FORCE)

    assert not in_scope(force, TARGET)
    assert in_scope(force, replace(TARGET, state="FROZEN"))
    assert in_scope(force, replace(TARGET, state="WINDING_DOWN"))
    assert may(force, Verb.PREPARE_WIND_DOWN)
    assert not may(force, Verb.DECIDE_WIND_DOWN)


@pytest.mark.parametrize(
    ("areas", "seen", "unseen"),
    [
        # Chongqing is "50": its districts 5001xx and counties 5002xx alike.
        (("50",), ("500106", "500229", "500106~Z1"), ("510502", "371003")),
        # "5001" is the summary code of its districts, and no city.
        (("5001",), ("500106",), ("500229",)),
        # A recoded place: what was filed under 371081 is seen from 371003.
        (("371003", "371081"), ("371003", "371081", "371081~Z"), ("371082",)),
        # A functional zone is seen by its parent and sees neither it nor one named alike.
        (("500106~Z1",), ("500106~Z1", "500106~Z1~A"), ("500106", "500106~Z11")),
        (("500106",), ("500106", "500106~Z1"), ("500107",)),
        # The nation, and an authority's place: never the address.
        (("",), AREAS, ()),
    ],
)
def test_a_scope_is_a_subtree_of_approving_authorities(
    areas: tuple[str, ...], seen: tuple[str, ...], unseen: tuple[str, ...]
) -> None:
    regulator = caller(Role.REGULATOR, areas=areas)

    assert all(in_scope(regulator, replace(TARGET, area=area)) for area in seen)
    assert not any(in_scope(regulator, replace(TARGET, area=area)) for area in unseen)


def test_a_department_sees_the_institutions_that_it_approved() -> None:
    culture = caller(Role.REGULATOR, departments=("culture",))

    assert in_scope(culture, TARGET)
    assert not in_scope(culture, replace(TARGET, department="sports"))


def test_an_institution_with_two_campuses_is_two_licences_each_with_its_own_authority() -> None:
    near, far = replace(TARGET, area="500106"), replace(TARGET, area="500107")
    district = caller(Role.REGULATOR, areas=("500106",))

    assert in_scope(district, near)
    assert not in_scope(district, far)
