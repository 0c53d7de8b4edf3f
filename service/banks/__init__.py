"""Custodian banks (托管银行) and the custody accounts (托管专户) they keep."""

from service.banks.routes import router

__all__ = ["router"]
