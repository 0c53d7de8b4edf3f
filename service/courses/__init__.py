"""Courses (备案课程): filed by institutions, reviewed by regulators; a filed one takes money."""

from service.courses.routes import router

__all__ = ["router"]
