"""Backings (资金归属): an enrolment's money moves whole from one bank of its school to another."""

from service.backings.routes import router

__all__ = ["router"]
