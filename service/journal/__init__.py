"""The journal (日记账) as auditors read it, and its corrections by maker and checker."""

from service.journal.routes import router

__all__ = ["router"]
