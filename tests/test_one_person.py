"""One person alone can freeze, and never pay: asked of every command there is.

From each use case's decision the functions it can reach are followed by name; whoever reaches the
making of a payment order stands below with the reason why no single person pays by it.
"""

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import service
from ledger.four_eyes import ALWAYS, LIMITED, ActKind
from service.store import approval_acts, approvals, order_steps
from service.store.approvals import Approvable
from service.store.use_case import UseCase

MAKES_ORDERS = order_steps.order_row
WAITS = approvals.requested
LIMITED_BY = approval_acts.crossing_of

BY_RULE = {
    "return": "what lapsed or came after a freeze, to its payer; run by the sweeps",
    "request_payout": "what parents confirmed, to the account that two people agreed",
    "generate_payouts": "the settlement sweep: the same for every account that may pay",
    "cover": "own money, from one custody account to another of the same institution",
    "instruct_refunds": "what was approved before, to its payer; run by the sweep",
    "draw_deposit_of_wind_down": "all of the deposit, into custody of the same institution",
    "resend_pool_moves": "what an approved plan moves between custody accounts, as it says",
    "carry_placement": "dividends of an approved plan, with the student's consent; by the sweep",
    "accept_porting": "what is the student's, with their consent, into another's custody",
}
"""Use cases that make orders for which nobody chooses amount and payee."""


def modules() -> Iterator[ModuleType]:
    for found in pkgutil.walk_packages(service.__path__, "service."):
        if (
            ".demo" not in found.name
            and ".commands" not in found.name
            and "_main" not in found.name
        ):
            yield importlib.import_module(found.name)


def use_cases() -> dict[str, UseCase[Any, Any]]:
    """Every use case of the service, by name; some names stand for two."""
    found: dict[str, UseCase[Any, Any]] = {}
    for module in modules():
        for value in vars(module).values():
            if isinstance(value, UseCase):
                name = value.name
                if name in found and found[name] is not value:
                    name = f"{name}/{module.__name__}"
                found[name] = value
    return found


def reached(function: Callable[..., Any]) -> set[Callable[..., Any]]:
    """Every function of ours that a function can come to call, over-approximated by its names."""
    seen: set[Callable[..., Any]] = set()
    waiting: list[Callable[..., Any]] = [function]
    while waiting:
        current = inspect.unwrap(waiting.pop())
        if current in seen or not inspect.isfunction(current):
            continue
        seen.add(current)
        for code in codes(current.__code__):
            known = current.__globals__
            modules_named = [
                known[n] for n in code.co_names if isinstance(known.get(n), ModuleType)
            ]
            for name in code.co_names:
                holders = [known.get(name), *(getattr(m, name, None) for m in modules_named)]
                waiting += [
                    held
                    for held in holders
                    if inspect.isfunction(held)
                    and held.__module__.startswith(("service", "ledger"))
                ]
    return seen


def is_ours(held: object) -> bool:
    return inspect.isfunction(held) and held.__module__.startswith(("service.", "ledger."))


def codes(code: Any) -> Iterator[Any]:
    yield code
    for constant in code.co_consts:
        if inspect.iscode(constant):
            yield from codes(constant)


USE_CASES = use_cases()
PAYING = sorted(name for name, found in USE_CASES.items() if MAKES_ORDERS in reached(found.decide))


def waits(name: str) -> bool:
    return WAITS in reached(USE_CASES[name].decide)


def test_every_command_that_makes_an_order_is_known_and_has_its_reason() -> None:
    unexplained = [name for name in PAYING if name not in BY_RULE and not waits(name)]

    assert unexplained == []
    assert set(BY_RULE) <= set(PAYING)


def test_what_one_person_may_send_back_alone_has_its_limit() -> None:
    alone = [name for name in PAYING if waits(name)]

    assert alone == ["send_back"]
    assert all(LIMITED_BY in reached(USE_CASES[name].decide) for name in alone)


def test_freezing_never_waits_for_anybody() -> None:
    place = reached(USE_CASES["place_restraint"].decide)

    assert WAITS not in place
    assert MAKES_ORDERS not in place


@pytest.mark.parametrize("command", approvals.registered(), ids=lambda command: command.name)
def test_every_command_that_waits_says_what_it_is_and_who_may_check_it(
    command: Approvable,
) -> None:
    assert command.kind in LIMITED | ALWAYS
    assert command.checkers <= {"regulator", "operator", "institution", "auditor"}
    assert command.title is not None


def test_the_guide_names_every_kind_there_is() -> None:
    guide = (Path(__file__).parent.parent / "docs" / "four-eyes.md").read_text(encoding="utf-8")

    unnamed = [kind for kind in LIMITED | ALWAYS if f"`{kind}`" not in guide]

    assert unnamed == [ActKind.OTHER]
