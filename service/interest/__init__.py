"""Interest (利息): what banks credit goes to the students whose money bore it, by day-products."""

from service.interest.routes import router

__all__ = ["router"]
