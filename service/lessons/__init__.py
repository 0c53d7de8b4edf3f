"""Lessons (课时): scheduled, recorded, told to the guardian, confirmed, disputed, taken back."""

from service.lessons.routes import router

__all__ = ["router"]
