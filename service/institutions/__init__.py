"""Institutions (机构): registered, licensed, supervised, and leaving only when nothing is owed."""

from service.institutions.routes import router

__all__ = ["router"]
