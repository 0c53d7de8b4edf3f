"""Refunds (退费): what is owed to each payer, paid by orders, returned, issued again or lodged."""

from service.refunds.routes import router

__all__ = ["router"]
