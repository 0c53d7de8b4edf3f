"""Receipts (入账): what the banks saw on custody accounts, and what becomes of it."""

from service.receipts.routes import router

__all__ = ["router"]
