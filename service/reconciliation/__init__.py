"""Reconciliation (对账): accounts against their banks, breaks and who explains them, demands."""

from service.reconciliation.break_routes import router as break_router
from service.reconciliation.routes import demand_router, router

__all__ = ["break_router", "demand_router", "router"]
