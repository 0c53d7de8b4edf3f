"""Personal data: masked for everybody, in plain for a purpose, and in its own people's hands."""

from service.personal.routes import router

__all__ = ["router"]
