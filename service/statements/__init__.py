"""Statements (对账单): a bank's day on a custody account, compared, and the day's close."""

from service.statements.routes import router

__all__ = ["router"]
