"""Court orders (司法冻结、扣划): what courts hold or take in a custody account."""

from service.court_orders.routes import router

__all__ = ["router"]
