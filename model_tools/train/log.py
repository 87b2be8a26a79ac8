"""How a training goes: a log of its losses, and an image of their curves."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from model_tools.reporting.files import write_text
from model_tools.reporting.palette import colour_of

MEAN_OF_STEPS = 50


class Log:
    """Rows of (step, name, value): losses as means over MEAN_OF_STEPS steps, and the figures of validations."""

    def __init__(self, path: Path, step: int) -> None:
        """step: where the training goes on; later rows of an earlier run are forgotten."""
        self._path = path
        self._rows = [row for row in read_rows(path) if row[0] <= step] if path.exists() else []
        self._sums: dict[str, float] = {}
        self._count = 0

    def add(self, step: int, values: dict[str, float]) -> None:
        """Add the losses of one step."""
        for name, value in values.items():
            self._sums[name] = self._sums.get(name, 0.0) + value
        self._count += 1
        if self._count == MEAN_OF_STEPS:
            self._rows += [(step, name, total / self._count) for name, total in self._sums.items()]
            self._sums, self._count = {}, 0

    def add_validation(self, step: int, values: dict[str, float]) -> None:
        """Add the figures of a validation, and write everything."""
        self._rows += [(step, f"validation {name}", value) for name, value in values.items()]
        self.close()

    def close(self) -> None:
        """Write the rows and their curves."""
        table = io.StringIO(newline="")
        csv.writer(table, lineterminator="\n").writerows([("step", "name", "value"), *self._rows])
        write_text(self._path, table.getvalue())
        write_text(self._path.with_suffix(".svg"), curves(self._rows))


def read_rows(path: Path) -> list[tuple[int, str, float]]:
    """The rows (step, name, value) of a log."""
    with path.open(newline="", encoding="utf-8") as file:
        return [(int(step), name, float(value)) for step, name, value in list(csv.reader(file))[1:]]


def curves(rows: list[tuple[int, str, float]]) -> str:
    """An SVG image: a curve for each name, each on a scale of its own that ends at its largest value."""
    series: dict[str, list[tuple[int, float]]] = {}
    for step, name, value in rows:
        series.setdefault(name, []).append((step, value))
    last = max((step for step, _, _ in rows), default=1)
    drawn = [_curve(number, name, points, last) for number, (name, points) in enumerate(series.items())]
    frame = '<rect x="40" y="20" width="700" height="300" fill="none" stroke="#999"/>'
    axis = f'<text x="740" y="338" text-anchor="end">{last} steps</text>'
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1000 350" font-family="sans-serif" font-size="12">'
        f'<rect width="1000" height="350" fill="white"/>{frame}{axis}{"".join(drawn)}</svg>\n'
    )


def _curve(number: int, name: str, points: list[tuple[int, float]], last: int) -> str:
    colour = colour_of(number)
    highest = max(value for _, value in points) or 1.0
    path = " ".join(f"{40 + 700 * step / last:.1f},{320 - 300 * value / highest:.1f}" for step, value in points)
    label = f"{name}: {points[-1][1]:.4g}, at most {highest:.4g}"
    return (
        f'<polyline fill="none" stroke="{colour}" points="{path}"/>'
        f'<text x="750" y="{35 + 18 * number}" fill="{colour}">{label}</text>'
    )
