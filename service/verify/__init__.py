"""Verify (核验): recompute everything from the sealed transactions and compare, changing nothing.

It reads one snapshot as the auditor, replays each journal through the pure Book, and names every
broken promise by the invariant (I-…) or check (V-…) it belongs to.
"""

from service.verify.report import CHECKS, CheckResult, Finding, Report, Status
from service.verify.run import Progress, verify, verify_snapshot
from service.verify.vault_checks import PersonalData

__all__ = [
    "CHECKS",
    "CheckResult",
    "Finding",
    "PersonalData",
    "Progress",
    "Report",
    "Status",
    "verify",
    "verify_snapshot",
]
