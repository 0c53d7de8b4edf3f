"""Risk deposits (风险保证金): what stands of them, what must, drawn, released, called."""

from service.deposits.routes import router

__all__ = ["router"]
