"""A rule pack for tests: the national values, with room for more or fewer."""

from datetime import date, time
from typing import Any

from ledger import parameters
from ledger.money import Money
from ledger.parameters import GuidePrice, GuidePrices
from ledger.policy import Parameter, PolicyValue, RulePack

SINCE = date(2021, 10, 21)
GUIDE = GuidePrices(
    lines=(
        GuidePrice(online=False, class_size_max=9, minutes=45, base=Money.of("45.00")),
        GuidePrice(online=False, class_size_max=34, minutes=45, base=Money.of("30.00")),
        GuidePrice(online=True, class_size_max=None, minutes=30, base=Money.of("20.00")),
    ),
    float_percent_max=10,
)
DEFAULTS: dict[Parameter[Any], object] = {
    parameters.AMOUNT_CAP: Money.of("5000.00"),
    parameters.LESSONS_MAX: 60,
    parameters.SPAN_MONTHS_MAX: 3,
    parameters.EARLIEST_CHARGE_MONTHS: 1,
    parameters.EARLIEST_CHARGE_LESSONS_LEFT: 20,
    parameters.OFFLINE_END_BY: time(20, 30),
    parameters.ONLINE_END_BY: time(21, 0),
    parameters.SUBJECT_ON_REST_DAYS: False,
    parameters.SUBJECT_IN_BREAKS: False,
    parameters.TERM_BREAK: False,
    parameters.GUIDE_PRICES: GUIDE,
}


def pack_of(*extra: PolicyValue, without: Parameter[Any] | None = None) -> RulePack:
    """Build the default pack with more values, or without one parameter."""
    values = (
        PolicyValue(parameter, value, SINCE, "notice")
        for parameter, value in DEFAULTS.items()
        if parameter is not without
    )
    return RulePack("test", 1, (*values, *extra))


PACK = pack_of()
"""A pack with every parameter the checks read, in force since SINCE."""
