"""Wind-downs (清算): the case of a frozen institution, from its freeze to its closure."""

from service.wind_downs.plan_routes import router as plan_router
from service.wind_downs.routes import router

__all__ = ["plan_router", "router"]
