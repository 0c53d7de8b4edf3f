"""Papers (凭据): receipts, statements, decisions and certificates that people can hold."""

from service.papers.routes import router

__all__ = ["router"]
