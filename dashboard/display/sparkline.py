"""Sparklines: a list of numbers as the paths of a small inline SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

MARGIN = 2.0  # room for the stroke above the highest point and below the lowest


@dataclass(frozen=True, slots=True)
class Spark:
    """Paths for `d`, in a view box of `width` by `height`."""

    width: int
    height: int
    line: str
    fill: str


def spark(values: Sequence[float | None] | None, *, width: int = 72, height: int = 18) -> Spark | None:
    """The line of `values`, oldest first and evenly spaced, from zero upwards; None for less than two known values.

    A None among them is a hole: the line is broken there, never drawn as zero.
    """
    known = [value for value in values or () if value is not None]
    if values is None or len(known) < 2:
        return None
    step, top = width / (len(values) - 1), max(*known, 0) or 1
    runs = _runs([(index * step, _height(value, top, height)) for index, value in enumerate(values)])
    line = " ".join("M" + " ".join(f"{_short(x)} {_short(y)}" for x, y in run) for run in runs)
    fill = " ".join(_closed(run, height) for run in runs)
    return Spark(width, height, line, fill)


def _height(value: float | None, top: float, height: int) -> float | None:
    if value is None:
        return None
    return height - MARGIN / 2 - max(0.0, value) / top * (height - 1.5 * MARGIN)


def _runs(points: Sequence[tuple[float, float | None]]) -> list[list[tuple[float, float]]]:
    """The points between the holes; a single point becomes a dot."""
    runs: list[list[tuple[float, float]]] = [[]]
    for x, y in points:
        if y is None:
            runs.append([])
        else:
            runs[-1].append((x, y))
    return [run if len(run) > 1 else [*run, (run[0][0] + 0.5, run[0][1])] for run in runs if run]


def _closed(run: Sequence[tuple[float, float]], height: int) -> str:
    path = " ".join(f"{_short(x)} {_short(y)}" for x, y in run)
    return f"M{path} {_short(run[-1][0])} {height} {_short(run[0][0])} {height}z"


def _short(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
