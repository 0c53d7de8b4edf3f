"""Operations: what became of a command whose answer its caller never got (结果查询)."""

from service.operations.routes import router

__all__ = ["router"]
