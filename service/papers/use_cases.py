"""Use cases of papers: find the object with the reader's eyes, then tell all that stands on it."""

from service.papers.certificate import certificate, dividends
from service.papers.decision import decision
from service.papers.receipt import receipt
from service.papers.statement import statement

__all__ = ["certificate", "decision", "dividends", "receipt", "statement"]
