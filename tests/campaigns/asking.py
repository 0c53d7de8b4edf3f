"""Asking: send a draft, take the time, and judge the answer as such, whatever was asked."""

import time
from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

import httpx

from service.web import problems
from tests.campaigns.fuzz_figures import Figures
from tests.campaigns.mutations import Draft

BARE: Final = frozenset({"HEAD", "OPTIONS"})
OAUTH: Final = "/oauth/"
"""Where errors are as OAuth has them, not as problems."""


@dataclass
class Asking:
    """A line to the service, and the figures of what comes over it."""

    http: httpx.AsyncClient
    figures: Figures
    codes: frozenset[str]
    """Every problem there is."""

    async def ask(self, operation: str, draft: Draft, role: str) -> httpx.Response | None:
        """Send a draft; None where no client could."""
        headers = [
            (name.encode(), value.encode("latin-1", "replace"))
            for name, value in draft.headers.items()
        ]
        try:
            request = self.http.build_request(
                draft.method, draft.url, headers=headers, content=draft.sent
            )
        except (httpx.InvalidURL, ValueError):
            return None
        self.figures.operations.add(operation)
        since = time.perf_counter()
        answer = await self.http.send(request)
        self.figures.took[round(1000 * (time.perf_counter() - since))] += 1
        self.figures.statuses[answer.status_code] += 1
        if (wrong := self._wrong(draft, answer)) is not None:
            told = f"{answer.status_code} {wrong}: {draft.method} {draft.url[:200]}"
            self.figures.faults.append(f"{operation} {role} {told} {draft.sent[:300]!r}")
        return answer

    def _wrong(self, draft: Draft, answer: httpx.Response) -> str | None:
        """Say what is wrong with an answer as such, whatever was asked."""
        status, media = answer.status_code, answer.headers.get("content-type", "")
        if status >= httpx.codes.INTERNAL_SERVER_ERROR:
            return "failed"
        if status < httpx.codes.BAD_REQUEST or draft.method in BARE:
            return None
        if draft.path.startswith(OAUTH) and media.startswith("application/json"):
            return None if "error" in answer.json() else "no OAuth error"
        if not media.startswith(problems.MEDIA_TYPE):
            return f"{media}, no problem"
        told = answer.json()
        if told["status"] != status or told["code"] not in self.codes or "title" not in told:
            return f"unknown problem {told}"
        return None


class FailuresHeard:
    """Stands where the service logs what failed, and counts the causes."""

    def __init__(self, causes: "Counter[str]") -> None:
        """Count into `causes`."""
        self.causes = causes

    def error(self, _event: str, *, path: str, exc_info: Exception) -> None:
        """Count a fault by where it came from."""
        trace = exc_info.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        at = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else ""
        self.causes[f"{path} {type(exc_info).__name__} {str(exc_info)[:160]!r} {at}"] += 1

    def warning(self, event: str, **said: Any) -> None:
        """Count what the database could not do."""
        self.causes[f"{event} {said}"] += 1
