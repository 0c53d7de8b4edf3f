"""Porting orders (转课划转): the money of a porting on its way to another institution."""

from collections.abc import Mapping
from typing import Final

from service.store.order_steps import OrderRules

RULES: Final[Mapping[str, OrderRules]] = {}
