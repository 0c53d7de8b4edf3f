"""Resolution packs (处置包): one signed archive of an institution, for the day it is needed."""

from service.resolution.routes import router

__all__ = ["router"]
