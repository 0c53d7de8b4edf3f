"""Portings (转课): lessons that go on at another institution, live or out of a wind-down."""

from service.portings.routes import router

__all__ = ["router"]
