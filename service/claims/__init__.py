"""Claims (退费申请): filed by guardians, answered by institutions, decided and approved."""

from service.claims.routes import router

__all__ = ["router"]
