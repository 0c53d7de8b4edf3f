"""Bank errors (银行差错): two people find that an unexplained line is the bank's mistake."""

from service.bank_errors.routes import router

__all__ = ["router"]
