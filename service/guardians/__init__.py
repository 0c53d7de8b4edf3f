"""Guardians (监护人): parents log in by phone, and are linked to the contracts that name them."""

from service.guardians.inbox import inbox_router
from service.guardians.login_routes import login_router
from service.guardians.routes import router

__all__ = ["inbox_router", "login_router", "router"]
