"""Rule packs (规则包): what is in force, and changes that two people make."""

from service.parameters.routes import router

__all__ = ["router"]
