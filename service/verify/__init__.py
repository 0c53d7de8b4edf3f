"""Verify (核验): recompute everything from the sealed transactions and compare, changing nothing.

It reads one snapshot as the auditor, replays each journal through the pure Book, and names every
broken promise by the invariant (I-…) or check (V-…, R-…, P-…) it belongs to.
"""

from service.verify.checks import ALSO, CHECKS, ELSEWHERE, MONEY, Mode
from service.verify.heads import Heads, NotHeads
from service.verify.report import CheckResult, Finding, Progress, Report, Status
from service.verify.run import verify, verify_snapshot
from service.verify.vault_checks import PersonalData

__all__ = [
    "ALSO",
    "CHECKS",
    "ELSEWHERE",
    "MONEY",
    "CheckResult",
    "Finding",
    "Heads",
    "Mode",
    "NotHeads",
    "PersonalData",
    "Progress",
    "Report",
    "Status",
    "verify",
    "verify_snapshot",
]
