"""Balances (余额): what a regulator, an institution or a parent asks of the ledger, now or then."""

from service.balances.routes import router

__all__ = ["router"]
