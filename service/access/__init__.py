"""Access (登录与授权): how systems and people prove who they are, and who administers them."""

from service.access.client_routes import client_router
from service.access.login_routes import login_router
from service.access.oauth_routes import oauth_router
from service.access.routes import router
from service.access.session_routes import session_router

__all__ = ["client_router", "login_router", "oauth_router", "router", "session_router"]
