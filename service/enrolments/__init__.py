"""Enrolments (报名): one charge each, opened under the caps, or taken on from before custody."""

from service.enrolments.routes import router

__all__ = ["router"]
