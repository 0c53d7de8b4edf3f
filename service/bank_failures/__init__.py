"""Bank failures (托管银行倒闭): an account's bank failed; what is paid of it, and what is lost."""

from service.bank_failures.routes import router

__all__ = ["router"]
