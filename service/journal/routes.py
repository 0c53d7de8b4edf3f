"""Routes of the journal."""

from litestar import Router

from service.journal.reversal_routes import reverse_transaction

router = Router("/v1", route_handlers=[reverse_transaction], tags=["journal"])
