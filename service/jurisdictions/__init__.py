"""Jurisdictions (辖区): who supervises where, with which banks, under which rules."""

from service.jurisdictions.routes import router

__all__ = ["router"]
