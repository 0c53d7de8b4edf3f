"""Supervision (监管措施): restraints that stop money, placed by one person and lifted by two."""

from service.supervision.routes import router

__all__ = ["router"]
