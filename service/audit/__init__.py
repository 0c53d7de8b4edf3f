"""The audit trail (审计日志) as auditors read it, and its days as text for outside keeping."""

from service.audit.routes import router

__all__ = ["router"]
