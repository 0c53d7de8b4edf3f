"""Throughput against batch size and against concurrent callers, and the page that shows both."""

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log10
from pathlib import Path
from statistics import median
from typing import Any, Final

from tests.benchmarks.ground import Bench
from tests.benchmarks.line import Ask, say_all
from tests.benchmarks.references import CopyLimit, position
from tests.benchmarks.town import town

BATCHES: Final = (1, 10, 100, 1_000, 8_000)
CALLERS: Final = (1, 2, 4, 8, 16, 32, 64)
SCHOOLS: Final = 8
WIDTH, HEIGHT, MARGIN = 640, 320, 72

Points = Sequence[tuple[int, Sequence[float]]]


@dataclass(frozen=True, slots=True)
class Curve:
    """One line of a chart: for each x the values of every round."""

    name: str
    points: Points

    def told(self) -> dict[str, Any]:
        """Write it as JSON: [x, minimum, median, maximum]."""
        return {
            "name": self.name,
            "points": [[x, min(ys), median(ys), max(ys)] for x, ys in self.points],
        }


async def measured(bench: Bench) -> dict[str, list[Curve]]:
    """Measure both charts, rounds interleaved."""
    here = await town(bench, schools=SCHOOLS, contracts=max(800, min(50_000, bench.size // 20)))
    limit = CopyLimit(bench)
    await limit.prepare()
    await say_all(bench.address, here.singles(64), 32)
    sizes: dict[int, list[float]] = {size: [] for size in BATCHES}
    copies: dict[int, list[float]] = {size: [] for size in BATCHES}
    callers: dict[int, list[float]] = {count: [] for count in CALLERS}
    empties: dict[int, list[float]] = {count: [] for count in CALLERS}
    for _ in range(bench.rounds):
        for size in BATCHES:
            count = max(2, min(300, bench.size // 4 // size))
            after = await position(bench, here.journal)
            seconds, _ = await say_all(bench.address, here.batches(count, size), 1)
            sizes[size].append(count * size / seconds)
            until = await position(bench, here.journal)
            copies[size].append(count * size / await limit.seconds(here.journal, after, until))
        for count in CALLERS:
            asks = here.singles(max(200, 20 * count))
            seconds, _ = await say_all(bench.address, asks, count)
            callers[count].append(len(asks) / seconds)
            nothing = [Ask("POST", "/", body=ask.body) for ask in asks]
            seconds, _ = await say_all(bench.empty, nothing, count)
            empties[count].append(len(asks) / seconds)
    return {
        "batch size": [
            Curve("receipts a second, one caller", list(sizes.items())),
            Curve("COPY of the same entries", list(copies.items())),
        ],
        "concurrent callers": [
            Curve("single receipts a second", list(callers.items())),
            Curve("empty POSTs a second", list(empties.items())),
        ],
    }


def write_page(file: Path, curves: Mapping[str, Sequence[Curve]], told: Mapping[str, Any]) -> None:
    """Write the page: a chart for each axis, its figures as a table, machine and date."""
    machine = told["machine"]
    made = (
        f"{told['measured_at']}; {machine['processor']}, {machine['cores']} cores, Python"
        f" {machine['python']}, PostgreSQL {told['settings']['server_version']}, fsync and"
        f" synchronous_commit on, {told['rounds']} rounds; verify {told['verified']}"
    )
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8>",
        "<meta name=viewport content='width=device-width'><title>Throughput</title>",
        (
            "<style>body{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:2rem auto;"
            "padding:0 1rem}table{border-collapse:collapse}td,th{padding:.2rem .8rem;"
            "text-align:right;border-bottom:1px solid #ccc}svg{width:100%;height:auto}</style>"
        ),
        f"<h1>Throughput of receipts</h1><p>{html.escape(made)}</p>",
        (
            "<p>Absolute rates are this machine's; what is claimed is the distance"
            " to the reference measured beside it. Bars span the rounds.</p>"
        ),
    ]
    for axis, lines in curves.items():
        parts += [f"<h2>Against {axis}</h2>", chart(axis, lines), _table(axis, lines)]
    file.write_text("\n".join([*parts, ""]), encoding="utf-8")


def chart(axis: str, lines: Sequence[Curve]) -> str:
    """Draw curves over logarithmic axes as SVG."""
    xs = [x for line in lines for x, _ in line.points]
    ys = [y for line in lines for _, rounds in line.points for y in rounds]
    low, high = 10 ** int(log10(min(ys))), 10 ** (int(log10(max(ys))) + 1)
    drawn = [f"<svg viewBox='0 0 {WIDTH} {HEIGHT}' role=img aria-label='Against {axis}'>"]

    def at(x: float, y: float) -> tuple[float, float]:
        across = log10(x / min(xs)) / (log10(max(xs) / min(xs)) or 1)
        up = log10(y / low) / log10(high / low)
        return MARGIN + across * (WIDTH - 2 * MARGIN), HEIGHT - 36 - up * (HEIGHT - 72)

    mark = low
    while mark <= high:
        _, y = at(min(xs), mark)
        drawn.append(
            f"<path d='M{MARGIN} {y:.1f}H{WIDTH - MARGIN}' stroke=#ddd />"
            f"<text x={MARGIN - 6} y={y + 4:.1f} font-size=11 text-anchor=end>{mark:,}</text>"
        )
        mark *= 10
    for x in dict.fromkeys(xs):
        across, y = at(x, low)
        drawn.append(
            f"<text x={across:.1f} y={y + 16:.1f} font-size=11 text-anchor=middle>{x:,}</text>"
        )
    for number, line in enumerate(lines):
        drawn += _drawn(line, at, ("#0b5cad", "#b4530a")[number], 16 + 15 * number)
    drawn.append(
        f"<text x={WIDTH / 2} y={HEIGHT - 4} font-size=12 text-anchor=middle>{axis}</text></svg>"
    )
    return "".join(drawn)


def _drawn(line: Curve, at: Any, colour: str, legend: int) -> list[str]:
    middle = [at(x, median(ys)) for x, ys in line.points]
    drawn = [
        f"<polyline fill=none stroke={colour} stroke-width=2 points='"
        + " ".join(f"{x:.1f},{y:.1f}" for x, y in middle)
        + "' />",
        (
            f"<text x={WIDTH - MARGIN} y={legend} font-size=12 text-anchor=end fill={colour}>"
            f"{html.escape(line.name)}</text>"
        ),
    ]
    for x, ys in line.points:
        (across, top), (_, bottom) = at(x, max(ys)), at(x, min(ys))
        drawn.append(
            f"<path d='M{across:.1f} {top:.1f}V{bottom:.1f}' stroke={colour} stroke-width=4"
            " stroke-opacity=.35 />"
        )
    return drawn


def _table(axis: str, lines: Sequence[Curve]) -> str:
    head = "".join(f"<th>{html.escape(line.name)}" for line in lines)
    rows = [f"<tr><th>{html.escape(axis)}{head}<th>ratio"]
    for (x, ours), (_, theirs) in zip(lines[0].points, lines[1].points, strict=True):
        mine, reference = median(ours), median(theirs)
        rows.append(f"<tr><td>{x:,}<td>{mine:,.0f}<td>{reference:,.0f}<td>{mine / reference:.3f}")
    return f"<table>{''.join(rows)}</table>"
