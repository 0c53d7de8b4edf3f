"""Cash (现金): what a school took by hand counts at once, and must be paid in the same day."""

from service.cash.routes import router

__all__ = ["router"]
