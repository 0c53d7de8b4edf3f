"""Use cases of the journal: corrections; everything else is read."""

from service.journal.reverse import REQUEST_REVERSAL

__all__ = ["REQUEST_REVERSAL"]
