"""Approvals (复核): what one person asked for and another one decides."""

from service.approvals.routes import router

__all__ = ["router"]
