"""Statements (对账单): a bank's day on a custody account, compared, and the day's close."""

from service.statements.file_routes import router as file_router
from service.statements.routes import router

__all__ = ["file_router", "router"]
