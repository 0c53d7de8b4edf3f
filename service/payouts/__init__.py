"""Payouts (划拨): what an institution earned leaves its custody account, by orders banks fetch."""

from service.payouts.routes import router

__all__ = ["router"]
