"""Every mutant tried in a process of its own, by the tests that reach the function it changes.

First all tests run once as they are, and it is written down which functions each of them calls.
A mutant's process imports the ledger and the tests anew with the one module changed, so that
nothing made at import is of the right code. Its tests run with few and always the same examples,
those of its own subject first, until one fails; each of them may use so much time of the processor.
"""

import functools
import gc
import importlib
import io
import itertools
import os
import pickle
import resource
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from enum import StrEnum
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, Final, TypeVar, cast

import hypothesis.stateful  # noqa: F401 - what every mutant's process would import
import pytest
from hypothesis import HealthCheck, Phase, settings

from tests.campaigns.mutant_sites import ROOT, Mutant, compiled, module_of

TESTS: Final = "tests/ledger"
_EXAMPLES: Final = 25
_EXAMPLES_BEFORE: Final = 10
_TESTS_MAX: Final = 150
"""Tests a mutant is tried by at most: what none of the nearest notices counts as unnoticed."""
_SECONDS: Final = 4.0
_TIMES: Final = 20
"""How long a test may take: so many seconds, and so many times what it took before."""
_BYTES: Final = 2 << 30
F = TypeVar("F", bound=Callable[..., Any])
_PASSED, _FAILED, _OTHERWISE = 0, 1, 2
_NOTICED: Final = {
    pytest.ExitCode.TESTS_FAILED,
    pytest.ExitCode.INTERRUPTED,  # by an error at import
    pytest.ExitCode.INTERNAL_ERROR,
}
_OPTIONS: Final = (
    *("-q", "-x", "-c", os.devnull, "--rootdir", str(ROOT), "--noconftest", "--tb=no"),
    *("--assert=plain", "--import-mode=importlib", "-p", "no:cacheprovider"),
    *("-p", "_hypothesis_pytestplugin"),
)


class Verdict(StrEnum):
    """What became of a mutant."""

    KILLED = "killed"
    TIMED_OUT = "timed out"
    SURVIVED = "survived"


_VERDICTS: Final = {
    _PASSED: Verdict.SURVIVED,
    _FAILED: Verdict.KILLED,
    -signal.SIGVTALRM: Verdict.TIMED_OUT,
}


@dataclass
class Reach:
    """Which functions ("path function") each test calls, and its seconds; by the test's name."""

    calls: dict[str, set[str]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    def tests_of(self, mutant: Mutant) -> list[str]:
        """Name the tests for a mutant, those of its own subject first, then the quickest."""
        own, start = f"/test_{Path(mutant.path).stem}.py", f"{mutant.path} "
        found = [test for test, calls in self.calls.items() if start + mutant.function in calls]
        if not found:  # a constant, or what is called at import only
            found = [
                test
                for test, calls in self.calls.items()
                if own in test or any(call.startswith(start) for call in calls)
            ]
        return sorted(found, key=lambda test: (own not in test, self.seconds[test]))[:_TESTS_MAX]


@dataclass(frozen=True, slots=True)
class Tried:
    """A mutant, and what became of it."""

    mutant: Mutant
    verdict: Verdict


def reach(tests: str) -> Reach:
    """Run the tests of a folder or file as they are; raises RuntimeError where one fails."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        noted = _Noted()
        _import_unforgetting()
        ended = _run([tests], noted, examples=_EXAMPLES_BEFORE)
        with os.fdopen(writing, "wb") as pipe:
            pickle.dump((ended, noted.reach), pipe)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        told = pipe.read()
    os.waitpid(child, 0)
    (code, output), found = pickle.loads(told)  # noqa: S301 - our own child's
    if code != pytest.ExitCode.OK:
        raise RuntimeError(f"the tests fail without any mutant:\n{output}")
    return found  # type: ignore[no-any-return]


def tried(mutants: Iterable[Mutant], found: Reach, *, jobs: int) -> Iterator[Tried]:
    """Try mutants, so many at once; yield each as it ends."""
    gc.freeze()
    running: dict[int, Mutant] = {}
    waiting = iter(mutants)
    while True:
        for mutant in itertools.islice(waiting, jobs - len(running)):
            tests = found.tests_of(mutant)
            child = os.fork()
            if child == 0:
                os._exit(_judged(mutant, tests, found))
            running[child] = mutant
        if not running:
            return
        child, status = os.wait()
        ended = running.pop(child)
        yield Tried(ended, _verdict(status, ended))


def _verdict(status: int, mutant: Mutant) -> Verdict:
    code = os.waitstatus_to_exitcode(status)
    if code not in _VERDICTS:
        raise RuntimeError(f"the tests ended with {code} for {mutant}")
    return _VERDICTS[code]


def _judged(mutant: Mutant, tests: Sequence[str], found: Reach) -> int:
    """Run a mutant's tests, those of one file before the others, and say how they ended."""
    resource.setrlimit(resource.RLIMIT_AS, (_BYTES, _BYTES))
    sys.meta_path.insert(0, _Changed(mutant, compiled(mutant)))
    files = [test.split("::")[0] for test in tests]
    others = dict.fromkeys(file for file in files if file != files[0])
    for batch in (files[:1], list(others)):
        if not batch:
            continue
        ordered = [test for test in tests if test.split("::")[0] in batch]
        code, _ = _run(batch, _Chosen(ordered, found.seconds))
        if code != pytest.ExitCode.OK:
            return _FAILED if code in _NOTICED else _OTHERWISE
    return _PASSED


def _run(paths: Sequence[str], plugin: object, *, examples: int = _EXAMPLES) -> tuple[int, str]:
    """Run tests in this process; return how they ended and what they printed."""
    settings.register_profile(
        "mutants",
        database=None,
        deadline=None,
        derandomize=True,
        max_examples=examples,
        phases=(Phase.explicit, Phase.generate),
        suppress_health_check=list(HealthCheck),
    )
    settings.load_profile("mutants")
    os.environ.pop("PYTEST_ADDOPTS", None)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    os.environ["ESCROW_ARITHMETIC_CASES"] = str(examples)
    os.chdir(ROOT)
    output = io.StringIO()
    with redirect_stdout(output), redirect_stderr(output):
        code = pytest.main([*_OPTIONS, *paths], plugins=[plugin])
    return int(code), output.getvalue()


class _Changed(SourceFileLoader):
    """Finds one module, and runs the mutant's code for it."""

    def __init__(self, mutant: Mutant, code: CodeType) -> None:
        super().__init__(module_of(mutant.path), str(ROOT / mutant.path))
        self._code = code

    def find_spec(self, name: str, *_: object) -> ModuleSpec | None:
        return spec_from_file_location(name, self.path, loader=self) if name == self.name else None

    def get_code(self, _fullname: str) -> CodeType:
        return self._code


class _Chosen:
    """Runs the chosen tests in their order, each within its time."""

    def __init__(self, tests: Sequence[str], seconds: dict[str, float]) -> None:
        self._order = {test: place for place, test in enumerate(tests)}
        self._seconds = seconds

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        chosen = [item for item in items if item.nodeid in self._order]
        items[:] = sorted(chosen, key=lambda item: self._order[item.nodeid])

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        allowed = _SECONDS + _TIMES * self._seconds[item.nodeid]
        signal.setitimer(signal.ITIMER_VIRTUAL, allowed)


class _Noted:
    """Writes down what each test calls."""

    def __init__(self) -> None:
        self.reach = Reach()
        self._codes: set[CodeType] = set()
        self._since = 0.0

    def pytest_runtest_setup(self) -> None:
        self._codes = set()
        self._since = time.process_time()
        sys.setprofile(self._called)

    def pytest_runtest_teardown(self, item: pytest.Item) -> None:
        sys.setprofile(None)
        self.reach.seconds[item.nodeid] = time.process_time() - self._since
        start = f"{ROOT}/ledger/"
        ours = {code for code in self._codes if code.co_filename.startswith(start)}
        self.reach.calls[item.nodeid] = {_known_as(code) for code in ours}

    def _called(self, frame: FrameType, event: str, _argument: Any) -> None:
        if event == "call":
            self._codes.add(frame.f_code)


def _import_unforgetting() -> None:
    """Import the ledger so that a remembered answer calls its function all the same."""
    remembering = functools.lru_cache

    def unforgetting(maxsize: int) -> Callable[[F], F]:
        def decorate(function: F) -> F:
            remembered = remembering(maxsize)(function)

            def both(*args: Any, **kwargs: Any) -> Any:
                function(*args, **kwargs)
                return remembered(*args, **kwargs)

            return cast("F", both)

        return decorate

    functools.lru_cache = unforgetting  # type: ignore[assignment]
    for path in sorted((ROOT / "ledger").rglob("*.py")):
        importlib.import_module(module_of(path.relative_to(ROOT).as_posix()))
    functools.lru_cache = remembering


def _known_as(code: CodeType) -> str:
    function = code.co_qualname.split(".<locals>")[0]
    return f"{Path(code.co_filename).relative_to(ROOT).as_posix()} {function}"
